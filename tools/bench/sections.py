"""The list of sections, and the run through those that were asked for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from .bench import Bench, make_bench
from .budgets import budgets
from .curves import CURVES
from .limits import shares
from .models import SIZES
from .regional import regional
from .report import Report
from .rerun import again
from .stages import compiled, eager, exact, stages
from .stops import stops

# What each returns is kept under its name; None: what it found is in the rows. "curves" stands for all of CURVES.
SECTIONS: dict[str, Callable[[Bench], Any]] = {
    "stages": stages,
    "eager": eager,
    "shares": shares,
    "again": again,
    "exact": exact,
    "budgets": budgets,
    "stops": stops,
    "compiled": compiled,
    "regional": regional,
}


def measure(
    size: str, steps: int | None, runs: int, sections: list[str], folder: Path, json: Path | None = None, **about: Any
) -> dict:
    """Run sections by name, print what they find, and return the whole report. about: more to note in it."""
    report = Report(json)
    with torch.inference_mode():
        bench = report.section("making the models", lambda: make_bench(SIZES[size], steps, runs, folder))
        if bench is not None:
            report.content |= {"rows": bench.rows, "device": bench.machine_name, "size": size, "runs": runs, **about}
            for name in sections:
                if name == "curves":
                    report.content["curves"] = {}
                    for curve, points in CURVES.items():
                        report.section(curve, partial(points, bench), report.content["curves"])
                else:
                    report.section(name, partial(SECTIONS[name], bench), report.content)
    return report.content
