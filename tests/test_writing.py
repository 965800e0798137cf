"""Chains in the forms that other models read: as each form's own documents show it, and read back to the same chain."""

import json
import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from got.got_models.chain.boxes import elements
from got.got_models.chain.colors import COLORS
from got.got_models.chain.forms.reader import read_plan
from got.got_models.chain.forms.writing import FORMS, cited_prose, write_plan
from got.got_models.chain.grammar import EDIT, ChainError, read_chain

CHAINS = json.loads((Path(__file__).parent / "chains.json").read_text("utf-8"))
POSTER = read_chain(
    "A poster on a brick wall: a red bicycle (80,420),(620,930) (red) leans under a shop sign that reads "
    '"OPEN" (150,60),(850,240) (gold), and a gray cat (660,640),(900,930) (gray) sleeps.',
    prompt="a poster",
    size=(1344, 768),
)
CITED = (
    "A poster on a brick wall: a red bicycle <obj_1> leans under a shop sign that reads "
    '"OPEN" <obj_2>, and a gray cat <obj_3> sleeps.'
)
AREA = read_chain(
    "The image shows a fork and a plate. The area to be edited is (208,213),(405,766) (red). The fork is removed.",
    EDIT,
    "Remove the fork.",
    SimpleNamespace(shape=(1, 480, 640, 3)),
)
ROWS, WITHOUT_BOXES = (
    ("FLUX 3", "FLUX 3 edit", "Ideogram", "MOSS-Image", "RePlan", "JSON"),
    ("prose with citations", "prose"),
)
COLORED = ("Ideogram", "JSON")
SIZED = ("MOSS-Image", "RePlan")


def table(text):
    """The rows after FLUX 3's caption: the last list that the text ends with."""
    return json.loads(text[text.index(" [{") + 1 :])


def test_every_form_is_tested():
    assert set(FORMS) == {*ROWS, *WITHOUT_BOXES}


def test_flux_cites_every_row():
    assert write_plan(POSTER, "FLUX 3") == (
        f'{CITED} [{{"id": "obj_1", "bbox": [420, 80, 930, 620], "desc": "a red bicycle"}}, '
        '{"id": "obj_2", "bbox": [60, 150, 240, 850], "desc": "a shop sign that reads \\"OPEN\\""}, '
        '{"id": "obj_3", "bbox": [640, 660, 930, 900], "desc": "a gray cat"}]'
    )
    assert write_plan(POSTER, "prose with citations") == CITED == cited_prose(POSTER)


def test_flux_edits_say_what_is_kept_changed_and_removed():
    removed = write_plan(AREA, "FLUX 3 edit")
    assert removed.startswith("In <ref_image_0>, remove the fork. The image shows a fork and a plate. ")
    box = {"id": "obj_1", "from": "ref_image_0", "src_bbox": [213, 208, 766, 405], "tgt_bbox": None}
    assert table(removed) == [box | {"desc": "Remove the fork."}]
    text = "The image shows a cup (1,2),(300,400). The area to be edited is (300,400),(500,600). It becomes blue."
    kept, changed = table(write_plan(read_chain(text, EDIT, "Make the box blue"), "FLUX 3 edit"))
    assert kept["from"] == "ref_image_0" and kept["src_bbox"] == kept["tgt_bbox"] == [2, 1, 400, 300]
    assert (changed["from"], changed["src_bbox"], changed["tgt_bbox"]) == (None, None, [400, 300, 600, 500])
    assert (kept["desc"], changed["desc"]) == ("a cup", "Make the box blue")
    assert table(write_plan(AREA, "FLUX 3")) == [
        {"id": "obj_1", "bbox": [213, 208, 766, 405], "desc": "Remove the fork."}
    ]


def test_flux_moves_a_thing_in_one_row():
    text = "A cup (1,2),(300,400) moves to its new place (500,2),(800,400) on a table (0,500),(999,999)."
    chain = read_chain(text, EDIT, "Move the cup to the right.")
    written = write_plan(chain, "FLUX 3 edit")
    move, table_row = table(written)
    assert move == {
        **{"id": "obj_1", "from": "ref_image_0", "src_bbox": [2, 1, 400, 300], "tgt_bbox": [2, 500, 400, 800]},
        "desc": "A cup",
    }
    assert table_row["src_bbox"] == table_row["tgt_bbox"] == [500, 0, 1000, 1000]  # it is kept
    assert "A cup <obj_1> moves to its new place on a table <obj_2>." in written
    again = read_plan(written, task=EDIT, prompt=chain.prompt)
    assert shown(again, False) == shown(chain, False) and again.text.count("its new place") == 1
    assert len(table(write_plan(chain, "FLUX 3"))) == 3


@pytest.mark.parametrize(
    "text",
    [
        "[The cat] lies on a sofa (0,0),(9,9).",
        "[Cats] lie on sofas (0,0),(9,9) and (90,90),(99,99), [the [small] dog] (1,2),(30,40).",
    ],
)
def test_a_caption_keeps_the_phrase_that_its_row_describes(text):
    chain = read_chain(text)
    assert shown(read_plan(write_plan(chain, "FLUX 3")), False) == shown(chain, False)


def test_a_move_that_a_caption_does_not_describe_gets_words():
    row = {"id": "obj_1", "from": "ref_image_0", "src_bbox": [0, 0, 9, 9], "tgt_bbox": [0, 50, 9, 59], "desc": "a fly"}
    for caption in ("The fly <obj_1> is elsewhere.", ""):
        chain = read_plan(f"{caption} {json.dumps([row])}", task=EDIT)
        assert [(r.phrase, r.box) for r in chain.regions] == [
            ("The fly" if caption else "a fly", (0, 0, 9, 9)),
            ("its new place", (50, 0, 59, 9)),
        ]


def test_ideogram_is_compact_and_its_keys_are_in_order():
    whole = CITED.replace('"', "'")
    assert write_plan(POSTER, "Ideogram") == (
        f'{{"high_level_description":"{re.sub(" <obj_.>", "", whole)}",'
        '"compositional_deconstruction":{"background":"a poster","elements":['
        '{"type":"obj","bbox":[420,80,930,620],"desc":"a red bicycle","color_palette":["#FF0000"]},'
        '{"type":"text","bbox":[60,150,240,850],"text":"OPEN","desc":"a shop sign that reads \'OPEN\'",'
        '"color_palette":["#FFD700"]},'
        '{"type":"obj","bbox":[640,660,930,900],"desc":"a gray cat","color_palette":["#808080"]}]}}'
    )
    plain = read_chain("A room. It is dark. A cup (1,2),(3,4) is on a table.", prompt="a cup")
    assert (
        json.loads(write_plan(plain, "Ideogram"))["compositional_deconstruction"]["background"] == "A room. It is dark."
    )


def test_ideogram_edits_are_instructions():
    [area] = json.loads(write_plan(AREA, "Ideogram"))["compositional_deconstruction"]["elements"]
    assert (area["desc"], area["bbox"]) == ("Remove the fork.", [213, 208, 766, 405])


def test_moss_counts_pixels_from_the_center():
    plan = json.loads(write_plan(POSTER, "MOSS-Image"))
    assert list(plan) == ["summary", "items", "bbox_format", "bbox_coord_space"]
    assert (plan["bbox_format"], plan["bbox_coord_space"]) == ("yxyx", "abs_centralized")
    assert [item["bbox"] for item in plan["items"]] == [
        [-61, -564, 330, 161],
        [-338, -470, -200, 470],
        [108, 215, 330, 538],
    ]
    assert [item["label"] for item in plan["items"]] == ["object", "text", "object"]
    assert list(plan["items"][1]) == ["label", "caption", "text", "bbox"] and plan["items"][1]["text"] == "OPEN"


def test_replan_counts_pixels_of_the_source():
    bicycle = read_chain("the bicycle (80,420),(620,930)", EDIT, "paint the bicycle blue", size=(1344, 768))
    assert write_plan(bicycle, "RePlan") == (
        "<gen_image>keep remaining part of image unchanged.</gen_image><region>"
        '[{"bbox_2d": [108, 323, 833, 714], "hint": "paint the bicycle blue", "label": "the bicycle"}]</region>'
    )
    assert '"bbox_2d": [133, 102, 259, 368]' in write_plan(AREA, "RePlan")


def test_json_is_what_vision_models_answer_with():
    assert json.loads(write_plan(POSTER, "JSON"))[:2] == [
        {"bbox_2d": [80, 420, 620, 930], "label": "a red bicycle", "color": "red"},
        {"bbox_2d": [150, 60, 850, 240], "label": 'a shop sign that reads "OPEN"', "color": "gold"},
    ]


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        (POSTER.text, 'A poster on a brick wall: a red bicycle at the bottom left leans under a shop sign that reads '
         '"OPEN" at the top, and a gray cat at the bottom right sleeps.'),
        ("The cup is at (0,400),(300,600).", "The cup is on the left."),
        ("cups (0,0),(99,99) (900,0),(999,99) and (400,400),(600,600).",
         "cups at the top left and at the top right and in the center."),
        ("A wall (0,0),(999,999), a floor (0,700),(999,999)",
         "A wall across the whole image, a floor across the bottom"),
        ("a tree (300,0),(700,800) and a man (500,300),(800,900)",
         "a tree in the center and a man in front on the right"),
        ("a man (300,0),(700,990) with a tie (450,300),(550,600)", "a man in the center with a tie in the center"),
        ("桌上有[一个红杯] (0,400),(300,600)。", "桌上有一个红杯（左侧）。"),
    ],
)  # fmt: skip
def test_places_are_words(text, prose):
    assert write_plan(read_chain(text), "prose") == prose


def test_far_edges_are_the_edge_of_the_image():
    chain = read_chain("a wall (0,0),(999,999)", size=(1344, 768))
    assert table("x " + write_plan(chain, "JSON"))[0]["bbox_2d"] == [0, 0, 1000, 1000]
    assert elements(chain)[0]["bbox"] == [0, 0, 1000, 1000]
    assert json.loads(write_plan(chain, "MOSS-Image"))["items"][0]["bbox"] == [-384, -672, 384, 672]
    assert read_plan(write_plan(chain, "JSON")).regions[0].box == (0, 0, 999, 999)


def test_refusals_say_what_to_do():
    cup = read_chain("a cup (1,2),(30,40)")
    for form in SIZED:
        with pytest.raises(ChainError, match=f"{form} counts pixels.*Set width and height"):
            write_plan(cup, form)
        assert write_plan(cup, form, 640, 480) == write_plan(read_chain(cup.text, size=(640, 480)), form)
    with pytest.raises(ChainError, match="no words"):
        write_plan(read_chain("(1,2),(30,40)"), "JSON")
    with pytest.raises(ChainError, match="has no box"):
        write_plan(read_chain("a cup"), "FLUX 3")
    with pytest.raises(ChainError, match="Use one of: FLUX 3, "):
        write_plan(cup, "FLUX 9")


# -------------------------------------------------------------------------------------------------------- round trips

SUBJECTS = (
    "cat,dog,man in a red hat,cup,old wooden table,5\" screen,man's coat,woman – smiling,猫,Ärmel,piece of 3 cakes"
)
LINKS = ["", " in", " at", ","]
QUOTES = ["OPEN", "HELLO. YOU, AND ME", "DON'T STOP", r"FIRST\nSECOND", "50 % OFF", "猫"]
BETWEEN = (". ", ", ", " and ", " next to ", " leans under ", "; ", " while ", ".\n", ": ", " – left of it – and ")
WORDS = [*COLORS, "#12ab34", "#ff0000", ""]


def random_phrase(dice):
    phrase = f"{dice.choice(['a', 'the', 'two', 'some'])} {dice.choice(SUBJECTS.split(','))}"
    if dice.random() < 0.3:
        phrase += dice.choice([" that reads ", " with the text ", " and "]) + f'"{dice.choice(QUOTES)}"'
    if dice.random() < 0.2:
        phrase = f"[{phrase} with {dice.choice(['a lid', 'x, y and z', 'dots. And more'])}]"
        return phrase + dice.choice(["", " on a sofa", " that sleeps"])
    return phrase + (dice.choice(LINKS) if dice.random() < 0.2 else "")


def random_box(dice):
    (x0, x1), (y0, y1) = (sorted(dice.sample(range(1000), 2)) for _ in "xy")
    word = dice.choice(WORDS)
    return f"({x0},{y0}),({x1},{y1})" + (f" ({word})" if word else "")


MOVES = ["moves to its new place", "goes to a new position", "and the new location"]


def random_chain(dice, task):
    text = dice.choice(
        ["", "A photo of a room. ", "At night, ", "1. The image shows 2 things.\n2. ", 'The word "NO". ']
    )
    for number in range(dice.randint(1, 6)):
        text += (dice.choice(BETWEEN) if number else "") + f"{random_phrase(dice)} {random_box(dice)}"
        text += dice.choice(["", "", "", f" {random_box(dice)}", f" and {random_box(dice)}"])
        if task == EDIT and not dice.randrange(4):
            text += f" {dice.choice(MOVES)} {random_box(dice)}"
    text += dice.choice(["", ".", " sleeps. The rest is empty.", ' that shows "YES"', " in 3 colors, e.g. red"])
    prompt = dice.choice(["Remove it.", "make it blue", 'A "quoted" wish', ""])
    return read_chain(text, task, prompt, size=(dice.randint(16, 160) * 16, dice.randint(16, 160) * 16))


@pytest.mark.parametrize("form", ROWS)
def test_chains_in_every_spelling_are_read_back(form):
    """Without those whose phrase has no letters: readers refuse them."""
    for case in CHAINS:
        chain = read_chain(case["text"], size=(1024, 1024)) if "error" not in case else read_chain("")
        phrases = [region.phrase for region in chain.regions]
        if phrases and all(any(map(str.isalpha, phrase)) for phrase in phrases):
            again = read_plan(write_plan(chain, form), width=1024, height=1024)
            assert shown(again, form in COLORED) == shown(chain, form in COLORED)


STRAIGHT = str.maketrans("“”[]", '""()')


def shown(chain, with_colors):
    """phrase, box and, if the form has it, color of every region. Quotes come back straight, square brackets round."""
    return [
        (" ".join(region.phrase.translate(STRAIGHT).split()), region.box, region.color.rgb if with_colors else None)
        for region in chain.regions
    ]


def sides_in(text):
    return [int(side) for box in re.findall(r"\[(-?\d+(?:, -?\d+){3})\]", text) for side in box.split(", ")]


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("form", ROWS)
def test_random_chains_are_read_back(form):
    """Pixels are as fine as the chain's grid from 1000 a side on. Of coarser ones only the last may become the edge."""
    dice = random.Random(f"chains {form}")
    for number in range(1000):
        chain = random_chain(dice, EDIT if number % 4 == 0 else "text-to-image")
        text = write_plan(chain, form)
        width, height = chain.size if form in SIZED else (0, 0)
        again = read_plan(text, width=width, height=height, task=chain.task, prompt=chain.prompt)
        assert not again.cut
        if form in SIZED and min(chain.size) < 1000:
            sides = zip(sides_in(write_plan(again, form)), sides_in(text), strict=True)
            assert all(abs(one - other) <= 1 for one, other in sides)
            assert [phrase for phrase, *_ in shown(again, False)] == [phrase for phrase, *_ in shown(chain, False)]
        else:
            assert shown(again, form in COLORED) == shown(chain, form in COLORED), text


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("form", WITHOUT_BOXES)
def test_random_chains_without_boxes_are_read_as_prose(form):
    dice = random.Random(form)
    for _ in range(1000):
        chain = random_chain(dice, "text-to-image")
        assert read_plan(write_plan(chain, form)).regions == ()
