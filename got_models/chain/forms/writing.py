"""Writes a chain in the forms that other models read. `write_plan` is the way in.

    FLUX 3                caption that cites every <obj_N>, then a table of rows; edits: the same with a reference
    FLUX 3 edit           the rows say where a thing was and where it goes
    Ideogram              JSON caption with elements, for Ideogram 4 and 4.5
    MOSS-Image            layout in pixels from the center of the canvas
    RePlan                region-aligned edits, in pixels of the source
    JSON                  bbox_2d, label and color: the spelling of Qwen3-VL
    prose with citations  FLUX 3's caption alone, for core's Flux3LayoutPrompt, which adds the rows
    prose                 no boxes: each phrase is followed by its place in words

A new form is a function from a chain and a size to a text, and one line in FORMS. The readers of this package read
each back to the same regions, as far as the form has them: phrase and box, and in Ideogram and JSON the color. A far
edge of 999 is written as 1000, the edge of the image. Standard library only.
Sources: black-forest-labs/flux-3-image-klein, flux3/bbox.py; docs.bfl.ai, FLUX 3 bounding boxes; moss-image-mlx,
layout.py; ComfyUI-KJNodes, ideogram4_nodes.py; dvlab-research/RePlan, replan.py.
"""

import json
import re
from collections.abc import Callable, Collection
from typing import Any

from ..boxes import check_regions, element_box, elements
from ..grammar import EDIT, GRID, Chain, ChainError, Region, guiding, without_boxes
from ..phrases import QUOTED, without_tags
from .building import without_box
from .entries import has_letters, quoted_text
from .moves import edited_regions, is_area, moves
from .places import with_places
from .plan import sentence

Size = tuple[int, int]  # width and height in pixels

_ROUND = str.maketrans("[]{}", "()()")
_TAGS = re.compile(r"\s?<(?:obj|ref_image)_\d{1,9}>|</?[A-Za-z][^<>\n]{0,40}>")
_REMOVES = re.compile(
    r"\s*(?:please )?(?:remove|delete|erase|get rid of|take (?:away|out))\b|.{0,6}(?:删除|移除|去掉|去除)", re.I
)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s*")


def write_plan(chain: Chain, form: str, width: int = 0, height: int = 0) -> str:
    """The chain in one of FORMS. ChainError if it has no box, or a box without words, or pixels have no size.

    width, height: of the image in pixels, for MOSS-Image and RePlan. 0: of the chain's source, or of its request.
    Of a region that is switched off only the words are written, and only by forms that have prose.
    """
    if form not in FORMS:
        raise ChainError(f"The form '{form}' is unknown. Use one of: {', '.join(FORMS)}.")
    check_regions(chain)
    chain = guiding(chain)
    bare = next((number for number, region in enumerate(chain.regions, 1) if not has_letters(region.phrase)), 0)
    if bare:
        raise ChainError(
            f"Box {bare} {chain.regions[bare - 1].box} has no words that say what it holds, and other models need them."
            f" Write them before the box, for example: a red cup (120,400),(380,760)."
        )
    return FORMS[form](chain, _size(chain, width, height))


def cited_prose(chain: Chain, places: Collection[int] = ()) -> str:
    """The chain's prose with ` <obj_N>` in the place of its N-th box, in reading order. An edit names its reference.

    places: regions, from 0, that are no object of their own: the new places of what moves. They get no citation.
    """
    chain = guiding(chain)
    pieces, start, number = [], 0, 0
    for index, region in enumerate(chain.regions):
        number += index not in places
        cited = "" if index in places else f" <obj_{number}>"
        pieces.append(f"{_prose(chain.text[start : region.box_span[0]]).rstrip(' ')}{cited}")
        start = region.box_span[1]
    prose = "".join([*pieces, _prose(chain.text[start:])]).strip()
    if chain.task != EDIT:
        return prose
    asked = _instruction(chain)
    asked = asked[:1].lower() + asked[1:] if asked[1:2].islower() else asked
    return f"In <ref_image_0>, {sentence(asked) if asked else ''}{prose}"


# -------------------------------------------------------------------------------------------------------------- forms


def _flux(chain: Chain, size: Size) -> str:
    rows = [
        {"id": f"obj_{number}", "bbox": element_box(region.box), "desc": _after(region, chain)}
        for number, region in enumerate(chain.regions, 1)
    ]
    return f"{cited_prose(chain)} {_json(rows)}"


def _flux_edit(chain: Chain, size: Size) -> str:
    """A row without `from` is new or changed, one without `tgt_bbox` is removed, one with the same box twice is kept.

    A thing and its new place are one row, which moves. What `edited_regions` leaves out is kept.
    """
    edited, pairs = edited_regions(chain), moves(chain)
    rows = []
    for index, region in enumerate(chain.regions):
        if index in pairs.values():
            continue
        box = element_box(region.box)
        if index in pairs:
            boxes = (box, element_box(chain.regions[pairs[index]].box))
        elif region not in edited:
            boxes = (box, box)
        else:
            boxes = (box, None) if _REMOVES.match(_instruction(chain)) else (None, box)
        row = {"id": f"obj_{len(rows) + 1}", "from": "ref_image_0" if boxes[0] else None}
        rows.append(row | {"src_bbox": boxes[0], "tgt_bbox": boxes[1], "desc": _after(region, chain)})
    return f"{cited_prose(chain, pairs.values())} {_json(rows)}"


def _ideogram(chain: Chain, size: Size) -> str:
    """Compact, in the order of keys that Ideogram checks. A text to be drawn has single quotes around it in prose.

    An area to be edited is described by the instruction, as Ideogram's edits want it.
    """
    rows = elements(chain)
    for row, region in zip(rows, chain.regions, strict=True):
        row["desc"] = _after(region, chain)
        if "text" in row:
            row["desc"] = QUOTED.sub(_single, row["desc"], count=1)
    whole, background = (QUOTED.sub(_single, _prose(text)) for text in (without_boxes(chain), _background(chain)))
    deconstruction = {"background": background, "elements": rows}
    return _json({"high_level_description": whole, "compositional_deconstruction": deconstruction}, (",", ":"))


def _moss(chain: Chain, size: Size) -> str:
    _check_size("MOSS-Image", size)
    items = [_moss_item(region, size) for region in chain.regions]
    plan = {"summary": {"caption": _prose(without_boxes(chain))}, "items": items}
    return _json(plan | {"bbox_format": "yxyx", "bbox_coord_space": "abs_centralized"})


def _moss_item(region: Region, size: Size) -> dict:
    width, height = size
    top, left, bottom, right = element_box(region.box)
    ys, xs = _pixels(top, bottom, height, -height / 2), _pixels(left, right, width, -width / 2)
    text = quoted_text(region.phrase)
    item = {"label": "text" if text else "object", "caption": region.phrase} | ({"text": text} if text else {})
    return item | {"bbox": [ys[0], xs[0], ys[1], xs[1]]}


def _replan(chain: Chain, size: Size) -> str:
    """RePlan's own program reads bbox_2d and hint. The label is the phrase, where the hint is the instruction."""
    _check_size("RePlan", size)
    rows = []
    for region in chain.regions:
        top, left, bottom, right = element_box(region.box)
        xs, ys = _pixels(left, right, size[0]), _pixels(top, bottom, size[1])
        hint = _instruction(chain) if chain.task == EDIT and len(chain.regions) == 1 else ""
        hint = hint or _after(region, chain)
        label = {"label": region.phrase} if hint != region.phrase else {}
        rows.append({"bbox_2d": [xs[0], ys[0], xs[1], ys[1]], "hint": hint} | label)
    return f"<gen_image>keep remaining part of image unchanged.</gen_image><region>{_json(rows)}</region>"


def _qwen(chain: Chain, size: Size) -> str:
    rows = []
    for region in chain.regions:
        top, left, bottom, right = element_box(region.box)
        rows.append({"bbox_2d": [left, top, right, bottom], "label": region.phrase, "color": region.color.word})
    return _json(rows)


def _cited(chain: Chain, size: Size) -> str:
    return cited_prose(chain)


def _places(chain: Chain, size: Size) -> str:
    return _prose(with_places(chain))


FORMS: dict[str, Callable[[Chain, Size], str]] = {
    "FLUX 3": _flux,
    "FLUX 3 edit": _flux_edit,
    "Ideogram": _ideogram,
    "MOSS-Image": _moss,
    "RePlan": _replan,
    "JSON": _qwen,
    "prose with citations": _cited,
    "prose": _places,
}

# -------------------------------------------------------------------------------------------------------------- parts


def _prose(text: str) -> str:
    """Words that no reader takes for a box, a citation or data."""
    return without_box(_TAGS.sub("", without_tags(text)).translate(_ROUND))


def _instruction(chain: Chain) -> str:
    """An edit's instruction in one line."""
    return " ".join(_prose(chain.prompt).split()) if chain.task == EDIT else ""


def _after(region: Region, chain: Chain) -> str:
    """What a region looks like: its phrase; the instruction, if the phrase only calls it an area to be edited."""
    return (_instruction(chain) if is_area(region) else "") or region.phrase


def _background(chain: Chain) -> str:
    """The sentences of the chain that hold no box; without any, the prompt, or all of its prose."""
    marked, start = [], 0
    for region in chain.regions:
        marked.append(chain.text[start : region.box_span[0]])
        start = region.box_span[1]
    parts = _SENTENCE_END.split("\0".join([*marked, chain.text[start:]]))
    plain = " ".join(part.strip() for part in parts if "\0" not in part and any(map(str.isalpha, part)))
    return without_tags(plain) or chain.prompt.strip() or without_boxes(chain)


def _single(quoted: re.Match) -> str:
    return f"'{quoted[0][1:-1]}'"


def _pixels(first: int, last: int, side: int, offset: float = 0) -> tuple[int, int]:
    """A range of the grid in whole pixels, at least one wide."""
    start, stop = (round(value * side / GRID + offset) for value in (first, last))
    return (start, stop) if start < stop else (start, start + 1)


def _size(chain: Chain, width: int, height: int) -> Size:
    known = chain.size or (0, 0)
    if chain.source is not None:
        known = chain.source.shape[2], chain.source.shape[1]
    return width or known[0], height or known[1]


def _check_size(form: str, size: Size) -> None:
    if min(size) < 1:
        raise ChainError(
            f"The form {form} counts pixels, and the size of the chain's image is unknown. Set width and height to "
            f"those of the image."
        )


def _json(data: Any, separators: tuple[str, str] = (", ", ": ")) -> str:
    return json.dumps(data, ensure_ascii=False, separators=separators)
