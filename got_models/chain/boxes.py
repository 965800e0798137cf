"""A chain's boxes in the forms that other nodes speak, and back: pixel boxes, labels, and Ideogram's elements.

Pixel boxes are ComfyUI's BOUNDING_BOX: a list of frames, each a list of {x, y, width, height} with metadata. Elements
are {type, bbox: [top, left, bottom, right] in 0..1000, desc, color_palette}. Standard library only.
"""

import math
from typing import Any

from .colors import find_color, named
from .grammar import AFTER_CHAIN, BOX_END, BOX_START, GRID, Box, Chain, ChainError, Region, format_box, read_chain


def pixel_corners(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of a box in a width x height image, all inside it: x/1000 of the width."""
    return box.x0 * width // GRID, box.y0 * height // GRID, box.x1 * width // GRID, box.y1 * height // GRID


def bounding_boxes(chain: Chain, width: int, height: int) -> list[list[dict]]:
    """The regions as one frame of pixel boxes, for a picture of that size; no frame if there is no region."""
    frame = [_pixel_box(region, width, height) for region in chain.regions]
    return [frame] if frame else []


def elements(chain: Chain) -> list[dict]:
    """The regions as elements, in reading order."""
    return [
        {
            "type": "obj",
            "bbox": [region.box.y0, region.box.x0, region.box.y1, region.box.x1],
            "desc": region.phrase,
            "color_palette": [_hex(region)],
        }
        for region in chain.regions
    ]


def check_regions(chain: Chain) -> None:
    """Raise ChainError if the chain has no box."""
    if not chain.regions:
        raise ChainError(
            "The chain has no box. Write at least one behind the thing it holds, "
            "for example: a red cup (120,400),(380,760)."
        )


def text_of_boxes(bboxes: Any, labels: list[str], width: int, height: int) -> str:
    """A chain's text that holds these pixel boxes of a width x height picture, each behind its label, in order.

    labels: texts of one label a line; a blank one stands for what the box says of itself. What lies outside the
    picture is cut off. ChainError, naming the box, if it has no label, is no box, or lies wholly outside.
    """
    frame = _one_frame(bboxes)
    lines = [line.strip(" \t.,;:") for text in labels for line in text.splitlines() or [""]]
    if any(lines[len(frame) :]):
        raise ChainError(f"There are {len(lines)} labels and {len(frame)} boxes. Give one label a box, in their order.")
    lines += [""] * len(frame)
    mentions = [
        f"{_checked_label(line or _own_label(box), number, box)} {_grid_box(box, number, width, height)}"
        for number, (box, line) in enumerate(zip(frame, lines, strict=False), 1)
    ]
    return ", ".join(mentions) + "."


def _one_frame(bboxes: Any) -> list[dict]:
    """The boxes of one picture: a box, a list of them, or a list with one such list."""
    frame = [bboxes] if isinstance(bboxes, dict) else bboxes
    if isinstance(frame, list) and frame and isinstance(frame[0], list):
        if len(frame) > 1:
            raise ChainError(f"The boxes are those of {len(frame)} pictures. A chain plans one: wire the boxes of one.")
        frame = frame[0]
    if not isinstance(frame, list) or not frame:
        raise ChainError("There is no box. Wire the boxes of a detector or of Create Bounding Boxes, at least one.")
    for number, box in enumerate(frame, 1):
        if not isinstance(box, dict) or not all(_is_number(box.get(side)) for side in _SIDES):
            raise ChainError(f"Box {number} is not a box: it needs the numbers {', '.join(_SIDES)}, in pixels.")
    return frame


_SIDES = ("x", "y", "width", "height")
_FAR = 10**9  # pixels; nothing that is meant lies farther away


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_FAR <= value <= _FAR


def _name(box: dict, number: int) -> str:
    x, y, width, height = (round(box[side]) for side in _SIDES)
    return f"Box {number} ({width}x{height} pixels at {x},{y})"


def _metadata(box: dict) -> dict:
    return box["metadata"] if isinstance(box.get("metadata"), dict) else {}


def _own_label(box: dict) -> str:
    """What a box says of itself: Create Bounding Boxes' description, a detector's label, or nothing."""
    found = [_metadata(box).get("desc"), _metadata(box).get("text"), box.get("label")]
    return " ".join(next((text for text in found if isinstance(text, str) and text.strip()), "").split())


_MARKERS = (BOX_START, BOX_END, AFTER_CHAIN)  # behind the last of them a chain is not read on


def _checked_label(label: str, number: int, box: dict) -> str:
    if not label:
        raise ChainError(f"{_name(box, number)} has no label. Write in line {number} of the labels what it holds.")
    try:
        is_plain = not read_chain(label).regions and not any(marker in label for marker in _MARKERS)
    except ChainError:
        is_plain = False
    if not is_plain:
        raise ChainError(
            f"{_name(box, number)} has a box in its label '{label[:40]}', or a marker of one. Leave those out of it."
        )
    return label


def _grid_box(box: dict, number: int, width: int, height: int) -> str:
    """A pixel box as the chain writes it, with its color if it has one. Its far edges are pixels inside it."""
    left, top = round(box["x"]), round(box["y"])
    right, bottom = left + round(box["width"]) - 1, top + round(box["height"]) - 1
    if right < left or bottom < top or left >= width or top >= height or right < 0 or bottom < 0:
        raise ChainError(
            f"{_name(box, number)} covers nothing of the {width}x{height} picture. Take it out, or wire the picture's "
            f"own width and height."
        )
    x0, x1 = _grid_range(left, right, width)
    y0, y1 = _grid_range(top, bottom, height)
    palette = _metadata(box).get("palette")
    first = palette[0] if isinstance(palette, list) and palette and isinstance(palette[0], str) else ""
    color = find_color(first)
    corners = Box(x0, y0, x1, y1)
    return format_box(corners, named(color).word) if color else f"{BOX_START}{corners}{BOX_END}"


def _grid_range(first: int, last: int, side: int) -> tuple[int, int]:
    """Pixels first..last of `side` on the 0..999 grid: the numbers that `_pixel_box` turns into these pixels."""
    start = min(math.ceil(max(first, 0) * GRID / side), GRID - 2)
    return start, max(start + 1, min(math.ceil(min(last, side - 1) * GRID / side), GRID - 1))


def _pixel_box(region: Region, width: int, height: int) -> dict:
    left, top, right, bottom = pixel_corners(region.box, width, height)
    metadata = {"type": "obj", "text": "", "desc": region.phrase, "palette": [_hex(region)]}
    return {
        "x": left,
        "y": top,
        "width": right - left + 1,
        "height": bottom - top + 1,
        "metadata": metadata,
    }


def _hex(region: Region) -> str:
    return "#{:02x}{:02x}{:02x}".format(*region.color[1:])
