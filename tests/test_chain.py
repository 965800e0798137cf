"""The chain's grammar: what is read, what is mended, what is refused. The cases are the browser half's too."""

import json
from pathlib import Path

import pytest
from got.got_models.chain import (
    EDIT,
    Box,
    ChainError,
    canonical_text,
    got_r1_text,
    plain_text,
    read_chain,
    without_unfinished_box,
)
from got.got_models.colors import COLORS, PALETTE, find_color
from PIL import ImageColor

CASES = json.loads((Path(__file__).parent / "chains.json").read_text(encoding="utf-8"))
GOOD = [case for case in CASES if "chain" in case]
BAD = [case for case in CASES if "error" in case]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@named(GOOD)
def test_the_chain_is_in_gots_form(case):
    assert canonical_text(case["text"]) == case["chain"]


@named(GOOD)
def test_every_region_is_read(case):
    regions = read_chain(case["text"]).regions
    found = [{"phrase": r.phrase, "box": list(r.box), "color": r.color.word} for r in regions]
    assert found == case["regions"]


@named(BAD)
def test_what_cannot_be_drawn_is_named(case):
    with pytest.raises(ChainError) as error:
        read_chain(case["text"])
    assert case["error"] in str(error.value)


@named(GOOD)
def test_reading_what_was_written_changes_nothing(case):
    chain = read_chain(case["text"])
    assert read_chain(chain.text) == chain


@named(GOOD)
def test_the_plain_form_leads_back(case):
    chain = read_chain(case["text"])
    assert read_chain(plain_text(chain.text)) == chain


@named(GOOD)
def test_got_r1s_form_keeps_phrases_and_boxes(case):
    regions = read_chain(case["text"]).regions
    again = read_chain(got_r1_text(read_chain(case["text"]))).regions
    assert [region.box for region in again] == [region.box for region in regions]
    assert [region.phrase for region in again] == [region.phrase for region in regions]


@named(GOOD)
def test_spans_point_at_the_phrase_and_at_the_box(case):
    chain = read_chain(case["text"])
    for region in chain.regions:
        assert chain.text[slice(*region.phrase_span)] == region.phrase
        assert chain.text[slice(*region.box_span)].startswith(f"<|box_start|>{region.box}")


def test_an_error_quotes_the_box_that_is_wrong():
    with pytest.raises(ChainError, match=r"Box 2 '\(9,0\),\(5,9\)'"):
        read_chain("a cup (1,2),(3,4) a hat (9,0),(5,9)")


def test_more_missing_colours_than_the_palette_has_go_round():
    regions = read_chain(" ".join(["a (1,2),(3,4)"] * (len(PALETTE) + 2))).regions
    assert [region.color.word for region in regions][: len(PALETTE)] == list(PALETTE)
    assert all(region.color.word in PALETTE for region in regions)


def test_an_edited_chain_keeps_task_prompt_and_source_and_forgets_its_meaning():
    source = object()
    chain = read_chain("a (1,2),(3,4)", EDIT, "make it blue", source, semantics="of the old text", cut=True)
    edited = chain.edited("a (5,6),(7,8)")
    assert (edited.task, edited.prompt, edited.source) == (EDIT, "make it blue", source)
    assert edited.regions[0].box == Box(5, 6, 7, 8)
    assert edited.semantics is None and not edited.cut


@pytest.mark.parametrize("rest", ["<|box_start|>", "<|box_start|>(1", "<|box_start|>(1,2),(3,4)"])
def test_the_box_a_chain_was_cut_in_is_left_out(rest):
    whole = "a cup <|box_start|>(1,2),(3,4)<|box_end|> (red) and a hat"
    assert without_unfinished_box(f"{whole} {rest}") == whole
    assert without_unfinished_box(whole) == whole


def test_colours_are_pillows():
    assert {word: ImageColor.getrgb(word)[:3] for word in ImageColor.colormap} == COLORS


def test_green_is_the_css_green():
    assert find_color("Green")[1:] == (0, 128, 0)
