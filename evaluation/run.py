"""The order of the evaluation, and the images that each case needs.

It runs in rounds. Each round has a prompt of each kind and an edit of each kind, so a stopped evaluation has some
results of every kind. Some images are drawn only in every n-th round: see EVERY_CHANGE and the others.
"""

from dataclasses import dataclass
from random import Random

from PIL import Image
from tqdm import tqdm

from ..tools.client import Client
from ..world import scenes
from . import graphs
from .answers import Answers, ask
from .cases import KINDS, Change, EditCase, PromptCase, edit_case, moved, prompt_case, reworded
from .free import CONSTRUCTIONS, FreeCase, FreeEditCase, LookCase, free_case, free_edit_case, look_case
from .graphs import Model
from .looking import Looker

STRENGTHS = (0, 1, 2, 3, 4, 5, 6)  # of the boxes, for the curve
PLAN, PROMPT_ONLY, EDITED, SECOND = "plan", "prompt-only", "edited", "second-turn"
CHANGES = ("moved", "reworded")
DESCRIBED = "described"
EVERY_CHANGE, EVERY_ABLATION, EVERY_CURVE, EVERY_SECOND = 2, 4, 10, 12  # once in so many rounds


@dataclass(frozen=True)
class Questions:
    """prompts, edits, free_prompts, free_edits, looks: how many cases. strengths: spatial strengths of the curve."""

    prompts: int
    edits: int
    seed: int
    strengths: tuple[float, ...] = STRENGTHS
    free_prompts: int = 0
    free_edits: int = 0
    looks: int = 0

    @property
    def prompt_cases(self) -> list[PromptCase]:
        return [prompt_case(number, self.seed) for number in range(self.prompts)]

    @property
    def edit_cases(self) -> list[EditCase]:
        return [edit_case(number, self.seed) for number in range(self.edits)]

    @property
    def free_cases(self) -> list[FreeCase]:
        return [free_case(number, self.seed) for number in range(self.free_prompts)]

    @property
    def free_edit_cases(self) -> list[FreeEditCase]:
        return [free_edit_case(number, self.seed) for number in range(self.free_edits)]

    @property
    def look_cases(self) -> list[LookCase]:
        return [look_case(number, self.seed) for number in range(self.looks)]

    @property
    def every_case(self) -> list:
        return [*self.prompt_cases, *self.edit_cases, *self.free_cases, *self.free_edit_cases, *self.look_cases]

    def keys(self, case: PromptCase | EditCase | FreeCase | FreeEditCase | LookCase) -> list[str]:
        """The keys of all answers that a case needs."""
        if isinstance(case, LookCase):
            return [f"{case.key}/{DESCRIBED}"]
        if isinstance(case, (FreeCase, FreeEditCase)):
            return [f"{case.key}/{PLAN if isinstance(case, FreeCase) else EDITED}"]
        if isinstance(case, EditCase):
            second = case.number // len(scenes.EDITS) % EVERY_SECOND == 0
            return [f"{case.key}/{name}" for name in (EDITED, *([SECOND] if second else []))]
        turn, names = case.number // len(KINDS), [PLAN]
        if turn % EVERY_CHANGE == 0:
            names += CHANGES
        if turn % EVERY_ABLATION == 0 or case.kind == "position":
            names += [PROMPT_ONLY, spatial(0)]
        if turn % EVERY_CURVE == 0:
            names += [name for strength in self.strengths if (name := spatial(strength)) not in names]
        return [f"{case.key}/{name}" for name in names]


def spatial(strength: float) -> str:
    return f"spatial-{strength:g}"


def change(case: PromptCase, answers: Answers, name: str) -> Change | None:
    """The change that a user makes to the case's plan; None if the plan allows none."""
    chain, rng = answers.chain(f"{case.key}/{PLAN}"), Random(f"{case.seed} {name}")
    return moved(chain, case.scene, rng) if name == "moved" else reworded(chain, rng)


class Evaluation:
    """Gets the answers from a running ComfyUI. Those that exist already are not requested again."""

    def __init__(self, client: Client, model: Model, questions: Questions, answers: Answers):
        self.client, self.model, self.questions, self.answers = client, model, questions, answers
        keys = [key for case in questions.every_case for key in questions.keys(case)]
        self.progress = tqdm(total=sum(key not in answers for key in keys), unit=" answers")

    def run(self) -> None:
        prompts, edits = self.questions.prompt_cases, self.questions.edit_cases
        across, down = len(KINDS), len(scenes.EDITS)
        for turn in range(max(-(-len(prompts) // across), -(-len(edits) // down))):
            self._prompts(prompts[turn * across :][:across])
            self._edits(edits[turn * down :][:down])
        self._free(self.questions.free_cases, self.questions.free_edit_cases)
        self._look(self.questions.look_cases)
        self.progress.close()

    def _free(self, prompts: list[FreeCase], edits: list[FreeEditCase]) -> None:
        across, down = len(CONSTRUCTIONS), len(scenes.EDITS)
        for turn in range(max(-(-len(prompts) // across), -(-len(edits) // down))):
            some = prompts[turn * across :][:across]
            self._ask({f"{case.key}/{PLAN}": graphs.planning(self.model, case.text, case.seed) for case in some})
            self._first_edits(edits[turn * down :][:down])

    def _look(self, cases: list[LookCase]) -> None:
        """Ask the reasoner itself, on the CPU: no image is made."""
        missing = [case for case in cases if f"{case.key}/{DESCRIBED}" not in self.answers]
        looker = Looker(self.model.folder) if missing else None
        for case in missing:
            self.answers.add(f"{case.key}/{DESCRIBED}", looker.describe(scenes.render(case.scene)))
            self.progress.update()

    def _prompts(self, cases: list[PromptCase]) -> None:
        self._ask({f"{case.key}/{PLAN}": graphs.planning(self.model, case.text, case.seed) for case in cases})
        self._ask({key: graph for case in cases for key, graph in self._variants(case).items()})

    def _variants(self, case: PromptCase) -> dict[str, dict]:
        """The graphs of the images that depend on the plan, by key."""
        chain, found = self.answers.chain(f"{case.key}/{PLAN}"), {}
        for key in self.questions.keys(case)[1:]:
            name, strength = key.split("/")[1], None
            if name in CHANGES:
                changed = change(case, self.answers, name)
                text = changed and changed.chain
            elif name == PROMPT_ONLY:
                text, strength = "", 0.0
            else:
                text, strength = chain, float(name.removeprefix("spatial-"))
            if text is not None:
                found[key] = graphs.drawing(self.model, case.text, case.seed, text, strength)
            else:
                self.progress.total -= 1
        return found

    def _first_edits(self, cases: list[EditCase] | list[FreeEditCase]) -> dict[str, str]:
        """Ask the cases' edits. Returns the names of their sources on the server, by the cases' keys."""
        sources = {case.key: self._uploaded(case) for case in cases}
        self._ask(
            {
                f"{case.key}/{EDITED}": graphs.editing(self.model, sources[case.key], case.text, case.seed)
                for case in cases
            }
        )
        return sources

    def _edits(self, cases: list[EditCase]) -> None:
        sources = self._first_edits(cases)
        again = [(case, key) for case in cases for key in self.questions.keys(case)[1:]]
        drawn = [(case, key) for case, key in again if self.answers.found[f"{case.key}/{EDITED}"].picture]
        self._ask({key: self._second(case, sources[case.key]) for case, key in drawn})

    def _uploaded(self, case: EditCase | FreeEditCase) -> str:
        path = self.answers.place(f"{case.key}/source")
        Image.fromarray(scenes.render(case.edit.source)).save(path)
        return self.client.upload(path)

    def _second(self, case: EditCase, source: str) -> dict:
        first = f"{case.key}/{EDITED}"
        images = source, self.client.upload(self.answers.place(first))
        return graphs.editing_again(
            self.model, images, (case.text, case.second_text), self.answers.chain(first), case.seed
        )

    def _ask(self, asked: dict[str, dict]) -> None:
        ask(self.client, self.answers, asked, self.progress.update)
