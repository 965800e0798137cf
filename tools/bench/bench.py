"""What every section measures: the reference script and ours, on the same weights, with one prompt and one plan."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import comfy.model_management
import torch

from ...got_models.files.manifest import PUBLISHED_DEFAULTS
from ...got_models.guidance.formula import Strengths
from .machine import Taken, timed
from .models import Size, make_models
from .ours import Ours
from .reference import Reference

PROMPT = "a red cup and a blue plate on a table"
BEGUN = (  # how the plan begins; the weights are random, so what follows means nothing
    "A cup <|box_start|>(120,300),(480,760)<|box_end|> (red), "
    "a plate <|box_start|>(520,500),(880,800)<|box_end|> (blue), "
    "a lamp <|box_start|>(40,20),(200,280)<|box_end|> (yellow), "
    "a table <|box_start|>(0,600),(998,998)<|box_end|> (brown). "
)
SEED = 3


@dataclass
class Bench:
    """What the sections need, and what they find.

    folder: the model folder. runs: of each side. rows: one a stage. made: chain, inputs of the sampler and latents of
    the last pass, for the sections that continue from there.
    """

    size: Size
    steps: int
    runs: int
    device: torch.device
    dtype: torch.dtype
    folder: Path
    reference: Reference
    ours: Ours
    rows: list[dict] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def holds_both(self) -> bool:
        """Whether both sides fit on the device at once."""
        return self.device.type == "cpu" or torch.cuda.get_device_properties(self.device).total_memory > 40e9

    @property
    def machine_name(self) -> str:
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"CPU, {torch.get_num_threads()} threads"

    def turn(self, ours: bool) -> None:
        """Give one side the device, if both do not fit."""
        if self.holds_both:
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

    def row(self, stage: str) -> dict:
        return next(row for row in self.rows if row["stage"] == stage)


def make_bench(size: Size, steps: int | None, runs: int, folder: Path, dtype: torch.dtype | None = None) -> Bench:
    """Both sides' networks, on the device. dtype: of all weights; default bf16 on a card, fp32 on a CPU."""
    device = comfy.model_management.get_torch_device()
    dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    defaults = PUBLISHED_DEFAULTS["text-to-image"]
    strengths = Strengths(defaults.text, defaults.spatial, defaults.reference)
    start = time.perf_counter()
    networks = make_models(folder, size, device, dtype)
    made = time.perf_counter()
    ours = Ours(folder, strengths)
    print(f"made and written in {made - start:.1f} s, read in {time.perf_counter() - made:.1f} s", flush=True)
    return Bench(size, steps or size.steps, runs, device, dtype, folder, Reference(networks, strengths), ours)


def differing_tokens(text: str, other: str) -> float:
    """How many tokens differ: one letter is one token."""
    return float(sum(a != b for a, b in zip_longest(text, other)))
