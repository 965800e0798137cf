"""Graphs of the example workflows, and how to change them. A graph is a prompt in API format: nodes by id."""

import json

from .server import PACK

EXAMPLES = PACK / "example_workflows"
EDIT_A_FILE = "edit_your_image"
WRITERS = ("ReasoningChain", "EditChain", "GoTSeveralChains")  # of plans, in the order in which a template runs them


def node(class_type: str, **inputs) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def example(name: str) -> dict:
    """The graph of an example workflow."""
    return json.loads((EXAMPLES / "api" / f"{name}.json").read_text(encoding="utf-8"))


def example_workflow(name: str) -> dict:
    """The same example as the browser saves it, for the image's metadata."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def edit_of_a_file() -> dict:
    """The graph of the template edit_your_image for a script: Load Image is connected, and the run does not pause."""
    graph = fill(example(EDIT_A_FILE), {"pause": "off"})
    graph[node_of(graph, "EditChain")]["inputs"]["image"] = [node_of(graph, "LoadImage"), 0]
    return graph


def edit_of_a_file_workflow() -> dict:
    """The same as the browser saves it."""
    workflow = fill_workflow(example_workflow(EDIT_A_FILE), {"pause": "off"})
    nodes = {entry["type"]: entry for entry in workflow["nodes"]}
    taken = next(slot for slot in nodes["EditChain"]["inputs"] if slot["name"] == "image")["link"]
    link = next(link for link in workflow["links"] if link[0] == taken)
    before = next(entry for entry in workflow["nodes"] if entry["id"] == link[1])["outputs"][link[2]]
    before["links"] = [other for other in before["links"] if other != taken]
    link[1:3] = [nodes["LoadImage"]["id"], 0]
    nodes["LoadImage"]["outputs"][0]["links"] = [taken]
    return workflow


def with_text(graph: dict) -> dict:
    """The graph with one node more, a PreviewAny that shows the first plan as its model wrote it."""
    writer = next(kind for kind in WRITERS if any(entry["class_type"] == kind for entry in graph.values()))
    return graph | {"text": node("PreviewAny", source=[node_of(graph, writer), 1])}


def without(graph: dict, kind: str) -> dict:
    """The graph without the nodes of a type. Those that took a chain from one take the chain that it got."""
    gone = {key: entry["inputs"]["chain"] for key, entry in graph.items() if entry["class_type"] == kind}
    return {
        key: node(
            entry["class_type"],
            **{
                name: gone.get(value[0], value) if isinstance(value, list) else value
                for name, value in entry["inputs"].items()
            },
        )
        for key, entry in graph.items()
        if key not in gone
    }


def node_of(graph: dict, class_type: str) -> str:
    """The id of the first node of a type."""
    return next(key for key, entry in graph.items() if entry["class_type"] == class_type)


def fill(graph: dict, settings: dict) -> dict:
    """Set inputs of a graph by name, where a node has that input and it is not connected."""
    for entry in graph.values():
        values = {name for name, value in entry["inputs"].items() if not isinstance(value, list)}
        entry["inputs"] |= {name: value for name, value in settings.items() if name in values}
    return graph


def fill_workflow(workflow: dict, settings: dict) -> dict:
    """Set the same inputs in a graph as the browser saves it. There the values of a node are in the widgets' order."""
    for entry in workflow["nodes"]:
        widgets = [slot["widget"]["name"] for slot in entry.get("inputs", []) if "widget" in slot]
        if "seed" in widgets:
            widgets.insert(widgets.index("seed") + 1, "control_after_generate")
        for position, name in enumerate(widgets):
            if name in settings:
                entry["widgets_values"][position] = settings[name]
    return workflow
