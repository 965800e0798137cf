"""What a model will need, before it is loaded: read from its files' headers, and weighed against a device's memory.

    chain     the reasoner's weights as they will be loaded, and its work: the key-value cache of a long chain
    picture   the UNet's weights as they will be loaded, and its work: the activations of one step
    room      what the device has for both; `reserve` of it ComfyUI keeps for any work

The VAE is a fiftieth of the UNet, and decodes in tiles where its own work does not fit. All in bytes.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from .manifest import PROJECTORS, REASONER, UNET, read_manifest
from .weights import ITEM_BYTES, TensorInfo, WeightsError, read_header, weight_files

TOGETHER, TURNS, PARTS = "together", "turns", "parts"  # both networks fit at once; one at a time; not even one
TOKENS = 2048  # prompt, two pictures, a chain of 1024 tokens, the image tokens
STEP_BYTES = (
    0.01 * 0.8 * 2**20
)  # per latent cell and byte of a number; ComfyUI 0.30.0's estimate for SDXL with a fused attention


@dataclass(frozen=True)
class Need:
    """weights: of one network; work: what it takes beside them."""

    weights: int
    work: int

    def total(self, reserve: int) -> int:
        return self.weights + max(self.work, reserve)


def reasoner_need(folder: Path, dtype: torch.dtype, as_stored: bool) -> Need:
    """The reasoner of a model folder, loaded as loading.load_reasoner does with the same dtype and as_stored."""
    header = {name: info for file in weight_files(folder / REASONER) for name, info in read_header(file).items()}
    weights = loaded_bytes(header, dtype, lambda name, info: as_stored and len(info.shape) == 2)
    weights += loaded_bytes(read_header(folder / PROJECTORS), dtype)
    return Need(weights, cache_bytes(_config(folder / REASONER / "config.json"), TOKENS, dtype))


def unet_need(folder: Path, dtype: torch.dtype, computes: torch.dtype) -> Need:
    """The UNet of a model folder, its weights in `dtype`, computing in `computes`: a step of two branches at a time."""
    sizes = read_manifest(folder).defaults.values()
    cells = max(size.width * size.height for size in sizes) // 64
    header = read_header(folder / UNET)
    fp8 = any(info.dtype.startswith("F8") for info in header.values())
    # ComfyUI's layers of fp8 models hold what is not fp8 as they compute.
    matrices = {name: info for name, info in header.items() if fp8 and len(info.shape) == 2}
    others = {name: info for name, info in header.items() if name not in matrices}
    weights = loaded_bytes(matrices, computes) + loaded_bytes(others, dtype)
    return Need(weights, round(2 * cells * computes.itemsize * STEP_BYTES))


def loaded_bytes(
    header: Mapping[str, TensorInfo],
    dtype: torch.dtype,
    stays: Callable[[str, TensorInfo], bool] = lambda name, info: False,
) -> int:
    """Bytes of a file's tensors in `dtype`; fp8 weights, their scales and what `stays` keep the file's type."""
    total = 0
    for name, info in header.items():
        kept = info.dtype.startswith("F8") or name.endswith(".weight_scale") or stays(name, info)
        total += math.prod(info.shape) * (ITEM_BYTES.get(info.dtype, 1) if kept else dtype.itemsize)
    return total


def cache_bytes(config: Mapping[str, int], tokens: int, dtype: torch.dtype) -> int:
    """Keys and values of so many tokens, in every layer. config: of a Qwen2.5-VL in its published form."""
    head = config["hidden_size"] // config["num_attention_heads"]
    return tokens * 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * head * dtype.itemsize


def verdict(chain: Need, picture: Need, room: int, reserve: int) -> str:
    """TOGETHER, TURNS or PARTS."""
    if chain.weights + picture.weights + max(chain.work, picture.work, reserve) <= room:
        return TOGETHER
    return TURNS if max(chain.total(reserve), picture.total(reserve)) <= room else PARTS


def _config(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sizes = {name: int(content[name]) for name in _SIZES}
        if min(sizes.values()) < 1:
            raise ValueError(f"one of {', '.join(_SIZES)} is not above zero")
        return sizes
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read: {error!r}. Convert the model again.") from error


_SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "num_key_value_heads")
