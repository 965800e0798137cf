"""A chain's boxes in the forms that other nodes speak: pixel boxes, labels, and Ideogram's elements.

Pixel boxes are ComfyUI's BOUNDING_BOX: a list of frames, each a list of {x, y, width, height} with metadata. Elements
are {type, bbox: [top, left, bottom, right] in 0..1000, desc, color_palette}. Standard library only.
"""

from .chain import GRID, Chain, ChainError, Region


def bounding_boxes(chain: Chain, width: int, height: int) -> list[list[dict]]:
    """The regions as one frame of pixel boxes, for a picture of that size; no frame if there is no region."""
    frame = [_pixel_box(region, width, height) for region in chain.regions]
    return [frame] if frame else []


def elements(chain: Chain) -> list[dict]:
    """The regions as elements, in reading order."""
    return [
        {
            "type": "obj",
            "bbox": [region.box.y0, region.box.x0, region.box.y1, region.box.x1],
            "desc": region.phrase,
            "color_palette": [_hex(region)],
        }
        for region in chain.regions
    ]


def check_regions(chain: Chain) -> None:
    """Raise ChainError if the chain has no box."""
    if not chain.regions:
        raise ChainError(
            "The chain has no box. Write at least one behind the thing it holds, "
            "for example: a red cup (120,400),(380,760)."
        )


def _pixel_box(region: Region, width: int, height: int) -> dict:
    x0, y0, x1, y1 = region.box
    left, top = x0 * width // GRID, y0 * height // GRID
    metadata = {"type": "obj", "text": "", "desc": region.phrase, "palette": [_hex(region)]}
    return {
        "x": left,
        "y": top,
        "width": x1 * width // GRID - left + 1,
        "height": y1 * height // GRID - top + 1,
        "metadata": metadata,
    }


def _hex(region: Region) -> str:
    return "#{:02x}{:02x}{:02x}".format(*region.color[1:])
