"""Writing safetensors one tensor after the other, so that only one is in memory, with progress and checksums.

The layout of a file follows from the plan alone: its header is written before the first tensor is made.
Format: 8 bytes length of the header, little-endian; the header, JSON: name -> dtype, shape, data_offsets; the data.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..files.fp8 import describe, quantize
from ..files.weights import ITEM_BYTES
from .plan import TensorPlan

DTYPES = {  # torch's and safetensors' name; fp8: of what an fp8 model does not keep in fp8
    "bf16": (torch.bfloat16, "BF16"),
    "fp16": (torch.float16, "F16"),
    "fp32": (torch.float32, "F32"),
    "fp8": (torch.bfloat16, "BF16"),
}
LARGEST_SHARD = 4_000_000_000  # bytes
SECONDS_BETWEEN_REPORTS = 2


class Progress:
    """Reports bytes done of `total`, and the time left, at most every two seconds."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self.total, self.report, self.done = total, report, 0
        self.start = self.reported = time.monotonic()

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if now - self.reported >= SECONDS_BETWEEN_REPORTS:
            self.reported = now
            left = (now - self.start) * max(0, self.total - self.done) / self.done  # headers come on top
            self.report(
                f"{self.done / self.total:4.0%}  {self.done / 1e9:.1f} of {self.total / 1e9:.1f} GB, {left:.0f} s left"
            )


def size_of(plans: list[TensorPlan], dtype: str) -> int:
    """Bytes that the tensors take."""
    return sum(_length(*entry) for plan in plans for entry in _entries(plan, dtype).values())


def write_file(path: Path, plans: list[TensorPlan], dtype: str, progress: Progress) -> str:
    """Write one safetensors file. Returns its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in _chunks(plans, dtype):
            file.write(chunk)
            digest.update(chunk)
            progress.advance(len(chunk))
    return digest.hexdigest()


def write_shards(folder: Path, plans: list[TensorPlan], dtype: str, progress: Progress) -> dict[str, str]:
    """Write model.safetensors, or shards and their index if it is large. Returns file name -> SHA-256."""
    shards = _split(plans, dtype)
    if len(shards) == 1:
        return {"model.safetensors": write_file(folder / "model.safetensors", plans, dtype, progress)}
    names = [f"model-{number + 1:05}-of-{len(shards):05}.safetensors" for number in range(len(shards))]
    sums = {name: write_file(folder / name, shard, dtype, progress) for name, shard in zip(names, shards)}
    table = {plan.name: name for name, shard in zip(names, shards) for plan in shard}
    index = json.dumps({"metadata": {"total_size": size_of(plans, dtype)}, "weight_map": table}, indent=2) + "\n"
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    return {**sums, "model.safetensors.index.json": hashlib.sha256(index.encode()).hexdigest()}


def _split(plans: list[TensorPlan], dtype: str) -> list[list[TensorPlan]]:
    """Consecutive plans in groups of at most LARGEST_SHARD bytes, a single larger tensor excepted."""
    shards: list[list[TensorPlan]] = []
    room = 0
    for plan in plans:
        size = size_of([plan], dtype)
        if not shards or size > room:
            shards.append([])
            room = LARGEST_SHARD
        shards[-1].append(plan)
        room -= size
    return shards


def _chunks(plans: list[TensorPlan], dtype: str) -> Iterator[bytes | memoryview]:
    yield header(plans, dtype)
    for plan in plans:
        for tensor in _tensors(plan, dtype):
            yield memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


def header(plans: list[TensorPlan], dtype: str) -> bytes:
    """The beginning of a safetensors file with these tensors, as far as their data."""
    table, position = {"__metadata__": {"format": "pt"} | _description(plans)}, 0
    for plan in plans:
        for name, (kind, shape) in _entries(plan, dtype).items():
            end = position + _length(kind, shape)
            table[name] = {"dtype": kind, "shape": shape, "data_offsets": [position, end]}
            position = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data begins aligned
    return len(text).to_bytes(8, "little") + text


def _entries(plan: TensorPlan, dtype: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """What stands in the file for a plan: name -> safetensors' name of the type, and shape."""
    if plan.fp8:
        return {plan.name: ("F8_E4M3", plan.shape), f"{plan.name}_scale": ("F32", ())}
    return {plan.name: (DTYPES[dtype][1], plan.shape)}


def _tensors(plan: TensorPlan, dtype: str) -> tuple[Tensor, ...]:
    """The values of `_entries`, in its order. fp8 is rounded once, from float32."""
    return quantize(plan.make(torch.float32)) if plan.fp8 else (plan.make(DTYPES[dtype][0]),)


def _length(kind: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * ITEM_BYTES[kind]


def _description(plans: list[TensorPlan]) -> dict[str, str]:
    return describe(plan.name.removesuffix(".weight") for plan in plans if plan.fp8)
