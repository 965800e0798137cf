"""Graphs of the example workflows, and how to change them. A graph is a prompt in API format: nodes by id."""

import json

from .server import PACK

EXAMPLES = PACK / "example_workflows"


def node(class_type: str, **inputs) -> dict:
    return {"class_type": class_type, "inputs": inputs}


def example(name: str) -> dict:
    """The graph of an example workflow."""
    return json.loads((EXAMPLES / "api" / f"{name}.json").read_text(encoding="utf-8"))


def example_workflow(name: str) -> dict:
    """The same example as the browser saves it, for the image's metadata."""
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


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
