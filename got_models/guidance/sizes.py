"""Sizes in pixels: what an image to generate and a source image may have."""

from torch import Tensor

from ..chain.grammar import EDIT, Chain
from ..errors import GoTError
from ..files.manifest import Defaults
from .images import check_image

LATENT_PIXELS = 8  # pixels to a latent cell, each way
SNAP = 64  # pixels; automatic sizes are multiples of it
MIN_SIDE, MAX_SIDE, MAX_PIXELS = 16, 8192, 50_000_000  # of source images and of generated ones


def automatic_size(chain: Chain, defaults: Defaults) -> tuple[int, int]:
    """Width and height: as a person chose them, else the model's own.

    An edit has the source's aspect ratio, with as many pixels as the model's own size.
    """
    if chain.chosen_size is not None:
        return chain.chosen_size
    if chain.task != EDIT:
        return defaults.width, defaults.height
    height, width = chain.source.shape[1:3]
    scale = (defaults.width * defaults.height / (width * height)) ** 0.5
    return tuple(min(max(round(side * scale / SNAP) * SNAP, SNAP), MAX_SIDE) for side in (width, height))


def check_size(width: int, height: int) -> None:
    """Raise GoTError unless both sides are multiples of LATENT_PIXELS from SNAP to MAX_SIDE."""
    for name, side in (("width", width), ("height", height)):
        if side % LATENT_PIXELS or not SNAP <= side <= MAX_SIDE:
            near = min(max(round(side / LATENT_PIXELS) * LATENT_PIXELS, SNAP), MAX_SIDE)
            raise GoTError(
                f"The {name} {side} is not a multiple of {LATENT_PIXELS} from {SNAP} to {MAX_SIDE}. Use {near}."
            )


def check_source(image: Tensor) -> None:
    """Raise GoTError unless the source image is a single RGB image (1, H, W, 3) of a size that an edit can take."""
    check_image(image)
    count, height, width, channels = image.shape
    if count != 1:
        raise GoTError(
            f"The image input holds {count} images; an edit takes one. Select one with 'Get Image from Batch'."
        )
    if channels != 3:
        raise GoTError(
            f"The image has {channels} channels; an edit takes red, green and blue. "
            f"Remove the alpha channel, for example with 'Split Image with Alpha'."
        )
    if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS:
        raise GoTError(
            f"The image is {width}x{height} pixels. Each side must be at least {MIN_SIDE} pixels, and the image at "
            f"most {MAX_PIXELS // 1_000_000} million. Resize it first, for example with 'Upscale Image'."
        )
    if not image.isfinite().all():
        raise GoTError(
            "The image holds NaN or infinity in at least one pixel, so nothing can be computed with it. Find the node "
            "before this one that makes it, for example with 'Preview Image'."
        )
