"""One token of every sequence as a single step, eager or as a CUDA graph.

A step reads some GB of weights and computes little. On a fast card, starting its hundreds of kernels from Python can
take several times as long as running them. Captured once as a CUDA graph, they start together.
"""

import logging
from functools import cache

import torch
from torch import Tensor

from .network import CachedQwenVL, KVCache

EAGER_STEPS = 8  # before the capture, which takes as long as three steps and more; a short chain does without


def decode_step(qwen: CachedQwenVL, inputs: Tensor, kv_len: int, kv_cache: KVCache) -> Tensor:
    """Logits (B, vocabulary) after one more token of every row.

    inputs: (3, B, 1), of each row the token's id, its cache position and its position id. kv_len: as in
    CachedQwenVL.forward.
    """
    ids, cache_positions, position_ids = inputs
    hidden = qwen.forward(qwen.embed(ids), position_ids.expand(3, -1, -1), cache_positions, kv_len, kv_cache)
    return qwen.logits(hidden[:, -1])


class EagerStep:
    """`decode_step` without a graph, over the filled blocks of the cache. Its inputs are on the CPU."""

    def __init__(self, qwen: CachedQwenVL, kv_cache: KVCache) -> None:
        self.qwen, self.kv_cache = qwen, kv_cache

    def __call__(self, inputs: Tensor) -> Tensor:
        kv_len = self.kv_cache.kv_len(int(inputs[1].max()) + 1)
        return decode_step(self.qwen, inputs.to(self.kv_cache.device), kv_len, self.kv_cache)


class CUDAGraphStep:
    """`decode_step` as a CUDA graph over the whole cache. Every weight must be on the device and stay there.

    inputs: those of the first call. The warm-up before the capture reads them too; the cache then holds what that call
    writes to it. Each call overwrites the logits of the call before. The graph's memory is freed with the step.
    """

    def __init__(self, qwen: CachedQwenVL, kv_cache: KVCache, inputs: Tensor) -> None:
        device, kv_len = kv_cache.device, kv_cache.capacity
        self.inputs, self.graph = inputs.to(device), torch.cuda.CUDAGraph()
        stream = _capture_stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):  # torch.cuda.graph does not leave the stream if the capture fails
            for _ in range(2):  # warm-up: kernels are loaded and chosen on their first runs, which cannot be captured
                decode_step(qwen, self.inputs, kv_len, kv_cache)
            # Waits for the warm-up; thread_local lets other threads use the device meanwhile.
            with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
                self.logits = decode_step(qwen, self.inputs, kv_len, kv_cache)

    def __call__(self, inputs: Tensor) -> Tensor:
        self.inputs.copy_(inputs)
        self.graph.replay()
        return self.logits


@cache
def _capture_stream(device: torch.device) -> torch.cuda.Stream:
    """The stream of all captures. There is one, for PyTorch keeps some memory per stream for matrix products."""
    return torch.cuda.Stream(device)


class LazyCUDAGraphStep:
    """An eager step at first, a CUDA graph as soon as that pays; eager to the end if the capture fails."""

    def __init__(self, qwen: CachedQwenVL, kv_cache: KVCache) -> None:
        self.qwen, self.kv_cache = qwen, kv_cache
        self.step: EagerStep | CUDAGraphStep = EagerStep(qwen, kv_cache)
        self.count = 0

    def __call__(self, inputs: Tensor) -> Tensor:
        self.count += 1
        if self.count == EAGER_STEPS + 1:
            try:
                step = CUDAGraphStep(self.qwen, self.kv_cache, inputs)
                logits = step(inputs)
            except Exception as error:  # of any kind, such as too little memory: the chain is written without a graph
                logging.warning("GoT writes this chain more slowly: the CUDA graph capture failed (%s).", error)
            else:
                self.step = step
                return logits
        return self.step(inputs)
