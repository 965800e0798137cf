"""Regional prompts for any model: which text guides which part of an image, and with what weight.

Every pixel's guidance is a weighted mean: `strength` for the phrase of its region, the rest for the text of the whole
image. At strength 0 the plan has no effect; at 1 only a box's own phrase counts inside it. A region's own strength
scales that of its box. The mean is over a model's predictions. GoT's own UNet was trained on boxes and does not need
this.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..chain.boxes import check_regions
from ..chain.grammar import Chain, ChainError, Lora, guiding, without_boxes
from .canvas import region_masks

SIDE = 512  # pixels of the weight maps, which are resized to any latent


class Part(NamedTuple):
    """A text and its weight at each position, (1, SIDE, SIDE) in 0..1; None: 1 everywhere. lora: of its region."""

    text: str
    weight: Tensor | None
    lora: Lora | None = None


def regional_parts(chain: Chain, strength: float, whole: str = "", style: str = "") -> list[Part]:
    """The whole image's text, then the phrases of the visible regions. The weights sum to 1 everywhere.

    strength: 0 to 1, of regions whose own strength is 1. whole: the text of the whole image; if it is blank, the
    chain's own prose. style: words to append to every text. ChainError if the chain has no box or a box has no phrase.
    """
    if not chain.regions:
        check_regions(chain)
    for number, region in enumerate(chain.regions, 1):
        if not region.phrase and not region.off:
            raise ChainError(
                f"Box {number} {region.box} has no words before it. "
                f"Write what it holds, for example: a red cup {region.box}."
            )
    regions = guiding(chain).regions
    texts = [_styled(text, style) for text in (whole.strip() or without_boxes(chain), *(r.phrase for r in regions))]
    if strength == 0 or not any(region.strength for region in regions):
        return [Part(texts[0], None)]
    weights = strength * region_weights(chain)
    rest = 1 - weights.sum(0, keepdim=True)
    rows = zip(texts[1:], weights, regions, strict=True)
    return [Part(texts[0], rest), *(Part(text, weight[None], r.lora) for text, weight, r in rows if weight.any())]


def region_weights(chain: Chain) -> Tensor:
    """(N, SIDE, SIDE), for the regions that guide: a region's strength where it is the smallest that covers a position.

    So an object in front of a wall has its area to itself, although the wall's box covers it too. Regions of equal size
    share a position equally.
    """
    regions = guiding(chain).regions
    masks = region_masks(regions, SIDE, SIDE)
    areas = torch.tensor([(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (region.box for region in regions)])
    covered = torch.where(masks > 0, areas[:, None, None], torch.inf)  # (N, SIDE, SIDE): areas of the covering boxes
    front = (covered == covered.amin(0)) * masks
    return front / front.sum(0).clamp(min=1) * torch.tensor([region.strength for region in regions])[:, None, None]


def _styled(text: str, style: str) -> str:
    return ", ".join(words for words in (text.rstrip(" .,"), style.strip(" .,")) if words)
