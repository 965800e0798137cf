"""A Linear layer that is fast on a CPU too.

Writing a token multiplies every weight with one row. PyTorch has MKL do that, on one core, at a quarter to a half of
what memory can be read at; and for the few rows of a draft or of several chains MKL takes two to four times as long as
oneDNN, which comes with PyTorch as well. So large layers go other ways: docs/performance.md has what was measured.

Written against PyTorch 2.14, whose own compiler calls the same operation of oneDNN, and ComfyUI 0.30.0: comfy.ops.
"""

import torch
from torch import Tensor, nn

import comfy.ops

_X86 = torch.backends.mkl.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_LARGE = 2**19  # weights of a layer; a much smaller one stays in the caches, where MKL is the faster one
_PARTS = 16  # of a weight that is multiplied with one row, for as many cores to read
_WIDE = 4096  # inputs of a layer, from which on MKL is faster with the row on the left


class _CpuLinear(nn.Linear):
    """torch's Linear. Large ones multiply fp32 on a CPU as it goes fastest, where no gradient is asked for."""

    def forward(self, input: Tensor) -> Tensor:
        """x (..., in) to x W^T + b (..., out)."""
        weight = self.weight
        plain = input.is_cpu and input.dtype == weight.dtype == torch.float32 and not torch.is_grad_enabled()
        if not (_X86 and plain and weight.numel() >= _LARGE):
            return super().forward(input)
        if input.numel() == self.in_features and self.out_features % _PARTS == 0:
            out = _times_one_row(weight, input).view(*input.shape[:-1], -1)
            return out if self.bias is None else out + self.bias
        return torch.ops.mkldnn._linear_pointwise(input, weight, self.bias, "none", [], "")


class Linear(comfy.ops.disable_weight_init.Linear, _CpuLinear):
    """ComfyUI's Linear; where that calls torch's, ours comes first. Weights it has to fetch or cast go its own way."""


def _times_one_row(weight: Tensor, row: Tensor) -> Tensor:
    """W x (out values) by a batch of products, each with a part of the rows of W (out, in)."""
    width = weight.shape[1]
    parts, row = weight.reshape(_PARTS, -1, width), row.reshape(1, 1, width).expand(_PARTS, 1, width)
    if width < _WIDE:
        return torch.bmm(parts, row.transpose(1, 2))  # MKL is only fast if the column lies in memory as a row does
    return torch.bmm(row, parts.transpose(1, 2))
