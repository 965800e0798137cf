"""From the numbers of a form to boxes on the chain's grid. What cannot be known is refused, never guessed.

    grid = min(999, max(0, round(number * 1000 / extent)))

extent: 1000 for thousandths, 1 for fractions, the side of the image for pixels. A box may leave the image by 2 % of a
side; it is then clipped.
"""

import math

from ..grammar import GRID, Box, ChainError
from .plan import FRACTIONS, LTRB, LTWH, PIXELS, THOUSANDTHS, TLBR, Found, Plan, Settings

_TOLERANCE = 0.02
_HOW = "Write it as (left,top),(right,bottom), whole numbers from 0 to 999, for example (120,400),(380,760)."


class SettingError(ChainError):
    """Numbers that cannot be understood as they are. settings: the names of the settings that may help."""

    def __init__(self, message: str, *settings: str):
        super().__init__(message)
        self.settings = settings


def known_boxes(plan: Plan, settings: Settings) -> list[Found]:
    """The boxes of a plan, in order, each with its units."""
    known = [_with_settings(found, settings) for found in plan.boxes]
    auto = _units_of([found for found in known if not found.units])
    return [found if found.units else found._replace(units=auto) for found in known]


def grid_boxes(known: list[Found], settings: Settings, no_size: str = "") -> list[Box]:
    """The `known_boxes` of a plan on the grid. SettingError names the box and the setting that is missing."""
    for number, found in enumerate(known, 1):
        if found.units == PIXELS and not settings.has_size:
            raise SettingError(
                no_size
                or f"{_name(found, number)} is in pixels, and the size of its image is unknown. Set width and height "
                f"to those of the image that the model saw.",
                *("width", "height"),
            )
    return [_on_grid(found, number, known, settings) for number, found in enumerate(known, 1)]


def _with_settings(found: Found, settings: Settings) -> Found:
    if found.fixed == "all":
        return found
    order = found.order if settings.order == "auto" or found.fixed else settings.order
    units = found.units if settings.units == "auto" else settings.units
    return found._replace(order=order, units=units)


def _units_of(boxes: list[Found]) -> str:
    """Fractions if no number is above 1, pixels if one is above 1000 or not whole, else thousandths."""
    numbers = [number for found in boxes for number in found.numbers]
    if numbers and max(numbers) <= 1 + _TOLERANCE:
        return FRACTIONS
    is_pixels = any(number > GRID or number != int(number) for number in numbers)
    return PIXELS if is_pixels else THOUSANDTHS


def _extents(found: Found, settings: Settings) -> tuple[float, float]:
    if found.units == PIXELS:
        return settings.width, settings.height
    return (1, 1) if found.units == FRACTIONS else (GRID, GRID)


def _corners(found: Found, order: str) -> tuple[float, ...]:
    """left, top, right, bottom."""
    a, b, c, d = found.numbers
    if order == TLBR:
        return b, a, d, c
    return (a, b, a + c, b + d) if order == LTWH else (a, b, c, d)


def _on_grid(found: Found, number: int, boxes: list[Found], settings: Settings) -> Box:
    x0, y0, x1, y1 = _corners(found, found.order)
    name = _name(found, number)
    if x0 >= x1 or y0 >= y1:
        raise _is_empty(name, (x0, y0, x1, y1), found, boxes, settings)
    width, height = _extents(found, settings)
    for value, extent in ((x0, width), (y0, height), (x1, width), (y1, height)):
        if not -_TOLERANCE * extent <= value <= (1 + _TOLERANCE) * extent:
            raise _leaves(name, value, extent, found, settings)
    left, right = grid_range(x0, x1, width)
    top, bottom = grid_range(y0, y1, height)
    return Box(left, top, right, bottom)


def _name(found: Found, number: int) -> str:
    words = (found.label or found.name)[:40]
    return f"Box {number} '{words}' {found.shown}" if words else f"Box {number} {found.shown}"


def grid_range(first: float, last: float, extent: float) -> tuple[int, int]:
    """A range on the grid, at least one step wide."""
    start, stop = (min(GRID - 1, max(0, round(value * GRID / extent))) for value in (first, last))
    if start == stop:
        start, stop = (start, start + 1) if start < GRID - 1 else (start - 1, start)
    return start, stop


def pixel_range(first: int, last: int, side: int) -> tuple[int, int]:
    """Pixels first..last of `side` on the grid: the numbers that boxes.pixel_corners turns into these pixels."""
    start = min(math.ceil(max(first, 0) * GRID / side), GRID - 2)
    return start, max(start + 1, min(math.ceil(min(last, side - 1) * GRID / side), GRID - 1))


def _is_empty(
    name: str, corners: tuple[float, ...], found: Found, boxes: list[Found], settings: Settings
) -> ChainError:
    x0, y0, x1, y1 = corners
    if found.order == LTRB and not found.fixed and all(_fits_as_sizes(other, settings) for other in boxes):
        what = "its top is below its bottom" if y0 > y1 else "its left is right of its right"
        if (x0 == x1 and y0 <= y1) or (y0 == y1 and x0 <= x1):
            what = "two of its sides are the same"
        return SettingError(
            f"{name} is empty: {what}. If its last two numbers are width and height, set order to '{LTWH}'.", "order"
        )
    side = "left of" if x0 >= x1 else "above"
    message = f"{name} is empty: its first corner is not {side} its second. {_HOW}"
    return ChainError(message) if found.fixed else SettingError(message, "order")


def _fits_as_sizes(found: Found, settings: Settings) -> bool:
    """Whether the numbers would be a box within the image if the last two were width and height."""
    x0, y0, x1, y1 = _corners(found, LTWH)
    width, height = _extents(found, settings)
    most = 1 + _TOLERANCE
    return found.order == LTRB and x0 < x1 <= most * width and y0 < y1 <= most * height


def _leaves(name: str, value: float, extent: float, found: Found, settings: Settings) -> ChainError:
    if found.units == PIXELS:
        image, how = f"the {settings.width}x{settings.height} image", "or the width and height of the image"
        how = f"Set units, {how} that the model saw."
    else:
        image, how = "the image", "Set units, and width and height for pixels."
    limit = f"{value:.6g} is less than 0" if value < 0 else f"{value:.6g} is more than {extent:.6g}"
    return SettingError(f"{name} leaves {image}: {limit}. {how}", "units", "width", "height")
