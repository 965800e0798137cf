"""`python dev.py train`: train or fine-tune a GoT.

    python dev.py train --config tiny --out runs/tiny
    python dev.py train --config finetune --data rows.jsonl --out runs/mine --set start=models/got/GoT-6B steps=2000
    python dev.py train --config pretrain --out runs/got --processes 8

A run that was broken off goes on where it was: give the same command again. training/README.md says the rest.
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
    """KEY=VALUE, where a value that is not JSON is a text. ConfigError if there is no '='."""
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
    """The configuration with what the command line says otherwise."""
    settings = settings_of(options.set)
    if options.data:
        settings["sources"] = [{"kind": options.format, "files": options.data, "pictures": options.pictures}]
    return read_config(options.config, settings)


def in_processes(count: int, arguments: list[str]) -> list[str]:
    """The command that runs the same in several processes of this machine, by accelerate's launcher.

    Each of them is told to be one: of several `--processes` the last counts, however the first was written.
    Without graphics cards the launcher's own `--cpu` begins a single process unless MPI is there; `--multi_gpu` begins
    as many as it is told, and the run itself finds that it has only CPUs.
    """
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(count)]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [*launcher, str(RUNNER), "training.joint", *arguments, "--processes", "1"]


def parser_of() -> argparse.ArgumentParser:
    known = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.json")))
    parser = argparse.ArgumentParser(
        "train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--processes", type=int, default=1, help="processes on this machine (default: 1)")
    parser.add_argument("--config", required=True, help=f"one of {known}, or a JSON file")
    parser.add_argument("--data", default="", help="JSONL or Parquet instead of the configuration's data")
    parser.add_argument("--pictures", default="", help="folder that the rows' paths start from (default: the data's)")
    parser.add_argument(
        "--format", default="rows", help="rows, omniedit-got, lahr-got or journeydb-got (default: rows)"
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
        print("train: stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
