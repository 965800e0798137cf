"""In the browser: the example workflows open without a warning, are what their API form says, and draw a picture."""

import json

import pytest
from got.tests.browser.page import SOON
from got.tools.graphs import EXAMPLES, example, example_workflow

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
    assert browser.page.evaluate(BROKEN_NODES) == []
    assert browser.page.locator("[role=dialog]").count() == 0


def test_an_example_is_the_prompt_that_its_api_form_says(opened, browser):
    prompt = json.loads(browser.page.evaluate(TO_API))
    assert {key: {"class_type": entry["class_type"], "inputs": entry["inputs"]} for key, entry in prompt.items()} == (
        example(opened)
    )


BOUNDS = """
() => {
  const bounds = (item) => Array.from(item.boundingRect ?? item.getBounding());
  const height = (node) => Math.max(node.size[1], node.computeSize()[1]) - node.size[1];
  const nodes = app.graph.nodes.map((node) => [node.type, ...bounds(node)].with(4, bounds(node)[3] + height(node)));
  return [nodes, app.graph.groups.map((group) => [group.title, ...group.pos, ...group.size])];
}
"""


def overlap(one, other):
    """Whether two [name, left, top, width, height] overlap."""
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (1, 2))


def inside(one, group):
    return all(group[i] <= one[i] and one[i] + one[i + 2] <= group[i] + group[i + 2] for i in (1, 2))


def test_the_nodes_of_a_template_with_groups_are_each_in_one_and_do_not_overlap(comfyui):
    open_example(comfyui, "plan_with_any_model")
    nodes, groups = comfyui.page.evaluate(BOUNDS)
    assert all(group[0].strip() for group in groups) and len(groups) == 4
    for items in (nodes, groups):
        pairs = [
            (one[0], other[0]) for number, one in enumerate(items) for other in items[:number] if overlap(one, other)
        ]
        assert pairs == []
    assert [node for node in nodes if sum(inside(node, group) for group in groups) != 1] == []


def test_running_an_example_shows_its_picture(browser):
    open_example(browser, "text_to_image")
    browser.run()
    browser.page.wait_for_function(PICTURE_IS_SHOWN, timeout=SOON)


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
    graph = {key: example("several_chains")[key] for key in ("1", "2", "3")}
    page.evaluate("async (graph) => { await app.loadApiJson(graph, 'seeds'); }", graph)
    browser.rest()
    widget = "app.graph.getNodeById(2).widgets.find((one) => one.name.endsWith('{}'))"
    page.evaluate(f"() => {{ {widget.format('control_after_generate')}.value = 'increment'; }}")
    browser.run()
    assert page.evaluate(f"() => {widget.format('seed')}.value") == 1
