"""From prompt to image: the reference script and ours in turn, stage by stage, on the same weights."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .bench import BEGUN, PROMPT, SEED, Bench, differing_tokens, make_bench
from .machine import Taken, full_precision
from .models import SIZES
from .report import print_pairs, print_rows

STAGES = ("chain", "hidden states", "spatial guidance", "reference encode", "sampling", "decode")


def stages(bench: Bench) -> None:
    """Add one row a stage and one for all. The fastest run of each side counts, and the greatest difference."""
    if bench.device.type == "cuda":  # kernels are loaded and chosen when they first run
        one_pass(bench, min(bench.size.tokens, 8), 2)
    passes = [one_pass(bench, bench.size.tokens, bench.steps) for _ in range(bench.runs)]
    for stage in STAGES:
        pairs = [found[stage] for found in passes]
        row = _row(stage, *(min(taken[side].seconds for taken, _ in pairs) for side in (0, 1)))
        row["max_difference"] = max(difference for _, difference in pairs)
        row |= _processor(*(min(taken[side].processor for taken, _ in pairs) for side in (0, 1)))
        row["reference_memory"], row["our_memory"] = (max(taken[side].memory for taken, _ in pairs) for side in (0, 1))
        bench.rows.append(row)
    bench.rows.append(_total(bench.rows))
    print_rows(bench.rows)


def eager(bench: Bench) -> None:
    """Write the chain by eager steps alone, without CUDA graphs, and note it in the chain's row."""
    ours, seconds = bench.ours.eager(), []
    for _ in range(bench.runs):
        (chain, after), took = bench.time_ours(lambda: ours.chain(PROMPT, BEGUN, bench.size.tokens))
        seconds.append(took.seconds - after)
    found = {
        "eager_seconds": min(seconds),
        "eager_difference": differing_tokens(bench.made["chain"].text, chain.text),
    }
    bench.row("chain").update(print_pairs(found))


def compiled(bench: Bench) -> None:
    """Sample with ComfyUI's TorchCompileModel, and note it beside the sampling that is not compiled."""
    torch._dynamo.config.recompile_limit = 64  # ComfyUI's UNet is compiled in many pieces, each for several shapes
    ours, inputs, side = bench.ours.compiled(), bench.made["inputs"], bench.size.side
    _, first = bench.time_ours(lambda: ours.sample(*inputs, side, 2, SEED))  # the second step compiles some more
    print(f"  compiled in {first.seconds:.0f} s", flush=True)
    takes = [bench.time_ours(lambda: ours.sample(*inputs, side, bench.steps, SEED)) for _ in range(bench.runs)]
    row, seconds = bench.row("sampling"), min(taken.seconds for _, taken in takes)
    row |= {
        "compiled_seconds": seconds,
        "compiled_ratio": row["reference_seconds"] / seconds,
        "compiled_difference": difference(bench.made["latents"], takes[0][0]),
        "compile_seconds": first.seconds,
    }
    bench.rows[-1] = _total(bench.rows[:-1])
    print_rows(bench.rows)


def exact(bench: Bench) -> list[dict]:
    """The rows of a smaller model, all in fp32: there both sides must write and draw the same, on a card too."""
    cuda = bench.device.type == "cuda"
    with full_precision(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        small = make_bench(SIZES["mid" if cuda else "tiny"], None, 1, Path(folder), torch.float32)
        stages(small)
        if cuda:
            eager(small)
    return small.rows


def one_pass(bench: Bench, tokens: int, steps: int) -> dict[str, tuple[tuple[Taken, Taken], float]]:
    """Run each stage once by each side: what both took, and the greatest difference of their results.

    Each side continues from its own results, so the last difference is that of the images. Only the chain is ours
    for both: in bf16 its tokens may differ, and hidden states of different chains cannot be compared.
    """
    reference, ours, side, found = bench.reference, bench.ours, bench.size.side, {}
    chain, found["chain"], later = _write_chain(bench, tokens)

    def stage(name: str, by_reference: Callable, by_us: Callable, before: Taken | None = None) -> tuple[Any, Any]:
        theirs, taken = bench.time_reference(by_reference)
        mine, took = bench.time_ours(by_us)
        if before:
            took.seconds, took.processor = took.seconds + before.seconds, took.processor + before.processor
        found[name] = ((taken, took), difference(theirs, mine))
        _print_stage(name, taken, took)
        return theirs, mine

    conditions = stage(
        "hidden states", lambda: reference.hidden(PROMPT, chain.text), lambda: ours.hidden(chain), before=later
    )
    spatial = stage("spatial guidance", lambda: reference.spatial(chain.text, side), lambda: ours.spatial(chain, side))
    black = stage("reference encode", lambda: reference.black(side), lambda: ours.black(side))
    theirs, mine = zip(conditions, spatial, black, strict=True)
    rest = (side, steps, SEED)
    scale = reference.networks.vae.config.scaling_factor
    latents = stage(
        "sampling", lambda: reference.sample(*theirs, *rest), lambda: Scaled(ours.sample(*mine, *rest), scale)
    )
    stage("decode", lambda: reference.decode(latents[0]), lambda: ours.decode(latents[1].unscaled))
    bench.made = {"chain": chain, "inputs": mine, "latents": latents[1].unscaled}
    return found


def _write_chain(bench: Bench, tokens: int) -> tuple[Any, tuple[tuple[Taken, Taken], float], Taken]:
    """Our chain, what both sides took for theirs with the difference, and what ours took for its hidden states."""
    text, taken = bench.time_reference(lambda: bench.reference.chain(PROMPT, BEGUN, tokens))
    (chain, after), took = bench.time_ours(lambda: bench.ours.chain(PROMPT, BEGUN, tokens))
    later = after * took.processor / took.seconds  # an estimate: the processor was as busy at the end as before
    writing = Taken(took.seconds - after, took.memory, took.processor - later)
    _print_stage("chain", taken, writing)
    return chain, ((taken, writing), differing_tokens(text, chain.text)), Taken(after, took.memory, later)


def _print_stage(stage: str, taken: Taken, took: Taken) -> None:
    """A line as soon as a stage is done; the table comes when all are."""
    print(f"  {stage}: {taken.seconds:.1f} s, {took.seconds:.1f} s", file=sys.stderr, flush=True)


class Scaled:
    """Latents as ComfyUI returns them, and scaled as the reference script's."""

    def __init__(self, unscaled: torch.Tensor, scale: float) -> None:
        self.unscaled, self.scaled = unscaled, unscaled * scale


def difference(theirs: Any, mine: Any) -> float:
    """The greatest difference between two tensors, or two tuples of them."""
    if isinstance(theirs, tuple):
        return max(difference(*pair) for pair in zip(theirs, mine, strict=True))
    mine = mine.scaled if isinstance(mine, Scaled) else mine
    return (theirs.float().cpu() - mine.float().cpu()).abs().max().item()


# -------------------------------------------------------------------------------------------------------------- rows


def _row(stage: str, reference: float, ours: float) -> dict:
    return {"stage": stage, "reference_seconds": reference, "our_seconds": ours, "ratio": reference / ours}


def _processor(reference: float, ours: float) -> dict:
    return {
        "reference_processor_seconds": reference,
        "our_processor_seconds": ours,
        "processor_ratio": reference / ours,
    }


def _total(rows: list[dict]) -> dict:
    total = _row("total", *(sum(row[f"{side}_seconds"] for row in rows) for side in ("reference", "our")))
    total |= _processor(*(sum(row[f"{side}_processor_seconds"] for row in rows) for side in ("reference", "our")))
    total["max_difference"] = rows[-1]["max_difference"]  # of the image: everything before it went into it
    total |= {key: max(row[key] for row in rows) for key in ("reference_memory", "our_memory")}
    if any("compiled_seconds" in row for row in rows):
        total["compiled_seconds"] = sum(row.get("compiled_seconds", row["our_seconds"]) for row in rows)
        total["compiled_ratio"] = total["reference_seconds"] / total["compiled_seconds"]
    return total
