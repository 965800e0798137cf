"""Autoregressive generation: a batch one token at a time, or one chain by prompt lookup decoding.

Both give the same tokens. Works on token ids, logits and cache positions; knows nothing of boxes, images and devices.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .network import CachedQwenVL, KVCache
from .prompt import Vocabulary
from .sampling import TokenSampler

LOOKAHEAD = 16  # tokens that prompt lookup proposes at once
NGRAM = 4  # last tokens that must match the lookup text before the next ones are proposed

OnToken = Callable[[int, str], None]  # the number of tokens and the text so far; it may raise to stop
Step = Callable[[Tensor], Tensor]  # see cuda_graph.decode_step


class Sequence:
    """A sequence in the cache: its row holds the keys and values of its first `length` tokens."""

    def __init__(self, qwen: CachedQwenVL, embeddings: Tensor, position_ids: Tensor, kv_cache: KVCache) -> None:
        """embeddings, position_ids: (1, L, D) and (3, 1, L) of the prompt. kv_cache: one row."""
        self.qwen, self.kv_cache = qwen, kv_cache
        self.embeddings, self.position_ids = embeddings, position_ids
        # How far the position id of a later token is from its cache position: an image takes fewer ids than tokens.
        self.offset = int(position_ids.max()) + 1 - position_ids.shape[-1]
        self.length = 0

    def prefill(self) -> Tensor:
        """Read the prompt; its hidden states (1, L, D)."""
        self.length = self.position_ids.shape[-1]
        return self._forward(self.embeddings, self.position_ids, 0, self.length)

    def extend(self, ids: list[int]) -> Tensor:
        """Read more tokens; their hidden states (1, L, D)."""
        start, self.length = self.length, self.length + len(ids)
        embeddings = self.qwen.embed(torch.tensor([ids], device=self.embeddings.device))
        position_ids = (torch.arange(start, self.length) + self.offset).expand(3, 1, -1)
        return self._forward(embeddings, position_ids, start, self.kv_cache.kv_len(self.length))

    def _forward(self, embeddings: Tensor, position_ids: Tensor, start: int, kv_len: int) -> Tensor:
        device = embeddings.device
        cache_positions = torch.arange(start, self.length, device=device).unsqueeze(0)
        return self.qwen.forward(embeddings, position_ids.to(device), cache_positions, kv_len, self.kv_cache)

    def copy_from(self, other: "Sequence") -> None:
        """Take over all that another sequence has read."""
        self.length = other.length
        for own, others in zip(self.kv_cache, other.kv_cache, strict=True):
            for part, source in zip(own, others, strict=True):
                part[:, :, : self.length] = source[:, :, : self.length]


class StreamingDetokenizer:
    """The text of ids that come one after another. Each is decoded once; a character that is incomplete is left out."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self.text, self.pending = tokenizer, "", []

    def add(self, ids: list[int]) -> str:
        """The whole text with some more ids."""
        self.pending += ids
        new = self.tokenizer.decode(self.pending, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if new.endswith("\ufffd"):
            return self.text + new.rstrip("\ufffd")
        self.text, self.pending = self.text + new, []
        return self.text


class Generation:
    """A chain that is being generated on a sequence: chooses each token, reports it, and knows when the chain ends."""

    def __init__(
        self,
        sequence: Sequence,
        ids: list[int],
        begun: list[int],
        vocabulary: Vocabulary,
        sample: TokenSampler,
        on_token: OnToken,
        max_tokens: int,
    ) -> None:
        """ids: the sequence's prompt; its last ones, `begun`, belong to the chain. max_tokens: new ones, at most."""
        self.sequence, self.sample, self.on_token, self.max_tokens = sequence, sample, on_token, max_tokens
        self.stops, self.detokenizer = vocabulary.stops, StreamingDetokenizer(vocabulary.tokenizer)
        self.ids, self.written, self.count = list(ids), list(begun), 0
        self.stopped = self.done = False
        self.detokenizer.add(begun)

    def add(self, logits: Tensor) -> int:
        """The next token, by logits (1, vocabulary). A stop token ends the chain and is not part of it."""
        token = self.sample(self.ids, logits, self.written)
        self.stopped = token in self.stops
        if not self.stopped:
            self.ids.append(token)
            self.written.append(token)
            self.count += 1
            self.on_token(self.count, self.detokenizer.add([token]))
        self.done = self.stopped or self.count == self.max_tokens
        return token

    def finish(self, ids: list[int]) -> Tensor:
        """Read the tokens that are generated and not read yet, and more ids; the hidden states (1, L, D) of these."""
        return self.sequence.extend([*self.ids[self.sequence.length :], *ids])


def decode_batch(generations: list[Generation], logits: Tensor, step: Step) -> None:
    """Run all generations to their ends, a token of each per step.

    logits: (generations, vocabulary), of the first tokens. A generation that is done stays in the batch, with a token
    that the next one overwrites: a step costs no less without it.
    """
    while True:
        rows = zip(generations, logits.split(1), strict=True)
        tokens = [0 if generation.done else generation.add(row) for generation, row in rows]
        if all(generation.done for generation in generations):
            return
        logits = _next_logits(generations, tokens, step)


def _next_logits(generations: list[Generation], tokens: list[int], step: Step) -> Tensor:
    """Logits (generations, vocabulary) after one more token of each."""
    sequences = [generation.sequence for generation in generations]
    rows = [(token, row.length, row.length + row.offset) for token, row in zip(tokens, sequences, strict=True)]
    logits = step(torch.tensor(rows).t().unsqueeze(-1))
    for generation in generations:
        generation.sequence.length += not generation.done
    return logits


class PromptLookup:
    """Proposes the next tokens of a text that resembles an earlier one: those that came there after the same n-gram."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        padded = [None] * NGRAM + ids  # so that the first tokens have an n-gram too
        self.starts = {tuple(padded[at : at + NGRAM]): at for at in reversed(range(len(ids)))}

    def propose(self, written: list[int]) -> list[int]:
        """What came next in the earlier text after the same last tokens; nothing if they never came."""
        last = ([None] * NGRAM + written[-NGRAM:])[-NGRAM:]
        at = self.starts.get(tuple(last), len(self.ids))
        return self.ids[at : at + LOOKAHEAD]


def decode_with_lookup(generation: Generation, logits: Tensor, step: Step, lookup: PromptLookup) -> None:
    """Run a generation to its end by prompt lookup decoding: proposed tokens are read together with the one before.

    Every token is chosen as without proposals. As long as it is the proposed one, the next logits are known already.
    logits: (1, vocabulary), of the first token.
    Source: speculative decoding, arXiv 2211.17192; the proposals come from a text instead of a model.
    """
    sequence, proposed = generation.sequence, []
    while True:
        for accepted, expected in enumerate([*proposed, None]):
            token = generation.add(logits[accepted : accepted + 1])
            if generation.done or token != expected:
                break
        sequence.length -= len(proposed) - accepted  # roll back: the rejected tokens are overwritten
        if generation.done:
            return
        proposed = lookup.propose(generation.written)[: generation.max_tokens - generation.count]
        if proposed:
            logits = sequence.qwen.logits(sequence.extend([token, *proposed])[0])  # (1 + proposed, vocabulary)
        else:
            logits = _next_logits([generation], [token], step)
