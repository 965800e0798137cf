"""The reasoner's Linear layers on a CPU: by which operations they multiply, and that the product is the same.

Run: python dev.py test tests/test_linear.py
"""

import math

import pytest
import torch
from got.got_models.comfy.linear import Linear
from torch.nn.functional import linear
from torch.utils._python_dispatch import TorchDispatchMode

WIDTH, OUT = 768, 1024


class Operations(TorchDispatchMode):
    """The names of all operations that run within it, and the size of the largest tensor that one of them made."""

    def __init__(self):
        super().__init__()
        self.names, self.largest = [], 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        self.names.append(operation.name())
        given = {part.untyped_storage().data_ptr() for part in args if isinstance(part, torch.Tensor)}
        if isinstance(made, torch.Tensor) and made.untyped_storage().data_ptr() not in given:
            self.largest = max(self.largest, made.numel())
        return made


ONE_ROW, ROWS = "aten::bmm", "mkldnn::_linear_pointwise"
FAST = torch.backends.mkl.is_available()  # other machines than x86 use PyTorch's own operations


def make_layer(out=OUT, width=WIDTH, bias=True, dtype=torch.float32):
    layer, generator = Linear(width, out, bias=bias), torch.Generator().manual_seed(0)
    for part in layer.parameters():
        part.data = torch.randn(part.shape, generator=generator)
    return layer.to(dtype).requires_grad_(False)


def watched(layer, x):
    """The product, and the names of the operations that made it."""
    with torch.inference_mode(), Operations() as seen:
        product = layer(x)
    return product, seen.names


def exact(layer, x):
    bias = layer.bias if layer.bias is None else layer.bias.double()
    return linear(x.double(), layer.weight.double(), bias).float()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("width", [WIDTH, 4096])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (4, 1), (17,), (2, 65)])
def test_a_large_layer_multiplies_the_fast_way(shape, width, bias):
    layer, x = make_layer(width=width, bias=bias), torch.randn(*shape, width)
    product, names = watched(layer, x)
    assert ((ONE_ROW if math.prod(shape) == 1 else ROWS) in names) == FAST and product.shape == (*shape, OUT)
    torch.testing.assert_close(product, exact(layer, x), atol=1e-3, rtol=0)


@pytest.mark.parametrize("rows", [1, 5])
def test_other_memory_layouts_give_the_same_product(rows):
    layer, x = make_layer(), torch.randn(1, WIDTH, 2 * rows).transpose(1, 2)[:, ::2]
    layer.weight.data = layer.weight.t().contiguous().t()
    product, names = watched(layer, x)
    assert bool({ONE_ROW, ROWS} & {*names}) == FAST
    assert not layer.weight.is_contiguous() and not x.is_contiguous()
    torch.testing.assert_close(product, exact(layer, x), atol=1e-3, rtol=0)


def test_one_row_of_a_layer_that_cannot_be_cut_evenly():
    layer, x = make_layer(out=OUT + 1), torch.randn(1, WIDTH)
    product, names = watched(layer, x)
    assert (ROWS in names) == FAST
    torch.testing.assert_close(product, exact(layer, x), atol=1e-3, rtol=0)


def test_two_rows_are_twice_one_row():
    layer, x = make_layer(), torch.randn(2, 1, WIDTH)
    with torch.inference_mode():
        together, apart = layer(x), torch.cat([layer(x[:1]), layer(x[1:])])
    torch.testing.assert_close(together, apart, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("out", "dtype"), [(64, torch.float32), (OUT, torch.bfloat16)])
@pytest.mark.parametrize("rows", [1, 3])
def test_small_layers_and_other_types_are_left_to_pytorch(rows, out, dtype):
    layer, x = make_layer(out, dtype=dtype), torch.randn(rows, WIDTH, dtype=dtype)
    product, names = watched(layer, x)
    assert not {ONE_ROW, ROWS} & {*names} and product.equal(linear(x, layer.weight, layer.bias))


def test_a_gradient_goes_through_a_large_layer():
    layer, x = make_layer(), torch.randn(3, WIDTH, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, layer.weight.sum(0).expand_as(x), atol=1e-3, rtol=0)


@pytest.mark.parametrize("rows", [1, 17])
@pytest.mark.parametrize("out", [4096, 4099])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_a_smaller_dtype_are_cast_in_parts(dtype, out, rows):
    layer, x = make_layer(out, width=1024, dtype=dtype), torch.randn(rows, 1024)
    layer.comfy_cast_weights = True
    with torch.inference_mode(), Operations() as seen:
        product = layer(x)
    assert (seen.largest <= layer.weight.numel() // 4) == FAST and product.dtype == torch.float32
    torch.testing.assert_close(product, exact(layer, x), atol=2e-3, rtol=0)
    with torch.inference_mode():
        torch.testing.assert_close(product, super(Linear, layer).forward_comfy_cast_weights(x), atol=2e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_that_comfyui_patches_at_run_time_are_patched(dtype):
    layer, x = make_layer(dtype=dtype), torch.randn(3, WIDTH)
    layer.weight_function = [lambda weight: 2 * weight]
    with torch.inference_mode():
        product = layer(x)
    torch.testing.assert_close(product, 2 * exact(layer, x) - layer.bias, atol=2e-3, rtol=0)
