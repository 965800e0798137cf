"""A chain's boxes in the forms of other nodes: pixel boxes with labels (both ways), and Ideogram's elements.

Pixel boxes are ComfyUI's BOUNDING_BOX: a list of frames, each a list of {x, y, width, height} with metadata. Elements
are {type, bbox: [top, left, bottom, right] in 0..1000, desc, color_palette}.
"""

import math
from typing import Any

from .colors import find_color, named
from .grammar import AFTER_CHAIN, BOX_END, BOX_START, GRID, Box, Chain, ChainError, Region, format_box, read_chain

_SIDES = ("x", "y", "width", "height")
_LARGEST = 10**9  # pixels; the limit of coordinates and sides
_MARKERS = (BOX_START, BOX_END, AFTER_CHAIN)  # the last one ends the chain


def pixel_corners(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of a box in a width x height image, all inside it: x/1000 of the width."""
    return box.x0 * width // GRID, box.y0 * height // GRID, box.x1 * width // GRID, box.y1 * height // GRID


def bounding_boxes(chain: Chain, width: int, height: int) -> list[list[dict]]:
    """The regions as one frame of pixel boxes in a width x height image; no frame if there is no region."""
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
            "The chain has no box. Write at least one after the words for what it holds, "
            "for example: a red cup (120,400),(380,760)."
        )


def text_of_boxes(bboxes: Any, labels: list[str], width: int, height: int) -> str:
    """A chain's text with these pixel boxes of a width x height image, each after its label, in order.

    bboxes: a box, a list of boxes, or a list of one frame. labels: texts with one label a line; where a line is blank,
    the box's own label counts. Boxes are cut off at the image's edges. ChainError names a box that has no label, is
    malformed, or covers no pixel of the image.
    """
    frame = _one_frame(bboxes)
    lines = [line.strip(" \t.,;:") for text in labels for line in text.splitlines() or [""]]
    if any(lines[len(frame) :]):
        raise ChainError(
            f"There are {len(lines)} labels and {len(frame)} boxes. Give one label per box, in the order of the boxes."
        )
    lines += [""] * len(frame)
    mentions = [
        f"{_checked_label(line or _own_label(box), number, box)} {_grid_box(box, number, width, height)}"
        for number, (box, line) in enumerate(zip(frame, lines, strict=False), 1)
    ]
    return ", ".join(mentions) + "."


def _one_frame(bboxes: Any) -> list[dict]:
    """The boxes of one image: from a box, a list of boxes, or a list of one such list."""
    frame = [bboxes] if isinstance(bboxes, dict) else bboxes
    if isinstance(frame, list) and frame and isinstance(frame[0], list):
        if len(frame) > 1:
            raise ChainError(
                f"The input holds boxes for {len(frame)} images, but a chain describes one. Select one frame first."
            )
        frame = frame[0]
    if not isinstance(frame, list) or not frame:
        raise ChainError("There is no box. Connect the boxes of a detector or of Create Bounding Boxes, at least one.")
    for number, box in enumerate(frame, 1):
        if not isinstance(box, dict) or not all(_is_number(box.get(side)) for side in _SIDES):
            raise ChainError(f"Box {number} is not a box: it must have the numbers {', '.join(_SIDES)}, in pixels.")
    return frame


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _name(box: dict, number: int) -> str:
    x, y, width, height = (round(box[side]) for side in _SIDES)
    return f"Box {number} ({width}x{height} pixels at {x},{y})"


def _metadata(box: dict) -> dict:
    return box["metadata"] if isinstance(box.get("metadata"), dict) else {}


def _own_label(box: dict) -> str:
    """The label in a box itself: the description by Create Bounding Boxes, a detector's label, or ""."""
    found = [_metadata(box).get("desc"), _metadata(box).get("text"), box.get("label")]
    return " ".join(next((text for text in found if isinstance(text, str) and text.strip()), "").split())


def _checked_label(label: str, number: int, box: dict) -> str:
    if not label:
        raise ChainError(f"{_name(box, number)} has no label. Write in line {number} of the labels what the box holds.")
    try:
        is_plain = not read_chain(label).regions and not any(marker in label for marker in _MARKERS)
    except ChainError:
        is_plain = False
    if not is_plain:
        raise ChainError(
            f"{_name(box, number)} has the label '{label[:40]}' with a box or a box marker in it. Remove that from the "
            f"label."
        )
    return label


def _grid_box(box: dict, number: int, width: int, height: int) -> str:
    """A pixel box as the chain writes it, with its color if it has one. Its last column and row are inside."""
    left, top = round(box["x"]), round(box["y"])
    right, bottom = left + round(box["width"]) - 1, top + round(box["height"]) - 1
    if right < left or bottom < top or left >= width or top >= height or right < 0 or bottom < 0:
        raise ChainError(
            f"{_name(box, number)} covers no pixel of the {width}x{height} image. Remove the box, or connect the "
            f"width and height of the image that the boxes belong to."
        )
    x0, x1 = _grid_range(left, right, width)
    y0, y1 = _grid_range(top, bottom, height)
    palette = _metadata(box).get("palette")
    first = palette[0] if isinstance(palette, list) and palette and isinstance(palette[0], str) else ""
    color = find_color(first)
    corners = Box(x0, y0, x1, y1)
    return format_box(corners, named(color).word) if color else f"{BOX_START}{corners}{BOX_END}"


def _grid_range(first: int, last: int, side: int) -> tuple[int, int]:
    """Pixels first..last of `side` on the 0..999 grid: the numbers that `pixel_corners` turns into these pixels."""
    start = min(math.ceil(max(first, 0) * GRID / side), GRID - 2)
    return start, max(start + 1, min(math.ceil(min(last, side - 1) * GRID / side), GRID - 1))


def _pixel_box(region: Region, width: int, height: int) -> dict:
    left, top, right, bottom = pixel_corners(region.box, width, height)
    metadata = {"type": "obj", "text": "", "desc": region.phrase, "palette": [_hex(region)]}
    corner = {"x": left, "y": top}
    return corner | {"width": right - left + 1, "height": bottom - top + 1, "metadata": metadata}


def _hex(region: Region) -> str:
    return "#{:02x}{:02x}{:02x}".format(*region.color.rgb)
