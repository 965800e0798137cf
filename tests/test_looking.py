"""What an image shows, asked and answered in texts.

Run: python dev.py test tests/test_looking.py
"""

from random import Random

import pytest
from got.got_models.chain.grammar import canonical_text
from got.got_models.reasoner.looking import Found, find_answer, find_question, read_find_answer
from got.training.tiny import rows

LEFT, RIGHT = (25, 300, 325, 600), (675, 300, 975, 600)


def box(corners, color="red"):
    x0, y0, x1, y1 = corners
    return f"<|box_start|>({x0},{y0}),({x1},{y1})<|box_end|> ({color})"


def test_a_question_lists_its_things():
    assert find_question(["red circle"]) == "Where in the given image is the red circle?"
    assert find_question(["a", "b", "c"]).endswith("is the a, b and c?")
    with pytest.raises(ValueError, match="Name one thing"):
        find_question([])


def test_an_answer_is_read_back():
    answer = find_answer(
        "two cups", [("red circle", [box(LEFT), box(RIGHT)]), ("blue star", []), ("cup", [box(RIGHT, "blue")])]
    )
    assert answer == (
        f"The image shows two cups. The red circle {box(LEFT)} and {box(RIGHT)}. "
        f"The blue star: none. The cup {box(RIGHT, 'blue')}."
    )
    assert canonical_text(answer) == answer
    found = read_find_answer(answer, ["red circle", "blue star", "cup"])
    assert found == [Found("red circle", (LEFT, RIGHT)), Found("blue star", ()), Found("cup", (RIGHT,))]


def test_a_thing_that_is_not_answered_is_absent():
    cut = f"The cup {box(LEFT)}. The"
    assert read_find_answer(cut, ["cup", "plate"]) == [Found("cup", (LEFT,)), Found("plate", ())]
    assert read_find_answer("", ["cup"]) == [Found("cup", ())]


def test_a_row_that_finds_has_every_box_of_what_is_there_and_none_of_what_is_not():
    present = absent = 0
    for seed in range(200):
        row = rows.find_row(Random(seed))
        things = row.prompt.split("image is the ")[1].split("?")[0].replace(" and ", ", ").split(", ")
        for found in read_find_answer(row.chain, things):
            shown = [obj.box for obj in row.source.objects if obj.name == found.thing]
            assert sorted(found.boxes) == sorted(shown)
            present, absent = present + bool(shown), absent + (not shown)
    assert 0.4 < absent / (present + absent) < 0.6
