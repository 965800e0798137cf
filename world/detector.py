"""A detector for images of the synthetic world: the background, and each object's shape, color and box.

It segments colors against the background, then compares each outline, stretched to its box, with ideal outlines, sharp
or blurred. It sees only pixels: no prompts, chains or networks.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor
from scipy import ndimage

from . import scenes

STANDS_OUT = 36  # least RGB distance from the background of an object's pixels; white on pink is 82
AKIN = 54  # greatest RGB distance of a pixel of unevenly drawn background
SMALLEST_AREA = 40  # pixels; a smaller region is noise
# Least pixels of a second color without its edge that make a second object. The smallest star has 135.
THICK = 60
OUTLINE = 32  # pixels a side of stretched outlines
BLURS = (0.0, 1.0, 2.0)  # pixels: standard deviations of the blurs that are tried
# Least intersection over union with the best ideal outline, else the shape is "". Each is about 0.1 below the values of
# the smallest and most blurred rendered objects: a star has little area for its long outline, a square much.
LEAST_MATCH = {"circle": 0.85, "square": 0.85, "triangle": 0.75, "star": 0.66}


class Seen(NamedTuple):
    """shape: one of scenes.SHAPES, or "" if unclear; box: on the grid of 0..1000; pixels: its area."""

    shape: str
    color: str
    box: tuple[int, int, int, int]
    pixels: int


class View(NamedTuple):
    background: str
    objects: tuple[Seen, ...]


def _palette(words) -> np.ndarray:
    return np.array([ImageColor.getrgb(word) for word in words], dtype=np.float32)


def _ideal_outlines() -> dict[str, np.ndarray]:
    outlines = {}
    for shape in scenes.SHAPES:
        pixels = np.zeros((OUTLINE, OUTLINE, 3), dtype=np.float32)
        scenes.paint(pixels, scenes.Object(shape, "white", (0, 0, 1000, 1000)))
        outlines[shape] = pixels[..., 0] > 127
    return outlines


IDEAL = _ideal_outlines()
COLORS, BACKGROUNDS = _palette(scenes.COLORS), _palette(scenes.BACKGROUNDS)


def nearest(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """(..., 3) -> (...): index of the palette's nearest color."""
    return np.square(pixels[..., None, :] - palette).sum(-1).argmin(-1)


def detect(image: np.ndarray) -> View:
    """The content of an image (H, W, 3) uint8, objects from left to right."""
    pixels = image[..., :3].astype(np.float32)
    ground = _ground(pixels)
    background = nearest(ground, BACKGROUNDS)
    labels, count = ndimage.label(_distance(pixels, ground) > STANDS_OUT)
    regions = [labels == number for number in range(1, count + 1)]
    parts = [part for region in regions for part in _split(pixels, region, BACKGROUNDS[background])]
    objects = [seen for part in parts for seen in _describe(pixels, part, ground)]
    return View(scenes.BACKGROUNDS[background], tuple(sorted(objects, key=lambda seen: seen.box)))


def _ground(pixels: np.ndarray) -> np.ndarray:
    """The background's color (3,): the median along the image's edge, then the median of all pixels near that color.

    The edge alone may be drawn worse than the rest.
    """
    ground = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), 0)
    for _ in range(2):
        akin = pixels[_distance(pixels, ground) <= AKIN]
        ground = np.median(akin, 0) if len(akin) else ground  # the median of two halves is near neither
    return ground


def _distance(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    return np.linalg.norm(pixels - color, axis=-1)


def _core(mask: np.ndarray) -> np.ndarray:
    """The mask without its blurred edge."""
    return ndimage.binary_erosion(mask, iterations=2)


def _inner(mask: np.ndarray) -> np.ndarray:
    """The mask without its blurred edge, or all of it where nothing would be left."""
    core = _core(mask)
    return core if core.sum() >= 8 else mask


def _split(pixels: np.ndarray, region: np.ndarray, background: np.ndarray) -> list[np.ndarray]:
    """A connected region as one mask a color, so that objects that touch are separated, even small ones.

    Mixed colors where two objects meet make no part as thick as that. Pixels nearest to the background's color make
    no part: between large objects the background may be drawn unevenly.
    """
    inside, kinds, colors = pixels[region], np.full(region.shape, -1), np.full(region.shape, -1)
    kinds[region] = nearest(inside, np.concatenate([COLORS, background[None]]))
    found = [c for c in range(len(COLORS)) if _core(kinds == c).sum() >= THICK]
    if len(found) < 2:
        is_object = (kinds[region] < len(COLORS)).sum() >= SMALLEST_AREA
        return [region] if is_object else []
    colors[region] = nearest(inside, COLORS)
    return [part for c in found if (part := region & (colors == c)).sum() >= SMALLEST_AREA]


def _describe(pixels: np.ndarray, mask: np.ndarray, ground: np.ndarray) -> list[Seen]:
    """The objects of one color in a mask: regions of more than half that color, so that no haze joins two."""
    color = np.median(pixels[_inner(mask)], 0)
    way = color - ground
    cover = ((pixels - ground) @ way) / max(1.0, float(way @ way))  # 0 background, 1 the object's color
    labels, count = ndimage.label(mask & (cover > 0.5))
    parts = [labels == number for number in range(1, count + 1)]
    return [_seen(part, scenes.COLORS[nearest(color, COLORS)]) for part in parts if part.sum() >= SMALLEST_AREA]


def _seen(mask: np.ndarray, color: str) -> Seen:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = mask.shape
    box = tuple(round(1000 * edge / side) for edge, side in zip((left, top, right, bottom), (width, height) * 2))
    return Seen(shape_of(mask[top:bottom, left:right]), color, box, int(mask.sum()))


def shape_of(mask: np.ndarray) -> str:
    """The shape whose outline, sharp or blurred, best matches a mask that is cut to its box, or ""."""
    outline = _stretched(mask)
    matches = {
        shape: max((outline & ideal).sum() / (outline | ideal).sum() for ideal in blurred)
        for shape, blurred in _blurred_outlines(*mask.shape).items()
    }
    best = max(matches, key=matches.get)
    return best if matches[best] >= LEAST_MATCH[best] else ""


@cache
def _blurred_outlines(height: int, width: int) -> dict[str, list[np.ndarray]]:
    """Each shape's outlines after each of BLURS, for an object of this many pixels."""
    sigmas = [(blur / height * OUTLINE, blur / width * OUTLINE) for blur in BLURS]
    return {shape: [_blurred(outline, sigma) for sigma in sigmas] for shape, outline in IDEAL.items()}


def _blurred(outline: np.ndarray, sigma: tuple[float, float]) -> np.ndarray:
    """An outline after a blur, where more than half is left, cut to its box and stretched."""
    room = np.pad(outline.astype(np.float32), OUTLINE // 2)
    left = (ndimage.gaussian_filter(room, sigma) > 0.5).astype(np.uint8)
    return _stretched(left[ndimage.find_objects(left)[0]] > 0) if left.any() else outline


def _stretched(mask: np.ndarray) -> np.ndarray:
    """A mask, stretched to (OUTLINE, OUTLINE)."""
    image = Image.fromarray((mask * 255).astype(np.uint8)).resize((OUTLINE, OUTLINE), Image.Resampling.BOX)
    return np.asarray(image) > 127


def overlap(first, second) -> float:
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    both = max(0, width) * max(0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return both / (sum(areas) - both)
