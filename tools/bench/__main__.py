"""How long a person waits, measured: python dev.py bench

    python dev.py bench                            dragging a box in the chain editor, in Chromium
    python dev.py bench --size mid --device cpu    from prompt to picture: the plain script and ours, stage by stage
    python dev.py bench --size real --device cuda --json FILE
                                                   everything that a GPU can show, in one go

The networks have random weights of the size asked for (models.py), the plain script is that of the tests, in the
libraries' default settings (reference.py). Both sides run in turn in one process on the same weights, and must write
the same tokens and draw the same picture. Prints tables; --json FILE writes {"rows": [...], ...} with all figures.
"""

import argparse
import json
import tempfile
from pathlib import Path


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "mid", "real"], help="of the networks; without it, only the editor")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--runs", type=int, default=2, help="of each side, in turn; the fastest counts (default 2)")
    parser.add_argument(
        "--compile", action="store_true", help="also with ComfyUI's TorchCompileModel node, and on CUDA a recorded step"
    )
    parser.add_argument("--curves", action="store_true", help="also cost against boxes, picture size, batch and length")
    parser.add_argument("--budgets", action="store_true", help="also peak memory, all resident and within 24 to 8 GB")
    parser.add_argument("--everything", action="store_true", help="all of these, as --size real does")
    parser.add_argument("--steps", type=int, help="of sampling, instead of the size's own")
    parser.add_argument("--threads", type=int, help="of a CPU; on one that others use too, 1 measures best")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    if options.everything or options.size == "real":
        options.compile = options.curves = options.budgets = True
    return options


def main() -> None:
    options = parse_arguments()
    if options.size is None:
        from .editor import editor_rows, table

        report = {"rows": editor_rows()}
        print(table(report["rows"]))
    else:
        from .speed import measure

        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            report = measure(options, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
