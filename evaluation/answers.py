"""What the model answered: chains and pictures, asked of a running ComfyUI and kept in a folder, so that none is lost.

The folder holds answers.jsonl, one answer a line after a first line that says what was evaluated, and pictures/.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..tools.client import Client, Run
from ..world import scenes
from ..world.detector import View, detect
from .graphs import joined

TOGETHER = 8  # graphs that are run as one


class AnswersError(RuntimeError):
    """Answers that cannot be gone on with. The message says why, and what to do."""


@dataclass(frozen=True)
class Answer:
    """chain and picture as the nodes gave them, picture as a file name; both empty where error says why."""

    chain: str
    picture: str
    error: str = ""


class Answers:
    """The answers in a folder, by key. What is added is on the disk at once."""

    def __init__(self, folder: Path, evaluated: dict, resume: bool):
        """evaluated: what must be the same for answers to be used again. AnswersError if those in the folder differ."""
        self.folder, self.path = folder, folder / "answers.jsonl"
        self.found: dict[str, Answer] = {}
        self.views: dict[str, View] = {}  # of pictures that were looked at
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        if not (resume and self.path.exists() and self._read(evaluated)):
            self.path.write_text(json.dumps(evaluated) + "\n", encoding="utf-8")

    def _read(self, evaluated: dict) -> bool:
        """Whether there was anything."""
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # the last line may have been broken off
        if not whole:
            return False
        self.path.write_text(whole, encoding="utf-8")
        first, *lines = whole.splitlines()
        if json.loads(first) != evaluated:
            raise AnswersError(
                f"The answers in {self.folder} are of another model, seed or number of steps. "
                "Leave --resume out to start anew, or give another folder with --work."
            )
        for line in lines:
            entry = json.loads(line)
            key = entry.pop("key")
            self.found[key] = Answer(**entry)
        return True

    def add(self, key: str, answer: Answer) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **asdict(answer)}, ensure_ascii=False) + "\n")
        self.found[key] = answer

    def __contains__(self, key: str) -> bool:
        return key in self.found

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(bool(answer.picture) for answer in self.found.values())

    def chain(self, key: str) -> str:
        return self.found[key].chain

    def place(self, key: str) -> Path:
        """Where a picture lies or is to be put."""
        return self.folder / "pictures" / f"{key.replace('/', '-').replace(' ', '-')}.png"

    def picture(self, key: str) -> np.ndarray:
        """(128, 128, 3) uint8; a larger picture is scaled down; black where there is none."""
        if not self.found[key].picture:
            return np.zeros((scenes.SIZE, scenes.SIZE, 3), dtype=np.uint8)
        picture = Image.open(self.folder / "pictures" / self.found[key].picture).convert("RGB")
        if picture.size != (scenes.SIZE, scenes.SIZE):
            picture = picture.resize((scenes.SIZE, scenes.SIZE), Image.Resampling.BOX)
        return np.asarray(picture)

    def view(self, key: str) -> View:
        """What a detector sees in a picture."""
        if key not in self.views:
            self.views[key] = detect(self.picture(key))
        return self.views[key]


def ask(client: Client, answers: Answers, graphs: dict[str, dict], told: Callable[[], None]) -> None:
    """Run the graphs whose keys have no answer yet, several at a time. told: called after each picture."""
    missing = [key for key in graphs if key not in answers]
    for start in range(0, len(missing), TOGETHER):
        some = {key: graphs[key] for key in missing[start : start + TOGETHER]}
        if _failure(client, answers, some, told):
            for key, graph in some.items():  # one of them fails; the others have their answers
                if message := _failure(client, answers, {key: graph}, told):
                    answers.add(key, Answer("", "", message))


def _failure(client: Client, answers: Answers, graphs: dict[str, dict], told: Callable[[], None]) -> str:
    """Run graphs as one and keep what they give. Why it failed, and nothing is kept then; empty if it did not."""
    whole = joined(graphs)
    prompt = client.submit(whole)
    for event in client.follow(prompt):
        if event.kind == "executed" and whole[event.data["node"]]["class_type"] == "SaveImage":
            told()
    run = client.wait(prompt)
    if run.status == "success":
        for key in graphs:
            answers.add(key, _answer(client, answers, run, whole, key))
    return run.message


def _answer(client: Client, answers: Answers, run: Run, whole: dict, key: str) -> Answer:
    nodes = {node["class_type"]: name for name, node in whole.items() if name.startswith(f"{key}/")}
    path = answers.place(key)
    client.image(run.images(nodes["SaveImage"])[0]).save(path)
    return Answer(run.text(nodes["PreviewAny"]), path.name)
