"""What a text says of its own numbers: their order, what they count, and the size of the image."""

import re
from dataclasses import replace
from typing import NamedTuple

from ..grammar import GRID
from .plan import FRACTIONS, LTRB, LTWH, PIXELS, THOUSANDTHS, TLBR, Found, Plan, Settings
from .scaling import SettingError
from .values import side_of

_WORD = r"\s{0,3}['\"]?([A-Za-z][A-Za-z_]{0,8}\d?)['\"]?\s{0,3}"
_SIDES = re.compile(rf"[(\[]{_WORD},{_WORD},{_WORD},{_WORD}[)\]]")
_FORMAT = re.compile(
    r"\b(?:format|order|bbox|box)\w{0,9}['\"]?\s{0,3}[:=_]\s{0,3}['\"]?(xyxy|xywh|yxyx)\b|bbox_(xywh|yxyx)\b", re.I
)
_ORDERS = {
    sides: order
    for order, all_sides in {LTRB: ("xyXY", "XYx2y2"), TLBR: ("yxYX", "YXy2x2"), LTWH: ("xywh", "XYwh")}.items()
    for sides in all_sides
} | {"xyxy": LTRB, "yxyx": TLBR}
_THOUSANDTHS = re.compile(r"\b0\s?(?:-|–|to|\.\.\.?|~)\s?(?:1000|999)\b|[(\[]0,\s?(?:1000|999)[)\]]|\bthousandths\b")
_PERCENT = re.compile(r"\b(?:in|as|are|units?\W{1,5})\s?percent|percentages?\b|\b0\s?(?:-|–|to|\.\.\.?)\s?100\b")
_PIXELS = re.compile(
    r"coordinates?[^.\n\d]{0,40}\bpixels?\b|\b(?:in|units?\W{1,5}) ?(?:pixels?|px)\b|\bpixel coordinates"
    r"|[)\]]\s?pixels\b|\d\s?px['\"]?\s?[,;][^\n]{0,20}?\d\s?px"
)
_IMAGE = r"(?:canvas|image|img|resolution|picture|画布|图像|图片)"
_SIZES = (
    re.compile(
        rf"{_IMAGE}[\w ]{{0,9}}\W{{1,9}}(?:[^{{}}\[\]\n]{{0,80}}?\W)?width\W{{1,4}}(\d{{2,5}})"
        r"\W{1,9}height\W{1,4}(\d{2,5})"
    ),
    re.compile(rf"{_IMAGE}[_ ]?width\W{{1,4}}(\d{{2,5}})\W{{1,9}}{_IMAGE}[_ ]?height\W{{1,4}}(\d{{2,5}})"),
    re.compile(rf"{_IMAGE}[^\n\d.]{{0,30}}(\d{{2,5}})\s?(?:px|pixels)?\s?[x×*]\s?(\d{{2,5}})"),
    re.compile(rf"{_IMAGE}[_ ]?size\W{{1,6}}(\d{{2,5}}),\s?(\d{{2,5}})"),
)  # fmt: skip


class Declared(NamedTuple):
    """order: see plan.py. units: THOUSANDTHS, PIXELS, "percent". size: width, height. Empty if the text says none."""

    order: str = ""
    units: str = ""
    size: tuple[int, int] | None = None


def declared(text: str) -> Declared:
    """What a text says of its numbers. An order counts if the text says one alone."""
    small = text.lower()
    found = {_ORDERS.get("".join(_side(name) for name in match.groups()), "") for match in _SIDES.finditer(text)}
    found |= {_ORDERS[one or other] for one, other in _FORMAT.findall(small)}
    found.discard("")
    kinds = ((_THOUSANDTHS, THOUSANDTHS), (_PERCENT, "percent"), (_PIXELS, PIXELS))
    units = next((kind for pattern, kind in kinds if pattern.search(small)), "")
    size = next((match for pattern in _SIZES if (match := pattern.search(small))), None)
    return Declared(found.pop() if len(found) == 1 else "", units, size and (int(size[1]), int(size[2])))


def _side(name: str) -> str:
    side = side_of(name)
    return {"x0": "x", "y0": "y", "x1": "X", "y1": "Y"}.get(side, side)


def as_declared(plan: Plan, said: Declared, settings: Settings) -> Plan:
    """The plan with what its text says of its numbers. What the form or the user says of them wins."""
    pieces: list[str | Found] = []
    for piece in plan.pieces:
        if isinstance(piece, str):
            pieces.append(_without_order(piece) if said.order else piece)
            continue
        if said.order and not piece.fixed and settings.order == "auto":
            piece = piece._replace(order=said.order)
        pieces.append(_in_units(piece, said.units) if settings.units == "auto" else piece)
    return replace(plan, pieces=pieces)


def _in_units(found: Found, units: str) -> Found:
    if found.fixed == "all" or found.units not in ("", PIXELS) or max(found.numbers) <= 1.02:
        return found
    if units == "percent" and max(found.numbers) <= 100:
        return found._replace(numbers=tuple(number / 100 for number in found.numbers), units=FRACTIONS)
    fits = units == PIXELS or (units == THOUSANDTHS and max(found.numbers) <= GRID)
    return found._replace(units=units) if fits and not found.units else found


def check_size_is_clear(plan: Plan, known: list[Found], said: Declared, settings: Settings) -> None:
    """SettingError if numbers fit both thousandths and the image whose size the text says, and these differ."""
    if not said.size or settings.units != "auto" or all(0.9 <= side / GRID <= 1.1 for side in said.size):
        return
    unknown = [found for found, box in zip(known, plan.boxes, strict=True) if not box.units]
    width, height = said.size
    sides = [
        ((a, c), (b, d)) if found.order != TLBR else ((b, d), (a, c))
        for found in unknown
        for a, b, c, d in [found.numbers]
    ]
    fits = all(max(xs) <= width and max(ys) <= height for xs, ys in sides)
    if unknown and fits and all(found.units == THOUSANDTHS for found in unknown):
        raise SettingError(
            f"The text names an image of {width}x{height}, and its boxes fit both that and thousandths. Set units to "
            f"'{PIXELS}' with width and height, or to '{THOUSANDTHS}'.",
            *("units", "width", "height"),
        )


def _without_order(text: str) -> str:
    """Prose without the sentences that say the order of numbers; of the last sentence the order alone is dropped."""
    sentences = re.split(r"(?<=[.!?\n])", text)
    kept = [sentence for sentence in sentences[:-1] if not _SIDES.search(sentence)]
    return "".join([*kept, _SIDES.sub("", sentences[-1])])
