"""Where an edit may change its image: masks of a chain's regions, crops around them, and pasting back.

Images are (N, H, W, C) in 0..1, masks (1, H, W): 1 where the edit applies, 0 where the image stays.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..chain.boxes import pixel_corners
from ..chain.grammar import Region
from ..errors import GoTError
from .images import check_image, in_colors
from .sizes import LATENT_PIXELS, MAX_SIDE


class Crop(NamedTuple):
    """A part of an image, in pixels."""

    x: int
    y: int
    width: int
    height: int


class EditArea(NamedTuple):
    """What pasting needs: the image that stays outside the mask, its mask (1, H, W), and the part that is drawn."""

    image: Tensor
    mask: Tensor
    crop: Crop


def edit_mask(regions: Sequence[Region], width: int, height: int, grow: int = 0, feather: int = 0) -> Tensor:
    """(1, height, width): 1 in every box, `grow` pixels wider on each side, then falling to 0 over `feather` pixels.

    Beyond grow + feather pixels from every box it is exactly 0. Boxes of several regions are joined.
    """
    mask = torch.zeros(1, height, width)
    for region in regions:
        left, top, right, bottom = pixel_corners(region.box, width, height)
        across = _outside(width, left - grow, right + grow)
        down = _outside(height, top - grow, bottom + grow)
        distance = torch.hypot(across[None], down[:, None])  # (H, W): pixels to the grown box, 0 inside
        torch.maximum(mask[0], (1 - distance / (feather + 1)).clamp(min=0), out=mask[0])
    return mask


def whole(mask: Tensor) -> Crop:
    """The whole image of a mask."""
    return Crop(0, 0, mask.shape[2], mask.shape[1])


def crop_around(mask: Tensor, margin: int) -> Crop:
    """The part of the image that holds the mask and `margin` pixels around it.

    Its sides are multiples of LATENT_PIXELS where the image has the room.
    """
    rows, columns = mask[0].any(1).nonzero()[:, 0], mask[0].any(0).nonzero()[:, 0]
    x, width = _range(int(columns[0]) - margin, int(columns[-1]) + 1 + margin, mask.shape[2])
    y, height = _range(int(rows[0]) - margin, int(rows[-1]) + 1 + margin, mask.shape[1])
    return Crop(x, y, width, height)


def cropped(image: Tensor, crop: Crop) -> Tensor:
    """The part of an image (N, H, W, C) or a mask (1, H, W)."""
    x, y, width, height = crop
    return image[:, y : y + height, x : x + width]


def scaled(image: Tensor, mask: Tensor, megapixels: float) -> tuple[Tensor, Tensor]:
    """Image and mask at the same new size: about `megapixels` with the same shape; as they are at 0.

    The sides become multiples of 2 * LATENT_PIXELS, which every model takes. The mask's edges stay in 0..1.
    """
    if megapixels == 0:
        return image, mask
    height, width = image.shape[1:3]
    scale, step = (megapixels * 1_000_000 / (width * height)) ** 0.5, 2 * LATENT_PIXELS
    size = [min(max(round(side * scale / step) * step, step), MAX_SIDE) for side in (height, width)]
    if size == [height, width]:
        return image, mask
    larger = _resized(image.movedim(-1, 1), size, "bicubic").movedim(1, -1).clamp(0, 1)
    return larger, _resized(mask[:, None], size, "bilinear")[:, 0].clamp(0, 1)


def paste(drawn: Tensor, area: EditArea) -> Tensor:
    """The drawn images in their places of the original: drawn where the mask is 1, original where it is 0, bit for bit.

    drawn: (M, h, w, C) of any size, scaled to the crop. One original takes M drawn images, and M originals take M or
    one. An alpha channel is the original's, and a gray image is drawn in all colors. GoTError for other counts.
    """
    check_image(drawn)
    image, crop = area.image, area.crop
    if len(drawn) != len(image) and 1 not in (len(drawn), len(image)):
        raise GoTError(
            f"There are {len(drawn)} drawn images and {len(image)} originals. Draw one image, or one for each original."
        )
    colors = min(image.shape[-1], 3)
    drawn = in_colors(drawn)[..., :colors].to(image)
    if drawn.shape[1:3] != (crop.height, crop.width):
        drawn = _resized(drawn.movedim(-1, 1), [crop.height, crop.width], "bicubic").movedim(1, -1).clamp(0, 1)
    result = image.expand(max(len(image), len(drawn)), *image.shape[1:]).clone()
    inside = cropped(result, crop)[..., :colors]
    mask = cropped(area.mask, crop)[..., None].to(image)
    inside.copy_(torch.where(mask > 0, inside * (1 - mask) + drawn * mask, inside))
    return result


def _outside(side: int, first: int, last: int) -> Tensor:
    """(side,): how many pixels each position lies outside first..last, 0 inside."""
    positions = torch.arange(side)
    return torch.maximum(first - positions, positions - last).clamp(min=0).float()


def _range(start: int, stop: int, side: int) -> tuple[int, int]:
    """Start and length of a range of whole cells that holds start..stop, inside 0..side."""
    start, stop = max(start, 0), min(stop, side)
    length = -(-(stop - start) // LATENT_PIXELS) * LATENT_PIXELS
    length = length if length <= side else max(side // LATENT_PIXELS * LATENT_PIXELS, stop - start)
    start = max(0, min(start - (length - (stop - start)) // 2, side - length))
    return start, length


def _resized(channels: Tensor, size: list[int], mode: str) -> Tensor:
    return functional.interpolate(channels, size, mode=mode, antialias=True)
