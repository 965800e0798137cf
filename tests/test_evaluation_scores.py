"""The metrics: a rendered scene is judged right, and a scene with one mistake wrong.

Run: python dev.py test tests/test_evaluation_scores.py
"""

from random import Random

import numpy as np
import pytest
from got.evaluation import scores
from got.world import scenes, wording
from got.world.detector import detect
from got.world.scenes import Edit, Object, Scene

RED, BLUE = Object("circle", "red", (100, 300, 400, 600)), Object("square", "blue", (600, 300, 900, 600))
PAIR = Scene("gray", (RED, BLUE), ((0, "left of", 1),))
CHAIN = wording.chain(PAIR, Random(0))
RED_BOX, BLUE_BOX = (wording.box_text(obj.box, obj.color) for obj in PAIR.objects)


def seen(*objects, background="gray"):
    return detect(scenes.render(Scene(background, objects)))


# ---------------------------------------------------------------- planning


def test_the_plan_of_a_scenes_own_chain_is_that_scene():
    assert scores.planned(CHAIN) == [RED, BLUE]
    assert scores.parses(CHAIN) and scores.fulfilled(CHAIN, PAIR)


@pytest.mark.parametrize(
    "chain",
    [
        "",
        "A red circle is left of a blue square.",
        f"A red circle {RED_BOX} is left of a blue square.",
        f"A red circle {RED_BOX} is left of {BLUE_BOX}.",
        "A red circle (100,300),(400,6000) (red).",
    ],
    ids=["empty", "no box", "a thing without a box", "a box without a thing", "a box off the grid"],
)
def test_a_chain_without_a_box_for_each_object_does_not_parse(chain):
    assert not scores.parses(chain)


def test_a_group_that_is_named_before_its_objects_needs_no_box_of_its_own():
    boxes = [wording.box_text(box, "red") for box in ((100, 100, 400, 400), (500, 100, 800, 400))]
    chain = f"There are two red circles: a red circle {boxes[0]} and a red circle {boxes[1]}."
    assert scores.parses(chain)


@pytest.mark.parametrize(
    "scene",
    [
        Scene("gray", (RED,)),
        Scene("gray", (RED, BLUE, RED)),
        Scene("gray", (RED._replace(color="green"), BLUE)),
        Scene("gray", (RED, BLUE), ((0, "above", 1),)),
    ],
    ids=["one too many", "one too few", "another color", "another relation"],
)
def test_a_plan_with_anything_wrong_is_wrong(scene):
    assert not scores.fulfilled(CHAIN, scene)


# ---------------------------------------------------------------- drawing


@pytest.mark.parametrize(
    ("kind", "objects", "right"),
    [
        ("position", (RED, BLUE), True),
        ("position", (RED._replace(box=BLUE.box), BLUE._replace(box=RED.box)), False),
        ("attribute_binding", (RED._replace(color="blue"), BLUE._replace(color="red")), False),
        ("two_objects", (RED._replace(color="blue"), BLUE._replace(color="red")), True),
        ("two_objects", (RED,), False),
        ("two_objects", (RED, BLUE, RED._replace(box=(100, 700, 350, 950))), False),
        ("counting", (RED, BLUE), True),
        ("counting", (RED,), False),
    ],
)
def test_an_image_is_judged_by_what_its_kind_of_prompt_asks_for(kind, objects, right):
    scene = PAIR if kind == "position" else Scene("gray", PAIR.objects)
    assert scores.as_asked(kind, scene, seen(*objects)) == right


@pytest.mark.parametrize(("kind", "right"), [("single_object", True), ("colors", False)])
def test_a_object_in_another_color_is_still_an_object(kind, right):
    assert scores.as_asked(kind, Scene("gray", (RED,)), seen(RED._replace(color="green"))) == right


@pytest.mark.parametrize("relation", scenes.RELATIONS)
def test_relations_are_seen_and_their_opposites_are_not(relation):
    here, there = ((0, 0, 300, 300), (310, 310, 600, 600))
    first, second = (here, there) if relation in ("left of", "above") else (there, here)
    assert scores.beyond(first, relation, second)
    assert not scores.beyond(first, scenes.OPPOSITE[relation], second)
    assert not scores.beyond((0, 0, 300, 300), relation, (100, 100, 400, 400))


# ---------------------------------------------------------------- obedience


def test_fit_is_near_one_where_drawn_as_planned_and_zero_where_nothing_is():
    assert scores.fit(RED, seen(RED, BLUE)) > 0.9
    assert scores.fit(RED, seen(RED._replace(color="green"), BLUE)) == 0


@pytest.mark.parametrize(
    ("drawn", "right"),
    [
        (["new"], True),
        (["old"], False),
        (["new", "old"], False),
        (["new", "elsewhere"], False),
        ([], False),
    ],
)
def test_a_object_followed_if_it_is_at_the_new_place_and_nowhere_else(drawn, right):
    places = {"old": RED.box, "new": (100, 650, 350, 900), "elsewhere": (600, 650, 850, 900)}
    after = RED._replace(box=places["new"])
    chain = wording.chain(Scene("gray", (after, BLUE)), Random(0))
    view = seen(BLUE, *(RED._replace(box=places[name]) for name in drawn))
    assert scores.followed(RED, after, chain, view) == right


@pytest.mark.parametrize(
    ("objects", "background", "right"),
    [
        (("green", BLUE), "gray", True),
        (("red", BLUE), "gray", False),
        (("green", BLUE._replace(color="white")), "gray", False),
        (("green", BLUE._replace(box=(600, 650, 900, 950))), "gray", False),
        (("green",), "gray", False),
        (("green", BLUE, RED._replace(box=(100, 650, 350, 900))), "gray", False),
        (("green", BLUE), "pink", False),
    ],
    ids=["only there", "nothing", "another color too", "another place too", "one gone", "one new", "background too"],
)
def test_a_rewording_changes_the_object_and_nothing_else(objects, background, right):
    color, *others = objects
    after, old = RED._replace(color="green"), seen(RED, BLUE)
    new = seen(RED._replace(color=color), *others, background=background)
    assert scores.changed_only_there(RED, after, old, new) == right


# ---------------------------------------------------------------- editing


def edits(kind, count=12):
    return [scenes.random_edit(Random(seed), held_out=True, kind=kind) for seed in range(count)]


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_the_edited_scene_is_the_change_and_the_source_is_not(kind):
    for edit in edits(kind):
        assert scores.change_made(edit, detect(scenes.render(edit.target)))
        assert not scores.change_made(edit, detect(scenes.render(edit.source)))


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_the_true_area_is_found_and_the_empty_corner_is_not(kind):
    for edit in edits(kind):
        assert scores.area_found(edit, wording.edit_chain(edit))
        assert not scores.area_found(edit, f"Here {wording.box_text((0, 0, 20, 20), 'red')}")
        assert not scores.area_found(edit, "Here.")


def test_what_is_added_may_stand_anywhere_in_its_relation_but_on_nothing():
    source = Scene("gray", (RED,))
    new = Object("star", "white", (450, 350, 700, 600))
    edit = Edit("add", source, Scene("gray", (RED, new)), new.box, new, new, "right of", RED)
    assert scores.area_found(edit, f"There {wording.box_text((700, 600, 950, 850), 'white')}")
    assert not scores.area_found(edit, f"There {wording.box_text((380, 350, 700, 600), 'white')}")
    assert scores.change_made(edit, seen(RED, new._replace(box=(700, 600, 950, 850))))
    assert not scores.change_made(edit, seen(RED, new._replace(box=(100, 650, 350, 900))))


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_outside_its_area_an_edit_changes_nothing(kind):
    for edit in edits(kind, 6):
        source, target = scenes.render(edit.source), scenes.render(edit.target)
        mask = scores.left_alone(edit, wording.edit_chain(edit))
        assert 0 < mask.sum() < mask.size
        assert scores.psnr(source, target, mask) == scores.MOST_DB


def test_the_planned_area_is_left_out_too_unless_nothing_remains():
    edit = edits("remove")[0]
    true = scores.left_alone(edit, "")
    half = scores.left_alone(edit, f"Here {wording.box_text((0, 0, 500, 998), 'red')}")
    assert not half[:, :64].any() and half[:, 64:].sum() == true[:, 64:].sum()
    everything = scores.left_alone(edit, f"Here {wording.box_text((0, 0, 998, 998), 'red')}")
    assert (everything == true).all()


def test_psnr_is_that_of_the_masked_pixels_alone():
    first = np.zeros((4, 4, 3), dtype=np.uint8)
    second = first.copy()
    second[:2], second[2:] = 255, 51
    mask = np.zeros((4, 4), dtype=bool)
    mask[2:] = True
    assert scores.psnr(first, second, mask) == pytest.approx(20 * np.log10(255 / 51))
