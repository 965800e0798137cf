"""The bench at its smallest: both sides write the same tokens and draw the same picture, and every row is there.

How long anything takes is not tested here.
"""

import json
from argparse import Namespace

import pytest
from got.tools.bench.report import Report
from got.tools.bench.speed import STAGES, measure


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    sections = ["stages", "again", "budgets", "stops"]
    asked = {"size": "tiny", "device": "cpu", "runs": 1, "sections": sections, "steps": 2, "threads": None}
    return measure(Namespace(**asked, dynamic=False, json=None), tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def rows(report):
    return {row["stage"]: row for row in report["rows"]}


def test_no_section_fails(report):
    assert report["failed"] == {}


def test_a_section_that_fails_is_noted_and_the_next_one_runs(tmp_path):
    report = Report(tmp_path / "report.json")
    assert report.section("first", lambda: 1 // 0) is None
    assert report.section("second", lambda: "done", report.content) == "done"
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["second"] == "done" and "first" not in written
    assert [*written["seconds"]] == ["first", "second"]
    assert "ZeroDivisionError" in written["failed"]["first"][-1]


def test_there_is_a_row_a_stage_and_a_total(rows):
    assert list(rows) == [*STAGES, "total"]
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["reference_seconds"] / row["our_seconds"])
    for side in ("reference", "our"):
        parts = sum(rows[stage][f"{side}_seconds"] for stage in STAGES)
        assert rows["total"][f"{side}_seconds"] == pytest.approx(parts)


def test_both_sides_write_the_same_tokens(rows):
    assert rows["chain"]["max_difference"] == 0


@pytest.mark.parametrize("stage", ["hidden states", "spatial guidance", "reference encode", "sampling", "total"])
def test_both_sides_make_the_same(rows, stage):
    assert rows[stage]["max_difference"] <= 1e-3


def test_after_a_box_is_moved_no_token_is_written(report):
    assert report["again"]["a box moved: tokens written"] == 0


def test_a_draft_changes_nothing(report):
    assert report["again"]["the same from a draft: tokens that differ"] == 0


def test_a_run_within_all_memory_draws(report):
    assert [(row["mode"], row["outcome"]) for row in report["budgets"]] == [("all resident", "drawn")]


def test_every_part_ends_soon_after_stop(report):
    for row in report["stops"]:
        assert all(seconds is None or seconds < 5 for seconds in row["stop_seconds"]), row
