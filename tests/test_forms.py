"""Plans in other models' forms: each is read to the same regions, however it is damaged, or refused in a sentence.

plan_forms/ holds inputs of real kinds, each with its source.
"""

import json
import random
import re
import time
from pathlib import Path

import pytest
from got.got_models.chain.forms.color_words import color_word
from got.got_models.chain.forms.loose_json import read_json
from got.got_models.chain.forms.reader import FORMS, note_of, read_plan
from got.got_models.chain.grammar import ChainError, canonical_text, parse_regions, plain_text, read_chain

FOLDER = Path(__file__).parent / "plan_forms"
INPUTS = {path.stem: path.read_text("utf-8").split("input below this line ----\n")[1] for path in FOLDER.glob("*.txt")}
CHAINS = json.loads((FOLDER.parent / "chains.json").read_text("utf-8"))
CUP, TABLE = "(120,400),(380,760)", "(0,600),(998,998)"


def shown(text, **settings):
    """phrase, box and color word of every region."""
    return [(region.phrase, str(region.box), region.color.word) for region in read_plan(text, **settings).regions]


def boxes(text, **settings):
    return [region[:2] for region in shown(text, **settings)]


CASES = json.loads((FOLDER.parent / "plan_forms.json").read_text("utf-8"))
READ = {case["name"]: case for case in CASES if "regions" in case}
REFUSED = {case["name"]: case for case in CASES if "error" in case}
TWO = [("a red cup", CUP), ("a table", TABLE)]


def text_of(case):
    """The text itself, or that of an input in plan_forms/."""
    return case.get("text") or INPUTS[case["input"]]


@pytest.mark.parametrize("name", READ)
def test_a_form_is_read(name):
    case = READ[name]
    assert boxes(text_of(case), **case["settings"]) == [tuple(region) for region in case["regions"]]
    assert read_plan(text_of(case), **case["settings"]).text == case["chain"]


@pytest.mark.parametrize("name", READ)
def test_what_was_written_is_read_back_to_the_same_regions(name):
    """By the grammar of the chain, which the editor shares, from GoT's form and from the plain one."""
    chain = read_plan(text_of(READ[name]), **READ[name]["settings"])
    assert canonical_text(chain.text) == chain.text and parse_regions(chain.text) == chain.regions
    assert canonical_text(plain_text(chain.text)) == chain.text
    assert read_plan(plain_text(chain.text)).regions == chain.regions
    assert not re.search(r"<\|(?!box_|obj_)|[\ue000\ue001]|<\w+>|\*\*|```", chain.text)


JSON_SHAPES = INPUTS["vlm_json_shapes"].split("\n----\n")


@pytest.mark.parametrize(("shape", "count"), zip(JSON_SHAPES, (1, 2, 2, 2, 1), strict=True))
def test_json_in_every_shape(shape, count):
    chain = read_plan(shape)
    assert [region.phrase for region in chain.regions] == ["red cup", "table"][:count]
    assert chain.cut == (shape == JSON_SHAPES[-1])


@pytest.mark.parametrize("name", ["items", "elements", "data", "results"])
def test_the_name_of_a_list_of_boxes_is_no_label(name):
    row = '{"bbox_2d": [120, 400, 380, 760]}'
    with pytest.raises(ChainError, match="has no words"):
        read_plan(f'{{"{name}": [{row}]}}')
    assert boxes(f'{{"a red cup": {{"{name}": [{row}]}}}}') == [("a red cup", CUP)]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_known_is_refused(name):
    case = REFUSED[name]
    with pytest.raises(ChainError) as error:
        read_plan(text_of(case), **case["settings"])
    assert case["error"] in str(error.value) and len(str(error.value)) < 400


def test_prose_alone_is_a_chain_without_boxes():
    for text in ("", "A cup on a table.", "3 spoons (1, 2) and [a list] of 4 things: {blue|red}", "[" * 20_000):
        chain = read_plan(text)
        assert not chain.regions and chain.text == text.strip()


AS_EVER = [case for case in CHAINS if "chain" in case and "\ufeff" not in case["text"]]  # the reader drops such marks


@pytest.mark.parametrize("case", AS_EVER, ids=lambda case: case["name"])
def test_a_chain_is_read_as_ever(case):
    chain = read_plan(case["text"])
    assert chain.regions == read_chain(case["text"]).regions and chain.text == case["chain"]


# ----------------------------------------------------------------------------------------------------- colors and text

COLORS = {
    "red": "red", "dark-blue": "darkblue", "Sky Blue": "skyblue", "sky_blue": "skyblue", "color: blue": "blue",
    "colour=blue": "blue", "#00f": "blue", "#0000FF": "blue", "#ff8800": "#ff8800", "RGB: 0,0,255": "blue",
    "rgb(0, 0, 255)": "blue", "蓝色": "blue", "红色": "red", "深蓝色": "darkblue", "浅蓝": "lightblue",
    "颜色：绿色": "green",
    "bright red": "red", "off-white": "white", "golden retriever": "", "background": "", "of tea": "", "": "", "1": "",
    "120,400,380": "",
}  # fmt: skip


@pytest.mark.parametrize("text", COLORS)
def test_colors_in_every_spelling(text):
    assert color_word(text) == COLORS[text]


@pytest.mark.parametrize("name", ["colour_in_other_forms", "colour_word_with_hyphen", "color_bold"])
def test_colors_are_taken_out_of_the_text(name):
    expected = {"colour_in_other_forms": ["blue"] * 5, "colour_word_with_hyphen": ["darkblue", "skyblue"]}
    assert [color for *_, color in shown(INPUTS[name])] == expected.get(name, ["red", "blue"])
    chain = read_plan(INPUTS[name])
    assert not re.search(r"color|RGB|#|色|\[|-", chain.text)


def test_a_bracket_that_is_no_color_stays():
    assert "(golden retriever) sits by" in read_plan(INPUTS["detail_in_brackets"]).text


def test_colors_of_data():
    rows = [{"bbox_2d": [1, 2, 30, 40], "label": "a", key: value} for key, value in COLOR_ENTRIES]
    assert [color for *_, color in shown(json.dumps(rows))] == ["blue", "red", "gold", "blue", "teal", "#ff8800"]


COLOR_ENTRIES = [
    ("color_palette", ["#0000FF", "#FF0000"]), ("color", [255, 0, 0]), ("palette", ["gold"]),
    ("colour", "rgb(0,0,255)"),
    ("HTML_web_color_name", "teal"), ("color_specs", ["#FF8800"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "phrase"),
    [
        ({"text": "OPEN", "desc": "a shop sign that reads 'OPEN'"}, 'a shop sign that reads "OPEN"'),
        ({"text": "OPEN", "desc": "a shop sign"}, 'a shop sign that reads "OPEN"'),
        ({"text": "HELLO. YOU AND ME"}, 'the text "HELLO. YOU AND ME"'),
        ({"text": "two\nlines"}, 'the text "two\\nlines"'),
    ],
)
def test_text_to_be_drawn(entry, phrase):
    assert boxes(json.dumps([{"type": "text", "bbox": [400, 120, 760, 380], **entry}])) == [(phrase, CUP)]


def test_what_has_no_place_stays_in_the_prose():
    text = (
        INPUTS["ideogram_json"].replace('"bbox": [50, 100, 150, 900], ', "").replace('"type": "text"', '"type": "obj"')
    )
    chain = read_plan(text)
    assert [region.phrase for region in chain.regions] == ["a red cup"]
    assert (
        chain.text.startswith("A red cup on a table. ")
        and "bold sign" in chain.text
        and chain.text.endswith("a kitchen.")
    )


# -------------------------------------------------------------------------------------------------------------- damage

ROWS = '[{"bbox_2d": [120, 400, 380, 760], "label": "a red cup"}, {"bbox_2d": [0, 600, 998, 998], "label": "a table"}]'
DAMAGE = {
    "thinking": lambda text: f"<think>\nIt could be at (1,2),(3,4).\n</think>\n{text}",
    "a chat template": lambda text: (
        f"<|im_start|>user\nplan (5,6),(7,8)<|im_end|>\n<|im_start|>assistant\n{text}<|im_end|>"
    ),
    "Gemma's template": lambda text: (
        f"<start_of_turn>user\nplan<end_of_turn>\n<start_of_turn>model\n{text}<end_of_turn>\n<eos>"
    ),
    "stop tokens": lambda text: f"{text}<|im_end|><|endoftext|>",
    "image tokens": lambda text: f"{text}<|im_gen_start|><|im_gen_0000|>",
    "white space": lambda text: f"\ufeff\n\n {text}\n\n",
}
DAMAGE_OF_JSON = DAMAGE | {
    "fences": lambda text: f"```json\n{text}\n```",
    "prose around it": lambda text: (
        f"Sure! Here are the person's boxes:\n\n{text}\n\nLet me know [if] you'd like more."
    ),
    "HTML": lambda text: text.replace('"', "&quot;"),
    "no opening": lambda text: text.removeprefix("["),
    "no closing": lambda text: text.removesuffix("]"),
    "several values": lambda text: text.replace("}, {", "}]\n[{"),
    "lines": lambda text: text[1:-1].replace("}, {", "}\n{"),
    "trailing commas": lambda text: text.replace("}", ",}").replace("]", ",]"),
    "comments": lambda text: text.replace("{", "{ // a box, 'one'\n").replace("[", "[/* four */"),
    "single quotes": lambda text: text.replace('"', "'"),
    "Python": lambda text: text.replace('"', "'").replace("}", ", 'crowd': None, 'kept': True}"),
    "texts as numbers": lambda text: re.sub(r"(\d+)", r'"\1"', text).replace('bbox_"2"d', "bbox_2d"),
    "no quotes on keys": lambda text: re.sub(r'"(\w+)":', r"\1:", text),
    "an object around it": lambda text: f'{{"objects": {text}, "count": 2}}',
    "sides": lambda text: re.sub(r"\[(\d+), (\d+), (\d+), (\d+)\]", r'{"xmin":\1,"ymin":\2,"xmax":\3,"ymax":\4}', text),
    "corners": lambda text: re.sub(r"\[(\d+), (\d+), (\d+), (\d+)\]", r"[[\1,\2],[\3,\4]]", text),
    "a missing brace": lambda text: text.replace("}, {", ", {"),
    "an answer tag": lambda text: f"<answer>{text}</answer>",
    "one line a number": lambda text: json.dumps(json.loads(text), indent=4),
}
PROSE = "a red cup (120,400),(380,760) on a table (0,600),(998,998)"
TOKENS = PROSE.replace("(1", "<|box_start|>(1").replace("(0", "<|box_start|>(0").replace("0)", "0)<|box_end|>", 1)
DAMAGE_OF_PROSE = DAMAGE | {
    "bold": lambda text: text.replace("a red cup", "**a red cup**"),
    "code": lambda text: f"`{text}`",
    "a heading": lambda text: f"# Plan\n\n{text}",
    "bullets": lambda text: "- " + text.replace(" on ", "\n- "),
    "numbers": lambda text: "1) " + text.replace(" on ", "\n2) "),
    "dashes": lambda text: text.replace(" (120", " – (120").replace(" (0", ": (0"),
    "HTML": lambda text: text.replace("(120,400),(380,760)", "&lt;|box_start|&gt;(120,400),(380,760)&lt;|box_end|&gt;"),
    "full width": lambda text: text.translate(str.maketrans("(),0123456789", "（），０１２３４５６７８９")),
    "spaces": lambda text: text.replace(",", " , ").replace("(", "( "),
    "square": lambda text: text.replace("(", "[").replace(")", "]"),
    "four in brackets": lambda text: text.replace("),(", ","),
}


@pytest.mark.parametrize("name", DAMAGE_OF_JSON)
def test_damaged_json_gives_the_same(name):
    chain = read_plan(DAMAGE_OF_JSON[name](ROWS))
    assert [(region.phrase, str(region.box)) for region in chain.regions] == TWO
    assert not chain.cut


@pytest.mark.parametrize("name", DAMAGE_OF_PROSE)
def test_damaged_prose_gives_the_same(name):
    chain = read_plan(DAMAGE_OF_PROSE[name](PROSE))
    assert [(region.phrase, str(region.box)) for region in chain.regions] == TWO
    assert not chain.cut


def test_json_that_is_cut_anywhere_keeps_whole_boxes_and_says_so():
    for stop in range(1, len(ROWS) - 1):
        try:
            chain = read_plan(ROWS[:stop])
        except ChainError:
            assert stop < ROWS.index("}")
            continue
        found = [(region.phrase, str(region.box)) for region in chain.regions]
        if found:
            assert found == TWO[: len(found)]
            assert chain.cut or ROWS[:stop].endswith("}"), ROWS[:stop]


def test_a_chain_that_is_cut_within_a_box_keeps_the_others_and_says_so():
    for rest in (" and a hat (1", " and a hat (100,200),(3", " and a hat <|box_start|>", " and a hat [100, 2"):
        chain = read_plan(PROSE + rest)
        assert [region.phrase for region in chain.regions] == ["a red cup", "a table"]
        assert chain.cut and chain.text.endswith("and a hat")


@pytest.mark.parametrize(
    "text",
    [
        "a red cup<loc_120><loc_400><loc_380><loc_760>a table<loc_0><loc_600>",
        "<loc0123><loc0123><loc0456><loc0456> a red cup ; <loc0400><loc01",
        "<phrase>a red cup</phrase><object><patch_index_0387><patch_index_0780></object> on<object><pat",
        "<p>a red cup</p> {<12><40><38><76>} on <p>a table</p> {<12><4",
        "a red cup,120,400,380,760\na table,0,600",
        "a red cup {left: 5px; top: 10px; width: 20px; height: 30px;} a table {left: 5px; to",
        "Objects: [('a red cup', [21, 281, 211, 159]), ('a ta",
    ],
)
def test_other_forms_that_are_cut_off_keep_whole_boxes_and_say_so(text):
    chain = read_plan(text, width=64, height=64)
    assert [region.phrase for region in chain.regions] == ["a red cup"] and chain.cut
    assert "<loc" not in chain.text and "{" not in chain.text and "<p" not in chain.text


def test_an_explicit_setting_wins_over_what_the_form_says():
    row = '[{"bbox_2d": [400, 120, 760, 380], "label": "a red cup"}]'
    assert boxes(row, order="top left bottom right") == TWO[:1]
    assert boxes(INPUTS["gemini_box_2d"], order="left top right bottom")[0] == ("a red cup", "(400,120),(760,380)")
    assert boxes("a red cup (120,400),(380,760)", units="pixels", width=1000, height=1000) == TWO[:1]
    assert boxes("a cup (0,0),(1,1)") == [("a cup", "(0,0),(1,1)")]
    assert boxes("a cup (0,0),(1,1)", units="fractions") == [("a cup", "(0,0),(999,999)")]


def test_a_form_that_fixes_its_numbers_takes_no_setting():
    texts = [INPUTS[name] for name in ("florence_loc", "paligemma_loc", "lmd_objects", "omost_canvas")]
    for text in [
        *texts,
        *(text_of(READ[name]) for name in ("Ming-Image", "Omost's canvas", "RPG, rows", "Kosmos-2, one cell")),
    ]:
        expected = boxes(text)
        assert boxes(text, order="top left bottom right", units="fractions", width=64, height=64) == expected


def test_a_box_may_leave_the_image_by_two_percent():
    row = '[{"bbox_2d": [-3, -4, %d, 480], "label": "a cup"}]'
    settings = dict(units="pixels", width=640, height=480)
    assert boxes(row % 650, **settings) == [("a cup", "(0,0),(999,999)")]
    with pytest.raises(ChainError, match="660 is more than 640"):
        read_plan(row % 660, **settings)


def test_the_size_that_the_numbers_count_is_the_chains():
    assert read_plan(PROSE, width=640, height=480).size == (640, 480)
    assert read_plan(PROSE).size is None and read_plan(PROSE, width=640).size is None


# ------------------------------------------------------------------------------------------------- texts of strangers

LONG = {
    "opened brackets": "[" * 20_000,
    "opened round brackets": "(" * 20_000,
    "nested lists": "[" * 10_000 + "]" * 10_000,
    "nested objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "nested boxes": '{"objects":[' * 5_000 + '{"bbox_2d":[1,2,3,4],"label":"a"}' + "]}" * 5_000,
    "commas": "," * 1_000_000,
    "commas in a list": "[" + "," * 1_000_000,
}


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("name", LONG)
def test_strange_texts_take_a_moment(name):
    seconds = []
    for _ in range(3):  # the least of three: the machine may be busy
        start = time.process_time()
        try:
            read_plan(LONG[name])
        except ChainError as error:
            assert len(str(error)) < 400
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.2


PIECES = [
    *(
        "[",
        "(1,",
        "{",
        '{"a":',
        "x=1 ",
        "a: b\n",
        "| a ",
        "<",
        "<a ",
        "*a* ",
        "1,",
        "(1,2,3,4",
        "<ref>a",
        "<loc_1>",
        "1",
        " ",
    ),
    *(
        '{"a":"',
        "['x",
        "- ",
        "<box>",
        "\\",
        "<think>",
        "split ratio: 1,",
        "<obj_1> ",
        "\n",
        "（",
        "&lt;",
        "`",
        "(red) ",
        "//",
    ),
    *('"', "'", "{<1><2><3><4>}", "/*", "left: 5px;", "a (1,2),(3,4) ", "<point x='1'>", "cup,1,2,3,4\n"),
    *('{"bbox_2d":[1,2,3,4],"label":"a"},', "<rect x='1' y='2' width='3' height='4' id='a'/>"),
    *("a <loc_1><loc_2><loc_3><loc_4>", "- label: a\n  bbox: [1,2,3,4]\n", "a box left: 1 ", "<p>a</p>", "BREAK "),
]


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_with_the_length(piece):
    """Eight times the text takes about eight times as long; it would be 64 times if the work grew with the square."""

    def seconds(size):
        start = time.process_time()
        try:
            read_plan(piece * (size // len(piece)))
        except ChainError as error:
            assert len(str(error)) < 400
        return time.process_time() - start

    short = min(seconds(10_000) for _ in range(2))
    assert seconds(80_000) < 24 * max(short, 0.01)


def test_nothing_but_a_chain_error_comes_of_any_text():
    """Parts of all forms, put together, cut and changed at random."""
    chance = random.Random(17)
    seeds = [text_of(case) for case in CASES]
    signs = "[](){}<>|,;:\"'0123456789.-%=\\/#*\n abc色，："
    read = 0
    for _ in range(1500):
        text = chance.choice(seeds)
        for _ in range(chance.randrange(6)):
            at, other = chance.randrange(len(text) + 1), chance.choice(seeds)
            cut = chance.randrange(len(other) + 1)
            text = chance.choice(
                [
                    text[:at],
                    text[at:],
                    text[:at] + chance.choice(signs) + text[at:],
                    text[:at] + text[at + 1 :],
                    text[:at] + other[cut : cut + 40] + text[at:],
                    text + "\n" + other,
                ]
            )
        try:
            chain = read_plan(text, width=chance.choice([0, 640]), height=480, units=chance.choice(["auto", "pixels"]))
        except ChainError as error:
            assert str(error) and len(str(error)) < 500
            continue
        read += bool(chain.regions)
        assert canonical_text(chain.text) == chain.text and parse_regions(chain.text) == chain.regions
    assert read > 100


def test_json_is_read_without_recursion():
    assert read_json("[" * 100 + "1" + "]" * 100).values
    assert read_json('{"a": 1').values == [{}] and read_json('{"a": 1').cut
    assert read_json('{"a": [1, 2], "b": [3').values == [{"a": [1, 2]}]


def test_every_form_of_the_table_has_a_name_and_a_sign():
    assert len({form.name for form in FORMS}) == len(FORMS)
    assert all(form.signs and form.read.__doc__ for form in FORMS)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (
            "Sure! 1. A cup (1,2),(3,4)\n2. a hat (5,6),(7,8)",
            "1. A cup (1,2),(3,4) (red)\n2. a hat (5,6),(7,8) (green)",
        ),
        ("Sure, here's a description with boxes: a cup (1,2),(3,4)", "a cup (1,2),(3,4) (red)"),
        ("Of course. Below is the plan.\n\nA cup (1,2),(3,4).\nI hope this helps!", "A cup (1,2),(3,4) (red)."),
        (
            "Here is the layout:\n1. A cup: (1,2),(3,4)\n\nLet me know if you want changes!",
            "1. A cup: (1,2),(3,4) (red)",
        ),
        ("好的！以下是方案：一只猫(1,2),(3,4)。", "一只猫 (1,2),(3,4) (red)。"),
        ("Great, big dog (1,2),(3,4)", "Great, big dog (1,2),(3,4) (red)"),
        ("Here is a cup (1,2),(3,4).", "Here is a cup (1,2),(3,4) (red)."),
        ("This is an image of a cat (1,2),(3,4).", "This is an image of a cat (1,2),(3,4) (red)."),
    ],
)
def test_what_a_chat_says_around_its_answer_is_left_out(text, chain):
    assert plain_text(read_plan(text).text) == chain


def test_a_word_that_looks_like_a_color_and_is_none_is_noted():
    note = note_of(read_plan("A cup (1,2),(3,4) (redd), a hat (5,6),(7,8) (left) and a dog (5,6),(7,8) (blue)."))
    assert note.startswith("Box 1 is followed by '(redd)', which is no color") and "Did you mean red?" in note
    assert "left" not in note and note_of(read_plan("A cup (1,2),(3,4) (red) and a hat (5,6),(7,8)")) == ""
