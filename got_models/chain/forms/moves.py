"""Which regions of an edit's chain change, and which two of them are one thing that moves.

A move has two regions, one after the other: the thing, and its new place.

    a red cup (120,400),(380,760) moves to its new place (520,400),(780,760)
"""

import re

from ..grammar import EDIT, Chain, Region, guiding

NEW_PLACE = "its new place"
_AREA = re.compile(r"(?:the |an? )?(?:\w+ ){0,2}(?:area|region)\b|要(?:修改|编辑)的区域", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:(?:its|their|the|an?) )?(?:new|target|other|final) (?:places?|positions?|locations?|spots?)\b"
    r"|(?:它的)?(?:新的?|目标)(?:位置|地方)",
    re.IGNORECASE,
)


def is_area(region: Region) -> bool:
    """Whether the phrase only calls the region an area to be edited, and does not say what it holds."""
    return bool(_AREA.match(region.phrase))


def new_place(text: str, start: int = 0) -> re.Match | None:
    """The first words for the new place of a thing that moves, after `start` in the same sentence."""
    found = _PLACE.search(text, start)
    return found if found and not re.search(r"[.!?。！？<\n]", text[start : found.start()]) else None


def moves(chain: Chain) -> dict[int, int]:
    """The number of a region's new place by the number of the region, from 0."""
    regions = chain.regions
    places = [number for number, region in enumerate(regions) if _PLACE.fullmatch(region.phrase)]
    return {number - 1: number for number in places if number and number - 1 not in places}


def edited_regions(chain: Chain) -> list[Region]:
    """The regions that an edit changes, of those that guide.

    If phrases name areas to be edited or new places, these and what moves there change alone. Else all regions do.
    """
    chain = guiding(chain)
    pairs = moves(chain) if chain.task == EDIT else {}
    moving = {*pairs, *pairs.values()}
    areas = [r for n, r in enumerate(chain.regions) if chain.task == EDIT and (is_area(r) or n in moving)]
    return areas or list(chain.regions)
