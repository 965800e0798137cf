"""A change of the plan that is asked for in words: shown before it replaces the plan, with locks kept, and undone."""

import pytest
from got.got_models.chain.grammar import parse_regions
from got.tests.browser.editor import EDITOR, FIRST, SECOND, TEXT, Editor, planned, set_widget, typed, unique
from got.tests.browser.page import SOON

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
    editor.browser.toast("connect its request to Generate Text")
    assert editor.text() == TEXT and editor.button("Ask").is_enabled()


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
    editor.browser.toast("Box")
    editor.type(old)
    prompt = ask(editor)[0]
    editor.page.locator(".got-proposal").wait_for(timeout=SOON * 4)
    editor.button("Cancel").click()
    editor.ended(prompt)
    assert editor.text() == old and editor.button("Ask").is_enabled()


def test_while_the_run_is_paused_nothing_can_be_asked(editor):
    editor.open(planned(pause="wait for me"))
    prompt = editor.queue()
    editor.paused()
    line = editor.page.get_by_label("Ask for a change")
    line.fill(WISH)
    line.press("Enter")
    editor.browser.toast("Resume or stop the run, then ask")
    editor.button("Resume").click()
    editor.ended(prompt)


def test_changes_that_a_new_plan_replaces_are_offered_again(editor):
    editor.open(planned())
    editor.run()
    mine = "A green star (10,10),(200,200) (green)."
    editor.type(mine)
    set_widget(editor, "ReasoningChain", "prompt", "a yellow triangle")
    assert not editor.button("Compare").is_visible()
    editor.run()
    assert "green star" not in editor.text()
    editor.button("Compare").click()
    proposal = editor.page.locator(".got-proposal")
    proposal.get_by_text("Your changes before the new plan. Regions: 1.").wait_for(timeout=SOON)
    editor.page.keyboard.press("Enter")
    editor.until_boxes([[10, 10, 200, 200]])
    assert editor.value()["text"] == mine and not editor.button("Compare").is_visible()
    entry = editor.run()
    assert [list(region.box) for region in parse_regions(entry["outputs"]["4"]["text"][0])] == [[10, 10, 200, 200]]


def test_the_answer_comes_in_its_own_workflow_also_after_looking_at_another(editor):
    editor.open(typed(prompt=unique()), "other")
    editor.open(planned())
    editor.run()
    old = editor.text()
    prompt = ask(editor)[0]
    editor.switch_workflow()
    proposal = editor.page.locator(".got-proposal")
    editor.ended(prompt)
    assert not proposal.is_visible()
    editor.switch_workflow()
    proposal.wait_for(timeout=SOON)
    assert editor.text() == old and not editor.page.get_by_text("The change is queued").is_visible()
    editor.switch_workflow()
    editor.switch_workflow()
    proposal.wait_for(timeout=SOON)
    editor.button("Cancel").click()


def test_inside_a_subgraph(editor):
    editor.open(planned())
    editor.run()
    editor.page.evaluate(f"() => {{ app.canvas.graph.convertToSubgraph(new Set([{EDITOR}])); }}")
    editor.browser.rest()
    inner = (
        "app.graph.nodes.find((node) => node.subgraph).subgraph.nodes.find((node) => node.type === 'GoTChainEditor')"
    )
    panel = f"{inner}.widgets.find((widget) => widget.name === 'edits').element"
    with editor.browser.queued() as prompts:
        editor.page.evaluate(
            f"""(wish) => {{
                {panel}.querySelector('.got-wish input').value = wish;
                {panel}.querySelector('.got-wish form').dispatchEvent(new Event('submit', {{ cancelable: true }}));
            }}""",
            WISH,
        )
    entry = editor.ended(prompts[0])
    text = entry["outputs"]["got-wish-answer"]["got_plan"][0]["text"]
    shown = f"() => [...{panel}.querySelectorAll('.got-proposal li')].map((item) => item.textContent).join()"
    assert all(region.phrase in editor.page.evaluate(shown) for region in parse_regions(text))


def test_an_answer_without_regions_is_no_plan(editor):
    editor.open(planned())
    editor.run()
    set_widget(editor, "ReasoningChain", "max_length", 1)
    editor.ended(ask(editor)[0])
    editor.page.locator(".got-proposal").get_by_text("The text has no box, so it is no plan.").wait_for(timeout=SOON)
    assert not editor.button("Replace the plan").is_visible()
    editor.button("Cancel").click()
