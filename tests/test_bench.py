"""The bench at its smallest: both sides write the same tokens and draw the same image, and every row is there.

How long anything takes is not tested here.
"""

import json
import time
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from got.tools.bench import __main__ as bench
from got.tools.bench import regional
from got.tools.bench.report import Report
from got.tools.bench.sections import SECTIONS, measure
from got.tools.bench.stages import STAGES
from got.tools.bench.stops import seconds_after_stop

pytestmark = pytest.mark.slow  # it benchmarks


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return measure("tiny", 2, 1, ["stages", "again", "budgets", "stops"], tmp_path_factory.mktemp("bench"))


def test_every_section_can_be_asked_for():
    assert sorted(bench.SECTIONS) == sorted([*SECTIONS, "curves"])


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


def test_prompt_lookup_changes_nothing(report):
    assert report["again"]["the same with prompt lookup: tokens that differ"] == 0


def test_a_run_within_all_memory_draws(report):
    assert [(row["mode"], row["outcome"]) for row in report["budgets"]] == [("all resident", "drawn")]


def test_every_part_is_stopped_as_often_as_planned(report):
    counts = {row["part"]: len(row["stop_seconds"]) for row in report["stops"]}
    once = {"reading the files": 1, "onto the device": 1}
    assert counts == once | dict.fromkeys(("chain", "spatial guidance", "sampling", "decode"), 3)
    assert any(seconds is not None for row in report["stops"] for seconds in row["stop_seconds"])


def test_a_call_that_checks_for_stop_is_timed_until_it_ends():
    def endless():
        while True:
            comfy.model_management.throw_exception_if_processing_interrupted()
            time.sleep(0.001)

    assert seconds_after_stop(torch.device("cpu"), endless, 0.01) >= 0
    assert not comfy.model_management.processing_interrupted()


def test_a_call_that_ends_before_stop_has_no_time():
    assert seconds_after_stop(torch.device("cpu"), lambda: None, 60) is None


def test_what_boxes_cost_is_measured_for_each_model_and_counted(monkeypatch):
    small = {"transformer_depth": [0, 0, 1, 1, 1, 1], "transformer_depth_output": [0] * 3 + [1] * 6}
    small |= {"transformer_depth_middle": 1}
    for name in ("SMALL_SDXL", "REAL_SDXL"):
        monkeypatch.setattr(regional, name, getattr(regional, name) | small)
    cases = {name: (model, 16 if model == "sdxl" else 8, *sizes) for name, (model, _, *sizes) in regional.CASES.items()}
    monkeypatch.setattr(regional, "CASES", cases)
    monkeypatch.setattr(regional, "REGIONS", (4,))
    found = regional.regional(SimpleNamespace(device=torch.device("cpu"), runs=1))
    kinds = ("plain, s", "4 regions", "4 regions, masks")
    assert all(found[f"{case}, {kind}"] > 0 for case in cases for kind in kinds)
    assert 1 < found["real SDXL at 1024, operations, 4 regions"] < 1.2
    assert found["mask, MB, 2048, 8 regions of 256 tokens"] > 8 * found["mask, MB, 1024, 8 regions of 256 tokens"]


def test_the_boxes_of_the_bench_have_a_weight_everywhere():
    for regions in regional.REGIONS:
        weights = torch.cat([part.weight for part in regional.parts_of(regions)])
        assert weights.shape[0] == regions + 1 and weights.flatten(1).any(1).all()
        torch.testing.assert_close(weights.sum(0), torch.ones(regional.SIDE, regional.SIDE))
