"""From answers to figures: a perfect model scores all, one that draws nothing scores none; answers survive a stop.

Run: python dev.py test tests/test_evaluation_figures.py
"""

import json
from random import Random

import numpy as np
import pytest
from got.evaluation import graphs
from got.evaluation.__main__ import parse_arguments
from got.evaluation.answers import Answer, Answers, AnswersError
from got.evaluation.cases import COLUMNS
from got.evaluation.figures import MAIN, Figures, figure, outcomes, report
from got.evaluation.free import free_case, free_edit_case, look_case
from got.evaluation.run import (
    DESCRIBED,
    EDITED,
    PLAN,
    PROMPT_ONLY,
    SECOND,
    Evaluation,
    Questions,
    change,
    spatial,
)
from got.evaluation.sheet import RIGHT, WRONG, contact_sheet
from got.evaluation.table import table
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE
from got.got_models.files.manifest import TINY
from got.world import scenes, wording
from PIL import Image, ImageColor

QUESTIONS = Questions(prompts=14, edits=6, seed=0, strengths=(0, 6), free_prompts=12, free_edits=6, looks=8)


def answered(folder, blank=False):
    """The answers of a model that does all it is asked. blank: its plans are right, its images empty."""
    answers = Answers(folder, {}, resume=False)

    def add(key, chain, scene):
        empty = scenes.Scene("brown" if scene.background == "gray" else "gray", ())
        Image.fromarray(scenes.render(empty if blank else scene)).save(answers.place(key))
        answers.add(key, Answer(chain, answers.place(key).name))

    for case in QUESTIONS.prompt_cases:
        chain = wording.chain(case.scene, Random(0))
        for key in QUESTIONS.keys(case):
            name = key.split("/")[1]
            scene = case.scene
            if name in ("moved", "reworded"):
                if (changed := change(case, answers, name)) is None:
                    continue
                objects = tuple(changed.after if obj == changed.before else obj for obj in scene.objects)
                scene = scenes.Scene(scene.background, objects)
            add(key, chain, scene)
    for case in QUESTIONS.edit_cases:
        add(f"{case.key}/{EDITED}", wording.edit_chain(case.edit), case.edit.target)
        add(f"{case.key}/{SECOND}", wording.edit_chain(case.second), case.second.target)
    for case in QUESTIONS.free_cases:
        add(f"{case.key}/{PLAN}", wording.chain(case.asked.scene, Random(0)), case.asked.scene)
    for case in QUESTIONS.free_edit_cases:
        add(f"{case.key}/{EDITED}", wording.edit_chain(case.edit), case.edit.target)
    for case in QUESTIONS.look_cases:
        text = wording.sentence(scenes.reading_order(case.scene.objects))
        answers.add(f"{case.key}/{DESCRIBED}", Answer(text, ""))
    return answers


@pytest.fixture(scope="module")
def perfect(tmp_path_factory):
    return answered(tmp_path_factory.mktemp("perfect"))


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    return answered(tmp_path_factory.mktemp("blank"), blank=True)


def figures_of(answers):
    return Figures(outcomes(QUESTIONS, answers))


def test_a_perfect_model_scores_all(perfect):
    found = report(figures_of(perfect))
    assert found["planning"] == {"parse": 1, "plan": 1}
    assert found["drawing"] == dict.fromkeys(COLUMNS, 1)
    assert found["obedience"]["iou"] > 0.9
    assert found["obedience"]["moved"] == found["obedience"]["reworded"] == 1
    assert found["editing"] == {"box_found": 1, "change_made": 1, "psnr_outside": 60}
    assert {name: row["all"] for name, row in found["ablation"].items()} == dict.fromkeys(found["ablation"], 1)
    assert [(point["strength"], point["drawn"]) for point in found["spatial_strength"]] == [(0, 1), (6, 1)]
    assert found["second_turn"]["change_made"]["value"] == 1
    assert set(found["free"].values()) == {1} and set(found["looking"].values()) == {1}


def test_a_model_that_sees_everything_in_one_place_is_wrong_wherever_that_is_wrong(tmp_path):
    answers, box = Answers(tmp_path, {}, resume=False), wording.box_text((25, 25, 325, 325), "red")
    every = " ".join(f"A {color} {shape} {box}." for color in scenes.COLORS for shape in scenes.SHAPES)
    for case in QUESTIONS.look_cases:
        answers.add(f"{case.key}/{DESCRIBED}", Answer(every, ""))
    found = report(figures_of(answers))["looking"]
    assert found["absent"] == found["complete"] == 0 and max(found["described"], found["present"], found["iou"]) < 0.2


def test_half_of_the_things_asked_for_are_not_there():
    for case in (look_case(number, 0) for number in range(40)):
        shown = {obj.name for obj in case.scene.objects}
        assert sum(thing not in shown for thing in case.things) == 2 and 1 <= sum(t in shown for t in case.things) <= 2
        assert len(case.scene.objects) == 1 + case.number % 4


def test_free_cases_follow_from_their_numbers_and_have_every_construction():
    assert free_case(5, 0) == free_case(5, 0) and free_case(5, 0).text != free_case(5, 1).text
    assert free_edit_case(5, 0) == free_edit_case(5, 0)
    assert {free_case(number, 0).kind for number in range(len(wording.MAKERS))} == set(wording.MAKERS)


def test_right_plans_with_empty_images_score_only_the_planning(blank):
    found = report(figures_of(blank))
    assert found["planning"] == {"parse": 1, "plan": 1} and found["editing"]["box_found"] == 1
    assert found["drawing"] == dict.fromkeys(COLUMNS, 0)
    assert set(found["obedience"].values()) == {0} and found["editing"]["change_made"] == 0
    assert found["free"] == {"plan": 1, "drawn": 0, "edit_plan": 1, "edit_made": 0}
    assert found["editing"]["psnr_outside"] < 20


def test_each_figure_says_how_many_cases_it_rests_on(perfect):
    details = report(figures_of(perfect))["details"]
    assert details["planning.plan"]["n"] == 14 and details["drawing.counting"]["n"] == 2
    assert details["editing.box_found"]["n"] == 6
    objects = sum(len(case.scene.objects) for case in QUESTIONS.prompt_cases)
    assert details["obedience.iou"]["n"] == objects


def test_without_answers_every_figure_is_there_and_empty(tmp_path):
    found = report(figures_of(Answers(tmp_path, {}, resume=False)))
    assert {part: tuple(found[part]) for part in MAIN} == MAIN
    assert all(value is None for part in (*MAIN, "drawing") for value in found[part].values())


def test_the_ablation_compares_the_same_prompts(perfect, tmp_path):
    answers = Answers(tmp_path, {}, resume=False)
    answers.found = {key: value for key, value in perfect.found.items() if not key.startswith("prompt-0004/prompt")}
    answers.folder = perfect.folder
    rows = report(figures_of(answers))["ablation"]
    counts = [row["n"] for row in rows.values()]
    assert counts[0] == counts[1] == counts[2] and counts[0]["position"] == 1


def test_the_interval_of_a_share_is_wilsons():
    found = figure([True] * 10)
    assert (found.value, found.n) == (1, 10) and found.low == pytest.approx(0.7225, abs=1e-3)
    found = figure([True, False] * 50)
    assert (found.low, found.high) == pytest.approx((0.4038, 0.5962), abs=1e-3)


def test_the_interval_of_a_mean_is_around_it():
    found = figure([20.0, 22.0, 24.0])
    assert found.value == 22 and found.high - 22 == pytest.approx(22 - found.low) == pytest.approx(1.96 * 2 / 3**0.5)


def test_the_table_has_every_figure(perfect):
    text = table(figures_of(perfect))
    for name in (*COLUMNS, *(name for names in MAIN.values() for name in names), *scenes.EDITS, "prompt only"):
        assert name in text


def test_a_model_that_fails_at_everything_has_a_report_too(tmp_path):
    answers = Answers(tmp_path, {}, resume=False)
    for case in (*QUESTIONS.prompt_cases, *QUESTIONS.edit_cases):
        for key in QUESTIONS.keys(case):
            if not key.endswith(("moved", "reworded")):  # there is no plan to change
                answers.add(key, Answer("", "", "out of memory"))
    found = figures_of(answers)
    assert report(found)["planning"] == {"parse": 0, "plan": 0} and report(found)["editing"]["psnr_outside"] is None
    assert f"{'-':>14}{1:>6}" in table(found) and contact_sheet(QUESTIONS, answers).width > 200


def test_the_sheet_frames_what_is_right_green_and_what_is_wrong_red(perfect, blank):
    for answers, color, other in ((perfect, RIGHT, WRONG), (blank, WRONG, None)):
        pixels = np.asarray(contact_sheet(QUESTIONS, answers)).reshape(-1, 3)
        assert (pixels == ImageColor.getrgb(color)).all(-1).sum() > 10_000
        assert other is None or (pixels == ImageColor.getrgb(other)).all(-1).sum() < 60_000


# ---------------------------------------------------------------- what is asked


def test_every_round_asks_for_the_plan_and_some_for_more():
    names = [{key.split("/")[1] for key in QUESTIONS.keys(case)} for case in QUESTIONS.prompt_cases]
    assert all(PLAN in asked for asked in names)
    assert names[0] == {PLAN, "moved", "reworded", PROMPT_ONLY, spatial(0), spatial(6)}
    assert names[7] == {PLAN} and names[11] == {PLAN, PROMPT_ONLY, spatial(0)}  # 11: position


def test_a_joined_graph_loads_the_model_once_and_every_wire_has_an_end():
    model = graphs.Model.of(TINY, "GoT-Tiny (bundled)", 3)
    whole = graphs.joined(
        {
            "a": graphs.planning(model, "a red circle", 1),
            "b": graphs.drawing(model, "a red circle", 1, "a red circle (1,1),(500,500)", 0.0),
            "c": graphs.editing(model, "source.png", "make it blue", 1),
            "d": graphs.editing_again(model, ("source.png", "drawn.png"), ("make it blue", "make it red"), "a", 1),
        }
    )
    kinds = [node["class_type"] for node in whole.values()]
    assert kinds.count("GoTLoader") == 1 and kinds.count("GoTSampler") == kinds.count("SaveImage") == 4
    wires = [value[0] for node in whole.values() for value in node["inputs"].values() if isinstance(value, list)]
    assert set(wires) <= set(whole)
    assert whole["b/6"]["inputs"]["strengths.spatial_strength"] == 0.0


def test_the_steps_are_the_models_own_unless_told():
    own = graphs.Model.of(TINY, "x", None)
    for task in (TEXT_TO_IMAGE, EDIT):
        assert own.settings(task, 0)["steps"] == own.manifest.defaults[task].steps
        assert own._replace(steps=3).settings(task, 0)["steps"] == 3


# ---------------------------------------------------------------- answers that outlive a break


def test_answers_are_there_again_and_a_line_that_broke_off_is_not(tmp_path):
    answers = Answers(tmp_path, {"seed": 0}, resume=False)
    answers.add("a", Answer("chain", "a.png"))
    with open(answers.path, "a", encoding="utf-8") as file:
        file.write('{"key": "b", "chai')
    again = Answers(tmp_path, {"seed": 0}, resume=True)
    again.add("c", Answer("", "", "why"))
    assert Answers(tmp_path, {"seed": 0}, resume=True).found == {
        "a": Answer("chain", "a.png"),
        "c": Answer("", "", "why"),
    }


def test_an_evaluation_that_broke_off_at_its_start_is_begun(tmp_path):
    (tmp_path / "answers.jsonl").write_text('{"se')
    assert not Answers(tmp_path, {"seed": 0}, resume=True).found
    assert json.loads((tmp_path / "answers.jsonl").read_text()) == {"seed": 0}


@pytest.mark.parametrize("option", ["--json", "--sheet"])
def test_a_folder_that_is_not_there_is_named_before_anything_is_asked(tmp_path, capsys, option):
    with pytest.raises(SystemExit):
        parse_arguments([option, str(tmp_path / "none" / "file.png"), "--work", str(tmp_path)])
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err


def test_answers_of_another_model_are_not_gone_on_with(tmp_path):
    Answers(tmp_path, {"seed": 0}, resume=False)
    with pytest.raises(AnswersError, match="--resume"):
        Answers(tmp_path, {"seed": 1}, resume=True)


def test_without_resume_it_starts_anew(tmp_path):
    Answers(tmp_path, {}, resume=False).add("a", Answer("chain", "a.png"))
    assert not Answers(tmp_path, {}, resume=False).found
    assert json.loads((tmp_path / "answers.jsonl").read_text()) == {}


def test_what_is_answered_is_not_asked_again(perfect):
    class Unreachable:
        def upload(self, path):
            return path.name

    Evaluation(Unreachable(), graphs.Model.of(TINY, "x", 1), QUESTIONS, perfect).run()
