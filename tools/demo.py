"""Draw one image with GoT-Tiny on a real ComfyUI, and show its plan and where the time went.

python dev.py demo --prompt "a red circle left of a blue square"
python dev.py demo --image image.png --instruction "make the red circle green"
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, PngImagePlugin

from ..got_models.chain.grammar import parse_regions
from .client import Client, Run
from .graphs import (
    edit_of_a_file,
    edit_of_a_file_workflow,
    example,
    example_workflow,
    fill,
    fill_workflow,
    node_of,
    with_text,
)
from .server import Server, ServerError

WORDS = ("prompt", "instruction")  # the inputs with the user's words
STAGES = {
    "GoTLoader": "loading",
    "ReasoningChain": "chain",
    "EditChain": "chain",
    "SemanticSpatialGuidance": "guidance",
    "GoTSampler": "sampling",
    "VAEDecode": "decoding",
}


def main() -> int:
    options = parse_arguments()
    try:
        report = draw(options)
    except ServerError as error:
        sys.exit(f"demo: {error}")
    print(json.dumps(report, ensure_ascii=False) if options.json else in_words(report))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompt", help="what to draw (default: the example workflow's)")
    parser.add_argument("--image", type=Path, help="an image to edit; needs --instruction")
    parser.add_argument("--instruction", help="what to change in the image")
    parser.add_argument("--model", type=Path, help="a folder that `convert` made (default: GoT-Tiny)")
    parser.add_argument("--seed", type=int, default=0, help="of the image's noise (default: 0)")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the example workflow's)")
    parser.add_argument("--out", type=Path, default=Path("got.png"), help="the image to write (default: got.png)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    options.model = options.model and options.model.resolve()
    if (options.image is None) != (options.instruction is None):
        parser.error("--image and --instruction need each other: give both")
    if options.image and options.prompt:
        parser.error("--prompt draws a new image, --image with --instruction edits one: give one of the two")
    if options.image and not options.image.is_file():
        parser.error(f"there is no image {options.image}")
    if options.model and not options.model.is_dir():
        parser.error(f"there is no folder {options.model}")
    if not options.out.resolve().parent.is_dir():
        parser.error(f"there is no folder {options.out.resolve().parent} to write the image to")
    return options


def draw(options: argparse.Namespace) -> dict:
    """Run the example workflow once, on a server that runs only for that. Returns the report."""
    with tempfile.TemporaryDirectory(prefix="got-demo-", ignore_cleanup_errors=True) as base:
        started = time.monotonic()
        report_progress("starting ComfyUI")
        models = {options.model.name: options.model} if options.model else {}
        with Server(Path(base), models=models) as server, Client(server.url) as client:
            seconds = {"server start": time.monotonic() - started}
            settings = chosen_settings(options, client)
            graph, workflow = graphs_of(bool(options.image))
            graph = with_text(fill(graph, settings))
            prompt = client.submit(graph, fill_workflow(workflow, settings))
            run = follow(client, prompt, graph)
            seconds |= seconds_by_stage(graph, run)
            chain = run.text(node_of(graph, "PreviewAny"))
            save(client.image(run.images(node_of(graph, "SaveImage"))[0]), chain, options.out)
            seconds["total"] = time.monotonic() - started
    return {
        "prompt": next(entry["inputs"][name] for entry in graph.values() for name in WORDS if name in entry["inputs"]),
        "chain": chain,
        "regions": [{"phrase": r.phrase, "box": list(r.box), "color": r.color.word} for r in parse_regions(chain)],
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "image": str(options.out.resolve()),
    }


def graphs_of(editing: bool) -> tuple[dict, dict]:
    """The template's graph for a script, and as the browser saves it."""
    if editing:
        return edit_of_a_file(), edit_of_a_file_workflow()
    return example("text_to_image"), example_workflow("text_to_image")


def chosen_settings(options: argparse.Namespace, client: Client) -> dict:
    """The values that replace the example's own, by input."""
    values = {
        "model_name": options.model and options.model.name,
        "seed": options.seed,
        "steps": options.steps,
        "prompt": options.prompt,
        "instruction": options.instruction,
        "image": options.image and client.upload(options.image),
    }
    return {name: value for name, value in values.items() if value is not None}


# --------------------------------------------------------------------------------------------------- run and report


def follow(client: Client, prompt: str, graph: dict) -> Run:
    """Show a prompt's progress. ServerError if it does not succeed."""
    for event in client.follow(prompt):
        if event.kind == "executing" and (node := event.data.get("node")):
            if stage := STAGES.get(graph[node]["class_type"]):
                report_progress(stage)
        elif event.kind == "progress" and sys.stderr.isatty():
            done, most = event.data["value"], event.data["max"]
            report_progress(f"  {done}/{most}", end="\n" if done == most else "\r")
    run = client.wait(prompt)
    if run.status != "success":
        raise ServerError(run.message)
    return run


def report_progress(text: str, end: str = "\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def seconds_by_stage(graph: dict, run: Run) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for node, value in run.seconds.items():
        stage = STAGES.get(graph[node]["class_type"], "the rest")
        seconds[stage] = seconds.get(stage, 0) + value
    return seconds


def save(image: Image.Image, chain: str, path: Path):
    """Write the image with ComfyUI's metadata (prompt, workflow) and the chain."""
    texts = PngImagePlugin.PngInfo()
    for key, value in image.text.items():
        texts.add_text(key, value)
    texts.add_itxt("got_chain", chain)
    image.save(path, format="PNG", pnginfo=texts)


def in_words(report: dict) -> str:
    boxes = [f"  {tuple(region['box'])} {region['color']:<8} {region['phrase']}" for region in report["regions"]]
    times = [f"  {stage:<13}{value:6.2f} s" for stage, value in report["seconds"].items()]
    lines = [
        "prompt",
        f"  {report['prompt']}",
        "chain",
        f"  {report['chain']}",
        "boxes (left, top, right, bottom)",
        *boxes,
    ]
    return "\n".join([*lines, "time", *times, "image", f"  {report['image']}"])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit("demo: stopped")
