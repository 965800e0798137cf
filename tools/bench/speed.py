"""From prompt to picture: the plain script and ours in turn, stage by stage, on the same weights."""

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .machine import Limits, Taken, limits, operations, timed, weight_bytes
from .models import SIZES, Size, make_models

PROMPT = "a red cup and a blue plate on a table"
BEGUN = (  # the plan; what is written behind it means nothing, for the weights are random
    "A cup <|box_start|>(120,300),(480,760)<|box_end|> (red), "
    "a plate <|box_start|>(520,500),(880,800)<|box_end|> (blue), "
    "a lamp <|box_start|>(40,20),(200,280)<|box_end|> (yellow), "
    "a table <|box_start|>(0,600),(998,998)<|box_end|> (brown). "
)
SEED = 3
STAGES = ("chain", "hidden states", "spatial guidance", "reference encode", "sampling", "decode")


@dataclass
class Bench:
    """All that the measurements need. reference, ours: see their modules; compiled: ours, or None."""

    size: Size
    steps: int
    device: torch.device
    dtype: torch.dtype
    reference: Any
    ours: Any
    compiled: Any
    limits: Limits
    roomy: bool  # both sides fit on the device at once

    def turn(self, ours: bool) -> None:
        """Give one side the device, if both do not fit."""
        if self.roomy:
            return
        if ours:
            self.reference.to(torch.device("cpu"))
            self.ours.load()
        else:
            self.ours.unload()
            self.reference.to(self.device)

    def time_reference(self, call: Callable[[], Any]) -> tuple[Any, Taken]:
        self.turn(ours=False)
        return timed(self.device, call)

    def time_ours(self, call: Callable[[], Any]) -> tuple[Any, Taken]:
        self.turn(ours=True)
        return timed(self.device, call)


def measure(options: argparse.Namespace, folder: Path) -> dict:
    """Everything that was asked for, printed as it comes, and as one report."""
    bench = prepare(options, folder)
    with torch.inference_mode():
        report = {"rows": stage_rows(bench, options.runs), "machine": machine(bench)}
        report["device"], report["size"], report["runs"] = machine_name(bench), options.size, options.runs
        print_rows(report["rows"])
        report["shares"] = shares(bench, report["rows"])
        print_pairs("Against the limits of the machine", report["shares"])
        report["again"] = again(bench)
        print_pairs("When only something changes", report["again"])
        if options.curves:
            from .curves import curves

            report["curves"] = curves(bench)
        if options.budgets:
            from .budgets import budgets

            report["budgets"] = budgets(bench)
    return report


def prepare(options: argparse.Namespace, folder: Path) -> Bench:
    """ComfyUI on the device asked for, and both sides' networks on it."""
    from comfy.cli_args import args

    args.cpu = args.use_pytorch_cross_attention = options.device == "cpu"  # as ComfyUI is best started on a CPU
    if options.threads:
        torch.set_num_threads(options.threads)
    logging.getLogger().setLevel(logging.ERROR)
    import comfy.model_management
    import comfy.utils

    from .ours import Ours
    from .reference import Reference

    comfy.utils.PROGRESS_BAR_ENABLED = False
    device, size = comfy.model_management.get_torch_device(), SIZES[options.size]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    networks = make_models(folder, size, device, dtype)
    with torch.inference_mode():
        ours = Ours(folder, strengths := _strengths())
        compiled = ours.compiled() if options.compile else None
        roomy = device.type == "cpu" or torch.cuda.get_device_properties(device).total_memory > 40e9
        reference = Reference(networks, strengths)
        return Bench(
            *(size, options.steps or size.steps, device, dtype, reference, ours, compiled),
            *(limits(device, dtype), roomy),
        )


def _strengths() -> Any:
    from ...got_models.folder import PUBLISHED_DEFAULTS
    from ...got_models.guidance import Strengths

    defaults = PUBLISHED_DEFAULTS["text-to-image"]
    return Strengths(defaults.text, defaults.spatial, defaults.reference)


# ------------------------------------------------------------------------------------------------------------ stages


def stage_rows(bench: Bench, runs: int) -> list[dict]:
    """One row a stage and one for all. The fastest of the runs of each side counts; the difference is the greatest."""
    if bench.compiled:
        print(f"compiled in {timed(bench.device, lambda: _sampled_once(bench))[1].seconds:.0f} s", flush=True)
    passes = [one_pass(bench) for _ in range(runs)]
    rows = []
    for stage in STAGES:
        pairs = [found[stage] for found in passes]
        row = _row(stage, *(min(taken[side].seconds for taken, _ in pairs) for side in (0, 1)))
        row["max_difference"] = max(difference for _, difference in pairs)
        row |= _processor(*(min(taken[side].processor for taken, _ in pairs) for side in (0, 1)))
        row["reference_memory"], row["our_memory"] = (max(taken[side].memory for taken, _ in pairs) for side in (0, 1))
        rows.append(row)
    for row in rows:
        if faster := [found["compiled"][row["stage"]].seconds for found in passes if row["stage"] in found["compiled"]]:
            row["compiled_seconds"] = min(faster)
            row["compiled_ratio"] = row["reference_seconds"] / row["compiled_seconds"]
    return [*rows, _total(rows)]


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
    total["max_difference"] = rows[-1]["max_difference"]  # of the picture: all that was made before went into it
    total |= {key: max(row[key] for row in rows) for key in ("reference_memory", "our_memory")}
    if any("compiled_seconds" in row for row in rows):
        total["compiled_seconds"] = sum(row.get("compiled_seconds", row["our_seconds"]) for row in rows)
        total["compiled_ratio"] = total["reference_seconds"] / total["compiled_seconds"]
    return total


def one_pass(bench: Bench) -> dict[str, tuple[tuple[Taken, Taken], float]]:
    """Each stage once by each side: what both took, and the greatest difference of their results.

    Each side goes on from what it made itself, so the last difference is that of the pictures.
    """
    plain, ours, side, found = bench.reference, bench.ours, bench.size.side, {"compiled": {}}

    def stage(name: str, by_plain: Callable, by_us: Callable) -> tuple[Any, Any]:
        theirs, taken = bench.time_reference(by_plain)
        mine, took = bench.time_ours(by_us)
        if name == "hidden states":  # most of them come with the chain
            took.seconds, took.processor = took.seconds + after, took.processor + later
        found[name] = ((taken, took), difference(theirs, mine))
        _say(name, taken, took)
        return theirs, mine

    text, taken = bench.time_reference(lambda: plain.chain(PROMPT, BEGUN, bench.size.tokens))
    (chain, after), took = bench.time_ours(lambda: ours.chain(PROMPT, BEGUN, bench.size.tokens))
    different = sum(a != b for a, b in zip(text, chain.text, strict=True))  # one letter is one token
    later = after * took.processor / took.seconds  # a guess: the processor was as busy at the end as before
    writing = Taken(took.seconds - after, took.memory, took.processor - later)
    found["chain"] = ((taken, writing), float(different))
    _say("chain", *found["chain"][0])
    conditions = stage("hidden states", lambda: plain.hidden(PROMPT, text), lambda: ours.hidden(chain))
    if bench.compiled and bench.device.type == "cuda":
        (_, then), took = bench.time_ours(lambda: bench.compiled.chain(PROMPT, BEGUN, bench.size.tokens))
        found["compiled"]["chain"] = Taken(took.seconds - then, took.memory, took.processor)
    spatial = stage("spatial guidance", lambda: plain.spatial(text, side), lambda: ours.spatial(chain, side))
    black = stage("reference encode", lambda: plain.black(side), lambda: ours.black(side))
    theirs, mine = zip(conditions, spatial, black, strict=True)
    rest = (side, bench.steps, SEED)
    scale = plain.networks.vae.config.scaling_factor
    latents = stage("sampling", lambda: plain.sample(*theirs, *rest), lambda: Scaled(ours.sample(*mine, *rest), scale))
    if bench.compiled:
        found["compiled"]["sampling"] = bench.time_ours(lambda: bench.compiled.sample(*mine, *rest))[1]
    stage("decode", lambda: plain.decode(latents[0]), lambda: ours.decode(latents[1].unscaled))
    return found


def _say(stage: str, taken: Taken, took: Taken) -> None:
    """A line as soon as a stage is done; the table comes when all are."""
    print(f"  {stage}: {taken.seconds:.1f} s, {took.seconds:.1f} s", file=sys.stderr, flush=True)


class Scaled:
    """Latents as ComfyUI hands them on, and scaled as the plain script's."""

    def __init__(self, unscaled: torch.Tensor, scale: float) -> None:
        self.unscaled, self.scaled = unscaled, unscaled * scale


def difference(theirs: Any, mine: Any) -> float:
    """The greatest difference between two tensors, or two tuples of them."""
    if isinstance(theirs, tuple):
        return max(difference(*pair) for pair in zip(theirs, mine, strict=True))
    mine = mine.scaled if isinstance(mine, Scaled) else mine
    return (theirs.float().cpu() - mine.float().cpu()).abs().max().item()


def _sampled_once(bench: Bench) -> Any:
    """Two steps, so that what is compiled on first use is compiled, and what it learns from the second is too."""
    ours, side = bench.ours, bench.size.side
    chain, _ = ours.chain(PROMPT, BEGUN, 1)
    inputs = ours.hidden(chain), ours.spatial(chain, side), ours.black(side)
    return bench.compiled.sample(*inputs, side, 2, SEED)


# ------------------------------------------------------------------------------------------------------------ limits


def machine(bench: Bench) -> dict:
    return {"bandwidth_bytes": bench.limits.bandwidth, "matrix_operations": bench.limits.rate}


def machine_name(bench: Bench) -> str:
    if bench.device.type == "cuda":
        return torch.cuda.get_device_name(bench.device)
    return f"CPU, {torch.get_num_threads()} threads"


def shares(bench: Bench, rows: list[dict]) -> dict[str, float]:
    """Tokens and steps a second of both sides, and which share of the machine's limits ours is.

    A token reads every weight of the layers and the head once; a step multiplies as much as its branches do.
    """
    by_stage = {row["stage"]: row for row in rows}
    chain, sampling = by_stage["chain"], by_stage["sampling"]
    model = bench.reference.networks.mllm_model
    read = weight_bytes(model) - weight_bytes(model.get_input_embeddings()) - weight_bytes(model.model.visual)
    plain, ours = ((bench.size.tokens / chain[f"{side}_seconds"]) for side in ("reference", "our"))
    found = {
        "reference tokens/s": plain,
        "our tokens/s": ours,
        "bandwidth GB/s": bench.limits.bandwidth / 1e9,
        "chain, share of the bandwidth": ours * read / bench.limits.bandwidth,
        "matrix product Gop/s": bench.limits.rate / 1e9,
    }
    done = operations(lambda: _sample_one_step(bench))
    for side in ("reference", "our", "compiled"):
        if seconds := sampling.get(f"{side}_seconds"):
            found[f"{side} steps/s"] = bench.steps / seconds
    found["sampling, share of the matrix rate"] = found["our steps/s"] * done / bench.limits.rate
    return found


def _sample_one_step(bench: Bench) -> Any:
    ours, side = bench.ours, bench.size.side
    sizes = bench.size.networks
    shapes = (1, 64, sizes.context), (1, 64, sizes.context), (1, sizes.pooled)
    conditions = tuple(torch.zeros(shape) for shape in shapes)
    latent = torch.zeros(1, 4, side // 8, side // 8)
    return ours.sample(conditions, latent, latent, side, 1, SEED)


def again(bench: Bench) -> dict[str, float]:
    """What is done anew after a box was moved, and after a chain is written again from the one before."""
    ours, side, tokens = bench.ours, bench.size.side, bench.size.tokens
    bench.turn(ours=True)
    chain, _ = ours.chain(PROMPT, BEGUN, tokens)
    moved = chain.edited(chain.text.replace("(120,300)", "(220,300)"))
    written = []
    watch = ours.reasoner.reasoner.language.head.register_forward_hook(lambda *_: written.append(1))
    _, taken = timed(bench.device, lambda: (ours.hidden(moved), ours.spatial(moved, side)))
    watch.remove()
    (_, after), plain = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens))
    (rewritten, then), drafted = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens, chain.text))
    return {
        "a box moved: tokens written": float(len(written)),
        "a box moved: seconds to the new guidance": taken.seconds,
        "a chain written again: seconds": plain.seconds - after,
        "the same from a draft: seconds": drafted.seconds - then,
        "the same from a draft: tokens that differ": float(
            sum(a != b for a, b in zip(chain.text, rewritten.text, strict=True))
        ),
    }


# ------------------------------------------------------------------------------------------------------------ tables


def print_rows(rows: list[dict]) -> None:
    compiled = "compiled_seconds" in rows[-1]
    more = "  compiled   ratio" if compiled else ""
    print(f"{'stage':18} reference      ours   ratio{more}  (of processors)  difference   memory GB")
    for row in rows:
        seconds, plain = row.get("compiled_seconds", row["our_seconds"]), row["reference_seconds"]
        more = f" {seconds:7.2f} s {plain / seconds:6.2f}x" if compiled else ""
        times = f"{row['stage']:18} {plain:7.2f} s {row['our_seconds']:7.2f} s {row['ratio']:6.2f}x{more}"
        memory = f"{row['reference_memory'] / 1e9:.2f}, {row['our_memory'] / 1e9:.2f}"
        shares = f"{row['processor_ratio']:14.2f}x  {row['max_difference']:10.1e}"
        print(f"{times}  {shares}   {memory}", flush=True)


def print_pairs(title: str, pairs: dict[str, float]) -> None:
    print(f"\n{title}")
    for name, value in pairs.items():
        print(f"  {name:45} {value:10.3f}", flush=True)
