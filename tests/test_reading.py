"""What the chain editor's route says of a plan: how it was understood, or which settings are missing."""

import time

import pytest
from got.got_models.chain.forms.plan import LTRB, LTWH, PIXELS, THOUSANDTHS, TLBR, Settings
from got.got_models.comfy.reading import MOST_READ, MOST_SAVED, reading, settings_of

CUP = '{"bbox_2d": [128, 144, 640, 360], "label": "a red cup"}'
JSON = f'```json\n[{CUP}, {{"bbox_2d": [0, 0, 1280, 360], "label": "a cat"}}, {{"bbox_2d": [1, 2'
AUTO = Settings()


def test_a_plan_is_in_the_plain_form_with_what_was_understood():
    read = reading(JSON, Settings("auto", "auto", 1280, 720))
    assert read["text"].startswith("a red cup (100,200),(500,500) (") and "a cat (0,0),(999,500)" in read["text"]
    assert (read["form"], read["order"], read["units"]) == ("JSON", LTRB, PIXELS)
    assert read["note"] == "The text ends within its plan. The boxes that are whole were kept."


def test_the_order_of_a_form_is_named():
    read = reading('[{"box_2d": [200, 100, 400, 300], "label": "a cup"}]', AUTO)
    assert (read["order"], read["units"], read["note"]) == (TLBR, THOUSANDTHS, "")
    assert "(100,200),(300,400)" in read["text"]


def test_a_missing_size_and_a_missing_order_are_named_and_then_taken():
    refused = reading(JSON, AUTO)
    assert refused["settings"] == ["width", "height"] and "Set width and height" in refused["error"]
    refused = reading("a cup (600,200),(100,100) on a table", AUTO)
    assert refused["settings"] == ["order"] and "set order" in refused["error"]
    read = reading("a cup (600,200),(100,100) on a table", Settings(LTWH))
    assert "(600,200),(700,300)" in read["text"] and read["order"] == LTWH
    refused = reading("a cup (100,200),(300,4000) on a table", Settings("auto", THOUSANDTHS))
    assert refused["settings"] == ["units", "width", "height"]


def test_prose_has_no_region_and_signs_of_boxes_are_refused():
    assert reading("Two cats on a sofa.", AUTO)["note"].startswith("The text has no box.")
    refused = reading("add_local_description(", AUTO)
    assert refused["settings"] == [] and "no box could be read" in refused["error"]


def test_a_chain_that_the_editor_cannot_save_is_refused():
    text = "a cup (1,2),(3,4) (red) " * (MOST_SAVED // 20)
    assert "kB" in reading(text, AUTO)["error"]


@pytest.mark.parametrize("text", ["[" * 10_000, '{"a":' * 10_000, "," * MOST_READ, "(" * 20_000, "\x00", "\ud800(1,2)"])
def test_bad_input_is_answered_at_once(text):
    start = time.perf_counter()
    read = reading(text, AUTO)
    assert ("error" in read or "text" in read) and time.perf_counter() - start < 2


@pytest.mark.parametrize("query", [{"width": "-1"}, {"height": "16385"}, {"width": "1.5"}, {"width": "9" * 5000}])
def test_a_size_out_of_range_is_refused(query):
    with pytest.raises(ValueError, match=r"range|int"):
        settings_of(query)


def test_settings_are_those_of_the_query():
    assert settings_of({}) == AUTO
    query = {"order": LTWH, "units": PIXELS, "width": "640", "height": "480"}
    assert settings_of(query) == Settings(LTWH, PIXELS, 640, 480)
    assert reading("a (1,2),(3,4)", settings_of({"order": "sideways"}))["error"].startswith("Order is 'sideways'")
