"""An image of a plan: labels are readable, inside the image, in any script that has a font, and never take long."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from got.got_models.chain.grammar import read_chain
from got.got_models.guidance.images import to_pil
from got.got_models.guidance.preview import fonts, labels, plan_image
from got.got_models.guidance.preview.fonts import FontFile, fonts_for, read_font_file
from got.got_models.guidance.preview.labels import Labels
from got.got_models.guidance.preview.plan import _place
from got.tests.tiny_font import tiny_font
from PIL import features

RED = ("red", (255, 0, 0))
SCRIPTS = {
    "Chinese": "红色的猫",
    "Japanese": "赤い猫のカップ",
    "Korean": "빨간고양이",
    "Arabic": "قطةحمراء",
    "emoji": "🐈🎈",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only folder of fonts on this system; it is empty."""
    monkeypatch.setattr(fonts, "font_folders", lambda: [tmp_path])
    return tmp_path


def drawn(phrase: str, width: int = 2000) -> np.ndarray:
    return np.asarray(Labels([phrase], 20).draw(7, phrase, RED, width))


def shape(label: np.ndarray) -> tuple:
    return label.shape


# ------------------------------------------------------------------------------------------------ fonts


def test_a_font_has_the_letters_of_its_table_and_no_others(folder):
    path = folder / "one.ttf"
    path.write_bytes(tiny_font("红🐈a"))
    (font,) = read_font_file(str(path))
    assert font.has("a红🐈") and not font.has("b") and not font.has("红色")


@pytest.mark.parametrize("content", [b"", b"no font", b"ttcf" + b"\xff" * 20, tiny_font("红")[:60]])
def test_a_broken_font_file_is_no_font(folder, content):
    path = folder / "broken.ttf"
    path.write_bytes(content)
    assert [font for font in read_font_file(str(path)) if font.letters] == []
    assert shape(drawn("红")) == shape(drawn("色")), "both are the number and the color word"


def test_a_preferred_font_is_first_and_regular_is_before_bold(folder):
    for name in ("aaa.ttf", "NotoSansSC-Bold.ttf", "NotoSansSC-Regular.ttf"):
        (folder / name).write_bytes(tiny_font("红"))
    assert [Path(font.path).name for font in fonts_for({"红"}, lambda: None)] == ["NotoSansSC-Regular.ttf"]


def test_the_search_ends_in_time_and_looks_for_stop(folder, monkeypatch):
    for number in range(30):
        (folder / f"{number}.ttf").write_bytes(tiny_font("a"))
    looks = []
    assert fonts_for({"红"}, lambda: looks.append(1)) == [] and len(looks) == 30
    monkeypatch.setattr(fonts, "SECONDS", 0)
    looks.clear()
    assert fonts_for({"红"}, lambda: looks.append(1)) == [] and not looks


def test_the_systems_own_folders_can_be_searched():
    begin = time.monotonic()
    assert all(isinstance(font, FontFile) for font in fonts_for({"é", "红", "\U0010fffd"}, lambda: None))
    assert time.monotonic() - begin < 5


# ------------------------------------------------------------------------------------------------ labels


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_phrase_is_written_where_a_font_has_its_letters(folder, script):
    drawable = script != "Arabic" or features.check("raqm")  # letters that cannot be joined would be wrong
    phrase = SCRIPTS[script]
    without = drawn(phrase)
    (folder / "some.ttf").write_bytes(tiny_font("".join(sorted(set(phrase)))))
    label = drawn(phrase)
    assert (shape(label) != shape(without)) == drawable


@pytest.mark.parametrize(
    ("phrase", "same"),
    [
        ("빨간 고양이", "bbalgan goyangi"),
        ("ねこ", "neko"),
        ("красны", "kaeraesenyeru"),  # the names of Cyrillic letters: ka er a es en yeru
        ("café ódź", "cafe odz"),
        ("a cat 🐈", "a cat [cat]"),
        ("ｆｕｌｌ", "full"),
    ],
)
def test_letters_without_a_font_are_written_in_latin_where_unicode_names_their_sound(folder, phrase, same):
    assert (drawn(phrase) == drawn(same)).all()


@pytest.mark.parametrize("phrase", ["红色的猫", "قطة", "\U0010fffd", "​"])
def test_a_phrase_in_letters_without_a_sound_is_its_number_and_color(folder, phrase):
    assert (drawn(phrase) == drawn("(red)")).all()


def test_without_raqm_no_joined_script_is_drawn_wrong(folder, monkeypatch):
    (folder / "some.ttf").write_bytes(tiny_font("قطة"))
    monkeypatch.setattr(features, "check", lambda name: False)
    assert (drawn("قطة") == drawn("(red)")).all()


@pytest.mark.skipif(not features.check("raqm"), reason="Pillow has no raqm, without which no Arabic is drawn")
def test_runs_of_a_text_from_right_to_left_are_in_that_order(folder):
    (folder / "arabic.ttf").write_bytes(tiny_font("قطة", width=300))
    (folder / "chinese.ttf").write_bytes(tiny_font("猫", width=900))
    made = Labels(["قطة猫"], 20)
    line = np.asarray(labels._line(made._runs("قطة猫"), 20))[..., 3].any(0)
    assert line[:10].all(), "the Chinese letter, which is read last, is on the left"


@pytest.mark.parametrize("width", [40, 90, 200, 1000])
def test_a_label_is_as_narrow_as_asked_and_of_three_lines_at_most(folder, width):
    label = drawn("an elderly fisherman with a weathered face and a yellow raincoat at the very edge of a pier", width)
    assert label.shape[1] <= width and label.shape[0] < 4 * 20 * 1.35


def test_a_brief_label_is_a_number_where_its_phrase_has_several_lines(folder):
    long, short = "the area to be edited is the red square", "a cup"
    brief = Labels([long, short], 11, brief=True)
    assert brief.draw(1, long, RED, 60).width < 20 < brief.draw(1, short, RED, 60).width


# ------------------------------------------------------------------------------------------------ the image


def ink(image) -> np.ndarray:
    """Where an image has white letters, (H, W)."""
    return (np.asarray(image) > 150).all(-1)


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (4096, 2048)])
def test_letters_grow_with_the_image_and_are_not_clipped(size):
    chain = read_chain("a red cup (0,0),(400,300) (black), a cup (900,900),(999,999) (black)")
    letters = ink(to_pil(plan_image(chain, None, *size)))
    assert letters.any(1).sum() >= 2 * max(6, min(size) // 60), "two labels, each as tall as its letters"
    edges = letters[0], letters[-1], letters[:, 0], letters[:, -1]
    assert not any(edge.any() for edge in edges), "no letter touches the edge"


def test_labels_have_a_backing_on_a_white_image():
    import torch

    chain = read_chain("a long phrase that says what is there (0,0),(999,999) (white)")
    plan = np.asarray(to_pil(plan_image(chain, torch.ones(1, 512, 512, 3), 0, 0)))
    assert (plan.max(-1) < 90).sum() > 1000


def test_labels_of_boxes_at_one_place_are_beside_each_other():
    box, image = (0, 0, 400, 400), (512, 512)
    taken = []
    for _ in range(5):
        place = _place(box, (100, 30), image, taken, 1)
        assert all(place[:2] != other[:2] for other in taken)
        taken.append(place)


@pytest.mark.slow
def test_a_large_plan_looks_for_stop_at_every_step_and_does_not_take_minutes():
    """A plan of 8192 x 8192 pixels with 200 boxes took two minutes, in which Stop did nothing."""
    text = " ".join(f"thing {number} (0,0),(999,{900 + number % 90})" for number in range(200))
    looks = [time.monotonic()]
    plan_image(read_chain(text), None, 2048, 2048, lambda: looks.append(time.monotonic()))
    assert len(looks) > 600 and max(after - before for before, after in pairwise(looks)) < 5
    assert looks[-1] - looks[0] < 20


def test_a_region_that_is_off_is_an_outline_alone():
    chain = read_chain("a cup (100,100),(900,900) (red)")
    off = replace(chain, regions=(chain.regions[0]._replace(off=True),))
    on, off = (np.asarray(to_pil(plan_image(one, None, 256, 256))) for one in (chain, off))
    assert on[128, 128].tolist() != off[128, 128].tolist() == [40, 40, 40]
    assert on[128, 25].tolist() == off[128, 25].tolist() == [255, 0, 0]
