"""A Linear layer that is fast on a CPU too.

Writing a token multiplies every weight with one row. PyTorch has MKL do that, on one core, at a quarter to two thirds
of the memory's bandwidth. For the few rows of a lookahead or a batch, MKL takes up to four times as long as oneDNN,
which PyTorch contains too. So large layers use other operations. Where a CPU lacks the memory for a whole copy in
float32, ComfyUI casts a layer's weights each time it runs. Large ones are cast here part by part, within the caches.
docs/performance.md has the measurements.

Written against PyTorch 2.14, whose own compiler calls the same operation of oneDNN, and ComfyUI 0.30.0: comfy.ops.
"""

import comfy.ops
import torch
from torch import Tensor, nn

_X86 = torch.backends.mkl.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_LARGE = 2**19  # weights of a layer; a much smaller one stays in the caches, where MKL is faster
_CACHED = 2**20  # weights that are cast at once
_PARTS = 16  # of a weight that is multiplied with one row; as many cores read them
_WIDE = 4096  # inputs of a layer, from which on MKL is faster with the row on the left


class _CpuLinear(nn.Linear):
    """torch's Linear with faster operations for large float32 layers on a CPU, where no gradient is needed."""

    def forward(self, input: Tensor) -> Tensor:
        """x (..., in) to x W^T + b (..., out)."""
        if not self.fits(input) or self.weight.dtype != torch.float32:
            return super().forward(input)
        return self.add_bias(_product(input, self.weight))

    def fits(self, input: Tensor) -> bool:
        """Whether the faster operations apply: a large layer, float32 input, both on an x86 CPU, no gradient."""
        on_cpu = _X86 and input.is_cpu and self.weight.is_cpu and not torch.is_grad_enabled()
        return on_cpu and input.dtype == torch.float32 and self.weight.numel() >= _LARGE

    def add_bias(self, product: Tensor) -> Tensor:
        return product if self.bias is None else product + self.bias


class Linear(comfy.ops.disable_weight_init.Linear, _CpuLinear):
    """ComfyUI's Linear; where that calls torch's, _CpuLinear comes first. It fetches and patches weights as before."""

    def forward_comfy_cast_weights(self, input: Tensor) -> Tensor:
        """x (..., in) to x W^T + b (..., out) by weights of another dtype or on another device."""
        half = self.weight.dtype in (torch.bfloat16, torch.float16)
        changes = self.weight_function or self.bias_function or hasattr(self, "_v")  # _v: the weights are DynamicVRAM's
        if changes or not half or not self.fits(input):
            return super().forward_comfy_cast_weights(input)
        rows = max(_CACHED // self.in_features // _PARTS, 1) * _PARTS
        buffer, parts = self.weight.new_empty(rows, self.in_features, dtype=input.dtype), self.weight.split(rows)
        return self.add_bias(torch.cat([_product(input, buffer[: len(part)].copy_(part)) for part in parts], -1))


def _product(x: Tensor, weight: Tensor) -> Tensor:
    """x (..., in) to x W^T (..., out)."""
    if x.numel() == weight.shape[1] and len(weight) % _PARTS == 0:
        return _times_one_row(weight, x).view(*x.shape[:-1], -1)
    return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")


def _times_one_row(weight: Tensor, row: Tensor) -> Tensor:
    """W x (out values) by a batch of products, each with a part of the rows of W (out, in)."""
    width = weight.shape[1]
    parts, row = weight.reshape(_PARTS, -1, width), row.reshape(1, 1, width).expand(_PARTS, 1, width)
    if width < _WIDE:
        return torch.bmm(parts, row.transpose(1, 2))  # MKL is only fast if the column is contiguous, as a row is
    return torch.bmm(row, parts.transpose(1, 2))
