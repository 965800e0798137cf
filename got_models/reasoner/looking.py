"""How a model that was trained on it is asked what an image shows, and how it answers.

    describe   "Describe the given image with all its boxes."
               a chain: the background, then every object with its box
    find       "Where in the given image is the red circle and blue star?"
               first what the image shows, by name; then a sentence for each thing in the order asked: its boxes, from
               left to right, or "none"
               "The image shows a red circle and a red circle on a gray background. The red circle <box> (red) and
               <box> (red). The blue star: none."

The question is the user's whole part of the turn, after the image: a Request of the task LOOK. The answer ends with
<|im_end|>. Works on texts.
"""

import re
from typing import NamedTuple

LOOK = "look"  # the task of a Request; dialects.py puts nothing around its question
DESCRIBE = "Describe the given image with all its boxes."
FIND = "Where in the given image is the {names}?"
NONE = "none"
_BOX = r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>"
_BOX_TEXT = re.compile(_BOX)


class Found(NamedTuple):
    """A thing that was asked for. boxes: (x0, y0, x1, y1) on the chain's grid; empty if the image has no such thing."""

    thing: str
    boxes: tuple[tuple[int, int, int, int], ...]


def find_question(things: list[str]) -> str:
    """The question for things by name, such as "red circle". ValueError without any."""
    if not things:
        raise ValueError("There is nothing to find. Name one thing or more.")
    listed = things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
    return FIND.format(names=listed)


def find_answer(shown: str, found: list[tuple[str, list[str]]]) -> str:
    """The answer for things and the texts of their boxes, each in GoT's form with its color. shown: all, by name.

    A small model is right about what is absent if it has first named what is there.
    """
    return f"The image shows {shown}. " + " ".join(
        f"The {thing} {' and '.join(boxes)}." if boxes else f"The {thing}: {NONE}." for thing, boxes in found
    )


def read_find_answer(text: str, things: list[str]) -> list[Found]:
    """What an answer says about things in the order asked. A thing that it does not answer counts as absent."""
    sentences = re.findall(rf"The ([^<:.]+?)(?:: {NONE}\.|((?:(?: and)? {_BOX} \([^)]*\))+)\.)", text)
    found: dict[str, list] = {}
    for name, boxes, *_ in sentences:
        found.setdefault(name, []).append(tuple(tuple(map(int, box)) for box in _BOX_TEXT.findall(boxes)))
    return [Found(thing, found[thing].pop(0) if found.get(thing) else ()) for thing in things]
