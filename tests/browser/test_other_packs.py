"""The chain editor among nodes of other packs: ComfyUI says what is linked to what, and the editor follows it."""

import pytest
from got.tests.browser.editor import Editor, drawn, unique
from got.tests.wait import until

# Set and Get as packs write them: virtual nodes that find each other. A Reroute and a bypassed node beside them.
ADD_NODES = """
() => {
  const { LiteGraph } = window, { graph } = app;
  if (!LiteGraph.registered_node_types['test/Set']) {
    class Set extends LiteGraph.LGraphNode {
      constructor(title) { super(title); this.isVirtualNode = true; this.addInput('value', '*'); }
    }
    class Get extends LiteGraph.LGraphNode {
      constructor(title) { super(title); this.isVirtualNode = true; this.addOutput('value', '*'); }
      getInputLink() {
        const { link } = this.graph.nodes.find((node) => node.type === 'test/Set').inputs[0];
        return this.graph.getLink(link);
      }
    }
    LiteGraph.registerNodeType('test/Set', Set);
    LiteGraph.registerNodeType('test/Get', Get);
  }
  const add = (type) => { const node = LiteGraph.createNode(type); graph.add(node); return node; };
  const find = (type) => graph.nodes.find((node) => node.type === type);
  const [set, get, reroute, flip] = ['test/Set', 'test/Get', 'Reroute', 'LatentFlip'].map(add);
  find('ReasoningChain').connect(0, set, 0);
  get.connect(0, reroute, 0);
  reroute.connect(0, find('GoTChainEditor'), 0);
  find('GoTSampler').connect(0, flip, 0);
  flip.connect(0, find('VAEDecode'), 0);
  flip.mode = 4;
}
"""
TO_SUBGRAPH = """
() => {
  const inside = app.graph.nodes.filter((node) => ['GoTSampler', 'LatentFlip'].includes(node.type));
  app.canvas.graph.convertToSubgraph(new Set(inside));
}
"""
# Whether the editor showed the text while it was written, and an image of the sampler while it drew.
WATCH = """
() => {
  window.seen = { texts: new Set(), frames: 0 };
  const { prototype } = CanvasRenderingContext2D, { drawImage } = prototype;
  window.unwatch = () => { prototype.drawImage = drawImage; };
  prototype.drawImage = function (image, ...rest) {
    if (this.canvas.className === 'got-canvas' && image instanceof ImageBitmap) window.seen.frames++;
    return drawImage.call(this, image, ...rest);
  };
  const look = () => {
    const area = document.querySelector('.got-typed');
    if (area?.readOnly) window.seen.texts.add(area.value);
    if (window.seen) requestAnimationFrame(look);
  };
  look();
}
"""
SEEN = "() => ({ texts: [...window.seen.texts], frames: window.seen.frames })"
REPAINT = "() => { document.querySelector('.got-canvas').parentElement.style.paddingRight = '1px'; }"


pytestmark = pytest.mark.frontend_newest


@pytest.fixture
def editor(renderer, browser):
    editor = Editor(browser)
    browser.set("Comfy.Execution.PreviewMethod", "latent2rgb")
    yield editor
    browser.set("Comfy.Execution.PreviewMethod", "default")
    browser.set("ComfyUI-GoT.LivePreview", True)
    browser.page.evaluate("() => { window.unwatch?.(); window.seen = null; }")


def test_text_preview_and_result_come_through_reroutes_set_and_get_subgraphs_and_bypassed_nodes(editor):
    graph = drawn(steps=4)
    graph["2"]["inputs"]["prompt"] = unique()
    editor.open(graph)
    for graph_change in (ADD_NODES, TO_SUBGRAPH):
        editor.page.evaluate(graph_change)
    editor.arrange()
    editor.page.evaluate(WATCH)
    entry = editor.run()
    prompt = entry["prompt"][2]
    assert prompt["3"]["inputs"]["chain"] == ["2", 0], "the test's nodes are not resolved by ComfyUI"
    seen = editor.page.evaluate(SEEN)
    assert any(text and editor.text().startswith(text) for text in seen["texts"])
    assert seen["frames"] > 0
    until(lambda: editor.page.locator(".got-choice option").count() > 1, seconds=10)
    editor.page.evaluate("() => { window.seen.frames = 0; }")
    editor.page.evaluate(REPAINT)
    editor.browser.rest()
    assert editor.page.evaluate(SEEN)["frames"] == 0, "the preview stays after the result came"
    editor.browser.set("ComfyUI-GoT.LivePreview", False)
    sampler = "app.graph.nodes.find((node) => node.subgraph).subgraph.nodes.find((node) => node.type === 'GoTSampler')"
    seed = f"{sampler}.widgets.find((widget) => widget.name === 'seed')"
    editor.page.evaluate(f"() => {{ {seed}.value = 7; }}")
    editor.run()
    assert editor.page.evaluate(SEEN)["frames"] == 0, "the preview is switched off"
