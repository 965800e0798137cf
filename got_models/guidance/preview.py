"""A picture of a chain's plan, for people: boxes in their colors, each with its number and phrase."""

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional

from ..chain.grammar import Chain
from .formula import region_corners

_GROUND = (40, 40, 40)
_SMALLEST_FONT = 10  # pixels
_LONGEST_LABEL = 200  # characters; Pillow draws a text whole, however little of it there is room for


def plan_picture(chain: Chain, background: Tensor | None, width: int, height: int) -> Tensor:
    """The plan (1, H, W, 3) in 0..1, over the background (1, H, W, 3) if there is one, else on dark gray."""
    if background is not None:
        height, width = background.shape[1:3]
        picture = Image.fromarray((background[0, ..., :3] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy())
    else:
        picture = Image.new("RGB", (width, height), _GROUND)
    pen = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(max(_SMALLEST_FONT, height // 40))
    for number, region in enumerate(chain.regions, 1):
        corners, color = region_corners(region, width, height), region.color[1:]
        pen.rectangle(corners, fill=(*color, 60), outline=color, width=max(1, height // 256))
        _label(pen, f"{number} {region.phrase[:_LONGEST_LABEL]}", corners[:2], font)
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, height, width, 3) / 255


def small_picture(picture: Tensor, longest: int) -> Tensor:
    """The first of the pictures (N, H, W, 1 or more) in 0..1 as (1, h, w, 3) with no side above `longest` pixels."""
    channels = picture[:1, ..., :3].movedim(-1, 1)  # (1, C, H, W)
    height, width = channels.shape[2:]
    scale = min(1.0, longest / max(height, width))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (height, width)]
        channels = functional.interpolate(channels.float(), size, mode="area")
    return channels.movedim(1, -1).expand(-1, -1, -1, 3)


def _label(pen: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], font: ImageFont.ImageFont) -> None:
    left, top = corner[0] + 2, corner[1] + 2
    pen.rectangle(pen.textbbox((left, top), text, font=font), fill=(0, 0, 0, 160))
    pen.text((left, top), text, fill="white", font=font)
