"""What is typed into nodes is checked when a run is queued, as far as it is known then."""

import inspect
import json
import threading
import time

import pytest
from comfy_api.latest import io
from got.got_models.chain.grammar import read_chain
from got.got_models.errors import GoTError
from got.nodes import chain, editor, guidance, loader, reasoning, regional, request, sampling
from got.nodes.chain import GoTChainFromBoxes, GoTChainFromText
from got.nodes.checks import check_plan
from got.nodes.edit import GoTEditMask, GoTPasteEdit
from got.nodes.editor import GoTChainEditor
from got.nodes.reasoning import EditChain, GoTSeveralChains, ReasoningChain
from got.nodes.regional import GoTRegionalAttention, GoTRegionalConditioning
from got.nodes.request import GoTPlanRequest
from got.tests.coroutines import result_and_thread, result_of

CHAIN = "A red circle (100,200),(300,400) (red)."
MODULES = (loader, reasoning, request, chain, editor, guidance, sampling, regional)
NODES = [node for module in MODULES for node in module.NODES]


def answer(node, *values, **named):
    """What a node answers ComfyUI."""
    found = node.validate_inputs(*values, **named)
    return result_of(found) if inspect.iscoroutine(found) else found


@pytest.mark.parametrize("node", [ReasoningChain, EditChain, GoTSeveralChains, GoTChainFromBoxes, GoTPlanRequest])
def test_an_empty_prompt_is_refused_and_a_linked_one_is_not_known_yet(node):
    def given(text):
        return [text] if node in (GoTSeveralChains, GoTChainFromBoxes) else text

    assert "is empty. Write what you want" in answer(node, given(" \n"))
    assert answer(node, given("a cup")) is True and answer(node, given(None)) is True


def test_an_earlier_chain_brings_its_prompt():
    assert answer(GoTPlanRequest, "", earlier=None) is True


def test_a_plan_that_no_setting_makes_readable_is_refused():
    assert answer(GoTChainFromText, CHAIN, " ").startswith("The prompt is empty.")
    assert "blurple" in answer(GoTChainFromText, CHAIN.replace("red)", "blurple)"), "a cup")
    assert "The text begins: A cup" in answer(GoTChainFromText, "A cup (1,2),(3", "a cup")


@pytest.mark.parametrize(
    "text",
    [
        CHAIN,
        None,
        "",
        "words alone",
        "a cup (600,200),(100,100) (red)",  # left top width height
        "a cup (100,200),(1800,900) (red)",  # pixels of a large image
        json.dumps([{"bbox_2d": [128, 144, 1280, 360], "label": "a star"}]),
    ],
)
def test_a_plan_that_some_setting_makes_readable_waits_for_the_run(text):
    assert answer(GoTChainFromText, text, "a cup") is True


def test_the_check_of_a_plan_takes_little_time():
    bad = "A cup (1,2),(300,400) (red). " * 160 + "A star (1,2),(300,400) (blurple)."
    start = time.monotonic()
    with pytest.raises(ValueError, match="blurple"):
        check_plan(bad)
    assert time.monotonic() - start < 3
    check_plan(bad * 2)  # so long a one is read by the run alone


@pytest.mark.parametrize(
    "module, name, node", [(editor, "read_edits", GoTChainEditor), (chain, "check_plan", GoTChainFromText)]
)
def test_a_long_text_is_read_beside_the_servers_own_thread(monkeypatch, module, name, node):
    threads = []
    monkeypatch.setattr(module, name, lambda text: threads.append(threading.get_ident()))
    monkeypatch.setattr(editor, "check_edits", lambda edits: None)
    values = (CHAIN, "a cup")[: 1 if node is GoTChainEditor else 2]
    good, servers = result_and_thread(node.validate_inputs(*values))
    assert good is True and threads and servers not in threads


@pytest.mark.parametrize(
    "node, name, values",
    [
        (GoTRegionalAttention, "model", (None, None, read_chain(CHAIN), 0.7, "prompt")),
        (GoTRegionalAttention, "chain", ("a model", None, None, 0.7, "prompt")),
        (GoTRegionalAttention, "strength", ("a model", None, read_chain(CHAIN), None, "prompt")),
        (GoTRegionalConditioning, "chain", (None, None, 0.7, "prompt")),
        (GoTEditMask, "chain", (None,)),
        (GoTPasteEdit, "area", ("an image", None)),
    ],
)
def test_a_linked_node_that_gives_nothing_is_named(node, name, values):
    with pytest.raises(GoTError, match=f"The input '{name}' is empty: the node that is linked to it gives nothing"):
        node.execute(*values)


def test_a_style_that_is_linked_to_nothing_adds_no_words():
    texts = [part.text for part in regional._parts(read_chain(CHAIN), 0.7, "chain", None)]
    assert texts == [part.text for part in regional._parts(read_chain(CHAIN), 0.7, "chain", "")]


@pytest.mark.parametrize("node", [node for node in NODES if "validate_inputs" in vars(node)])
def test_a_check_takes_what_comfyui_passes(node):
    """Named inputs are those of the schema. ComfyUI adds every dynamic combo, named or not."""
    spec = inspect.getfullargspec(node.validate_inputs)
    schema = node.define_schema()
    assert set(spec.args) - {"cls"} <= {one.id for one in schema.inputs} and spec.varkw is None
    dynamic = {one.id for one in schema.inputs if isinstance(one, io.DynamicCombo.Input)}
    assert dynamic == set(spec.kwonlyargs)
