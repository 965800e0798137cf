"""The synthetic world: the same seed gives the same scene, layouts keep their word, texts tell what is drawn.

Run: python dev.py test tests/test_world.py
"""

from random import Random

import numpy as np
import pytest
from got.got_models.chain.grammar import parse_regions
from got.training.tiny import rows
from got.world import scenes, wording


def some_scenes(count=150, held_out=False):
    return [scenes.random_scene(Random(seed), held_out) for seed in range(count)]


def edits(kind, count=25):
    return [scenes.random_edit(Random(seed), kind=kind) for seed in range(count)]


def test_the_same_seed_gives_the_same_scene_and_the_same_texts():
    def telling():
        rng = Random(7)
        scene, edit = scenes.random_scene(rng), scenes.random_edit(rng)
        texts = wording.caption(scene, rng), wording.chain(scene, rng), wording.instruction(edit, rng)
        return scene, edit, texts

    assert telling() == telling()


def test_objects_keep_apart_from_each_other_and_from_the_edge():
    for scene in some_scenes():
        boxes = [obj.box for obj in scene.objects]
        for i, box in enumerate(boxes):
            assert scenes.apart(box, boxes[:i]) and min(box) >= scenes.MARGIN and max(box) <= 1000 - scenes.MARGIN


def test_relations_hold_in_the_layout():
    related = [scene for scene in some_scenes() if scene.relations]
    assert related
    for scene in related:
        for i, relation, j in scene.relations:
            assert scenes.holds(scene.objects[i].box, relation, scene.objects[j].box)


def test_most_boxes_lie_on_the_coarse_grid_and_some_do_not():
    on_grid = [all(edge % scenes.STEP == 0 for t in scene.objects for edge in t.box) for scene in some_scenes(300)]
    assert 0.6 < np.mean(on_grid) < 0.8


def test_training_never_sees_a_held_out_combination_and_the_held_out_split_nothing_else():
    for held_out in (False, True):
        for scene in some_scenes(150, held_out):
            for i, relation, _ in scene.relations:
                assert scenes.is_held_out(scene.objects[i].color, scene.objects[i].shape, relation) == held_out


def test_every_tenth_combination_is_held_out():
    flags = [scenes.is_held_out(c, s, r) for c in scenes.COLORS for s in scenes.SHAPES for r in scenes.RELATIONS]
    assert sum(flags) / len(flags) == pytest.approx(0.1, abs=0.02)


def test_held_out_phrasings_are_not_used_in_training():
    rng = Random(0)
    trained = {wording.pick(rng, wording.INSTRUCTIONS["move"], False) for _ in range(200)}
    held_out = {wording.pick(rng, wording.INSTRUCTIONS["move"], True) for _ in range(200)}
    assert len(held_out) == 2 and not trained & held_out


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_no_phrasing_is_there_twice(kind):
    phrasings = wording.INSTRUCTIONS[kind]
    assert len(set(phrasings)) == len(phrasings)


def test_an_instruction_that_is_held_out_is_the_plain_phrasing():
    for seed in range(40):
        edit = scenes.random_edit(Random(seed), held_out=True, kind="remove")
        said = wording.instruction(edit, Random(seed), held_out=True).rstrip(".").lower()
        assert said in {text.format(s=edit.subject.name) for text in wording.INSTRUCTIONS["remove"][-2:]}


def test_a_square_is_painted_in_its_box_and_nowhere_else():
    scene = scenes.Scene("pink", (scenes.Object("square", "blue", (250, 500, 500, 750)),))
    blue = (scenes.render(scene, 8, 8) == (0, 0, 255)).all(-1)
    assert blue[4:6, 2:4].all() and blue.sum() == 4


@pytest.mark.parametrize("shape", scenes.SHAPES)
def test_a_shape_touches_all_four_sides_of_its_box(shape):
    pixels = np.zeros((64, 64, 3), dtype=np.float32)
    scenes.paint(pixels, scenes.Object(shape, "white", (250, 250, 750, 750)))
    painted = pixels[..., 0] > 30
    rows, columns = np.flatnonzero(painted.any(1)), np.flatnonzero(painted.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (16, 47, 16, 47)


def test_the_pack_reads_the_boxes_and_colors_of_a_chain():
    for seed, scene in enumerate(some_scenes(50)):
        regions = parse_regions(wording.chain(scene, Random(seed)))
        assert [tuple(region.box) for region in regions] == [obj.box for obj in scene.objects]
        assert [region.color.word for region in regions] == [wording.box_color(obj.color) for obj in scene.objects]


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_an_edit_chain_has_one_box_the_area(kind):
    for edit in edits(kind):
        assert wording.boxes_of(wording.edit_chain(edit)) == [edit.area]


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_an_edit_changes_nothing_outside_its_area(kind):
    for edit in edits(kind):
        before, after = scenes.render(edit.source).astype(int), scenes.render(edit.target).astype(int)
        x0, y0, x1, y1 = (edge * scenes.SIZE / 1000 for edge in edit.area)
        outside = np.ones((scenes.SIZE, scenes.SIZE), dtype=bool)
        outside[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
        changed = (before != after).any(-1)
        assert changed.any() and (kind == "background" or not (changed & outside).any())


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_a_loosened_edit_is_the_same_edit_with_its_area_a_little_off(kind):
    for seed, edit in enumerate(edits(kind)):
        loose = scenes.loosened(Random(seed), edit)
        off = [abs(side - other) for side, other in zip(loose.area, edit.area)]
        assert (loose.kind, loose.source) == (edit.kind, edit.source) and max(off) <= scenes.SLACK
        assert wording.boxes_of(wording.edit_chain(loose)) == [loose.area]
        assert loose.target == edit.target or (kind == "add" and loose.target.objects[-1].box == loose.area)


@pytest.mark.parametrize("kind", sorted(set(scenes.EDITS) - {"background"}))
def test_most_loosened_areas_are_another(kind):
    loose = [scenes.loosened(Random(seed), edit).area != edit.area for seed, edit in enumerate(edits(kind))]
    assert np.mean(loose) > 0.7


def test_an_edit_chain_names_what_its_area_depends_on_before_the_area():
    for edit in edits("add") + edits("move"):
        before = wording.edit_chain(edit).split("<|box_start|>")[0]
        assert (edit.anchor or edit.subject).name in before.split("\n")[1]
        assert (edit.relation if edit.anchor else wording.DIRECTIONS[edit.relation]) in before.split("\n")[1]


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_what_an_edit_leaves_is_named_in_the_order_of_the_source(kind):
    for edit in edits(kind):
        kept = [obj for obj in edit.target.objects if obj in edit.source.objects]
        assert kept == [obj for obj in edit.source.objects if obj in edit.target.objects]
        assert kind != "add" or edit.target.objects[-1] == edit.result


def test_what_is_added_stands_right_beside_its_anchor_and_apart_from_all_else():
    for edit in edits("add", 100):
        new, old = edit.result.box, edit.anchor.box
        axis = 0 if edit.relation in ("left of", "right of") else 1
        gap = new[axis] - old[axis + 2] if edit.relation in ("right of", "below") else old[axis] - new[axis + 2]
        assert gap == scenes.MARGIN and min(new) >= scenes.MARGIN and max(new) <= 1000 - scenes.MARGIN
        assert scenes.apart(new, [obj.box for obj in edit.source.objects])


def test_scattered_boxes_lie_apart_and_need_not_keep_a_relation():
    broken = 0
    for seed in range(200):
        scene = scenes.random_scene(Random(seed), tidy=True)
        objects = scenes.scattered(Random(seed), scene).objects
        assert [obj.name for obj in objects] == [obj.name for obj in scene.objects]
        boxes = [obj.box for obj in objects]
        for i, box in enumerate(boxes):
            assert scenes.apart(box, boxes[:i]) and min(box) >= scenes.MARGIN and max(box) <= 1000 - scenes.MARGIN
        broken += any(not scenes.holds(boxes[i], r, boxes[j]) for i, r, j in scene.relations)
    assert broken > 50


def test_changing_the_background_has_the_whole_picture_as_its_area():
    assert all(edit.area == scenes.EVERYWHERE for edit in edits("background"))


def test_removing_never_empties_the_picture():
    assert all(edit.target.objects for edit in edits("remove"))


def test_a_tidy_scene_keeps_its_objects_apart_and_its_relations():
    for seed in range(300):
        scene = scenes.random_scene(Random(seed), tidy=True)
        boxes = [obj.box for obj in scene.objects]
        for i, box in enumerate(boxes):
            assert scenes.apart(box, boxes[:i]) and min(box) >= scenes.MARGIN and max(box) <= 1000 - scenes.MARGIN
        for i, relation, j in scene.relations:
            assert scenes.holds(boxes[i], relation, boxes[j])


def test_what_goes_on_from_locked_regions_keeps_them_and_leaves_them_room():
    for seed in range(100):
        row = rows.locked_row(Random(seed))
        assert set(wording.boxes_of(row.locked)) <= {obj.box for obj in row.target.objects}
        assert sorted(row.boxes) == sorted(obj.box for obj in row.target.objects)
        for i, box in enumerate(row.boxes):
            assert scenes.apart(box, row.boxes[:i])
