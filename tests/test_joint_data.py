"""Rows: what a good one becomes, what is said of a broken one, and that a stream goes on where it was.

Run: python dev.py test tests/test_joint_data.py
"""

import io
import json
from datetime import datetime
from random import Random

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from datasets import Dataset, Features, Value
from datasets import Image as ImageColumn
from got import dev
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, parse_regions
from got.training.joint.config import ConfigError, Source, make_config
from got.training.joint.examples import RowError, read_example
from got.training.joint.published import read_published, with_boxes
from got.training.joint.report import BrokenRows
from got.training.joint.sources import Mixture, Rows, example_of, refuse_unusable
from got.training.joint.steps import Steps
from got.training.joint.worlds import SHARES, world_example
from got.world import scenes, wording
from PIL import Image

CHAIN = "A red cup (100,200),(300,400) (red) on a table (0,500),(1000,1000)"


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "red.png")
    Image.new("RGBA", (40, 20), (0, 0, 255, 255)).save(tmp_path / "blue.png")
    Image.new("RGB", (8, 20)).save(tmp_path / "thin.png")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "red.png").read_bytes()[:60])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "huge.png").write_bytes(b"P6 10000 9000 255\n")
    (tmp_path / "cut.avif").write_bytes(b"\0\0\0\x1cftypavif" + bytes(40))
    return tmp_path


def row(**changes):
    return {"prompt": "a cup", "chain": CHAIN, "picture": "red.png", **changes}


def test_a_row_without_a_source_is_text_to_image(folder):
    example = read_example(row(), folder)
    assert (example.chain.task, example.chain.prompt, example.chain.source) == (TEXT_TO_IMAGE, "a cup", None)
    assert [region.color.word for region in example.chain.regions] == ["red", "green"]
    assert example.image.shape == (20, 40, 3) and example.image.dtype == np.uint8


def test_a_row_with_a_source_is_an_edit(folder):
    example = read_example(row(instruction="make it blue", prompt=None, source="blue.png"), folder)
    assert (example.chain.task, example.chain.prompt) == (EDIT, "make it blue")
    assert example.chain.source.shape == (1, 20, 40, 3) and example.chain.source[0, 0, 0].tolist() == [0, 0, 1]


def test_images_may_be_bytes_as_parquet_keeps_them(folder):
    data = (folder / "red.png").read_bytes()
    for image in (data, {"bytes": data, "path": None}, {"bytes": None, "path": "red.png"}):
        assert read_example(row(picture=image), folder).image[0, 0].tolist() == [255, 0, 0]


def test_earlier_turns_come_before(folder):
    first = {"prompt": "make it red", "chain": CHAIN, "source": "blue.png"}
    chain = read_example(row(source="red.png", earlier=[first, first]), folder).chain
    assert chain.earlier.prompt == "make it red" and chain.earlier.earlier.earlier is None


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"prompt": "  "}, "no prompt", "prompt"),
        ({"chain": None}, "no chain", "chain"),
        ({"picture": None}, "no picture", "picture"),
        ({"picture": "none.png"}, "missing picture", "none.png"),
        ({"picture": "text.png"}, "unreadable picture", "cannot be read"),
        ({"picture": "cut.png"}, "unreadable picture", "cannot be read"),
        ({"picture": "thin.png"}, "tiny picture", "8x20"),
        ({"source": "none.png"}, "missing source", "none.png"),
        ({"task": "edit"}, "no source", "source"),
        ({"task": "paint"}, "unknown task", "paint"),
        ({"chain": "a cup (1,2),(1200,4)"}, "bad box", "1200"),
        ({"chain": "a cup (9,2),(5,4)"}, "bad box", "(9,2),(5,4)"),
        ({"chain": "a cup (1,2),(3,4) (reddish)"}, "unknown color", "reddish"),
        ({"chain": "a cup (" + "9" * 5000 + ",2),(3,4)"}, "bad box", "is not a box"),
        ({"chain": "a cup " * 2000}, "long chain", "8192"),
        ({"prompt": "a cup \ud800"}, "bad prompt", "prompt"),
        ({"picture": "folder.png"}, "missing picture", "folder.png"),
        ({"picture": "a" * 5000}, "missing picture", "aaa"),
        ({"picture": "a\0b"}, "missing picture", "a"),
        ({"picture": ["red.png"]}, "no picture", "picture"),
        ({"picture": "huge.png"}, "unreadable picture", "10000x9000"),
        ({"picture": "cut.avif"}, "unreadable picture", "cannot be read"),
        ({"picture": "../elsewhere.png"}, "picture elsewhere", "--images"),
        ({"source": str(dev.ROOT / "web" / "docs" / "moved_box.jpg")}, "source elsewhere", "--images"),
        *(({"earlier": wrong}, "bad earlier", "16 turns") for wrong in (5, True, "ab", [None], {"a": 1}, [{}] * 17)),
    ],
)
def test_what_is_wrong_with_a_row_is_said(folder, changes, kind, words):
    with pytest.raises(RowError) as error:
        read_example(row(**changes), folder)
    assert error.value.kind == kind and words in str(error.value)


# ---------------------------------------------------------------------------------------------- published sets


@pytest.mark.parametrize(
    ("value", "boxes"),
    [
        ([361, 699, 685, 996], [(361, 699, 685, 996)]),
        ([[361, 699], [685, 996]], [(361, 699, 685, 996)]),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], [(1, 2, 3, 4), (5, 6, 7, 8)]),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [(1, 2, 3, 4), (5, 6, 7, 8)]),
        ("(361,699),(685,996)", [(361, 699, 685, 996)]),
        ("<|box_start|>(361,699),(685,996)<|box_end|>", [(361, 699, 685, 996)]),
    ],
)
def test_placeholders_become_boxes(value, boxes):
    chain = with_boxes("The area is <coord_1>.", json.dumps({"<coord_1>": value}), lambda box: box)
    assert [tuple(region.box) for region in parse_regions(chain)] == boxes


def test_a_longer_placeholder_is_not_taken_for_a_shorter_one():
    coord = {"box_1": [1, 1, 2, 2], "box_10": [5, 5, 6, 6]}
    regions = parse_regions(with_boxes("box_10 and box_1", coord, lambda box: box))
    assert [region.box.x0 for region in regions] == [5, 1]


@pytest.mark.parametrize(
    "coord",
    [
        *("{", '{"<a>": [1, 2, 3]}', '{"<a>": [[]]}', "[1]", '{"<a>": ["x", 1]}'),
        *(f'{{"<a>": [1{"0" * 400}, 1, 2, 3]}}', f'{{"<a>": {"[" * 900}{"]" * 900}}}', "[" * 90_000),
    ],
    ids=lambda coord: coord[:20],
)
def test_a_broken_coord_is_one_broken_row(coord):
    with pytest.raises(RowError) as error:
        with_boxes("<a>", coord, lambda box: box)
    assert error.value.kind == "bad coord"


def test_omniedit_got_joined_with_omniedit(folder):
    joined = {
        "omni_edit_id": "task_swap_1",
        "got": "1. A cup is there.\n2. The area to be edited is <coord_1>.",
        "coord": '{"<coord_1>": [10, 5, 20, 10]}',
        "edited_prompt_list": ["make the cup blue", "a blue cup"],
        "src_img": "red.png",
        "edited_img": "blue.png",
    }
    for units, box in (("grid", (10, 5, 20, 10)), ("pixels", (250, 250, 500, 500))):  # of 40 x 20 pixels
        example = read_published(joined, Source(kind="omniedit-got", units=units), folder)
        assert (example.chain.task, example.chain.prompt) == (EDIT, "make the cup blue")
        assert [tuple(region.box) for region in example.chain.regions] == [box]


def test_fractions_of_an_image(folder):
    joined = {"prompt": "a", "got": "a <b>", "coord": '{"<b>": [0.1, 0.2, 0.5, 1]}', "img": "red.png"}
    columns = {"prompt": "prompt", "coord": "coord", "picture": "img", "source": ""}
    example = read_published(joined, Source(kind="omniedit-got", columns=columns, units="fractions"), folder)
    assert tuple(example.chain.regions[0].box) == (100, 200, 500, 999) and example.chain.task == TEXT_TO_IMAGE


@pytest.mark.parametrize(("kind", "column"), [("lahr-got", "image"), ("journeydb-got", "img_path")])
def test_paragraphs_with_boxes(folder, kind, column):
    published = {"prompt": "a cup", "got": CHAIN, column: "red.png"}
    assert len(read_published(published, Source(kind=kind), folder).chain.regions) == 2
    renamed = {"text": "a cup", "description": CHAIN, "file": "red.png"}
    columns = {"prompt": "text", "chain": "description", "picture": "file"}
    assert read_published(renamed, Source(kind=kind, columns=columns), folder).chain.prompt == "a cup"


# -------------------------------------------------------------------------------------------------- the world


@pytest.mark.parametrize("kind", SHARES)
def test_rows_of_the_world(kind):
    example = world_example(Random(5), kind)
    again = world_example(Random(5), kind)
    assert again.chain.text == example.chain.text and (again.image == example.image).all()
    assert (example.chain.source is None) == (kind == "text-to-image")
    assert (example.chain.earlier is not None) == (kind == "conversation")
    assert len(example.chain.regions) == 2 if kind == "two parts" else example.chain.regions


def test_the_second_turn_edits_what_the_first_made():
    for seed in range(20):
        first, second = scenes.two_edits(Random(seed))
        assert second.source == first.target != second.target
    text = wording.two_step_chain(first, second)
    assert "2. For the first step, the object to be" in text and "3. For the second step, the object to be" in text
    assert text.startswith("1. The image shows ") and "4. The edited image shows " in text


# --------------------------------------------------------------------------------------------------- streams


def write_rows(folder, count, name="rows.jsonl"):
    table = [row(prompt=f"cup {number}") for number in range(count)]
    if name.endswith(".parquet"):
        Dataset.from_list(table).to_parquet(folder / name, batch_size=5)
    else:
        (folder / name).write_text("".join(json.dumps(each) + "\n" for each in table))
    return str(folder / name)


def drawn(rows, count):
    return [name for name, _ in (next(rows) for _ in range(count))]


def test_every_row_comes_once_an_epoch_in_another_order(folder):
    rows = Rows(Source(files=write_rows(folder, 11)), window=4, seed=0)
    first, second = drawn(rows, 11), drawn(rows, 11)
    assert sorted(first) == sorted(second) and len(set(first)) == 11 and first != second
    assert first[0].endswith(tuple(f"rows.jsonl, row {number}" for number in range(1, 12)))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_stream_goes_on_where_it_was(folder, name):
    source = Source(files=write_rows(folder, 11, name))
    rows = Rows(source, window=4, seed=0)
    states, names = [], []
    for _ in range(25):
        states.append(json.loads(json.dumps(rows.state_dict())))
        names += drawn(rows, 1)
    for place in (0, 1, 4, 6, 10, 11, 12, 23):
        again = Rows(source, window=4, seed=0)
        again.load_state_dict(states[place])
        assert drawn(again, 25 - place) == names[place:]


def test_reading_files_makes_no_request(folder, monkeypatch):
    """datasets would ask a server to count every reader."""
    asked = []
    monkeypatch.setattr("datasets.load.get_session", lambda: asked.append("request"))
    for name in ("rows.jsonl", "rows.parquet"):
        drawn(Rows(Source(files=write_rows(folder, 3, name)), window=2, seed=0), 4)
    assert not asked


def test_parquet_with_images_in_it(folder):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), (255, 0, 0)).save(buffer, "PNG")
    features = Features({"prompt": Value("string"), "chain": Value("string"), "picture": ImageColumn()})
    table = [row(picture={"bytes": buffer.getvalue(), "path": None}) for _ in range(3)]
    Dataset.from_list(table, features=features).to_parquet(folder / "rows.parquet")
    rows = Rows(Source(files=str(folder / "*.parquet")), window=2, seed=0)
    assert all(example_of(next(rows)[1], rows.source, rows.folder).image.shape == (20, 40, 3) for _ in range(4))


def test_sources_are_drawn_by_their_shares(folder):
    files = write_rows(folder, 5)
    sources = [{"kind": "world", "share": 3}, {"files": files, "share": 1}]
    config = make_config({"start": "tiny", "sources": sources, "shuffle_buffer": 4})
    places = [next(stream) for stream in [Mixture(config)] for _ in range(400)]
    share = sum("world" in place.name for place in places) / 400
    assert 0.68 < share < 0.82 and [place.number for place in places] == list(range(400))


def test_no_files_and_no_rows_are_errors(folder):
    (folder / "empty.jsonl").write_text("")
    (folder / "rows.csv").write_text("a,b\n")
    for name, words in (
        ("none.jsonl", "no such file"),
        ("rows.csv", "neither JSONL nor Parquet"),
        ("*", "neither JSONL nor Parquet"),
        ("empty.jsonl", "no rows"),
    ):
        with pytest.raises(ConfigError, match=words):
            next(Rows(Source(files=str(folder / name)), window=2, seed=0))


def read_all(rows, count):
    """What becomes of the next rows: "good", or the kind of what is wrong."""
    found = []
    for _ in range(count):
        try:
            found.append(example_of(next(rows)[1], rows.source, rows.folder) and "good")
        except RowError as error:
            found.append(error.kind)
    return sorted(found)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda line: line.replace(b"a cup", b"caf\xe9"), ["not UTF-8"]),
        (lambda line: b"[" * 100_000, ["not JSON"]),
        (lambda line: b"\0", ["not JSON"]),
        (lambda line: line.replace(b"a cup", b"\\udfff"), ["bad prompt"]),
        (lambda line: line + b"\r", ["good"]),
        (lambda line: line.replace(b"a cup", "a\u2028cup".encode()), ["good"]),
    ],
)
def test_a_line_that_cannot_be_read_is_one_broken_row(folder, change, kinds):
    good = json.dumps(row()).encode()
    (folder / "rows.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\n".join([good, change(good), good]))
    assert read_all(Rows(Source(files=str(folder / "rows.jsonl")), window=3, seed=0), 3) == sorted(
        ["good", "good", *kinds]
    )


def test_rows_without_boxes_are_counted_and_named(folder):
    """Before, they were trained on and nobody knew."""
    lines = [json.dumps(row()), json.dumps(row(chain="A red cup on a table."))]
    (folder / "rows.jsonl").write_text("\n".join(lines * 4) + "\n")
    files = {"files": str(folder / "rows.jsonl")}
    config = make_config({"start": "tiny", "sources": [files], "batch": 8, "micro_batch": 4, "shuffle_buffer": 8})
    steps = Steps(Mixture(config), weights_of, BrokenRows(), config, 0, 1)
    step = next(steps)
    steps.close()
    assert sum(map(sum, step.batches)) == 8  # they are used
    merged = BrokenRows.merged([step.broken, step.broken])
    report = "\n".join(merged.lines())
    assert merged.total == 0 and "trained without boxes, because the chain has none: 8" in report
    assert "rows.jsonl, row 2" in report
    resumed = BrokenRows()
    resumed.load_state_dict(step.broken)
    assert resumed.lines() == BrokenRows.merged([step.broken]).lines()
    resumed.load_state_dict({"seen": 1, "counts": {}, "named": {}})  # an older checkpoint
    assert resumed.unboxed == 0


def test_what_is_said_of_a_broken_row_can_be_printed_anywhere():
    broken = BrokenRows()
    broken.add("rows.jsonl, row 1", RowError("missing picture", "there is no file \ud800" + "a" * 5000))
    assert "\\ud800" in broken.lines()[2] and len(broken.lines()[2].encode()) < 400


def test_parquet_files_with_odd_columns_or_no_rows_are_read(folder):
    good = {key: [value] for key, value in row().items()}
    for name, table in (
        ("a", {**good, "when": [datetime.now()], "extra": [b"\xff"]}),
        ("b", {key: pyarrow.array([], "string") for key in good}),
        ("c", {**good, "chain": pyarrow.nulls(1)}),
        ("d", {"prompt": ["a cup"]}),
    ):
        pyarrow.parquet.write_table(pyarrow.table(table), folder / f"{name}.parquet")
    rows = Rows(Source(files=str(folder / "*.parquet")), window=2, seed=0)
    assert read_all(rows, 6) == ["good", "good", "no chain", "no chain", "no chain", "no chain"]


@pytest.mark.parametrize("what", ["cut off", "empty", "other columns", "a map"])
def test_a_parquet_file_that_cannot_be_read_is_named_before_the_run(folder, what):
    good = (folder / write_rows(folder, 3, "a.parquet")).read_bytes()
    if what in ("cut off", "empty"):
        (folder / "b.parquet").write_bytes(good[:200] if what == "cut off" else b"")
    else:
        kind = pyarrow.map_(pyarrow.string(), pyarrow.int64()) if what == "a map" else pyarrow.list_(pyarrow.int64())
        pyarrow.parquet.write_table(pyarrow.table({"chain": pyarrow.nulls(1, kind), "x": [1]}), folder / "b.parquet")
    with pytest.raises(ConfigError, match=r"b\.parquet' cannot be read: .*leave it out"):
        Rows(Source(files=str(folder / "*.parquet")), window=2, seed=0)


def test_a_file_whose_inside_is_broken_is_named(folder):
    text = pyarrow.array([b"\xff", b"b"])  # stored as text, which it is not
    prompt = pyarrow.StringArray.from_buffers(2, *text.buffers()[1:])
    table = {**{key: [value] * 2 for key, value in row().items()}, "prompt": prompt}
    pyarrow.parquet.write_table(pyarrow.table(table), folder / "rows.parquet")
    with pytest.raises(ConfigError, match=r"rows\.parquet' cannot be read after row 0"):
        next(Rows(Source(files=str(folder / "rows.parquet")), window=2, seed=0))


def weights_of(examples, numbers):
    return [example.weight for example in examples]


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_rows_are_counted_and_named_and_never_fatal(folder, workers):
    lines = [
        json.dumps(row()),
        "{broken",
        json.dumps([1]),
        json.dumps(row(picture="none.png")),
        json.dumps(row(prompt="")),
    ]
    (folder / "rows.jsonl").write_text("\n".join(lines * 3) + "\n")
    config = make_config(
        {
            "start": "tiny",
            "sources": [{"files": str(folder / "rows.jsonl")}],
            "batch": 15,
            "micro_batch": 5,
            "shuffle_buffer": 15,
            "workers": workers,
        }
    )
    steps = Steps(Mixture(config), weights_of, BrokenRows(), config, 0, 1)
    step = next(steps)
    steps.close()
    assert [len(batch) for batch in step.batches] == [5, 5, 5] and sum(map(sum, step.batches)) == 3
    assert BrokenRows.merged([step.broken]).counts == {"not JSON": 6, "missing picture": 3, "no prompt": 3}
    report = "\n".join(BrokenRows.merged([step.broken]).lines())
    assert "15 rows read, 12 of them could not be used" in report and "rows.jsonl, row 4: there is no file" in report


def sources_config(folder, **more):
    return make_config({"start": "tiny", "sources": [{"files": str(folder / "rows.jsonl"), **more}]})


@pytest.mark.parametrize(
    "line, kind",
    [
        (b"null", "not JSON"),
        (b"[]", "not JSON"),
        (b"{}", "no prompt"),
        (b"\xff\xfe\xff", "not UTF-8"),
        (json.dumps({**row(), "prompt": None, "promt": "a cup"}).encode(), "no prompt"),
    ],
)
def test_data_without_a_usable_row_is_refused(folder, line, kind):
    (folder / "rows.jsonl").write_bytes((line + b"\n") * 250)
    with pytest.raises(ConfigError) as error:
        refuse_unusable(sources_config(folder))
    assert "none of the 250 rows read can be used" in str(error.value) and f"{kind}: 250" in str(error.value)


def test_one_json_array_as_data_is_refused(folder):
    (folder / "rows.jsonl").write_text(json.dumps([row(), row()], indent=1))
    with pytest.raises(ConfigError, match="can be used"):
        refuse_unusable(sources_config(folder))


def test_one_usable_row_is_enough(folder):
    (folder / "rows.jsonl").write_text("null\n" * 250 + json.dumps(row()))
    refuse_unusable(sources_config(folder))


def test_a_long_file_is_not_read_whole_to_find_a_usable_row(folder, monkeypatch):
    monkeypatch.setattr("got.training.joint.sources.MOST_TRIED", 20)
    (folder / "rows.jsonl").write_text("null\n" * 250)
    with pytest.raises(ConfigError, match="none of the 20 rows read"):
        refuse_unusable(sources_config(folder))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_step_knows_its_place_however_far_ahead_the_next_ones_are(workers):
    config = make_config(
        {"start": "tiny", "sources": [{"kind": "world"}], "batch": 4, "micro_batch": 2, "workers": workers}
    )
    steps = Steps(Mixture(config), weights_of, BrokenRows(), config, 1, 2)
    taken = [next(steps) for _ in range(3)]
    steps.close()
    assert [step.position["number"] for step in taken] == [4, 8, 12]
    assert [step.broken["seen"] for step in taken] == [2, 4, 6] and all(len(step.batches) == 1 for step in taken)


def test_rows_that_cannot_be_shared_out_are_refused(folder):
    config = make_config({"start": "tiny", "sources": [{"kind": "world"}], "batch": 6, "micro_batch": 2})
    with pytest.raises(ConfigError, match="multiple of 4"):
        Steps(Mixture(config), None, BrokenRows(), config, 0, 2)
