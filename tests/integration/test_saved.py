"""What version 0.1 saved runs today, and its nodes have got no input or output that would move another."""

import pytest
from got.tests.integration.graphs import node, pixels
from got.tests.integration.saved import PROMPTS, saved

STEPS = 2
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}  # types of inputs that have a widget


def inputs_of(spec: dict) -> list[dict]:
    """The inputs of a node or of an option, in the form of nodes.json; spec: as /object_info lists them."""
    found = []
    for section in ("required", "optional"):
        for key, (kind, *about) in spec.get(section, {}).items():
            entry = {"id": key, "type": kind, "required": section == "required"}
            options = about[0].get("options", []) if about else []
            if kind.startswith("COMFY_DYNAMIC"):
                entry["options"] = {option["key"]: inputs_of(option["inputs"]) for option in options}
            elif kind == "COMBO":
                entry["options"] = options
            if about and "default" in about[0]:
                entry["default"] = about[0]["default"]
            found.append(entry)
    return found


def fits(old: dict, new: dict) -> bool:
    """Whether what an input was given fits today. A socket may take more types, a widget stays as it is."""
    if old["id"] != new["id"] or old["required"] != new["required"]:
        return False
    if "options" in old or old["type"] in WIDGETS:
        return old["type"] == new["type"] and old.get("default") == new.get("default")
    return {*old["type"].split(",")} <= {*new["type"].split(",")}


def changes(before: list[dict], now: list[dict], path: str) -> list[str]:
    """What would put a saved value into another place, or refuse it: all but inputs and options added at the end."""
    wrong = []
    for old, new in zip(before, now, strict=False):
        name = f"{path}.{old['id']}"
        if not fits(old, new):
            wrong.append(f"{name}: {old} became {new}")
            continue
        for option in old.get("options", []):
            if option not in new["options"]:
                wrong.append(f"{name} has no option {option}")
            elif isinstance(old["options"], dict):
                wrong += changes(old["options"][option], new["options"][option], f"{name}.{option}")
    return wrong + [f"{path}.{old['id']} is gone" for old in before[len(now) :]]


def test_inputs_and_outputs_keep_their_places(client):
    today = client.get("/object_info")
    wrong = []
    for name, before in saved("nodes.json").items():
        assert name in today, f"{name} is gone"
        now = today[name]
        inputs = inputs_of(now["input"])
        wrong += changes(before["inputs"], inputs, name)
        wrong += [
            f"{name}.{new['id']} is new and required" for new in inputs[len(before["inputs"]) :] if new["required"]
        ]
        outputs = list(map(list, zip(now["output_name"], now["output"], now["output_is_list"], strict=True)))
        if outputs[: len(before["outputs"])] != before["outputs"]:
            wrong.append(f"{name}: outputs {before['outputs']} became {outputs}")
    assert wrong == []


def test_the_comparison_sees_an_input_that_moves():
    before = saved("nodes.json")["GoTSampler"]["inputs"]
    assert changes(before, [*before, {"id": "new", "type": "INT", "required": False}], "") == []
    for wrong in (before[1:], [before[1], before[0], *before[2:]], before[:-1]):
        assert changes(before, wrong, "")


@pytest.mark.parametrize("name", PROMPTS)
def test_a_saved_prompt_runs(client, name):
    graph = saved(name)
    for entry in list(graph.values()):
        if "steps" in entry["inputs"]:
            entry["inputs"]["steps"] = STEPS
        if entry["class_type"] == "EditChain" and "image" not in entry["inputs"]:  # a blueprint's comes from outside
            graph["outside"] = node("EmptyImage", width=128, height=128, batch_size=1, color=0xFF0000)
            entry["inputs"]["image"] = ["outside", 0]
    run = client.run(graph)
    assert run.status == "success", run.message
    for key, entry in graph.items():
        if entry["class_type"] == "SaveImage":
            assert pixels(client, run.images(key)[0]).std() > 1


def test_saved_edits_give_the_chains_that_they_gave(client):
    graph = saved("api/edited_plans.json")
    run = client.run(graph)
    assert run.status == "success", run.message
    previews = [key for key, entry in graph.items() if entry["class_type"] == "PreviewAny"]
    assert len(previews) == len(saved("edited_texts.json"))
    editors = {
        str(entry["id"]): entry["title"]
        for entry in saved("workflows/edited_plans.json")["nodes"]
        if entry.get("title")
    }
    assert {editors[graph[key]["inputs"]["source"][0]]: run.text(key) for key in previews} == saved("edited_texts.json")
