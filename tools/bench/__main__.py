"""How long a person waits, measured: python dev.py bench

    python dev.py bench                            dragging a box in the chain editor, in Chromium
    python dev.py bench --size mid --device cpu    from prompt to picture: the plain script and ours, stage by stage
    python dev.py bench --size real --device cuda --json FILE
                                                   everything that a GPU can show, in one go

The networks have random weights of the size asked for (models.py), the plain script is that of the tests, in the
libraries' default settings (reference.py). Both sides run in turn in one process on the same weights, and must write
the same tokens and draw the same picture. Prints tables; --json FILE writes {"rows": [...], ...} with all figures, anew
after each section. A section that fails is noted and takes no other with it; the exit status is then 1.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

# By importance, for a run may be cut off.
SECTIONS = ["stages", "unrecorded", "shares", "again", "exact", "budgets", "stops", "curves", "compiled"]
USUAL = ["stages", "shares", "again"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "mid", "real"], help="of the networks; without it, only the editor")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--runs", type=int, default=2, help="of each side, in turn; the fastest counts (default 2)")
    parser.add_argument(
        "--sections", metavar="A,B,...", help=f"what to measure, of {', '.join(SECTIONS)} (default {','.join(USUAL)})"
    )
    parser.add_argument("--everything", action="store_true", help="all sections, as --size real does")
    parser.add_argument(
        "--dynamic",
        action="store_true",
        help="under ComfyUI's DynamicVRAM; a card's memory figures lack its weights then",
    )
    parser.add_argument("--steps", type=int, help="of sampling, instead of the size's own")
    parser.add_argument("--threads", type=int, help="of a CPU; on one that others use too, 1 measures best")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    everything = options.everything or options.size == "real"
    options.sections = options.sections.split(",") if options.sections else SECTIONS if everything else USUAL
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.dynamic and options.device == "cpu":
        parser.error("--dynamic needs --device cuda")
    if options.device == "cpu":
        options.sections = [name for name in options.sections if name != "unrecorded"]  # CUDA graphs need CUDA
    return options


def main() -> None:
    options = parse_arguments()
    if options.size is None:
        from .editor import editor_rows, table

        report = {"rows": editor_rows(), "failed": {}}
        print(table(report["rows"]))
        if options.json:
            options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    else:
        if options.dynamic:
            from .dynamic import load_library

            load_library()
        from .speed import measure

        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            report = measure(options, Path(folder))
    sys.exit(1 if report["failed"] else 0)


if __name__ == "__main__":
    main()
