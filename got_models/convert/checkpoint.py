"""Published checkpoints: one file or shards with an index, safetensors or pickled. Tensors by name, mapped.

A pickle is opened with `weights_only`, so no code in it runs. Opening a folder reads the names and shapes of all
tensors. After that a tensor takes memory only while it is in use.
"""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..files.weights import WeightsError, load_tensors, read_index

STEMS = ("model", "pytorch_model", "diffusion_pytorch_model")
ENDINGS = (".safetensors.index.json", ".safetensors", ".fp16.safetensors", ".bin.index.json", ".bin", ".fp16.bin")
OPEN_FILES = 2  # mapped at a time: neighboring tensors are in one shard or in two neighboring ones
WRAPPERS = ("state_dict", "module", "model")  # keys under which trainers save a model's tensors, among other things
MOST_LISTED = 5  # names in a message
MOST_MAPPED = 1_000_000_000  # bytes read before files are closed and mapped again, which frees their pages


class Checkpoint:
    """The tensors of some files. shapes: name -> shape of every tensor, file by file."""

    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        """WeightsError if a file is damaged, has another format, or repeats a name of another file."""
        self.folder, self.files = folder, [*files]
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._places: dict[str, Path] = {}
        self._open = lru_cache(OPEN_FILES)(_read)
        self._mapped = 0
        for file in self.files:
            for name, tensor in self._open(file).items():
                if name in self._places:
                    raise WeightsError(
                        f"'{name}' is in {self._places[name].name} and in {file.name} of {folder}. Get them again."
                    )
                self.shapes[name], self._places[name] = tuple(tensor.shape), file

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._open(self._places[name])[name]
        self._mapped += tensor.nbytes
        if self._mapped > MOST_MAPPED:
            self.release()
        return tensor

    def release(self) -> None:
        """Close all files. The next access opens its file again."""
        self._open.cache_clear()
        self._mapped = 0


def open_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in a folder, with the file names of transformers, diffusers and accelerate.

    WeightsError if there is none, if a shard is missing, or if a file cannot be used.
    """
    if not folder.is_dir():
        raise WeightsError(f"{folder} is not a folder. Give the folder that the model was downloaded to.")
    first = next((folder / (s + e) for s in STEMS for e in ENDINGS if (folder / (s + e)).is_file()), None)
    if first is None:
        raise WeightsError(
            f"{folder} holds no weights: there is no model.safetensors, no pytorch_model.bin, and no index of shards "
            f"such as pytorch_model.bin.index.json. {_others(folder)}"
            f"Give the complete folder that the model was downloaded to."
        )
    return _open_shards(folder, first) if first.name.endswith(".index.json") else Checkpoint(folder, [first])


def _others(folder: Path) -> str:
    """A sentence on weights under names that are not read, such as non_ema."""
    others = sorted(file.name for file in folder.iterdir() if file.suffix in (".safetensors", ".bin", ".ckpt", ".pt"))
    return f"Files of other names are not read: {listed(others)}. " if others else ""


def _open_shards(folder: Path, index: Path) -> Checkpoint:
    table = read_index(index)
    files = sorted(set(table.values()))
    if missing := [file for file in files if not (folder / file).is_file()]:
        raise WeightsError(
            f"{folder} is incomplete: {len(missing)} of the {len(files)} files in {index.name} "
            f"are missing ({listed(missing)}). Download them too."
        )
    checkpoint = Checkpoint(folder, [folder / file for file in files])
    if lost := [name for name in table if name not in checkpoint.shapes]:
        raise WeightsError(f"{index} lists tensors that its files do not hold ({listed(lost)}). Get the files again.")
    return checkpoint


def listed(names: Sequence[str]) -> str:
    """The first names and the number of the others, for a message."""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


def _read(file: Path) -> Mapping[str, Tensor]:
    return load_tensors(file) if file.suffix == ".safetensors" else _read_pickle(file)


def _read_pickle(file: Path) -> Mapping[str, Tensor]:
    """A file by torch.save, mapped. No code in it runs."""
    with file.open("rb") as opened:
        start = opened.read(8)
    if start == b"version ":
        raise WeightsError(f"{file} is a git-lfs pointer, not the weights. Run `git lfs pull` in its folder.")
    if not start.startswith(b"PK"):  # torch.save writes zip files
        raise WeightsError(f"{file} is not a file of weights by torch.save. Get the file again.")
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{file} holds more than weights. Opening it could run code, so it is not opened. "
            f"Get the checkpoint from its publisher again, or as safetensors."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        raise WeightsError(f"{file} is damaged or cut short. Get the file again.") from error
    for tensors in (content, *(content.get(name) for name in WRAPPERS if isinstance(content, dict))):
        if isinstance(tensors, dict) and all(isinstance(tensor, Tensor) for tensor in tensors.values()):
            _check_plain(tensors, file)
            return tensors
    raise WeightsError(
        f"{file} does not hold tensors by name, so it is not a model's checkpoint. Get the checkpoint again."
    )


def _check_plain(tensors: Mapping[str, Tensor], file: Path) -> None:
    """WeightsError if a tensor is sparse, nested or quantized, or has a shape but no numbers."""
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_nested or tensor.is_quantized or not tensor.is_cpu:
            kind = "nested" if tensor.is_nested else f"of the layout {tensor.layout} on the device {tensor.device}"
            raise WeightsError(
                f"{file} holds '{name!s:.80}' as a tensor that is {kind}, not as plain numbers. "
                f"Get the checkpoint from its publisher."
            )
