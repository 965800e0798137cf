"""Measure pointer moves that drag a box in a chain of 40 regions, in Chromium.

A move costs the handler and the painting after it. 60 frames a second leave 16 ms for both and for ComfyUI's page;
ours may take 4 ms.
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from ..browser import comfyui_page
from ..client import Client
from ..graphs import node
from ..server import Server

REGIONS, MOVES = 40, 200
OPEN = """
async (graph) => {
  await app.loadApiJson(graph, "bench");
  const node = app.graph.nodes.find((node) => node.type === "GoTChainEditor");
  node.pos = [40, 60];
  node.setSize([700, 700]);
  app.canvas.ds.scale = 1;
  app.canvas.ds.offset = [60, 80];
}
"""
MIDDLE_OF_FIRST = """
() => {
  const rect = document.querySelector(".got-canvas").getBoundingClientRect();
  return [rect.left + 8 + 0.05 * (rect.width - 16), rect.top + 8 + 0.05 * (rect.height - 16)];
}
"""
DRAG = """
async ([x, y, moves, free]) => {
  const canvas = document.querySelector(".got-canvas"), times = [];
  for (let i = 0; i < moves; i++) {
    let painted = 0;
    const before = new Promise((done) => requestAnimationFrame(() => done(performance.now())));
    const at = { clientX: x + (i % 100), clientY: y + i / 2, pointerId: 1, bubbles: true, altKey: free };
    const start = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", at));
    const handled = performance.now() - start;
    const after = new Promise((done) => requestAnimationFrame(() => done(performance.now())));
    painted = -(await before) + (await after);
    times.push([handled, painted]);
  }
  return times;
}
"""


def grid_chain(count: int) -> str:
    spots = [(x, y) for y in range(0, 960, 190) for x in range(0, 960, 120)][:count]
    return " ".join(f"A cup ({x},{y}),({x + 100},{y + 100}) (red)." for x, y in spots)


def editor_graph(text: str) -> dict:
    return {
        "1": node("GoTChainFromText", text=text, prompt="cups"),
        "2": node("GoTChainEditor", chain=["1", 0], pause="off", seconds=0, edits=""),
    }


def drag_times(page: Page) -> dict[str, list[tuple[float, float]]]:
    """(handler, painting) of each pointer move, in ms: with snapping, when few moves change the box, and without."""
    page.evaluate(OPEN, editor_graph(grid_chain(REGIONS)))
    page.locator(".got-canvas").wait_for()
    page.evaluate("() => app.queuePrompt(0)")
    page.wait_for_function(f"() => document.querySelectorAll('.got-list li').length === {REGIONS}", timeout=60_000)
    page.wait_for_timeout(1000)
    x, y = page.evaluate(MIDDLE_OF_FIRST)
    page.mouse.move(x, y)
    page.mouse.down()
    times = {kind: page.evaluate(DRAG, [x, y, MOVES, kind == "free"]) for kind in ("snapping", "free")}
    page.mouse.up()
    return {kind: each[20:] for kind, each in times.items()}  # the first ones also compile the page's code


def row(stage: str, times: list[float]) -> dict:
    ordered = sorted(times)
    middle, high = statistics.median(ordered), ordered[int(0.95 * len(ordered))]
    return {"stage": stage, "median_ms": middle, "p95_ms": high, "worst_ms": ordered[-1]}


def editor_rows() -> list[dict]:
    rows = []
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server, Client(server.url):
        for name, vue in (("classic", False), ("Nodes 2.0", True)):
            with comfyui_page(server.url) as (page, _):
                setting = "async (vue) => { await app.extensionManager.setting.set('Comfy.VueNodes.Enabled', vue); }"
                page.evaluate(setting, vue)
                page.wait_for_timeout(1000)
                times = drag_times(page)
            for kind, each in times.items():
                rows.append(row(f"editor, {name}, {kind}: handler", [handled for handled, _ in each]))
                rows.append(row(f"editor, {name}, {kind}: handler and painting", [sum(pair) for pair in each]))
    return rows


def table(rows: list[dict]) -> str:
    line = "{stage:48} median {median_ms:6.2f} ms   95 % {p95_ms:6.2f} ms   worst {worst_ms:6.2f} ms"
    return "\n".join(line.format(**found) for found in rows)
