// @ts-check
/** All chain editors of the page: their widget type for ComfyUI, and which of them handles a message of the server. */

import { app } from "../../../scripts/app.js";
import { Runs } from "../editor/model/runs.mjs";
import { ANSWER, WRITER } from "../editor/model/wish.mjs";
import { ChainEditor, LEAST_HEIGHT, LEAST_WIDTH } from "./chain_editor.mjs";
import { feeds, isDrawnFrom, nodeOf } from "./graph.mjs";
import { CHAIN, fetchPauses, graphOf, imageUrl, on, onQueue, PAUSE, PAUSE_END } from "./server.mjs";
import { activeWorkflow, isUndoing, onScreen } from "./workflow.mjs";
import { wrapMethod } from "./wrap_method.mjs";

/** @typedef {import("./server.mjs").PauseMessage} PauseMessage */
/** @typedef {import("./chain_editor.mjs").Snapshot} Snapshot */

const RUN_ENDS = ["execution_success", "execution_error", "execution_interrupted"];

/** What an extension needs to have chain editors. Nothing happens before ComfyUI calls a method. */
export class ChainEditors {
  /** @type {Map<any, ChainEditor>} */
  #editors = new Map(); // by node
  /** @type {WeakMap<object, Map<string, Snapshot>>} */
  #snapshots = new WeakMap(); // of nodes that were removed, by workflow and id
  /** @type {Map<string, HTMLElement>} */
  #places = new Map(); // elements of nodes that were removed, by id
  /** @type {Map<string, PauseMessage>} */
  #pauses = new Map(); // by `nameOf`
  #runs = new Runs({ onScreen, graphOf, prepare: () => this.#editors.forEach((editor) => this.#restore(editor)) });

  /** ComfyUI asks for the widget of a node. @param {any} node @param {string} name */
  widget(node, name) {
    const editor = new ChainEditor(node, name);
    this.#editors.set(node, editor);
    wrapMethod(node, "onRemoved", () => this.#removed(editor));
    wrapMethod(node, "onAdded", () => editor.added(this.#places.get(String(node.id))));
    wrapMethod(node, "onConfigure", () => {
      editor.configured();
      if (isUndoing()) this.#restore(editor); // at once, or a large view would close and open
    });
    return { widget: editor.widget, minWidth: LEAST_WIDTH, minHeight: LEAST_HEIGHT };
  }

  /** A graph is on screen, perhaps of another workflow. */
  loaded() {
    this.#showPauses();
    this.#runs.loaded();
  }

  /** Handle the server's messages from now on. */
  async listen() {
    addStyle();
    onQueue((answer) => this.#runs.queued(activeWorkflow(), answer));
    on(CHAIN, ({ prompt, node, text }) =>
      this.#runs.receive(prompt, `chain ${node}`, () => this.#writing(prompt, node, text)));
    on("executed", ({ prompt_id, node, display_node, output }) =>
      this.#runs.receive(prompt_id, `executed ${node === ANSWER ? prompt_id : node}`, () =>
        this.#executed(prompt_id, display_node ?? node, output ?? {})));
    for (const end of RUN_ENDS)
      on(end, ({ prompt_id }) => this.#runs.receive(prompt_id, `end ${prompt_id}`, () => this.#ended(prompt_id, end === "execution_interrupted")));
    on(PAUSE, (pause) => {
      this.#pauses.set(nameOf(pause), pause);
      this.#showPause(pause);
    });
    on(PAUSE_END, (pause) => {
      this.#pauses.delete(nameOf(pause));
      this.#showPause(pause);
    });
    for (const pause of await fetchPauses()) this.#pauses.set(nameOf(pause), pause);
    this.#showPauses();
  }

  // ---------------------------------------------------------------------------------------- nodes come and go

  /** @param {ChainEditor} editor */
  #removed(editor) {
    const [id, snapshot] = [String(editor.node.id), editor.remove()];
    this.#editors.delete(editor.node);
    this.#places.set(id, editor.place);
    this.#snapshotsHere()?.set(id, snapshot);
  }

  /** @param {ChainEditor} editor */
  #restore(editor) {
    editor.restore(this.#snapshotsHere()?.get(String(editor.node.id)));
  }

  #snapshotsHere() {
    const workflow = activeWorkflow();
    if (workflow && !this.#snapshots.has(workflow)) this.#snapshots.set(workflow, new Map());
    return workflow && this.#snapshots.get(workflow);
  }

  // ------------------------------------------------------------------------------------------------- messages

  #showPauses() {
    this.#pauses.forEach((pause) => this.#showPause(pause));
  }

  /** Show a pause, or its end, in its node. @param {PauseMessage} pause */
  #showPause(pause) {
    const name = nameOf(pause);
    const handler = () => this.#editors.get(nodeOf(app.graph, pause.node))?.paused(this.#pauses.get(name) ?? null);
    this.#runs.receive(pause.prompt, name, handler);
  }

  /** @param {string} prompt @param {boolean} stopped by the person */
  #ended(prompt, stopped) {
    this.#editors.forEach((editor) => {
      editor.ended(stopped);
      editor.askingEnded(prompt);
    });
  }

  /** @param {string} prompt @param {string} id @param {string} text so far */
  #writing(prompt, id, text) {
    if (id === WRITER) this.#editors.forEach((editor) => editor.answering(prompt, text));
    else this.#readersOf(id).forEach((editor) => editor.writing(text));
  }

  /** @param {string} prompt @param {string} id @param {any} output */
  #executed(prompt, id, output) {
    if (id === ANSWER) this.#editors.forEach((editor) => editor.answered(prompt, output));
    const node = nodeOf(app.graph, id);
    if (!node) return;
    this.#editors.get(node)?.executed(output);
    const file = output.images?.at(-1);
    if (!file) return;
    for (const editor of this.#editors.values())
      if (isDrawnFrom(editor.node, node)) editor.drawn(imageUrl(file));
  }

  /** The editors that get their chain from a node. From outside their subgraph, it may be any. @param {string} id */
  #readersOf(id) {
    const writer = nodeOf(app.graph, id);
    if (!writer) return [];
    return [...this.#editors.values()].filter(({ node }) => {
      const source = feeds(node, "chain");
      return source ? source === writer || id.startsWith(`${source.id}:`) : node.graph !== writer.graph;
    });
  }
}

/** @param {{prompt: string, node: string}} pause */
function nameOf({ prompt, node }) {
  return `pause ${prompt} ${node}`;
}

function addStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../editor/view/panel.css", import.meta.url).href;
  document.head.append(link);
}
