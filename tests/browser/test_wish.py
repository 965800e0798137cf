"""A change of the plan that is asked for in words: shown before it replaces the plan, with locks kept, and undone."""

import pytest
from got.got_models.chain.grammar import parse_regions
from got.tests.browser.page import SOON
from got.tests.browser.test_editor import FIRST, SECOND, TEXT, Editor, planned, typed, unique

WISH = "add a green star at the top"


@pytest.fixture
def editor(renderer, browser):
    return Editor(browser)


def ask(editor, wish=WISH):
    """Ask for a change by keys; the run that was queued."""
    line = editor.page.get_by_label("Ask for a change")
    line.fill(wish)
    with editor.browser.queued() as prompts:
        line.press("Enter")
    return prompts


def test_a_wish_is_answered_around_locks_shown_and_undone(editor):
    editor.open(planned())
    before = parse_regions(editor.run()["outputs"]["4"]["text"][0])
    old = editor.text()
    editor.click(*[(a + b) / 2 for a, b in (before[0].box[::2], before[0].box[1::2])])
    editor.page.keyboard.press("l")
    prompt = ask(editor)[0]
    proposal = editor.page.locator(".got-proposal")
    proposal.wait_for(timeout=SOON * 4)
    entry = editor.ended(prompt)
    assert entry["status"]["status_str"] == "success" and "4" not in entry["outputs"]
    assert entry["prompt"][2]["got-wish-writer"]["inputs"]["wish"] == WISH
    text = entry["outputs"]["got-wish-answer"]["got_plan"][0]["text"]
    assert text != old and f"{before[0].phrase} {before[0].box}" in text and editor.text() == old
    locked = proposal.locator("li", has_text="(locked)")
    assert locked.count() == 1 and locked.get_attribute("data-kind") == "same"
    assert proposal.locator("li:not([data-kind=same])").count()
    editor.button("Replace the plan").click()
    new = [list(region.box) for region in parse_regions(text)]
    editor.until_boxes(new)
    shown = editor.run()
    cached = next(detail["nodes"] for kind, detail in shown["status"]["messages"] if kind == "execution_cached")
    assert "2" in cached, "the first plan was written again"
    assert [list(region.box) for region in parse_regions(shown["outputs"]["4"]["text"][0])] == new
    editor.page.locator(".got-canvas").focus()
    editor.page.keyboard.press("Control+z")
    editor.until_boxes([list(region.box) for region in before])


def test_a_plan_by_another_model_says_what_to_wire(editor):
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    line = editor.page.get_by_label("Ask for a change")
    line.fill(WISH)
    line.press("Enter")
    editor.page.get_by_text("connect its request to Generate Text").wait_for(timeout=SOON)
    assert editor.text() == TEXT and editor.button("Ask").is_enabled()
    editor.page.evaluate("() => document.querySelectorAll('.p-toast-close-button').forEach((button) => button.click())")


def test_a_wish_that_is_refused_leaves_the_plan_and_can_be_asked_again(editor):
    graph = planned()
    graph["2"]["inputs"]["prompt"] = "a red circle"
    editor.open(graph)
    editor.run()
    old = editor.text()
    editor.type(f"{old} A cup (900,900),(100,100) (red).")
    line = editor.page.get_by_label("Ask for a change")
    line.fill(WISH)
    line.press("Enter")
    editor.page.locator(".p-toast-message").get_by_text("Box").wait_for(timeout=SOON)
    editor.page.evaluate("() => document.querySelectorAll('.p-toast-close-button').forEach((button) => button.click())")
    editor.type(old)
    prompt = ask(editor)[0]
    editor.page.locator(".got-proposal").wait_for(timeout=SOON * 4)
    editor.button("Cancel").click()
    editor.ended(prompt)
    assert editor.text() == old and editor.button("Ask").is_enabled()
