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
    "GoTLoader": (0, 0, 270, 100),
    "LoadImage": (0, 160, 270, 320),
    "ReasoningChain": (300, 0, 360, 340),
    "EditChain": (300, 0, 360, 250),
    "GoTSeveralChains": (300, 0, 360, 430),
    "GoTChainEditor": (60, 520, 600, 700),
    "PreviewAny": (300, 520, 360, 240),
    "GoTChainPreview": (690, 180, 290, 400),
    "SemanticSpatialGuidance": (690, 0, 290, 120),
    "GoTSampler": (1010, 0, 280, 290),
    "VAEDecode": (1010, 450, 280, 60),
    "SaveImage": (1320, 0, 300, 400),
    "PreviewImage": (1320, 0, 300, 400),
}
ROW = 840
TALLER = 120  # how much taller the node of several chains is than Reasoning Chain

# Examples with a layout of their own: places as above, groups (title, left, top, width, height), a note, and the files
# that ComfyUI offers to download, by the type of the node that loads them.
NOTE = """
**Any language model plans the image.** It needs one file in `models/text_encoders`:
[qwen3vl_4b_fp8_scaled.safetensors](URL). ComfyUI offers to download it if it is missing.

Other models: see the help page of *GoT Plan Request*. *Generate Text* also runs Qwen3.5, Gemma 4 and Qwen3.

Without a model: wire **request** into *Preview as Text*, paste it into any chat, and paste the answer into
*GoT Chain From Text*.

Wire the chain into *Semantic-Spatial Guidance* or *GoT Regional Conditioning* to draw it.
"""
QWEN3_VL = {
    "name": "qwen3vl_4b_fp8_scaled.safetensors",
    "url": "https://huggingface.co/Comfy-Org/Qwen3-VL/resolve/main/text_encoders/qwen3vl_4b_fp8_scaled.safetensors",
    "directory": "text_encoders",
}
LAYOUTS = {
    "plan_with_any_model": {
        "places": {
            "GoTPlanRequest": (0, 0, 400, 420),
            "CLIPLoader": (460, 0, 400, 110),
            "TextGenerate": (460, 160, 400, 400),
            "PreviewAny": (460, 610, 400, 400),
            "GoTChainFromText": (920, 0, 600, 290),
            "GoTChainEditor": (920, 340, 600, 700),
            "GoTChainPreview": (1580, 0, 400, 520),
        },
        "groups": [
            ("1. Ask for a plan", -20, -80, 440, 1140),
            ("2. A language model writes it", 440, -80, 440, 1140),
            ("3. Read it and change it", 900, -80, 640, 1140),
            ("4. Look at it", 1560, -80, 440, 1140),
        ],
        "note": ((0, 520, 400, 490), NOTE.strip().replace("URL", QWEN3_VL["url"])),
        "files": {"CLIPLoader": [QWEN3_VL]},
    }
}

WRITE_DOWN = """
async ([graph, places, id, layout]) => {
  await app.loadApiJson(graph, "example");
  for (const [key, [left, top, width, height]] of Object.entries(places)) {
    const node = app.graph.getNodeById(key);
    node.pos = [left, top];
    node.size = [width, height];
    for (const widget of node.widgets ?? []) if (widget.name.endsWith("control_after_generate")) widget.value = "fixed";
  }
  for (const [kind, files] of Object.entries(layout.files ?? {})) {
    for (const node of app.graph.nodes) if (node.type === kind) node.properties.models = files;
  }
  for (const [title, ...bounds] of layout.groups ?? []) {
    const group = new LiteGraph.LGraphGroup(title);
    [group.pos, group.size] = [bounds.slice(0, 2), bounds.slice(2)];
    app.graph.add(group);
  }
  if (layout.note) {
    const [[left, top, width, height], text] = layout.note;
    const note = LiteGraph.createNode("MarkdownNote");
    app.graph.add(note);
    [note.pos, note.size, note.widgets[0].value] = [[left, top], [width, height], text];
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
    graph, layout = example(source.stem), LAYOUTS.get(source.stem, {})
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"ComfyUI-GoT/{source.name}"))  # the same in every run
    own = {key: layout["places"][node["class_type"]] for key, node in graph.items()} if layout else places(graph)
    workflow = json.loads(page.evaluate(WRITE_DOWN, [graph, own, identity, layout]))
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
