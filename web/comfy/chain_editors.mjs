// @ts-check
/** All chain editors of the page: their widget type for ComfyUI, and who of them hears what the server says. */

import { app } from "../../../scripts/app.js";
import { Runs } from "../editor/model/runs.mjs";
import { after } from "./wrap_method.mjs";
import { ChainEditor, LEAST_HEIGHT, LEAST_WIDTH } from "./chain_editor.mjs";
import { feeds, isDrawnFrom, nodeOf } from "./graph.mjs";
import { graphOf, imageUrl, on, onAsk, WAIT_ENDED, WAITING, waits, WRITING } from "./server.mjs";
import { activeWorkflow, isUndoing, onScreen } from "./workflow.mjs";

/** @typedef {import("./server.mjs").Wait} Wait */
/** @typedef {import("./chain_editor.mjs").Remains} Remains */

/** What an extension needs to have chain editors. Nothing happens before ComfyUI calls one of these. */
export function chainEditors() {
  /** @type {Map<any, ChainEditor>} */
  const editors = new Map(); // by node
  /** @type {WeakMap<object, Map<string, Remains>>} */
  const remains = new WeakMap(); // of nodes that are gone, by workflow and id
  /** @type {Map<string, HTMLElement>} */
  const places = new Map(); // where those were shown, by id
  /** @type {Map<string, Wait>} */
  const waiting = new Map(); // by `nameOf`
  const runs = new Runs({ onScreen, graphOf, prepare: () => editors.forEach(recover) });

  const here = (/** @type {string} */ id) => editors.get(nodeOf(app.graph, id));

  /** @param {any} node @param {string} name */
  const widget = (node, name) => {
    const editor = new ChainEditor(node, name);
    editors.set(node, editor);
    after(node, "onRemoved", () => {
      const [id, left] = [String(node.id), editor.remove()];
      editors.delete(node);
      places.set(id, editor.place);
      remainsHere()?.set(id, left);
    });
    after(node, "onAdded", () => editor.added(places.get(String(node.id))));
    after(node, "onConfigure", () => {
      editor.configured();
      if (isUndoing()) recover(editor); // at once, or a large view would close and open
    });
    return { widget: editor.widget, minWidth: LEAST_WIDTH, minHeight: LEAST_HEIGHT };
  };

  const remainsHere = () => {
    const workflow = activeWorkflow();
    if (workflow && !remains.has(workflow)) remains.set(workflow, new Map());
    return workflow && remains.get(workflow);
  };
  const recover = (/** @type {ChainEditor} */ editor) => editor.recover(remainsHere()?.get(String(editor.node.id)));

  /** A graph is on screen, perhaps of another workflow. */
  const loaded = () => {
    showWaits();
    runs.loaded();
  };

  /** Show each wait in its node. */
  const showWaits = () => waiting.forEach(tellWait);
  const tellWait = (/** @type {Wait} */ wait) =>
    runs.hear(wait.prompt, nameOf(wait), () => here(wait.node)?.waits(waiting.get(nameOf(wait)) ?? null));
  const nameOf = (/** @type {{prompt: string, node: string}} */ { prompt, node }) => `wait ${prompt} ${node}`;

  const listen = async () => {
    addStyle();
    onAsk((answer) => runs.ask(activeWorkflow(), answer));
    on(WRITING, ({ prompt, node, text }) =>
      runs.hear(prompt, `writing ${node}`, () => readersOf(node).forEach((editor) => editor.writing(text))));
    on("executed", ({ prompt_id, node, display_node, output }) =>
      runs.hear(prompt_id, `executed ${node}`, () => executed(display_node ?? node, output ?? {})));
    for (const end of ["execution_success", "execution_error", "execution_interrupted"])
      on(end, ({ prompt_id }) =>
        runs.hear(prompt_id, "end", () => editors.forEach((editor) => editor.ended(end === "execution_interrupted"))));
    on(WAITING, (wait) => {
      waiting.set(nameOf(wait), wait);
      tellWait(wait);
    });
    on(WAIT_ENDED, (wait) => {
      waiting.delete(nameOf(wait));
      tellWait(wait);
    });
    for (const wait of await waits()) waiting.set(nameOf(wait), wait);
    showWaits();
  };

  /** @param {string} id @param {any} output */
  const executed = (id, output) => {
    const node = nodeOf(app.graph, id);
    if (!node) return;
    editors.get(node)?.executed(output);
    const file = output.images?.at(-1);
    if (file) for (const editor of editors.values()) if (isDrawnFrom(editor.node, node)) editor.made(imageUrl(file));
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

  return { widget, listen, loaded };
}

function addStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../editor/view/panel.css", import.meta.url).href;
  document.head.append(link);
}
