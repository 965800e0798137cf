"""Prompts of the synthetic world in fixed templates. The last two phrasings of each kind are held out from training.

Most of their words are in other phrasings too: a model that knows only this world cannot understand a word that it has
never seen. Texts follow from the scene and a random generator.
"""

from random import Random

from ..scenes import Edit, Scene
from .words import DIRECTIONS, a, capital, counted, groups, listing

CAPTION = "Follow the caption to generate an image through a chain of thought process: "
INSTRUCTION = "Follow the instruction to edit the given image through a chain of thought process: "

FRAMES = (
    "{x}",
    "{x}",
    "{x}",
    "a picture of {x}",
    "draw {x}",
    "an image with {x}",
    "there {be} {x}",
    "make a drawing with {x}",
    "show me {x}",
    "please draw {x}",
    "an image of {x}",
    "I want {x}",
    "create {x}",
    "paint {x}",
    "a picture with {x}",
    "a drawing of {x}",
    "show {x}",
)
GROUNDS = (
    "{x} on a {b} background",
    "{x} on a {b} background",
    "{x} with a {b} background",
    "{x}, {b} background",
    "{x}. The background is {b}",
    "{x} on {b}",
    "{x} and a {b} background",
    "{x} in front of {b}",
    "{x} in front of a {b} wall",
    "{x} in front of a background of {b}",
    "{x} against a wall of {b}",
    "{x}, a {b} background behind",
    "{x} set against {b}",
    "{x} on a background of {b}",
    "{x}; make the background {b}",
    "{x} with {b} behind",
    "{x} in front of a {b} background",
    "{x} against a {b} background",
)
PLACES = {
    "left of": (
        "left of",
        "to the left of",
        "on the left of",
        "just left of",
        "further left than",
        "to the left side of",
        "at the left of",
        "standing left of",
        "at the left side of",
        "on the left side of",
    ),
    "right of": (
        "right of",
        "to the right of",
        "on the right of",
        "just right of",
        "further right than",
        "to the right side of",
        "at the right of",
        "standing right of",
        "at the right side of",
        "on the right side of",
    ),
    "above": (
        "above",
        "over",
        "placed above",
        "just above",
        "higher up than",
        "at the top of",
        "up above",
        "higher than",
        "on top of",
    ),
    "below": (
        "below",
        "under",
        "placed below",
        "just below",
        "lower down than",
        "underneath",
        "just beneath",
        "lower than",
        "beneath",
    ),
}
INSTRUCTIONS = {
    "recolor": (
        "make the {s} {c}",
        "change the color of the {s} to {c}",
        "turn the {s} {c}",
        "paint the {s} {c}",
        "the {s} should be {c}",
        "recolor the {s} in {c}",
        "give the {s} the color {c}",
        "color the {s} {c}",
        "the {s} gets {hue} color",
        "I want the {s} to be {c}",
        "the color of the {s} should be {c}",
        "let the {s} be {c}",
        "let the {s} become {c}",
        "set the color of the {s} to {c}",
        "for the {s}, use {c}",
        "repaint the {s} in {c}",
        "change the {s} to {c}",
        "{hue} color for the {s}",
        "give the color {c} to the {s}",
        "recolor the {s} to {c}",
        "give the {s} {hue} color",
    ),
    "remove": (
        "remove the {s}",
        "delete the {s}",
        "erase the {s}",
        "take away the {s}",
        "take the {s} out",
        "get the {s} out of the picture",
        "rid the picture of the {s}",
        "the {s} should go away",
        "I want the {s} to be out",
        "cut the {s} out",
        "the {s} has to go",
        "clear the {s} away",
        "do without the {s}",
        "let the {s} go away",
        "there should be no {s}",
        "I do not want the {s}",
        "throw out the {s}",
        "get the {s} away",
        "rid the image of the {s}",
        "get rid of the {s}",
        "take out the {s}",
    ),
    "replace": (
        "replace the {s} with {r}",
        "change the {s} into {r}",
        "turn the {s} into {r}",
        "swap the {s} for {r}",
        "exchange the {s} with {r}",
        "put {r} where the {s} is",
        "let {r} take the place of the {s}",
        "in place of the {s} put {r}",
        "the {s} should become {r}",
        "let the {s} become {r}",
        "make the {s} into {r}",
        "trade the {s} for {r}",
        "replace the {s} by {r}",
        "there should be {r} in place of the {s}",
        "draw {r} where the {s} is",
        "I want {r} where the {s} is",
        "swap in {r} for the {s}",
        "the {s} goes, {r} takes its place",
        "take out the {s} and put {r} there",
        "set {r} in place of the {s}",
        "draw {r} in place of the {s}",
        "let {r} be in place of the {s}",
        "exchange the {s} to {r}",
        "give {r} for the {s}",
        "exchange the {s} for {r}",
        "put {r} in place of the {s}",
    ),
    "add": (
        "add {r} {p} the {a}",
        "put {r} {p} the {a}",
        "draw {r} {p} the {a}",
        "place {r} {p} the {a}",
        "{p} the {a}, insert {r}",
        "{p} the {a} there should be {r}",
        "{p} the {a}, add {r}",
        "I want {r} {p} the {a}",
        "show {r} {p} the {a}",
        "paint {r} {p} the {a}",
        "set {r} {p} the {a}",
        "fit {r} in {p} the {a}",
        "let there be {r} {p} the {a}",
        "{p} the {a}, put {r}",
        "{p} the {a} I want {r}",
        "{r} should be {p} the {a}",
        "one thing more, {r} {p} the {a}",
        "insert one thing more, {r} {p} the {a}",
        "insert also {r} {p} the {a}",
        "there should also be {r} {p} the {a}",
        "insert {r} {p} the {a}",
        "there should be {r} {p} the {a}",
    ),
    "move": (
        "move the {s} {d}",
        "shift the {s} {d}",
        "push the {s} {d}",
        "slide the {s} {d}",
        "bring the {s} further {d}",
        "drag the {s} further {d}",
        "move the {s} further {d}",
        "I want the {s} further {d}",
        "the {s} should move {d}",
        "pull the {s} {d}",
        "carry the {s} {d}",
        "send the {s} {d}",
        "let the {s} go {d}",
        "the {s} goes {d}",
        "put the {s} further {d}",
        "bring the {s} a little {d}",
        "bring the {s} over {d}",
        "drag the {s} over {d}",
        "bring the {s} more {d}",
        "bring the {s} some way {d}",
        "drag the {s} some way {d}",
        "drag the {s} a little {d}",
        "take the {s} {d}",
        "the {s} should be further {d}",
        "have the {s} move {d}",
        "bring the {s} {d}",
        "drag the {s} {d}",
    ),
    "background": (
        "change the background to {b}",
        "make the background {b}",
        "turn the background {b}",
        "the background should be {b}",
        "set the color of the background to {b}",
        "use {b} for the background",
        "paint the background {b}",
        "I want a {b} background",
        "give the picture a {b} background",
        "the background becomes {b}",
        "let the background be {b}",
        "use {b} as the background",
        "for the background, use {b}",
        "color the background {b}",
        "there should be a {b} background",
        "put a {b} background behind",
        "set the background in {b}",
        "set the background to {b}",
        "use a {b} background",
    ),
}
# Frames of an instruction in training, so that the model finds the verb at any position.
ADDRESSES = ("{i}",) * 5 + ("please {i}", "now {i}", "next, {i}", "in this image, {i}", "{i}, please", "{i} now")
VAGUE = ("a picture", "some shapes", "draw something", "an image with shapes", "shapes on a background")


def pick(rng: Random, phrasings, held_out: bool) -> str:
    """A random phrasing. The last two are held out from training."""
    return rng.choice(phrasings[-2:] if held_out else phrasings[:-2])


def caption(scene: Scene, rng: Random, held_out: bool = False) -> str:
    """A prompt for the scene, with or without its background."""
    if scene.grouped:
        first, second = groups(scene.objects)
        text = f"{counted(first)} {pick(rng, PLACES[scene.relations[0][1]], held_out)} {counted(second)}"
        plural = len(first) > 1
    elif scene.relations:
        pairs, free = [], len(scene.objects)
        for i, relation, j in scene.relations:
            first, second = (a(scene.objects[k].name) for k in (i, j))
            pairs.append(f"{first} {pick(rng, PLACES[relation], held_out)} {second}")
            free = min(free, len(scene.objects) - 2 * len(pairs))
        text = listing([*pairs, *(a(obj.name) for obj in scene.objects[len(scene.objects) - free :])])
        plural = False
    else:
        text = listing([counted(group) for group in groups(scene.objects)])
        plural = len(groups(scene.objects)[0]) > 1
    text = pick(rng, FRAMES, held_out).format(x=text, be="are" if plural else "is")
    if rng.random() < 0.65:
        text = pick(rng, GROUNDS, held_out).format(x=text, b=scene.background)
    return _typed(text, rng)


def _typed(text: str, rng: Random) -> str:
    """With or without a capital letter and a full stop, as people type."""
    text = capital(text) if rng.random() < 0.5 else text
    return text + "." if rng.random() < 0.3 else text


def instruction(edit: Edit, rng: Random, held_out: bool = False) -> str:
    """An instruction for an edit, in a template."""
    text = pick(rng, INSTRUCTIONS[edit.kind], held_out).format(
        s=edit.subject and edit.subject.name,
        c=edit.result and edit.result.color,
        hue=edit.result and a(edit.result.color),
        r=edit.result and a(edit.result.name),
        p=edit.anchor and pick(rng, PLACES[edit.relation], held_out),
        a=edit.anchor and edit.anchor.name,
        d=DIRECTIONS.get(edit.relation),
        b=edit.target.background,
    )
    return _typed(text if held_out else rng.choice(ADDRESSES).format(i=text), rng)


def two_part_instruction(edits: tuple[Edit, Edit], rng: Random, held_out: bool = False) -> str:
    """One instruction for two edits, the second of the first one's result."""
    parts = [instruction(edit, rng, held_out).rstrip(".") for edit in edits]
    return f"{parts[0]}, then {parts[1][0].lower()}{parts[1][1:]}"
