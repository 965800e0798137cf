"""What a machine can do at most, and what a call takes: seconds and memory."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass
class Limits:
    """bandwidth: bytes read a second. rate: multiplications and additions a second in a matrix product."""

    bandwidth: float
    rate: float


@dataclass
class Taken:
    """What one call took.

    seconds: by the clock. memory: its peak in bytes, of the device, or of the process on a CPU. processor: CPU seconds,
    which other processes on the machine change less.
    """

    seconds: float
    memory: int
    processor: float


def limits(device: torch.device, dtype: torch.dtype) -> Limits:
    """Measured now: a sum over a large tensor, a product of two square matrices; the best of five runs."""
    large = torch.ones(2**31 if device.type == "cuda" else 2**26, dtype=dtype, device=device)
    side = 8192 if device.type == "cuda" else 2048
    square = torch.randn(side, side, device=device).to(dtype)
    reading = min(timed(device, large.sum)[1].seconds for _ in range(5))
    product = min(timed(device, lambda: square @ square)[1].seconds for _ in range(5))
    return Limits(large.nbytes / reading, 2 * side**3 / product)


def timed(device: torch.device, call: Callable[[], Any]) -> tuple[Any, Taken]:
    """The result of a call, and what it took until the device had finished."""
    _wait(device)
    _forget_peak(device)
    start, processor = time.perf_counter(), time.process_time()
    result = call()
    _wait(device)
    return result, Taken(time.perf_counter() - start, _peak(device), time.process_time() - processor)


@contextmanager
def full_precision() -> Iterator[None]:
    """ComfyUI's flags for fp32, and fp32 within a card's matrix products and convolutions too."""
    from comfy.cli_args import args

    flags = {"fp32_unet": True, "fp32_vae": True, "fp32_text_enc": True}
    before = {name: getattr(args, name) for name in flags}
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    vars(args).update(flags)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        vars(args).update(before)
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products


def operations(call: Callable[[], Any]) -> int:
    """Multiplications and additions of the matrix products, convolutions and attention in a call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def weight_bytes(*networks: nn.Module) -> int:
    """Bytes of all weights. A weight that two layers share counts once."""
    return sum(weight.nbytes for network in networks for weight in network.parameters())


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    elif Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")  # Linux: sets the peak to the memory in use now


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    if (status := Path("/proc/self/status")).exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
