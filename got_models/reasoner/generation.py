"""How chains are written: one token of each after another, or one chain from guesses that are checked.

Both give the same tokens. Knows ids, logits and places in the cache; knows nothing of boxes, pictures and devices.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .network import KeyValues, Language
from .sampling import TokenChooser

GUESSED = 16  # tokens that are guessed at once from a draft
MATCHED = 4  # tokens that must be those of the draft before the next ones are guessed

OnToken = Callable[[int, str], None]  # the number of tokens and the text so far; it may raise to stop
Step = Callable[[Tensor], Tensor]  # see recording.read_one_token


class Sequence:
    """A sequence being read: its row of the cache holds keys and values of its first `length` tokens."""

    def __init__(self, language: Language, embeddings: Tensor, positions: Tensor, cache: KeyValues) -> None:
        """embeddings, positions: (1, L, D) and (3, 1, L) of what it begins with. cache: one row."""
        self.language, self.cache = language, cache
        self.embeddings, self.positions = embeddings, positions
        self.shift = int(positions.max()) + 1 - positions.shape[-1]  # of a later token's position against its place
        self.length = 0

    def read_beginning(self) -> Tensor:
        """The hidden states (1, L, D) of what it begins with."""
        self.length = self.positions.shape[-1]
        return self._read(self.embeddings, self.positions, 0, self.length)

    def read(self, ids: list[int]) -> Tensor:
        """Read on; the hidden states (1, L, D) of what is new."""
        start, self.length = self.length, self.length + len(ids)
        embeddings = self.language.embed(torch.tensor([ids], device=self.embeddings.device))
        positions = torch.arange(start, self.length) + self.shift
        return self._read(embeddings, positions.expand(3, 1, -1), start, self.cache.seen(self.length))

    def _read(self, embeddings: Tensor, positions: Tensor, start: int, seen: int) -> Tensor:
        device = embeddings.device
        places = torch.arange(start, self.length, device=device).unsqueeze(0)
        return self.language.read(embeddings, positions.to(device), places, seen, self.cache)

    def copy(self, other: "Sequence") -> None:
        """Have read what another sequence has read."""
        self.length = other.length
        for own, others in zip(self.cache, other.cache, strict=True):
            for part, source in zip(own, others, strict=True):
                part[:, :, : self.length] = source[:, :, : self.length]


class TextSoFar:
    """The text of ids as they come, each decoded once. A character still being written is left out."""

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


class Page:
    """A chain being written on a sequence: chooses each token, tells of it, and knows when the chain has ended."""

    def __init__(
        self,
        sequence: Sequence,
        ids: list[int],
        begun: list[int],
        choose: TokenChooser,
        text: TextSoFar,
        on_token: OnToken,
    ) -> None:
        """ids: all that the sequence begins with; its last ones, `begun`, are the chain's own."""
        self.sequence, self.choose, self.text, self.on_token = sequence, choose, text, on_token
        self.ids, self.written, self.count = list(ids), list(begun), 0
        self.stopped = self.done = False
        text.add(begun)

    def add(self, logits: Tensor, stops: set[int], max_tokens: int) -> int:
        """The next token, by logits (1, vocabulary). One of `stops` ends the chain and is not part of it."""
        token = self.choose(self.ids, logits, self.written)
        self.stopped = token in stops
        if not self.stopped:
            self.ids.append(token)
            self.written.append(token)
            self.count += 1
            self.on_token(self.count, self.text.add([token]))
        self.done = self.stopped or self.count == max_tokens
        return token

    def finish(self, ids: list[int]) -> Tensor:
        """Read what is written and not yet read, and more ids; the hidden states (1, L, D) of all these."""
        return self.sequence.read([*self.ids[self.sequence.length :], *ids])


def write_together(pages: list[Page], logits: Tensor, step: Step, stops: set[int], max_tokens: int) -> None:
    """Write all pages to their ends, a token of each in one step.

    logits: (pages, vocabulary), of each page's first token. A page that is done stays in the batch and reads a token
    that the next one takes the place of: the step costs no less without it.
    """
    while True:
        tokens = [0 if page.done else page.add(logits[i : i + 1], stops, max_tokens) for i, page in enumerate(pages)]
        if all(page.done for page in pages):
            return
        logits = _read_one(pages, tokens, step)


def _read_one(pages: list[Page], tokens: list[int], step: Step) -> Tensor:
    """Logits (pages, vocabulary) after one more token of each page."""
    sequences = [page.sequence for page in pages]
    rows = [(token, part.length, part.length + part.shift) for token, part in zip(tokens, sequences, strict=True)]
    logits = step(torch.tensor(rows).t().unsqueeze(-1))
    for page in pages:
        page.sequence.length += not page.done
    return logits


class Draft:
    """An earlier text, from which a new one is guessed where the two run alike."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        padded = [None] * MATCHED + ids  # so that the beginning is like the beginning
        self.places = {tuple(padded[at : at + MATCHED]): at for at in reversed(range(len(ids)))}

    def guess(self, written: list[int]) -> list[int]:
        """What came next in the draft after the same last tokens; nothing if they never came."""
        last = ([None] * MATCHED + written[-MATCHED:])[-MATCHED:]
        at = self.places.get(tuple(last), len(self.ids))
        return self.ids[at : at + GUESSED]


def write_from_draft(page: Page, logits: Tensor, step: Step, draft: Draft, stops: set[int], max_tokens: int) -> None:
    """Write a page to its end with guesses, each read together with the token before it.

    Every token is chosen as without a draft; as long as it is the guessed one, the next one's logits are known already.
    logits: (1, vocabulary), of the first token. Source: speculative decoding, arXiv 2211.17192, from a text, no model.
    """
    sequence, guess = page.sequence, []
    while True:
        for right in range(len(guess) + 1):
            token = page.add(logits[right : right + 1], stops, max_tokens)
            if page.done or token != [*guess, None][right]:
                break
        sequence.length -= len(guess) - right  # the wrong guesses are read over
        if page.done:
            return
        guess = draft.guess(page.written)[: max_tokens - page.count]
        if guess:
            logits = sequence.language.logits(sequence.read([token, *guess])[0])  # (1 + guessed, vocabulary)
        else:
            logits = _read_one([page], [token], step)
