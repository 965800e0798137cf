"""What differs between two plans. The cases are for a version in the browser too."""

import json
import time
from pathlib import Path

import pytest
from got.got_models.chain.difference import ADDED, MOVED, REMOVED, REWORDED, Change, difference
from got.got_models.chain.grammar import Box, Region, parse_regions, read_chain

CASES = json.loads((Path(__file__).parent / "differences.json").read_text(encoding="utf-8"))


def regions(text):
    return read_chain(text).regions


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_regions_that_differ(case):
    found = difference(regions(case["before"]), regions(case["after"]))
    assert [[before, after, list(kinds)] for before, after, kinds in found] == case["changes"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_backwards_it_is_the_reverse(case):
    before, after = regions(case["before"]), regions(case["after"])
    swapped = {ADDED: REMOVED, REMOVED: ADDED}
    reverse = {
        (new, old, tuple(swapped.get(kind, kind) for kind in kinds)) for old, new, kinds in difference(before, after)
    }
    assert {tuple(change) for change in difference(after, before)} == reverse


def test_a_plan_does_not_differ_from_itself():
    for case in CASES:
        assert difference(regions(case["after"]), regions(case["after"])) == []


def grid(count, shift=0, word="a cup"):
    color = parse_regions("A cup (1,2),(3,4)")[0].color
    boxes = (
        Box(i % 30 * 30, i // 30 % 30 * 30 + shift, i % 30 * 30 + 20, i // 30 % 30 * 30 + 20) for i in range(count)
    )
    return [Region(word.format(i), box, color, (0, 0), (0, 0)) for i, box in enumerate(boxes)]


def test_thousands_of_regions_take_no_time():
    start = time.perf_counter()
    assert difference(grid(8000), grid(8000)) == []
    assert len(difference(grid(8000), grid(8000, 1))) == 8000
    assert len(difference(grid(8000, 0, "cup {}"), grid(8000, 1, "pear {}"))) == 16_000
    assert time.perf_counter() - start < 2


def test_one_more_of_many_is_added():
    assert difference(grid(30), grid(31)) == [Change(None, 30, (ADDED,))]
    assert difference(grid(30, 0, "cup {}"), grid(30, 1, "cup {}")) == [Change(i, i, (MOVED,)) for i in range(30)]
    assert {change.kinds for change in difference(grid(9, 0, "cup {}"), grid(9, 0, "pear {}"))} == {(REWORDED,)}
