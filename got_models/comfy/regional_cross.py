"""Regional attention in UNets with cross-attention: SD 1.x, SD 2, SDXL and their relatives.

Written against ComfyUI 0.30.0: BasicTransformerBlock's `attn2_patch` and `patches_replace`, and
`optimized_attention_override`. The texts are one context, one after the other. Where a block attends to it, keys and
values are split again, and each text is attended to from its own places.
"""

from collections.abc import Callable

import torch
from comfy.model_base import BaseModel
from torch import Tensor

from ..errors import GoTError
from ..guidance.attention import Place, mixed
from .regional_plan import Plan

OVERRIDE = "optimized_attention_override"


def attend_across(plan: Plan, context: Tensor, x: Tensor, options: dict, model: BaseModel) -> tuple[Tensor, dict]:
    """The context (B, L, C) of all texts, and transformer_options with the attention that splits it.

    context: (B, l, C), of the whole image's text. x: latents of the call, (B, c, h, w) or with frames (B, c, f, h, w).
    """
    texts = plan.contexts(context)
    call = _Call(plan, [text.shape[1] for text in texts], options.get(OVERRIDE))
    patches = options.get("patches", {})
    replaced = options.get("patches_replace", {})
    new = {
        OVERRIDE: call.attention,
        # First, so that other packs' patches see the keys and values of all texts.
        "patches": patches | {"attn2_patch": [call.announce, *patches.get("attn2_patch", [])]},
        "patches_replace": replaced
        | {"attn2": {block: call.replaced(patch) for block, patch in replaced.get("attn2", {}).items()}},
    }
    return torch.cat(texts, 1), options | new


class _Call:
    """One call of the network."""

    def __init__(self, plan: Plan, lengths: list[int], override: Callable | None) -> None:
        self.plan, self.lengths, self.override = plan, lengths, override
        self.grid: tuple[int, int] | None = None  # set from the announcement until the attention itself
        self.places: dict[tuple[int, int], list[Place]] = {}

    def announce(self, n: Tensor, context: Tensor, value: Tensor, extra: dict) -> tuple[Tensor, Tensor, Tensor]:
        """An `attn2_patch` that changes nothing: the next attention is across, on a grid of this many tokens."""
        self.grid = tuple(extra["activations_shape"][2:])
        return n, context, value

    def attention(self, attention: Callable, q: Tensor, k: Tensor, v: Tensor, heads: int, *args, **kwargs) -> Tensor:
        """An `optimized_attention_override`: self-attention as it is, cross-attention by text."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            if self.override is not None:
                return self.override(attention, q, k, v, heads, *args, **kwargs)
            return attention(q, k, v, heads, *args, **kwargs)

        if self.grid is None:
            return attend(q, k, v)
        return mixed(attend, q, self.split(k, v), self.where(q))

    def replaced(self, patch: Callable) -> Callable:
        """Another pack's replacement of cross-attention, called once per text with all queries.

        IPAdapter's adds the same image attention to each, so that the mean has it once.
        """

        def attend(q: Tensor, k: Tensor, v: Tensor, extra: dict) -> Tensor:
            where, total = self.where(q), 0
            for (keys, values), (tokens, share) in zip(self.split(k, v), where, strict=True):
                part = patch(q, keys, values, extra)
                if len(where) == 1:
                    return part
                share = part.new_ones(1, 1) if share is None else share.to(part)
                every = share if tokens is None else share.new_zeros(q.shape[1], 1).index_put((tokens,), share)
                total = total + part * every
            return total

        return attend

    def split(self, k: Tensor, v: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of each text."""
        if k.shape[1] != sum(self.lengths):
            raise GoTError(
                f"Another node changed the number of text tokens from {sum(self.lengths)} to {k.shape[1]}, so regional "
                f"attention cannot tell the texts apart. Remove that node, or use GoT Regional Conditioning."
            )
        return list(zip(k.split(self.lengths, 1), v.split(self.lengths, 1), strict=True))

    def where(self, q: Tensor) -> list[Place]:
        """The place of each text among the queries (B, tokens, C). It ends the announcement."""
        grid, self.grid = self.grid, None
        if grid[0] * grid[1] != q.shape[1]:
            raise GoTError(
                f"Another node changed the number of image tokens from {grid[0] * grid[1]} to {q.shape[1]}, so "
                f"regional attention cannot place the boxes. Remove that node, or use GoT Regional Conditioning."
            )
        if grid not in self.places:
            self.places[grid] = [_on(place, q.device) for place in self.plan.places(*grid) if place is not None]
        return self.places[grid]


def _on(place: Place, device: torch.device) -> Place:
    return Place(*(None if tensor is None else tensor.to(device) for tensor in place))
