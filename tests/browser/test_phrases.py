"""Phrases and box colors in the browser, in both renderers: what is drawn, reworded and marked by hand."""

import pytest
from got.got_models.chain.grammar import parse_regions, read_chain
from got.tests.browser.editor import Editor, typed, unique
from got.tests.browser.page import SOON
from got.tests.wait import until

TEXT = "A cup on a red table and a blue lamp (100,200),(300,400) (blue), a hat (600,200),(800,400) (red)."
# Where a word of the text ends on the screen, or begins.
PLACE = """
([word, end]) => {
  const walker = document.createTreeWalker(document.querySelector('.got-marks'), NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const at = node.textContent.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + word.length);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    return [end ? right : left, (top + bottom) / 2];
  }
}
"""


@pytest.fixture
def editor(renderer, browser):
    editor = Editor(browser)
    editor.open(typed(TEXT, prompt=unique()))
    editor.run()
    until(lambda: editor.text() == TEXT, seconds=10)
    return editor


def handle(editor, name):
    return editor.page.get_by_role("slider", name=f"Where the phrase {name}")


def drag_to(editor, name, word, is_end):
    """Drag an end of the phrase to a word."""
    x, y, width, height = handle(editor, name).bounding_box().values()
    editor.page.mouse.move(x + width / 2, y + height / 2)
    editor.page.mouse.down()
    place = editor.page.evaluate(PLACE, [word, is_end])
    editor.page.mouse.move(place[0] + 30, place[1] + 3)
    editor.page.mouse.move(place[0] + 2, place[1] + 3)
    editor.page.mouse.up()


def test_the_ends_of_a_phrase_are_dragged_and_moved_by_keys(editor):
    page, keys = editor.page, editor.page.keyboard
    assert handle(editor, "begins").count() == 0
    editor.click(200, 300)
    assert handle(editor, "begins").get_attribute("aria-valuetext") == "a blue lamp"
    drag_to(editor, "begins", "A cup", False)
    whole = TEXT.replace("A cup on a red table and a blue lamp", "[A cup on a red table and a blue lamp]").replace(
        "(blue),", "(red),"
    )
    assert editor.text() == whole  # the box color went along with the first color that the phrase names
    drag_to(editor, "ends", "table", True)
    cup = TEXT.replace("A cup on a red table", "[A cup on a red table]").replace("(blue),", "(red),")
    assert editor.text() == cup and editor.value()["text"] == cup
    assert editor.names()[0] == "1: A cup on a red table"
    entry = editor.run()
    regions = parse_regions(entry["outputs"]["4"]["text"][0])
    assert [region.phrase for region in regions] == ["A cup on a red table", "a hat"]

    handle(editor, "begins").focus()
    keys.press("ArrowRight")
    assert editor.text() == cup.replace("[A cup", "A [cup")
    handle(editor, "ends").focus()
    keys.press("ArrowLeft")
    assert editor.text() == cup.replace("[A cup on a red table]", "A [cup on a red] table")
    assert handle(editor, "ends").evaluate("(handle) => handle === document.activeElement")
    page.locator(".got-canvas").focus()
    for expected in (cup.replace("[A cup", "A [cup"), cup, whole, TEXT):
        keys.press("Control+z")
        until(lambda expected=expected: editor.text() == expected, seconds=10)
        page.locator(".got-canvas").focus()
    assert editor.value().get("text", TEXT) == TEXT


def test_a_box_color_marks_a_region_and_goes_along_with_its_phrase(editor):
    page, keys = editor.page, editor.page.keyboard
    colors = lambda: [(region.phrase, region.color.word) for region in read_chain(editor.text()).regions]
    editor.drag((400, 600), (700, 900))
    ask = page.get_by_role("textbox", name="What is there?")
    ask.fill("a yellow star")
    ask.press("Enter")
    assert colors()[2] == ("a yellow star", "yellow")
    phrase = page.get_by_role("textbox", name="Phrase")
    phrase.fill("a green star")
    phrase.press("Enter")
    assert colors()[2] == ("a green star", "green")
    page.get_by_role("group", name="Box color palette").get_by_role("button", name="purple").click()
    assert colors()[2] == ("a green star", "purple")
    field = page.get_by_role("combobox", name="Box color")
    assert field.input_value() == "purple" and "marks this box for the model" in field.get_attribute("title")
    page.locator(".got-canvas").focus()
    keys.press("Control+d")
    assert colors()[3] == ("a green star", "purple")
    area = page.locator(".got-typed")
    area.fill(editor.text().replace("a blue lamp", "a pink lamp"))
    area.blur()
    assert colors()[0] == ("a pink lamp", "pink")
    area.fill(editor.text() + " A brown dog (10,10),(90,90).")
    area.blur()
    page.wait_for_function("() => document.querySelectorAll('.got-list li').length === 5", timeout=SOON)
    assert colors()[4] == ("A brown dog", "brown")
    assert parse_regions(editor.run()["outputs"]["4"]["text"][0])[4].color.word == "brown"
