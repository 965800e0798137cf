"""An image of a chain's plan, for people: boxes in their colors, each with its number and phrase."""

from collections.abc import Callable, Iterable

from PIL import Image, ImageDraw
from torch import Tensor

from ...chain.boxes import pixel_corners
from ...chain.grammar import GRID, Chain, Region
from ..images import to_pil, to_tensor
from .labels import Labels

_BACKGROUND = (40, 40, 40)
_TINT = 60  # of 255: how much a box hides of what is below
_LETTERS = 28  # the letters' height is this part of the image's shorter side,
_SMALLEST, _LARGEST = 11, 160  # but at least and at most so many pixels
_SMALL = 256  # pixels of the shorter side, below which several lines would hide the image

Place = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def plan_image(
    chain: Chain, background: Tensor | None, width: int, height: int, check: Callable[[], None] = lambda: None
) -> Tensor:
    """The plan (1, H, W, 3) in 0..1, over the background (1, H, W, 3) if there is one, else on dark gray.

    A region that is switched off is an outline alone.

    width, height: pixels without a background; with one the plan has its size. check: called before each step, and
    no step takes longer than a moment; it may raise to stop.
    """
    image = Image.new("RGB", (width, height), _BACKGROUND) if background is None else to_pil(background)
    check()
    _tint(image, chain.regions, check)
    pen, edge = ImageDraw.Draw(image), max(1, min(image.size) // 256)
    for region in chain.regions:
        check()
        pen.rectangle(pixel_corners(region.box, *image.size), outline=region.color.rgb, width=edge)
    _label(image, chain.regions, edge, check)
    check()
    return to_tensor(image)


def _tint(image: Image.Image, regions: Iterable[Region], check: Callable[[], None]) -> None:
    """Color the boxes' areas. They are blended on the boxes' own grid, so the image is painted once."""
    layer = Image.new("RGBA", (GRID, GRID))
    for region in regions:
        check()
        if region.off:
            continue
        patch = Image.new("RGBA", layer.size)
        patch.paste((*region.color.rgb, _TINT), tuple(region.box))
        layer.alpha_composite(patch)
    check()
    layer = layer.resize(image.size, Image.Resampling.NEAREST)
    image.paste(layer.convert("RGB"), mask=layer.getchannel("A"))


def _label(image: Image.Image, regions: tuple[Region, ...], edge: int, check: Callable[[], None]) -> None:
    """Write each region's label at its box: inside the image, and not on another label if there is space."""
    size = min(_LARGEST, max(_SMALLEST, min(image.size) // _LETTERS))
    brief = min(image.size) < _SMALL
    labels = Labels([region.phrase for region in regions], size, check, brief)
    taken: list[Place] = []
    for number, region in enumerate(regions, 1):
        check()
        box = pixel_corners(region.box, *image.size)
        room = max(box[2] - box[0] - edge, image.width // 3)
        label = labels.draw(number, region.phrase, (region.color.word, region.color.rgb), min(room, image.width))
        place = _place(box, label.size, image.size, taken, edge)
        taken.append(place)
        image.paste(label.convert("RGB"), place[:2], label.getchannel("A"))


def _place(box: Place, size: tuple[int, int], image: tuple[int, int], taken: list[Place], edge: int) -> Place:
    """Where a label goes: in its box from the top down, above it, or below it; the first place that is free."""
    (left, top, right, bottom), (wide, tall) = box, size
    rows = [*range(top + edge, bottom - tall, max(1, tall // 2)), top - tall, bottom + edge, top + edge]
    columns = [left + edge, right - edge - wide]
    spots = [(x, y) for y in rows for x in columns]
    places = [_inside((x, y, x + wide, y + tall), image) for x, y in spots]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), places[0])


def _inside(place: Place, image: tuple[int, int]) -> Place:
    """The place moved into the image, as far as it fits."""
    (left, top, right, bottom), (width, height) = place, image
    x, y = max(0, min(left, width - (right - left))), max(0, min(top, height - (bottom - top)))
    return x, y, x + right - left, y + bottom - top


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
