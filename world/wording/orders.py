"""Freely worded instructions: an edit in words from constructions.py."""

from random import Random

from .. import scenes
from ..scenes import Edit, Object, Scene
from . import constructions as table
from .free import ITS, Speaker, typed, words
from .words import a

DIRECTIONS = {
    "left of": ("to the left", "left", "further left", "leftwards", "more to the left", "over to the left"),
    "right of": ("to the right", "right", "further right", "rightwards", "more to the right", "over to the right"),
    "above": ("up", "upwards", "further up", "higher up", "toward the top", "up a bit"),
    "below": ("down", "downwards", "further down", "lower down", "toward the bottom", "down a bit"),
}


def free_instruction(edit: Edit, rng: Random, held_out: bool = False) -> str:
    """A freely worded instruction for an edit. Its meaning is exact: one object of the source fits its words."""
    by = Speaker(rng, held_out)
    return typed(_asked(by, _order(by, edit)), rng)


def free_two_part_instruction(edits: tuple[Edit, Edit], rng: Random, held_out: bool = False) -> str:
    """One instruction for two edits, the second of the first one's result."""
    by = Speaker(rng, held_out)
    first, second = (_order(by, edit).removeprefix("=") for edit in edits)
    return typed(_asked(by, by.pick(table.JOINED).format(i=first, j=second)), rng)


def _order(by: Speaker, edit: Edit) -> str:
    """The instruction itself. "=" at its beginning: it is a sentence, not an imperative."""
    anchor, scene = edit.anchor or edit.subject, edit.source
    result, old = edit.result, edit.subject.color if edit.subject else scene.background
    return by.pick(table.ORDERS[edit.kind]).format(
        S=subject(by, scene, anchor) if anchor else "",
        cs=anchor.name if anchor else "",
        R=by.name(result.color, result.shape) if result else "",
        c=result.color if result else "",
        a_c=a(result.color) if result else "",
        old=old,
        p=by.relation(edit.relation) if edit.anchor else "",
        its=by.rng.choice(ITS[edit.relation]) if edit.anchor else "",
        d=by.rng.choice(DIRECTIONS[edit.relation]) if edit.kind == "move" else "",
        b=edit.target.background,
    )


def _asked(by: Speaker, order: str) -> str:
    return order[1:] if order.startswith("=") else by.pick(table.ASKING).format(i=order)


def subject(by: Speaker, scene: Scene, obj: Object) -> str:
    """Words that only this object of the scene fits."""
    others = [other for other in scene.objects if other is not obj]
    ways = [table.SUBJECTS] * 3
    more = words(obj.color, obj.shape)
    if all(other.shape != obj.shape for other in others):
        ways.append(table.BY_SHAPE)
    if all(other.color != obj.color for other in others):
        ways.append(table.BY_COLOR)
    if not others:
        ways.append(table.BY_NOTHING)
    if side := _side(obj, others):
        ways.append(table.BY_SIDE)
        more |= {"side": side, "most": f"{side}most"}
    if found := _related(by, obj, others):
        ways.append(table.BY_RELATION)
        more |= found
    return by.pick(by.rng.choice(ways)).format(**more)


def _side(obj: Object, others: list[Object]) -> str:
    """left or right, if the object is further there than all others; else empty."""
    if others and all(scenes.holds(obj.box, "left of", other.box) for other in others):
        return "left"
    return "right" if others and all(scenes.holds(obj.box, "right of", other.box) for other in others) else ""


def _related(by: Speaker, obj: Object, others: list[Object]) -> dict[str, str] | None:
    """Another object and the relation to it, which no second object of this one's shape has."""
    alike = [other for other in others if other.shape == obj.shape]
    found = [
        (other, relation)
        for other in others
        for relation in scenes.RELATIONS
        if scenes.holds(obj.box, relation, other.box)
        and not any(_overlaps(rival, relation, other) for rival in alike if rival is not other)
    ]
    if not found:
        return None
    other, relation = by.rng.choice(found)
    return {"o": other.name, "rel": by.relation(relation)}


def _overlaps(rival: Object, relation: str, other: Object) -> bool:
    """May a person see the rival in this relation too? Unless its middle is clearly elsewhere."""
    axis = 0 if relation in ("left of", "right of") else 1
    first, second = ((obj.box[axis] + obj.box[axis + 2]) / 2 for obj in (rival, other))
    return first < second if relation in ("left of", "above") else first > second
