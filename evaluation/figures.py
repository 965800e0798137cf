"""From answers to figures: scores.py judges each answer, and the outcomes are averaged.

An outcome is one metric of one case: its name ("planning.parse"), the kind of case, and the value, which is a boolean,
an intersection over union, or dB. A figure is the mean of outcomes with its 95 % confidence interval.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..world import scenes
from . import scores
from .answers import Answers
from .cases import COLUMNS, EditCase, PromptCase
from .free import FreeCase, FreeEditCase, LookCase
from .run import CHANGES, DESCRIBED, EDITED, PLAN, PROMPT_ONLY, SECOND, Questions, change, spatial

Z = 1.96  # of the normal distribution, for 95 %
ABLATION = {"prompt_only": PROMPT_ONLY, "without_boxes": spatial(0), "full": PLAN}


class Outcome(NamedTuple):
    name: str
    kind: str
    value: bool | float


class Figure(NamedTuple):
    """value: the mean; low, high: its 95 % confidence interval; all None where n, the number of outcomes, is 0."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def figure(values: list[bool | float]) -> Figure:
    """Mean and interval: Wilson's for shares, the normal one for means."""
    n = len(values)
    if not n:
        return Figure(None, None, None, 0)
    mean = float(np.mean(values))
    if all(isinstance(value, bool) for value in values):
        middle = (mean + Z**2 / (2 * n)) / (1 + Z**2 / n)
        reach = Z * math.sqrt(mean * (1 - mean) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
        return Figure(mean, max(0.0, middle - reach), min(1.0, middle + reach), n)
    reach = Z * float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    return Figure(mean, mean - reach, mean + reach, n)


# ---------------------------------------------------------------- outcomes


def outcomes(questions: Questions, answers: Answers) -> list[Outcome]:
    """Every outcome that the answers allow."""
    prompts = (found for case in questions.prompt_cases for found in _prompt_outcomes(case, answers))
    edits = (found for case in questions.edit_cases for found in _edit_outcomes(case, answers))
    free = (found for case in questions.free_cases for found in _free_outcomes(case, answers))
    free_edits = (found for case in questions.free_edit_cases for found in _free_edit_outcomes(case, answers))
    looks = (found for case in questions.look_cases for found in _look_outcomes(case, answers))
    return [*prompts, *edits, *free, *free_edits, *looks]


def _prompt_outcomes(case: PromptCase, answers: Answers) -> Iterator[Outcome]:
    key = f"{case.key}/{PLAN}"
    if key not in answers:
        return
    chain, view = answers.chain(key), answers.view(key)
    yield Outcome("planning.parse", case.kind, scores.parses(chain))
    yield Outcome("planning.plan", case.kind, scores.fulfilled(chain, case.scene))
    yield Outcome("drawing", case.kind, scores.as_asked(case.kind, case.scene, view))
    for obj in scores.planned(chain):
        yield Outcome("obedience.iou", case.kind, scores.fit(obj, view))
    for name in CHANGES:
        yield from _change_outcome(case, answers, name)
    yield from _ablation_outcomes(case, answers)
    yield from _curve_outcomes(case, answers)


def _change_outcome(case: PromptCase, answers: Answers, name: str) -> Iterator[Outcome]:
    key = f"{case.key}/{name}"
    if key not in answers:
        return
    changed, new = change(case, answers, name), answers.view(key)
    if name == "moved":
        right = scores.followed(changed.before, changed.after, changed.chain, new)
    else:
        old = answers.view(f"{case.key}/{PLAN}")
        right = scores.changed_only_there(changed.before, changed.after, old, new)
    yield Outcome(f"obedience.{name}", changed.kind if name == "reworded" else case.kind, right)


def _ablation_outcomes(case: PromptCase, answers: Answers) -> Iterator[Outcome]:
    """Only of prompts that have all three images, so that the three rows compare the same prompts."""
    keys = {name: f"{case.key}/{asked}" for name, asked in ABLATION.items()}
    if all(key in answers for key in keys.values()):
        for name, key in keys.items():
            right = scores.as_asked(case.kind, case.scene, answers.view(key))
            yield Outcome(f"ablation.{name}", case.kind, right)


def _curve_outcomes(case: PromptCase, answers: Answers) -> Iterator[Outcome]:
    """Only of prompts in the rounds of the curve, so that every strength compares the same prompts."""
    start = f"{case.key}/spatial-"
    keys = [key for key in answers.found if key.startswith(start)]
    if len(keys) < 2:  # this one is for the ablation
        return
    plan = scores.planned(answers.chain(f"{case.key}/{PLAN}"))
    for key in keys:
        view, strength = answers.view(key), key.removeprefix(start)
        yield Outcome(f"curve.drawn.{strength}", case.kind, scores.as_asked(case.kind, case.scene, view))
        for obj in plan:
            yield Outcome(f"curve.iou.{strength}", case.kind, scores.fit(obj, view))


def _edit_outcomes(case: EditCase, answers: Answers) -> Iterator[Outcome]:
    first, second = f"{case.key}/{EDITED}", f"{case.key}/{SECOND}"
    if first in answers:
        chain, kind = answers.chain(first), case.edit.kind
        yield Outcome("editing.box_found", kind, scores.area_found(case.edit, chain))
        yield Outcome("editing.change_made", kind, scores.change_made(case.edit, answers.view(first)))
        if answers.found[first].picture:  # without an image there is nothing to compare
            source, mask = scenes.render(case.edit.source), scores.left_alone(case.edit, chain)
            yield Outcome("editing.psnr_outside", kind, scores.psnr(source, answers.picture(first), mask))
    if second in answers:
        yield Outcome("second_turn.box_found", case.second.kind, scores.area_found(case.second, answers.chain(second)))
        made = scores.change_made(case.second, answers.view(second))
        yield Outcome("second_turn.change_made", case.second.kind, made)


def _free_outcomes(case: FreeCase, answers: Answers) -> Iterator[Outcome]:
    key = f"{case.key}/{PLAN}"
    if key in answers:
        plan = [(obj.name, obj.box) for obj in scores.planned(answers.chain(key))]
        seen = [(scores.name_of(obj), obj.box) for obj in answers.view(key).objects]
        yield Outcome("free.plan", case.kind, case.asked.satisfied(plan))
        yield Outcome("free.drawn", case.kind, case.asked.satisfied(seen, scores.beyond))


def _free_edit_outcomes(case: FreeEditCase, answers: Answers) -> Iterator[Outcome]:
    key = f"{case.key}/{EDITED}"
    if key in answers:
        chain = answers.chain(key)
        right = scores.edit_planned(case.edit, chain) and scores.area_found(case.edit, chain)
        yield Outcome("free.edit_plan", case.kind, right)
        yield Outcome("free.edit_made", case.kind, scores.change_made(case.edit, answers.view(key)))


def _look_outcomes(case: LookCase, answers: Answers) -> Iterator[Outcome]:
    """The kind is the number of objects in the image."""
    kind, key = str(len(case.scene.objects)), f"{case.key}/{DESCRIBED}"
    if key not in answers:
        return
    chain = answers.chain(key)
    fits = scores.described(case.scene, chain)
    yield Outcome("looking.complete", kind, min(fits) > scores.FITS and scores.names_only(case.scene, chain))
    for fit in fits:
        yield Outcome("looking.described", kind, fit > scores.FITS)
        yield Outcome("looking.iou", kind, fit)
    for thing in case.things:
        boxes = [obj.box for obj in case.scene.objects if obj.name == thing]
        right = scores.things_found(chain, thing, boxes)
        yield Outcome("looking.present" if boxes else "looking.absent", kind, right)


# ---------------------------------------------------------------- figures


class Figures:
    """The figures of outcomes, by name and kind."""

    def __init__(self, found: list[Outcome]):
        self.found = found

    def of(self, name: str, *kinds: str) -> Figure:
        """The figure over all outcomes of a name, or over those of some kinds."""
        return figure([o.value for o in self.found if o.name == name and (not kinds or o.kind in kinds)])

    def kinds(self, name: str) -> list[str]:
        """The kinds of cases that have outcomes of a name, in the order of the cases."""
        return list(dict.fromkeys(o.kind for o in self.found if o.name == name))

    @property
    def strengths(self) -> list[str]:
        """The spatial strengths of the curve, rising."""
        names = {o.name.removeprefix("curve.drawn.") for o in self.found if o.name.startswith("curve.drawn.")}
        return sorted(names, key=float)


MAIN = {
    "planning": ("parse", "plan"),
    "obedience": ("iou", "moved", "reworded"),
    "editing": ("box_found", "change_made", "psnr_outside"),
    "free": ("plan", "drawn", "edit_plan", "edit_made"),
    "looking": ("complete", "described", "iou", "present", "absent"),
}


def report(figures: Figures) -> dict:
    """All figures for the JSON file: fractions, and dB for psnr_outside; null where there are no outcomes.

    details has the number of outcomes and the 95 % interval of each.
    """
    main = {part: {name: f"{part}.{name}" for name in names} for part, names in MAIN.items()}
    found = {part: {name: figures.of(full).value for name, full in names.items()} for part, names in main.items()}
    drawing = {column: figures.of("drawing", column).value for column in COLUMNS}
    details = {full: figures.of(full) for names in main.values() for full in names.values()}
    details |= {f"drawing.{column}": figures.of("drawing", column) for column in COLUMNS}
    by_kind = {full: _by_kind(figures, full) for names in main.values() for full in names.values()}
    return {
        "planning": found["planning"],
        "drawing": drawing,
        "obedience": found["obedience"],
        "editing": found["editing"],
        "free": found["free"],
        "looking": found["looking"],
        "ablation": {name: _ablation(figures, f"ablation.{name}") for name in ABLATION},
        "spatial_strength": [_point(figures, strength) for strength in figures.strengths],
        "second_turn": {name: figures.of(f"second_turn.{name}")._asdict() for name in ("box_found", "change_made")},
        "details": {name: value._asdict() for name, value in details.items()},
        "by_kind": by_kind | {"drawing": _by_kind(figures, "drawing")},
    }


def _by_kind(figures: Figures, name: str) -> dict:
    return {kind: figures.of(name, kind)._asdict() for kind in figures.kinds(name)}


def _ablation(figures: Figures, name: str) -> dict:
    columns = {column: figures.of(name, column).value for column in COLUMNS}
    return {**columns, "all": figures.of(name).value, "n": {kind: figures.of(name, kind).n for kind in COLUMNS}}


def _point(figures: Figures, strength: str) -> dict:
    drawn, iou = figures.of(f"curve.drawn.{strength}"), figures.of(f"curve.iou.{strength}")
    return {"strength": float(strength), "drawn": drawn.value, "iou": iou.value, "n": drawn.n}
