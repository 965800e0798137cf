"""The model's answers: chains and images from a running ComfyUI, saved in a folder at once, so that none is lost.

The folder has pictures/ and answers.jsonl. Its first line says what was evaluated; each other line is an answer.
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

TOGETHER = 8  # graphs that run as one


class AnswersError(RuntimeError):
    """Saved answers that cannot be used. The message says why, and what to do."""


@dataclass(frozen=True)
class Answer:
    """chain: text. picture: the image's file name. error: why there is neither, else empty."""

    chain: str
    picture: str
    error: str = ""


class Answers:
    """The answers in a folder, by key. A new one is written to the disk at once."""

    def __init__(self, folder: Path, evaluated: dict, resume: bool):
        """evaluated: what must be the same for answers to be used again. AnswersError if those in the folder differ."""
        self.folder, self.path = folder, folder / "answers.jsonl"
        self.found: dict[str, Answer] = {}
        self.views: dict[str, View] = {}  # what the detector has seen so far
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        if not (resume and self.path.exists() and self._read(evaluated)):
            self.path.write_text(json.dumps(evaluated) + "\n", encoding="utf-8")

    def _read(self, evaluated: dict) -> bool:
        """Read what is saved. Returns whether there was anything."""
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # the last line may be incomplete
        if not whole:
            return False
        self.path.write_text(whole, encoding="utf-8")
        first, *lines = whole.splitlines()
        if json.loads(first) != evaluated:
            raise AnswersError(
                f"The answers in {self.folder} are from another model, seed or number of steps. "
                "Remove --resume to start again, or choose another folder with --work."
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
        """How many images there are."""
        return sum(bool(answer.picture) for answer in self.found.values())

    def chain(self, key: str) -> str:
        return self.found[key].chain

    def place(self, key: str) -> Path:
        """The file of an image."""
        return self.folder / "pictures" / f"{key.replace('/', '-').replace(' ', '-')}.png"

    def picture(self, key: str) -> np.ndarray:
        """An image as (128, 128, 3) uint8, scaled down if it is larger; black if there is none."""
        if not self.found[key].picture:
            return np.zeros((scenes.SIZE, scenes.SIZE, 3), dtype=np.uint8)
        image = Image.open(self.folder / "pictures" / self.found[key].picture).convert("RGB")
        return np.asarray(image.resize((scenes.SIZE, scenes.SIZE), Image.Resampling.BOX))

    def view(self, key: str) -> View:
        """What a detector sees in an image."""
        if key not in self.views:
            self.views[key] = detect(self.picture(key))
        return self.views[key]


def ask(client: Client, answers: Answers, graphs: dict[str, dict], drawn: Callable[[], object]) -> None:
    """Run the graphs whose keys have no answer yet, several at a time. drawn: called after each image."""
    missing = [key for key in graphs if key not in answers]
    for start in range(0, len(missing), TOGETHER):
        some = {key: graphs[key] for key in missing[start : start + TOGETHER]}
        if _failure(client, answers, some, drawn):
            for key, graph in some.items():  # one of them fails; run alone, the others give their answers
                if message := _failure(client, answers, {key: graph}, drawn):
                    answers.add(key, Answer("", "", message))


def _failure(client: Client, answers: Answers, graphs: dict[str, dict], drawn: Callable[[], object]) -> str:
    """Run graphs as one and save their answers. Returns the error, with nothing saved, or an empty string."""
    whole = joined(graphs)
    prompt = client.submit(whole)
    for event in client.follow(prompt):
        if event.kind == "executed" and whole[event.data["node"]]["class_type"] == "SaveImage":
            drawn()
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
