"""Write the images of the help pages: python dev.py run tools.help_images [NODE ...]

    web/docs/NODE.png   each node as it looks when it is added, in Nodes 2.0; the chain editor with a plan

ComfyUI's help panel is about 360 CSS pixels wide. A node has that width, or the least that it can have. The file has
two pixels for each of them, so that letters stay as large as on the canvas.
"""

import io
import json
import sys
import tempfile
from pathlib import Path

from PIL import Image

from .browser import comfyui_page
from .server import PACK, Server

DOCS = PACK / "web" / "docs"
WIDTH = 360  # CSS pixels of a node
SIZES = {"GoTChainEditor": [430, 740]}  # of nodes that need more room
DENSITY = 2  # pixels of the file to one CSS pixel
MARGIN = 6  # CSS pixels around a node
PLAN = (
    "A red circle (120,160),(480,520) (red) is left of a blue square (580,200),(880,500) (blue), and below them is "
    "a green triangle (300,600),(700,940) (green)."
)
VALUES = {"GoTChainEditor": {"edits": json.dumps({"version": 1, "plan": PLAN, "text": PLAN})}}

ADD = """
([kind, [width, height], values]) => {
  [...app.graph.nodes].forEach((node) => app.graph.remove(node)); // ids go on: the frontend keeps values by id
  const node = LiteGraph.createNode(kind);
  node.pos = [60, 60];
  app.graph.add(node);
  for (const widget of node.widgets ?? []) if (widget.name in values) widget.value = values[widget.name];
  node.setSize([width, height || node.computeSize()[1]]);
  app.canvas.ds.scale = 1;
  app.canvas.ds.offset = [40, 60];
  app.canvas.deselectAll?.();
  app.canvas.setDirty(true, true);
  return node.id;
}
"""
SETTLED = """
(id) => new Promise((done) => {
  let [before, frames] = ['', 0];
  const look = () => {
    const now = JSON.stringify(document.querySelector(`[data-node-id="${id}"]`)?.getBoundingClientRect() ?? null);
    frames = now === before && now !== 'null' ? frames + 1 : 0;
    before = now;
    if (frames < 20) requestAnimationFrame(look);
    else done(true);
  };
  look();
})
"""


def main():
    names = sys.argv[1:] or sorted(path.stem for path in DOCS.glob("*.md"))
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, comfyui_page(server.url, DENSITY) as (page, _):
        page.evaluate("async () => { await app.extensionManager.setting.set('Comfy.VueNodes.Enabled', true); }")
        for name in names:
            image = image_of(page, name)
            image.save(DOCS / f"{name}.png", optimize=True)
            print(f"{name}: {image.width} x {image.height}")


def image_of(page, name: str) -> Image.Image:
    """A node, newly added to an empty graph."""
    number = page.evaluate(ADD, [name, SIZES.get(name, [WIDTH, 0]), VALUES.get(name, {})])
    page.evaluate(SETTLED, number)
    box = page.locator(f"[data-node-id='{number}']").bounding_box()
    clip = {"x": box["x"] - MARGIN, "y": box["y"] - MARGIN}
    clip |= {"width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return shot.quantize(128, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
