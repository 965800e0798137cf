"""Measure how well a GoT model plans, draws, follows a changed plan, and edits: python dev.py eval

It runs the real nodes on a real ComfyUI, with held-out prompts and edits of the synthetic world, in templates and in
free wording. Descriptions and findings are asked of the reasoner itself. A detector that sees only pixels judges the
images; evaluation/scores.py defines the metrics. A count of 0, such as --prompts 0, leaves a part out.

An ablation draws some prompts in three ways:

    prompt only        an empty chain and spatial strength 0: the 64 image tokens follow the caption alone
    without boxes      the model's own chain, read by the language model, at spatial strength 0
    full               with everything, at the model's own strengths

It follows table 3 of arXiv 2503.10639. There each row is a network of its own; here one network gets less input. A few
prompts are drawn at spatial strengths from 0 to 6. Prints a table; writes all figures as JSON, and a contact sheet.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from ..got_models.errors import GoTError
from ..got_models.files.manifest import TINY
from ..tools.client import Client
from ..tools.server import Server, ServerError
from .answers import Answers, AnswersError
from .figures import Figures, outcomes, report
from .graphs import Model
from .run import STRENGTHS, Evaluation, Questions
from .sheet import contact_sheet
from .table import table

BUNDLED = "GoT-Tiny (bundled)"
COUNTS = ("prompts", "edits", "free_prompts", "free_edits", "looks")


def main() -> int:
    options = parse_arguments()
    try:
        return evaluate(options)
    except (ServerError, AnswersError, GoTError) as error:
        sys.exit(f"eval: {error}")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py eval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=210, help="how many prompts (default: 210)")
    parser.add_argument("--edits", type=int, default=210, help="how many edits (default: 210)")
    for name, count, what in (
        ("free-prompts", 120, "freely worded prompts"),
        ("free-edits", 120, "freely worded edits"),
        ("looks", 100, "images to describe and to find things in"),
    ):
        parser.add_argument(f"--{name}", type=int, default=count, help=f"how many {what} (default: {count})")
    parser.add_argument("--seed", type=int, default=0, help="of the cases and of the images' noise (default: 0)")
    parser.add_argument("--model", type=Path, help="a model folder (default: GoT-Tiny)")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the model's own)")
    parser.add_argument(
        "--strengths",
        type=float,
        nargs="+",
        default=STRENGTHS,
        metavar="S",
        help="spatial strengths to compare (default: 0 to 6)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the figures (default: in --work)")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="file for the contact sheet (default: in --work)")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER", help="folder for answers and images (default: in the cache folder)"
    )
    parser.add_argument("--resume", action="store_true", help="continue from the answers in --work")
    options = parser.parse_args(arguments)
    counts = [getattr(options, name) for name in COUNTS]
    if min(counts) < 0 or not any(counts):
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in COUNTS)
        parser.error(f"{listed} must not be negative, nor all 0")
    for file in filter(None, (options.json, options.sheet)):
        if not file.resolve().parent.is_dir():
            parser.error(f"there is no folder {file.resolve().parent} to write {file.name} to")
    options.model = (options.model or TINY).resolve()
    options.work = options.work or Path(os.environ["COMFYUI_GOT_CACHE"], "evaluation")
    options.json = options.json or options.work / "figures.json"
    options.sheet = options.sheet or options.work / "sheet.png"
    return options


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate on a server that runs only for that. Returns the exit status: 130 if Ctrl-C stopped it."""
    models = {} if options.model == TINY else {options.model.name: options.model}
    base = tempfile.TemporaryDirectory(prefix="got-eval-", ignore_cleanup_errors=True)
    with base, Server(Path(base.name), models=models) as server, Client(server.url) as client:
        return ask_and_report(client, options)


def ask_and_report(client: Client, options: argparse.Namespace) -> int:
    """Ask what has no answer yet, judge, and report. If Ctrl-C stops it, it reports what there is."""
    name = BUNDLED if options.model == TINY else options.model.name
    model, started, stopped = Model.of(options.model, name, options.steps), time.monotonic(), False
    asked = {name: getattr(options, name) for name in COUNTS}
    questions = Questions(**asked, seed=options.seed, strengths=options.strengths)
    answers = Answers(options.work, evaluated(options), options.resume)
    try:
        Evaluation(client, model, questions, answers).run()
    except KeyboardInterrupt:
        stopped = True
    about = {"model": model.manifest.name, **asked, "seed": options.seed}
    about |= {"pictures": answers.pictures, "seconds": round(time.monotonic() - started), "complete": not stopped}
    conclude(questions, answers, about, options)
    return 130 if stopped else 0


def evaluated(options: argparse.Namespace) -> dict:
    """What must be the same for answers to be used again: the model's files, the seed and the steps."""
    files = sorted(path for path in options.model.rglob("*") if path.suffix in (".json", ".safetensors"))
    state = {str(path.relative_to(options.model)): [path.stat().st_size, path.stat().st_mtime_ns] for path in files}
    return {"files": state, "seed": options.seed, "steps": options.steps}


def conclude(questions: Questions, answers: Answers, about: dict, options: argparse.Namespace) -> None:
    """Print the table, write the JSON and the contact sheet."""
    figures = Figures(outcomes(questions, answers))
    failed = {key: answer.error for key, answer in answers.found.items() if answer.error}
    end = "" if about["complete"] else " (stopped before its end: --resume continues)"
    print(
        "{model}: {prompts} prompts, {edits} edits, {free_prompts} and {free_edits} in free wording, {looks} looks, "
        "seed {seed}; {pictures} images in {seconds} s".format(**about)
        + end
    )
    print(table(figures))
    for key, message in failed.items():
        print(f"failed: {key}: {message}")
    options.json.write_text(json.dumps({**about, **report(figures), "failed": failed}, indent=2) + "\n", "utf-8")
    contact_sheet(questions, answers).save(options.sheet)
    print(f"figures: {options.json}\ncontact sheet: {options.sheet}\nimages: {answers.folder / 'pictures'}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit("eval: stopped")
