// @ts-check
/** All chain editors of the page: their widget type for ComfyUI, and who of them hears what the server says. */

import { app } from "../../../scripts/app.js";
import { after } from "./after.mjs";
import { ChainEditor, LEAST_HEIGHT, LEAST_WIDTH } from "./chain_editor.mjs";
import { feeds, follows, nodeOf } from "./graph.mjs";
import { imageUrl, on, WAIT_ENDED, WAITING, waits, WRITING } from "./server.mjs";

/** @typedef {import("./server.mjs").Wait} Wait */

/** What an extension needs to have chain editors. Nothing happens before ComfyUI calls one of these. */
export function chainEditors() {
  /** @type {Map<any, ChainEditor>} */
  const editors = new Map(); // by node
  const remains = new Map(); // of nodes that are gone, by id
  /** @type {Map<string, Wait>} */
  const waiting = new Map(); // by node id

  const here = (/** @type {string} */ id) => editors.get(nodeOf(app.graph, id));

  /** @param {any} node @param {string} name */
  const widget = (node, name) => {
    const editor = new ChainEditor(node, name, remains);
    editors.set(node, editor);
    after(node, "onRemoved", () => {
      editors.delete(node);
      editor.remove();
    });
    after(node, "onAdded", () => editor.added());
    after(node, "onExecuted", (output) => editor.executed(output ?? {}));
    after(node, "onConfigure", () => editor.configured());
    return { widget: editor.widget, minWidth: LEAST_WIDTH, minHeight: LEAST_HEIGHT };
  };

  /** Show each wait in its node, if that is in the workflow on screen. */
  const showWaits = () => waiting.forEach((wait, id) => here(id)?.waits(wait));

  const listen = async () => {
    addStyle();
    on(WRITING, ({ node, text }) => {
      for (const editor of readersOf(node)) editor.writing(text);
    });
    for (const end of ["execution_success", "execution_error", "execution_interrupted"])
      on(end, () => editors.forEach((editor) => editor.ended(end === "execution_interrupted")));
    on(WAITING, (wait) => {
      waiting.set(wait.node, wait);
      showWaits();
    });
    on(WAIT_ENDED, ({ node }) => {
      waiting.delete(node);
      here(node)?.waits(null);
    });
    on("executed", ({ node, display_node, output }) => {
      const file = output?.images?.at(-1);
      const shown = file && nodeOf(app.graph, display_node ?? node);
      if (!shown) return;
      for (const editor of editors.values())
        if (editor.node !== shown && follows(editor.node, shown)) editor.made(imageUrl(file));
    });
    for (const wait of await waits()) waiting.set(wait.node, wait);
    showWaits();
  };

  /** The editors that get their chain from a node; from outside their subgraph, any may be meant. */
  const readersOf = (/** @type {string} */ id) => {
    const writer = nodeOf(app.graph, id);
    if (!writer) return [];
    return [...editors.values()].filter(({ node }) => {
      const source = feeds(node, "chain");
      return source ? source === writer || id.startsWith(`${source.id}:`) : node.graph !== writer.graph;
    });
  };

  return { widget, listen, showWaits };
}

function addStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../editor/panel.css", import.meta.url).href;
  document.head.append(link);
}
