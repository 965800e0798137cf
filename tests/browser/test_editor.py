"""The chain editor in the browser, in both renderers: what a person does there works, and none of it is lost."""

import io
import itertools
import json
import re

import numpy as np
import pytest
from got.got_models.chain.grammar import parse_regions, plain_text, read_chain
from got.tests.browser.editor import (
    EDITOR,
    FIRST,
    MOVED,
    SAMPLING,
    SECOND,
    TEXT,
    WIDGET,
    Editor,
    drawn,
    near,
    planned,
    set_text,
    typed,
    unique,
    without_snap,
)
from got.tests.browser.page import SOON
from got.world.detector import detect, overlap
from PIL import Image


@pytest.fixture
def editor(renderer, browser):
    return Editor(browser)


@pytest.fixture
def typed_editor(editor):
    """An editor with two regions that somebody wrote, snap off."""
    editor.prompt = unique()
    editor.open(typed(prompt=editor.prompt))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    without_snap(editor)
    return editor


# ------------------------------------------------------------------------------------------------ the two runs


def test_the_models_boxes_come_and_a_moved_one_is_used_without_asking_the_model_again(editor):
    editor.open(planned())
    first = editor.run()
    text = first["outputs"]["4"]["text"][0]
    regions = parse_regions(text)
    assert editor.names() == [f"{number}: {region.phrase}" for number, region in enumerate(regions, 1)]
    without_snap(editor)
    x0, y0, x1, y1 = regions[0].box
    by = 100 if x1 < 850 else -100
    editor.drag(((x0 + x1) / 2, (y0 + y1) / 2), ((x0 + x1) / 2 + by, (y0 + y1) / 2))
    near(editor.boxes()[0], [x0 + by, y0, x1 + by, y1])
    second = editor.run()
    assert read_chain(second["outputs"]["4"]["text"][0]).text == read_chain(editor.text()).text
    cached = next(detail["nodes"] for kind, detail in second["status"]["messages"] if kind == "execution_cached")
    assert "2" in cached, "the language model was asked again"
    assert editor.button("Back to the model's plan").is_enabled()
    editor.button("Back to the model's plan").click()
    assert read_chain(editor.text()).text == text


def test_another_prompt_brings_another_plan(editor):
    editor.open(planned())
    editor.run()
    editor.type(editor.text() + " A green star (10,10),(200,200) (green).")
    writer = "app.graph.nodes.find((node) => node.type === 'ReasoningChain')"
    prompt = f"{writer}.widgets.find((widget) => widget.name === 'prompt')"
    editor.page.evaluate(f"() => {{ {prompt}.value = 'a yellow triangle'; }}")
    entry = editor.run()
    assert read_chain(editor.text()).text == entry["outputs"]["4"]["text"][0]
    assert "green star" not in editor.text()


def test_of_several_chains_the_one_with_edits_stays_and_the_others_pass(editor):
    graph = planned()
    inputs = {"reasoner": ["1", 0], "prompts": "two white circles\na red circle", **SAMPLING}
    graph["2"] = {"class_type": "GoTSeveralChains", "inputs": inputs}
    editor.open(graph)
    first, second = editor.run()["outputs"]["4"]["text"]
    assert editor.text() == plain_text(first)
    moved = plain_text(second).replace(str(parse_regions(second)[0].box), "(10,20),(300,400)")
    edits = json.dumps({"version": 1, "plan": plain_text(second), "text": moved})
    editor.page.evaluate(f"(edits) => {{ {WIDGET}.value = edits; }}", edits)
    entry = editor.run()
    assert editor.text() == moved
    assert [plain_text(text) for text in entry["outputs"]["4"]["text"]] == [plain_text(first), moved]


def test_nothing_runs_again_after_what_only_the_browser_needs(typed_editor):
    editor = typed_editor
    editor.click(200, 300)
    editor.button("Hide (H)").click()
    entry = editor.run()
    cached = next(detail["nodes"] for kind, detail in entry["status"]["messages"] if kind == "execution_cached")
    assert {"2", "3", "4"} <= set(cached)


@pytest.mark.frontend_newest
def test_the_image_follows_a_box_that_is_dragged_to_a_free_place(editor):
    editor.open(drawn(steps=8))
    before = seen(editor, editor.run(), "red")
    without_snap(editor)
    regions = read_chain(editor.text()).regions
    number = next(i for i, region in enumerate(regions) if "red circle" in region.phrase)
    x0, y0, x1, y1 = regions[number].box
    assert overlap(before.box, (x0, y0, x1, y1)) > 0.5, "the plan is not what was drawn"
    by = 980 - y1  # down to the edge, beside the square
    editor.drag(((x0 + x1) / 2, (y0 + y1) / 2), ((x0 + x1) / 2, (y0 + y1) / 2 + by))
    moved = editor.boxes()[number]
    near(moved, [x0, y0 + by, x1, y1 + by], 5)
    assert overlap(before.box, moved) < 0.3, "the box was not moved far enough to see whether it is followed"
    after = seen(editor, editor.run(), "red")
    assert overlap(after.box, moved) > 0.5, f"the red circle is drawn at {after.box}, its box is {moved}"
    editor.page.wait_for_function("() => document.querySelector('.got-choice').options.length > 1", timeout=SOON)


def seen(editor, entry, color):
    """The one object of a color in the image of a run."""
    image = editor.client.image(entry["outputs"]["8"]["images"][0]).convert("RGB")
    objects = [obj for obj in detect(np.asarray(image)).objects if obj.color == color]
    assert len(objects) == 1, objects
    return objects[0]


# --------------------------------------------------------------------------------------------------- the canvas


def test_a_box_is_moved_resized_drawn_and_removed_and_all_is_undone_and_redone(typed_editor):
    editor = typed_editor
    editor.drag((200, 300), (200, 700))
    near(editor.boxes()[0], [100, 600, 300, 800])
    moved = editor.boxes()
    editor.drag((moved[0][2], moved[0][3]), (400, 900))
    near(editor.boxes()[0], [100, 600, 400, 900], 8)
    resized = editor.boxes()
    editor.drag((500, 600), (700, 900))
    ask = editor.page.get_by_role("textbox", name="What is there?")
    ask.fill("a green star")
    ask.press("Enter")
    assert [region.phrase for region in read_chain(editor.text()).regions][2] == "a green star"
    near(editor.boxes()[2], [500, 600, 700, 900])
    drawn = editor.boxes()
    editor.click(700, 300)
    editor.page.keyboard.press("Delete")
    assert "blue square" not in editor.text() and len(editor.boxes()) == 2
    removed = editor.boxes()
    for expected in (drawn, resized, moved, [FIRST, SECOND]):
        editor.page.keyboard.press("Control+z")
        editor.until_boxes(expected)
        editor.page.locator(".got-canvas").focus()
    for expected in (moved, resized, drawn, removed):
        editor.page.keyboard.press("Control+y")
        editor.until_boxes(expected)
        editor.page.locator(".got-canvas").focus()


def test_by_keys_alone(typed_editor):
    editor, keys = typed_editor, typed_editor.page.keyboard
    editor.page.locator(".got-canvas").focus()
    keys.press("PageDown")
    keys.press("Shift+ArrowRight")
    keys.press("ArrowDown")
    editor.until_boxes([[110, 201, 310, 401], SECOND])
    keys.press("Alt+ArrowRight")
    editor.until_boxes([[110, 201, 311, 401], SECOND])
    keys.press("l")
    keys.press("ArrowDown")
    keys.press("Delete")
    editor.until_boxes([[110, 201, 311, 401], SECOND])
    assert editor.value()["regions"][0]["locked"]
    keys.press("l")
    keys.press("PageDown")
    keys.press("Control+d")
    assert len(editor.boxes()) == 3
    keys.press("Delete")
    keys.press("n")
    keys.press("Enter")
    keys.type("a white square")
    keys.press("Enter")
    assert [region.phrase for region in read_chain(editor.text()).regions][2] == "a white square"


def test_overlapping_boxes_are_reached_in_turn_and_drawn_over(editor):
    editor.open(typed("A table (100,100),(900,900) (brown) holds a cup (400,400),(600,600) (red)."))
    editor.run()
    selected = editor.page.locator(".got-list li[aria-selected=true] .got-name")
    editor.click(500, 500)
    assert selected.inner_text() == "2: a cup"
    for expected in ("1: A table", "2: a cup"):
        editor.page.keyboard.down("Alt")
        editor.click(500, 500)
        editor.page.keyboard.up("Alt")
        assert selected.inner_text() == expected
    editor.drag((200, 200), (350, 350), key="Control")
    editor.page.get_by_role("textbox", name="What is there?").fill("a plate")
    editor.button("Add").click()
    assert len(editor.boxes()) == 3
    near(editor.boxes()[2], [200, 200, 350, 350], 14)


def test_fields_and_palette_change_the_sentence(typed_editor):
    editor = typed_editor
    editor.click(200, 300)
    editor.page.get_by_role("textbox", name="Phrase").fill("A big red circle")
    editor.page.get_by_role("textbox", name="Phrase").press("Enter")
    editor.page.get_by_role("spinbutton", name="Left", exact=True).fill("50")
    editor.page.get_by_role("spinbutton", name="Left", exact=True).press("Enter")
    editor.page.get_by_role("group", name="Palette").get_by_role("button", name="purple").click()
    expected = TEXT.replace("A red circle (100,", "A big red circle (50,").replace("(red)", "(purple)")
    assert editor.text() == expected


def test_a_region_gets_a_strength_a_lora_and_is_switched_off(typed_editor, server):
    """They are saved and not part of the text; a LoRA that is not there is refused, here and before a run."""
    editor, page = typed_editor, typed_editor.page
    lora = server.base / "models" / "loras" / "region.safetensors"
    lora.parent.mkdir(parents=True, exist_ok=True)
    lora.write_bytes(b"")
    editor.click(700, 300)
    page.get_by_text("Guidance", exact=True).click()
    page.locator(f"datalist option[value='{lora.name}']").wait_for(state="attached", timeout=SOON)
    for label, value in (("Strength", "0.5"), ("LoRA", lora.name), ("LoRA strength", "0.8"), ("LoRA", "away")):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
    assert page.get_by_label("LoRA", exact=True).input_value() == lora.name
    guide = {"strength": 0.5, "lora": {"name": lora.name, "strength": 0.8}}
    flags = {"locked": False, "hidden": False}
    assert editor.value()["regions"] == [flags, flags | guide]
    page.get_by_label("Guides the image").uncheck()
    assert editor.value()["regions"][1] == flags | guide | {"off": True} and editor.text() == TEXT
    row = page.locator(".got-list li").nth(1)
    assert "off, region.safetensors" in row.locator(".got-name").get_attribute("title") and "LoRA" in row.inner_text()
    editor.run()
    page.get_by_label("Guides the image").check()
    lora.unlink()
    with page.expect_response("**/api/prompt", timeout=SOON) as answer:
        page.evaluate("() => { app.queuePrompt(0); }")
    assert answer.value.status == 400
    assert "Region 2 'a blue square' uses the LoRA 'region.safetensors'" in answer.value.text()
    page.get_by_label("LoRA", exact=True).fill("")
    page.get_by_label("LoRA", exact=True).press("Enter")
    assert editor.value()["regions"][1] == flags | {"strength": 0.5}
    editor.run()
    editor.browser.errors.clear()  # of the run that was refused


# ------------------------------------------------------------------------------------------------------ the text


def test_the_canvas_follows_the_text_and_a_mistake_is_said_as_the_server_says_it(typed_editor, client):
    editor = typed_editor
    editor.type(MOVED)
    editor.until_boxes([[100, 600, 300, 800], SECOND])
    wrong = MOVED.replace("(600,200),(800,400)", "(600,200),(500,400)")
    editor.type(wrong)
    with pytest.raises(ValueError) as said:
        read_chain(wrong)
    assert editor.page.locator(".got-problems").inner_text().strip() == str(said.value)
    assert editor.page.locator(".got-marks .got-wrong").inner_text() == "(600,200),(500,400)"
    with editor.page.expect_response("**/api/prompt") as answer:
        editor.page.evaluate("() => { app.queuePrompt(0).catch(() => {}); }")
    assert answer.value.status == 400
    assert str(said.value) in answer.value.text().replace("\\\\", "\\")
    editor.browser.rest()
    editor.page.keyboard.press("Escape")  # ComfyUI's own message about it
    editor.browser.errors.clear()  # the browser notes the refused request
    assert editor.text() == wrong
    editor.type(MOVED)
    assert read_chain(editor.run()["outputs"]["4"]["text"][0]).text == read_chain(MOVED).text


def test_what_is_typed_stays_when_a_run_reports(typed_editor):
    editor = typed_editor
    area = editor.page.locator(".got-typed")
    area.press("Control+End")
    with editor.page.expect_response(re.compile("/history|/jobs"), timeout=SOON):  # ComfyUI asks when a run has ended
        editor.page.evaluate("() => { app.queuePrompt(0); }")
        area.press_sequentially(" A green star", delay=40)
    area.press_sequentially(" (10,10),(90,90)", delay=20)
    typed = f"{TEXT} A green star (10,10),(90,90)"
    assert editor.text() == typed
    area.blur()
    assert editor.text() == editor.value()["text"] == typed


@pytest.mark.frontend_newest
@pytest.mark.parametrize("large", [False, True], ids=["in the node", "in the window"])
def test_comfyuis_keys_run_and_save_and_no_others_leave_a_field(typed_editor, large):
    editor, keys = typed_editor, typed_editor.page.keyboard
    if large:
        editor.button("Open in a window").click()
    editor.page.evaluate(f"() => {{ app.canvas.selectItems([{EDITOR}]); }}")
    editor.page.locator(".got-typed").press("Control+End")
    keys.type(" A")
    for key in ("Delete", "Control+z", "Control+y", "Control+m", "Control+b", "r"):
        keys.press(key)
    assert editor.page.evaluate(f"() => [app.graph.nodes.length, {EDITOR}.mode]") == [3, 0]
    typed = editor.text()
    assert asked_by(editor, "Control+Enter")["text"] == typed
    editor.click(200, 300)
    assert asked_by(editor, "Control+Enter")["text"] == typed
    phrase = editor.page.get_by_role("textbox", name="Phrase")
    phrase.fill("A big red circle")
    keys.press("Control+s")
    dialog = editor.page.locator("[role=dialog]:not(.got-window)")
    dialog.wait_for(timeout=SOON)
    assert "A big red circle" in editor.value()["text"]
    keys.press("Escape")
    dialog.wait_for(state="hidden", timeout=SOON)
    if large:
        editor.button("Back to the node").first.click()


def asked_by(editor, key):
    """The edits that travel with the run that a key asks for."""
    with editor.page.expect_response("**/api/prompt", timeout=SOON) as answer:
        editor.page.keyboard.press(key)
    editor.ended(answer.value.json()["prompt_id"])
    return json.loads(answer.value.request.post_data_json["prompt"]["3"]["inputs"]["edits"])


def test_the_chosen_image_is_the_background_however_late_another_one_loads(editor):
    late = []
    editor.page.route("**/red.png", lambda route: late.append(route))
    editor.page.route("**/green.png", lambda route: route.fulfill(body=plain("green"), content_type="image/png"))
    seen = editor.page.evaluate_handle(
        """async () => {
            const { Panel } = await import('/extensions/ComfyUI-GoT/editor/view/panel.mjs');
            const { messagesFor } = await import('/extensions/ComfyUI-GoT/editor/model/messages.mjs');
            const nothing = () => {}, images = [], { Image } = window;
            window.Image = class extends Image { constructor() { super(); images.push(this); } };
            const on = { onEdit: nothing, onLarge: nothing, onResume: nothing, onHistory: nothing, onKeep: nothing };
            const panel = new Panel({ messages: messagesFor('en'), ...on });
            Object.assign(panel.element.style, { position: 'fixed', inset: '0', zIndex: '9999' });
            document.body.append(panel.element);
            panel.store.set({ images: { source: '/red.png', result: '/green.png' } });
            const choice = panel.element.querySelector('.got-choice');
            choice.value = 'result';
            choice.dispatchEvent(new Event('change'));
            window.Image = Image;
            return Object.assign(panel, { images });
        }"""
    )
    middle = """(panel) => {
        const canvas = panel.element.querySelector('canvas'), at = [canvas.width / 2 + 9, canvas.height / 2 + 5];
        return [...canvas.getContext('2d').getImageData(...at.map(Math.round), 1, 1).data];
    }"""
    editor.page.wait_for_function(f"(panel) => ({middle})(panel)[1] > 90", arg=seen, timeout=SOON)
    [route] = late
    route.fulfill(body=plain("red"), content_type="image/png")
    frames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    editor.page.wait_for_function(f"(panel) => panel.images[0].naturalWidth && {frames}", arg=seen, timeout=SOON)
    red, green, *_ = seen.evaluate(middle)
    seen.evaluate("(panel) => { panel.destroy(); panel.element.remove(); }")
    assert green > 90 and red < 50


def plain(color):
    """A PNG of one color."""
    content = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(content, "PNG")
    return content.getvalue()


def test_forty_regions(editor):
    spots = [(x, y) for y in range(0, 960, 190) for x in range(0, 960, 120)][:40]
    text = " ".join(f"A cup ({x},{y}),({x + 100},{y + 100}) (red)." for x, y in spots)
    editor.open(typed(text))
    editor.run()
    assert len(editor.names()) == 40
    without_snap(editor)
    editor.drag((50, 50), (90, 150))
    near(editor.boxes()[0], [40, 100, 140, 200])


# ------------------------------------------------------------------------------------------- nothing is lost


def edited(editor):
    """Leave an edit, a lock and a hidden region."""
    editor.type(MOVED)
    editor.page.locator(".got-list li").nth(0).click()
    editor.button("Lock (L)").click()
    editor.page.locator(".got-list li").nth(1).click()
    editor.button("Hide (H)").click()
    value = editor.value()
    assert value["text"] == MOVED and value["plan"] == TEXT
    assert value["regions"] == [{"locked": True, "hidden": False}, {"locked": False, "hidden": True}]
    return value


@pytest.mark.frontend_newest
def test_edits_outlive_a_reload_and_a_change_of_renderer(typed_editor, renderer):
    editor = typed_editor
    value = edited(editor)
    editor.browser.drafted(editor.prompt, editor.page.evaluate(f"() => {WIDGET}.value"))
    editor.reload()
    assert editor.value() == value
    for vue in (not renderer, renderer):
        editor.browser.set("Comfy.VueNodes.Enabled", vue)
        editor.page.locator(".got-canvas").wait_for(timeout=SOON)
        assert editor.value() == value and editor.text() == MOVED


def test_edits_go_with_a_copy_and_through_save_and_load(typed_editor):
    editor = typed_editor
    value = edited(editor)
    copied = editor.page.evaluate(
        f"""() => {{
            app.canvas.copyToClipboard([{EDITOR}]);
            app.canvas.pasteFromClipboard();
            const both = app.graph.nodes.filter((node) => node.type === 'GoTChainEditor');
            return both.map((node) => node.widgets.find((widget) => widget.name === 'edits').value);
        }}"""
    )
    assert [json.loads(text) for text in copied] == [value, value]
    saved = editor.page.evaluate("() => app.graph.serialize()")
    saved["nodes"] = [node for node in saved["nodes"] if node["type"] != "GoTChainEditor" or node["id"] == 3]
    editor.open(typed("Another (1,1),(500,500) (red)."))
    editor.page.evaluate("async (saved) => { await app.loadGraphData(saved); }", saved)
    editor.arrange()
    assert editor.value() == value


def test_each_of_two_open_workflows_shows_its_own_runs_alone(typed_editor):
    """Both have the same node ids, as two copies of one file do."""
    editor, other = typed_editor, "A cup (1,1),(500,500) (teal)."
    editor.type(MOVED)
    value = editor.value()
    editor.open(typed(other, pause="wait for me"), "other")
    prompt = editor.queue()
    editor.paused()
    editor.until_boxes([[1, 1, 500, 500]])
    editor.switch_workflow()
    assert editor.pause_bar.is_hidden()
    assert editor.value() == value and editor.text() == MOVED
    editor.client.post(f"/got/pause/{prompt}/3", {"text": other})
    assert editor.ended(prompt)["status"]["status_str"] == "success"
    assert editor.value() == value and editor.text() == MOVED
    editor.button("Earlier plans").click()
    assert editor.page.locator(".got-thumb").count() == 1
    editor.switch_workflow()
    editor.until_boxes([[1, 1, 500, 500]])
    assert editor.pause_bar.is_hidden()
    editor.button("Earlier plans").click()
    editor.page.locator(".got-thumb").wait_for(timeout=SOON)  # what ended while it was away


def test_an_image_brings_its_plan_back(editor):
    editor.open(drawn(steps=2))
    editor.run()
    without_snap(editor)
    x0, y0, x1, y1 = editor.boxes()[0]
    editor.drag(((x0 + x1) / 2, (y0 + y1) / 2), ((x0 + x1) / 2, (y0 + y1) / 2 + 60))
    value = editor.value()
    assert value["text"] != value["plan"]
    file = editor.run()["outputs"]["8"]["images"][0]
    editor.open(typed())
    editor.page.evaluate(
        """async (file) => {
            const answer = await fetch('/api/view?' + new URLSearchParams(file));
            await app.handleFile(new File([await answer.blob()], file.filename, { type: 'image/png' }));
        }""",
        file,
    )
    editor.page.wait_for_function("() => app.graph.nodes.some((node) => node.type === 'SaveImage')", timeout=SOON)
    editor.arrange()
    assert editor.value()["text"] == value["text"] and editor.value()["plan"] == value["plan"]


def test_inside_a_subgraph(typed_editor):
    editor = typed_editor
    editor.type(MOVED)
    editor.page.evaluate(f"() => {{ app.canvas.graph.convertToSubgraph(new Set([{EDITOR}])); }}")
    editor.browser.rest()
    entry = editor.run()
    assert read_chain(entry["outputs"]["4"]["text"][0]).text == read_chain(MOVED).text


# ------------------------------------------------------------------------------------------------ ways of working


@pytest.mark.frontend_newest
def test_a_paused_run_resumes_with_the_edits_also_after_a_reload(editor):
    prompt_text = unique()
    editor.open(typed(pause="wait for me", prompt=prompt_text))
    prompt = editor.queue()
    editor.paused()
    editor.until_boxes([FIRST, SECOND])
    editor.browser.drafted(prompt_text, TEXT)
    editor.reload()
    editor.paused()
    editor.until_boxes([FIRST, SECOND])
    editor.type(MOVED)
    editor.button("Resume").click()
    entry = editor.ended(prompt)
    assert entry["status"]["status_str"] == "success"
    assert read_chain(entry["outputs"]["4"]["text"][0]).text == read_chain(MOVED).text
    editor.pause_bar.wait_for(state="hidden", timeout=SOON)
    again = editor.run()  # the plan is accepted: no pause
    assert read_chain(again["outputs"]["4"]["text"][0]).text == read_chain(MOVED).text


def test_a_paused_run_resumes_where_the_saved_edits_cannot_be_read(editor):
    editor.open(typed(pause="wait for me"))
    editor.page.evaluate(f"() => {{ {WIDGET}.value = 'not ours'; }}")
    prompt = editor.queue()
    editor.paused()
    editor.until_boxes([FIRST, SECOND])
    editor.button("Resume").click()
    assert read_chain(editor.ended(prompt)["outputs"]["4"]["text"][0]).text == read_chain(TEXT).text
    assert editor.page.evaluate(f"() => {WIDGET}.value") == "not ours", "they are kept until something is changed"


def test_a_paused_run_obeys_stop_and_its_time_limit(editor):
    editor.open(typed("A pear (2,2),(300,300) (green).", pause="wait for me"))  # one that nobody has answered yet
    prompt = editor.queue()
    editor.paused()
    editor.client.interrupt()
    entry = editor.ended(prompt)  # without Stop it would wait without end
    assert entry["status"]["messages"][-1][0] == "execution_interrupted"
    editor.pause_bar.wait_for(state="hidden", timeout=SOON)
    editor.open(typed("A cup (1,1),(500,500) (red).", pause="wait for me", seconds=1))
    assert editor.run()["outputs"]["4"]["text"][0].startswith("A cup")


def test_the_models_text_appears_while_it_is_written_and_stop_keeps_it(editor):
    graph = planned()
    graph["2"]["inputs"] |= {"prompt": "four white stars", "constrain": True}
    editor.open(graph)
    shown = "(text) => { window.shown ??= []; window.shown.push(text); }"
    editor.page.evaluate(
        f"""() => {{
            window.shown = [];
            const area = document.querySelector('.got-typed'), look = {shown};
            const said = window.said = new Set(), line = document.querySelector('.got-state');
            window.watch = setInterval(() => (look(area.value), said.add(area.readOnly && line.innerText)), 10);
        }}"""
    )
    prompt = editor.queue()
    editor.page.wait_for_function("() => document.querySelector('.got-typed').value.length > 20", timeout=60_000)
    editor.client.interrupt()
    entry = editor.ended(prompt)
    texts = [text for text in dict.fromkeys(editor.page.evaluate("() => window.shown")) if text]
    assert len(texts) >= 1 and all(b.startswith(a) for a, b in itertools.pairwise(texts))
    editor.page.evaluate("() => clearInterval(window.watch)")
    assert any("The model is writing" in (said or "") for said in editor.page.evaluate("() => [...window.said]"))
    if entry["status"]["status_str"] != "success":  # a fast machine may have been done before
        assert editor.text().startswith(texts[0]) and len(editor.text()) > 20


def test_a_run_that_stops_after_the_plan_continues_the_next_time(editor):
    editor.open(typed(pause="stop after the plan"))
    entry = editor.run()
    assert "4" not in entry["outputs"]
    editor.browser.toast("stopped after the plan")
    editor.until_boxes([FIRST, SECOND])
    editor.type(MOVED)
    assert read_chain(editor.run()["outputs"]["4"]["text"][0]).text == read_chain(MOVED).text


def test_earlier_plans_can_be_compared_and_brought_back(typed_editor):
    editor = typed_editor
    editor.type(MOVED)
    editor.run()
    editor.button("Earlier plans").click()
    thumbs = editor.page.locator(".got-thumb")
    assert thumbs.count() == 2
    thumbs.nth(0).click()
    thumbs.nth(1).click()
    assert editor.page.locator(".got-pair figcaption").all_inner_texts() == ["Before", "After"]
    editor.page.locator(".got-pair figure").nth(0).get_by_role("button", name="Use this plan").click()
    assert editor.text() == TEXT
    assert "gotHistory" not in editor.page.evaluate(f"() => {EDITOR}.serialize().properties")
    editor.page.get_by_label("Save in the workflow").check()
    kept = json.loads(editor.page.evaluate(f"() => {EDITOR}.serialize().properties.gotHistory"))
    assert [entry["text"] for entry in kept["entries"]] == [MOVED, TEXT]


def test_a_small_image_belongs_to_the_plan_that_ran(editor):
    editor.open(drawn(steps=8))
    prompt = editor.queue()
    editor.page.locator(".got-list li").first.wait_for(timeout=60_000)
    editor.page.wait_for_function("() => !document.querySelector('.got-typed').readOnly", timeout=60_000)
    plan = editor.text()
    editor.type(plan + " A green star (10,10),(200,200) (green).")
    editor.ended(prompt)
    editor.button("Earlier plans").click()
    editor.page.locator(".got-thumb img").wait_for(timeout=SOON)
    editor.page.locator(".got-thumb").click()
    assert editor.page.locator(".got-pair figure > p").inner_text() == plan


@pytest.mark.frontend_newest
def test_earlier_plans_outlive_the_undoing_of_a_new_plan(typed_editor):
    editor = typed_editor
    set_text(editor, "A cup (1,1),(500,500) (teal).")
    editor.run()
    editor.until_boxes([[1, 1, 500, 500]])
    editor.page.locator(".got-canvas").focus()
    editor.page.keyboard.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    editor.button("Earlier plans").click()
    assert editor.page.locator(".got-thumb").count() == 2


@pytest.mark.frontend_newest
def test_the_window_outlives_undo_and_gives_the_editor_back(typed_editor):
    editor = typed_editor
    editor.button("Open in a window").click()
    window = editor.page.locator(".got-window")
    window.wait_for(timeout=SOON)
    editor.drag((200, 300), (200, 700))
    near(editor.boxes()[0], [100, 600, 300, 800])
    editor.page.keyboard.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    assert window.is_visible()
    editor.button("Back to the node").first.click()
    assert window.count() == 0
    assert editor.page.locator(".got-place .got-canvas").is_visible()


# Frames in which the panel on screen is not that of the node, as after an undo that makes the node again.
STALE = f"""
() => {{
  window.stale = 0;
  const look = () => {{
    const shown = document.querySelector('.got-place'), node = {EDITOR};
    if (shown && node && shown !== {WIDGET}.element) window.stale++;
    if (window.stale !== null) requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}}
"""


@pytest.mark.frontend_newest
def test_undo_never_shows_the_panel_of_a_node_that_is_gone(typed_editor):
    editor = typed_editor
    editor.type(MOVED)
    editor.page.evaluate(STALE)
    for key, expected in (("Control+z", [FIRST, SECOND]), ("Control+y", [[100, 600, 300, 800], SECOND])):
        editor.page.locator(".got-canvas").focus()
        editor.page.keyboard.press(key)
        editor.until_boxes(expected)
        editor.browser.rest()
    stale = editor.page.evaluate("() => { const { stale } = window; window.stale = null; return stale; }")
    assert stale == 0
