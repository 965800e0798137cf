"""Tokens and steps a second, and which share of the machine's limits they are."""

from typing import Any

import torch

from .bench import SEED, Bench
from .machine import limits, operations, weight_bytes
from .report import print_pairs


def shares(bench: Bench) -> dict[str, float]:
    """By name; GB and Gop are 1e9.

    A token reads every weight of the layers and the head once; a step multiplies as much as its branches do.
    """
    machine = limits(bench.device, bench.dtype)
    model = bench.reference.networks.mllm_model
    read = weight_bytes(model) - weight_bytes(model.get_input_embeddings()) - weight_bytes(model.model.visual)
    done = operations(lambda: _sample_one_step(bench))
    found = {
        "bandwidth GB/s": machine.bandwidth / 1e9,
        "matrix product Gop/s": machine.rate / 1e9,
        "GB read a token": read / 1e9,
        "Gop a step": done / 1e9,
    }
    for side in ("reference", "our", "eager"):
        if seconds := bench.row("chain").get(f"{side}_seconds"):
            found[f"{side} tokens/s"] = bench.size.tokens / seconds
            found[f"{side} tokens/s, share of the bandwidth"] = found[f"{side} tokens/s"] * read / machine.bandwidth
        if seconds := bench.row("sampling").get(f"{side}_seconds"):
            found[f"{side} steps/s"] = bench.steps / seconds
    found["our steps/s, share of the matrix rate"] = found["our steps/s"] * done / machine.rate
    return print_pairs(found)


def _sample_one_step(bench: Bench) -> Any:
    ours, side = bench.ours, bench.size.side
    sizes = bench.size.networks
    shapes = (1, 64, sizes.context), (1, 64, sizes.context), (1, sizes.pooled)
    conditions = tuple(torch.zeros(shape) for shape in shapes)
    latent = torch.zeros(1, 4, side // 8, side // 8)
    return ours.sample(conditions, latent, latent, side, 1, SEED)
