"""In the browser, in both renderers: GoT Loader shows the memory that the chosen model needs, before anything runs."""

import json
import re

import pytest
from got.tests.browser.page import SOON
from got.tools.graphs import example_workflow

LOADER = "app.graph.nodes.find((node) => node.type === 'GoTLoader')"
MODEL = f"{LOADER}.widgets.find((widget) => widget.name === 'model_name')"
FITS = re.compile(r"Chain \d+\.\d GB, image \d+\.\d GB of \d+\.\d GB: both fit together")


@pytest.fixture(scope="module")
def opened(renderer, comfyui):
    comfyui.load(example_workflow("text_to_image"))


@pytest.fixture
def page(opened, browser):
    return browser.page


def line(page):
    return page.locator(".got-memory")


def shows(page, pattern):
    """Wait until the loader's line says this."""
    line(page).filter(has_text=pattern).wait_for(timeout=SOON)


def choose(page, model):
    """As the combo does when a person picks a model."""
    page.evaluate(f"(model) => {{ {MODEL}.value = model; {MODEL}.callback?.(model); }}", model)


def test_the_models_need_is_shown_when_a_workflow_is_opened(page):
    shows(page, FITS)
    assert line(page).is_visible()


def test_another_models_need_is_shown_when_it_is_chosen(page):
    choose(page, "cut-short")
    shows(page, "is damaged or cut short")
    choose(page, "GoT-Tiny (bundled)")
    shows(page, FITS)


def test_undo_shows_the_need_of_the_model_that_comes_back(page):
    capture = "() => { app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState(); }"
    page.evaluate(capture)
    choose(page, "cut-short")
    page.evaluate(capture)
    shows(page, "is damaged or cut short")
    page.evaluate("() => { document.activeElement?.blur(); }")
    page.keyboard.press("Control+z")
    shows(page, FITS)
    assert page.evaluate(f"() => {MODEL}.value") == "GoT-Tiny (bundled)"


@pytest.fixture
def planner(page, server):
    """A GoT Planner Loader beside the rest, and a folder that it lists."""
    folder = server.base / "models" / "LLM" / "Qwen3-VL"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    page.evaluate("() => { app.graph.add(LiteGraph.createNode('GoTPlannerLoader')); }")
    found = "app.graph.nodes.find((node) => node.type === 'GoTPlannerLoader')"
    yield found
    page.evaluate(f"() => app.graph.remove({found})")


def test_a_planner_has_such_a_line_too(page, planner):
    page.evaluate(f"() => {{ const one = {planner}.widgets[0]; one.value = 'Qwen3-VL'; one.callback?.('Qwen3-VL'); }}")
    shows(page, "of type 'qwen3_vl', but Qwen2.5-VL is needed")


def test_the_line_is_in_no_workflow(page):
    saved = page.evaluate("() => app.graph.serialize().nodes.find((node) => node.type === 'GoTLoader').widgets_values")
    assert saved == ["GoT-Tiny (bundled)"]
    prompt = json.loads(page.evaluate("async () => JSON.stringify((await app.graphToPrompt()).output)"))
    assert [entry["inputs"] for entry in prompt.values() if entry["class_type"] == "GoTLoader"] == [
        {"model_name": "GoT-Tiny (bundled)"}
    ]


def test_it_is_shown_in_the_readers_language(page):
    page.evaluate("async () => { await app.extensionManager.setting.set('Comfy.Locale', 'zh'); }")
    choose(page, "GoT-Tiny (bundled)")
    shows(page, re.compile(r"\d+\.\d GB.+可同时加载"))
    page.evaluate("async () => { await app.extensionManager.setting.set('Comfy.Locale', 'en'); }")
