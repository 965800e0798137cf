"""fp8 weights in ComfyUI's own layout: which tensors are fp8, how they are made, and a layer that uses them.

    NAME.weight        F8_E4M3, the matrix divided by its scale
    NAME.weight_scale  F32, one number: the matrix's greatest magnitude / 448
    header             metadata with a list of the fp8 layers

Only the matrices of attention and feed-forward layers are fp8: they are nine tenths of a network. Embeddings, norms,
biases, convolutions, the vision tower and the first and last layers are few and sensitive, and keep their precision.
Matrices are multiplied in the precision of their input, never in fp8: Qwen2.5-VL's activations exceed fp8's range.

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
LAYER = {"format": FORMAT, "full_precision_matrix_mult": True}  # the metadata of each layer
LARGEST = torch.finfo(DTYPE).max
METADATA = "_quantization_metadata"

_MATRICES = re.compile(
    r"model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight"  # of the language model, published names
    r"|.+\.transformer_blocks\.\d+\.(attn1|attn2|ff)\..+\.weight"  # of the UNet, diffusers' names
)


class Fp8Linear(nn.Module):
    """A linear layer with its weight in fp8. weight: (out, in) fp8; weight_scale: () float32; bias: (out,)."""

    def __init__(self, weight: Tensor, weight_scale: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight, self.weight_scale = fixed(weight), fixed(weight_scale)
        self.bias = None if bias is None else fixed(bias)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, dequantize(self.weight, self.weight_scale, x.dtype), self.bias)


def fixed(tensor: Tensor) -> nn.Parameter:
    """The tensor as a parameter that is not trained. The memory is shared."""
    return nn.Parameter(tensor, requires_grad=False)


def has_fp8(name: str) -> bool:
    """Whether an fp8 model stores the tensor of this name in fp8."""
    return _MATRICES.fullmatch(name) is not None


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as fp8 and its scale, () float32. The scale of a matrix of zeros is 1."""
    weight = weight.float()
    greatest = weight.abs().max()
    scale = torch.where(greatest > 0, greatest / LARGEST, torch.ones_like(greatest))
    return (weight / scale).clamp(-LARGEST, LARGEST).to(DTYPE), scale


def dequantize(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.to(dtype) * scale.to(dtype)


def describe(layers: Iterable[str]) -> dict[str, str]:
    """The metadata of a file with these fp8 layers; {} for no layers."""
    table = dict.fromkeys(layers, LAYER)
    return {METADATA: json.dumps({"format_version": "1.0", "layers": table}, separators=(",", ":"))} if table else {}


def as_bytes(layer: dict) -> Tensor:
    """The metadata of a layer as the uint8 tensor NAME.comfy_quant, which ComfyUI reads."""
    return torch.tensor(list(json.dumps(layer).encode()), dtype=torch.uint8)


def scaled_layers(tensors: dict[str, Tensor]) -> list[str]:
    """The layers with an fp8 matrix among tensors of any layout of ComfyUI. The tensors are brought into today's.

    NAME.scale_weight becomes NAME.weight_scale, and a matrix without a scale gets 1. Left out are the marks of the
    formats, and the scales of inputs: matrices are multiplied in full precision.
    Source: ComfyUI 0.30.0, comfy/utils.py: convert_old_quants.
    """
    for name in list(tensors):
        if name.endswith((".scale_input", ".input_scale", ".comfy_quant")) or name == "scaled_fp8":
            del tensors[name]
        elif name.endswith((".scale_weight", ".weight_scale")):
            tensors[f"{name.rpartition('.')[0]}.weight_scale"] = tensors.pop(name).float().reshape(())
    matrices = [name for name, tensor in tensors.items() if tensor.dtype == DTYPE and tensor.ndim == 2]
    layers = [name.removesuffix(".weight") for name in matrices if not name.endswith("embed_tokens.weight")]
    for layer in layers:
        tensors.setdefault(f"{layer}.weight_scale", torch.ones(()))
    return layers


def quantized_layers(path: Path) -> dict[str, dict]:
    """Layer -> its metadata, for a file or a folder of shards. {} without fp8; WeightsError for other quantizations."""
    layers = {}
    for file in weight_files(path):
        try:
            layers |= json.loads(read_metadata(file).get(METADATA, '{"layers":{}}'))["layers"]
            other = {str(entry["format"]) for entry in layers.values()} - {FORMAT}
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise WeightsError(
                f"{file} is damaged: its list of quantized layers cannot be read ({error!r:.200}). Get the file again."
            ) from error
        if other:
            raise WeightsError(
                f"{file} is quantized as {', '.join(sorted(other))}, but this pack reads only {FORMAT}. "
                f"Make the model with `python dev.py convert --dtype fp8`."
            )
    return layers
