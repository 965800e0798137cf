"""In the browser: two results on top of each other with their plans, by mouse and by keys, in the window too."""

import re

import pytest
from got.tests.browser.page import SOON
from got.tools.graphs import example

EDITOR = "app.graph.nodes.find((node) => node.type === 'GoTChainEditor')"
MOVE = """
() => {
  const { x, y, width, height } = document.querySelector('.got-slide').getBoundingClientRect();
  return [x, y, width, height];
}
"""
# The color of a pixel of the result that is shown at a place, from 0 to 1. No plan is painted over it.
PIXEL = """
([name, x, y]) => {
  const canvas = document.querySelector(`canvas.${name}`);
  const [left, top] = [Math.round(canvas.width * x), Math.round(canvas.height * y)];
  return [...canvas.getContext('2d').getImageData(left, top, 1, 1).data].slice(0, 3);
}
"""
LOADED = "() => document.querySelectorAll('.got-thumb img').length === 2"


@pytest.fixture(scope="module", params=["classic", "nodes 2"])
def compared(request, comfyui, server):
    """A page with two results of two plans that are compared: a circle on the left, then on the right."""
    from got.tools.client import Client

    comfyui.set("Comfy.VueNodes.Enabled", request.param == "nodes 2")
    page = comfyui.page
    with Client(server.url) as client:
        comfyui.client = client
        page.evaluate("async (graph) => { await app.loadApiJson(graph, 'compared'); }", example("change_the_plan"))
        page.evaluate(f"() => {{ app.canvas.ds.scale = 1; app.canvas.ds.offset = [20, 90]; {EDITOR}.pos = [0, 0]; }}")
        comfyui.rest()
        comfyui.run()
        typed = page.locator(".got-typed")
        text = typed.input_value()
        typed.fill(re.sub(r"\(\d+,\d+\),\(\d+,\d+\)", "(600,50),(900,350)", text, count=1))
        typed.blur()
        comfyui.run()
        page.get_by_role("button", name="Open in a window").click()
        page.locator(".got-window").wait_for(timeout=SOON)
        page.get_by_role("button", name="Earlier plans").click()
        page.wait_for_function(LOADED, timeout=SOON)
        for number in (0, 1):
            page.locator(".got-thumb").nth(number).click()
        yield comfyui
    page.locator(".got-divider").focus()
    page.keyboard.press("Escape")
    page.locator(".got-window").wait_for(state="detached", timeout=SOON)
    comfyui.set("Comfy.VueNodes.Enabled", False)


def at(page):
    return int(page.locator(".got-divider").get_attribute("aria-valuenow"))


def test_the_two_results_are_large_and_named(compared):
    page = compared.page
    _, _, width, height = page.evaluate(MOVE)
    assert width >= 400 and height >= 400, (width, height)
    names = page.locator(".got-slide-name").all_inner_texts()
    assert [name.split(" · ")[0] for name in names] == ["Before", "After"]
    before, after = (page.locator(".got-pair figure > p").nth(number).inner_text() for number in (0, 1))
    assert "(600,50),(900,350)" in after and "(600,50),(900,350)" not in before


def test_the_divider_follows_the_mouse(compared):
    page = compared.page
    left, top, width, height = page.evaluate(MOVE)
    page.mouse.move(left + width * 0.5, top + height * 0.5)
    page.mouse.down()
    page.mouse.move(left + width * 0.25, top + height * 0.5, steps=4)
    assert abs(at(page) - 25) <= 1
    page.mouse.move(left - 50, top + height * 0.5)
    assert at(page) == 0
    page.mouse.move(left + width * 0.8, top + height * 0.5)
    page.mouse.up()
    page.mouse.move(left + width * 0.1, top + height * 0.5)
    assert abs(at(page) - 80) <= 1


def test_the_divider_follows_the_keys_and_no_other_part_hears_them(compared):
    page = compared.page
    nodes = page.evaluate("() => app.graph.nodes.length")
    page.locator(".got-divider").focus()
    for key, expected in [("Home", 0), ("ArrowRight", 2), ("Shift+ArrowRight", 12), ("PageUp", 22), ("ArrowLeft", 20)]:
        page.keyboard.press(key)
        assert at(page) == expected, key
    assert page.locator(".got-divider").get_attribute("aria-valuetext") == "Before 20 %, After 80 %"
    page.keyboard.press("End")
    assert at(page) == 100 and page.evaluate("() => app.graph.nodes.length") == nodes


def test_the_results_are_shown_in_full_and_their_plans_can_be_switched_off(compared):
    page = compared.page
    with_plan = [page.evaluate(PIXEL, [name, 0.602, 0.2]) for name in ("got-before", "got-after")]
    page.get_by_label("Show the plans").uncheck()
    without = [page.evaluate(PIXEL, [name, 0.602, 0.2]) for name in ("got-before", "got-after")]
    page.get_by_label("Show the plans").check()
    assert with_plan[0] == without[0] and with_plan[1] != without[1], "the moved box is in the second plan alone"
    red = page.evaluate(PIXEL, ["got-after", 0.75, 0.2])
    assert red[0] > red[1] + 60, f"the second result has the circle at its new place: {red}"


def test_one_result_can_shine_through_the_other(compared):
    page = compared.page
    page.get_by_label("How the two results are shown").select_option("overlay")
    page.locator(".got-divider").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    assert page.evaluate("() => getComputedStyle(document.querySelector('canvas.got-after')).opacity") == "0.1"
    assert page.locator(".got-divider").get_attribute("aria-valuetext") == "Before 90 %, After 10 %"
    page.get_by_label("How the two results are shown").select_option("slider")
    assert page.evaluate("() => getComputedStyle(document.querySelector('canvas.got-after')).opacity") == "1"
