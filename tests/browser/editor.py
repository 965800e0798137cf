"""The chain editor as the browser tests use it: graphs with it, and what a person does in it."""

import json
import re
import uuid

from got.got_models.chain.grammar import read_chain
from got.tests.browser.page import SOON
from got.tests.wait import until
from got.tools.graphs import example

PROMPT = "a red circle left of a blue square on a pink background"
SAMPLING = {"sampling_mode": "off", "sampling_mode.repetition_penalty": 1.05, "max_length": 300, "constrain": True}
TEXT = "A red circle (100,200),(300,400) (red) is left of a blue square (600,200),(800,400) (blue)."
MOVED = "A red circle (100,600),(300,800) (red) is left of a blue square (600,200),(800,400) (blue)."

FIRST, SECOND = [100, 200, 300, 400], [600, 200, 800, 400]

EDITOR = "app.graph.nodes.find((node) => node.type === 'GoTChainEditor')"
WIDGET = f"{EDITOR}.widgets.find((widget) => widget.name === 'edits')"


def planned(pause="off", seconds=0):
    """Loader, language model, editor; what leaves the editor is shown."""
    return {
        "1": {"class_type": "GoTLoader", "inputs": {"model_name": "GoT-Tiny (bundled)"}},
        "2": {"class_type": "ReasoningChain", "inputs": {"reasoner": ["1", 0], "prompt": PROMPT, **SAMPLING}},
        "3": editor_node(["2", 0], pause, seconds),
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 1]}},
    }


def typed(text=TEXT, pause="off", seconds=0, prompt=PROMPT):
    """A chain that somebody wrote, and the editor: no network runs."""
    return {
        "2": {"class_type": "GoTChainFromText", "inputs": {"text": text, "prompt": prompt}},
        "3": editor_node(["2", 0], pause, seconds),
        "4": {"class_type": "PreviewAny", "inputs": {"source": ["3", 1]}},
    }


def drawn(steps):
    """The example that plans, edits and draws, in fewer steps."""
    graph = example("change_the_plan")
    graph["6"]["inputs"]["steps"] = steps
    return graph


def editor_node(chain, pause, seconds):
    inputs = {"chain": chain, "pause": pause, "seconds": seconds, "edits": ""}
    return {"class_type": "GoTChainEditor", "inputs": inputs}


class Editor:
    """The one editor on the page: opens graphs with it, runs them, and works in it as a person does."""

    def __init__(self, browser):
        self.browser, self.page, self.client = browser, browser.page, browser.client
        self.queue, self.run, self.ended = browser.queue, browser.run, browser.ended

    def open(self, graph, name="test"):
        """Open a graph, in place of the last one of the same name."""
        self.page.evaluate("async ([graph, name]) => { await app.loadApiJson(graph, name); }", [graph, name])
        self.arrange()

    def arrange(self):
        """Move the editor to where the mouse reaches it, at a scale of 1."""
        self.page.wait_for_function(f"() => !!{EDITOR}", timeout=SOON)
        self.page.evaluate(
            f"""() => {{
                const editor = {EDITOR};
                editor.pos = [40, 60];
                editor.setSize([560, 680]);
                const others = app.graph.nodes.filter((node) => node !== editor);
                others.forEach((node, i) => (node.pos = [700, 60 + 250 * i]));
                app.canvas.ds.scale = 1;
                app.canvas.ds.offset = [60, 80];
                app.canvas.setDirty(true, true);
            }}"""
        )
        self.page.locator(".got-editor").wait_for(timeout=SOON)
        self.browser.rest()

    def reload(self):
        self.browser.reload()
        self.arrange()

    def switch_workflow(self):
        """Look at the other one of the last two workflows."""
        self.page.evaluate(
            """async () => {
                const { workflow, command } = app.extensionManager, here = workflow.activeWorkflow.path;
                const [first] = workflow.openWorkflows.slice(-2);
                const way = here === first.path ? 'Next' : 'Previous';
                await command.execute(`Workspace.${way}OpenedWorkflow`);
            }"""
        )
        self.arrange()

    # ------------------------------------------------------------------------------------------- what is there

    def value(self):
        """The saved value of the editor's widget."""
        return json.loads(self.page.evaluate(f"() => {WIDGET}.value") or "{}")

    def text(self):
        return self.page.locator(".got-typed").input_value()

    def boxes(self):
        return [list(region.box) for region in read_chain(self.text()).regions]

    def names(self):
        return self.page.locator(".got-list li .got-name").all_inner_texts()

    # ----------------------------------------------------------------------------------------------- what is done

    def point(self, x, y):
        """The place on the screen of a point in 0..1000 of the image."""
        return self.page.evaluate(
            """([x, y]) => {
                const canvas = document.querySelector('.got-canvas'), rect = canvas.getBoundingClientRect();
                const at = (v, start, long, css) => start + (8 + v / 1000 * (css - 16)) * long / css;
                const across = at(x, rect.left, rect.width, canvas.clientWidth);
                return [across, at(y, rect.top, rect.height, canvas.clientHeight)];
            }""",
            [x, y],
        )

    def drag(self, start, stop, key=None):
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        middle = [(a + b) / 2 for a, b in zip(start, stop)]
        self.page.mouse.move(*self.point(*middle))
        self.page.mouse.move(*self.point(*stop), steps=4)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)

    def click(self, x, y, **options):
        self.page.mouse.click(*self.point(x, y), **options)

    def type(self, text):
        """Replace the text, as by typing, as one edit."""
        area = self.page.locator(".got-typed")
        area.fill(text)
        area.blur()

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def until_boxes(self, expected):
        until(lambda: self.boxes() == expected, seconds=10)

    def paused(self):
        """Wait until the editor shows that the run is paused."""
        self.pause_bar.wait_for(timeout=SOON)

    @property
    def pause_bar(self):
        return self.page.get_by_text(re.compile("The run is paused"))


def unique():
    """A prompt that no other test uses, so that nothing of theirs is taken for this one's."""
    return f"{PROMPT}, {uuid.uuid4()}"


def near(box, expected, tolerance=4):
    """Numbers as close as a mouse on whole pixels can be."""
    assert max(abs(a - b) for a, b in zip(box, expected)) <= tolerance, f"{box} is not {expected}"


def set_widget(editor, kind, name, value):
    """Give the node of a kind another value in a widget."""
    node = f"app.graph.nodes.find((node) => node.type === '{kind}')"
    find = f"{node}.widgets.find((widget) => widget.name === '{name}')"
    editor.page.evaluate(f"(value) => {{ {find}.value = value; }}", value)


def set_text(editor, text):
    """Change the chain that comes to the editor."""
    set_widget(editor, "GoTChainFromText", "text", text)


def without_snap(editor):
    if editor.button("Snap to the grid and to other boxes").get_attribute("aria-pressed") == "true":
        editor.button("Snap to the grid and to other boxes").click()
