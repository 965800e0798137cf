"""The chain's grammar: what is read, what is corrected, what is refused. The browser's tests share the cases."""

import json
import re
import time
from pathlib import Path

import pytest
from got.got_models.chain.boxes import text_of_boxes
from got.got_models.chain.colors import COLORS, PALETTE, find_color
from got.got_models.chain.edits import locked_text
from got.got_models.chain.grammar import (
    EDIT,
    TEXT_TO_IMAGE,
    Box,
    ChainError,
    canonical_text,
    got_r1_text,
    plain_text,
    read_chain,
    without_unfinished_box,
)
from got.got_models.reasoner.prompt import checked_prompt

CASES = json.loads((Path(__file__).parent / "chains.json").read_text(encoding="utf-8"))
GOOD = [case for case in CASES if "chain" in case]
BAD = [case for case in CASES if "error" in case]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@named(GOOD)
def test_the_chain_is_in_gots_form(case):
    assert canonical_text(case["text"]) == case["chain"]


@named(GOOD)
def test_every_phrase_is_where_its_span_says(case):
    """Otherwise a phrase that is renamed in the editor leaves a letter of the old one."""
    chain = read_chain(case["text"])
    for region in chain.regions:
        own = region.phrase_span[0] != region.box_span[0]
        assert chain.text[slice(*region.phrase_span)] == (region.phrase if own else "")


@pytest.mark.parametrize(
    "text",
    [
        "a (1<|obj_end|>,2),(3,4)",
        "a (1,2),(3,4)<|im_gen<|obj_end|>_start|>b",
    ],
)
def test_a_tag_that_splits_something_leaves_a_chain_that_stays(text):
    chain = canonical_text(text)
    assert chain == "a <|box_start|>(1,2),(3,4)<|box_end|> (red)" == canonical_text(chain)


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
        own = region.phrase_span != (region.box_span[0], region.box_span[0])
        assert chain.text[slice(*region.phrase_span)] == (region.phrase if own else "")
        assert chain.text[slice(*region.box_span)].startswith(f"<|box_start|>{region.box}")


def test_an_error_quotes_the_box_that_is_wrong():
    with pytest.raises(ChainError, match=r"Box 2 '\(9,0\),\(5,9\)'"):
        read_chain("a cup (1,2),(3,4) a hat (9,0),(5,9)")


def test_more_missing_colors_than_the_palette_has_go_round():
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


def test_the_browser_has_the_same_colors_and_palette():
    chain = Path(__file__).parent.parent / "web" / "editor" / "model" / "chain"
    source = (chain / "colors.mjs").read_text(encoding="utf-8")
    entries = re.search(r"const TABLE = `([^`]*)`", source)[1].split(",")
    table = {word: tuple(bytes.fromhex(value)) for word, value in map(str.split, entries)}
    assert len(table) == 148 and list(table.items()) == list(COLORS.items())
    palette = re.search(r"PALETTE = .*\n?\s*\[([^\]]*)\]", source)[1]
    assert tuple(re.findall(r"\w+", palette)) == PALETTE


def test_green_is_the_css_green():
    assert find_color("Green")[1:] == (0, 128, 0)


def test_half_a_character_is_replaced_and_whole_ones_stay():
    assert read_chain(f"a \ud83d cat {BOX}").regions[0].phrase == "a \ufffd cat"
    assert checked_prompt(" \ude00 a \U0001f600 ", TEXT_TO_IMAGE) == "\ufffd a \U0001f600"


def test_numbers_of_any_length_are_refused_in_a_few_words():
    with pytest.raises(ChainError, match="is not a box") as error:
        read_chain(f"a cup (1,2),(3,{'4' * 10_000})")
    assert len(str(error.value)) < 300


def test_an_unknown_color_of_any_length_is_refused_in_a_few_words():
    with pytest.raises(ChainError, match="unknown color 'aaaa") as error:
        read_chain(f"a cup (1,2),(3,4) ({'a' * 10_000})")
    assert len(str(error.value)) < 300


# ----------------------------------------------------------------------------------------------- texts of strangers

BOX = "(1,2),(3,4)"
LONG = {  # start, repeated part, end: texts that would make a careless pattern take quadratic time
    "spaces": ("a", " ", f"b {BOX}"),
    "wide spaces": ("a", "\u3000", f"b {BOX}"),
    "spaces and new lines": ("a", " \n", f"b {BOX}"),
    "spaces after a pair": ("(1,2)", " ", "b"),
    "spaces after a color": (f"a {BOX} (red", " ", "b"),
    "commas": ("a", ",", f"b {BOX}"),
    "colons": ("a", " :", f"b {BOX}"),
    "small words": ("a", " of", f" b {BOX}"),
    "verbs": ("a", " and", f" b {BOX}"),
    "clauses": ("a", ". ", f"b {BOX}"),
    "digits": ("a (", "1", f",2),{BOX}"),
    "opened brackets": ("a", "(", BOX),
    "pairs that go on": ("a", "(1,", BOX),
    "opened boxes": ("a", "<|box_start|>", BOX),
    "closed boxes": ("a", "<|box_end|>", BOX),
    "opened objects": ("a", "<|obj_start|>", BOX),
    "closed objects": ("<|obj_start|>a", "<|obj_end|>", BOX),
    "an object's name": ("<|obj_start|>", "a", BOX),
    "beginnings of images": ("a", " <|im_gen_start", BOX),
    "a color": (f"a {BOX} (", "a ", ")"),
    "boxes": ("", f"a {BOX}, ", ""),
    "complements": ("a", " red, old cat with a hat and", f" b {BOX}"),
    "relative clauses": ("a", " man, who is old, and the", f" b {BOX}"),
    "brackets": ("a", " [b c]", f" d {BOX}"),
    "brackets without words": ("a", " [1]", f" d {BOX}"),
    "dots": ("a", ".", f"b {BOX}"),
    "Chinese": ("", "一只戴着红帽的猫和", f"狗{BOX}"),
    "Chinese numbers": ("", "1一", f"狗{BOX}"),
    "Chinese verbs": ("", "是坐着的", f"狗{BOX}"),
    "Chinese commas": ("", "，戴着", f"狗的{BOX}"),
    "sentences": ("", f"A cup {BOX}. ", ""),
}


def used_everywhere(text):
    """Everything that the nodes do with a text of other people."""
    try:
        chain = read_chain(text)
        got_r1_text(chain)
        locked_text(read_chain(text, locked=tuple(range(0, len(chain.regions), 2))))
    except ChainError as error:
        assert len(str(error)) < 400
    without_unfinished_box(text)
    try:
        text_of_boxes({"x": 0, "y": 0, "width": 9, "height": 9}, [text.replace("\n", " ")], 64, 64)
    except ChainError as error:
        assert len(str(error)) < 400


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("case", LONG)
def test_a_long_text_takes_no_longer_than_its_length(case):
    """In quadratic time, a text twenty times as long would take 400 times as long: here many minutes."""
    before, again, after = LONG[case]
    for size, seconds in ((10_000, 1), (200_000, 20)):
        start = time.process_time()
        used_everywhere(before + again * (size // len(again)) + after)
        assert time.process_time() - start < seconds, f"{size} characters"
