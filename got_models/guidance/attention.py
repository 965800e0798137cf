"""Attention to several texts in one prediction: which place of an image listens to which text, and how much.

Every place has a share for each text, and its shares sum to 1. `mixed` is cross-attention: an attention per text, and
the mean of their results by share. It needs no mask. `joint_bias` is joint attention, where texts and image are one
sequence: a bias on the logits. Shares are those of got_models/guidance/regional.py, pooled to the network's tokens.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import interpolate


class Place(NamedTuple):
    """Where a text counts. tokens: (n,) numbers of the image's tokens, None for all. share: (n, 1), None for 1."""

    tokens: Tensor | None
    share: Tensor | None


Attend = Callable[[Tensor, Tensor, Tensor], Tensor]  # queries (B, n, C), keys and values (B, L, C) -> (B, n, C)


def token_shares(weights: Tensor, height: int, width: int) -> Tensor:
    """Weights (T, H, W) of each text, which sum to 1 at each position, as shares (T, height * width) of tokens.

    A token on the edge of a box gets the mean of its area.
    """
    return interpolate(weights[None].double(), (height, width), mode="area")[0].flatten(1).float()


def places(shares: Tensor) -> list[Place | None]:
    """For each text of shares (T, tokens): its place, or None if it counts nowhere."""
    return [_place(share) for share in shares]


def _place(share: Tensor) -> Place | None:
    tokens = share.nonzero()[:, 0]
    if not len(tokens):
        return None
    everywhere = len(tokens) == len(share)
    share = share[tokens, None]
    return Place(None if everywhere else tokens, None if (share == 1).all() else share)


def mixed(attend: Attend, queries: Tensor, texts: Sequence[tuple[Tensor, Tensor]], where: Sequence[Place]) -> Tensor:
    """The mean over texts of attend(queries, keys, values), weighted at each query by the text's share: (B, Q, C).

    queries: (B, Q, C), the tokens of an image. texts: keys and values of each. where: the place of each. Queries
    outside a text's place are not computed. A text that has all places to itself gives its own result, bit for bit.
    """
    if len(where) == 1 and where[0] == (None, None):
        return attend(queries, *texts[0])
    total = None
    for (keys, values), (tokens, share) in zip(texts, where, strict=True):
        part = attend(queries if tokens is None else queries[:, tokens], keys, values)
        part = part if share is None else part * share.to(part)
        if total is None:
            total = part.new_zeros(*queries.shape[:2], part.shape[-1])
        total = total + part if tokens is None else total.index_add(1, tokens, part)
    return total
