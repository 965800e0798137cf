"""How a region guides: strength, LoRA, off. Read from the edits, carried by the chain, used by those that draw."""

import json

import folder_paths
import pytest
import torch
from got.got_models.chain.boxes import bounding_boxes, elements
from got.got_models.chain.edits import read_edits, with_edits
from got.got_models.chain.forms.reader import read_plan
from got.got_models.chain.forms.writing import FORMS, cited_prose, write_plan
from got.got_models.chain.grammar import ChainError, Lora, guiding, read_chain, without_boxes
from got.got_models.comfy.notes import unused
from got.got_models.errors import GoTError
from got.got_models.guidance.preview import plan_image
from got.got_models.guidance.regional import SIDE, region_weights, regional_parts
from got.nodes import regional
from got.nodes.chain import GoTChainToBoxes
from got.nodes.editor import GoTChainEditor
from got.tests.coroutines import result_of
from got.tests.families import Texts, sd15

PLAN = "A red cup (0,0),(499,999) (red), a green pear (500,0),(999,999) (green) and a blue egg (0,0),(99,99) (blue)."
INK = {"name": "styles/ink.safetensors", "strength": 0.8}


def saved(*regions, text=PLAN, plan=PLAN):
    return json.dumps({"version": 1, "plan": plan, "text": text, "regions": list(regions)})


def edited(*regions, text=PLAN):
    return with_edits(read_chain(PLAN, semantics="known"), read_edits(saved(*regions, text=text)))


def options(chain):
    return [(region.strength, region.lora, region.off) for region in chain.regions]


DEFAULT = (1.0, None, False)

# ------------------------------------------------------------------------------------------------- reading, carrying


def test_the_chain_carries_what_a_person_set():
    chain = edited({"strength": 0.5}, {"lora": INK, "locked": True}, {"off": True})
    ink = Lora("styles/ink.safetensors", 0.8)
    assert options(chain) == [(0.5, None, False), (1.0, ink, False), (1.0, None, True)]
    assert chain.locked == (1,) and chain.semantics == "known" and chain.text == read_chain(PLAN).text


def test_edits_of_earlier_versions_set_nothing():
    assert options(edited({"locked": True}, {}, {"hidden": True})) == [DEFAULT] * 3
    text = json.dumps({"version": 1, "plan": PLAN, "text": PLAN})
    assert options(with_edits(read_chain(PLAN), read_edits(text))) == [DEFAULT] * 3


def test_a_second_editor_keeps_what_it_does_not_change():
    first = edited({"strength": 0.5}, {"off": True}, {})
    second = with_edits(first, read_edits(saved({"strength": 0.2}, {}, {}, plan=first.text)))
    assert options(second) == [(0.2, None, False), (1.0, None, True), DEFAULT]


def test_another_text_keeps_what_belongs_to_its_regions():
    chain = edited({"strength": 0.5}, {"off": True}, {})
    moved = chain.edited(PLAN.replace("(0,0),(499,999)", "(9,9),(400,400)"))
    assert options(moved) == options(chain)
    fewer = chain.edited("A small fly (1,1),(9,9) (gray) and a green pear (500,0),(999,999) (lime).")
    assert options(fewer) == [DEFAULT, (1.0, None, True)]


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ({"strength": 1.5}, "'strength' of region 1 is not a number from 0 to 1"),
        ({"strength": True}, "'strength' of region 1"),
        ({"strength": float("nan")}, "'strength' of region 1"),
        ({"off": 1}, "'off' of region 1"),
        ({"lora": "ink"}, "'lora' of region 1 has no name"),
        ({"lora": {"name": ""}}, "has no name"),
        ({"lora": {"name": "x" * 1001}}, "has no name"),
        ({"lora": INK | {"strength": 21}}, "LoRA is not a number from -20 to 20"),
        ({"lora": INK | {"strength": "1"}}, "LoRA is not a number"),
    ],
)
def test_damaged_settings_are_named(region, words):
    with pytest.raises(GoTError, match=words):
        read_edits(saved(region, {}, {}))


# ------------------------------------------------------------------------------------------------------ switched off


def test_a_region_that_is_off_keeps_its_words_and_loses_its_box():
    chain = edited({}, {"off": True}, {})
    seen = guiding(chain)
    assert [region.phrase for region in seen.regions] == ["A red cup", "a blue egg"]
    for region in seen.regions:
        start, stop = region.phrase_span
        assert seen.text[start:stop] == region.phrase
        assert seen.text[slice(*region.box_span)].startswith(f"<|box_start|>{region.box}")
    assert without_boxes(seen) == without_boxes(chain) and "green pear and" in seen.text
    assert guiding(seen) is seen and guiding(read_chain(PLAN)).text == read_chain(PLAN).text


@pytest.mark.parametrize("off", [0, 1, 2])
def test_a_box_without_words_of_its_own_keeps_the_phrase(off):
    text = "Two cats (0,0),(99,99) (red) (200,200),(300,300) (blue) and a dog (1,1),(2,2) (green)."
    chain = read_chain(text)
    regions = tuple(region._replace(off=number == off) for number, region in enumerate(chain.regions))
    seen = guiding(chain.__class__(**(vars(chain) | {"regions": regions})))
    assert [region.phrase for region in seen.regions] == [r.phrase for r in regions if not r.off]
    for region in seen.regions:
        start, stop = region.phrase_span
        assert seen.text[start:stop] in (region.phrase, "")


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("prose", "prose with citations")])
def test_every_form_leaves_it_out(form):
    chain = edited({}, {"off": True}, {})
    text = write_plan(chain, form, 1000, 1000)
    found = read_plan(text, "auto", "auto", 1000, 1000, chain.task, "cups", None)
    assert [region.box for region in found.regions] == [chain.regions[0].box, chain.regions[2].box]


def test_prose_keeps_its_words():
    chain = edited({}, {"off": True}, {})
    assert cited_prose(chain) == "A red cup <obj_1>, a green pear and a blue egg <obj_2>."
    assert write_plan(chain, "prose").count("green pear") == 1


def test_boxes_elements_and_masks_leave_it_out():
    chain = edited({}, {"off": True}, {"strength": 0.3})
    boxes, labels, masks, rows, caption = GoTChainToBoxes.execute(chain, 64, 64).result
    assert labels == ["A red cup", "a blue egg"] and len(boxes[0]) == len(masks) == len(rows) == 2
    assert boxes == bounding_boxes(chain, 64, 64) and rows == elements(chain) and "pear <" not in caption


def test_with_all_off_nothing_can_be_converted():
    chain = edited({"off": True}, {"off": True}, {"off": True})
    for convert in (lambda: write_plan(chain, "JSON"), lambda: GoTChainToBoxes.execute(chain, 64, 64)):
        with pytest.raises(ChainError, match="All boxes of the chain are switched off"):
            convert()
    assert regional_parts(chain, 1, "still life") == [("still life", None, None)]


def test_the_preview_shows_it_as_an_outline():
    on, off = (plan_image(edited({}, {"off": flag}, {}), None, 200, 200) for flag in (False, True))
    assert on[0, 150, 150, 1] > off[0, 150, 150, 1] and torch.equal(on[0, :, :90], off[0, :, :90])


# ---------------------------------------------------------------------------------------------------------- strength


def test_a_strength_scales_the_weight_of_its_box():
    weights = region_weights(edited({"strength": 0.5}, {}, {"off": True}))
    assert (weights[0][:, : SIDE // 2] == 0.5).all() and (weights[1][:, SIDE // 2 :] == 1).all()
    parts = regional_parts(edited({"strength": 0.5}, {}, {}), 0.5, "all")
    assert sorted(parts[1].weight.unique()) == [0, 0.25] and parts[0].weight.max() == 0.75
    total = sum(part.weight for part in parts)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_strength_zero_is_as_good_as_off_where_nothing_lies_below():
    zero, off = (regional_parts(edited({}, region, {}), 0.7, "all") for region in ({"strength": 0}, {"off": True}))
    assert [part.text for part in zero] == [part.text for part in off]
    for one, other in zip(zero, off, strict=True):
        assert torch.equal(one.weight, other.weight)


def test_a_note_says_what_a_node_does_not_use():
    chain = edited({"strength": 0.5}, {"lora": INK, "strength": 0.1}, {"off": True, "strength": 0})
    assert unused(chain.regions) == "Not used by this node: strength of regions 1, 2; LoRA of region 2."
    assert unused(chain.regions, ["lora"]) == "Not used by this node: LoRA of region 2."
    assert unused(read_chain(PLAN).regions) == ""


@pytest.mark.parametrize("off", [0, 1, 3])
def test_the_regional_nodes_note_that_no_box_guides(off, monkeypatch):
    notes = []
    monkeypatch.setattr(regional, "show_note", notes.append)
    chain = edited(*[{"off": number < off} for number in range(3)])
    conditioning = regional.GoTRegionalConditioning.execute(Texts(), chain, 0.7, "prompt").result[0]
    model, _ = regional.GoTRegionalAttention.execute(unet := sd15(), Texts(), chain, 0.7, "prompt").result
    assert len(conditioning) == 4 - off and (model is unet) == (off == 3)
    expected = "All boxes of the chain are switched off, so the text of the whole image guides alone." * (off == 3)
    assert len(notes) == 2 and all(note.startswith(expected) and bool(note) == bool(expected) for note in notes)


# ------------------------------------------------------------------------------------------------------ missing LoRAs


@pytest.fixture
def loras(tmp_path, monkeypatch):
    """ComfyUI's folder of LoRAs, with styles/ink.safetensors in it."""
    (tmp_path / "styles").mkdir()
    (tmp_path / "styles" / "ink.safetensors").write_bytes(b"")
    (tmp_path.parent / "secret.safetensors").write_bytes(b"")
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    folder_paths.filename_list_cache.pop("loras", None)
    yield tmp_path
    folder_paths.filename_list_cache.pop("loras", None)


def refused(edits):
    return result_of(GoTChainEditor.validate_inputs(edits))


@pytest.mark.parametrize("name", ["styles/ink.safetensors", "styles\\ink.safetensors"])
def test_a_lora_that_is_there_passes(loras, name):
    assert refused(saved({"lora": INK | {"name": name}}, {}, {})) is True


@pytest.mark.parametrize(
    "name", ["ink.safetensors", "../secret.safetensors", "{root}/styles/ink.safetensors", "styles"]
)
def test_a_lora_that_is_not_listed_is_named_before_the_run(loras, name):
    name = name.format(root=loras)
    found = refused(saved({}, {"lora": INK | {"name": name}}, {}))
    assert found.startswith(f"Region 2 'a green pear' uses the LoRA '{name[:100]}', which ComfyUI does not find.")


def test_a_lora_that_does_nothing_need_not_be_there(loras):
    away = INK | {"name": "away"}
    assert refused(saved({"lora": away, "off": True}, {"lora": away | {"strength": 0}}, {})) is True
