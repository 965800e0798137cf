"""Reading weights: safetensors files only, checked before a byte of them is used, mapped instead of copied.

    read_header(file)       what a file holds, without loading it; read_metadata(file): what is said about it
    load_tensors(path)      a file, or a folder in transformers' layout (one file, or shards with an index)
    published_key(key)      today's transformers names of Qwen2.5-VL -> the names the model was published with

Knows nothing of what the weights are for. Pickled files are refused here; conversion/checkpoint.py reads those.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import GoTError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
_METADATA = "__metadata__"
LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
MOST_SIDES = 8  # of a tensor's shape; no network has more than five
ITEM_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F16": 16, "BF16": 16, "F32": 32, "F64": 64}


TORCH_DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


class WeightsError(GoTError):
    """A file of weights that cannot be used. The message says which, what is wrong with it, and what to do."""


class TensorInfo(NamedTuple):
    """dtype: safetensors' name of it, e.g. "BF16"; shape: in elements."""

    dtype: str
    shape: tuple[int, ...]


def published_key(key: str) -> str:
    """The published name of a Qwen2.5-VL tensor. Names that are published ones already stay as they are.

    model.language_model.layers.0... -> model.layers.0...        model.visual.blocks.0... -> visual.blocks.0...
    """
    if key.startswith("model.language_model."):
        return "model." + key.removeprefix("model.language_model.")
    return key.removeprefix("model.") if key.startswith("model.visual.") else key


def read_header(path: Path) -> dict[str, TensorInfo]:
    """What a safetensors file holds, by name. Raises WeightsError if it is not one, or not whole."""
    content = _read(Path(path))
    content.pop(_METADATA, None)
    return {name: TensorInfo(entry["dtype"], tuple(entry["shape"])) for name, entry in content.items()}


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file. Raises WeightsError as read_header does."""
    return _read(Path(path)).get(_METADATA) or {}


def _read(path: Path) -> dict[str, dict]:
    _refuse_what_is_no_file(path)
    with path.open("rb") as file:
        start = file.read(9)
        _refuse_other_formats(path, start)
        length = int.from_bytes(start[:8], "little")
        if path.stat().st_size < 8 + length:
            raise _cut_short(path, 8 + length)
        file.seek(8)
        content = _header(path, file.read(length))
    _check_size(path, 8 + length, content)
    return content


def load_tensors(path: Path, check: Callable[[], None] = lambda: None) -> dict[str, Tensor]:
    """All tensors of a file, or of a transformers folder, mapped: memory is used when a tensor is first read.

    check is called before each tensor, and may raise to stop.
    """
    return {name: tensor for file in weight_files(Path(path)) for name, tensor in _load_file(file, check).items()}


def stored_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """The type that most of the numbers have."""
    counts = Counter()
    for tensor in tensors:
        counts[tensor.dtype] += tensor.numel()
    return counts.most_common(1)[0][0]


def weights_of(path: Path) -> tuple[int, torch.dtype]:
    """How many numbers a file or folder holds, and the type that most of those have which are not fp8."""
    infos = [info for file in weight_files(Path(path)) for info in read_header(file).values()]
    counts = Counter()
    for info in infos:
        counts[info.dtype] += math.prod(info.shape)
    named = [kind for kind, _ in counts.most_common() if kind in TORCH_DTYPES]
    return counts.total(), TORCH_DTYPES[named[0]] if named else torch.float32


def weight_files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder: model.safetensors, or the shards that its index names."""
    index = path / INDEX
    if not path.is_dir() or not index.is_file():
        return [path / SINGLE if path.is_dir() else path]
    return [path / name for name in sorted(set(read_index(index).values()))]


def read_index(index: Path) -> dict[str, str]:
    """The table of a sharded checkpoint: name of a tensor -> name of the file that holds it."""
    try:
        table = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        if table and all(Path(file).name == file for file in table.values()):
            return table
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        pass
    raise WeightsError(f"{index} is not an index of weights: its weight_map cannot be read. Get the file again.")


def _load_file(path: Path, check: Callable[[], None]) -> dict[str, Tensor]:
    header, tensors = read_header(path), {}
    try:
        with safe_open(path, framework="pt") as file:
            for name in header:
                check()
                tensors[name] = file.get_tensor(name)
        return tensors
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged: {error}. Get the file again.") from error


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise WeightsError(f"{path} is a folder, but a safetensors file is needed there.")
    if not path.is_file():
        raise WeightsError(f"{path} does not exist. Put the file there, or choose another model.")
    if path.stat().st_size == 0:
        raise WeightsError(f"{path} is empty. Its download probably failed: get the file again.")


def _refuse_other_formats(path: Path, start: bytes) -> None:
    """start: the first 9 bytes: the header's length, and the brace that begins it."""
    if start.startswith((b"PK\x03\x04", b"\x80")) and start[8:] != b"{":
        raise WeightsError(
            f"{path} is a pickled file, not safetensors; such a file can run code when it is opened, so it is not. "
            f"Get the model as .safetensors, or make it with `python dev.py convert`."
        )
    if start.startswith(b"version "):
        raise WeightsError(f"{path} is a git-lfs pointer, not the weights. Run `git lfs pull` in its folder.")
    if start[8:] != b"{" or not 2 <= int.from_bytes(start[:8], "little") <= LARGEST_HEADER:
        raise WeightsError(f"{path} is not a safetensors file. Get the model as .safetensors.")


def _header(path: Path, text: bytes) -> dict[str, dict]:
    try:
        content = json.loads(text)
        for entry in _entries(content):
            (begin, end), shape, dtype = entry["data_offsets"], entry["shape"], entry["dtype"]
            numbers = all(type(number) is int and number >= 0 for number in (begin, end, *shape))
            if not numbers or len(shape) > MOST_SIDES or not isinstance(dtype, str):
                raise ValueError("a tensor's shape, place or type is not one")
            bits = ITEM_BITS.get(dtype)
            if bits is not None and (end - begin) * 8 != math.prod(shape) * bits:
                raise ValueError("a tensor's length does not match its shape")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is damaged: its header cannot be read ({error}). Get the file again.") from error
    return content


def _entries(content: dict[str, dict]) -> list[dict]:
    return [entry for name, entry in content.items() if name != _METADATA]


def _check_size(path: Path, start: int, content: dict[str, dict]) -> None:
    expected = start + max((entry["data_offsets"][1] for entry in _entries(content)), default=0)
    if path.stat().st_size < expected:
        raise _cut_short(path, expected)
    if path.stat().st_size > expected:
        raise WeightsError(f"{path} is damaged: it is longer than its header says. Get the file again.")


def _cut_short(path: Path, expected: int) -> WeightsError:
    return WeightsError(
        f"{path} is cut short: {path.stat().st_size:,} of at least {expected:,} bytes are there. Get the file again."
    )
