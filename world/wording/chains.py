"""The reasoning chains of the synthetic world: what they say follows from the scene or the edit."""

import re
from random import Random

from .. import scenes
from ..scenes import Edit, Object, Scene
from .words import DIRECTIONS, a, capital, counted, groups, listing

ORDER = ("first", "second")


def box_text(box, color: str) -> str:
    """A box and its color word as a chain in GoT's form has them."""
    x0, y0, x1, y1 = box
    return f"<|box_start|>({x0},{y0}),({x1},{y1})<|box_end|> ({color})"


def _mention(obj: Object, color: str) -> str:
    return f"{a(obj.name)} {box_text(obj.box, color)}"


def box_color(color: str) -> str:
    """The color word of an object's box: its own, but gray for black, which is invisible on the black canvas."""
    return "gray" if color == "black" else color


def other_colors(scene: Scene, rng: Random) -> list[str]:
    """For each box a color word other than the object's, as a person may write it."""
    return [rng.choice([c for c in scenes.COLORS if c != obj.color]) for obj in scene.objects]


def chain(scene: Scene, rng: Random, colors: list[str] | None = None) -> str:
    """The reasoning chain of a scene. colors: the boxes' color words, by default those of the objects."""
    colors = colors or [box_color(obj.color) for obj in scene.objects]
    mentions = [_mention(obj, color) for obj, color in zip(scene.objects, colors)]
    opening = rng.choice(("The picture has a {b} background.", "The background is {b}.")).format(b=scene.background)
    return " ".join([opening, *_sentences(scene, mentions)])


def _sentences(scene: Scene, mentions: list[str]) -> list[str]:
    if scene.grouped:
        return [_group_sentence(scene, mentions)]
    if scene.relations:
        related = [f"{capital(mentions[i])} is {relation} {mentions[j]}." for i, relation, j in scene.relations]
        rest = mentions[2 * len(related) :]
        return [*related, *([f"There is {listing(rest)}."] if rest else [])]
    sentences, start = [], 0
    for group in groups(scene.objects):
        part = mentions[start : start + len(group)]
        start += len(group)
        if len(group) > 1:
            sentences.append(f"There are {counted(group)}: {listing(part)}.")
    alone = [m for m, t in zip(mentions, scene.objects) if sum(o.name == t.name for o in scene.objects) == 1]
    return [*sentences, *([f"There is {listing(alone)}."] if alone else [])]


def _group_sentence(scene: Scene, mentions: list[str]) -> str:
    first, second = groups(scene.objects)
    parts = [
        listing(own) if len(group) == 1 else f"{counted(group)}, {listing(own)}"
        for group, own in ((first, mentions[: len(first)]), (second, mentions[len(first) :]))
    ]
    verb = "is" if len(first) == 1 else "are"
    return f"{capital(parts[0])}, {verb} {scene.relations[0][1]} {parts[1]}."


def sentence(objects) -> str:
    """A sentence that lists objects with their boxes."""
    mentions = [_mention(obj, box_color(obj.color)) for obj in objects]
    return f"There is {listing(mentions)}." if mentions else ""


def shown(scene: Scene) -> str:
    """The names of a scene's objects in their order, with the background."""
    objects = listing([a(obj.name) for obj in scene.objects]) if scene.objects else "nothing"
    return f"{objects} on a {scene.background} background"


def area_color(edit: Edit) -> str:
    """The color word of the area after the edit."""
    return edit.result.color if edit.result else edit.target.background


def edit_chain(edit: Edit, color: str | None = None) -> str:
    """The five steps of an edit. color: the color word of the area's box.

    The second step has everything that the area in the third depends on. The last names objects in the order of the
    first, so that a model that writes from left to right can copy.
    """
    name, toward = edit.subject.name if edit.subject else "background", DIRECTIONS.get(edit.relation)
    beside = f"{edit.relation} the {edit.anchor and edit.anchor.name}"
    role, change = {
        "recolor": (f"edited is the {name}", f"The {name} becomes {area_color(edit)}"),
        "remove": (f"removed is the {name}", f"The {name} is removed"),
        "replace": (f"replaced is the {name}", f"The {name} becomes {edit.result and a(edit.result.name)}"),
        "add": (f"added is {a(name)} {beside}", f"{capital(a(name))} is added {beside}"),
        "move": (f"moved {toward} is the {name}", f"The {name} is moved {toward}"),
        "background": ("edited is the background", f"The background becomes {edit.target.background}"),
    }[edit.kind]
    steps = (
        f"The image shows {shown(edit.source)}.",
        f"The object to be {role}.",
        f"The area to be edited is {box_text(edit.area, color or box_color(area_color(edit)))}.",
        f"{change}.",
        f"The edited image shows {shown(edit.target)}.",
    )
    return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))


def two_step_chain(*edits: Edit) -> str:
    """One chain for several edits: the source, a step for each edit, the final image."""
    steps = [[line.split(". ", 1)[1] for line in edit_chain(edit).split("\n")] for edit in edits]
    middle = [
        f"For the {word} step, {own[1][0].lower()}{own[1][1:]} {own[2]} {own[3]}" for word, own in zip(ORDER, steps)
    ]
    return "\n".join(f"{number}. {text}" for number, text in enumerate([steps[0][0], *middle, steps[-1][4]], 1))


def boxes_of(chain: str) -> list[tuple[int, int, int, int]]:
    """The boxes of a chain, (x0, y0, x1, y1) each."""
    return [tuple(map(int, found)) for found in re.findall(r"\((\d+),(\d+)\),\((\d+),(\d+)\)", chain)]


def colors_of(chain: str) -> list[str]:
    """The color words of a chain's boxes."""
    return re.findall(r"<\|box_end\|> \((\w+)\)", chain)
