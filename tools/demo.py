"""Draw one picture with GoT-Tiny on a real ComfyUI, and show what it planned and where the time went.

python dev.py demo --prompt "a red circle left of a blue square"
python dev.py demo --image picture.png --instruction "make the red circle green"
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, PngImagePlugin

from ..got_models.chain.grammar import parse_regions
from .client import Client, Run
from .server import PACK, Server, ServerError

STAGES = {
    "GoTLoader": "loading",
    "ReasoningChain": "chain",
    "EditChain": "chain",
    "SemanticSpatialGuidance": "guidance",
    "GoTSampler": "sampling",
    "VAEDecode": "decoding",
}
MOST_COLUMNS = 110


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
    parser.add_argument("--image", type=Path, help="a picture to edit; with --instruction")
    parser.add_argument("--instruction", help="what to change in it")
    parser.add_argument("--model", type=Path, help="a folder that `convert` made (default: GoT-Tiny)")
    parser.add_argument("--seed", type=int, default=0, help="of the picture's noise (default: 0)")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the example workflow's)")
    parser.add_argument("--out", type=Path, default=Path("got.png"), help="the picture to write (default: got.png)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of words")
    options = parser.parse_args()
    options.model = options.model and options.model.resolve()
    if (options.image is None) != (options.instruction is None):
        parser.error("--image and --instruction belong together")
    if options.image and options.prompt:
        parser.error("--prompt draws a new picture, --image with --instruction edits one: give one of the two")
    if options.image and not options.image.is_file():
        parser.error(f"there is no picture {options.image}")
    if options.model and not options.model.is_dir():
        parser.error(f"there is no folder {options.model}")
    if not options.out.resolve().parent.is_dir():
        parser.error(f"there is no folder {options.out.resolve().parent} to write the picture to")
    return options


def draw(options: argparse.Namespace) -> dict:
    """Run the example workflow once, on a server that exists only for that; returns the report."""
    kind = "edit_your_picture" if options.image else "text_to_image"
    with tempfile.TemporaryDirectory(prefix="got-demo-", ignore_cleanup_errors=True) as base:
        started = time.monotonic()
        tell("starting ComfyUI")
        models = {options.model.name: options.model} if options.model else {}
        with Server(Path(base), models=models) as server, Client(server.url) as client:
            seconds = {"server start": time.monotonic() - started}
            graph, workflow = example(kind)
            settings = chosen_settings(options, client)
            prompt = client.submit(fill(graph, settings), fill_workflow(workflow, settings))
            run = follow(client, prompt, graph)
            seconds |= seconds_by_stage(graph, run)
            chain = run.text(node_of(graph, "PreviewAny"))
            save(client.picture(run.images(node_of(graph, "SaveImage"))[0]), chain, options.out)
            seconds["total"] = time.monotonic() - started
    return {
        "prompt": settings.get("prompt") or settings.get("instruction") or prompt_of(graph),
        "chain": chain,
        "regions": [{"phrase": r.phrase, "box": list(r.box), "color": r.color.word} for r in parse_regions(chain)],
        "seconds": {stage: round(value, 2) for stage, value in seconds.items()},
        "image": str(options.out.resolve()),
    }


def chosen_settings(options: argparse.Namespace, client: Client) -> dict:
    """Values of the example's widgets, by name, that differ from the example's own."""
    values = {
        "model_name": options.model and options.model.name,
        "seed": options.seed,
        "steps": options.steps,
        "prompt": options.prompt,
        "instruction": options.instruction,
        "image": options.image and client.upload(options.image),
    }
    return {name: value for name, value in values.items() if value is not None}


# --------------------------------------------------------------------------------------------- the example workflows


def example(kind: str) -> tuple[dict, dict]:
    """One example workflow twice: in API format, to be run, and as the browser saves it, for the picture's metadata."""
    folder = PACK / "example_workflows"
    return tuple(
        json.loads(path.read_text(encoding="utf-8"))
        for path in (folder / "api" / f"{kind}.json", folder / f"{kind}.json")
    )


def fill(graph: dict, settings: dict) -> dict:
    """Set inputs of a graph in API format by name; each of our names is used by one node only."""
    for node in graph.values():
        node["inputs"] |= {name: value for name, value in settings.items() if is_setting(node["inputs"].get(name))}
    return graph


def is_setting(value) -> bool:
    """Whether an input of the graph is there and is a value, not a wire."""
    return value is not None and not isinstance(value, list)


def fill_workflow(workflow: dict, settings: dict) -> dict:
    """The same in a graph as the browser saves it, where a widget is known by its position."""
    for node in workflow["nodes"]:
        widgets = [entry["widget"]["name"] for entry in node.get("inputs", []) if "widget" in entry]
        if "seed" in widgets:
            widgets.insert(widgets.index("seed") + 1, "control_after_generate")
        for position, name in enumerate(widgets):
            if name in settings:
                node["widgets_values"][position] = settings[name]
    return workflow


def node_of(graph: dict, class_type: str) -> str:
    return next(key for key, node in graph.items() if node["class_type"] == class_type)


def prompt_of(graph: dict) -> str:
    return next(node["inputs"]["prompt"] for node in graph.values() if "prompt" in node["inputs"])


# --------------------------------------------------------------------------------------------------- run and report


def follow(client: Client, prompt: str, graph: dict) -> Run:
    """Show a prompt's progress; ServerError if it does not succeed."""
    for event in client.follow(prompt):
        if event.kind == "executing" and (node := event.data.get("node")):
            if stage := STAGES.get(graph[node]["class_type"]):
                tell(stage)
        elif event.kind == "progress" and sys.stderr.isatty():
            done, most = event.data["value"], event.data["max"]
            tell(f"  {done}/{most}", end="\n" if done == most else "\r")
    run = client.wait(prompt)
    if run.status != "success":
        raise ServerError(run.message)
    return run


def tell(text: str, end: str = "\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def seconds_by_stage(graph: dict, run: Run) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for node, value in run.seconds.items():
        stage = STAGES.get(graph[node]["class_type"], "the rest")
        seconds[stage] = seconds.get(stage, 0) + value
    return seconds


def save(png: bytes, chain: str, path: Path):
    """Write the picture with what ComfyUI put into it (prompt, workflow) and the chain."""
    with Image.open(io.BytesIO(png)) as picture:
        texts = PngImagePlugin.PngInfo()
        for key, value in picture.text.items():
            texts.add_text(key, value)
        texts.add_itxt("got_chain", chain)
        picture.save(path, format="PNG", pnginfo=texts)


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
    return "\n".join([*lines, "time", *times, "picture", f"  {report['image']}"])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit("demo: stopped")
