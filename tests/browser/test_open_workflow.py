"""In the browser: the example workflows open without a warning, are what their API form says, and draw a picture."""

import json
import re

import pytest
from got.tests.browser.page import SOON
from got.tools.graphs import EXAMPLES, example, example_workflow, node
from got.tools.layouts import LAYOUTS
from got.tools.painter_layouts import PAINTERS

NAMES = sorted(path.stem for path in EXAMPLES.glob("api/*.json"))

BROKEN_NODES = """
() => app.graph.nodes.filter((node) => !LiteGraph.registered_node_types[node.type] || node.has_errors)
               .map((node) => node.type)
"""
PICTURE_IS_SHOWN = "() => app.graph.nodes.find((node) => node.type === 'SaveImage').imgs?.[0]?.naturalWidth > 0"
TO_API = "async () => JSON.stringify((await app.graphToPrompt()).output)"


def open_example(comfyui, name):
    comfyui.load(example_workflow(name))


@pytest.fixture(scope="module", params=NAMES)
def opened(request, comfyui):
    """The name of an example that is open."""
    comfyui.errors.clear()
    open_example(comfyui, request.param)
    assert comfyui.errors == []
    return request.param


def test_an_example_opens_whole_and_without_a_dialog(opened, browser):
    missing = set(LAYOUTS[opened].files) if opened in PAINTERS else set()  # nodes whose files are not here
    assert set(browser.page.evaluate(BROKEN_NODES)) <= missing
    assert browser.page.locator("[role=dialog]").count() == 0


def test_an_example_is_the_prompt_that_its_api_form_says(opened, browser):
    prompt = json.loads(browser.page.evaluate(TO_API))
    assert {key: {"class_type": entry["class_type"], "inputs": entry["inputs"]} for key, entry in prompt.items()} == (
        example(opened)
    )


SMALL = {"width": 1366, "height": 768}  # pixels of a small laptop's window
LEAST_SCALE = 0.59

# What the renderer really shows: the nodes' own rectangles, in units of the graph; and its groups.
SHOWN = """
() => {
  const { scale, offset } = app.canvas.ds;
  const canvas = app.canvas.canvas.getBoundingClientRect();
  const units = (rect) => [(rect.left - canvas.left) / scale - offset[0], (rect.top - canvas.top) / scale - offset[1],
                           rect.width / scale, rect.height / scale];
  const drawn = (node) => {
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    if (element) return units(element.getBoundingClientRect());
    const [left, top, width, height] = Array.from(node.boundingRect ?? node.getBounding());
    const missing = node.flags.collapsed ? 0 : Math.max(0, node.computeSize()[1] - node.size[1]);
    return [left, top, width, height + missing];
  };
  return {
    scale,
    nodes: app.graph.nodes.map((node) => [node.type, ...drawn(node)]),
    groups: app.graph.groups.map((group) => [group.title, ...group.pos, ...group.size]),
    notes: app.graph.nodes.filter((node) => node.type === 'MarkdownNote').map((node) => node.widgets[0].value),
  };
}
"""
AS_TEMPLATE = """
async ([workflow, name]) => { await app.loadGraphData(workflow, true, true, name, { openSource: 'template' }); }
"""
LINES = """
() => {
  const line = ({ lineHeight, fontSize }) => parseFloat(lineHeight) || 1.2 * parseFloat(fontSize); // or "normal"
  const areas = [...document.querySelectorAll('textarea:not(.got-typed)')].filter((area) => area.offsetHeight);
  return Object.fromEntries(areas.map((area) => [area.value, area.clientHeight / line(getComputedStyle(area))]));
}
"""


def overlap(one, other):
    """Whether two [name, left, top, width, height] overlap."""
    return all(one[i] < other[i] + other[i + 2] - 1 and other[i] < one[i] + one[i + 2] - 1 for i in (1, 2))


def overlaps(items):
    return [(one[0], other[0]) for number, one in enumerate(items) for other in items[:number] if overlap(one, other)]


def inside(one, group):
    return all(group[i] <= one[i] + 1 and one[i] + one[i + 2] <= group[i] + group[i + 2] + 1 for i in (1, 2))


@pytest.fixture
def small_window(comfyui):
    before = comfyui.page.viewport_size
    comfyui.page.set_viewport_size(SMALL)
    yield comfyui
    comfyui.page.set_viewport_size(before)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_readable_in_a_small_window_and_nothing_covers_another(renderer, small_window, browser, name):
    page = browser.page
    page.evaluate(AS_TEMPLATE, [example_workflow(name), name])
    browser.rest()
    shown = page.evaluate(SHOWN)
    assert shown["scale"] >= LEAST_SCALE
    assert overlaps(shown["nodes"]) == [] and overlaps(shown["groups"]) == []
    assert [node for node in shown["nodes"] if sum(inside(node, group) for group in shown["groups"]) != 1] == []
    assert len(shown["groups"]) >= 3 and all(title.strip() for title, *_ in shown["groups"])
    assert len(shown["notes"]) == 1 and "**" in shown["notes"][0]
    for entry in example(name).values():
        for words in (entry["inputs"].get("prompt"), entry["inputs"].get("instruction")):
            if isinstance(words, str) and words:
                assert page.evaluate(LINES)[words] >= 3, f"{words}: its box has too few lines"


@pytest.mark.parametrize("name", ["edit", "edit_your_image"])
def test_an_edit_template_pauses_at_a_plan_that_is_on_the_image_and_draws_it(browser, name):
    page = browser.page
    open_example(browser, name)
    prompt = browser.queue()
    resume = page.get_by_role("button", name="Resume")
    resume.wait_for(timeout=60_000)
    assert re.search(r"\(\d+,\d+\),\(\d+,\d+\)", page.locator(".got-typed").input_value())
    resume.click()
    outputs = browser.ended(prompt)["outputs"]
    assert len(next(output["got_background"] for output in outputs.values() if "got_background" in output)) == 1
    page.wait_for_function(PICTURE_IS_SHOWN, timeout=SOON)


def test_no_template_shows_special_tokens(browser):
    open_example(browser, "text_to_image")
    browser.run()
    assert "<|" not in page_text(browser)


def page_text(browser):
    return browser.page.evaluate(
        "() => [...document.querySelectorAll('textarea')].map((one) => one.value).join() + "
        "JSON.stringify(app.graph.nodes.map((node) => node.widgets?.map((one) => one.value)))"
    )


def test_running_an_example_shows_its_picture_and_leaves_the_prompt_its_lines(renderer, small_window, browser):
    browser.page.evaluate(AS_TEMPLATE, [example_workflow("text_to_image"), "text_to_image"])
    browser.run()
    browser.page.wait_for_function(PICTURE_IS_SHOWN, timeout=SOON)
    browser.rest()  # the chain's text has its place in Reasoning Chain
    assert browser.page.evaluate(LINES)[example("text_to_image")["2"]["inputs"]["prompt"]] >= 8


ALONE = "(kind) => { app.graph.clear(); app.graph.add(LiteGraph.createNode(kind)); }"
SAMPLING = "(value) => { app.graph.nodes[0].widgets.find((one) => one.name === 'sampling_mode').value = value; }"
VALUES = "() => app.graph.nodes[0].widgets.map((one) => [one.name, one.value])"
SAVE_AND_OPEN = "async () => { await app.loadGraphData(JSON.parse(JSON.stringify(app.graph.serialize()))); }"


@pytest.mark.parametrize("kind", ["ReasoningChain", "EditChain", "GoTSeveralChains"])
def test_sampling_that_was_switched_comes_back_as_it_was_saved(browser, kind):
    page = browser.page
    page.evaluate(ALONE, kind)
    for mode in ("on", "off", "on", "on"):
        page.evaluate(SAMPLING, mode)
        before = page.evaluate(VALUES)
        assert sum("control_after_generate" in name for name, _ in before) == (mode == "on")
        page.evaluate(SAVE_AND_OPEN)
        browser.rest()
        assert page.evaluate(VALUES) == before


def test_the_next_runs_seed_is_chosen_as_it_says(browser):
    page = browser.page
    graph = {key: example("several_chains")[key] for key in ("1", "2")} | {"3": node("PreviewAny", source=["2", 1])}
    page.evaluate("async (graph) => { await app.loadApiJson(graph, 'seeds'); }", graph)
    browser.rest()
    widget = "app.graph.getNodeById(2).widgets.find((one) => one.name.endsWith('{}'))"
    page.evaluate(f"() => {{ {widget.format('control_after_generate')}.value = 'increment'; }}")
    browser.run()
    assert page.evaluate(f"() => {widget.format('seed')}.value") == 1
