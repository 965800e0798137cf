"""How the next token is chosen: penalties and sampling, tokens that may never come, chains that are always well formed.

The processors are transformers' own, in the order of its `generate`, but for the penalty, which need not look at every
token again; the randomness is a local generator's, so the global random state stays as it was.
"""

import math
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from ..chain.colors import COLORS
from ..chain.grammar import GRID
from ..errors import GoTError
from .prompt import Vocabulary


@dataclass(frozen=True)
class Sampling:
    """Greedy at temperature 0, as the released code decodes; the penalty is Qwen2.5-VL-3B's own.

    temperature: 0 or more. top_k: 0 is off. top_p: 1 is off. min_p: 0 is off. repetition_penalty: 1 is off.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.05
    seed: int = 0

    def __post_init__(self) -> None:
        penalty, shares = 0 < self.repetition_penalty < math.inf, 0 < self.top_p <= 1 and 0 <= self.min_p <= 1
        if not (0 <= self.temperature < math.inf and penalty and shares):
            raise GoTError(
                f"Sampling values are out of range: {self}. "
                f"temperature >= 0, repetition_penalty > 0, 0 < top_p <= 1 and 0 <= min_p <= 1."
            )


class TokenChooser:
    """Chooses one token after another, for one chain. What it has seen of the chain it does not look at again.

    All that is as long as the vocabulary stays on the logits' device; what comes back from there is one id.
    """

    def __init__(self, sampling: Sampling, vocabulary: Vocabulary, constrain: bool = True) -> None:
        self.sampling = sampling
        self.processors = _processors(sampling)
        self.generator = torch.Generator().manual_seed(sampling.seed)
        self.never = _never_written(vocabulary)
        self.grammar = ChainGrammar(vocabulary) if constrain else None
        self.known = 0  # how many ids `penalties` tell of
        self.penalties: Tensor | None = None  # (1, vocabulary): the penalty where an id has come, else 1
        self.masks: dict[tuple[int, ...], Tensor] = {}  # (1, vocabulary): what may not come, by `forbidden`
        self.drawing: Future | None = None  # the next token's noise

    def __call__(self, ids: list[int], logits: Tensor, written: list[int]) -> int:
        """The next token. ids: all so far; logits: (1, vocabulary), float; written: the chain's own ids."""
        # First what needs no logits: a device may be at work on them still.
        allowed = self.grammar.allowed(written) if self.grammar else None
        noise = self._noise(logits.shape) if self.sampling.temperature else None
        logits = self._with_penalty(ids, logits).masked_fill(self._mask(allowed, logits), -torch.inf)
        if noise is None:
            return int(logits.argmax())
        return int((self.processors(None, logits).softmax(-1) / noise.to(logits.device)).argmax())

    def _mask(self, allowed: list[int] | None, logits: Tensor) -> Tensor:
        """Which ids may not come next: all but those `allowed`, or those that are forbidden in the prose."""
        if allowed is not None:
            mask = torch.ones_like(logits, dtype=torch.bool)
            mask[:, allowed] = False
            return mask
        forbidden = self.grammar.forbidden() if self.grammar else ()
        if forbidden not in self.masks:
            self.masks[forbidden] = torch.zeros_like(logits, dtype=torch.bool)
            self.masks[forbidden][:, [*self.never, *forbidden]] = True
        return self.masks[forbidden]

    def _with_penalty(self, ids: list[int], logits: Tensor) -> Tensor:
        """The logits with the penalty on every id that has come: negative ones times it, the others divided by it.

        Source: transformers' RepetitionPenaltyLogitsProcessor, arXiv 1909.05858 section 4.1.
        """
        penalty = self.sampling.repetition_penalty
        if self.penalties is None:
            self.penalties = torch.ones_like(logits)
        new, self.known = ids[self.known :], len(ids)
        if new:
            self.penalties[:, new[0] if len(new) == 1 else new] = penalty  # one alone needs no list on the device
        lower = torch.minimum if penalty >= 1 else torch.maximum
        return lower(logits * self.penalties, logits / self.penalties)

    def _noise(self, shape: torch.Size) -> Tensor:
        """What softmax's result is divided by so that the greatest is a random choice: torch.multinomial's own way.

        To draw it for a large vocabulary takes milliseconds, so the next token's is drawn beside the network's work.
        """
        drawn = self.drawing.result() if self.drawing else self._draw(shape)
        self.drawing = _DRAWERS.submit(self._draw, shape)
        return drawn

    def _draw(self, shape: torch.Size) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device="cpu").exponential_(generator=self.generator)


_DRAWERS = ThreadPoolExecutor(thread_name_prefix="got-noise")


class ChainGrammar:
    """Keeps a chain well formed while it is written: every box, and every color behind one.

    A box is `(x0,y0),(x1,y1)`, 0..999, first corner left of and above the second; brackets right behind a box hold a
    color word. In the prose there are no boxes, for plain numbers in the form of one would be read as one. Tokens may
    hold several characters, so each that could come is tried as text, once for every beginning.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.start, self.end = vocabulary.box_start, vocabulary.box_end
        self.colors: dict[str, list[int]] = {}  # by what stands behind the bracket; there are many tokens to try
        self.length, self.last, self.inside = 0, None, ""  # of what was written: ids, last box marker, text behind it
        self.bracket = ""  # of the prose, from its last opening bracket on

    def allowed(self, written: list[int]) -> list[int] | None:
        """The ids that may come next inside a box or a color; None elsewhere, where all may but those `forbidden`.

        `written` is what it was at the last call and more.
        """
        for number in written[self.length :]:
            self._follow(number)
        self.length = len(written)
        if self.last == self.start:
            fits = may_become_box
            return [self.end] if is_box(self.inside) else self._such(self.vocabulary.box_texts, self.inside, fits)
        color = _OPEN_COLOR.fullmatch(self.inside) if self.last else None
        if not color:
            return None
        if color[1] not in self.colors:
            self.colors[color[1]] = self._such(self.vocabulary.color_texts, color[1], may_become_color)
        return self.colors[color[1]]

    def forbidden(self) -> tuple[int, ...]:
        """The ids that may not come next in the prose: a box's end, and after a pair of numbers another bracket."""
        return (self.end, *(self.vocabulary.opening if _NUMBER_PAIR.fullmatch(self.bracket) else ()))

    def _follow(self, number: int) -> None:
        """Note one more id. Text behind a color is of no interest, and grows no more."""
        if number in (self.start, self.end):
            self.last, self.inside, self.bracket = number, "", ""
            return
        text = self.bracket + self.vocabulary.text_of(number)
        self.bracket = text[text.rfind("(") :] if "(" in text else ""
        if self.last == self.start or (self.last and (not self.inside.strip() or _OPEN_COLOR.fullmatch(self.inside))):
            self.inside += self.vocabulary.text_of(number)

    @staticmethod
    def _such(texts: dict[int, str], before: str, fits: Callable[[str], bool]) -> list[int]:
        return [number for number, text in texts.items() if fits(before + text)]


# What chain.py takes for the first corner of a plain box; U+010A is how a byte-level tokenizer writes a new line.
_NUMBER_PAIR = re.compile(r"\(\s*[-+]?[\d.]+\s*,[^()]*\)[\s\u010a]*(?:,[\s\u010a]*)?")
_OPEN_COLOR = re.compile(r"\s*\(([A-Za-z ]*)")


_COLOR_BEGINNINGS = {color[:length] for color in COLORS for length in range(len(color) + 1)}


def may_become_color(text: str) -> bool:
    """Whether what stands behind an opening bracket is, or can still become, a color word and the closing bracket."""
    word, closed, _ = text.partition(")")
    return word.replace(" ", "").lower() in (COLORS if closed else _COLOR_BEGINNINGS)


_SHAPE = "(0,0),(0,0)"


def is_box(text: str) -> bool:
    """Whether `text` is a whole box with its corners in order."""
    return may_become_box(text) and re.sub(r"\d+", "0", text) == _SHAPE


def may_become_box(text: str) -> bool:
    """Whether `text` can still become a box: the right characters so far, and room for the second corner."""
    if not _SHAPE.startswith(re.sub(r"\d+", "0", text)):
        return False
    numbers = re.findall(r"\d+", text)
    if any(len(number) > 3 or (number[0] == "0" and number != "0") for number in numbers):
        return False
    if any(int(number) > GRID - 2 for number in numbers[:2]):
        return False
    growing = text[-1:].isdigit() and numbers[-1] != "0"  # more digits may follow the last number
    greatest = [int(number) for number in numbers[:-1]]
    greatest += [int(number.ljust(3, "9") if growing else number) for number in numbers[-1:]]
    return all(second > first for first, second in zip(greatest, greatest[2:], strict=False))


def _never_written(vocabulary: Vocabulary) -> list[int]:
    """Every special token that has no place inside a chain: image, padding and role tokens."""
    kept = {*vocabulary.stops, vocabulary.box_start, vocabulary.box_end}
    kept |= {number for text, number in vocabulary.special.items() if text.startswith(("<|object_ref", "<|obj_"))}
    return [number for number in vocabulary.special.values() if number not in kept]


def _processors(sampling: Sampling) -> Any:
    """transformers' processors of sampling for these values, in the order of its `generate`."""
    processors = LogitsProcessorList()
    if sampling.temperature not in (0, 1):
        processors.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.temperature and sampling.top_k:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.temperature and sampling.top_p < 1:
        processors.append(TopPLogitsWarper(sampling.top_p))
    if sampling.temperature and sampling.min_p:
        processors.append(MinPLogitsWarper(sampling.min_p))
    return processors
