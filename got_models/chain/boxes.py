"""A chain's boxes in the forms of other nodes: pixel boxes with labels (both ways), and Ideogram's elements.

Pixel boxes are ComfyUI's BOUNDING_BOX: a list of frames, each a list of {x, y, width, height} with metadata. Elements
are {type, bbox: [top, left, bottom, right] in 0..1000, desc, color_palette}.
"""

from typing import Any, NamedTuple

from .forms.building import clean_label
from .forms.color_words import color_word
from .forms.entries import color_of, inner_of, quoted_text, text_label, words_of
from .forms.objects import rows_of
from .forms.plan import Settings
from .forms.scaling import grid_range, pixel_range
from .grammar import (
    AFTER_CHAIN,
    BOX_END,
    BOX_START,
    GRID,
    Box,
    Chain,
    ChainError,
    Region,
    format_box,
    guiding,
    read_chain,
)
from .phrases import OBJECT_END, OBJECT_START

_SIDES = ("x", "y", "width", "height")
_LARGEST = 10**9  # pixels; the limit of coordinates and sides
_MARKERS = (BOX_START, BOX_END, AFTER_CHAIN)  # the last one ends the chain


def pixel_corners(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of a box in a width x height image, all inside it: x/1000 of the width."""
    return box.x0 * width // GRID, box.y0 * height // GRID, box.x1 * width // GRID, box.y1 * height // GRID


def bounding_boxes(chain: Chain, width: int, height: int) -> list[list[dict]]:
    """The regions as one frame of pixel boxes in a width x height image; no frame if none guides."""
    frame = [_pixel_box(region, width, height) for region in guiding(chain).regions]
    return [frame] if frame else []


def elements(chain: Chain) -> list[dict]:
    """The regions that guide, as elements in reading order. One that holds a quoted text is of type `text`."""
    return [_element(region) for region in guiding(chain).regions]


def _element(region: Region) -> dict:
    """As core's Create Bounding Boxes writes it: keys in this order, the color in upper case."""
    text = quoted_text(region.phrase)
    kind = {"type": "text" if text else "obj", "bbox": element_box(region.box)} | ({"text": text} if text else {})
    return kind | {"desc": region.phrase, "color_palette": [_hex(region).upper()]}


def element_box(box: Box) -> list[int]:
    """Top, left, bottom and right in 0..1000. A far edge of 999 is 1000, the edge of the image."""
    right, bottom = (GRID if side == GRID - 1 else side for side in (box.x1, box.y1))
    return [box.y0, box.x0, bottom, right]


def check_regions(chain: Chain) -> None:
    """Raise ChainError if the chain has no box that guides."""
    if chain.regions and all(region.off for region in chain.regions):
        raise ChainError("All boxes of the chain are switched off. Switch at least one on in the GoT Chain Editor.")
    if not chain.regions:
        raise ChainError(
            f"The chain has no box. It begins: '{' '.join(chain.text.split())[:60]}'. Write at least one box after the "
            f"words for what it holds, for example: a red cup (120,400),(380,760)."
        )


class Boxes(NamedTuple):
    """text: a chain's, with the boxes in it. note: which boxes were left out, "" if none."""

    text: str
    note: str


def text_of_boxes(bboxes: Any, labels: list[str], width: int, height: int) -> Boxes:
    """A chain's text with these boxes of a width x height image, each after its label, in order.

    bboxes: pixel boxes, elements, or lists of left, top, right and bottom in pixels: one, a list of them, or a list of
    one frame; or a detector's object with bboxes and labels.
    labels: texts with one label a line. Where a line is blank, the box's own label counts. A single line is also the
    label of every other box without its own.
    Boxes are cut off at the image's edges. Boxes without width or height are left out, unless there are no others.
    ChainError names a box that has no label, is malformed, or is outside the image.
    """
    frame = _one_frame(bboxes)
    lines = [line.strip(" \t.,;:") for text in labels for line in text.splitlines() or [""]]
    if any(lines[len(frame) :]):
        raise ChainError(
            f"There are {len(lines)} labels and {len(frame)} {'box' if len(frame) == 1 else 'boxes'}. "
            f"Give one label per box, in the order of the boxes."
        )
    shared = lines[0] if len(lines) == 1 else ""
    lines += [""] * len(frame)
    empty = [number for number, box in enumerate(frame, 1) if _is_empty(box)]
    if len(empty) == len(frame):
        empty = []
    mentions = [
        f"{_checked_label(line or _own_label(box) or shared, number, box)} {_grid_box(box, number, width, height)}"
        for number, (box, line) in enumerate(zip(frame, lines, strict=False), 1)
        if number not in empty
    ]
    note = f"Left out, because they cover no pixel: {', '.join(_name(frame[number - 1], number) for number in empty)}."
    return Boxes(", ".join(mentions) + ".", note if empty else "")


def _one_frame(bboxes: Any) -> list[dict]:
    """The boxes of one image: from a box, a list of boxes, or a list of one such list."""
    bboxes = _of_detections(bboxes)
    frame = [bboxes] if isinstance(bboxes, dict) or _is_corners(bboxes) else bboxes
    if isinstance(frame, list) and frame and isinstance(frame[0], list) and not _is_corners(frame[0]):
        if len(frame) > 1:
            raise ChainError(
                f"The input holds boxes for {len(frame)} images, but a chain describes one. Select one frame first."
            )
        frame = frame[0]
    if not isinstance(frame, list) or not frame:
        raise ChainError("There is no box. Connect the boxes of a detector or of Create Bounding Boxes, at least one.")
    return [_as_pixel_box(box, number) for number, box in enumerate(frame, 1)]


def _of_detections(data: Any) -> Any:
    """Pixel boxes from a detector's own object, such as Florence-2's {bboxes, labels}; other data unchanged."""
    first = data[0] if isinstance(data, list) and len(data) == 1 else data
    if not isinstance(first, dict) or not any(key in first for key in ("bboxes", "boxes", "detections")):
        return data
    rows = rows_of(first, Settings())
    corners = [(row.label, *row.numbers) for row in rows]
    return [
        {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0, "label": label} for label, x0, y0, x1, y1 in corners
    ]


def _is_corners(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 4 and all(_is_number(side) for side in value)


def _as_pixel_box(box: Any, number: int) -> dict:
    """A pixel box, or an element, unchanged; a pixel box from left, top, right and bottom."""
    if _is_corners(box):
        left, top, right, bottom = box
        return {"x": left, "y": top, "width": right - left, "height": bottom - top}
    is_element = isinstance(box, dict) and _is_corners(box.get("bbox"))
    if not is_element and not (isinstance(box, dict) and all(_is_number(box.get(side)) for side in _SIDES)):
        raise ChainError(
            f"Box {number} is not a box: it must have the numbers {', '.join(_SIDES)} in pixels, or bbox as an element."
        )
    return box


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _is_empty(box: dict) -> bool:
    """Whether a box has no width or no height, in whole pixels or steps of the grid."""
    if "bbox" in box:
        top, left, bottom, right = box["bbox"]
        return round(right) <= round(left) or round(bottom) <= round(top)
    return round(box["width"]) < 1 or round(box["height"]) < 1


def _name(box: dict, number: int) -> str:
    if "bbox" in box:
        return f"Box {number} ({', '.join(f'{side:g}' for side in box['bbox'])})"
    x, y, width, height = (round(box[side]) for side in _SIDES)
    return f"Box {number} ({width}x{height} pixels at {x},{y})"


def _own_label(box: dict) -> str:
    """The label in a box itself: a text to be drawn, a description, or a detector's label; "" if there is none."""
    metadata = inner_of(box)
    described = [box.get("desc"), metadata.get("desc"), metadata.get("label"), box.get("label")]
    label = next((words for text in described if (words := words_of(text))), "")
    entries = box if "bbox" in box else metadata
    text = entries.get("text")
    if isinstance(text, str) and text.strip():
        return text_label(label, text) if entries.get("type") == "text" or "type" not in entries else label or text
    return label


def _checked_label(label: str, number: int, box: dict) -> str:
    """The label in GoT-R1's tags, so that it is the phrase as a whole."""
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
    return f"{OBJECT_START}{clean_label(label)}{OBJECT_END}"


def _grid_box(box: dict, number: int, width: int, height: int) -> str:
    """A box as the chain writes it, with its color if it has one."""
    word = color_word(color_of({str(key).lower(): value for key, value in box.items()}))
    corners = _element_corners(box, number) if "bbox" in box else _pixel_box_corners(box, number, width, height)
    return format_box(corners, word) if word else f"{BOX_START}{corners}{BOX_END}"


def _element_corners(box: dict, number: int) -> Box:
    top, left, bottom, right = box["bbox"]
    if _is_empty(box) or min(top, left) < 0 or max(bottom, right) > GRID:
        raise ChainError(f"{_name(box, number)} is not top, left, bottom and right of an element, each from 0 to 1000.")
    x0, x1 = grid_range(left, right, GRID)
    y0, y1 = grid_range(top, bottom, GRID)
    return Box(x0, y0, x1, y1)


def _pixel_box_corners(box: dict, number: int, width: int, height: int) -> Box:
    """The box on the grid. The last column and row of its pixels are inside."""
    left, top = round(box["x"]), round(box["y"])
    right, bottom = left + round(box["width"]) - 1, top + round(box["height"]) - 1
    if right < left or bottom < top or left >= width or top >= height or right < 0 or bottom < 0:
        raise ChainError(
            f"{_name(box, number)} covers no pixel of the {width}x{height} image. Remove the box, or connect the "
            f"width and height of the image that the boxes belong to."
        )
    x0, x1 = pixel_range(left, right, width)
    y0, y1 = pixel_range(top, bottom, height)
    return Box(x0, y0, x1, y1)


def _pixel_box(region: Region, width: int, height: int) -> dict:
    left, top, right, bottom = pixel_corners(region.box, width, height)
    text = quoted_text(region.phrase)
    metadata = {"type": "text" if text else "obj", "text": text, "desc": region.phrase, "palette": [_hex(region)]}
    corner = {"x": left, "y": top}
    return corner | {"width": right - left + 1, "height": bottom - top + 1, "metadata": metadata}


def _hex(region: Region) -> str:
    return "#{:02x}{:02x}{:02x}".format(*region.color.rgb)
