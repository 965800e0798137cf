"""Boxes as painted canvases, masks and latents. Tensors in, tensors out.

Images and canvases are (N, H, W, 3) in 0..1. Latents are (N, 4, h, w), unscaled, as the VAE's mode gives them; H and W
are 8 times h and w. Source: arXiv 2503.10639 section 4.3, and the released inference code.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..chain.boxes import pixel_corners
from ..chain.grammar import Region
from .images import resize
from .sizes import MAX_PIXELS

Encode = Callable[[Tensor], Tensor]  # images (N, H, W, 3) in 0..1 -> unscaled latents (N, 4, h, w)


def paint_regions(regions: Sequence[Region], width: int, height: int) -> Tensor:
    """A black canvas (1, H, W, 3) with each region's box filled in its color, later ones over earlier ones."""
    canvas = torch.zeros(1, height, width, 3)
    for region in regions:
        left, top, right, bottom = pixel_corners(region.box, width, height)
        canvas[:, top : bottom + 1, left : right + 1] = torch.tensor(region.color.rgb) / 255
    return canvas


def region_masks(regions: Sequence[Region], width: int, height: int) -> Tensor:
    """One mask (N, H, W) per region: 1 inside its box, 0 outside; a single empty mask if there is no region."""
    masks = torch.zeros(max(len(regions), 1), height, width)
    for mask, region in zip(masks, regions, strict=False):
        left, top, right, bottom = pixel_corners(region.box, width, height)
        mask[top : bottom + 1, left : right + 1] = 1
    return masks


def spatial_latents(regions: Sequence[Region], encode: Encode, width: int, height: int) -> Tensor:
    """G_s (1, 4, h, w): each region painted on its own canvas and encoded, then the mean over regions.

    Without a region it is one black canvas. Equal canvases are encoded once; the mean still counts each region. At most
    MAX_PIXELS are painted at a time.
    """
    if not regions:
        return encode(torch.zeros(1, height, width, 3))
    keys = [(pixel_corners(region.box, width, height), region.color.rgb) for region in regions]
    counts, distinct = Counter(keys), list(dict(zip(keys, regions, strict=True)).values())
    at_once = max(1, MAX_PIXELS // (width * height))
    latents = []
    for start in range(0, len(distinct), at_once):
        canvases = [paint_regions([region], width, height) for region in distinct[start : start + at_once]]
        latents.append(encode(torch.cat(canvases)))
    latents = torch.cat(latents)
    share = torch.tensor(list(counts.values()), dtype=latents.dtype, device=latents.device) / len(regions)
    return (latents * share.view(-1, 1, 1, 1)).sum(0, keepdim=True)


def reference_latents(source: Tensor | None, encode: Encode, width: int, height: int) -> Tensor:
    """G_r (1, 4, h, w): the source image at the output's size, encoded; a black image for text-to-image."""
    return encode(torch.zeros(1, height, width, 3) if source is None else resize(source, width, height))
