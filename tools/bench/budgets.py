"""From prompt to picture within a budget of the device's memory: all resident, and 24, 16, 12 and 8 GB.

A budget is enforced twice: ComfyUI is told to leave the rest alone, as by --reserve-vram, and the process may not
allocate more. On a CPU there is nothing to enforce; then one run shows that every part works.
"""

import comfy.model_management as management
import torch

from .machine import timed
from .speed import BEGUN, PROMPT, SEED, Bench

GIGABYTES = (24, 16, 12, 8)


def budgets(bench: Bench) -> list[dict]:
    """One row a mode: seconds from prompt to picture, peak memory, and whether it failed for want of memory."""
    bench.reference.to(torch.device("cpu"))
    rows = [within(bench, None)]
    if bench.device.type == "cuda":
        total = torch.cuda.get_device_properties(bench.device).total_memory
        rows += [within(bench, budget) for budget in GIGABYTES if budget * 1e9 < total]
    print("\nMemory")
    for row in rows:
        print("  {mode:13} {seconds:8.2f} s   peak {memory_bytes:.3g} B   {outcome}".format(**row), flush=True)
    return rows


def within(bench: Bench, budget: int | None) -> dict:
    """One whole run within `budget` GB, from nothing loaded."""
    bench.ours.unload()
    reserved = management.EXTRA_RESERVED_VRAM
    if budget:
        total = torch.cuda.get_device_properties(bench.device).total_memory
        management.EXTRA_RESERVED_VRAM = int(total - budget * 1e9)
        torch.cuda.set_per_process_memory_fraction(budget * 1e9 / total)
    try:
        _, taken = timed(bench.device, lambda: from_prompt_to_picture(bench))
        outcome = "drawn"
    except torch.OutOfMemoryError as error:
        taken, outcome = timed(bench.device, lambda: None)[1], f"failed: {error}"
    finally:
        management.EXTRA_RESERVED_VRAM = reserved
        if budget:
            torch.cuda.set_per_process_memory_fraction(1.0)
    mode = f"{budget} GB" if budget else "all resident"
    return {"mode": mode, "seconds": taken.seconds, "memory_bytes": taken.memory, "outcome": outcome}


def from_prompt_to_picture(bench: Bench) -> torch.Tensor:
    ours, side = bench.ours, bench.size.side
    chain, _ = ours.chain(PROMPT, BEGUN, bench.size.tokens)
    conditions, spatial, black = ours.hidden(chain), ours.spatial(chain, side), ours.black(side)
    return ours.decode(ours.sample(conditions, spatial, black, side, bench.steps, SEED))
