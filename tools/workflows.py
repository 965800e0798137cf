"""Write example_workflows/*.json from example_workflows/api/*.json: python dev.py run tools.workflows

ComfyUI's own page loads and saves each graph, so the files are exactly what a user would have saved.
"""

import json
import tempfile
import uuid
from pathlib import Path

from playwright.sync_api import Page

from .browser import comfyui_page
from .graphs import EXAMPLES, example
from .server import Server

# Position and size of a node, by type: (left, top, width, height). A second one of its type goes one row lower.
PLACES = {
    "GoTLoader": (0, 0, 290, 100),
    "LoadImage": (0, 160, 290, 320),
    "ReasoningChain": (340, 0, 400, 230),
    "EditChain": (340, 0, 400, 250),
    "GoTSeveralChains": (340, 0, 400, 430),
    "GoTChainEditor": (150, 300, 600, 700),
    "PreviewAny": (340, 370, 400, 240),
    "GoTChainPreview": (790, 180, 300, 400),
    "SemanticSpatialGuidance": (790, 0, 300, 120),
    "GoTSampler": (1140, 0, 290, 290),
    "VAEDecode": (1140, 450, 290, 60),
    "SaveImage": (1480, 0, 400, 470),
    "PreviewImage": (1480, 0, 350, 400),
}
ROW = 700
TALLER = 120  # how much taller the node of several chains is than Reasoning Chain

WRITE_DOWN = """
async ([graph, places, id]) => {
  await app.loadApiJson(graph, "example");
  for (const [key, [left, top, width, height]] of Object.entries(places)) {
    const node = app.graph.getNodeById(key);
    node.pos = [left, top];
    node.size = [width, height];
    for (const widget of node.widgets ?? []) if (widget.name.endsWith("control_after_generate")) widget.value = "fixed";
  }
  app.canvas.ds.scale = 0.8;
  app.canvas.ds.offset = [90, 150];
  return JSON.stringify({ ...app.graph.serialize(), id });
}
"""


def main():
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, comfyui_page(server.url) as (page, _):
        for source in sorted((EXAMPLES / "api").glob("*.json")):
            write_down(page, source, EXAMPLES / source.name)
            print(source.name)


def write_down(page: Page, source: Path, target: Path):
    graph = example(source.stem)
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"ComfyUI-GoT/{source.name}"))  # the same in every run
    workflow = json.loads(page.evaluate(WRITE_DOWN, [graph, places(graph), identity]))
    target.write_text(json.dumps(workflow, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def places(graph: dict) -> dict[str, tuple]:
    """Position and size of each node. The nodes of an edit go below those that drew the image."""
    kinds = {node["class_type"] for node in graph.values()}
    editing, several = "ReasoningChain" in kinds, "GoTSeveralChains" in kinds
    seen: dict[str, int] = {}
    result = {}
    for key, node in graph.items():
        kind = node["class_type"]
        left, top, width, height = PLACES[kind]
        top += TALLER * (several and kind == "PreviewAny")
        below = seen.get(kind, 0) or (editing and "EditChain" in seen) or (editing and kind == "EditChain")
        seen[kind] = seen.get(kind, 0) + 1
        result[key] = (left, top + ROW * bool(below), width, height)
    return result


if __name__ == "__main__":
    main()
