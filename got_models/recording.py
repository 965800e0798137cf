"""One token of every sequence as a single step, plain or recorded.

A step reads some GB of weights and computes little, so on a fast card the time to start its hundreds of kernels from
Python can be several times that of running them. Recorded once as a CUDA graph, they start together.
"""

import torch
from torch import Tensor

from .language import KeyValues, Language


def read_one_token(language: Language, inputs: Tensor, seen: int, cache: KeyValues) -> Tensor:
    """Logits (B, vocabulary) after one more token of every row.

    inputs: (3, B, 1), of each row the token's id, its place in the cache and its position. seen: as in Language.read.
    """
    tokens, places, positions = inputs
    hidden = language.read(language.embed(tokens), positions.expand(3, -1, -1), places, seen, cache)
    return language.logits(hidden[:, -1])


class PlainStep:
    """`read_one_token` as it stands, over little more of the cache than is filled. Its inputs come from the CPU."""

    def __init__(self, language: Language, cache: KeyValues) -> None:
        self.language, self.cache = language, cache

    def __call__(self, inputs: Tensor) -> Tensor:
        seen = self.cache.seen(int(inputs[1].max()) + 1)
        return read_one_token(self.language, inputs.to(self.cache.keys[0].device), seen, self.cache)


class RecordedStep:
    """`read_one_token` as a CUDA graph over the whole cache. Every weight must be on the device and stay there.

    Made before anything is read, for the trial runs write to the cache's first place. The logits are overwritten by the
    next call.
    """

    def __init__(self, language: Language, cache: KeyValues) -> None:
        rows, _, places, _ = cache.keys[0].shape
        self.inputs = torch.zeros(3, rows, 1, dtype=torch.long, device=cache.keys[0].device)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # kernels are loaded and chosen on their first runs, which cannot be recorded
            for _ in range(2):
                read_one_token(language, self.inputs, places, cache)
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.logits = read_one_token(language, self.inputs, places, cache)

    def __call__(self, inputs: Tensor) -> Tensor:
        self.inputs.copy_(inputs)
        self.graph.replay()
        return self.logits
