"""What goes wrong in a run, or waits for a person, is said where people look: in a toast, on the node, in the title."""

import re

import pytest
from got.got_models.chain.grammar import read_chain
from got.tests.browser.editor import TEXT, Editor, planned, set_widget, typed, unique
from got.tests.browser.page import SOON
from got.tests.wait import until

EMPTY = "The prompt is empty. Write what you want"
CUT = "The chain was cut at 12 tokens and is unfinished. Raise max_length, or use it as it is."

# The message on a node: its text, its kind, and whether all of it is on screen at a scale of 1.
MESSAGE = """
(kind) => {
  const node = app.graph.nodes.find((one) => one.type === kind);
  const element = node.widgets.find((widget) => widget.name === 'got_message')?.element;
  if (!element?.isConnected) return null;
  const { left, top, bottom, width } = element.getBoundingClientRect();
  const isSeen = [top + 3, bottom - 3].every((y) => document.elementFromPoint(left + width / 2, y) === element);
  return { text: element.textContent, role: element.getAttribute('role'),
    isWhole: isSeen && element.scrollHeight <= element.clientHeight + 1 };
}
"""


pytestmark = pytest.mark.frontend_newest


@pytest.fixture
def editor(renderer, browser):
    return Editor(browser)


def message(editor, kind, text):
    """Wait for the message on a node, whole on screen; its role."""
    found = until(lambda: editor.page.evaluate(MESSAGE, kind), seconds=10)
    until(lambda: (editor.page.evaluate(MESSAGE, kind) or {}).get("isWhole"), seconds=10)
    assert text in found["text"]
    return found["role"]


def refused(editor):
    with editor.page.expect_response("**/api/prompt", timeout=SOON) as answer:
        editor.page.evaluate("() => { app.queuePrompt(0).catch(() => {}); }")
    assert answer.value.status == 400
    editor.browser.rest()
    editor.page.keyboard.press("Escape")  # ComfyUI's own message about it


def spread(editor, kind):
    """Put a node where all of it is on screen."""
    find = f"app.graph.nodes.find((node) => node.type === '{kind}')"
    editor.page.evaluate(f"() => {{ {find}.pos = [640, 60]; app.canvas.setDirty(true, true); }}")
    others = f"app.graph.nodes.filter((node) => !['GoTChainEditor', '{kind}'].includes(node.type))"
    editor.page.evaluate(f"() => {{ {others}.forEach((node, i) => (node.pos = [1100, 60 + 250 * i])); }}")
    editor.browser.rest()


def test_what_a_node_refuses_fails_at_or_notes_is_read_whole_in_a_toast_and_on_the_node(editor):
    graph = planned()
    graph["2"]["inputs"] |= {"max_length": 12, "wish": ""}
    editor.open(graph)
    spread(editor, "ReasoningChain")
    editor.run()
    assert message(editor, "ReasoningChain", CUT) == "status"

    set_widget(editor, "ReasoningChain", "prompt", " ")
    refused(editor)
    editor.browser.toast(EMPTY)
    assert message(editor, "ReasoningChain", EMPTY) == "alert"

    set_widget(editor, "ReasoningChain", "prompt", "a red circle")
    set_widget(editor, "ReasoningChain", "max_length", 300)
    editor.run()
    until(lambda: editor.page.evaluate(MESSAGE, "ReasoningChain") is None, seconds=10)
    saved = editor.page.evaluate("() => JSON.stringify(app.graph.serialize())")
    assert "got_message" not in saved and "cut at" not in saved

    set_widget(editor, "ReasoningChain", "wish", "bigger")  # without an earlier chain, which only the run finds
    editor.run(expected="error")
    editor.browser.toast("There is a wish and no earlier chain.")
    assert message(editor, "ReasoningChain", "There is a wish and no earlier chain.") == "alert"
    editor.page.keyboard.press("Escape")
    editor.browser.errors.clear()  # the browser notes the refused request


def test_a_text_that_cannot_be_read_is_refused_before_the_run(editor):
    editor.open(typed("A star (1,2),(300,400) (blurple)."))
    spread(editor, "GoTChainFromText")
    refused(editor)
    editor.browser.toast("blurple")
    assert message(editor, "GoTChainFromText", "blurple") == "alert"
    editor.browser.errors.clear()


def test_a_run_that_waits_elsewhere_is_said_in_a_toast_and_in_the_title(editor):
    name = unique()[-8:]
    editor.open(typed("A cup (1,1),(500,500) (teal).", pause="wait for me", prompt=unique()), "first")
    first = editor.queue()
    editor.paused()
    assert editor.browser.toasts.count() == 0, "the editor is on screen"
    until(lambda: editor.page.title().startswith("⏸ "), seconds=10)
    editor.open(typed(pause="wait for me", prompt=unique()), name)
    second = editor.queue()
    editor.switch_workflow()
    editor.client.post(f"/got/pause/{first}/3", {"text": "A cup (1,1),(500,500) (teal)."})
    editor.browser.toasts.filter(has_text=re.compile(f"waits for you in the workflow '{name}")).first.wait_for(
        timeout=SOON
    )
    assert editor.page.title().startswith("⏸ ")
    editor.switch_workflow()
    editor.paused()
    editor.button("Resume").click()
    entry = editor.ended(second)
    assert read_chain(entry["outputs"]["4"]["text"][0]).text == read_chain(TEXT).text
    until(lambda: "⏸" not in editor.page.title(), seconds=10)
    editor.browser.close_toasts()
