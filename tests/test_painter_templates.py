"""Templates in which other models draw a plan: their nodes are those of the newest ComfyUI, as its pages say."""

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from got import dev
from got.tools.graphs import EXAMPLES, example

PAINTERS = sorted(
    path.stem for path in (EXAMPLES / "api").glob("*.json") if path.stem.startswith(("plan_draws_with_", "edit_where_"))
)
OURS = ("GoT", "ReasoningChain", "EditChain")  # how the names of our nodes begin
NOT_IN_PAGES = {("InpaintModelConditioning", "noise_mask")}  # an input that the page leaves out; ComfyUI 0.30 has it


class Page(NamedTuple):
    """inputs: the values that a page shows in quotes, by the input's plain name. outputs: how many."""

    inputs: dict[str, tuple[str, ...]]
    outputs: int


@cache
def docs() -> Path:
    return dev.node_docs(Path(sys.executable))


@cache
def page(kind: str) -> Page:
    """What the documentation says of a node of ComfyUI's own."""
    text = (docs() / kind / "en.md").read_text(encoding="utf-8")
    before, heading, after = text.partition("\n## Output")
    assert heading, f"The page of {kind} has no outputs."
    inputs = {plain(row[0]): tuple(re.findall(r"`\"?([^\"`]*)\"?`", row[-1])) for row in reversed(rows(before))}
    return Page(inputs, len(rows(after)) - 1)


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without the lines below their heads."""
    lines = [line.strip().strip("|") for line in text.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.split("|")] for line in lines if set(line) - set("-:| ")]


def plain(name: str) -> str:
    """A name without what pages spell in several ways: `Latent_Image`, latent image."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def test_there_is_a_template_for_each_painter():
    wanted = "edit_where_you_say edit_where_you_say_qwen plan_draws_with_flux3 plan_draws_with_moss "
    assert [*(wanted + "plan_draws_with_qwen_image plan_draws_with_sdxl").split()] == PAINTERS


@pytest.mark.parametrize("name", PAINTERS)
def test_nodes_and_values_are_those_of_the_newest_comfyui(name):
    graph = example(name)
    core = {key: entry for key, entry in graph.items() if not entry["class_type"].startswith(OURS)}
    assert len(core) >= 6
    for key, entry in core.items():
        kind, where = entry["class_type"], f"{name}, node {key}"
        known = page(kind).inputs
        for given, value in entry["inputs"].items():
            one = plain(given.rpartition(".")[2])
            assert one in known or (kind, given) in NOT_IN_PAGES, f"{where}: {kind} has no {given}"
            if kind == "CLIPLoader" and given == "type":
                assert value in known[one], f"{where}: {value} is not in {known[one]}"
            if isinstance(value, list) and value[0] in core:
                source = graph[value[0]]["class_type"]
                assert value[1] < page(source).outputs or source == "PreviewAny", f"{where}: {source} has no {value}"


def test_the_newest_comfyui_has_what_0_30_lacks():
    """So the test above reads pages, and not nothing."""
    assert {"flux3", "moss_image", "qwen_image"} <= {*page("CLIPLoader").inputs["type"]}
    assert "latentimage" in page("KSampler").inputs and page("CheckpointLoaderSimple").outputs == 3


@pytest.mark.parametrize("name", PAINTERS)
def test_every_file_is_named_in_the_templates_note(name):
    from got.tools.painter_layouts import PAINTERS as layouts

    files = {value for entry in example(name).values() for value in entry["inputs"].values() if is_file(value)}
    assert files and all(file in layouts[name].note for file in files)
    offered = [file for entries in layouts[name].files.values() for file in entries]
    assert {file["name"] for file in offered} == files
    for file in offered:
        assert file["url"].startswith("https://huggingface.co/") and file["url"].endswith(file["name"])
        assert f"models/{file['directory']}" in layouts[name].note


def is_file(value) -> bool:
    return isinstance(value, str) and value.endswith(".safetensors")
