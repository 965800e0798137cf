"""From prompt to image within a budget of the device's memory: all of it, then 24, 16, 12 and 8 GB.

Two settings enforce a budget: ComfyUI reserves the rest, as with --reserve-vram, and the process may not allocate
more. A CPU has no budget; one run shows there that every part works. Chain and sampling are short, because weights
that do not fit are copied over the bus again for every token and step.
"""

import gc
import time

import comfy.model_management as management
import torch

from .bench import BEGUN, PROMPT, SEED, Bench
from .machine import timed
from .ours import Ours

GIGABYTES = (24, 16, 12, 8)
TOKENS, STEPS = 48, 6  # at most


def budgets(bench: Bench) -> list[dict]:
    """One row a mode: seconds from prompt to image, peak memory, and the error if it failed."""
    bench.reference.to(torch.device("cpu"))
    try:
        budgets = [None]
        if bench.device.type == "cuda":
            total = torch.cuda.get_device_properties(bench.device).total_memory
            budgets += [budget for budget in GIGABYTES if budget * 1e9 < total]
        return [within(bench, budget) for budget in budgets]
    finally:
        bench.reference.to(bench.device)


def within(bench: Bench, budget: int | None) -> dict:
    """One whole run within `budget` GB. The files have been read; nothing is on the device."""
    bench.ours = Ours(bench.folder, bench.ours.strengths)
    gc.collect()  # frees the previous one
    management.soft_empty_cache()
    reserved, parts = management.EXTRA_RESERVED_VRAM, {}
    if budget:
        total = torch.cuda.get_device_properties(bench.device).total_memory
        management.EXTRA_RESERVED_VRAM = int(total - budget * 1e9)
        torch.cuda.set_per_process_memory_fraction(budget * 1e9 / total)
    try:
        outcome, taken = timed(bench.device, lambda: _outcome(bench, parts))
    finally:
        management.EXTRA_RESERVED_VRAM = reserved
        if budget:
            torch.cuda.set_per_process_memory_fraction(1.0)
    row = {"mode": f"{budget} GB" if budget else "all resident", "seconds": taken.seconds, "parts": parts}
    row |= {"memory_bytes": taken.memory, "outcome": outcome}
    each = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items())
    print(
        f"  {row['mode']:13} {taken.seconds:7.2f} s   peak {taken.memory / 1e9:.2f} GB   {outcome} ({each})", flush=True
    )
    return row | {"tokens": min(bench.size.tokens, TOKENS), "steps": min(bench.steps, STEPS)}


def _outcome(bench: Bench, parts: dict[str, float]) -> str:
    try:
        prompt_to_image(bench, parts)
        return "drawn"
    except Exception as error:
        return f"failed: {type(error).__name__}: {str(error)[:200]}"


def prompt_to_image(bench: Bench, parts: dict[str, float]) -> torch.Tensor:
    """The image. The seconds of each part, with its loading, go into `parts`."""
    ours, side, last = bench.ours, bench.size.side, time.perf_counter()

    def note(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        parts[name], last = now - last, now

    chain, _ = ours.chain(PROMPT, BEGUN, min(bench.size.tokens, TOKENS))
    conditions = ours.hidden(chain)
    note("chain")
    spatial, black = ours.spatial(chain, side), ours.black(side)
    note("guidance")
    latents = ours.sample(conditions, spatial, black, side, min(bench.steps, STEPS), SEED)
    note("sampling")
    image = ours.decode(latents)
    note("decode")
    return image
