"""The cases of the evaluation are held out from training and depend on the seed; a user's changes are right.

Run: python dev.py test tests/test_evaluation_cases.py
"""

from random import Random

import pytest
from got.evaluation import scores
from got.evaluation.cases import COLUMNS, HELD_OUT, KINDS, edit_case, moved, prompt_case, reworded, scene_of
from got.world import scenes, wording
from got.world.detector import detect

PROMPTS = [prompt_case(number, 0) for number in range(140)]
EDITS = [edit_case(number, 0) for number in range(60)]


def of_kind(kind):
    return [case for case in PROMPTS if case.kind == kind]


def test_a_case_follows_from_its_number_and_the_seed():
    assert prompt_case(5, 0) == PROMPTS[5] and edit_case(5, 0) == EDITS[5]
    assert prompt_case(5, 1).text != PROMPTS[5].text


def test_every_kind_comes_as_often_as_any_other():
    assert {len(of_kind(kind)) for kind in KINDS} == {20} and KINDS[:6] == COLUMNS
    assert {sum(case.edit.kind == kind for case in EDITS) for kind in scenes.EDITS} == {10}


def test_prompts_are_phrased_as_training_never_does():
    held_out = [frame.format(x="") for frame in wording.FRAMES[-2:]]
    for case in PROMPTS:
        assert any(case.text.lower().startswith(words) for words in held_out), case.text
    relations = [words for phrasings in wording.PLACES.values() for words in phrasings[-2:]]
    for case in of_kind("position"):
        assert any(words in case.text for words in relations), case.text


def test_instructions_are_phrased_as_training_never_does():
    for case in EDITS:
        held_out = [wording.capital(words.split("{")[0]) for words in wording.INSTRUCTIONS[case.edit.kind][-2:]]
        assert wording.capital(case.text).startswith(tuple(held_out)), case.text


def test_what_is_placed_somewhere_is_a_held_out_combination():
    assert len(HELD_OUT) == sum(
        scenes.is_held_out(c, s, r) for c in scenes.COLORS for s in scenes.SHAPES for r in scenes.RELATIONS
    )
    for case in PROMPTS:
        for i, relation, _ in case.scene.relations:
            assert scenes.is_held_out(case.scene.objects[i].color, case.scene.objects[i].shape, relation)
    for case in EDITS:
        if case.edit.kind == "add":
            assert scenes.is_held_out(case.edit.result.color, case.edit.result.shape, case.edit.relation)


@pytest.mark.parametrize(
    ("kind", "counts", "names"),
    [
        ("single_object", {1}, {1}),
        ("two_objects", {2}, {2}),
        ("counting", {2, 3, 4}, {1}),
        ("colors", {1}, {1}),
        ("position", {2}, {2}),
        ("attribute_binding", {2}, {2}),
        ("many", {3, 4}, {2, 3, 4}),
    ],
)
def test_a_kind_asks_for_what_its_name_says(kind, counts, names):
    asked = [scene_of(kind, Random(seed)) for seed in range(60)]
    assert {len(scene.objects) for scene in asked} == counts
    assert {len({obj.name for obj in scene.objects}) for scene in asked} <= names
    assert all(bool(scene.relations) for scene in asked) or kind != "position"


@pytest.mark.slow  # it takes seconds
def test_a_rendered_case_is_drawn_as_asked():
    for case in PROMPTS:
        assert scores.as_asked(case.kind, case.scene, detect(scenes.render(case.scene))), case.text


def test_the_second_edit_changes_the_result_of_the_first():
    for case in EDITS:
        assert case.second.source == case.edit.target and len(case.second.target.objects) <= 4


# ---------------------------------------------------------------- a user's changes


def plan(case):
    return wording.chain(case.scene, Random(case.number))


@pytest.mark.slow  # it takes seconds
def test_a_moved_box_is_the_only_object_that_changes_and_it_touches_nothing():
    for case in PROMPTS:
        changed = moved(plan(case), case.scene, Random(0))
        if changed is None:
            assert len(case.scene.objects) == 4  # a tidy plan of four leaves no room
            continue
        before, after = scores.planned(plan(case)), scores.planned(changed.chain)
        assert [old != new for old, new in zip(before, after)].count(True) == 1
        assert changed.before in before and changed.after in after and changed.before.name == changed.after.name
        assert scenes.apart(changed.after.box, [obj.box for obj in before])


def test_a_moved_box_keeps_the_relations():
    for case in of_kind("position"):
        assert scores.fulfilled(moved(plan(case), case.scene, Random(0)).chain, case.scene)


def test_where_there_is_no_room_nothing_moves():
    wall = scenes.Object("square", "red", (25, 25, 975, 975))
    scene = scenes.Scene("gray", (wall,))
    assert moved(wording.chain(scene, Random(0)), scene, Random(0)) is None
    assert moved("no box at all", scene, Random(0)) is None


def test_one_color_or_noun_is_reworded_with_its_article_and_the_color_of_its_box():
    kinds = set()
    for case in PROMPTS:
        chain = plan(case)
        changed = reworded(chain, Random(case.number))
        if changed is None:
            assert case.kind in ("counting", "many")
            continue
        kinds.add(changed.kind)
        expected = [changed.after if obj == changed.before else obj for obj in scores.planned(chain)]
        assert scores.planned(changed.chain) == expected
        objects = tuple(expected)
        assert changed.chain == wording.chain(
            scenes.Scene(case.scene.background, objects, case.scene.relations), Random(case.number)
        )
    assert kinds == {"color", "noun"}


def test_objects_of_one_name_are_not_reworded():
    assert reworded(plan(of_kind("counting")[0]), Random(0)) is None
