"""A plan for any model: which text guides which part of a picture, and how much of it.

Every pixel's guidance is a mean: `strength` of it by the phrase of the region it lies in, the rest by the text of the
whole. So at strength 0 the plan has no effect, and at 1 nothing but its own phrase is heard inside a box. This mixes a
model's predictions; GoT's own UNet was trained to see boxes and does not need it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..chain.boxes import check_regions
from ..chain.grammar import Chain, ChainError, without_boxes
from .canvas import region_masks

SIDE = 512  # of the shares: they are stretched to any latent, whatever its size and shape


class Part(NamedTuple):
    """A text and its share in each place's guidance, (1, SIDE, SIDE) in 0..1; None: everywhere, alone."""

    text: str
    share: Tensor | None


def regional_parts(chain: Chain, strength: float, whole: str = "", style: str = "") -> list[Part]:
    """The whole picture's text, then the phrases of the regions that can be seen; the shares sum to 1 everywhere.

    strength: 0 to 1. whole: the text of the whole picture; if it is blank, the chain's own prose. style: words that are
    added to every text. ChainError if the chain has no box or a box has no phrase.
    """
    check_regions(chain)
    for number, region in enumerate(chain.regions, 1):
        if not region.phrase:
            raise ChainError(
                f"Box {number} {region.box} has no words before it. Write what it holds: a red cup {region.box}."
            )
    phrases = [region.phrase for region in chain.regions]
    texts = [_styled(text, style) for text in (whole.strip() or without_boxes(chain), *phrases)]
    if strength == 0:
        return [Part(texts[0], None)]
    shares = strength * region_shares(chain)
    rest = 1 - shares.sum(0, keepdim=True)
    parts = [Part(text, share[None]) for text, share in zip(texts[1:], shares, strict=True) if share.any()]
    return [Part(texts[0], rest), *parts]


def region_shares(chain: Chain) -> Tensor:
    """(N, SIDE, SIDE): 1 where a region is the smallest that covers a place; equally small ones share it equally.

    So what stands before a wall has its place to itself, though the wall's box covers it too.
    """
    masks = region_masks(chain.regions, SIDE, SIDE)
    areas = torch.tensor([(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (region.box for region in chain.regions)])
    covered = torch.where(masks > 0, areas[:, None, None], torch.inf)  # (N, SIDE, SIDE): areas of what covers a place
    front = (covered == covered.amin(0)) * masks
    return front / front.sum(0).clamp(min=1)


def _styled(text: str, style: str) -> str:
    return ", ".join(words for words in (text.rstrip(" .,"), style.strip(" .,")) if words)
