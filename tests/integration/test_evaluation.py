"""`python dev.py eval` on a running ComfyUI, from its questions to its table, its JSON and its sheet."""

import json

from got.evaluation.__main__ import ask_and_report, parse_arguments
from got.evaluation.cases import COLUMNS
from got.evaluation.figures import ABLATION, MAIN
from PIL import Image


def test_an_evaluation_writes_every_figure_and_a_sheet(client, tmp_path, capsys):
    few = ["--prompts", "2", "--edits", "1", "--steps", "2", "--strengths", "0", "6", "--work", str(tmp_path)]
    few += ["--free-prompts", "1", "--free-edits", "1", "--looks", "1"]
    assert ask_and_report(client, parse_arguments(few)) == 0
    assert "planning" in capsys.readouterr().out
    found = json.loads((tmp_path / "figures.json").read_text())
    assert {part: tuple(found[part]) for part in MAIN} == MAIN and tuple(found["drawing"]) == COLUMNS
    for part in (*MAIN, "drawing"):
        for name, value in found[part].items():
            assert value is None or 0 <= value <= (60 if name == "psnr_outside" else 1), name
    assert found["planning"]["parse"] is not None and found["editing"]["psnr_outside"] > 5
    assert found["ablation"].keys() == ABLATION.keys()
    assert [point["strength"] for point in found["spatial_strength"]] == [0, 6]
    assert found["free"]["edit_plan"] is not None and found["looking"]["iou"] > 0.5
    assert found["complete"] and found["details"]["planning.plan"]["n"] == 2
    assert min(Image.open(tmp_path / "sheet.png").size) > 200


def test_an_evaluation_goes_on_where_it_was_stopped(client, tmp_path, capsys):
    one = ["--prompts", "1", "--edits", "0", "--steps", "1", "--strengths", "0", "--work", str(tmp_path)]
    one += ["--free-prompts", "0", "--free-edits", "0", "--looks", "0"]
    ask_and_report(client, parse_arguments(one))
    answers = tmp_path / "answers.jsonl"
    lines = answers.read_text().splitlines(keepends=True)
    answers.write_text("".join(lines[:-1]))
    ask_and_report(client, parse_arguments([*one, "--resume"]))
    assert answers.read_text().splitlines(keepends=True) == lines
    assert "1/1" in capsys.readouterr().err
