"""The dtype of weights in memory: what ComfyUI decides for its device, unless that needs a copy which does not fit.

Written against ComfyUI 0.30.0: comfy.model_management (unet_dtype, should_use_bf16), comfy.cli_args.
"""

import comfy.model_management
import torch
from comfy.cli_args import args

SHARE = 4  # weights may grow to a quarter of the memory: the other network and the image need theirs

_FLAGS = (
    *("fp32_unet", "fp64_unet", "bf16_unet", "fp16_unet", "fp8_e4m3fn_unet", "fp8_e5m2_unet", "fp8_e8m0fnu_unet"),
    *("force_fp32", "force_fp16"),
)


def reasoner_dtype() -> torch.dtype:
    """The dtype of the reasoner's computation: bfloat16 where the device supports it, else float32.

    It would overflow in float16.
    """
    device = comfy.model_management.get_torch_device()
    bf16 = comfy.model_management.should_use_bf16(device) and not args.fp32_text_enc
    return torch.bfloat16 if bf16 else torch.float32


def reasoner_stays(count: int, stored: torch.dtype) -> bool:
    """Whether the reasoner's large weights stay in the file's dtype (see `stays`), or are cast as the flags say."""
    dtype = reasoner_dtype()
    if args.bf16_text_enc or args.fp32_text_enc:
        return args.bf16_text_enc and stored.itemsize < dtype.itemsize
    return stays(count, stored, dtype)


def unet_dtype(count: int, stored: torch.dtype, supported: list[torch.dtype], fp8: bool = False) -> torch.dtype:
    """The dtype of the UNet's weights: what ComfyUI's flags ask for, such as --bf16-unet; else the file's if it can be.

    Without this, ComfyUI would cast bfloat16 files to float16 on a card, and to float32 on a CPU.
    fp8: the file is an fp8 model's. Weights that should be in fp8 already are, so an fp8 flag changes nothing.
    """
    management = comfy.model_management
    dtype = management.unet_dtype(model_params=count, supported_dtypes=supported, weight_dtype=stored)
    if any(getattr(args, flag) for flag in _FLAGS) and not (fp8 and dtype.itemsize == 1):
        return dtype
    fits = stored == torch.bfloat16 and management.should_use_bf16(management.get_torch_device())
    return stored if fits or stays(count, stored, dtype) or dtype.itemsize == 1 else dtype


def stays(count: int, stored: torch.dtype, dtype: torch.dtype) -> bool:
    """Whether `count` weights stay in the file's dtype and are cast layer by layer, instead of once into a copy.

    Casting once is faster on a CPU with enough memory, but for the reasoner's large layers (linear.py). On any other
    device memory is scarce, so the weights stay.
    """
    device = comfy.model_management.get_torch_device()
    if stored.itemsize >= dtype.itemsize:
        return False
    on_cpu = comfy.model_management.is_device_cpu(device)
    return not on_cpu or count * dtype.itemsize > comfy.model_management.get_total_memory(device) / SHARE
