"""Write the screenshots of the chain editor: python dev.py run tools.screenshots [editor|animation]

    docs/images/editor_dark.webp, _light.webp            in Nodes 2.0, in both themes
    docs/images/editor_classic_dark.webp, _light.webp    the same in the classic renderer
    docs/images/drag_and_run.webp                        drag a box, run, see the image: an animation

Everything is done on a real ComfyUI with GoT-Tiny, by the mouse and the Run button.
"""

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from ..got_models.chain.grammar import parse_regions
from .browser import comfyui_page
from .graphs import example_workflow
from .server import PACK, Server

IMAGES = PACK / "docs" / "images"
SHARP = 2  # pixels of a screenshot for each pixel of the page
FRAME = 90  # ms
MOST_BYTES = 2_000_000  # of the animation
FRAME_WIDTH = 900
WINDOW = {"width": 1180, "height": 800}  # pixels of the page in the animation

COUNT = """
async () => {
  const { api } = await import('/scripts/api.js');
  window.gotRuns = 0;
  api.addEventListener('execution_success', () => { window.gotRuns += 1; });
}
"""
RUNS = "() => window.gotRuns"
NO_PAUSE = """
() => {
  for (const node of app.graph.nodes)
    for (const widget of node.widgets ?? []) if (widget.name === 'pause') widget.value = 'off';
}
"""
AT_REST = "() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(true)), 400))"
# Only what the animation is about: the editor and the image, side by side.
STAGE = """
([width, height]) => {
  const shown = { GoTChainEditor: [0, 0, width, height], SaveImage: [width + 30, 0, 380, height] };
  for (const node of app.graph.nodes) {
    const [left, top, wide, high] = shown[node.type] ?? [6000, 6000, ...node.size];
    node.pos = [left, top];
    node.setSize([wide, high]);
  }
  for (const group of [...app.graph.groups]) app.graph.remove(group);
  app.canvas.ds.scale = 1;
  app.canvas.ds.offset = [90, 130];
  app.canvas.setDirty(true, true);
}
"""
CURSOR = """
() => {
  const arrow = document.createElement('div');
  arrow.style.cssText = 'position: fixed; z-index: 99999; pointer-events: none; width: 0; height: 0';
  arrow.innerHTML = '<svg width="26" height="26"><path d="M2 2l7 20 3-8 8-3z" fill="#fff" stroke="#000"/></svg>';
  document.body.append(arrow);
  const follow = (event) => { arrow.style.left = `${event.clientX}px`; arrow.style.top = `${event.clientY}px`; };
  for (const kind of ['pointermove', 'pointerdown', 'mousemove']) window.addEventListener(kind, follow, true);
}
"""


def main():
    wanted = sys.argv[1:] or ["editor", "animation"]
    base = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with base, Server(Path(base.name)) as server:
        if "editor" in wanted:
            with comfyui_page(server.url, SHARP) as (page, _):
                page.evaluate(COUNT)
                editors(page)
        if "animation" in wanted:
            with comfyui_page(server.url) as (page, _):
                page.evaluate(COUNT)
                page.set_viewport_size(WINDOW)
                animation(page)


def look(page: Page, vue: bool, theme: str = "dark") -> None:
    """Choose the renderer and the theme."""
    set_it = "async ([name, value]) => { await app.extensionManager.setting.set(name, value); }"
    for setting in (["Comfy.VueNodes.Enabled", vue], ["Comfy.ColorPalette", theme]):
        page.evaluate(set_it, setting)
    page.evaluate(AT_REST)


def opened(page: Page, name: str) -> None:
    """Open a template and run it to its end, without a pause."""
    page.evaluate("async (workflow) => { await app.loadGraphData(workflow); }", example_workflow(name))
    page.evaluate(NO_PAUSE)
    page.evaluate(AT_REST)
    before = page.evaluate(RUNS)
    page.evaluate("() => { app.queuePrompt(0); }")
    page.wait_for_function("(before) => window.gotRuns > before", arg=before, timeout=60_000)
    page.evaluate(AT_REST)


def save(image: Image.Image, path: Path, width: int | None = None) -> None:
    """Write an image as WebP, at most `width` pixels wide, and print its size."""
    if width and image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.convert("RGB").save(path, quality=82, method=6)
    print(path.relative_to(PACK), image.size, f"{path.stat().st_size / 1000:.0f} kB")


def shot(page: Page, **where) -> Image.Image:
    """An image of the page. where: as Page.screenshot takes it."""
    return Image.open(io.BytesIO(page.screenshot(**where)))


# ------------------------------------------------------------------------------------------------ editor


def editors(page: Page) -> None:
    """Images of the editor in both renderers and both themes."""
    for renderer, vue in (("", True), ("_classic", False)):
        for theme in ("dark", "light"):
            look(page, vue, theme)
            opened(page, "change_the_plan")
            page.evaluate(STAGE, [640, 720])
            page.locator(".got-list li").first.click()
            page.mouse.move(5, 500)
            page.evaluate(AT_REST)
            box = {"x": 80, "y": 90, "width": 1080, "height": 780}
            save(shot(page, clip=box), IMAGES / f"editor{renderer}_{theme}.webp", 1400)


# ------------------------------------------------------------------------------------------------ animation


def animation(page: Page) -> None:
    """A box is dragged and the new image comes, as an animation of at most MOST_BYTES."""
    look(page, vue=True)
    opened(page, "change_the_plan")
    page.evaluate(STAGE, [600, 640])
    page.evaluate(CURSOR)
    page.evaluate(AT_REST)
    frames = [shrunk(frame) for frame in story(page)]
    path = IMAGES / "drag_and_run.webp"
    for quality in (80, 65, 50, 35):
        times = [FRAME] * (len(frames) - 1) + [2500]
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=quality, method=4)
        if path.stat().st_size <= MOST_BYTES:
            break
    print(path.relative_to(PACK), len(frames), "frames", f"{path.stat().st_size / 1000:.0f} kB, quality {quality}")


def story(page: Page) -> Iterator[Image.Image]:
    """The frames: the mouse drags the first box, presses Run, and the new image comes."""
    clip = {"x": 60, "y": 40, "width": 1120, "height": 760}
    canvas = page.locator(".got-canvas").bounding_box()
    assert canvas
    x0, y0, x1, y1 = parse_regions(page.locator(".got-typed").input_value())[0].box
    start = (canvas["x"] + canvas["width"] * (x0 + x1) / 2000, canvas["y"] + canvas["height"] * (y0 + y1) / 2000)
    end = (canvas["x"] + canvas["width"] * 0.25, canvas["y"] + canvas["height"] * 0.78)
    run = page.get_by_test_id("queue-button").first.bounding_box()
    assert run
    press = (run["x"] + run["width"] * 0.4, run["y"] + run["height"] / 2)
    before = page.evaluate(RUNS)
    yield from moved(page, clip, (start[0] + 180, start[1] + 60), start, 8)
    page.mouse.down()
    yield from moved(page, clip, start, end, 16)
    page.mouse.up()
    yield from moved(page, clip, end, press, 10)
    page.mouse.click(*press)
    for _ in range(120):
        yield shot(page, clip=clip)
        if page.evaluate(RUNS) > before:
            break
        page.wait_for_timeout(FRAME)
    page.evaluate(AT_REST)
    yield shot(page, clip=clip)


def moved(page: Page, clip: dict, start: tuple, end: tuple, steps: int) -> Iterator[Image.Image]:
    """A frame for each step of the mouse from start to end, in pixels of the page."""
    for step in range(steps + 1):
        share = step / steps
        page.mouse.move(*(a + (b - a) * share for a, b in zip(start, end)))
        yield shot(page, clip=clip)


def shrunk(frame: Image.Image) -> Image.Image:
    """A frame in RGB, FRAME_WIDTH pixels wide."""
    height = round(frame.height * FRAME_WIDTH / frame.width)
    return frame.convert("RGB").resize((FRAME_WIDTH, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
