"""Images in their three forms, and from one to another: tensors, uint8 arrays and Pillow images.

tensor   (N, H, W, C) in 0..1, as ComfyUI's IMAGE; only the first of a batch is converted
array    (H, W, 3) uint8
Pillow   mode RGB
"""

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional

from ..errors import GoTError


def to_array(image: Tensor) -> np.ndarray:
    """A tensor (N, H, W, C) as an array (H, W, 3): the first image, without alpha, rounded to 8 bits.

    C is 1 or 2 for gray, else 3 or more. GoTError if the tensor has not the form of ComfyUI's IMAGE.
    """
    check_image(image)
    return (in_colors(image[:1])[0] * 255).round().clamp(0, 255).to("cpu", torch.uint8).numpy()


def check_image(image: Tensor) -> None:
    """Raise GoTError unless a tensor has the form of ComfyUI's IMAGE: (N, H, W, C), decimal numbers in 0..1."""
    if image.ndim != 4 or not image.is_floating_point() or not image.numel():
        raise GoTError(
            f"The image has the shape {tuple(image.shape)} and the type {image.dtype}. ComfyUI's images have four "
            f"dimensions (count, height, width, channels) and decimal numbers from 0 to 1. Check the node that makes "
            f"this image."
        )


def in_colors(image: Tensor) -> Tensor:
    """Images (N, H, W, C) as (N, H, W, 3), without alpha; gray ones in all three channels."""
    gray = image.shape[-1] < 3
    return image[..., :1].expand(*image.shape[:-1], 3) if gray else image[..., :3]


def to_pil(image: Tensor | np.ndarray) -> Image.Image:
    """A tensor or an array as a Pillow image."""
    return Image.fromarray(to_array(image) if isinstance(image, Tensor) else image)


def to_tensor(image: Image.Image | np.ndarray) -> Tensor:
    """A Pillow image or an array (H, W, 3) as a tensor (1, H, W, 3) in 0..1."""
    return torch.from_numpy(np.array(image))[None] / 255


def upright_rgb(image: Image.Image) -> np.ndarray:
    """An image file of any kind as an array (H, W, 3): upright by its EXIF, 8 bits, without alpha.

    Transparent parts become white. Gray of 16 bits is divided by 257. Floats are in 0..1, or in 0..255 if one is above
    1. ValueError for floats outside of these ranges.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        return _gray(_float_levels(np.asarray(image)))
    if image.mode.startswith("I"):  # 16 bits, also where Pillow holds them in 32
        return _gray(np.asarray(image).astype(np.float64) / 257)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(white, layer)
    return np.array(image.convert("RGB"))


def _float_levels(values: np.ndarray) -> np.ndarray:
    """Floats in 0..255."""
    low, high = float(values.min()), float(values.max())
    if not 0 <= low <= high <= 255:  # also if one is NaN
        raise ValueError(f"its numbers are from {low:g} to {high:g}, not from 0 to 1 or from 0 to 255")
    return values * 255 if high <= 1 else values


def _gray(levels: np.ndarray) -> np.ndarray:
    """Levels (H, W) in 0..255 as an array (H, W, 3)."""
    return np.repeat(levels.round().clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def bicubic(image: Tensor | np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A tensor or an array at another (width, height), by Pillow's bicubic filter on 8 bits, as the released code does.

    The aspect ratio is not kept.
    """
    return to_pil(image).resize(size, Image.Resampling.BICUBIC)


def resize(image: Tensor, width: int, height: int) -> Tensor:
    """A tensor (1, H, W, 3) at another size, by `bicubic`. At its own size it stays as it is, unrounded."""
    return image if image.shape[1:3] == (height, width) else to_tensor(bicubic(image, (width, height)))


def thumbnail(images: Tensor, longest: int) -> Tensor:
    """The first of the images (N, H, W, C) as (1, h, w, 3), with no side above `longest` pixels. Errors: `to_array`."""
    check_image(images)
    channels = in_colors(images[:1]).movedim(-1, 1)  # (1, 3, H, W)
    height, width = channels.shape[2:]
    scale = min(1.0, longest / max(height, width))
    if scale < 1:
        size = [max(1, round(side * scale)) for side in (height, width)]
        channels = functional.interpolate(channels.float(), size, mode="area")
    return channels.movedim(1, -1)
