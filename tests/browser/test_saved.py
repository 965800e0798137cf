"""In the browser: workflows and blueprints that version 0.1 saved open whole, with every value in its place."""

import json

import pytest
from got.tests.browser.test_open_workflow import BROKEN_NODES, TO_API
from got.tests.integration.saved import WORKFLOWS, prompt_of, saved

SAVE = "() => JSON.stringify(app.graph.serialize())"


def nodes_of(workflow: dict) -> list[dict]:
    """The nodes of a saved workflow, those inside of its subgraphs too, by graph and id."""
    graphs = [workflow, *workflow.get("definitions", {}).get("subgraphs", [])]
    return [node for graph in graphs for node in sorted(graph["nodes"], key=lambda node: int(node["id"]))]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_saved_workflow_opens_with_every_value_in_its_place(browser, name):
    page, workflow = browser.page, saved(name)
    browser.load(workflow)
    assert page.evaluate(BROKEN_NODES) == []
    assert page.locator("[role=dialog]").count() == 0
    for node, before in zip(nodes_of(json.loads(page.evaluate(SAVE))), nodes_of(workflow), strict=True):
        values = before.get("widgets_values", [])
        assert (node["type"], node.get("widgets_values", [])[: len(values)]) == (before["type"], values)
    prompt = json.loads(page.evaluate(TO_API))
    before = prompt_of(name)
    assert prompt.keys() == before.keys()
    for key, entry in before.items():
        assert prompt[key]["class_type"] == entry["class_type"]
        assert prompt[key]["inputs"] | entry["inputs"] == prompt[key]["inputs"]
