"""The templates: each node has a place in a layout that fits a small window. Scripts get the graphs that they need."""

import json

import pytest
from got.tools.graphs import (
    EXAMPLES,
    WRITERS,
    edit_of_a_file,
    edit_of_a_file_workflow,
    example,
    example_workflow,
    node_of,
    with_text,
    without,
)
from got.tools.layout import NOTE
from got.tools.layouts import LAYOUTS

NAMES = sorted(path.stem for path in EXAMPLES.glob("api/*.json"))
WIDEST, TALLEST = 1690, 900  # units; ComfyUI opens a template at 3/4 of the scale at which it fills the window


def test_every_template_has_a_layout_a_workflow_and_an_image():
    assert sorted(LAYOUTS) == NAMES
    for name in NAMES:
        assert (EXAMPLES / f"{name}.json").is_file() and (EXAMPLES / f"{name}.jpg").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_has_a_place_for_each_node_and_the_note_and_fits(name):
    layout = LAYOUTS[name]
    places = layout.places()
    assert places.keys() == {*example(name), NOTE}
    assert max(left + width for left, _, width, _ in places.values()) <= WIDEST
    assert max(top + height for _, top, _, height in places.values()) <= TALLEST
    assert layout.note.strip() and len(layout.groups) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_templates_workflow_is_as_its_layout_says(name):
    workflow, layout = example_workflow(name), LAYOUTS[name]
    places = layout.places()
    for entry in workflow["nodes"]:
        left, top, width, height = places.get(str(entry["id"]), places[NOTE])
        assert entry["pos"] == [left, top], entry["type"]
        if str(entry["id"]) not in layout.collapsed():
            assert entry["size"][0] == width and entry["size"][1] >= height, entry["type"]
    assert [group["title"] for group in workflow["groups"]] == [group.title for group in layout.groups]
    note = next(entry for entry in workflow["nodes"] if entry["type"] == "MarkdownNote")
    assert note["widgets_values"] == [layout.note.strip()]


@pytest.mark.parametrize("name", ["edit", "edit_your_image"])
def test_edit_templates_pause_at_the_plan_and_bring_their_image(name):
    graph = example(name)
    editor = graph[node_of(graph, "GoTChainEditor")]["inputs"]
    writer = graph[node_of(graph, "EditChain")]["inputs"]
    assert editor["pause"] == "wait for me" and graph[editor["chain"][0]]["class_type"] == "EditChain"
    assert graph[writer["image"][0]]["class_type"] != "LoadImage", "a file that may not be there"
    assert all(entry["inputs"]["image"] == "" for entry in graph.values() if entry["class_type"] == "LoadImage")


def test_a_script_edits_a_file_without_a_pause():
    graph = edit_of_a_file()
    writer = graph[node_of(graph, "EditChain")]["inputs"]
    assert writer["image"] == [node_of(graph, "LoadImage"), 0]
    assert graph[node_of(graph, "GoTChainEditor")]["inputs"]["pause"] == "off"
    workflow = edit_of_a_file_workflow()
    nodes = {entry["id"]: entry for entry in workflow["nodes"]}
    for number, source, slot, target, place, _ in workflow["links"]:
        assert number in nodes[source]["outputs"][slot]["links"]
        assert nodes[target]["inputs"][place]["link"] == number
    editor = next(entry for entry in workflow["nodes"] if entry["type"] == "GoTChainEditor")
    assert editor["widgets_values"][0] == "off"
    loader = next(entry for entry in workflow["nodes"] if entry["type"] == "LoadImage")
    (link,) = loader["outputs"][0]["links"]
    assert next(nodes[row[3]]["type"] for row in workflow["links"] if row[0] == link) == "EditChain"


@pytest.mark.parametrize("name", [name for name in NAMES if "SemanticSpatialGuidance" in str(example(name))])
def test_a_graph_without_its_editor_draws_the_writers_plan(name):
    graph = with_text(without(without(example(name), "GoTChainEditor"), "GoTChainPreview"))
    kinds = {entry["class_type"] for entry in graph.values()}
    assert not kinds & {"GoTChainEditor", "GoTChainPreview"}
    links = [value for entry in graph.values() for value in entry["inputs"].values() if isinstance(value, list)]
    assert all(source in graph for source, _ in links)
    drawn = [entry["inputs"]["chain"] for entry in graph.values() if entry["class_type"] == "SemanticSpatialGuidance"]
    assert all(graph[source]["class_type"] in WRITERS for source, _ in drawn)
    assert graph[graph["text"]["inputs"]["source"][0]]["class_type"] in WRITERS


def test_no_template_has_special_tokens_in_it():
    for path in [*EXAMPLES.glob("*.json"), *EXAMPLES.glob("api/*.json")]:
        assert "<|" not in json.dumps(json.loads(path.read_text(encoding="utf-8")))
