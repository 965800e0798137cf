"""A person's edits: what is read and refused, when they apply, what a lock keeps. And chains from boxes."""

import json
import re
from dataclasses import replace
from random import Random

import pytest
import torch
from got.got_models.chain.boxes import bounding_boxes, elements, text_of_boxes
from got.got_models.chain.colors import PALETTE, find_color, named
from got.got_models.chain.edits import (
    MAX_SIZE,
    checked_wish,
    locked_text,
    made_on,
    read_edits,
    rewriting,
    with_edits,
)
from got.got_models.chain.forms.reader import read_plan
from got.got_models.chain.grammar import EDIT, ChainError, canonical_text, parse_regions, plain_text, read_chain
from got.got_models.chain.request import with_wish
from got.got_models.errors import GoTError
from got.got_models.guidance.images import thumbnail
from got.got_models.guidance.preview import plan_image

PLAN = "A red circle (100,300),(400,600) (red) is left of a blue square (600,300),(900,600) (blue)."
MOVED = PLAN.replace("(100,300),(400,600)", "(100,500),(400,800)")


def saved(plan=PLAN, text=MOVED, **more):
    return json.dumps({"version": 1, "plan": plan, "text": text, **more})


def locks(*flags):
    return [{"locked": flag} for flag in flags]


def edited(chain, **more):
    return with_edits(chain, read_edits(saved(**more)))


# ------------------------------------------------------------------------------------------------ reading and using


@pytest.mark.parametrize("nothing", ["", " \n", None])
def test_nothing_saved_leaves_the_chain_alone(nothing):
    chain = read_chain(PLAN)
    assert read_edits(nothing) is None
    assert with_edits(chain, None) is chain and not made_on(None, chain)


def test_edits_hold_for_the_chain_they_were_made_on():
    chain = read_chain(PLAN, EDIT, "move it", "the image", semantics="known", size=(64, 64))
    moved = edited(chain)
    assert moved.text == read_chain(MOVED).text and moved.semantics is None
    assert (moved.task, moved.prompt, moved.source, moved.size) == (EDIT, "move it", "the image", (64, 64))


def test_a_chosen_size_is_of_every_chain_and_no_edit_of_its_text():
    chain = read_chain(PLAN, semantics="known", size=(128, 128))
    sized = edited(chain, text=PLAN, size=[192, 128])
    assert sized.size == sized.chosen_size == (192, 128) and sized.semantics == "known"
    other = read_chain("A cup (1,2),(3,4) (red).", size=(128, 128))
    for text in (saved(size=[192, 128]), saved("", "", size=[192, 128])):
        assert not made_on(read_edits(text), other)
        assert with_edits(other, read_edits(text)) == replace(other, size=(192, 128), chosen_size=(192, 128))
    assert edited(chain).chosen_size is None and edited(chain).size == (128, 128)


@pytest.mark.parametrize(
    "size", [[128], [128, 128, 128], [128, 130], [56, 128], [8200, 128], [128.0, 128], [True, 128], "8"]
)
def test_a_size_that_no_image_can_have_is_refused(size):
    with pytest.raises(GoTError, match="multiples of 8 from 64 to 8192"):
        read_edits(saved(size=size))


def test_another_chain_wins_over_the_edits():
    other = read_chain(PLAN.replace("red circle", "red star"))
    assert edited(other) is other
    assert not made_on(read_edits(saved()), other)


def test_spaces_and_markers_do_not_make_a_plan_another_one():
    chain = read_chain(PLAN)
    assert made_on(read_edits(saved(plan=f"  {PLAN.replace('),(', ' ), ( ')}\n")), chain)
    assert made_on(read_edits(saved(plan=chain.text)), chain)


UNCOLORED = "A red circle (100,300),(400,600) is left of a blue square (600,300),(900,600)"


@pytest.mark.parametrize(
    ("text", "earlier"),  # a text, and its colors as version 0.1 gave them
    [
        (UNCOLORED, "red green"),
        (f"{UNCOLORED}, a hat (1,2),(3,4) (teal)", "red green teal"),
        (f"A cup (1,2),(3,4), {UNCOLORED}", "red green blue"),
        (f"{UNCOLORED}, {UNCOLORED} (green), a hat (1,2),(3,4) (red)", "blue yellow purple green red"),
        (", ".join(["a gold cup (1,2),(3,4)"] * 14), " ".join([*PALETTE, "red", "green"])),
    ],
)
def test_edits_on_colors_of_an_earlier_version_are_kept(text, earlier):
    chain, colors = read_chain(text), iter(earlier.split())
    plan = re.sub(r"(?<=\)) \(\w+\)", lambda _: f" ({next(colors)})", plain_text(chain.text))
    assert [region.color.word for region in parse_regions(canonical_text(plan))] == earlier.split()
    assert canonical_text(plan) != chain.text and made_on(read_edits(saved(plan=plan)), chain)
    assert edited(chain, plan=plan, text=plan).text == canonical_text(plan)
    other = chain.edited(chain.text.replace(f"({chain.regions[0].color.word})", "(pink)"))
    assert not made_on(read_edits(saved(plan=plan)), other)


def test_another_color_upstream_makes_a_plan_another_one():
    chain = read_chain(PLAN.replace("(blue)", "(teal)"))
    assert not made_on(read_edits(saved()), chain) and not made_on(read_edits(saved(plan=UNCOLORED)), chain)


def test_tags_around_a_phrase_do_not_make_a_plan_another_one():
    chain = read_chain("a bowl of <|obj_start|>pears<|obj_end|> (1,2),(3,4) (red)")
    for plan in ("a bowl of pears (1,2),(3,4) (red)", "a bowl of [pears] (1,2),(3,4)", "[a bowl of pears] (1,2),(3,4)"):
        assert made_on(read_edits(saved(plan=plan)), chain)
    assert not made_on(read_edits(saved(plan="a bowl of plums (1,2),(3,4)")), chain)


def test_an_unchanged_text_is_the_very_same_chain():
    chain = read_chain(PLAN, semantics="known")
    assert edited(chain, text=plain_text(chain.text)) is chain


def test_locks_travel_with_the_chain_and_keep_what_is_known_of_it():
    chain = read_chain(PLAN, semantics="known")
    locked = edited(chain, text=PLAN, regions=locks(False, True))
    assert locked.locked == (1,) and locked.semantics == "known" and locked.text == chain.text
    assert edited(locked, text=PLAN).locked == ()
    assert locked.edited(MOVED).locked == ()


BAD = {
    "not a text": (7, "not a text"),
    "not JSON": ("{", "not JSON"),
    "deep": ("[" * 50_000, "not JSON"),
    "half a character": ("\ud83d", "not JSON"),
    "a list": ("[]", "not a JSON object"),
    "no version": ('{"plan": "", "text": ""}', "version is null"),
    "true as version": (json.dumps({"version": True, "plan": "", "text": ""}), "version is true"),
    "a newer version": (json.dumps({"version": 2}), "Update ComfyUI-GoT"),
    "no plan": ('{"version": 1, "text": ""}', "'plan' is not a text"),
    "text is a number": (saved(text=3), "'text' is not a text"),
    "a plan that cannot be read": (saved(plan="a (5,5),(1,1)"), "the plan in them"),
    "a malformed box": (saved(text="a cup (1,2),(3,4), a hat (9,0),(5,9)"), "Box 2 '(9,0),(5,9)' is empty"),
    "an unknown color": (saved(text="a cup (1,2),(3,4) (bleu)"), "Did you mean blue"),
    "regions of another text": (saved(regions=locks(True)), "list of 2 entries"),
    "regions with other flags": (saved(regions=[{"locked": 1}, {}]), "list of 2 entries"),
    "regions no list": (saved(regions={"0": {}}), "list of 2 entries"),
    "order of strings": (saved(order=["0", "1"]), "integers"),
    "order with a hole": (saved(order=[0, 2]), "each number from 0 to 1"),
    "order twice": (saved(order=[0, 0]), "each number from 0 to 1"),
    "too large": (saved(text="a" * MAX_SIZE), "larger than 200 kB"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_named(case):
    value, words = BAD[case]
    with pytest.raises(GoTError) as error:
        read_edits(value)
    assert words in str(error.value)
    assert len(str(error.value)) < 400


def test_what_is_not_a_box_yet_is_prose():
    assert edited(read_chain(PLAN), text="a cup (12,40),(380").regions == ()


def test_all_that_may_be_saved_is_read():
    edits = read_edits(saved(regions=[{"locked": True, "hidden": True}, {}], order=[1, 0], view={"dim": 0.5}))
    assert edits.locked == (0,)


# ----------------------------------------------------------------------------------------------------------- locking

ROOM = "The background is gray. A cup (1,2),(30,40) is left of a hat (50,2),(90,40). There is a dog (5,50),(40,90)."


@pytest.mark.parametrize(
    ("text", "locked", "start"),
    [
        (ROOM, (2,), "There is a dog (5,50),(40,90) (blue)."),
        (ROOM, (0, 1), "A cup (1,2),(30,40) (red) is left of a hat (50,2),(90,40) (green)."),
        (ROOM, (0,), "A cup (1,2),(30,40) (red)"),
        (ROOM, (1,), "a hat (50,2),(90,40) (green)"),
        (ROOM, (1, 2), "a hat (50,2),(90,40) (green). There is a dog (5,50),(40,90) (blue)."),
        ("There is a cup (1,2),(3,4), a hat (1,2),(3,4) and a dog (1,2),(3,4).", (0, 2),
         "There is a cup (1,2),(3,4) (red), a dog (1,2),(3,4) (blue)"),
        ("Is it a cup (1,2),(3,4)? A hat (1,2),(3,4)!\nA dog (1,2),(3,4)", (0, 2),
         "Is it a cup (1,2),(3,4) (red)? A dog (1,2),(3,4) (blue)"),
        # phrases in tags stay whole, and a box without words takes its phrase along
        ("[A cup. It has a lid] (1,2),(3,4) (red) and a hat (5,6),(7,8) (green).", (0,),
         "[A cup. It has a lid] (1,2),(3,4) (red)"),
        ("Two cups (1,2),(3,4) (red) (5,6),(7,8) (green) on a table.", (1,), "Two cups (5,6),(7,8) (green)"),
        ("[A cup, with a lid] (1,2),(3,4) (red) (5,6),(7,8) (green) on it.", (1,),
         "[A cup, with a lid] (5,6),(7,8) (green)"),
    ],
)  # fmt: skip
def test_the_beginning_holds_what_is_locked_word_for_word(text, locked, start):
    chain = read_chain(text, locked=locked)
    assert plain_text(locked_text(chain)) == start
    request = rewriting(chain, "a prompt")
    assert [(region.phrase, region.box, region.color) for region in parse_regions(request.text)] == [
        (region.phrase, region.box, region.color) for number, region in enumerate(chain.regions) if number in locked
    ]
    assert request.prompt == "a prompt" and request.earlier is None


def test_nothing_locked_is_an_error_that_says_where_to_lock():
    with pytest.raises(GoTError, match="Lock at least one region in its GoT Chain Editor"):
        rewriting(read_chain(ROOM), "a prompt")


def test_a_wish_needs_no_lock_and_comes_after_the_prompt():
    chain = read_chain(ROOM)
    request = rewriting(chain, "a room", "add a lamp")
    assert (request.text, request.wish, request.plan, request.lookup_text) == ("", "add a lamp", chain, chain.text)
    assert with_wish(request).prompt == "a room. add a lamp" and with_wish(request).wish == ""
    assert with_wish(replace(request, prompt="A room.")).prompt == "A room. add a lamp"
    plain = rewriting(replace(chain, locked=(0,)), "a room")
    assert with_wish(plain) is plain


def test_a_wish_needs_an_earlier_chain():
    assert checked_wish(" \n", None) == "" and checked_wish(" add a lamp\n", read_chain(ROOM)) == "add a lamp"
    with pytest.raises(GoTError, match="no earlier chain"):
        checked_wish("add a lamp", None)


def test_the_chain_of_an_edit_is_not_rewritten():
    with pytest.raises(GoTError, match="use Edit Chain"):
        rewriting(read_chain(ROOM, EDIT, locked=(0,)), "a prompt")


# -------------------------------------------------------------------------------------------------------- from boxes


def pixel_box(x, y, width, height, **more):
    return {"x": x, "y": y, "width": width, "height": height, **more}


@pytest.mark.parametrize("size", [(1000, 1000), (1024, 768), (128, 128), (2048, 512)])
@pytest.mark.parametrize(
    "text", [PLAN, ROOM, "猫 🐈 (0,0),(500,500) 和 狗 🐕 (500,0),(999,500)", "a wall (0,0),(999,999) (#123456)"]
)
def test_boxes_lead_back_to_the_regions(text, size):
    regions = read_chain(text).regions
    boxes = bounding_boxes(read_chain(text), *size)
    again = read_chain(text_of_boxes(boxes, [region.phrase for region in regions], *size).text).regions
    assert [(r.phrase, r.color) for r in again] == [(r.phrase, r.color) for r in regions]
    within = [1 + 1000 / side for side in (*size, *size)]
    for one, other in zip(again, regions, strict=True):
        assert all(abs(a - b) <= limit for a, b, limit in zip(one.box, other.box, within, strict=True))
    if size == (1000, 1000):
        assert [region.box for region in again] == [region.box for region in regions]


def test_every_shape_of_boxes_is_read():
    box = pixel_box(0, 0, 512, 512)
    texts = {text_of_boxes(boxes, ["a cup"], 1024, 1024).text for boxes in (box, [box], [[box]])}
    assert [canonical_text(text) for text in texts] == ["a cup <|box_start|>(0,0),(500,500)<|box_end|> (red)."]


def test_a_blank_label_is_what_the_box_says_of_itself():
    found = [
        pixel_box(0, 0, 9.6, 9.5, label="cat", score=0.9),
        pixel_box(9, 9, 9, 9, metadata={"type": "obj", "text": "", "desc": "a hat", "palette": ["#ff0000", "x"]}),
    ]
    assert text_of_boxes(found, [""], 100, 100).text.count("cat") == 1
    assert read_chain(text_of_boxes(found, ["\n"], 100, 100).text).regions[1].phrase == "a hat"
    assert read_chain(text_of_boxes(found, ["a dog"], 100, 100).text).regions[0].phrase == "a dog"
    assert read_chain(text_of_boxes(found, ["a dog\nb"], 100, 100).text).regions[1].color.word == "red"


def test_one_label_names_all_boxes_that_have_none():
    found = [pixel_box(0, 0, 9, 9), pixel_box(9, 9, 9, 9, label="a hat"), pixel_box(20, 9, 9, 9)]
    regions = read_chain(text_of_boxes(found, ["a cat"], 100, 100).text).regions
    assert [region.phrase for region in regions] == ["a cat", "a hat", "a cat"]


def test_a_box_without_width_or_height_is_left_out_and_named():
    found = [pixel_box(10, 10, 200, 300, label="chair"), pixel_box(296.65, 388.33, 1.03, 0.0, label="chair")]
    text, note = text_of_boxes(found, [""], 640, 480)
    assert [region.phrase for region in read_chain(text).regions] == ["chair"]
    assert note == "Left out, because they cover no pixel: Box 2 (1x0 pixels at 297,388)."
    assert text_of_boxes(found[:1], [""], 640, 480).note == ""


def test_elements_and_corners_are_read():
    element = {"type": "obj", "bbox": [400, 120, 760, 380], "desc": "a red cup", "color_palette": ["#8B4513"]}
    [region] = read_chain(text_of_boxes([element], [""], 1024, 1024).text).regions
    assert region.phrase == "a red cup" and region.box == (120, 400, 380, 760) and region.color.word == "saddlebrown"
    for corners in ([12, 40, 38, 76], [[12.0, 40, 38, 76]], [[[12, 40, 38, 76]]]):
        [region] = read_chain(text_of_boxes(corners, ["a cup"], 100, 100).text).regions
        assert region.box == (120, 400, 370, 750)  # the last column and row are inside


@pytest.mark.parametrize("shape", [lambda data: data, lambda data: [data]])
def test_a_detectors_own_object_is_read(shape):
    """Florence-2's, and one with a list of detections."""
    florence = {"bboxes": [[12.0, 40, 38, 76], [0, 60, 99, 99]], "labels": ["a cup with a lid", "a table"]}
    text, _ = text_of_boxes(shape(florence), [""], 100, 100)
    assert [(region.phrase, region.box[:2]) for region in read_chain(text).regions] == [
        ("a cup with a lid", (120, 400)),
        ("a table", (0, 600)),
    ]
    detections = {"width": 100, "height": 100, "detections": [{"bbox_xyxy": [12, 40, 38, 76], "label": "a cup"}]}
    assert text_of_boxes(shape(detections), [""], 100, 100).text.startswith("<|obj_start|>a cup<|obj_end|>")


LABELED = 'A poster, and [a cup with a lid] (1,2),(300,400) (red), a sign that reads "GO. \\n ON" (5,6),(70,80) (gold).'


@pytest.mark.parametrize("size", [(1000, 1000), (1344, 768), (2048, 512)])
def test_what_chain_to_boxes_gives_comes_back(size):
    """By From Boxes and by From Text, from pixel boxes and from elements, to the same regions."""
    chain = read_chain(LABELED)
    phrases = ["a cup with a lid", 'a sign that reads "GO. \\n ON"']
    assert [region.phrase for region in chain.regions] == phrases
    expected = [region[:3] for region in chain.regions]
    for boxes, settings in ((elements(chain), {}), (bounding_boxes(chain, *size), dict(width=size[0], height=size[1]))):
        again = read_chain(text_of_boxes(boxes, [""], *size).text)
        assert [region[:3] for region in read_plan(json.dumps(boxes), **settings).regions] == [
            region[:3] for region in again.regions
        ]
        if min(size) >= 1000 or not settings:
            assert [region[:3] for region in again.regions] == expected


def test_elements_of_any_chain_lead_back():
    """Of 300 random chains with labels that need tags, texts to be drawn and colors, by both nodes."""
    chance = Random(5)
    words = [
        "a",
        "cup",
        "with",
        "the",
        "red",
        "and",
        "猫",
        'sign that reads "GO, NOW"',
        "of",
        "hat,",
        "is",
        "5.",
        "(left)",
    ]
    for _ in range(300):
        mentions = []
        for _ in range(chance.randrange(1, 6)):
            label = " ".join(chance.choices(words, k=chance.randrange(1, 6))).strip(",") + " x"
            x0, y0 = chance.randrange(900), chance.randrange(900)
            box = f"({x0},{y0}),({chance.randrange(x0 + 1, 1000)},{chance.randrange(y0 + 1, 1000)})"
            mentions.append(f"[{label}] {box} ({chance.choice(['red', 'teal', '#123456'])})")
        chain = read_chain(chance.choice([", ", " and ", ".\n"]).join(mentions))
        expected = [region[:3] for region in chain.regions]
        found = elements(chain)
        assert [region[:3] for region in read_plan(json.dumps(found)).regions] == expected
        again = read_chain(text_of_boxes(found, [""], 64, 64).text)
        assert [region[:3] for region in again.regions] == expected


def test_a_quoted_text_is_given_as_text():
    first, second = elements(read_chain(LABELED))
    assert first["type"] == "obj" and "text" not in first
    assert second["type"] == "text" and second["text"] == "GO. \n ON" and list(second)[:3] == ["type", "bbox", "text"]
    metadata = [box["metadata"] for box in bounding_boxes(read_chain(LABELED), 64, 64)[0]]
    assert [(one["type"], one["text"]) for one in metadata] == [("obj", ""), ("text", "GO. \n ON")]


@pytest.mark.parametrize(
    ("metadata", "phrase"),
    [
        ({"label": "a hat"}, "a hat"),
        ({"type": "text", "text": "OPEN", "desc": ""}, 'the text "OPEN"'),
        ({"type": "text", "text": "OPEN", "desc": "a sign"}, 'a sign that reads "OPEN"'),
    ],
)
def test_metadata_is_read(metadata, phrase):
    [region] = read_chain(text_of_boxes([pixel_box(0, 0, 9, 9, metadata=metadata)], [""], 64, 64).text).regions
    assert region.phrase == phrase


def test_what_lies_outside_is_cut_off():
    text, _ = text_of_boxes([pixel_box(-20, 90, 60, 60)], ["a cup"], 100, 100)
    assert read_chain(text).regions[0].box == (0, 900, 390, 990)


@pytest.mark.parametrize(
    ("boxes", "labels", "words"),
    [
        ([pixel_box(0, 0, 5, 5), pixel_box(1, 2, 3, 4)], ["a cup\n "], r"Box 2 \(3x4 pixels at 1,2\) has no label"),
        ([pixel_box(0, 0, 5, 5)], ["a cup\na hat"], "2 labels and 1 box\\."),
        ([pixel_box(0, 0, 5, 5)], ["a cup (1,2),(3,4)"], "Box 1 .* has the label .* with a box"),
        ([pixel_box(0, 0, 5, 5)], ["a cup <|box_end|>"], "Box 1 .* has the label .* with a box"),
        ([pixel_box(0, 0, 5, 5)], ["a cup<|im_gen_start|>"], "Box 1 .* has the label .* or a box marker"),
        ([pixel_box(0, 0, 0, 5)], ["a cup"], "Box 1 .* covers no pixel"),
        ([pixel_box(200, 0, 9, 9)], ["a cup"], "covers no pixel of the 100x100 image"),
        ([pixel_box(0, 0, "5", 5)], ["a cup"], "Box 1 is not a box"),
        ([pixel_box(0, 0, float("nan"), 5)], ["a cup"], "Box 1 is not a box"),
        ([pixel_box(0, 0, 10**400, 5)], ["a cup"], "Box 1 is not a box"),
        ([pixel_box(-1e300, 0, 5, 5)], ["a cup"], "Box 1 is not a box"),
        ([{"bbox": [1, 2, 3]}], ["a cup"], "Box 1 is not a box"),
        ([{"bbox": [1, 2, 3, 1001]}], ["a cup"], r"Box 1 \(1, 2, 3, 1001\) is not top, left, bottom and right"),
        ([{"bbox": [1, 2, 1, 9]}], ["a cup"], "Box 1 .* is not top, left"),
        ([], ["a cup"], "There is no box"),
        ([[]], ["a cup"], "There is no box"),
        (None, ["a cup"], "There is no box"),
        ([[pixel_box(0, 0, 5, 5)], []], ["a cup"], "2 images"),
    ],
)
def test_boxes_that_make_no_chain_are_named(boxes, labels, words):
    with pytest.raises(ChainError, match=words):
        text_of_boxes(boxes, labels, 100, 100)


def test_a_color_gets_its_word_back():
    assert named(find_color("#00ffff")).word == "cyan"
    assert named(find_color("#808080")).word == "gray"
    assert named(find_color("#123456")).word == "#123456"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((2, 4000, 1000, 3), (1, 1024, 256, 3)), ((1, 8, 3000, 4), (1, 3, 1024, 3)), ((1, 5, 7, 1), (1, 5, 7, 3))],
)
def test_the_background_is_small(shape, expected):
    assert thumbnail(torch.full(shape, 0.25), 1024).shape == expected
    assert thumbnail(torch.full(shape, 0.25), 1024).unique() == 0.25


def test_a_phrase_of_any_length_is_drawn_as_far_as_there_is_room():
    assert plan_image(read_chain(f"{'z' * 1_000_001} (1,2),(300,400)"), None, 64, 64).shape == (1, 64, 64, 3)
