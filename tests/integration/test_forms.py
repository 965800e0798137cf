"""On a running ComfyUI: answers of many models go all the way to an image, and core's elements become a chain."""

import json
from pathlib import Path

import pytest
from got.got_models.chain.grammar import read_chain
from got.tests.integration.graphs import drawing, node
from got.tools.server import ServerError

FORMS = Path(__file__).parent.parent / "plan_forms"
CIRCLE, SQUARE = "(100,300),(400,600)", "(600,300),(900,600)"
PLAN = [("a red circle", CIRCLE, "red"), ("a blue square", SQUARE, "blue")]

ANSWERS = {
    "plain": f"a red circle {CIRCLE} (red) is left of a blue square {SQUARE} (blue).",
    "thinking": f"<think>Maybe (1,2),(3,4).</think>\na red circle {CIRCLE} (red), a blue square {SQUARE} (blue).",
    "Markdown": f"1. **a red circle** – {CIRCLE} (red)\n2. **a blue square** – {SQUARE} (blue)",
    "Qwen2-VL": "<|object_ref_start|>a red circle<|object_ref_end|><|box_start|>(100,300),(400,600)<|box_end|> (red) "
    "<|object_ref_start|>a blue square<|object_ref_end|><|box_start|>(600,300),(900,600)<|box_end|> (blue)<|im_end|>",
    "Qwen3-VL": '```json\n[{"bbox_2d": [100, 300, 400, 600], "label": "a red circle", "color": "red"},\n'
    '{"bbox_2d": [600, 300, 900, 600], "label": "a blue square", "color": "#0000FF"}]\n```',
    "Gemini": '[{"box_2d": [300, 100, 600, 400], "label": "a red circle", "color": "red"}, '
    '{"box_2d": [300, 600, 600, 900], "label": "a blue square", "color": "blue"}]',
    "InternVL": "<ref>a red circle</ref><box>[[100,300,400,600]]</box> (red), "
    "<ref>a blue square</ref><box>[[600,300,900,600]]</box> (blue)",
    "fractions": "a red circle [0.100,0.300,0.400,0.600] (red), a blue square [0.600,0.300,0.900,0.600] (blue).",
    "Ideogram": '{"compositional_deconstruction": {"elements": [{"type": "obj", "bbox": [300, 100, 600, 400], "desc": '
    '"a red circle", "color_palette": ["#FF0000"]}, {"type": "obj", "bbox": [300, 600, 600, 900], "desc": '
    '"a blue square", "color_palette": ["#0000FF"]}]}}',
    "FLUX 3": '<o_1> <o_2> [{"id": "o_1", "bbox": [300, 100, 600, 400], "desc": "a red circle", "color": "red"}, '
    '{"id": "o_2", "bbox": [300, 600, 600, 900], "desc": "a blue square", "color": "blue"}]',
    "CSV": "label,x1,y1,x2,y2,color\na red circle,100,300,400,600,red\na blue square,600,300,900,600,blue",
    "Chinese brackets": "a red circle（100，300），（400，600）（红色）, "
    "a blue square（600，300），（900，600）（蓝色）",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_goes_all_the_way_to_an_image(client, name):
    graph = drawing(ANSWERS[name]) | {"show": node("PreviewAny", source=["chain", 1])}
    run = client.run(graph)
    assert run.status == "success", run.message
    regions = read_chain(run.text("show")).regions
    assert [(region.phrase, str(region.box), region.color.word) for region in regions] == PLAN
    assert client.image(run.images("save")[0]).size[0] >= 64


@pytest.mark.parametrize("form", ["FLUX 3", "Ideogram", "MOSS-Image", "JSON"])
def test_a_chain_is_written_for_another_model_and_read_back(client, form):
    size = {"width": 1024, "height": 1024} if form == "MOSS-Image" else {}
    graph = {
        "chain": node("GoTChainFromText", text=ANSWERS["plain"], prompt="a circle and a square"),
        "written": node("GoTChainToText", chain=["chain", 0], form=form, **size),
        "again": node("GoTChainFromText", text=["written", 0], prompt="a circle and a square", **size),
        "boxes": node("GoTChainToBoxes", chain=["again", 0], width=64, height=64),
        "show": node("PreviewAny", source=["again", 1]),
        "caption": node("PreviewAny", source=["boxes", 4]),
    }
    run = client.run(graph)
    assert run.status == "success", run.message
    regions = read_chain(run.text("show")).regions
    assert [(region.phrase, str(region.box)) for region in regions] == [(phrase, box) for phrase, box, _ in PLAN]
    assert run.text("caption").count("<obj_") == 2


def test_elements_of_create_bounding_boxes_become_a_chain(client):
    graph = json.loads((FORMS / "create_bounding_boxes_elements.json").read_text("utf-8"))["graph"]
    graph["fb"]["inputs"]["bboxes"] = ["cbb", 2]
    run = client.run(graph)
    assert run.status == "success", run.message
    [region] = read_chain(run.text("show")).regions
    assert (region.phrase, region.color.word) == ("a red cup", "saddlebrown")
    assert all(abs(one - other) <= 1 for one, other in zip(region.box, (120, 400, 380, 760)))  # core counts in pixels


def test_one_label_names_all_boxes_of_create_bounding_boxes(client):
    graph = json.loads((FORMS / "create_bounding_boxes_elements.json").read_text("utf-8"))["graph"]
    graph["fb"]["inputs"]["labels"] = "a cat"
    run = client.run(graph)
    assert run.status == "success", run.message
    assert [region.phrase for region in read_chain(run.text("show")).regions] == ["a cat"]


def test_an_answer_that_cannot_be_read_is_explained(client):
    with pytest.raises(ServerError, match="It must be four numbers"):
        client.run(drawing('[{"bbox": [1, 2, 3], "label": "a red circle"}]'))
