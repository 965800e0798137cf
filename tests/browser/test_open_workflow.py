"""In the browser: the example workflows open without a warning, are what their API form says, and draw a picture."""

import json
import time

import pytest
from got.tests.integration.graphs import EXAMPLES, example
from got.tools.browser import comfyui_page

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))

OPEN = "async (workflow) => { await app.loadGraphData(workflow); }"
BROKEN_NODES = """
() => app.graph.nodes.filter((node) => !LiteGraph.registered_node_types[node.type] || node.has_errors)
               .map((node) => node.type)
"""
PICTURE_IS_SHOWN = "() => app.graph.nodes.find((node) => node.type === 'SaveImage').imgs?.[0]?.naturalWidth > 0"
TO_API = "async () => JSON.stringify((await app.graphToPrompt()).output)"


@pytest.fixture(scope="module")
def browser(server):
    with comfyui_page(server.url) as (page, errors):
        yield page, errors


def open_example(page, name: str):
    page.evaluate(OPEN, json.loads((EXAMPLES.parent / f"{name}.json").read_text(encoding="utf-8")))
    page.wait_for_timeout(700)  # the layout settles


@pytest.mark.parametrize("name", NAMES)
def test_an_example_opens_whole_and_without_a_dialog(browser, name):
    page, errors = browser
    open_example(page, name)
    assert page.evaluate(BROKEN_NODES) == []
    assert page.locator("[role=dialog]").count() == 0
    assert errors == []


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_the_prompt_that_its_api_form_says(browser, name):
    page, _ = browser
    open_example(page, name)
    prompt = json.loads(page.evaluate(TO_API))
    assert {key: {"class_type": entry["class_type"], "inputs": entry["inputs"]} for key, entry in prompt.items()} == (
        example(name)
    )


def test_running_an_example_shows_its_picture(browser, client):
    page, errors = browser
    open_example(page, "text_to_image")
    with page.expect_response("**/api/prompt") as answer:
        page.evaluate("() => app.queuePrompt(0)")
    assert answer.value.status == 200, answer.value.text()
    assert finished(client, answer.value.json()["prompt_id"]) == "success"
    page.wait_for_function(PICTURE_IS_SHOWN, timeout=20_000)
    assert errors == []


ALONE = "(kind) => { app.graph.clear(); app.graph.add(LiteGraph.createNode(kind)); }"
SAMPLING = "(value) => { app.graph.nodes[0].widgets.find((one) => one.name === 'sampling_mode').value = value; }"
VALUES = "() => app.graph.nodes[0].widgets.map((one) => [one.name, one.value])"
SAVE_AND_OPEN = "async () => { await app.loadGraphData(JSON.parse(JSON.stringify(app.graph.serialize()))); }"


@pytest.mark.parametrize("kind", ["ReasoningChain", "EditChain", "GoTSeveralChains"])
def test_sampling_that_was_switched_comes_back_as_it_was_saved(browser, kind):
    page, _ = browser
    page.evaluate(ALONE, kind)
    for mode in ("on", "off", "on", "on"):
        page.evaluate(SAMPLING, mode)
        before = page.evaluate(VALUES)
        assert sum("control_after_generate" in name for name, _ in before) == (mode == "on")
        page.evaluate(SAVE_AND_OPEN)
        page.wait_for_timeout(300)
        assert page.evaluate(VALUES) == before


def test_the_next_runs_seed_is_chosen_as_it_says(browser, client):
    page, _ = browser
    graph = {key: example("several_chains")[key] for key in ("1", "2", "3")}
    page.evaluate("async (graph) => { await app.loadApiJson(graph, 'seeds'); }", graph)
    page.wait_for_timeout(700)
    widget = "app.graph.getNodeById(2).widgets.find((one) => one.name.endsWith('{}'))"
    page.evaluate(f"() => {{ {widget.format('control_after_generate')}.value = 'increment'; }}")
    with page.expect_response("**/api/prompt") as answer:
        page.evaluate("() => app.queuePrompt(0)")
    assert finished(client, answer.value.json()["prompt_id"]) == "success"
    assert page.evaluate(f"() => {widget.format('seed')}.value") == 1


def finished(client, prompt: str) -> str:
    """Wait for a prompt that another client queued; returns how it ended."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if entry := client.get(f"/history/{prompt}").get(prompt):
            return entry["status"]["status_str"]
        time.sleep(0.2)
    return "still running"
