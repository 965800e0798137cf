"""The editor's room in the browser, in both renderers and at two sizes of the page.

No text and no flag moves the canvas. The list is arranged by hand. The window has the whole page.
"""

import pytest
from got.tests.browser.editor import FIRST, SECOND, TEXT, Editor, set_text, typed, unique
from got.tests.browser.page import SOON
from got.tests.wait import until

SIZES = {"1366 x 768": (1366, 768), "1920 x 1080": (1920, 1080)}
LONG = "A red circle that an elderly fisherman with a weathered face holds up"
BOXES = "(100,200),(300,400) (red) is left of a blue square (600,200),(800,400) (blue)."
RECT = "(name) => { const { x, y, width, height } = document.querySelector(name).getBoundingClientRect(); "
RECT += "return [x, y, width, height]; }"


@pytest.fixture(params=SIZES, ids=list(SIZES))
def page_size(request, comfyui):
    """A page of this size, while the test runs."""
    before = comfyui.page.viewport_size
    width, height = SIZES[request.param]
    comfyui.page.set_viewport_size({"width": width, "height": height})
    yield width, height
    comfyui.page.set_viewport_size(before)


@pytest.fixture
def editor(renderer, browser, page_size):
    """An editor with two regions that somebody wrote, snap off."""
    editor = Editor(browser)
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    if editor.button("Snap to the grid and to other boxes").get_attribute("aria-pressed") == "true":
        editor.button("Snap to the grid and to other boxes").click()
    return editor


def canvas(editor):
    """Left, top, width and height of the canvas on the screen, at rest."""
    editor.browser.rest()
    return editor.page.evaluate(RECT, ".got-canvas")


def row(editor, place):
    return editor.page.locator(".got-list li").nth(place)


def selected(editor):
    return editor.page.locator(".got-list li[aria-selected=true] .got-name").inner_text()


def drag_row(editor, start, stop):
    """Drag a row of the list onto another one by the mouse."""
    boxes = [row(editor, place).bounding_box() for place in (start, stop)]
    middles = [(box["x"] + 40, box["y"] + box["height"] / 2) for box in boxes]
    editor.page.mouse.move(*middles[0])
    editor.page.mouse.down()
    editor.page.mouse.move(*middles[1], steps=5)
    editor.page.mouse.up()


def test_the_canvas_keeps_its_place_whatever_the_text_and_the_flags(editor):
    before = canvas(editor)
    editor.type(f"{LONG} {BOXES}")
    name = row(editor, 0).locator(".got-name")
    assert canvas(editor) == before
    assert name.get_attribute("title") == name.inner_text() and LONG[-10:] in name.inner_text()
    assert name.evaluate("(name) => name.scrollWidth > name.clientWidth"), "it is short enough to be shown whole"
    for flag in ("Lock", "Hide"):
        row(editor, 0).get_by_role("button", name=flag).click()
        assert canvas(editor) == before
    assert editor.value()["regions"][0] == {"locked": True, "hidden": True}
    for flag in ("Unlock", "Show"):
        row(editor, 0).get_by_role("button", name=flag).click()
    wrong = "".join(f" A cup ({n},9),({n},5) (red)." for n in range(9))
    editor.type(TEXT + wrong)
    assert canvas(editor) == before
    problems = editor.page.locator(".got-problems")
    assert problems.locator("li").count() == 9
    room = problems.evaluate("(list) => [list.scrollHeight, list.clientHeight, getComputedStyle(list).overflowY]")
    assert room[0] > room[1] > 15 and room[2] == "auto"
    problems.locator("button").last.focus()
    until(lambda: problems.locator("button").last.is_visible(), seconds=5)
    last = problems.evaluate("(list) => list.lastElementChild.getBoundingClientRect().bottom")
    assert last <= problems.evaluate("(list) => list.getBoundingClientRect().bottom") + 1, "the last problem is cut"
    editor.type(TEXT)
    set_text(editor, "A cup (1,1),(500,500) (teal).")
    editor.type(TEXT.replace("circle", "ring"))
    editor.run()
    editor.page.get_by_text("A new plan replaced your changes.").wait_for(timeout=SOON)
    assert canvas(editor) == before


def test_the_width_of_the_list_is_dragged_set_by_keys_and_remembered(editor):
    handle = editor.page.get_by_role("separator")
    width = editor.page.locator(".got-regions").evaluate("(list) => list.clientWidth")
    box = handle.bounding_box()
    start = (box["x"] + box["width"] / 2, box["y"] + 30)
    editor.page.mouse.move(*start)
    editor.page.mouse.down()
    editor.page.mouse.move(start[0] - 60, start[1], steps=4)
    editor.page.mouse.up()
    wider = editor.page.locator(".got-regions").evaluate("(list) => list.clientWidth")
    assert wider - width == pytest.approx(60, abs=2)
    handle.focus()
    editor.page.keyboard.press("ArrowRight")
    assert editor.page.locator(".got-regions").evaluate("(list) => list.clientWidth") == wider - 16
    editor.open(typed(prompt=unique()))
    assert editor.page.locator(".got-regions").evaluate("(list) => list.clientWidth") == wider - 16
    handle.dblclick()
    assert editor.page.locator(".got-regions").evaluate("(list) => list.clientWidth") == width


def test_rows_are_arranged_by_dragging_and_by_keys_and_the_text_stays(editor):
    editor.type(
        "A table (100,100),(900,900) (brown) holds a cup (400,400),(600,600) (red) and a pen (450,450),(700,500)."
    )
    text = editor.text()
    drag_row(editor, 2, 0)
    assert editor.names() == ["3: a pen", "1: A table", "2: a cup"] and editor.text() == text
    assert editor.value()["order"] == [2, 0, 1]
    assert selected(editor) == "3: a pen"
    editor.click(50, 50)
    editor.click(500, 480)
    assert selected(editor) == "2: a cup", "the pen is at the back now"
    editor.page.locator(".got-list").focus()
    editor.page.keyboard.press("Alt+ArrowUp")
    assert editor.names() == ["3: a pen", "2: a cup", "1: A table"] and selected(editor) == "2: a cup"
    editor.page.keyboard.press("ArrowDown")
    assert selected(editor) == "1: A table"
    editor.page.keyboard.press("Home")
    assert selected(editor) == "3: a pen"
    editor.page.keyboard.press("Alt+End")
    assert editor.names() == ["2: a cup", "1: A table", "3: a pen"]
    for expected in (["3: a pen", "2: a cup", "1: A table"], ["3: a pen", "1: A table", "2: a cup"]):
        editor.page.keyboard.press("Control+z")
        until(lambda expected=expected: editor.names() == expected, seconds=10)


def test_a_field_that_refuses_a_value_says_why_and_keeps_it(editor):
    editor.click(200, 300)
    refusal = editor.page.locator(".got-refusal")
    for field, value, said in (
        ("Left", "400", "Left 400 must be less than Right 300."),
        ("Bottom", "1200", "Bottom is 1200. Use 0 to 999."),
        ("Left in pixels", "5000", "Left is 5000. Use 0 to 1024."),
        ("Left", "", "Left needs a whole number from 0 to 999."),
    ):
        box = editor.page.get_by_role("spinbutton", name=field, exact=True)
        box.fill(value)
        box.press("Enter")
        assert refusal.inner_text() == said
        assert box.get_attribute("aria-invalid") == "true" and box.input_value() == value
        assert editor.boxes() == [FIRST, SECOND]
        row(editor, 1).click()
        assert refusal.is_hidden()
        row(editor, 0).click()
        assert box.input_value() != value
    left, right = (editor.page.get_by_role("spinbutton", name=side, exact=True) for side in ("Left", "Right"))
    left.fill("400")
    left.press("Enter")
    right.fill("500")
    right.press("Enter")
    editor.until_boxes([[400, 200, 500, 400], SECOND])
    assert refusal.is_hidden()
    pixels = editor.page.get_by_role("spinbutton", name="Left in pixels", exact=True)
    assert pixels.input_value() == str(400 * 1024 // 1000)
    pixels.fill("128")
    pixels.press("Enter")
    editor.until_boxes([[125, 200, 500, 400], SECOND])
    phrase = editor.page.get_by_role("textbox", name="Phrase")
    phrase.fill(" ")
    phrase.press("Enter")
    assert "The phrase is empty" in refusal.inner_text()


def test_the_text_scrolls_to_the_selected_region_and_a_new_plan_can_be_undone(editor):
    many = " ".join(f"A cup number {n} ({n},{n}),(900,900) (red)." for n in range(1, 40))
    editor.type(many)
    row(editor, 38).click()
    seen = """() => {
        const mark = document.querySelector('.got-marks .got-selected').getBoundingClientRect();
        const paper = document.querySelector('.got-paper').getBoundingClientRect();
        return mark.top >= paper.top && mark.bottom <= paper.bottom;
    }"""
    editor.page.wait_for_function(seen, timeout=SOON)
    row(editor, 0).click()
    editor.page.wait_for_function(seen, timeout=SOON)
    set_text(editor, "A pear (1,1),(500,500) (teal).")
    editor.run()
    editor.until_boxes([[1, 1, 500, 500]])
    bar = editor.page.get_by_role("status").filter(has_text="A new plan replaced your changes.")
    bar.get_by_role("button", name="Earlier plans").click()
    assert editor.page.locator(".got-thumb").count() == 3
    assert editor.page.locator(".got-thumb", has_text="A cup number 1").count() == 1
    editor.button("Earlier plans").click()
    bar.get_by_role("button", name="Undo").click()
    assert editor.text() == many and bar.is_hidden()
    editor.run()
    assert editor.text() == many


def test_before_the_first_run_the_editor_says_what_to_do(renderer, browser, page_size):
    editor = Editor(browser)
    editor.open(typed(prompt=unique()))
    canvas = editor.page.locator(".got-stage")
    canvas.get_by_text("There is no plan yet.").wait_for(timeout=SOON)
    assert "Press Run" in editor.page.locator(".got-list").get_attribute("data-empty")
    canvas.get_by_role("button", name="Draw a region").click()
    editor.page.keyboard.press("Enter")
    editor.page.keyboard.type("a white square")
    editor.page.keyboard.press("Escape")
    with editor.browser.queued() as prompts:
        canvas.get_by_role("button", name="Run").click()
    editor.ended(prompts[0])
    editor.until_boxes([FIRST, SECOND])
    assert canvas.get_by_text("There is no plan yet.").is_hidden()


def test_the_window_has_the_page_runs_and_stops_and_gives_the_focus_back(editor, page_size):
    page = editor.page
    page.evaluate("() => { app.graph.nodes.find((node) => node.type === 'GoTChainEditor').title = 'My plan'; }")
    editor.button("Open in a window").focus()
    page.keyboard.press("Enter")
    window = page.get_by_role("dialog", name="My plan")
    window.wait_for(timeout=SOON)
    editor.browser.rest()
    assert page.evaluate(RECT, ".got-canvas")[3] >= 0.7 * page_size[1]
    assert page.evaluate("() => document.activeElement.className") == "got-canvas"
    assert page.locator(".got-place").get_by_text("The editor is open in a window.").count() == 1
    editor.drag((200, 300), (200, 700))
    moved = editor.boxes()
    assert moved[0][1] > 590
    state = window.locator(".got-queue")
    until(lambda: state.inner_text() == "Idle", seconds=10)
    with editor.browser.queued() as prompts:
        window.get_by_role("button", name="Run").click()
    entry = editor.ended(prompts[0])
    assert str(moved[0][1]) in entry["outputs"]["4"]["text"][0]
    until(lambda: state.inner_text() == "Idle", seconds=10)
    for key, count in (("Tab", 60), ("Shift+Tab", 60)):
        for _ in range(count):
            page.keyboard.press(key)
            assert page.evaluate("() => !!document.activeElement.closest('.got-window')"), "the focus left the window"
    window.get_by_role("button", name="Show the graph beside the window").click()
    editor.browser.rest()
    header = window.locator("header").bounding_box()
    page.mouse.move(header["x"] + 60, header["y"] + 10)
    page.mouse.down()
    page.mouse.move(header["x"] - 40, header["y"] + 60, steps=4)
    page.mouse.up()
    assert window.bounding_box()["x"] == pytest.approx(header["x"] - 111, abs=2)
    window.get_by_role("button", name="Fill the page").click()
    page.locator(".got-canvas").focus()
    page.keyboard.press("PageDown")
    page.keyboard.press("Escape")  # the selection first
    assert window.is_visible()
    page.keyboard.press("Escape")
    assert window.count() == 0
    assert page.evaluate("() => document.activeElement.title") == "Open in a window"
    page.keyboard.press("Enter")
    page.evaluate("() => document.querySelector('.got-away button').click()")
    assert window.count() == 0 and page.locator(".got-place .got-canvas").is_visible()


def test_stop_in_the_window_ends_a_paused_run(renderer, browser, page_size):
    editor = Editor(browser)
    editor.open(typed(pause="wait for me", prompt=unique()))
    editor.button("Open in a window").click()
    window = editor.page.locator(".got-window")
    with editor.browser.queued() as prompts:
        window.locator("header").get_by_role("button", name="Run").click()
    editor.paused()
    assert "Running: GoT Chain Editor" in window.locator(".got-queue").inner_text()
    window.get_by_role("button", name="Stop").click()
    assert editor.ended(prompts[0])["status"]["messages"][-1][0] == "execution_interrupted"
    editor.pause_bar.wait_for(state="hidden", timeout=SOON)
    window.get_by_role("button", name="Back to the node").first.click()
