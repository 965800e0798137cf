"""Guidance: a chain's boxes as painted canvases, a picture's size, and the formula that combines four predictions.

Tensors in, tensors out; knows nothing of ComfyUI. Pictures are IMAGE-shaped, (N, H, W, 3) in 0..1; latents (N, 4, h, w)
are unscaled, as the VAE's mode gives them; the picture's (H, W) are 8 times the latent's (h, w).
Source: arXiv 2503.10639 section 4.3, and the released inference code for what the paper leaves open.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ..chain.grammar import EDIT, GRID, Chain, Region
from ..errors import GoTError
from ..files.manifest import Defaults

LATENT_PIXELS = 8  # pixels to a latent cell, each way
SNAP = 64  # pixels; a size worked out here is a multiple of it
MIN_SIDE, MAX_SIDE, MAX_PIXELS = 16, 8192, 50_000_000  # pixels, of pictures that come in and of sizes asked for

Encode = Callable[[Tensor], Tensor]  # pictures (N, H, W, 3) in 0..1 -> unscaled latents (N, 4, h, w)


class Strengths(NamedTuple):
    """How strongly each condition guides: text (semantic), spatial (boxes) and reference (the source picture)."""

    text: float
    spatial: float
    reference: float


class Interval(NamedTuple):
    """The part of the sampling in which guidance applies, as shares of it: 0 is pure noise, 1 the finished picture.

    Before and after it only the cond branch is asked, as at strengths (1, 1, 1). Source: arXiv 2404.07724.
    """

    start: float = 0.0
    end: float = 1.0


PLAIN = Strengths(1, 1, 1)  # no guidance: the cond branch alone
ALWAYS = Interval()


@dataclass(frozen=True)
class Guidance:
    """All that guides the UNet, for one chain.

    context, null_context: (1, T, C), text conditions with and without the chain. pooled: (1, P), used in all branches.
    spatial, reference: (1, 4, h, w), unscaled latents of the painted boxes and of the source picture.
    width, height: pixels of the picture to be made. defaults: what its task uses unless the user says otherwise.
    """

    context: Tensor
    null_context: Tensor
    pooled: Tensor
    spatial: Tensor
    reference: Tensor
    width: int
    height: int
    defaults: Defaults


# ---------------------------------------------------------------------------------------------------- the formula

BRANCHES = ("cond", "text", "image", "uncond")


def branch_weights(strengths: Strengths) -> dict[str, float]:
    """The weight of each branch's prediction; they sum to 1, and a branch of weight zero need not be run.

        uncond + a_t (text - image) + a_s (cond - text) + a_r (image - uncond)

    a_t, a_s, a_r: the strengths text, spatial and reference. cond sees chain, boxes and source; text no boxes; image
    neither chain nor boxes; uncond nothing. At (1, 1, 1) the result is cond, at (0, 0, 0) uncond. Because the weights
    sum to 1, it is the same in noise and in denoised pictures. Source: arXiv 2503.10639 section 4.3.
    """
    text, spatial, reference = strengths
    return {"cond": spatial, "text": text - spatial, "image": reference - text, "uncond": 1 - reference}


def combine(predictions: dict[str, Tensor], strengths: Strengths) -> Tensor:
    """Sum of the branches' predictions (B, C, H, W), each by its weight; branches of weight zero may be absent."""
    weights = branch_weights(strengths)
    return sum(weight * predictions[name] for name, weight in weights.items() if weight != 0)


def as_plain_guidance(predictions: dict[str, Tensor], strengths: Strengths) -> tuple[Tensor, Tensor, float]:
    """The same sum as (with, without, scale) of plain guidance, without + scale (with - without).

    For code that knows only classifier-free guidance: `with` is cond, `without` the mean of the other branches by their
    weights, `scale` the spatial strength. At spatial strength 1, and so near it that rounding would show, those weights
    cancel; then `with` is the whole result, and `without` the prediction that saw least.
    """
    weights = branch_weights(strengths)
    scale = strengths.spatial
    if abs(scale - 1) < 0.01:
        least = next(name for name in reversed(BRANCHES) if name in predictions)
        return combine(predictions, strengths), predictions[least], 1.0
    others = [weight / (1 - scale) * predictions[name] for name, weight in weights.items() if weight and name != "cond"]
    without = sum(others)
    return predictions.get("cond", without), without, scale


# ---------------------------------------------------------------------------------------------------- the schedule


def leading_timesteps(steps: int, train_steps: int = 1000, offset: int = 1) -> list[int]:
    """The reference's time steps, from noise to picture: "leading" spacing, 1 <= steps <= train_steps.

    t_i = i * (train_steps // steps) + offset. Source: diffusers' schedulers with the SDXL configuration.
    """
    stride = train_steps // steps
    return [min(index * stride + offset, train_steps - 1) for index in reversed(range(steps))]


# ------------------------------------------------------------------------------------------------ regions, pictures


def region_corners(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """First and last pixel of a region's box, both inside: corners x/1000 of the width and y/1000 of the height."""
    x0, y0, x1, y1 = region.box
    return x0 * width // GRID, y0 * height // GRID, x1 * width // GRID, y1 * height // GRID


def paint_region(region: Region, width: int, height: int) -> Tensor:
    """A black canvas (H, W, 3) with the region's box filled in its color."""
    canvas = torch.zeros(height, width, 3)
    left, top, right, bottom = region_corners(region, width, height)
    canvas[top : bottom + 1, left : right + 1] = torch.tensor(region.color[1:]) / 255
    return canvas


def paint_plan(regions: Sequence[Region], width: int, height: int) -> Tensor:
    """All boxes on one canvas (1, H, W, 3), later ones over earlier ones: for people to see, not for the model."""
    canvas = torch.zeros(1, height, width, 3)
    for region in regions:
        left, top, right, bottom = region_corners(region, width, height)
        canvas[:, top : bottom + 1, left : right + 1] = torch.tensor(region.color[1:]) / 255
    return canvas


def region_masks(regions: Sequence[Region], width: int, height: int) -> Tensor:
    """One mask (N, H, W) a region: 1 inside its box, 0 outside; a single empty mask if there is no region."""
    masks = torch.zeros(max(len(regions), 1), height, width)
    for mask, region in zip(masks, regions, strict=False):
        left, top, right, bottom = region_corners(region, width, height)
        mask[top : bottom + 1, left : right + 1] = 1
    return masks


def spatial_latents(regions: Sequence[Region], encode: Encode, width: int, height: int) -> Tensor:
    """G_s: each region painted on its own canvas and encoded, then the mean over regions, (1, 4, h, w).

    Without a region it is one black canvas. Equal canvases are encoded once; the mean still counts each region. No more
    than MAX_PIXELS are painted at a time.
    """
    different: dict[tuple, Region] = {}
    counts: dict[tuple, int] = {}
    for region in regions:
        key = (region_corners(region, width, height), region.color[1:])
        different.setdefault(key, region)
        counts[key] = counts.get(key, 0) + 1
    if not different:
        return encode(torch.zeros(1, height, width, 3))
    shown, at_once = list(different.values()), max(1, MAX_PIXELS // (width * height))
    latents = torch.cat(
        [
            encode(torch.stack([paint_region(region, width, height) for region in shown[start : start + at_once]]))
            for start in range(0, len(shown), at_once)
        ]
    )
    share = torch.tensor(list(counts.values()), dtype=latents.dtype, device=latents.device) / len(regions)
    return (latents * share.view(-1, 1, 1, 1)).sum(0, keepdim=True)


def reference_latents(source: Tensor | None, encode: Encode, width: int, height: int) -> Tensor:
    """G_r: the source picture at the output's size, encoded, (1, 4, h, w); a black picture for text-to-image."""
    picture = torch.zeros(1, height, width, 3) if source is None else resized(source, width, height)
    return encode(picture)


def resized(picture: Tensor, width: int, height: int) -> Tensor:
    """A picture (1, H, W, 3) at another size, by Pillow's bicubic filter on 8-bit values, as the reference does it."""
    if picture.shape[1:3] == (height, width):
        return picture
    image = Image.fromarray((picture[0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy())
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(1, height, width, 3) / 255


# ------------------------------------------------------------------------------------------------ sizes and checks


def automatic_size(chain: Chain, defaults: Defaults) -> tuple[int, int]:
    """Width and height in pixels: the model's own, or for edits the source's aspect with as many pixels."""
    if chain.task != EDIT:
        return defaults.width, defaults.height
    height, width = chain.source.shape[1:3]
    scale = (defaults.width * defaults.height / (width * height)) ** 0.5
    return tuple(min(max(round(side * scale / SNAP) * SNAP, SNAP), MAX_SIDE) for side in (width, height))


def check_size(width: int, height: int) -> None:
    """Raise GoTError unless both sides can be cut into latent cells."""
    for name, side in (("width", width), ("height", height)):
        if side % LATENT_PIXELS or not SNAP <= side <= MAX_SIDE:
            near = min(max(round(side / LATENT_PIXELS) * LATENT_PIXELS, SNAP), MAX_SIDE)
            raise GoTError(
                f"The {name} {side} is not a multiple of {LATENT_PIXELS} from {SNAP} to {MAX_SIDE}. Use {near}."
            )


def check_source(picture: Tensor) -> None:
    """Raise GoTError unless the picture to edit is one RGB picture (1, H, W, 3) of a sensible size."""
    count, height, width, channels = picture.shape
    if count != 1:
        raise GoTError(
            f"The picture input holds {count} pictures; an edit takes one. Choose it with 'Image From Batch'."
        )
    if channels != 3:
        raise GoTError(
            f"The picture has {channels} channels; an edit takes red, green and blue. "
            f"Take its alpha channel away, for example with 'Split Image with Alpha'."
        )
    if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS:
        raise GoTError(
            f"The picture is {width}x{height} pixels. Each side must be at least {MIN_SIDE} pixels, and the whole at "
            f"most {MAX_PIXELS // 1_000_000} million. Resize it first, for example with 'Upscale Image'."
        )
