"""The nodes on chains: what a person sets, what is shown, and that inputs were only added."""

import pytest
import torch
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, ChainError
from got.nodes import chain as nodes
from got.nodes.chain import GoTChainFromBoxes, GoTChainFromText, GoTChainToBoxes, GoTChainToText

ROWS = '[{"bbox_2d": [64, 32, 128, 64], "label": "a cup with a lid"}]'
PROMPT = "a cup on a table"


@pytest.fixture
def notes(monkeypatch):
    """What is shown under the nodes, in order; nothing for an empty note."""
    shown = []
    monkeypatch.setattr(nodes, "show_note", lambda text: shown.append(text) if text else None)
    return shown


def test_inputs_were_only_added():
    assert [one.id for one in GoTChainFromText.define_schema().inputs][:3] == ["text", "prompt", "image"]
    added = GoTChainFromText.define_schema().inputs[3:]
    assert [one.id for one in added] == ["order", "units", "width", "height"] and all(one.optional for one in added)
    names = ["bboxes", "labels", "prompt", "width", "height", "image"]
    assert [one.id for one in GoTChainFromBoxes.define_schema().inputs] == names
    assert "BOUNDING_BOX" in GoTChainFromBoxes.define_schema().inputs[0].get_io_type().split(",")


def test_pixels_count_the_image_that_is_connected_or_the_size_that_is_set(notes):
    image = torch.zeros(1, 64, 128, 3)
    chain, text = GoTChainFromText.execute(ROWS, PROMPT, image, units="pixels").args
    assert chain.task == EDIT and chain.regions[0].box == (500, 500, 999, 999) and text == chain.text
    chain, _ = GoTChainFromText.execute(ROWS, PROMPT, units="pixels", width=256, height=128).args
    assert chain.task == TEXT_TO_IMAGE and chain.regions[0].box == (250, 250, 500, 500) and chain.size == (256, 128)
    assert chain.regions[0].phrase == "a cup with a lid"
    with pytest.raises(ChainError, match="Set width and height"):
        GoTChainFromText.execute(ROWS, PROMPT, units="pixels")
    assert not notes


def test_an_answer_without_boxes_or_its_end_is_named_under_the_node(notes):
    GoTChainFromText.execute("I cannot help with that.", PROMPT)
    GoTChainFromText.execute(ROWS[:-1] + ', {"bbox_2d": [1, 2', PROMPT)
    assert notes[0] == "The text has no box. It begins: I cannot help with that."
    assert notes[1].startswith("The text ends within its plan.") and len(notes) == 2


def test_an_empty_box_is_named_under_the_node(notes):
    boxes = [[{"x": 1, "y": 1, "width": 9, "height": 9}, {"x": 3, "y": 3, "width": 0, "height": 9}]]
    chain, _ = GoTChainFromBoxes.execute([boxes], ["a cat"], [PROMPT], [64], [64]).args
    assert [region.phrase for region in chain.regions] == ["a cat"]
    assert notes == ["Left out, because they cover no pixel: Box 2 (0x9 pixels at 3,3)."]


def test_elements_lead_back_to_the_chain(notes):
    chain, _ = GoTChainFromText.execute(
        'a sign that reads "GO" (10,20),(300,400) and [a cat, asleep] (5,6),(70,80)', PROMPT
    ).args
    *_, elements, cited = GoTChainToBoxes.execute(chain, 64, 64).args
    assert cited.count("<obj_") == len(elements)
    again, _ = GoTChainFromBoxes.execute([elements], [""], [PROMPT], [64], [64]).args
    assert [region[:3] for region in again.regions] == [region[:3] for region in chain.regions]


def test_pixels_of_a_written_form_are_those_of_the_image_to_edit():
    image = torch.zeros(1, 128, 256, 3)
    chain, _ = GoTChainFromText.execute("a cup (250,500),(500,999)", "make it blue", image).args
    assert '"bbox_2d": [64, 64, 128, 128]' in GoTChainToText.execute(chain, "RePlan").args[0]
    assert '"bbox_2d": [128, 50, 256, 100]' in GoTChainToText.execute(chain, "RePlan", 512, 100).args[0]


def test_outputs_only_grow_at_the_end():
    names = [output.display_name for output in GoTChainToBoxes.define_schema().outputs]
    assert names == ["bboxes", "labels", "masks", "elements", "caption"]
