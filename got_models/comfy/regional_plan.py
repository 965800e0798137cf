"""What a regional CONDITIONING carries to the network: texts and where each counts."""

from collections.abc import Sequence

import comfy.conds
import torch
from torch import Tensor

from ..errors import GoTError
from ..guidance.attention import Place, places, token_shares


class Plan:
    """Encoded texts (1, L, C), that of the whole image first, and their weights (T, H, W), which sum to 1.

    The whole image's text is replaced by the one that arrives at the network, which other nodes may have changed.
    start, end: part of the sampling, 0 to 1. area: height, width, top and left in the latent, None for all of it.
    """

    def __init__(
        self, texts: Sequence[Tensor], weights: Tensor, start: float, end: float, area: tuple[int, ...] | None = None
    ) -> None:
        self.texts, self.weights = texts, weights
        self.start, self.end, self.area = start, end, area
        self._places: dict[tuple[int, int], list[Place | None]] = {}

    @property
    def dtype(self) -> torch.dtype:
        """Raises GoTError. ComfyUI asks this of everything that it hands to a network, so only without our wrapper."""
        raise GoTError(
            "The conditioning of GoT Regional Attention reached a model without it. Connect the node's own model "
            "output to the sampler too, or use GoT Regional Conditioning, which needs no change of the model."
        )

    def applies(self, sampling, sigma: Tensor) -> bool:
        """Is a noise level (B,) within start and end? sampling: the model's."""
        if self.start <= 0 and self.end >= 1:
            return True
        first, last = sampling.percent_to_sigma(self.start), sampling.percent_to_sigma(self.end)
        return last <= float(sigma.max()) <= first

    def seen_from(self, size: tuple[int, int], full: tuple[int, int] | None) -> "Plan":
        """The plan of the part of the latent that a call predicts. GoTError if it is a tile.

        size: height and width of the call's latent. full: those of the whole one, None if it is not known.
        """
        if self.area is None or full is None:
            if full not in (None, size):
                raise GoTError(
                    f"The sampler predicts a tile of {size[1]} x {size[0]} of a latent of {full[1]} x {full[0]}, and "
                    f"regional attention cannot tell which one. Sample without tiles, or use GoT Regional Conditioning."
                )
            return self
        height, width, top, left = self.area
        rows, columns = self.weights.shape[-2:]
        y, x = top * rows // full[0], left * columns // full[1]
        bottom, right = -(-(top + height) * rows // full[0]), -(-(left + width) * columns // full[1])
        return Plan(self.texts, self.weights[:, y:bottom, x:right], self.start, self.end)

    def shares(self, height: int, width: int) -> Tensor:
        """(T, height * width): the share of each text at each token of the network."""
        return token_shares(self.weights, height, width)

    def places(self, height: int, width: int) -> list[Place | None]:
        """The place of each text on a grid of tokens, on the CPU."""
        if (height, width) not in self._places:
            self._places[height, width] = places(self.shares(height, width))
        return self._places[height, width]

    def contexts(self, context: Tensor) -> list[Tensor]:
        """Each text that counts anywhere, (B, L, C), as the context (B, L, C) of the whole image's text is."""
        texts = [context, *(text.to(context).expand(len(context), -1, -1) for text in self.texts[1:])]
        return [texts[number] for number in self.used()]

    def used(self) -> list[int]:
        """Numbers of the texts that count anywhere."""
        return self.weights.flatten(1).any(1).nonzero()[:, 0].tolist()


class PlanCond(comfy.conds.CONDConstant):
    """A Plan among the conditions of a CONDITIONING. Only entries with the same plan share a batch."""

    def process_cond(self, batch_size: int, area: Sequence[int] | None = None, **kwargs) -> "PlanCond":
        """The plan for a call. area: sizes and then offsets in the latent, as ComfyUI has them; None for all of it."""
        if area is None:
            return self
        plan, sides = self.cond, len(area) // 2  # frames, if there are any, come first
        area = (*area[sides - 2 : sides], *area[-2:])
        return PlanCond(Plan(plan.texts, plan.weights, plan.start, plan.end, area))
