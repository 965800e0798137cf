"""Writing safetensors one tensor at a time, so that only one is in memory, with progress and checksums.

The plan alone decides a file's layout: the header is written before the first tensor is made. Format: the header's
length in 8 bytes, little-endian; the header in JSON, name -> dtype, shape, data_offsets; the data.
"""

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from ..files.fp8 import describe, quantize
from ..files.weights import ITEM_BYTES, WeightsError
from .plan import TensorPlan

DTYPES = {  # --dtype -> torch's and safetensors' type; for fp8, that of the tensors which stay out of fp8
    "bf16": (torch.bfloat16, "BF16"),
    "fp16": (torch.float16, "F16"),
    "fp32": (torch.float32, "F32"),
    "fp8": (torch.bfloat16, "BF16"),
}
LARGEST_SHARD = 4_000_000_000  # bytes
LINE = "{percentage:3.0f}%  {n_fmt}B of {total_fmt}B, {remaining} left\n"  # of progress, where there is no terminal


def progress_bar(total: int, show: bool = True) -> tqdm:
    """A progress bar of `total` bytes on standard output. Into a pipe or a file it prints a line every two seconds."""
    style = {} if sys.stdout.isatty() else {"bar_format": LINE, "mininterval": 2}
    return tqdm(total=total, unit="B", unit_scale=True, file=sys.stdout, disable=not show, **style)


def size_of(plans: list[TensorPlan], dtype: str) -> int:
    """Bytes of the tensors."""
    return sum(_length(*entry) for plan in plans for entry in _entries(plan, dtype).values())


class Written(NamedTuple):
    """A file that was written. greatest: the greatest magnitude of its weights."""

    sha256: str
    greatest: float = 0.0


def write_file(path: Path, plans: list[TensorPlan], dtype: str, progress: tqdm) -> Written:
    """Write one safetensors file. WeightsError if a weight is not finite, or too great for the type."""
    digest, greatest = hashlib.sha256(), 0.0
    with path.open("wb") as file:
        file.write(start := header(plans, dtype))
        digest.update(start)
        for plan in plans:
            tensor, magnitude = _finite(plan, dtype)
            greatest = max(greatest, magnitude)
            for chunk in map(_bytes, quantize(tensor) if plan.fp8 else (tensor,)):
                file.write(chunk)
                digest.update(chunk)
                progress.update(len(chunk))
    return Written(digest.hexdigest(), greatest)


def write_shards(folder: Path, plans: list[TensorPlan], dtype: str, progress: tqdm) -> dict[str, Written]:
    """Write model.safetensors, or shards and their index if it is large. Returns them by file name."""
    shards = split_shards(plans, dtype, LARGEST_SHARD)
    if len(shards) == 1:
        return {"model.safetensors": write_file(folder / "model.safetensors", plans, dtype, progress)}
    names = [f"model-{number + 1:05}-of-{len(shards):05}.safetensors" for number in range(len(shards))]
    sums = {name: write_file(folder / name, shard, dtype, progress) for name, shard in zip(names, shards)}
    table = {plan.name: name for name, shard in zip(names, shards) for plan in shard}
    index = json.dumps({"metadata": {"total_size": size_of(plans, dtype)}, "weight_map": table}, indent=2) + "\n"
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    return {**sums, "model.safetensors.index.json": Written(hashlib.sha256(index.encode()).hexdigest())}


def split_shards(plans: list[TensorPlan], dtype: str, largest: int) -> list[list[TensorPlan]]:
    """Consecutive plans in groups of at most `largest` bytes. A larger tensor is a group of its own."""
    shards: list[list[TensorPlan]] = []
    free = 0
    for plan in plans:
        size = size_of([plan], dtype)
        if not shards or size > free:
            shards.append([])
            free = largest
        shards[-1].append(plan)
        free -= size
    return shards


def _finite(plan: TensorPlan, dtype: str) -> tuple[Tensor, float]:
    """A plan's tensor and its greatest magnitude. For fp8 it is float32, and rounded once later. WeightsError."""
    kind = torch.float32 if plan.fp8 else DTYPES[dtype][0]
    tensor = plan.make(kind)
    magnitude = _magnitude(tensor)
    if math.isfinite(magnitude):
        return tensor, magnitude
    exact = _magnitude(plan.make(torch.float32))
    if math.isfinite(exact):
        raise WeightsError(
            f"'{plan.name}' has a weight of {exact:.3g}, but the largest number in {dtype} is "
            f"{torch.finfo(kind).max:.3g}. Convert with --dtype bf16."
        )
    raise WeightsError(
        f"'{plan.name}' in {plan.source.folder} has weights that are NaN or infinite. "
        f"The training or the download failed. Get the checkpoint again."
    )


def _magnitude(tensor: Tensor) -> float:
    """The greatest magnitude in a tensor; NaN if it has one."""
    return max(abs(float(end)) for end in tensor.aminmax()) if tensor.numel() else 0.0


def _bytes(tensor: Tensor) -> memoryview:
    return memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())


def header(plans: list[TensorPlan], dtype: str) -> bytes:
    """A safetensors file with these tensors up to where the data begins."""
    table, position = {"__metadata__": {"format": "pt"} | _description(plans)}, 0
    for plan in plans:
        for name, (kind, shape) in _entries(plan, dtype).items():
            end = position + _length(kind, shape)
            table[name] = {"dtype": kind, "shape": shape, "data_offsets": [position, end]}
            position = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # aligns the data
    return len(text).to_bytes(8, "little") + text


def _entries(plan: TensorPlan, dtype: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The file's tensors for a plan: name -> safetensors' name of the type, and shape."""
    if plan.fp8:
        return {plan.name: ("F8_E4M3", plan.shape), f"{plan.name}_scale": ("F32", ())}
    return {plan.name: (DTYPES[dtype][1], plan.shape)}


def _length(kind: str, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * ITEM_BYTES[kind]


def _description(plans: list[TensorPlan]) -> dict[str, str]:
    return describe(plan.name.removesuffix(".weight") for plan in plans if plan.fp8)
