"""Write example_workflows/*.json from example_workflows/api/*.json: python dev.py run tools.workflows [NAME ...]

ComfyUI's own page loads and saves each graph, so the files are exactly what a user would have saved. layouts.py says
where each node is.
"""

import json
import sys
import tempfile
import uuid
from pathlib import Path

from playwright.sync_api import Page

from .browser import comfyui_page
from .graphs import EXAMPLES, example
from .layout import NOTE
from .layouts import LAYOUTS
from .server import Server

WRITE_DOWN = """
async ([graph, id, { places, collapsed, titles, groups, note, files }]) => {
  await app.loadApiJson(graph, "example");
  const put = (node, [left, top, width, height]) => { [node.pos, node.size] = [[left, top], [width, height]]; };
  for (const node of app.graph.nodes) {
    if (collapsed.includes(String(node.id))) node.flags.collapsed = true;
    else put(node, places[node.id]);
    node.pos = places[node.id].slice(0, 2);
    node.title = titles[node.id] ?? node.title;
    if (files[node.type]) node.properties.models = files[node.type];
    for (const widget of node.widgets ?? []) if (widget.name.endsWith("control_after_generate")) widget.value = "fixed";
  }
  for (const [title, ...bounds] of groups) {
    const group = new LiteGraph.LGraphGroup(title);
    [group.pos, group.size] = [bounds.slice(0, 2), bounds.slice(2)];
    app.graph.add(group);
  }
  const page = LiteGraph.createNode("MarkdownNote");
  app.graph.add(page);
  put(page, places.note);
  page.title = "What to try";
  page.widgets[0].value = note;
  app.canvas.ds.scale = 0.7;
  app.canvas.ds.offset = [120, 190];
  return JSON.stringify({ ...app.graph.serialize(), id });
}
"""


def main():
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, comfyui_page(server.url) as (page, _):
        for name in sys.argv[1:] or sorted(LAYOUTS):
            write_down(page, name)
            print(name)


def write_down(page: Page, name: str):
    """Write the template of this name. KeyError if its layout has no place for a node."""
    graph, layout = example(name), LAYOUTS[name]
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"ComfyUI-GoT/{name}.json"))  # the same in every run
    places = layout.places()
    looks = {
        "places": {key: places[key] for key in (*graph, NOTE)},
        "collapsed": layout.collapsed(),
        "titles": layout.titles,
        "groups": layout.bounds(),
        "note": layout.note.strip(),
        "files": layout.files,
    }
    workflow = json.loads(page.evaluate(WRITE_DOWN, [graph, identity, looks]))
    text = json.dumps(workflow, indent=2, ensure_ascii=False) + "\n"
    (EXAMPLES / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
