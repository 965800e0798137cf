"""fp8 weights in ComfyUI's own layout: which layers have them, how they are made, and a layer that runs with them.

    NAME.weight        F8_E4M3, the matrix divided by its scale
    NAME.weight_scale  F32, one number: the matrix's greatest magnitude / 448
    header             metadata that names the layers

The matrices of attention and feed-forward layers alone: they are nine tenths of a network. Embeddings, norms, biases,
convolutions, the vision tower and the first and last layers are few and sensitive, and stay as they are. The matrices
are multiplied in the precision of their input, never in fp8: an activation of Qwen2.5-VL may lie far outside of fp8.

Source: ComfyUI 0.30.0, QUANTIZATION.md.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from .weights import WeightsError, read_metadata, weight_files

FORMAT = "float8_e4m3fn"
DTYPE = torch.float8_e4m3fn
LAYER = {"format": FORMAT, "full_precision_matrix_mult": True}  # what the metadata says of each layer
LARGEST = torch.finfo(DTYPE).max
METADATA = "_quantization_metadata"

_MATRICES = re.compile(
    r"model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight"  # of the language model, published names
    r"|.+\.transformer_blocks\.\d+\.(attn1|attn2|ff)\..+\.weight"  # of the UNet, diffusers' names
)


class Fp8Linear(nn.Module):
    """A linear layer whose weight is kept in fp8. weight: (out, in) fp8; weight_scale: () float32; bias: (out,)."""

    def __init__(self, weight: Tensor, weight_scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight, self.weight_scale = fixed(weight), fixed(weight_scale)
        self.bias = None if bias is None else fixed(bias)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, dequantize(self.weight, self.weight_scale, x.dtype), self.bias)


def fixed(tensor: Tensor) -> nn.Parameter:
    """A parameter that is not trained, over the same memory."""
    return nn.Parameter(tensor, requires_grad=False)


def has_fp8(name: str) -> bool:
    """Whether a tensor is one that an fp8 model keeps in fp8."""
    return _MATRICES.fullmatch(name) is not None


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as fp8, and its scale: () float32. A matrix of zeros gets the scale 1."""
    weight = weight.float()
    greatest = weight.abs().max()
    scale = torch.where(greatest > 0, greatest / LARGEST, torch.ones_like(greatest))
    return (weight / scale).clamp(-LARGEST, LARGEST).to(DTYPE), scale


def dequantize(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.to(dtype) * scale.to(dtype)


def describe(layers: Iterable[str]) -> dict[str, str]:
    """The metadata of a file with these fp8 layers; none for no layers."""
    table = dict.fromkeys(layers, LAYER)
    return {METADATA: json.dumps({"format_version": "1.0", "layers": table}, separators=(",", ":"))} if table else {}


def as_bytes(layer: dict) -> Tensor:
    """What the metadata says of a layer as the tensor NAME.comfy_quant, in which ComfyUI wants it."""
    return torch.tensor(list(json.dumps(layer).encode()), dtype=torch.uint8)


def quantized_layers(path: Path) -> dict[str, dict]:
    """Layer -> what the metadata says of it, for a file or a folder of shards. WeightsError if it is not fp8."""
    layers = {}
    for file in weight_files(path):
        try:
            layers |= json.loads(read_metadata(file).get(METADATA, '{"layers":{}}'))["layers"]
            other = {str(entry["format"]) for entry in layers.values()} - {FORMAT}
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise WeightsError(
                f"{file} is damaged: its list of quantized layers cannot be read ({error!r})."
            ) from error
        if other:
            raise WeightsError(
                f"{file} is quantized as {', '.join(sorted(other))}; this pack reads {FORMAT}. "
                f"Make the model with `python dev.py convert --dtype fp8`."
            )
    return layers
