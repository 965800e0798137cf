"""The report: printed, and written to a file after each section.

The error of a section that fails is noted, and the next section runs.
"""

import gc
import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...got_models.files.atomic import atomic_file

LINES = 12  # the last ones of an error's traceback


class Report:
    """content: `rows`, what each section found under its name, and the `seconds` or the error (`failed`) of each."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.start = path, time.perf_counter()
        self.content: dict[str, Any] = {"rows": [], "seconds": {}, "failed": {}}

    def section(self, name: str, run: Callable[[], Any], kept_in: dict | None = None) -> Any:
        """What `run` returns, or None if it fails. It is kept by its name in `kept_in`, and the file is written."""
        start, found = time.perf_counter(), None
        print(f"\n--- {name}, after {start - self.start:.0f} s", flush=True)
        try:
            found = run()
        except Exception:
            self.content["failed"][name] = traceback.format_exc().splitlines()[-LINES:]
            print("\n".join(self.content["failed"][name]), flush=True)
        if kept_in is not None and found is not None:
            kept_in[name] = found
        gc.collect()  # frees what the error held
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.content["seconds"][name] = time.perf_counter() - start
        self.write()
        return found

    def write(self) -> None:
        if self.path:
            with atomic_file(self.path) as file:
                file.write_text(json.dumps(self.content, indent=2) + "\n", encoding="utf-8")


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


def print_pairs(pairs: dict[str, float]) -> dict[str, float]:
    for name, value in pairs.items():
        print(f"  {name:45} {value:10.3f}", flush=True)
    return pairs
