"""The editor in the hands of a person: keys, clipboard, several regions, menu, layouts, colors, wheel."""

import json

import pytest
from got.got_models.chain.grammar import read_chain
from got.tests.browser.editor import FIRST, SECOND, Editor, near, typed, unique, without_snap
from got.tests.browser.page import SOON
from got.tests.wait import until
from got.tools.browser import open_page

CLIP_TYPE = "application/x-comfyui-got-regions"
LAYOUTS = "/userdata/comfyui-got%2Flayouts.json"
PASTE = """
([type, data, text]) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData(type, data);
  clipboardData.setData('text/plain', text);
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}
"""
COMFYUIS_MENUS = ".litecontextmenu, .p-contextmenu, [role=menu]:not(.got-menu)"


class Hands(Editor):
    @property
    def keys(self):
        return self.page.keyboard

    @property
    def canvas(self):
        return self.page.locator(".got-canvas")

    @property
    def menu(self):
        return self.page.locator(".got-menu")

    def item(self, *names):
        """Choose an item of the open menu, through its submenus."""
        for name in names:
            self.menu.last.get_by_text(name, exact=True).click()

    def selected(self):
        return self.page.locator(".got-list li[aria-selected=true] .got-name").all_inner_texts()

    def focused(self):
        return self.page.evaluate("() => document.activeElement.className")

    def until_focused(self, name="got-canvas"):
        until(lambda: name in self.focused(), seconds=10)


@pytest.fixture
def editor(renderer, browser):
    """An editor with two regions that somebody wrote, snap off."""
    editor = Hands(browser)
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    without_snap(editor)
    return editor


def moved(box, by):
    return [value + step for value, step in zip(box, by)]


def comfyui_state(page):
    """What ComfyUI's commands on plain letters change."""
    return page.evaluate(
        """() => [app.canvas.read_only, app.canvas.state?.readOnly,
            app.extensionManager.sidebarTab?.activeSidebarTabId ?? null,
            app.graph.nodes.map((node) => [node.mode, node.flags?.collapsed ?? false])]"""
    )


# ------------------------------------------------------------------------------------------------------------ keys


def test_the_editor_keeps_its_focus_and_its_letters_through_undo_and_redo(editor):
    before = comfyui_state(editor.page)
    editor.canvas.focus()
    editor.keys.press("PageDown")
    editor.keys.press("Shift+ArrowRight")
    editor.until_boxes([moved(FIRST, [10, 0, 10, 0]), SECOND])
    editor.keys.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    editor.keys.press("h")  # at once, perhaps before ComfyUI has put the editor back on the page
    until(lambda: editor.value().get("regions", [{}])[0].get("hidden"), seconds=10)
    editor.keys.press("h")
    editor.until_focused()
    editor.keys.press("ArrowDown")
    editor.until_boxes([moved(FIRST, [0, 1, 0, 1]), SECOND])
    editor.keys.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    editor.until_focused()
    editor.keys.press("Control+y")
    editor.until_boxes([moved(FIRST, [0, 1, 0, 1]), SECOND])
    editor.until_focused()
    for key in ("w", "m", "q", "r", ".", "x"):
        editor.keys.press(key)
    assert comfyui_state(editor.page) == before
    editor.button("Darken the area outside the boxes").or_(editor.button("Earlier plans")).first.focus()
    editor.keys.press("w")
    assert comfyui_state(editor.page) == before
    editor.page.locator(".got-list").focus()
    editor.keys.press("Control+z")
    editor.until_boxes([FIRST, SECOND])
    editor.until_focused("got-list")


def test_the_keys_are_shown(editor):
    editor.canvas.focus()
    editor.keys.press("?")
    sheet = editor.page.get_by_role("region", name="Keys")
    sheet.wait_for(timeout=SOON)
    assert "Ctrl+D" in sheet.inner_text() and "Duplicate the selected regions" in sheet.inner_text()
    editor.keys.press("Escape")
    assert sheet.is_hidden()
    editor.until_focused()


def test_regions_are_copied_cut_and_pasted_as_regions_and_as_text(editor):
    editor.click(200, 300)
    editor.keys.press("Control+c")
    editor.keys.press("Control+v")
    editor.until_boxes([FIRST, SECOND, moved(FIRST, [20, 20, 20, 20])])
    assert editor.selected() == ["3: A red circle"]
    editor.keys.press("Control+x")
    editor.until_boxes([FIRST, SECOND])
    editor.keys.press("Control+v")
    editor.until_boxes([FIRST, SECOND, moved(FIRST, [20, 20, 20, 20])])
    editor.keys.press("Control+d")
    assert len(editor.boxes()) == 4
    assert len(editor.page.evaluate("() => app.graph.nodes")) == 3, "ComfyUI copied a node too"
    editor.page.locator(".got-typed").press("Control+End")
    before = editor.text()
    editor.keys.type(" ")
    editor.keys.press("Control+v")
    editor.page.locator(".got-typed").blur()
    assert editor.text() == f"{before} A red circle (120,220),(320,420) (red)."
    editor.canvas.focus()
    count = len(editor.boxes())
    bad = json.dumps({"version": 1, "plan": "", "text": "a cup (1,2),(3)"})
    editor.page.evaluate(PASTE, [CLIP_TYPE, bad, "a star (1,2),(30,40) (gold)"])
    editor.page.locator(".got-proposal").get_by_text("a star").first.wait_for(timeout=SOON)  # as any other text is
    editor.button("Cancel").click()
    assert len(editor.boxes()) == count


def test_regions_go_to_another_editor_and_to_another_tab(server, browser):
    editor = Hands(browser)
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.until_boxes([FIRST, SECOND])
    editor.canvas.focus()
    for key in ("Control+a", "Control+c"):
        editor.keys.press(key)
    editor.open(typed("A cup (1,1),(500,500) (teal).", prompt=unique()), "other")
    editor.run()
    editor.until_boxes([[1, 1, 500, 500]])
    editor.canvas.focus()
    editor.keys.press("Control+v")
    editor.until_boxes([[1, 1, 500, 500], FIRST, SECOND])
    with editor.page.expect_popup() as popup:
        editor.page.evaluate("(url) => { window.open(url); }", server.url)
    tab = popup.value
    try:
        open_page(tab, server.url)
        tab.evaluate("async (graph) => { await app.loadApiJson(graph, 'tab'); }", typed())
        tab.bring_to_front()
        tab.locator(".got-canvas").focus()
        tab.keyboard.press("Control+v")
        text = tab.locator(".got-typed")
        until(lambda: len(read_chain(text.input_value() or "x").regions) == 2, seconds=10)
    finally:
        tab.close()
        editor.page.bring_to_front()


# ------------------------------------------------------------------------------------------------- several regions


def test_several_regions_are_selected_moved_aligned_and_removed_and_a_locked_one_stays(editor):
    editor.type("A cup (100,100),(199,199) (red), a hat (300,150),(499,299) (green), a dog (700,600),(799,899) (blue).")
    editor.click(150, 150)
    editor.page.keyboard.down("Shift")
    editor.click(400, 200)
    editor.page.keyboard.up("Shift")
    assert editor.selected() == ["1: A cup", "2: a hat"]
    editor.drag((150, 150), (150, 350))
    cup, hat, dog = editor.boxes()
    near(cup, [100, 300, 199, 399])
    assert (hat[1] - 150, dog) == (cup[1] - 100, [700, 600, 799, 899])
    editor.keys.press("Control+z")
    editor.until_boxes([[100, 100, 199, 199], [300, 150, 499, 299], [700, 600, 799, 899]])
    editor.drag((60, 60), (450, 220), key="Shift")
    assert editor.selected() == ["1: A cup", "2: a hat"]
    editor.keys.press("Control+a")
    editor.click(150, 150, button="right")
    editor.item("Align", "Bottom edges")
    editor.until_boxes([[100, 800, 199, 899], [300, 750, 499, 899], [700, 600, 799, 899]])
    editor.page.get_by_role("group", name="Palette").get_by_role("button", name="purple").click()
    assert [region.color.word for region in read_chain(editor.text()).regions] == ["purple"] * 3
    editor.click(750, 700)
    editor.keys.press("l")
    editor.keys.press("Control+a")
    editor.keys.press("Shift+ArrowUp")
    editor.until_boxes([[100, 790, 199, 889], [300, 740, 499, 889], [700, 600, 799, 899]])
    editor.keys.press("Delete")
    editor.until_boxes([[700, 600, 799, 899]])


def test_the_grid_is_chosen_and_a_key_suspends_it(editor):
    editor.type("A red circle (100,200),(300,400) (red).")
    editor.canvas.focus()
    editor.keys.press("Shift+F10")
    editor.item("Grid", "100 units")
    editor.drag((200, 300), (262, 300))
    assert editor.boxes() == [[200, 200, 400, 400]]
    editor.page.mouse.move(*editor.point(300, 300))
    editor.page.mouse.down()
    editor.page.keyboard.down("Alt")
    editor.page.mouse.move(*editor.point(330, 330), steps=4)
    editor.page.mouse.up()
    editor.page.keyboard.up("Alt")
    near(editor.boxes()[0], [230, 230, 430, 430])
    assert editor.page.evaluate("() => app.extensionManager.setting.get('ComfyUI-GoT.Grid')") == 100
    editor.browser.set("ComfyUI-GoT.Grid", 50)  # as on ComfyUI's page of settings
    editor.drag((330, 330), (362, 330))
    assert editor.boxes()[0][0] == 250
    editor.browser.set("ComfyUI-GoT.Grid", 25)


# ------------------------------------------------------------------------------------------------------------ menu


def test_the_menu_opens_by_mouse_and_keys_and_comfyuis_own_does_not(editor):
    editor.click(200, 300, button="right")
    editor.menu.wait_for(timeout=SOON)
    assert editor.menu.get_attribute("role") == "menu" and editor.selected() == ["1: A red circle"]
    assert editor.page.locator(COMFYUIS_MENUS).count() == 0
    focus = "() => document.activeElement.querySelector('.got-menu-label')?.textContent"
    assert editor.page.evaluate(focus) == "Phrase"
    editor.keys.press("ArrowDown")
    editor.keys.press("ArrowRight")
    assert editor.menu.count() == 2 and editor.page.evaluate(focus) == "red"
    editor.keys.press("ArrowLeft")
    assert editor.menu.count() == 1
    editor.keys.press("d")
    assert editor.page.evaluate(focus) in ("Duplicate", "Delete")
    editor.keys.press("Escape")
    assert editor.menu.count() == 0
    editor.until_focused()
    editor.keys.press("Shift+F10")
    editor.keys.press("End")
    editor.keys.press("ArrowUp")
    editor.keys.press("Escape")
    editor.click(500, 900, button="right")
    assert editor.selected() == [] and "Cut" not in editor.menu.inner_text()
    assert editor.page.locator(COMFYUIS_MENUS).count() == 0
    editor.item("Draw a new region")
    editor.drag((500, 600), (700, 900))
    editor.page.get_by_role("textbox", name="What is there?").fill("a star")
    editor.keys.press("Enter")
    assert len(editor.boxes()) == 3
    editor.page.locator(".got-list li").nth(1).click(button="right")
    editor.item("Lock")
    assert editor.value()["regions"][1]["locked"]
    editor.button("More").click()
    editor.item("Copy")
    editor.canvas.focus()
    editor.keys.press("Control+v")
    until(lambda: len(editor.boxes()) == 4, seconds=10)
    assert [flags["locked"] for flags in editor.value()["regions"]] == [False, True, False, False]


# --------------------------------------------------------------------------------------------------------- layouts


def test_layouts_move_boxes_make_regions_and_are_saved(editor):
    def menu(*names):
        editor.canvas.focus()
        editor.keys.press("Shift+F10")
        editor.item("Layouts", *names)

    store_file(editor, None)
    menu("Two columns")
    editor.until_boxes([[40, 80, 479, 919], [520, 80, 959, 919]])
    assert "is left of a blue square" in editor.text()
    menu("Save this plan as a layout...")
    name = editor.page.get_by_role("textbox", name="Name of the layout")
    name.fill("my two")
    editor.keys.press("Enter")
    until(lambda: "my two" in (stored(editor) or ""), seconds=10)
    editor.until_focused()
    for key in ("Control+a", "Delete"):
        editor.keys.press(key)
    editor.until_boxes([])
    menu("my two")
    editor.until_boxes([[40, 80, 479, 919], [520, 80, 959, 919]])
    assert "A red circle" in editor.text()
    menu("Delete a layout", "my two")
    until(lambda: "my two" not in stored(editor), seconds=10)
    store_file(editor, "not ours")
    menu()
    said = editor.page.locator(".got-loud")
    said.wait_for(timeout=SOON)
    assert "comfyui-got/layouts.json" in said.inner_text()
    editor.item("Two columns")
    assert "comfyui-got/layouts.json" in said.inner_text(), "the layout's message replaced the one about the file"
    menu("Save this plan as a layout...")
    name.fill("another")
    editor.keys.press("Enter")
    editor.until_focused()
    said.wait_for(timeout=SOON)
    assert stored(editor) == "not ours"
    store_file(editor, None)


def store_file(editor, text):
    """Write the file of layouts; None removes it."""
    method = "DELETE" if text is None else "POST"
    editor.page.evaluate(
        """async ([path, method, body]) => {
            const { api } = await import('/scripts/api.js');
            await api.fetchApi(path + (method === 'POST' ? '?overwrite=true' : ''), { method, body });
        }""",
        [LAYOUTS, method, text],
    )


def stored(editor):
    return editor.page.evaluate(
        """async (path) => {
            const { api } = await import('/scripts/api.js');
            return (await api.fetchApi(path)).text();
        }""",
        LAYOUTS,
    )


def test_a_layout_on_an_empty_plan_asks_for_names(editor):
    editor.canvas.focus()
    for key in ("Control+a", "Delete"):
        editor.keys.press(key)
    editor.until_boxes([])
    editor.button("Start from a layout").click()
    editor.item("Foreground and background")
    assert editor.names() == ["1: an object in the background", "2: an object in the foreground"]
    bar = editor.page.get_by_text("Regions to name: 2")
    bar.wait_for(timeout=SOON)
    phrase = editor.page.get_by_role("textbox", name="Phrase")
    until(lambda: phrase.evaluate("(field) => field === document.activeElement"), seconds=5)
    phrase.fill("a mountain")
    editor.keys.press("Enter")
    editor.button("Name the next one").click()
    phrase.fill("a red cup")
    editor.keys.press("Enter")
    assert bar.is_hidden() and editor.page.get_by_text("Regions to name").is_hidden()
    assert [region.phrase for region in read_chain(editor.text()).regions] == ["a mountain", "a red cup"]


# ---------------------------------------------------------------------------------------------- colors and the graph


def test_own_and_recent_colors_are_remembered(editor):
    editor.browser.set("ComfyUI-GoT.Colors", "")
    editor.click(200, 300)
    editor.page.locator(".got-picker").evaluate(
        "(field) => { field.value = '#12ab9f'; field.dispatchEvent(new Event('change')); }"
    )
    assert "(100,200),(300,400) (#12ab9f)" in editor.text()
    color = editor.page.get_by_label("Box color", exact=True)
    color.fill("Gold")
    editor.keys.press("Enter")
    editor.page.get_by_role("group", name="Used recently").get_by_role("button", name="gold").wait_for(timeout=SOON)
    editor.open(typed(prompt=unique()))
    editor.run()
    editor.click(700, 300)
    own = editor.page.get_by_role("group", name="Your colors").get_by_role("button", name="#12ab9f")
    own.click()
    assert "(600,200),(800,400) (#12ab9f)" in editor.text()
    own.focus()
    editor.keys.press("Delete")
    assert own.count() == 0
    saved = json.loads(editor.page.evaluate("() => app.extensionManager.setting.get('ComfyUI-GoT.Colors')"))
    assert saved == {"version": 1, "own": [], "recent": ["gold"]}


def test_wheel_and_middle_button_reach_the_graph(editor):
    def view():
        return editor.page.evaluate("() => [app.canvas.ds.scale, ...app.canvas.ds.offset]")

    start = view()
    x, y = editor.point(500, 700)
    editor.page.mouse.move(x, y)
    editor.page.mouse.down(button="middle")
    editor.page.mouse.move(x + 30, y + 20, steps=4)
    editor.page.mouse.up(button="middle")
    until(lambda: abs(view()[1] - start[1] - 30) < 3 and abs(view()[2] - start[2] - 20) < 3, seconds=5)
    editor.page.mouse.wheel(0, 120)
    until(lambda: view()[0] != start[0], seconds=5)
    editor.arrange()
    editor.browser.rest()
    assert editor.boxes() == [FIRST, SECOND]
