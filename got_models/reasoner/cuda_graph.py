"""One token of every sequence as a single step, plain or recorded.

A step reads some GB of weights and computes little, so on a fast card the time to start its hundreds of kernels from
Python can be several times that of running them. Recorded once as a CUDA graph, they start together.
"""

import logging
from functools import cache

import torch
from torch import Tensor

from .network import KeyValues, Language

PLAIN = 8  # steps before one is recorded, which takes three of them and more: a chain of few tokens need not pay for it


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

    inputs: those that it will be called with first. They are read before the recording too, which leaves in the cache
    what that call will. The logits are overwritten by the next call. Its memory goes when the step goes.
    """

    def __init__(self, language: Language, cache: KeyValues, inputs: Tensor) -> None:
        device, places = cache.keys[0].device, cache.keys[0].shape[2]
        self.inputs, self.graph = inputs.to(device), torch.cuda.CUDAGraph()
        stream = _stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):  # for torch.cuda.graph does not leave it if the recording fails
            for _ in range(2):  # kernels are loaded and chosen on their first runs, which cannot be recorded
                read_one_token(language, self.inputs, places, cache)
            # Waits for all that; thread_local lets other threads use the device meanwhile.
            with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
                self.logits = read_one_token(language, self.inputs, places, cache)

    def __call__(self, inputs: Tensor) -> Tensor:
        self.inputs.copy_(inputs)
        self.graph.replay()
        return self.logits


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Where steps are recorded. One for all: on each stream PyTorch keeps some memory for products of matrices."""
    return torch.cuda.Stream(device)


class FastStep:
    """A plain step at first, a recorded one as soon as that pays; plain to the end if it cannot be recorded."""

    def __init__(self, language: Language, cache: KeyValues) -> None:
        self.language, self.cache = language, cache
        self.step: PlainStep | RecordedStep = PlainStep(language, cache)
        self.count = 0

    def __call__(self, inputs: Tensor) -> Tensor:
        self.count += 1
        if self.count == PLAIN + 1:
            try:
                step = RecordedStep(self.language, self.cache, inputs)
                logits = step(inputs)
            except Exception as error:  # whatever it is, such as too little memory: the chain goes on without
                logging.warning("GoT writes this chain more slowly: its step could not be recorded (%s).", error)
            else:
                self.step = step
                return logits
        return self.step(inputs)
