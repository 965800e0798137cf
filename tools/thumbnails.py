"""Write the pictures of the templates and the README: python dev.py run tools.thumbnails

    example_workflows/*.jpg   what each example plans and draws
    web/docs/moved_box.jpg    a plan and its picture, the plan with one box moved and its picture

GoT-Tiny draws them, on a ComfyUI of our own.
"""

import io
import tempfile
from pathlib import Path

from PIL import Image

from ..got_models.chain.grammar import parse_regions
from .client import Client, Run
from .demo import example, node_of
from .server import PACK, Server, ServerError

SIDE = 512  # pixels of each of the two pictures
MOVED = (0, 275)  # across and down, in thousandths: how far the first box of text_to_image is moved
EXAMPLES = ("text_to_image", "change_the_plan", "edit", "edit_your_picture", "several_chains")


def main():
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, Client(server.url) as client:
        drawn = Path(base.name, "drawn.png")
        for name in EXAMPLES:
            graph, _ = example(name)
            if name == "edit_your_picture":  # its own is a photograph, and GoT-Tiny knows only colored shapes
                graph[node_of(graph, "LoadImage")]["inputs"]["image"] = client.upload(drawn)
            run = client.run(graph)
            if run.status != "success":
                raise ServerError(run.message)
            plan, picture = (shown(client, run, graph, kind) for kind in ("GoTChainPreview", "SaveImage"))
            side_by_side(plan, picture).save(PACK / "example_workflows" / f"{name}.jpg", quality=88)
            if name == "text_to_image":
                picture.save(drawn)
            print(name)
        moved_box(client).save(PACK / "web" / "docs" / "moved_box.jpg", quality=88)


def moved_box(client: Client) -> Image.Image:
    """Plan, picture, plan with a box moved, picture, at one seed."""
    graph, _ = example("text_to_image")
    first = client.run(graph)
    pictures = [shown(client, first, graph, kind) for kind in ("GoTChainPreview", "SaveImage")]
    text = with_moved_box(first.text(node_of(graph, "PreviewAny")))
    graph[node_of(graph, "ReasoningChain")] = {
        "class_type": "GoTChainFromText",
        "inputs": {"text": text, "prompt": graph[node_of(graph, "ReasoningChain")]["inputs"]["prompt"]},
    }
    second = client.run(graph)
    return side_by_side(*pictures, *(shown(client, second, graph, kind) for kind in ("GoTChainPreview", "SaveImage")))


def with_moved_box(chain: str) -> str:
    """The chain with its first box MOVED."""
    region = parse_regions(chain)[0]
    x0, y0, x1, y1 = (edge + by for edge, by in zip(region.box, MOVED * 2))
    box = f"<|box_start|>({x0},{y0}),({x1},{y1})<|box_end|> ({region.color.word})"
    return chain[: region.box_span[0]] + box + chain[region.box_span[1] :]


def shown(client: Client, run: Run, graph: dict, kind: str) -> Image.Image:
    """What the node of a kind shows: its picture, or its first four in two rows."""
    files = run.images(node_of(graph, kind))[:4]
    pictures = [Image.open(io.BytesIO(client.picture(file))).convert("RGB") for file in files]
    if len(pictures) < 4:
        return pictures[0]
    width, height = pictures[0].size
    sheet = Image.new("RGB", (2 * width, 2 * height))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % 2 * width, number // 2 * height))
    return sheet


def side_by_side(*pictures: Image.Image) -> Image.Image:
    strip = Image.new("RGB", (SIDE * len(pictures), SIDE))
    for number, picture in enumerate(pictures):
        strip.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE * number, 0))
    return strip


if __name__ == "__main__":
    main()
