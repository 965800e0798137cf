"""In the browser: the blueprints are found and dropped as one node, run, and keep what a person changes inside."""

import json
import re

import pytest
from got.tests.browser.page import SOON
from got.tests.integration.graphs import node, pixels
from got.tools.blueprints import BLUEPRINTS
from playwright.sync_api import TimeoutError

EMPTY = {"version": 0.4, "nodes": [], "links": [], "last_node_id": 0, "last_link_id": 0}
WORDS = {"GoT Text to Image": "prompt", "GoT Edit Image": "instruction", "GoT Strengths Grid": "prompt"}

HOST = "app.graph.nodes.find((node) => node.subgraph)"
EDITS = f"""{HOST}.subgraph.nodes.find((node) => node.type === 'GoTChainEditor')
            .widgets.find((widget) => widget.name === 'edits')"""
TO_API = "async () => JSON.stringify((await app.graphToPrompt()).output)"
SET = f"""([name, value]) => {{
  const widget = {HOST}.widgets.find((one) => one.name === name);
  widget.value = value;
  widget.callback?.(value);
}}"""
ENTER = f"() => {{ const host = {HOST}; app.canvas.openSubgraph(host.subgraph, host); }}"
LEAVE = "() => { app.canvas.setGraph(app.graph.rootGraph); }"
SAVE_AND_OPEN = "async () => { await app.loadGraphData(JSON.parse(JSON.stringify(app.graph.serialize()))); }"


def open_search(browser):
    """Double-click the empty canvas, again where a busy page took it for two single clicks."""
    box = browser.page.locator("[role=search] [role=combobox]")
    for _ in range(4):
        browser.rest()
        browser.page.mouse.dblclick(700, 500)
        try:
            return box.wait_for(timeout=4000)
        except TimeoutError:
            continue
    raise AssertionError("The node search does not open.")


def drop(browser, name):
    """Find a blueprint in the node search and put it into an empty graph, as a person does. Returns its node's id."""
    page = browser.page
    browser.load(EMPTY)
    open_search(browser)
    page.locator("[role=search] [role=combobox]").fill(name)
    page.locator("[data-testid=result-item]").filter(has_text=name).filter(has_text="Blueprint").first.click()
    page.wait_for_function(f"() => !!{HOST}", timeout=SOON)
    page.locator("[role=search]").wait_for(state="detached", timeout=SOON)
    page.wait_for_function("() => document.elementFromPoint(500, 300).tagName === 'CANVAS'", timeout=SOON)
    page.mouse.move(500, 300)
    page.mouse.click(500, 300)  # the node hangs at the mouse until then
    page.wait_for_function(f"() => !{HOST}.flags.ghost", timeout=SOON)
    return page.evaluate(f"() => {HOST}.id")


def inside(host, graph):
    """A blueprint's graph as the prompt of its node: every id behind the node's."""

    def moved(value):
        return [f"{host}:{value[0]}", value[1]] if isinstance(value, list) else value

    return {
        f"{host}:{key}": (entry["class_type"], {name: moved(value) for name, value in entry["inputs"].items()})
        for key, entry in graph.items()
    }


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_a_blueprint_drops_as_one_node_that_is_the_graph_of_its_nodes_today(browser, name):
    page = browser.page
    blueprint = BLUEPRINTS[name]()
    host = drop(browser, name)
    prompt = json.loads(page.evaluate(TO_API))
    assert {key: (entry["class_type"], entry["inputs"]) for key, entry in prompt.items()} == (
        inside(host, blueprint.graph)
    )
    assert page.evaluate(f"() => {HOST}.title") == name
    assert page.evaluate(f"() => {HOST}.inputs.map((input) => input.name)") == list(blueprint.inputs)
    assert page.evaluate(f"() => {HOST}.outputs.map((output) => [output.name, output.type])") == (
        [["image", "IMAGE"], ["chain", "GOT_CHAIN"]]
    )
    page.evaluate(SET, [WORDS[name], "two green stars"])
    assert "two green stars" in page.evaluate(TO_API)


def test_a_plan_changed_inside_is_drawn_and_is_there_when_the_workflow_opens_again(renderer, browser):
    page, client = browser.page, browser.client
    host = drop(browser, "GoT Text to Image")
    page.evaluate(SET, ["steps", 2])
    first = browser.run()["outputs"]
    plan = first[f"{host}:3"]["got_plan"][0]
    assert plan["ran"] == plan["text"]
    text = json.loads(page.evaluate(f"() => {EDITS}.value"))["text"]  # came while the editor was out of sight

    page.evaluate(ENTER)
    typed = page.locator(".got-typed")
    typed.wait_for(timeout=SOON)
    assert typed.input_value() == text
    changed = re.sub(r"\(\d+,\d+\),\(\d+,\d+\)", "(10,20),(300,400)", text, count=1)
    typed.fill(changed)
    typed.blur()
    page.evaluate(LEAVE)
    second = browser.run()["outputs"]
    assert second[f"{host}:3"]["got_plan"][0]["ran"] == changed
    before, after = (pixels(client, outputs[f"{host}:8"]["images"][0]) for outputs in (first, second))
    assert (before != after).any()

    page.evaluate(SAVE_AND_OPEN)
    browser.rest()
    assert json.loads(page.evaluate(f"() => {EDITS}.value"))["text"] == changed
    third = browser.run()["outputs"]
    assert (pixels(client, third[f"{host}:8"]["images"][0]) == after).all()


@pytest.mark.parametrize("name", ["GoT Edit Image", "GoT Strengths Grid"])
def test_the_others_draw_too(client, name):
    graph = BLUEPRINTS[name]().graph
    sampler = next(entry for entry in graph.values() if entry["class_type"] == "GoTSampler")
    sampler["inputs"]["steps"] = 2
    if name == "GoT Edit Image":
        graph["picture"] = node("EmptyImage", width=128, height=128, batch_size=1, color=0xFF0000)
        graph["3"]["inputs"]["image"] = ["picture", 0]
    finished = client.run(graph)
    assert finished.status == "success", finished.message
    shown = next(key for key, entry in graph.items() if entry["class_type"] == "PreviewImage")
    picture = pixels(client, finished.images(shown)[0])
    assert picture.std() > 1
    if name == "GoT Strengths Grid":
        quarters = picture[:256, :256], picture[:256, 260:], picture[260:, :256], picture[260:, 260:]
        assert all((quarters[0] != other).any() for other in quarters[1:])
