"""`python dev.py train`: train or fine-tune a GoT.

    python dev.py train --config tiny --out runs/tiny
    python dev.py train --config finetune --data rows.jsonl --out runs/mine --set start=models/got/GoT-6B steps=2000
    python dev.py train --config pretrain --out runs/got --processes 8

To resume a stopped run, give the same command again. More in training/README.md.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ...got_models.errors import GoTError
from .config import CONFIGS, Config, ConfigError, read_config

RUNNER = Path(__file__).parent.parent.parent / "tools" / "run.py"


def settings_of(pairs: list[str]) -> dict[str, Any]:
    """A dictionary of KEY=VALUE pairs. A value that is not JSON is a string. ConfigError if there is no '='."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--set takes KEY=VALUE, not '{pair}'.")
        try:
            settings[key] = json.loads(value)
        except ValueError:
            settings[key] = value
    return settings


def chosen_config(options: argparse.Namespace) -> Config:
    """The configuration with the values of the command line."""
    settings = settings_of(options.set)
    if options.data:
        settings["sources"] = [{"kind": options.format, "files": options.data, "images": options.images}]
    return read_config(options.config, settings)


def in_processes(count: int, arguments: list[str]) -> list[str]:
    """The command that starts `count` processes on this machine with accelerate's launcher.

    A last `--processes 1` keeps each of them from starting more: argparse takes the last of several.
    Without a GPU the launcher's `--cpu` starts a single process unless there is MPI. `--multi_gpu` starts `count` of
    them, and the run finds that it has only CPUs.
    """
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(count)]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [*launcher, str(RUNNER), "training.joint", *arguments, "--processes", "1"]


def parser_of() -> argparse.ArgumentParser:
    known = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.json")))
    parser = argparse.ArgumentParser(
        "train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--processes", type=int, default=1, help="processes on this machine, one a GPU (default: 1)")
    parser.add_argument("--config", required=True, help=f"configuration: {known}, or a JSON file")
    parser.add_argument(
        "--data", default="", help="JSONL or Parquet file, or a pattern, instead of the configuration's"
    )
    parser.add_argument("--images", "--pictures", default="", help="folder of the rows' images (default: the data's)")
    parser.add_argument(
        "--format", default="rows", help="format of --data: rows, omniedit-got, lahr-got, journeydb-got (default: rows)"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run: log, checkpoints, samples, model")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other values for the configuration")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    options = parser_of().parse_args(arguments)
    try:
        config = chosen_config(options)
        if options.processes > 1:
            threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // options.processes))}
            command = in_processes(options.processes, arguments)
            return subprocess.run(command, env={**threads, **os.environ}).returncode
        from .loop import train

        train(config, options.out)
    except GoTError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train: stopped. Give the same command again to resume from the last checkpoint.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
