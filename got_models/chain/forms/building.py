"""From a plan to a chain's text: GoT's form, in which every phrase is found whole (see phrases.py)."""

import re

from ..colors import find_color, given_colors
from ..grammar import AFTER_CHAIN, BOX_END, BOX_START, Box, format_box
from ..phrases import OBJECT_END, OBJECT_START
from .color_words import color_word
from .plan import Plan

_MARKERS = re.compile(r"<\|[^<>|]{1,40}\|>|[\ue000\ue001]")
_NUMBER_PAIR = re.compile(r"\((?=\s{0,40}[-+]?[\d.]{1,20}\s{0,40},[^()<>]{0,400}\)\s{0,40},?\s{0,40}\()")


def chain_text(plan: Plan, boxes: list[Box]) -> str:
    """The plan's prose with its boxes and colors. Boxes without a color get one by their phrases (see colors.py)."""
    colors = given_colors([find_color(color_word(found.color)) or found.name or found.label for found in plan.boxes])
    pieces, remaining = [], iter(zip(boxes, colors, strict=True))
    for piece in plan.pieces:
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        box, color = next(remaining)
        label = clean_label(piece.label)
        if label and pieces and pieces[-1][-1:].isalnum():
            pieces.append(" ")
        pieces.append(f"{OBJECT_START}{label}{OBJECT_END} " if label else "")
        pieces.append(format_box(box, color.word))
    return "".join(pieces).strip()


def clean_label(label: str) -> str:
    """A label that a chain can hold: one line, round brackets, no marker, and nothing that reads as a box."""
    label = without_box(_MARKERS.sub("", label).translate(str.maketrans("[]{}", "()()")))
    return " ".join(label.split()).strip(" ,;:")


def without_box(text: str) -> str:
    """Prose in which nothing is read as a box."""
    for marker in (BOX_START, BOX_END, AFTER_CHAIN):
        text = text.replace(marker, "")
    return _NUMBER_PAIR.sub("", text)
