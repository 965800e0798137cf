"""What an image shows, asked and answered in texts.

Run: python dev.py test tests/test_looking.py
"""

from pathlib import Path
from random import Random

import pytest
from got.evaluation import scores
from got.evaluation.looking import Looker
from got.got_models.chain.grammar import read_chain
from got.got_models.files.manifest import TINY
from got.got_models.reasoner.looking import find_in
from got.world import scenes, wording

LEFT, RIGHT, TOP = (25, 300, 325, 600), (675, 300, 975, 600), (350, 25, 650, 325)


def box(corners, color="red"):
    x0, y0, x1, y1 = corners
    return f"<|box_start|>({x0},{y0}),({x1},{y1})<|box_end|> ({color})"


DESCRIPTION = read_chain(
    f"There are two red circles: a red circle {box(LEFT)} and a red circle {box(RIGHT)}. "
    f"There is a large wooden Chair {box(TOP, 'brown')}."
)


@pytest.mark.parametrize(
    ("thing", "boxes"),
    [
        ("red circle", (LEFT, RIGHT)),
        ("red circles", (LEFT, RIGHT)),
        ("circle", (LEFT, RIGHT)),
        ("chair", (TOP,)),
        ("wooden chair", (TOP,)),
        ("blue circle", ()),
        ("red", ()),
        ("large wooden chair leg", ()),
        ("hair", ()),
    ],
)
def test_a_thing_is_where_the_description_names_it_or_nowhere(thing, boxes):
    assert tuple(tuple(region.box) for region in find_in(DESCRIPTION, thing)) == boxes


def test_nothing_is_in_an_empty_description():
    assert find_in(read_chain("The background is gray."), "cup") == ()


def test_a_description_of_a_scene_answers_for_each_of_its_things():
    for seed in range(60):
        scene = scenes.random_scene(Random(seed))
        chain = wording.chain(scene, Random(seed))
        for color in scenes.COLORS:
            for shape in scenes.SHAPES:
                boxes = [obj.box for obj in scene.objects if obj.name == f"{color} {shape}"]
                assert scores.things_found(chain, f"{color} {shape}", boxes), chain


@pytest.mark.slow  # it takes seconds
def test_the_bundled_model_describes_what_is_there_and_finds_nothing_else():
    looker, objects = Looker(Path(TINY)), (scenes.Object("star", "red", LEFT), scenes.Object("square", "blue", RIGHT))
    answer = looker.describe(scenes.render(scenes.Scene("gray", objects)))
    description = read_chain(answer.chain)
    for obj in objects:
        assert scores.things_found(answer.chain, obj.name, [obj.box])
    assert not find_in(description, "red square") and not find_in(description, "blue star")
