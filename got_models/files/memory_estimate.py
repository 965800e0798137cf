"""A model's memory estimate, read from its files' headers before anything is loaded. All numbers are bytes.

    reasoner    its weights as they will be loaded, and its work: the KV cache of a long chain
    unet        its weights as they will be loaded, and its work: the activations of one step
    free        what the device has for both
    reserve     what ComfyUI keeps free for any work

The VAE is left out: it is a fiftieth of the UNet, and decodes in tiles where its own work does not fit.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from .manifest import PROJECTORS, REASONER, UNET, read_manifest
from .planner import read_planner
from .weights import ITEM_BYTES, TensorInfo, WeightsError, published_key, read_header, weight_files

TOGETHER, TURNS, PARTS = "together", "turns", "parts"  # both networks fit at once; one at a time; not even one
TOKENS = 2048  # prompt, two images, a chain of 1024 tokens, the image tokens
# Per latent cell and byte of a number: ComfyUI 0.30.0's estimate for SDXL with a fused attention.
STEP_BYTES = 0.01 * 0.8 * 2**20
_SIZES = ("hidden_size", "num_attention_heads", "num_hidden_layers", "num_key_value_heads")


@dataclass(frozen=True)
class Need:
    """What one network needs: its weights, and the work on top of them."""

    weights: int
    work: int

    def total(self, reserve: int) -> int:
        return self.weights + max(self.work, reserve)


def reasoner_need(folder: Path, dtype: torch.dtype, as_stored: bool) -> Need:
    """The need of a model folder's reasoner. dtype, as_stored: as for reasoner.loading.load_reasoner."""
    header = {name: info for file in weight_files(folder / REASONER) for name, info in read_header(file).items()}
    weights = loaded_bytes(header, dtype, lambda name, info: as_stored and len(info.shape) == 2)
    weights += loaded_bytes(read_header(folder / PROJECTORS), dtype)
    return Need(weights, cache_bytes(_config(folder / REASONER / "config.json"), TOKENS, dtype))


def planner_need(path: Path, dtype: torch.dtype, as_stored: bool) -> Need:
    """The need of a plain Qwen2.5-VL. An output layer that shares the embeddings' weights gets a copy of them."""
    config, stays = read_planner(path), lambda name, info: as_stored and len(info.shape) == 2
    header = {published_key(name): info for file in weight_files(path) for name, info in read_header(file).items()}
    if config["tie_word_embeddings"]:
        header.setdefault("lm_head.weight", header["model.embed_tokens.weight"])
    return Need(loaded_bytes(header, dtype, stays), cache_bytes(config, TOKENS, dtype))


def unet_need(folder: Path, dtype: torch.dtype, computes: torch.dtype) -> Need:
    """The need of a model folder's UNet for a step with two branches at a time.

    dtype: of its weights. computes: the type in which it computes.
    """
    sizes = read_manifest(folder).defaults.values()
    cells = max(size.width * size.height for size in sizes) // 64
    header = read_header(folder / UNET)
    fp8 = any(info.dtype.startswith("F8") for info in header.values())
    # In fp8 models, ComfyUI's layers store matrices that are not fp8 in the type in which they compute.
    matrices = {name: info for name, info in header.items() if fp8 and len(info.shape) == 2}
    others = {name: info for name, info in header.items() if name not in matrices}
    weights = loaded_bytes(matrices, computes) + loaded_bytes(others, dtype)
    return Need(weights, round(2 * cells * computes.itemsize * STEP_BYTES))


def loaded_bytes(
    header: Mapping[str, TensorInfo],
    dtype: torch.dtype,
    stays: Callable[[str, TensorInfo], bool] = lambda name, info: False,
) -> int:
    """Bytes of a file's tensors in `dtype`. fp8 weights, their scales and what `stays` accepts keep the file's type."""
    total = 0
    for name, info in header.items():
        as_stored = info.dtype.startswith("F8") or name.endswith(".weight_scale") or stays(name, info)
        total += math.prod(info.shape) * (ITEM_BYTES.get(info.dtype, 1) if as_stored else dtype.itemsize)
    return total


def cache_bytes(config: Mapping[str, int], tokens: int, dtype: torch.dtype) -> int:
    """Bytes of the keys and values of `tokens` tokens in all layers. config: Qwen2.5-VL's in the published form."""
    head = config["hidden_size"] // config["num_attention_heads"]
    return tokens * 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * head * dtype.itemsize


def fits(reasoner: Need, unet: Need, free: int, reserve: int) -> str:
    """TOGETHER, TURNS or PARTS."""
    if reasoner.weights + unet.weights + max(reasoner.work, unet.work, reserve) <= free:
        return TOGETHER
    return TURNS if max(reasoner.total(reserve), unet.total(reserve)) <= free else PARTS


def fits_alone(need: Need, free: int, reserve: int) -> str:
    """TOGETHER or PARTS, for a network that needs no other one."""
    return TOGETHER if need.total(reserve) <= free else PARTS


def _config(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sizes = {name: int(content[name]) for name in _SIZES}
        if min(sizes.values()) < 1:
            raise ValueError(f"one of {', '.join(_SIZES)} is not above zero")
        return sizes
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WeightsError(f"{path} cannot be read: {error!r}. Convert the model again.") from error
