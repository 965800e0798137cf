"""Reading weights: safetensors files only, checked before use, mapped instead of copied.

    read_header(file)       names, types and shapes of a file's tensors, without loading them; read_metadata(file)
    load_tensors(path)      a file, or a folder in transformers' layout (one file, or shards with an index)
    published_key(key)      today's transformers names of Qwen2.5-VL -> the names that the model was published with

Pickled files are refused here; convert/checkpoint.py reads those.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import GoTError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
MOST_DIMENSIONS = 8  # of a tensor; no network has more than five
ITEM_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F16": 2, "BF16": 2, "F32": 4, "F64": 8}
_TESTED = 4096  # numbers of each tensor that are tested when it is mapped: to read all would take as long as loading
_ORDINARY = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
TORCH_DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


class WeightsError(GoTError):
    """A file of weights cannot be used. The message names the file, what is wrong with it, and what to do."""


class TensorInfo(NamedTuple):
    """dtype: safetensors' name for it, for example "BF16". shape: in elements."""

    dtype: str
    shape: tuple[int, ...]


def published_key(key: str) -> str:
    """The published name of a Qwen2.5-VL tensor. Published names stay as they are.

    model.language_model.layers.0... -> model.layers.0...        model.visual.blocks.0... -> visual.blocks.0...
    """
    if key.startswith("model.language_model."):
        return "model." + key.removeprefix("model.language_model.")
    return key.removeprefix("model.") if key.startswith("model.visual.") else key


def read_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of a safetensors file by name. WeightsError if the file is damaged or another format."""
    with _opened(path) as file:
        names = file.keys()
        slices = [file.get_slice(name) for name in names]
        infos = [TensorInfo(tensor.get_dtype(), tuple(tensor.get_shape())) for tensor in slices]
    header = dict(zip(names, infos, strict=True))
    if wrong := [name for name, info in header.items() if len(info.shape) > MOST_DIMENSIONS]:
        raise WeightsError(
            f"{path} is damaged: '{wrong[0][:80]}' has more than {MOST_DIMENSIONS} dimensions. Get the file again."
        )
    return header


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file. WeightsError as from `read_header`."""
    with _opened(path) as file:
        return file.metadata() or {}


def load_tensors(path: Path, check: Callable[[], None] = lambda: None) -> dict[str, Tensor]:
    """All tensors of a file, or of a transformers folder, mapped: they take memory when they are first read.

    check is called before each tensor, and may raise to stop.
    """
    return {name: tensor for file in weight_files(Path(path)) for name, tensor in _load_file(file, check).items()}


def stored_dtype(tensors: Iterable[Tensor]) -> torch.dtype:
    """The type of most of the numbers."""
    counts = Counter()
    for tensor in tensors:
        counts[tensor.dtype] += tensor.numel()
    return counts.most_common(1)[0][0]


def weights_of(path: Path) -> tuple[int, torch.dtype]:
    """How many numbers a file or folder holds, and the type of most of them, fp8 left out."""
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
    with _opened(path) as file:
        for name in header:
            check()
            tensors[name] = file.get_tensor(name)
            if not is_finite(tensors[name].flatten()[:_TESTED]):
                raise WeightsError(
                    f"{path} is damaged: '{name[:80]}' holds NaN or infinity, so nothing can be computed with it. "
                    f"Get the file again."
                )
    return tensors


def is_finite(tensor: Tensor) -> bool:
    """Whether no number of a tensor, of any dtype, is NaN or infinite."""
    return bool((tensor if tensor.dtype in _ORDINARY else tensor.float()).isfinite().all())


@contextmanager
def _opened(path: Path) -> Iterator[safe_open]:
    """The file, opened by safetensors. That checks that the header is valid and covers the whole file."""
    _refuse_other_formats(path)
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is damaged or cut short, at {path.stat().st_size:,} bytes: {error!s:.200}. Get the file again."
        ) from error


def _refuse_other_formats(path: Path) -> None:
    """Raise WeightsError, with a remedy for each case, unless the file starts as safetensors files do."""
    if path.is_dir():
        raise WeightsError(f"{path} is a folder, but a safetensors file is expected. Choose the file in it.")
    if not path.is_file():
        raise WeightsError(f"{path} does not exist. Put the file there, or choose another model.")
    with path.open("rb") as file:
        start = file.read(9)  # the header's length and its opening brace
    if not start:
        raise WeightsError(f"{path} is empty. Its download probably failed: get the file again.")
    if start.startswith((b"PK\x03\x04", b"\x80")) and start[8:] != b"{":
        raise WeightsError(
            f"{path} is a pickled file, not safetensors. Such a file can run code, so it is not opened. "
            f"Get the model as .safetensors, or make it with `python dev.py convert`."
        )
    if start.startswith(b"version "):
        raise WeightsError(f"{path} is a git-lfs pointer, not the weights. Run `git lfs pull` in its folder.")
    if start[8:] != b"{":
        raise WeightsError(f"{path} is not a safetensors file. Get the model as .safetensors.")
