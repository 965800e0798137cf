"""From prompt to picture: the plain script and ours in turn, stage by stage, on the same weights."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from .machine import Taken, full_precision, limits, operations, timed, weight_bytes
from .models import SIZES, Size, make_models
from .report import Report, print_pairs, print_rows

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
    """All that the measurements need. reference, ours: see their modules; folder: the model's; made: what `one_pass`
    came by, for the sections that go on from there.
    """

    size: Size
    steps: int
    device: torch.device
    dtype: torch.dtype
    folder: Path
    reference: Any
    ours: Any
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def roomy(self) -> bool:
        """Whether both sides fit on the device at once."""
        return self.device.type == "cpu" or torch.cuda.get_device_properties(self.device).total_memory > 40e9

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
    """The sections that were asked for, printed as they come, and as one report."""
    report, content = Report(options.json), {}
    with torch.inference_mode():
        start_comfyui(options.device, options.threads)
        if options.dynamic:
            from .dynamic import turn_on

            turn_on()
        bench = report.section("making the models", lambda: make_bench(options, folder))
        if bench is None:
            return report.content
        content = report.content
        content |= {
            "device": machine_name(bench),
            "size": options.size,
            "runs": options.runs,
            "dynamic": options.dynamic,
        }
        for name in options.sections:
            if name == "curves":
                from .curves import CURVES

                content["curves"] = {}
                for curve, points in CURVES.items():
                    report.section(curve, lambda at=points: at(bench), content["curves"])
            elif name in ("stages", "compiled", "unrecorded"):
                report.section(name, lambda run=SECTIONS[name]: run(bench, options.runs, content["rows"]))
            else:
                report.section(name, lambda run=SECTIONS[name]: run(bench, content["rows"]), content)
    return content


def start_comfyui(device: str, threads: int | None = None) -> None:
    """ComfyUI's settings, before the first import of what looks at them."""
    from comfy.cli_args import args

    args.cpu = args.use_pytorch_cross_attention = device == "cpu"  # as ComfyUI is best started on a CPU
    if threads:
        torch.set_num_threads(threads)
    logging.getLogger().setLevel(logging.ERROR)
    import comfy.utils

    comfy.utils.PROGRESS_BAR_ENABLED = False


def make_bench(options: argparse.Namespace, folder: Path, dtype: torch.dtype | None = None) -> Bench:
    """Both sides' networks, on the device. dtype: of all weights; by itself bf16 on a card, else fp32."""
    import comfy.model_management

    from .ours import Ours
    from .reference import Reference

    device, size = comfy.model_management.get_torch_device(), SIZES[options.size]
    dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    start = time.perf_counter()
    networks = make_models(folder, size, device, dtype)
    made = time.perf_counter()
    ours = Ours(folder, strengths := _strengths())
    print(f"made and written in {made - start:.1f} s, read in {time.perf_counter() - made:.1f} s", flush=True)
    return Bench(size, options.steps or size.steps, device, dtype, folder, Reference(networks, strengths), ours)


def _strengths() -> Any:
    from ...got_models.files.manifest import PUBLISHED_DEFAULTS
    from ...got_models.guidance.formula import Strengths

    defaults = PUBLISHED_DEFAULTS["text-to-image"]
    return Strengths(defaults.text, defaults.spatial, defaults.reference)


# ------------------------------------------------------------------------------------------------------------ stages


def stages(bench: Bench, runs: int, rows: list[dict]) -> None:
    """One row a stage and one for all. The fastest of the runs of each side counts; the difference is the greatest."""
    if bench.device.type == "cuda":  # kernels are loaded and chosen when they first run
        one_pass(bench, min(bench.size.tokens, 8), 2)
    passes = [one_pass(bench, bench.size.tokens, bench.steps) for _ in range(runs)]
    for stage in STAGES:
        pairs = [found[stage] for found in passes]
        row = _row(stage, *(min(taken[side].seconds for taken, _ in pairs) for side in (0, 1)))
        row["max_difference"] = max(difference for _, difference in pairs)
        row |= _processor(*(min(taken[side].processor for taken, _ in pairs) for side in (0, 1)))
        row["reference_memory"], row["our_memory"] = (max(taken[side].memory for taken, _ in pairs) for side in (0, 1))
        rows.append(row)
    rows.append(_total(rows))
    print_rows(rows)


def unrecorded(bench: Bench, runs: int, rows: list[dict]) -> None:
    """The chain by plain steps alone, none recorded as a CUDA graph, noted in the chain's row."""
    plain, takes = bench.ours.unrecorded(), []
    for _ in range(runs):
        (chain, after), took = bench.time_ours(lambda: plain.chain(PROMPT, BEGUN, bench.size.tokens))
        takes.append(took.seconds - after)
    noted = {"unrecorded_seconds": min(takes), "unrecorded_difference": unlike(bench.made["chain"].text, chain.text)}
    next(row for row in rows if row["stage"] == "chain").update(print_pairs(noted))


def compiled(bench: Bench, runs: int, rows: list[dict]) -> None:
    """Sampling with ComfyUI's TorchCompileModel, beside the plain one."""
    torch._dynamo.config.recompile_limit = 64  # ComfyUI's UNet is compiled in many pieces, each for several shapes
    ours, inputs, side = bench.ours.compiled(), bench.made["inputs"], bench.size.side
    _, first = bench.time_ours(lambda: ours.sample(*inputs, side, 2, SEED))  # what the second step learns included
    print(f"  compiled in {first.seconds:.0f} s", flush=True)
    takes = [bench.time_ours(lambda: ours.sample(*inputs, side, bench.steps, SEED)) for _ in range(runs)]
    plain, seconds = bench.made["latents"], min(taken.seconds for _, taken in takes)
    row = _compiled(rows, "sampling", seconds, difference(plain, takes[0][0]))
    row["compile_seconds"] = first.seconds


def _compiled(rows: list[dict], stage: str, seconds: float, unlike: float) -> dict:
    """Note what a stage took when compiled, and how it differs from ours when not, in its row and in the total's."""
    row = next(row for row in rows if row["stage"] == stage)
    row |= {"compiled_seconds": seconds, "compiled_ratio": row["reference_seconds"] / seconds}
    row["compiled_difference"] = unlike
    rows[:] = [*rows[:-1], _total(rows[:-1])]
    print_rows(rows)
    return row


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


def one_pass(bench: Bench, tokens: int, steps: int) -> dict[str, tuple[tuple[Taken, Taken], float]]:
    """Each stage once by each side: what both took, and the greatest difference of their results.

    Each side goes on from what it made itself, so the last difference is that of the pictures. Only the chain is ours
    for both: in bf16 its tokens may differ, and hidden states of different chains cannot be compared.
    """
    plain, ours, side, found = bench.reference, bench.ours, bench.size.side, {}

    def stage(name: str, by_plain: Callable, by_us: Callable) -> tuple[Any, Any]:
        theirs, taken = bench.time_reference(by_plain)
        mine, took = bench.time_ours(by_us)
        if name == "hidden states":  # most of them come with the chain
            took.seconds, took.processor = took.seconds + after, took.processor + later
        found[name] = ((taken, took), difference(theirs, mine))
        _say(name, taken, took)
        return theirs, mine

    text, taken = bench.time_reference(lambda: plain.chain(PROMPT, BEGUN, tokens))
    (chain, after), took = bench.time_ours(lambda: ours.chain(PROMPT, BEGUN, tokens))
    later = after * took.processor / took.seconds  # a guess: the processor was as busy at the end as before
    writing = Taken(took.seconds - after, took.memory, took.processor - later)
    found["chain"] = ((taken, writing), unlike(text, chain.text))
    _say("chain", *found["chain"][0])
    conditions = stage("hidden states", lambda: plain.hidden(PROMPT, chain.text), lambda: ours.hidden(chain))
    spatial = stage("spatial guidance", lambda: plain.spatial(chain.text, side), lambda: ours.spatial(chain, side))
    black = stage("reference encode", lambda: plain.black(side), lambda: ours.black(side))
    theirs, mine = zip(conditions, spatial, black, strict=True)
    rest = (side, steps, SEED)
    scale = plain.networks.vae.config.scaling_factor
    latents = stage("sampling", lambda: plain.sample(*theirs, *rest), lambda: Scaled(ours.sample(*mine, *rest), scale))
    stage("decode", lambda: plain.decode(latents[0]), lambda: ours.decode(latents[1].unscaled))
    bench.made = {"chain": chain, "inputs": mine, "latents": latents[1].unscaled}
    return found


def unlike(text: str, other: str) -> float:
    """How many tokens differ: one letter is one token."""
    return float(sum(a != b for a, b in zip_longest(text, other)))


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


def exact(bench: Bench, rows: list[dict]) -> list[dict]:
    """The stages of a smaller model, all in fp32: there both sides must write and draw the same, on a card too."""
    size, found = "mid" if bench.device.type == "cuda" else "tiny", []
    with full_precision(), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        small = make_bench(argparse.Namespace(size=size, steps=None), Path(folder), torch.float32)
        stages(small, 1, found)
        if bench.device.type == "cuda":
            unrecorded(small, 1, found)
    return found


# ------------------------------------------------------------------------------------------------------------ limits


def machine_name(bench: Bench) -> str:
    if bench.device.type == "cuda":
        return torch.cuda.get_device_name(bench.device)
    return f"CPU, {torch.get_num_threads()} threads"


def shares(bench: Bench, rows: list[dict]) -> dict[str, float]:
    """Tokens and steps a second, and which share of the machine's limits ours is.

    A token reads every weight of the layers and the head once; a step multiplies as much as its branches do.
    """
    by_stage, machine = {row["stage"]: row for row in rows}, limits(bench.device, bench.dtype)
    model = bench.reference.networks.mllm_model
    read = weight_bytes(model) - weight_bytes(model.get_input_embeddings()) - weight_bytes(model.model.visual)
    done = operations(lambda: _sample_one_step(bench))
    found = {
        "bandwidth GB/s": machine.bandwidth / 1e9,
        "matrix product Gop/s": machine.rate / 1e9,
        "GB read a token": read / 1e9,
        "Gop a step": done / 1e9,
    }
    for side in ("reference", "our", "unrecorded"):
        if seconds := by_stage["chain"].get(f"{side}_seconds"):
            found[f"{side} tokens/s"] = bench.size.tokens / seconds
            found[f"{side} tokens/s, share of the bandwidth"] = found[f"{side} tokens/s"] * read / machine.bandwidth
        if seconds := by_stage["sampling"].get(f"{side}_seconds"):
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


def again(bench: Bench, rows: list[dict]) -> dict[str, float]:
    """What is done anew after a box was moved, and after a chain is written again from the one before."""
    ours, side, tokens = bench.ours, bench.size.side, min(bench.size.tokens, 150)
    bench.turn(ours=True)
    chain, _ = ours.chain(PROMPT, BEGUN, tokens)
    moved = chain.edited(chain.text.replace("(120,300)", "(220,300)"))
    written = []
    watch = ours.reasoner.reasoner.language.head.register_forward_hook(lambda *_: written.append(1))
    _, taken = timed(bench.device, lambda: (ours.hidden(moved), ours.spatial(moved, side)))
    watch.remove()
    (_, after), plain = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens))
    (rewritten, then), drafted = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens, chain.text))
    return print_pairs(
        {
            "a box moved: tokens written": float(len(written)),
            "a box moved: seconds to the new guidance": taken.seconds,
            "a chain written again: seconds": plain.seconds - after,
            "the same from a draft: seconds": drafted.seconds - then,
            "the same from a draft: tokens that differ": unlike(chain.text, rewritten.text),
        }
    )


def budgets(bench: Bench, rows: list[dict]) -> list[dict]:
    from . import budgets

    return budgets.budgets(bench)


def stops(bench: Bench, rows: list[dict]) -> list[dict]:
    from . import stops

    return stops.stops(bench)


SECTIONS = {
    "stages": stages,
    "unrecorded": unrecorded,
    "shares": shares,
    "again": again,
    "exact": exact,
    "budgets": budgets,
    "stops": stops,
    "compiled": compiled,
}
