"""An image of a chain's plan, for people: boxes in their colors, each with its number and phrase."""

from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..chain.boxes import pixel_corners
from ..chain.grammar import Chain
from .images import to_pil, to_tensor

_BACKGROUND = (40, 40, 40)
_SMALLEST_FONT = 10  # pixels
_LONGEST_LABEL = 200  # characters; Pillow draws a text whole, even where it leaves the image


def plan_image(
    chain: Chain, background: Tensor | None, width: int, height: int, check: Callable[[], None] = lambda: None
) -> Tensor:
    """The plan (1, H, W, 3) in 0..1, over the background (1, H, W, 3) if there is one, else on dark gray.

    A region that is switched off is an outline alone.

    width, height: pixels without a background; with one the plan has its size. check: called before each region, which
    takes up to a second in a large image; it may raise to stop.
    """
    image = Image.new("RGB", (width, height), _BACKGROUND) if background is None else to_pil(background)
    pen = ImageDraw.Draw(image, "RGBA")
    font = ImageFont.load_default(max(_SMALLEST_FONT, image.height // 40))
    for number, region in enumerate(chain.regions, 1):
        check()
        corners, color = pixel_corners(region.box, *image.size), region.color.rgb
        fill = None if region.off else (*color, 60)
        pen.rectangle(corners, fill=fill, outline=color, width=max(1, image.height // 256))
        _label(pen, f"{number} {region.phrase[:_LONGEST_LABEL]}", corners[:2], font)
    return to_tensor(image)


def _label(pen: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], font: ImageFont.ImageFont) -> None:
    left, top = corner[0] + 2, corner[1] + 2
    pen.rectangle(pen.textbbox((left, top), text, font=font), fill=(0, 0, 0, 160))
    pen.text((left, top), text, fill="white", font=font)
