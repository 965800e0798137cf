"""Write the images of the templates and the README: python dev.py run tools.thumbnails

    example_workflows/*.jpg   the plan and the image of each example
    web/docs/moved_box.jpg    a plan and its image, then the plan with one box moved and its image

GoT-Tiny draws them, on a ComfyUI that runs only for that. Of templates for other models, only a plan is shown.
"""

import os
import tempfile
from pathlib import Path

from PIL import Image

from ..got_models.chain.grammar import EDIT, parse_regions, read_chain
from ..got_models.guidance.images import to_pil, to_tensor
from ..got_models.guidance.preview import plan_image
from .client import Client, Run
from .graphs import EXAMPLES, example, fill, node, node_of, with_text, without
from .painter_layouts import PAINTERS
from .server import PACK, Server, ServerError

SIDE = 512  # pixels of each of the two images
MOVED = (0, 275)  # right and down, in thousandths: how far the first box of text_to_image is moved
NAMES = ("text_to_image", "change_the_plan", "edit", "edit_your_image", "several_chains")
ANY_MODEL = "plan_with_any_model"  # its image shows only a plan, written here as a language model may write it
ANSWER = (
    "A brick wall (0,0),(999,800) (brown) is above a pavement (0,800),(999,999) (silver). A red bicycle "
    "(160,420),(640,930) (red) leans on it, a gray cat (690,700),(900,930) (gray) sleeps beside it, and above them "
    'hangs a shop sign that reads "OPEN" (170,70),(830,270) (gold).'
)
EDITED = "The area to be edited is [the dress] (335,415),(655,865) (blue)."  # in the image that every ComfyUI has


def main():
    for name in PAINTERS:
        plan_for_others(name).save(EXAMPLES / f"{name}.jpg", quality=88)
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, Client(server.url) as client:
        for name in NAMES:
            graph = with_plan(name)
            run = client.run(graph)
            if run.status != "success":
                raise ServerError(run.message)
            plan, image = (shown(client, run, graph, kind) for kind in ("GoTChainPreview", "SaveImage"))
            side_by_side(plan, image).save(EXAMPLES / f"{name}.jpg", quality=88)
            print(name)
        plan_of_answer(client).save(EXAMPLES / f"{ANY_MODEL}.jpg", quality=88)
        moved_box(client).save(PACK / "web" / "docs" / "moved_box.jpg", quality=88)


def with_plan(name: str) -> dict:
    """An example's graph without a pause. One node shows the plan that it draws last, of an edit on its source."""
    graph = without(fill(example(name), {"pause": "off"}), "GoTChainPreview")
    plans = [entry["inputs"]["chain"] for entry in graph.values() if entry["class_type"] == "SemanticSpatialGuidance"]
    return graph | {"plan": node("GoTChainPreview", chain=plans[-1], width=SIDE, height=SIDE)}


def plan_of_answer(client: Client) -> Image.Image:
    """The plan that the template for any model shows of ANSWER."""
    graph = example(ANY_MODEL)
    reader = node_of(graph, "GoTChainFromText")
    graph[reader]["inputs"] |= {"text": ANSWER, "prompt": graph[node_of(graph, "GoTPlanRequest")]["inputs"]["prompt"]}
    graph = {
        key: graph[key] for key in (reader, *(node_of(graph, f"GoTChain{kind}") for kind in ("Editor", "Preview")))
    }
    run = client.run(graph)
    if run.status != "success":
        raise ServerError(run.message)
    return shown(client, run, graph, "GoTChainPreview")


def plan_for_others(name: str) -> Image.Image:
    """A plan as a language model may write it for the template of another model; of an edit on its image."""
    if not name.startswith("edit"):
        return to_pil(plan_image(read_chain(ANSWER), None, SIDE, SIDE))
    with Image.open(Path(os.environ["COMFYUI_PATH"], "input", "example.png")) as image:
        source = to_tensor(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return to_pil(plan_image(read_chain(EDITED, EDIT, source=source), source, SIDE, SIDE))


def moved_box(client: Client) -> Image.Image:
    """Plan, image, plan with a box moved, and its image, all with one seed."""
    graph = with_text(example("text_to_image"))
    first = client.run(graph)
    images = [shown(client, first, graph, kind) for kind in ("GoTChainPreview", "SaveImage")]
    text = with_moved_box(first.text(node_of(graph, "PreviewAny")))
    writer = node_of(graph, "ReasoningChain")
    graph[writer] = node("GoTChainFromText", text=text, prompt=graph[writer]["inputs"]["prompt"])
    second = client.run(graph)
    return side_by_side(*images, *(shown(client, second, graph, kind) for kind in ("GoTChainPreview", "SaveImage")))


def with_moved_box(chain: str) -> str:
    """The chain with its first box MOVED."""
    region = parse_regions(chain)[0]
    x0, y0, x1, y1 = (edge + by for edge, by in zip(region.box, MOVED * 2))
    box = f"<|box_start|>({x0},{y0}),({x1},{y1})<|box_end|> ({region.color.word})"
    return chain[: region.box_span[0]] + box + chain[region.box_span[1] :]


def shown(client: Client, run: Run, graph: dict, kind: str) -> Image.Image:
    """The image that the node of a type shows, or its first four in two rows."""
    images = [client.image(file).convert("RGB") for file in run.images(node_of(graph, kind))[:4]]
    if len(images) < 4:
        return images[0]
    width, height = images[0].size
    sheet = Image.new("RGB", (2 * width, 2 * height))
    for number, image in enumerate(images):
        sheet.paste(image, (number % 2 * width, number // 2 * height))
    return sheet


def side_by_side(*images: Image.Image) -> Image.Image:
    strip = Image.new("RGB", (SIDE * len(images), SIDE))
    for number, image in enumerate(images):
        strip.paste(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE * number, 0))
    return strip


if __name__ == "__main__":
    main()
