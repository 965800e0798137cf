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


def finished(client, prompt: str) -> str:
    """Wait for a prompt that another client queued; returns how it ended."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if entry := client.get(f"/history/{prompt}").get(prompt):
            return entry["status"]["status_str"]
        time.sleep(0.2)
    return "still running"
