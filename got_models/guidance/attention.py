"""Attention to several texts in one prediction: which place of an image attends to which text, and how much.

Every place has a share for each text, and its shares sum to 1. `mixed` is cross-attention: an attention per text, and
the mean of their results by share. It needs no mask. `joint_bias` is joint attention, where texts and image are one
sequence: a bias on the logits. Shares are those of got_models/guidance/regional.py, pooled to the network's tokens.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
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


def joint_bias(shares: Tensor, lengths: Sequence[int], references: int = 0) -> Tensor:
    """A bias (S, S) on the logits of joint attention over [texts | image | references], rows are queries.

    shares: (T, tokens) of the image. lengths: tokens of each text. references: tokens of reference images.

    - A text's tokens attend to their own text, and to the image where the text has a share.
    - The image's tokens attend to each text with log(share), corrected for its length, and to the whole image.
    - References attend to each text by its mean share, and to all images.

    A longer text has more softmax mass. So its share is divided by its length, relative to the mean length at that
    token. Where one text has the share 1 the bias is 0. Regional prompting of DiTs by such masks: arXiv 2411.02395.
    """
    texts, tokens = sum(lengths), shares.shape[1]
    of = torch.arange(len(lengths), device=shares.device).repeat_interleave(
        torch.tensor(lengths, device=shares.device)
    )  # (texts,): which text a token belongs to
    bias = shares.new_zeros(texts + tokens + references, texts + tokens + references)
    bias[:texts, :texts] = _closed(of[:, None] != of)
    bias[:texts, texts : texts + tokens] = _closed(shares <= 0)[of]
    bias[texts : texts + tokens, :texts] = _log_mass(shares, lengths)[of].T
    bias[texts + tokens :, :texts] = _log_mass(shares.mean(1, keepdim=True), lengths)[of].T
    return bias


def _closed(where: Tensor) -> Tensor:
    return torch.zeros(where.shape, device=where.device).masked_fill(where, -torch.inf)


def _log_mass(shares: Tensor, lengths: Sequence[int]) -> Tensor:
    """(T, n): log of each text's share per token of text, relative to the mean length."""
    length = shares.new_tensor(lengths)[:, None]
    return (shares * (shares * length).sum(0) / length).log()
