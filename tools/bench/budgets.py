"""From prompt to picture within a budget of the device's memory: all resident, and 24, 16, 12 and 8 GB.

A budget is enforced twice: ComfyUI is told to leave the rest alone, as by --reserve-vram, and the process may not
allocate more. On a CPU there is nothing to enforce; then one run shows that every part works. Chain and sampling are
short, for weights that do not fit come over the bus again with every token and step.
"""

import gc
import time

import comfy.model_management as management
import torch

from .machine import timed
from .ours import Ours
from .speed import BEGUN, PROMPT, SEED, Bench

GIGABYTES = (24, 16, 12, 8)
TOKENS, STEPS = 48, 6  # at most


def budgets(bench: Bench) -> list[dict]:
    """One row a mode: seconds from prompt to picture, peak memory, and whether it failed, as for want of memory."""
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
    """One whole run within `budget` GB, from files that are read and nothing on the device."""
    bench.ours = Ours(bench.folder, bench.ours.strengths)
    gc.collect()  # the one before
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
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items())
    print(
        f"  {row['mode']:13} {taken.seconds:7.2f} s   peak {taken.memory / 1e9:.2f} GB   {outcome} ({told})", flush=True
    )
    return row | {"tokens": min(bench.size.tokens, TOKENS), "steps": min(bench.steps, STEPS)}


def _outcome(bench: Bench, parts: dict[str, float]) -> str:
    try:
        from_prompt_to_picture(bench, parts)
        return "drawn"
    except Exception as error:
        return f"failed: {type(error).__name__}: {str(error)[:200]}"


def from_prompt_to_picture(bench: Bench, parts: dict[str, float]) -> torch.Tensor:
    """The picture; the seconds of each part, its loading included, go into `parts`."""
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
    picture = ours.decode(latents)
    note("decode")
    return picture
