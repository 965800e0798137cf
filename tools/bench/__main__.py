"""Measure how long a person waits: python dev.py bench

    python dev.py bench                            ComfyUI's start, and dragging a box in the chain editor, in Chromium
    python dev.py bench --size mid --device cpu    from prompt to image, stage by stage: the reference script and ours
    python dev.py bench --size real --device cuda --json FILE
                                                   everything that a GPU can show
    python dev.py bench --size tiny --sections regional
                                                   what boxes cost a step of SDXL and Flux

The networks have random weights of the chosen size (models.py). The reference script uses transformers and diffusers
in their default settings (reference.py). Both sides run in turn in one process on the same weights. They must write
the same tokens and draw the same image. Prints tables; --json FILE writes {"rows": [...], ...} with all figures after
each section. If a section fails, its error is noted, the others run, and the exit status is 1.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from . import comfyui

# By importance, because a run may be cut off. sections.py has the functions; it imports torch, so it comes later.
SECTIONS = ["stages", "eager", "shares", "again", "exact", "budgets", "stops", "curves", "compiled", "regional"]
USUAL = ["stages", "shares", "again"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", choices=["tiny", "mid", "real"], help="of the networks; default: only ComfyUI's start and the editor"
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
    parser.add_argument("--runs", type=int, default=2, help="of each side, in turn; the fastest counts (default: 2)")
    parser.add_argument(
        "--sections", metavar="A,B,...", help=f"what to measure, of {', '.join(SECTIONS)} (default: {','.join(USUAL)})"
    )
    parser.add_argument("--everything", action="store_true", help="all sections, as --size real does")
    parser.add_argument(
        "--dynamic", action="store_true", help="use ComfyUI's DynamicVRAM; memory figures then leave out the weights"
    )
    parser.add_argument("--steps", type=int, help="of sampling (default: the size's own)")
    parser.add_argument("--threads", type=int, help="CPU threads; 1 measures best on a machine that others use")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    options = parser.parse_args()
    everything = options.everything or options.size == "real"
    options.sections = options.sections.split(",") if options.sections else SECTIONS if everything else USUAL
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.dynamic and options.device == "cpu":
        parser.error("--dynamic needs --device cuda")
    if options.device == "cpu":
        options.sections = [name for name in options.sections if name != "eager"]  # CUDA graphs need CUDA
    return options


def measure_page(file: Path | None) -> dict:
    from .editor import editor_rows, table
    from .startup import startup_rows

    report = {"rows": [*startup_rows(), *editor_rows()], "failed": {}}
    print(table(report["rows"]))
    if file:
        file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def measure_networks(options: argparse.Namespace) -> dict:
    comfyui.start(options.device, options.threads, options.dynamic)
    from .sections import measure

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chosen = (options.size, options.steps, options.runs, options.sections)
        return measure(*chosen, Path(folder), options.json, dynamic=options.dynamic)


def main() -> None:
    options = parse_arguments()
    report = measure_networks(options) if options.size else measure_page(options.json)
    sys.exit(1 if report["failed"] else 0)


if __name__ == "__main__":
    main()
