"""The editor without a mouse: axe-core finds nothing serious in it, and keys alone do the quickstart."""

import json
import sys
from pathlib import Path

import pytest
from got import dev
from got.got_models.chain.grammar import read_chain
from got.tests.browser.editor import TEXT, Editor, set_text, typed, unique
from got.tests.browser.page import SOON
from got.tests.wait import until

TEMPLATES = Path(__file__).parents[2] / "example_workflows"
MOST_TABS = 200

# What is serious or critical in a part of the page: the rule, and where.
SERIOUS = """
async (part) => {
  const { violations } = await axe.run(part, { resultTypes: ['violations'] });
  const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const places = (nodes) => nodes.map(({ html, failureSummary }) => `${html.slice(0, 140)} ${failureSummary}`);
  return bad.map(({ id, nodes }) => [id, ...places(nodes)]);
}
"""


@pytest.fixture(scope="session")
def axe():
    """The program that judges a page."""
    return dev.node_package(dev.AXE, Path(sys.executable)) / "axe.min.js"


@pytest.fixture
def theme(request, browser):
    """ComfyUI's own dark or light theme, while the test runs."""
    browser.set("Comfy.ColorPalette", request.param)
    yield
    browser.set("Comfy.ColorPalette", "dark")


@pytest.mark.parametrize("theme", ["dark", "light"], indirect=True)
def test_axe_finds_nothing_serious_in_any_state_of_the_editor(renderer, browser, axe, theme):
    editor = Editor(browser)
    page = browser.page
    page.add_script_tag(path=str(axe))
    found = {}

    def look(state, part=".got-editor"):
        if bad := page.evaluate(SERIOUS, part):
            found[state] = bad

    editor.open(typed(prompt=unique()))
    look("before the first run")
    editor.run()
    page.locator(".got-list li").first.click()
    look("a region is selected")
    page.locator(".got-list li").nth(1).get_by_role("button", name="Lock").click()
    page.locator(".got-list li").nth(1).get_by_role("button", name="Hide").click()
    page.get_by_role("spinbutton", name="Left", exact=True).fill("900")
    page.get_by_role("spinbutton", name="Left", exact=True).press("Enter")
    look("a value is refused")
    editor.type(f"{TEXT} A cup (9,9),(1,1) (red).")
    look("a box cannot be read")
    editor.type(TEXT.replace("circle", "ring"))
    set_text(editor, "A pear (1,1),(500,500) (teal).")
    editor.run()
    look("a new plan replaced the changes")
    editor.button("Compare").click()
    page.locator(".got-proposal li").first.wait_for(timeout=SOON)
    look("a plan is proposed")
    editor.button("Cancel").click()
    editor.button("Earlier plans").first.click()
    page.locator(".got-thumb").first.click()
    look("earlier plans")
    editor.button("Earlier plans").first.click()
    page.locator(".got-replaced").get_by_role("button", name="Close").click()  # it has the place of the size
    page.get_by_label("Image size").select_option("custom")
    editor.button("Open in a window").click()
    look("the window", ".got-window")
    look("the node without its editor", ".got-place")
    editor.button("Back to the node").first.click()
    assert found == {}


def tab_to(page, selector):
    """Press Tab until the focus is where the selector says."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


def ends(editor, key):
    """The entry in the history of the run that a key queues."""
    with editor.browser.queued() as prompts:
        editor.page.keyboard.press(key)
    entry = editor.ended(prompts[0])
    assert entry["status"]["status_str"] == "success"
    return entry


def test_the_quickstart_by_keys_alone(renderer, browser):
    """A template, another prompt, a run, a moved and a new box, another run."""
    editor, page, keys = Editor(browser), browser.page, browser.page.keyboard
    browser.load(json.loads((TEMPLATES / "change_the_plan.json").read_text("utf-8")))
    page.evaluate("() => { app.canvas.fitViewToSelectionAnimated?.(); document.activeElement.blur(); }")
    page.locator(".got-editor").wait_for(timeout=SOON)
    browser.rest()
    tab_to(page, "textarea:not(.got-typed)")
    keys.press("Control+a")
    keys.type(f"a red circle left of a blue square on a white background, {unique()[-6:]}")
    ends(editor, "Control+Enter")
    until(lambda: editor.boxes(), seconds=20)
    before = editor.boxes()
    tab_to(page, ".got-canvas")
    keys.press("PageDown")
    for _ in range(3):
        keys.press("Shift+ArrowDown" if before[0][3] < 900 else "Shift+ArrowUp")
    by = 30 if before[0][3] < 900 else -30
    moved = [before[0][0], before[0][1] + by, before[0][2], before[0][3] + by]
    until(lambda: editor.boxes()[0] == moved, seconds=10)
    keys.press("n")
    keys.press("Enter")
    keys.type("a green star")
    keys.press("Enter")
    tab_to(page, ".got-fields input[type=number]")
    keys.press("Control+a")
    keys.type("700")
    keys.press("Tab")
    assert page.locator(".got-refusal").inner_text() == "Left 700 must be less than Right 649."
    keys.press("Tab")
    keys.press("Control+a")
    keys.type("950")
    keys.press("Enter")
    until(lambda: editor.boxes()[-1] == [700, 350, 950, 649], seconds=10)
    text = editor.text()
    tab_to(page, ".got-canvas")
    entry = ends(editor, "Control+Enter")
    [edits] = [node["inputs"]["edits"] for node in entry["prompt"][2].values() if "edits" in node["inputs"]]
    assert editor.text() == json.loads(edits)["text"] == text and read_chain(text).regions[-1].phrase == "a green star"
    assert editor.boxes()[0] == moved


def test_the_chosen_size_shapes_the_canvas_and_the_image(renderer, browser):
    editor, page = Editor(browser), browser.page
    graph = typed(prompt=unique())
    graph["5"] = {"class_type": "EmptyLatentImage", "inputs": {"width": ["3", 3], "height": ["3", 4], "batch_size": 1}}
    graph["6"] = {"class_type": "GoTLoader", "inputs": {"model_name": "GoT-Tiny (bundled)"}}
    graph["7"] = {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["6", 2]}}
    graph["8"] = {"class_type": "PreviewImage", "inputs": {"images": ["7", 0]}}
    editor.open(graph)
    size = page.get_by_label("Image size")
    size.select_option("16:9")
    aspect = "() => { const { clientWidth: w, clientHeight: h } = document.querySelector('.got-canvas');"
    aspect += " return (w - 16) / (h - 16); }"
    until(lambda: page.evaluate(aspect) == pytest.approx(1344 / 768, rel=0.02), seconds=10)
    entry = editor.run()
    image = editor.client.image(entry["outputs"]["8"]["images"][0])
    assert image.size == (1344, 768)
    assert editor.value()["size"] == [1344, 768]
    size.select_option("custom")
    side = page.get_by_role("spinbutton", name="Image width")
    side.fill("250")
    side.press("Enter")
    side.blur()
    assert side.input_value() == "248", "a size is a multiple of 8"
    page.get_by_role("spinbutton", name="Image height").fill("320")
    page.get_by_role("spinbutton", name="Image height").blur()
    assert editor.client.image(editor.run()["outputs"]["8"]["images"][0]).size == (248, 320)
    page.locator(".got-list li").first.click()
    assert page.get_by_role("spinbutton", name="Top in pixels").input_value() == str(200 * 320 // 1000)
    page.locator(".got-canvas").focus()
    page.keyboard.press("Control+z")
    until(lambda: editor.value().get("size") == [248, 768], seconds=10)
    size.select_option("")
    assert "size" not in editor.value()
