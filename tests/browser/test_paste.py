"""Plans of other models, pasted or dropped onto the chain editor: shown before they replace the plan, and undone."""

import json
import re

import pytest
from got.got_models.chain.grammar import read_chain
from got.tests.browser.editor import FIRST, SECOND, TEXT, Editor, typed, unique
from got.tests.browser.page import SOON

GEMINI = json.dumps([{"box_2d": [500, 100, 900, 400], "label": "a yellow star"}])
PIXELS = json.dumps([{"bbox_2d": [128, 144, 1280, 360], "label": "a yellow star"}])
SIZES = "a yellow star (600,200),(100,100) on the right"
STAR = [100, 500, 400, 900]

COPY = """
(text) => {
  const area = document.createElement('textarea');
  document.body.append(area);
  area.value = text;
  area.select();
  document.execCommand('copy');
  area.remove();
}
"""
DROP = """
([selector, name, type, text]) => {
  const data = new DataTransfer();
  if (name) data.items.add(new File([text], name, { type }));
  else data.setData('text/plain', text);
  const [target, options] = [document.querySelector(selector), { bubbles: true, cancelable: true, dataTransfer: data }];
  const isTaken = !target.dispatchEvent(new DragEvent('dragover', options));
  target.dispatchEvent(new DragEvent('drop', options));
  return isTaken;
}
"""


class Pasting(Editor):
    """An editor that somebody pastes and drops things on."""

    def paste(self, text, at=".got-canvas"):
        self.page.evaluate(COPY, text)
        self.page.locator(at).focus()
        self.page.keyboard.press("Control+v")

    def drop(self, text, name="", type="", at=".got-canvas"):
        return self.page.evaluate(DROP, [at, name, type, text])

    @property
    def proposal(self):
        return self.page.locator(".got-proposal")

    def shows(self, *parts):
        """Wait until the proposal says all of these."""
        for part in parts:
            self.proposal.get_by_text(part).first.wait_for(timeout=SOON)

    def closed(self):
        self.proposal.wait_for(state="hidden", timeout=SOON)

    def focus(self):
        return self.page.evaluate("() => document.activeElement.className || document.activeElement.textContent")


@pytest.fixture
def editor(renderer, browser):
    editor = Pasting(browser)
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    return editor


def test_a_pasted_plan_is_shown_replaces_the_plan_and_is_undone(editor):
    editor.paste(GEMINI)
    editor.shows("Regions: 1. Form: JSON. Order: top, left, bottom, right. Units: thousandths.", "a yellow star")
    kinds = editor.proposal.locator("li").evaluate_all("(items) => items.map((item) => item.dataset.kind)")
    assert kinds == ["added", "removed", "removed"] and editor.value()["text"] == TEXT
    editor.page.wait_for_function("() => document.activeElement.textContent === 'Replace the plan'", timeout=SOON)
    editor.page.keyboard.press("Enter")
    editor.closed()
    editor.until_boxes([STAR])
    assert editor.value()["plan"] == TEXT and "got-canvas" in editor.focus()
    editor.page.keyboard.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    editor.page.locator(".got-canvas").focus()
    editor.page.keyboard.press("Control+y")
    editor.until_boxes([STAR])
    assert read_chain(editor.run()["outputs"]["4"]["text"][0]).regions[0].phrase == "a yellow star"


def test_escape_leaves_the_plan_as_it_is(editor):
    editor.paste(GEMINI)
    editor.shows("a yellow star")
    editor.page.keyboard.press("Escape")
    editor.closed()
    assert editor.text() == TEXT and "got-canvas" in editor.focus()


def test_a_missing_size_and_order_are_asked_for(editor):
    editor.paste(PIXELS)
    editor.shows(re.compile("Set width and height"))
    width, height = (editor.proposal.get_by_label(name, exact=True) for name in ("Width", "Height"))
    assert [field.get_attribute("aria-invalid") for field in (width, height)] == ["true", "true"]
    assert not editor.button("Replace the plan").is_visible()
    width.fill("1280")
    height.fill("720")
    height.press("Tab")
    editor.shows("Regions: 1. Form: JSON. Order: left, top, right, bottom. Units: pixels.")
    editor.button("Replace the plan").click()
    editor.until_boxes([[100, 200, 999, 500]])
    editor.paste(SIZES)
    editor.shows(re.compile("set order"))
    editor.proposal.get_by_label("Order", exact=True).select_option("left, top, width, height")
    editor.shows(re.compile("left, top, width, height. Units"))
    editor.button("Replace the plan").click()
    editor.until_boxes([[600, 200, 700, 300]])


def test_in_the_text_prose_and_chains_are_typed_and_other_forms_are_read(editor):
    area = editor.page.locator(".got-typed")
    area.press("Control+End")
    for text in (" Two cats.", " A star (1,2),(30,40) (gold).", " At 10, 20, 30 and 40 it rains."):
        before = editor.text()
        editor.paste(text, ".got-typed")
        editor.page.wait_for_function(
            "(text) => document.querySelector('.got-typed').value === text", arg=before + text, timeout=SOON
        )
        assert not editor.proposal.is_visible()
    before = editor.text()
    editor.paste(GEMINI, ".got-typed")
    editor.shows("Regions: 1. Form: JSON.")
    editor.button("Insert as text").click()
    editor.closed()
    assert editor.text() == before + GEMINI and "got-typed" in editor.focus()
    editor.paste(GEMINI, ".got-typed")
    editor.shows("Regions: 1. Form: JSON.")
    editor.button("Replace the plan").click()
    editor.until_boxes([STAR])


def test_files_and_texts_are_dropped(editor):
    assert editor.drop(GEMINI, "plan.json", "application/json")
    editor.shows("a yellow star")
    editor.button("Cancel").click()
    assert editor.drop(GEMINI, "plan.txt", "text/plain", ".got-typed")
    editor.shows("a yellow star")
    editor.button("Cancel").click()
    assert editor.drop(GEMINI)
    editor.shows("a yellow star")
    editor.button("Replace the plan").click()
    editor.until_boxes([STAR])
    editor.drop("x" * 1_000_001, "long.txt", "text/plain")
    editor.shows("The file is larger than 1000 kB.")
    editor.button("Cancel").click()
    editor.drop("Two cats on a sofa.")
    editor.shows("The text has no box, so it is no plan.")
    editor.button("Cancel").click()
    editor.until_boxes([STAR])
