"""The cases of the evaluation: prompts, edits, and a user's changes to a plan. Held out from training.

A case depends on its number and the seed alone, so a longer evaluation begins with the cases of a shorter one. Held out
are the phrasings, and every combination of color, shape and relation that a prompt relates or an edit adds.
"""

import re
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from ..got_models.chain.grammar import parse_regions
from ..world import scenes, wording
from ..world.scenes import Edit, Object, Scene
from .scores import MENTION, planned

COLUMNS = ("single_object", "two_objects", "counting", "colors", "position", "attribute_binding")  # GenEval's
KINDS = (*COLUMNS, "many")  # many: three or four objects, which GenEval does not ask for
SHRINK = (1.0, 0.8, 0.6, 0.5)  # a moved box's size, by which it is tried to fit, as a share of its old one
EVERY_KIND = [(color, shape) for color in scenes.COLORS for shape in scenes.SHAPES]
HELD_OUT = [(*kind, r) for kind in EVERY_KIND for r in scenes.RELATIONS if scenes.is_held_out(*kind, r)]


@dataclass(frozen=True)
class PromptCase:
    """scene: what the prompt asks for (its boxes are only one way to lay it out). seed: of the image's noise."""

    number: int
    kind: str
    scene: Scene
    text: str
    seed: int

    @property
    def key(self) -> str:
        return f"prompt-{self.number:04}"


@dataclass(frozen=True)
class EditCase:
    """second: a further change to the result of the first, and its instruction."""

    number: int
    edit: Edit
    text: str
    second: Edit
    second_text: str
    seed: int

    @property
    def key(self) -> str:
        return f"edit-{self.number:04}"


class Change(NamedTuple):
    """A user's change to a plan. kind: "move", "color" or "noun". before, after: the object. chain: the changed one."""

    kind: str
    before: Object
    after: Object
    chain: str


def prompt_case(number: int, seed: int) -> PromptCase:
    """Prompt `number`. The kinds alternate."""
    rng, kind = Random(f"{seed} prompt {number}"), KINDS[number % len(KINDS)]
    scene = scene_of(kind, rng)
    return PromptCase(number, kind, scene, wording.caption(scene, rng, held_out=True), rng.randrange(2**32))


def edit_case(number: int, seed: int) -> EditCase:
    """Edit `number`. The kinds of edits alternate."""
    rng = Random(f"{seed} edit {number}")
    edit = scenes.random_edit(rng, held_out=True, kind=scenes.EDITS[number % len(scenes.EDITS)])
    second = _next_edit(rng, edit.target)
    texts = (wording.instruction(asked, rng, held_out=True) for asked in (edit, second))
    return EditCase(number, edit, next(texts), second, next(texts), rng.randrange(2**32))


def _next_edit(rng: Random, scene: Scene) -> Edit:
    """One more change to a scene, of any kind; a scene of four gets no fifth object."""
    while True:
        edit = scenes.random_change(rng, scene, held_out=True)
        if edit is not None and len(edit.target.objects) <= 4:
            return edit


def scene_of(kind: str, rng: Random) -> Scene:
    """A scene that a prompt of the kind may ask for."""
    if kind == "many":
        return _many(rng)
    relations = ()
    if kind in ("single_object", "colors"):
        kinds = [rng.choice(EVERY_KIND)]
    elif kind == "counting":
        kinds = [rng.choice(EVERY_KIND)] * rng.choice((2, 3, 4))
    elif kind == "position":
        color, shape, relation = rng.choice(HELD_OUT)
        kinds, relations = [(color, shape), _another(rng, (color, shape))], ((0, relation, 1),)
    else:
        kinds = [first := rng.choice(EVERY_KIND), _another(rng, first)]
    boxes = scenes.arrange(rng, len(kinds), relations)
    return Scene(rng.choice(scenes.BACKGROUNDS), tuple(Object(s, c, b) for (c, s), b in zip(kinds, boxes)), relations)


def _another(rng: Random, first: tuple[str, str]) -> tuple[str, str]:
    """A kind that differs from the first in color and in shape."""
    return rng.choice([kind for kind in EVERY_KIND if kind[0] != first[0] and kind[1] != first[1]])


def _many(rng: Random) -> Scene:
    while True:
        scene = scenes.random_scene(rng, held_out=True, tidy=True)
        if len(scene.objects) > 2 and len({obj.name for obj in scene.objects}) > 1:
            return scene


# ---------------------------------------------------------------- a user's changes to a plan


def moved(chain: str, scene: Scene, rng: Random) -> Change | None:
    """The chain with one box at a free place and all else as it was; None if there is no space.

    The new box touches neither the old one nor another. It keeps the relations of the scene if there is such a place,
    and its size if there is space.
    """
    objects = planned(chain)
    order = rng.sample(range(len(objects)), len(objects))
    for relations in (scene.relations, ()):
        for shrink in SHRINK:
            for number in order:
                if places := _free_places(objects, number, shrink, _by_name(scene, relations)):
                    after = objects[number]._replace(box=rng.choice(places))
                    region = parse_regions(chain)[number]
                    text = _put(chain, region.box_span, wording.box_text(after.box, region.color.word))
                    return Change("move", objects[number], after, text)
    return None


def _by_name(scene: Scene, relations) -> list[tuple[str, str, str]]:
    return [(scene.objects[i].name, relation, scene.objects[j].name) for i, relation, j in relations]


def _free_places(objects: list[Object], number: int, shrink: float, relations: list[tuple]) -> list[tuple]:
    x0, y0, x1, y1 = objects[number].box
    width, height = (max(scenes.SMALLEST, int(side * shrink)) for side in (x1 - x0, y1 - y0))
    xs, ys = (range(scenes.MARGIN, 1000 - scenes.MARGIN - side + 1, scenes.STEP) for side in (width, height))
    taken = [obj.box for obj in objects]  # the old place too
    boxes = [(x, y, x + width, y + height) for y in ys for x in xs]
    return [box for box in boxes if scenes.apart(box, taken) and _kept(objects, number, box, relations)]


def _kept(objects: list[Object], number: int, box: tuple, relations: list[tuple]) -> bool:
    """Do the relations hold with another box for one of the objects?"""
    place = {obj.name: obj.box for obj in objects} | {objects[number].name: box}
    known = [(place[a], r, place[b]) for a, r, b in relations if a in place and b in place]
    return all(scenes.holds(*relation) for relation in known)


def reworded(chain: str, rng: Random) -> Change | None:
    """The chain with another color or noun for one object whose name it has once; None if there is none.

    A new color also goes into the brackets after the box, as the model would write it.
    """
    objects = planned(chain)
    names = [obj.name for obj in objects]
    alone = [number for number, name in enumerate(names) if names.count(name) == 1]
    if not alone:
        return None
    number, kind = rng.choice(alone), rng.choice(("color", "noun"))
    before = objects[number]
    if kind == "color":
        results = [before._replace(color=color) for color in scenes.COLORS]
    else:
        results = [before._replace(shape=shape) for shape in scenes.SHAPES]
    after = rng.choice([obj for obj in results if obj.name not in names])
    return Change(kind, before, after, _renamed(chain, number, after, kind))


def _renamed(chain: str, number: int, after: Object, kind: str) -> str:
    """The chain with another name, article included, for its object `number`."""
    mention, region = list(MENTION.finditer(chain))[number], parse_regions(chain)[number]
    if kind == "color":
        chain = _put(chain, region.box_span, wording.box_text(region.box, wording.box_color(after.color)))
    article = re.search(r"\b(a)n? $", chain[: mention.start()], re.IGNORECASE)
    if article is None:
        return _put(chain, (mention.start(), mention.end(2)), after.name)
    words = article[1] + wording.a(after.name)[1:]
    return _put(chain, (article.start(), mention.end(2)), words)


def _put(text: str, span: tuple[int, int], words: str) -> str:
    return text[: span[0]] + words + text[span[1] :]
