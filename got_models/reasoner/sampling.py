"""How the next token is chosen: repetition penalty, suppressed tokens, the grammar constraint, sampling.

The processors are transformers' own, in the order of its `generate`. The repetition penalty is not: it need not read
every token again. The random numbers come from a local generator, so the global random state does not change.
"""

import math
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import GoTError
from .dialects import ON_GRID, Coordinates
from .grammar_constraint import GrammarConstraint
from .prompt import Vocabulary

if TYPE_CHECKING:  # importing it takes seconds, so it is done where it is used
    from transformers.generation.logits_process import LogitsProcessorList


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. The defaults are greedy, as the released code decodes, with Qwen2.5-VL-3B's penalty.

    temperature: 0 or more; 0 is greedy. top_k: 0 is off. top_p: 1 is off. min_p: 0 is off. repetition_penalty: above 0;
    1 is off. GoTError if a value is out of its range.
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
                f"Use temperature >= 0, repetition_penalty > 0, 0 < top_p <= 1 and 0 <= min_p <= 1."
            )


class TokenSampler:
    """Chooses one token after another for one chain. It reads each of the chain's ids once.

    Everything as long as the vocabulary stays on the logits' device; one id comes back from there.
    """

    def __init__(
        self,
        sampling: Sampling,
        vocabulary: Vocabulary,
        constrain: bool = True,
        coordinates: Coordinates = ON_GRID,
    ) -> None:
        """coordinates: the numbers in which a constrained chain writes its boxes."""
        self.sampling = sampling
        self.processors = _processors(sampling)
        self.generator = torch.Generator().manual_seed(sampling.seed)
        self.suppressed = _suppressed_tokens(vocabulary)
        self.constraint = GrammarConstraint(vocabulary, coordinates) if constrain else None
        self.penalized = 0  # how many ids `penalties` accounts for
        self.penalties: Tensor | None = None  # (1, vocabulary): the penalty where an id has come, else 1
        self.masks: dict[tuple[int, ...], Tensor] = {}  # (1, vocabulary): what may not come, by `forbidden`
        self.next_noise: Future | None = None

    def __call__(self, ids: list[int], logits: Tensor, written: list[int]) -> int:
        """The next token. ids: all so far; logits: (1, vocabulary), float; written: the chain's own ids."""
        if self.penalties is None and logits.isnan().any():  # once per chain: it waits for the device
            raise GoTError(
                "The language model computes NaN instead of words: its weights are damaged, or a LoRA or the precision "
                "does not suit them. Convert the model again, or start ComfyUI with --fp32-text-enc."
            )
        # First what needs no logits: the device may still be working on them.
        allowed = self.constraint.allowed(written) if self.constraint else None
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
        forbidden = self.constraint.forbidden() if self.constraint else ()
        if forbidden not in self.masks:
            self.masks[forbidden] = torch.zeros_like(logits, dtype=torch.bool)
            self.masks[forbidden][:, [*self.suppressed, *forbidden]] = True
        return self.masks[forbidden]

    def _with_penalty(self, ids: list[int], logits: Tensor) -> Tensor:
        """The logits with the penalty on every id that has come: negative ones times it, the others divided by it.

        Source: transformers' RepetitionPenaltyLogitsProcessor, arXiv 1909.05858 section 4.1.
        """
        penalty = self.sampling.repetition_penalty
        if self.penalties is None:
            self.penalties = torch.ones_like(logits)
        new, self.penalized = ids[self.penalized :], len(ids)
        if new:
            self.penalties[:, new[0] if len(new) == 1 else new] = penalty  # a single id needs no list on the device
        lower = torch.minimum if penalty >= 1 else torch.maximum
        return lower(logits * self.penalties, logits / self.penalties)

    def _noise(self, shape: torch.Size) -> Tensor:
        """Exponential noise. The greatest of softmax / noise is a random choice; torch.multinomial does the same.

        Drawing it for a large vocabulary takes milliseconds, so the next token's is drawn while the network works.
        """
        noise = self.next_noise.result() if self.next_noise else self._draw_noise(shape)
        self.next_noise = _NOISE_THREADS.submit(self._draw_noise, shape)
        return noise

    def _draw_noise(self, shape: torch.Size) -> Tensor:
        return torch.empty(shape, dtype=torch.float32, device="cpu").exponential_(generator=self.generator)


_VISUAL = re.compile(r"<\|(?:image|video|vision|im_gen)_")
_NOISE_THREADS = ThreadPoolExecutor(thread_name_prefix="got-noise")


def _suppressed_tokens(vocabulary: Vocabulary) -> list[int]:
    """The tokens that may not come inside a chain.

    A GoT model may write all but those for images and videos, as in the released code: one of these would take the
    place of an image that is not there. A plain language model is not trained on chains, so it gets only the tokens of
    boxes and objects: with others, such as those of polygons, its answer would be in no form that is read.
    """
    special = vocabulary.special.items()
    if not vocabulary.dialect.plain_boxes:
        return [number for text, number in special if _VISUAL.match(text) and number not in vocabulary.stops]
    used = {*vocabulary.stops, vocabulary.box_start, vocabulary.box_end}
    used |= {number for text, number in special if text.startswith(("<|object_ref", "<|obj_"))}
    return [number for number in vocabulary.special.values() if number not in used]


def _processors(sampling: Sampling) -> "LogitsProcessorList | None":
    """transformers' processors of sampling for these values, in the order of its `generate`; None for greedy."""
    if not sampling.temperature:
        return None
    from transformers.generation import logits_process

    processors = logits_process.LogitsProcessorList()
    if sampling.temperature != 1:
        processors.append(logits_process.TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        processors.append(logits_process.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        processors.append(logits_process.TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        processors.append(logits_process.MinPLogitsWarper(sampling.min_p))
    return processors
