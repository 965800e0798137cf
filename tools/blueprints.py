"""Write subgraphs/*.json, the blueprints: python dev.py run tools.blueprints

Each is the flow of a template as one node. ComfyUI's own page makes the subgraph and saves it. Run this again when one
of its nodes gets a new input. The strengths of the first two blueprints are automatic and can be set inside: ComfyUI
0.30 cannot expose the inputs of a choice such as 'custom'.
"""

import json
import re
import tempfile
import uuid
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page

from .browser import comfyui_page
from .graphs import example, node
from .layouts import LAYOUTS
from .server import PACK, Server

SUBGRAPHS = PACK / "subgraphs"
CATEGORY = "GoT"
SIZE = (400, 400)  # of the one node
SPATIAL = [0.0, 1.5, 3.0, 6.0]  # spatial strengths for GoT-Tiny: none, its default, twice and four times that
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Blueprint(NamedTuple):
    """inputs: by name, the node inputs that each sets, as (node id, input). outputs: by name, node id and slot."""

    description: str
    graph: dict  # API format
    places: dict[str, tuple]
    inputs: dict[str, list[tuple[str, str]]]
    outputs: dict[str, tuple[str, int]]


def template(name: str, *without: str) -> dict:
    """A template's graph without some of its nodes, in API format. It shows the image that the template saves."""
    graph = example(name)
    for entry in graph.values():
        if entry["class_type"] == "SaveImage":
            entry.update(node("PreviewImage", images=entry["inputs"]["images"]))
    return {key: entry for key, entry in graph.items() if key not in without}


def places(name: str, graph: dict) -> dict[str, tuple]:
    """Position and size of each node of a graph, as in the template."""
    return {key: place for key, place in LAYOUTS[name].places().items() if key in graph}


def text_to_image() -> Blueprint:
    graph = template("change_the_plan", "4")
    return Blueprint(
        "Plans an image and draws it, with ComfyUI-GoT. Open it to see the plan and change it.",
        graph,
        places("change_the_plan", graph),
        {
            "model": [("1", "model_name")],
            "prompt": [("2", "prompt")],
            "seed": [("6", "seed")],
            "steps": [("6", "steps")],
        },
        {"image": ("7", 0), "chain": ("3", 0)},
    )


def edit_image() -> Blueprint:
    graph = template("edit_your_image", "2", "10", "11", "12")
    del graph["3"]["inputs"]["image"]  # comes from outside
    graph["4"]["inputs"]["pause"] = "off"
    return Blueprint(
        "Plans an edit of an image and draws it, with ComfyUI-GoT. Open it to see the plan and change it.",
        graph,
        places("edit_your_image", graph),
        {
            "image": [("3", "image")],
            "model": [("1", "model_name")],
            "instruction": [("3", "instruction")],
            "seed": [("7", "seed")],
            "steps": [("7", "steps")],
        },
        {"image": ("8", 0), "chain": ("4", 0)},
    )


def strengths_grid() -> Blueprint:
    graph = template("text_to_image", "4")
    graph["2"]["inputs"]["prompt"] = "two white circles and a green star"
    where = places("text_to_image", graph) | {"3": (860, 720, 290, 140), "9": (860, 920, 290, 170)}
    numbers = [str(number) for number in range(11, 11 + len(SPATIAL))]
    for key, value in zip(numbers, SPATIAL):
        graph[key] = node("PrimitiveFloat", value=value)
        where[key] = (440, 720 + 110 * (int(key) - 11), 290, 60)
    links = {f"inputs.input{place}": [key, 0] for place, key in enumerate(numbers)}
    graph["3"] = node("CreateList", **links)
    graph["6"]["inputs"] |= {
        "strengths": "custom",
        "strengths.text_strength": 2.0,
        "strengths.spatial_strength": ["3", 0],
        "strengths.reference_strength": 1.0,
    }
    graph["9"] = node("ImageGrid", images=["7", 0], columns=2, cell_width=256, cell_height=256, padding=4)
    graph["8"]["inputs"]["images"] = ["9", 0]
    spatial = {f"spatial strength {place}": [(key, "value")] for place, key in enumerate(numbers, 1)}
    return Blueprint(
        "Draws one plan with rising strengths of its boxes, side by side, with ComfyUI-GoT.",
        graph,
        where,
        {
            "model": [("1", "model_name")],
            "prompt": [("2", "prompt")],
            "seed": [("6", "seed")],
            "steps": [("6", "steps")],
            "text strength": [("6", "strengths.text_strength")],
            **spatial,
            "pixels of each": [("9", "cell_width"), ("9", "cell_height")],
        },
        {"image": ("9", 0), "chain": ("2", 0)},
    )


BLUEPRINTS = {
    "GoT Text to Image": text_to_image,
    "GoT Edit Image": edit_image,
    "GoT Strengths Grid": strengths_grid,
}

WRITE_DOWN = """
async ([graph, places, inputs, outputs, size]) => {
  await app.loadApiJson(graph, "blueprint");
  for (const [key, [left, top, width, height]] of Object.entries(places)) {
    const node = app.graph.getNodeById(key);
    node.pos = [left, top];
    node.size = [width, height];
    for (const widget of node.widgets ?? []) if (widget.name.endsWith("control_after_generate")) widget.value = "fixed";
  }
  const { subgraph, node } = app.graph.convertToSubgraph(new Set(app.graph.nodes));
  for (const [name, targets] of Object.entries(inputs)) {
    const [slot, ...more] = targets.map(([key, input]) => {
      const inner = subgraph.getNodeById(key);
      return [inner.inputs.find((one) => one.name === input), inner];
    });
    const outer = subgraph.addInput(name, String(slot[0].type));
    outer.connect(...slot);
    for (const another of more) outer.connect(...another);
  }
  for (const [name, [key, slot]] of Object.entries(outputs)) {
    const inner = subgraph.getNodeById(key);
    subgraph.addOutput(name, String(inner.outputs[slot].type)).connect(inner.outputs[slot], inner);
  }
  for (const input of [...subgraph.inputs]) if (!input.linkIds.length) subgraph.removeInput(input);
  subgraph.inputNode.pos = [-320, 0];
  subgraph.outputNode.pos = [1880, 0];
  node.pos = [0, 0];
  node.size = size;
  return JSON.stringify(app.canvas._serializeItems([node]));
}
"""


def main():
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, comfyui_page(server.url) as (page, _):
        for name, blueprint in BLUEPRINTS.items():
            write_down(page, name, blueprint(), SUBGRAPHS / f"{name}.json")
            print(name)


def write_down(page: Page, name: str, blueprint: Blueprint, target: Path):
    arguments = [blueprint.graph, blueprint.places, blueprint.inputs, blueprint.outputs, SIZE]
    items = json.loads(same_every_run(name, page.evaluate(WRITE_DOWN, arguments)))
    (node,), (subgraph,) = items["nodes"], items["subgraphs"]
    node["title"] = subgraph["name"] = name
    subgraph |= {"category": CATEGORY, "description": blueprint.description}
    workflow = {
        "revision": 0,
        "last_node_id": node["id"],
        "last_link_id": 0,
        "nodes": [node],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [subgraph]},
    }
    target.write_text(json.dumps(workflow, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def same_every_run(name: str, text: str) -> str:
    """The text with each of the page's random ids replaced by one that is the same in every run."""
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"ComfyUI-GoT/subgraphs/{name}")
    for number, found in enumerate(dict.fromkeys(UUID4.findall(text))):
        text = text.replace(found, str(uuid.uuid5(space, str(number))))
    return text


if __name__ == "__main__":
    main()
