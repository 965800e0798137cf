// @ts-check
/** All chain editors of the page: their widget type for ComfyUI, and which of them handles a message of the server. */

import { app } from "../../../scripts/app.js";
import { fill } from "../editor/model/messages.mjs";
import { errorOf, refusals } from "../editor/model/runs/refusals.mjs";
import { Runs } from "../editor/model/runs/runs.mjs";
import { isDrawnFrom, readsFrom, wiringOf } from "../editor/model/runs/wiring.mjs";
import { ANSWER, WRITER } from "../editor/model/runs/wish.mjs";
import { ChainEditor, LEAST_HEIGHT, LEAST_WIDTH } from "./chain_editor.mjs";
import { executionIdsOf, nodeOf } from "./nodes/graph.mjs";
import { keepInPlace } from "./nodes/keep_in_place.mjs";
import { NodeMessages } from "./nodes/node_messages.mjs";
import { isOurs, outputType, titleOf } from "./nodes/node_types.mjs";
import { wrapMethod } from "./nodes/wrap_method.mjs";
import { FocusKeeper } from "./page/keep_focus.mjs";
import { messagesHere, toast } from "./page/messages.mjs";
import { TitleMark } from "./page/title_mark.mjs";
import { activeWorkflow, isUndoing, onScreen, WorkflowMaps } from "./page/workflow.mjs";
import { CHAIN, FRAME, fetchPauses, imageUrl, lookUpRun, NOTE, on, onQueue, PAUSE, PAUSE_END, RUN_ENDS } from "./server/server.mjs";

/** @typedef {import("./server/server.mjs").PauseMessage} PauseMessage */
/** @typedef {import("./chain_editor.mjs").Snapshot} Snapshot */
/** @typedef {import("../editor/model/runs/wiring.mjs").Wiring} Wiring */

const ERROR_LIFE = 20_000; // ms of a toast
const PAUSE_LIFE = 30_000;
export const LIVE_PREVIEW = "ComfyUI-GoT.LivePreview"; // setting: show the sampler's preview as the background

/** What an extension needs to have chain editors. Nothing happens before ComfyUI calls a method. */
export class ChainEditors {
  /** @type {Map<any, ChainEditor>} */
  #editors = new Map(); // by node
  /** @type {WorkflowMaps<Snapshot>} */
  #snapshots = new WorkflowMaps(); // of nodes that were removed, by id
  /** @type {Map<string, PauseMessage>} */
  #pauses = new Map(); // by `nameOf`
  /** @type {Map<string, () => void>} */
  #toasts = new Map(); // that announce a pause, by `nameOf`: takes it away
  #mark = new TitleMark();
  #nodeMessages = new NodeMessages();
  #focus = new FocusKeeper();
  #runs = new Runs({ onScreen, lookUp, prepare: () => this.#prepare() });

  /** ComfyUI asks for the widget of a node. @param {any} node @param {string} name */
  widget(node, name) {
    const editor = new ChainEditor(node, name);
    this.#editors.set(node, editor);
    wrapMethod(node, "onRemoved", () => this.#removed(editor));
    const watch = (/** @type {KeyboardEvent} */ event) => this.#focus.watch(String(node.id), editor.panel, event);
    editor.panel.element.addEventListener("keydown", watch, { capture: true });
    keepInPlace(node, name, editor.place);
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
    onQueue((prompt, answer) => this.#queued(prompt, answer));
    on(CHAIN, ({ prompt, node, text }) =>
      this.#runs.receive(prompt, `chain ${node}`, (wiring) => this.#writing(wiring, prompt, node, text)));
    on(FRAME, ({ jobId: prompt, displayNodeId: node, blob }) =>
      this.#runs.receive(prompt, `frame ${prompt}`, (wiring) => this.#drawing(wiring, node, blob)));
    on(NOTE, ({ prompt, node, text }) =>
      this.#runs.receive(prompt, `note ${node}`, () => this.#nodeMessages.show(node, { note: text, error: "" })));
    on("executed", ({ prompt_id, node, display_node, output }) =>
      this.#runs.receive(prompt_id, `executed ${node === ANSWER ? prompt_id : node}`, (wiring) =>
        this.#executed(wiring, prompt_id, display_node ?? node, output ?? {})));
    on("execution_error", (detail) => this.#failed(detail));
    for (const end of RUN_ENDS)
      on(end, ({ prompt_id }) => this.#runs.receive(prompt_id, `end ${prompt_id}`, () => this.#ended(prompt_id, end === "execution_interrupted")));
    on(PAUSE, (pause) => this.#paused(pause));
    on(PAUSE_END, (pause) => {
      this.#pauses.delete(nameOf(pause));
      this.#showPause(pause);
    });
    for (const pause of await fetchPauses()) this.#paused(pause);
  }

  // ---------------------------------------------------------------------------------------- nodes come and go

  /** @param {ChainEditor} editor */
  #removed(editor) {
    const { focused } = editor.panel;
    const [id, snapshot] = [String(editor.node.id), editor.remove()];
    if (isUndoing()) this.#focus.away(id, focused);
    this.#editors.delete(editor.node);
    this.#snapshots.here()?.set(id, snapshot);
  }

  /** @param {ChainEditor} editor */
  #restore(editor) {
    const id = String(editor.node.id);
    editor.restore(this.#snapshots.here()?.get(id));
    this.#focus.back(id, editor.panel);
  }

  #prepare() {
    this.#editors.forEach((editor) => this.#restore(editor));
    this.#nodeMessages.restore();
  }

  // --------------------------------------------------------------------------------------------------- pauses

  #showPauses() {
    this.#pauses.forEach((pause) => this.#showPause(pause));
  }

  /** A run is paused. @param {PauseMessage} pause */
  #paused(pause) {
    this.#pauses.set(nameOf(pause), pause);
    this.#showPause(pause);
    this.#announce(pause);
  }

  /** Show a pause, or its end, in its node and in the page's title. @param {PauseMessage} pause */
  #showPause(pause) {
    const name = nameOf(pause);
    this.#mark.set(this.#pauses.size > 0);
    if (!this.#pauses.has(name)) {
      this.#toasts.get(name)?.();
      this.#toasts.delete(name);
    }
    const handler = () => this.#editors.get(nodeOf(app.graph, pause.node))?.paused(this.#pauses.get(name) ?? null);
    this.#runs.receive(pause.prompt, name, handler);
  }

  /** Say that a run is paused, if its editor is not on screen. @param {PauseMessage} pause */
  async #announce(pause) {
    const { workflow, isHere } = await this.#runs.placeOf(pause.prompt);
    const node = isHere ? nodeOf(app.graph, pause.node) : null;
    if (!this.#pauses.has(nameOf(pause)) || (node && node.graph === app.canvas.graph && !document.hidden)) return;
    const [messages, name] = [messagesHere(), /** @type {any} */ (workflow)?.filename];
    const where = isHere || !name ? messages.waits : fill(messages.waitsIn, { name });
    this.#toasts.set(nameOf(pause), toast("info", messages.editor, where, PAUSE_LIFE));
  }

  // --------------------------------------------------------------------------------------------------- errors

  /** This page queues a run. @param {import("../editor/model/runs/wish.mjs").Prompt} prompt @param {Promise<any>} answer */
  #queued(prompt, answer) {
    const workflow = activeWorkflow();
    this.#runs.queued(workflow, wiringOf(prompt, outputType), answer);
    this.#nodeMessages.clearErrors();
    if (ANSWER in prompt) return; // the editor that asked says what was refused
    answer.then((whole) => this.#refused(workflow, whole), (error) => this.#refused(workflow, error?.response));
  }

  /** The server refused a run, or a part of it. @param {object | null} workflow of the run @param {any} answer */
  #refused(workflow, answer) {
    const isHere = activeWorkflow() === workflow;
    for (const { id, kind, sentence } of refusals(answer?.node_errors, isOurs)) {
      toastError(isHere ? nodeOf(app.graph, id) : null, kind, sentence);
      if (isHere) this.#nodeMessages.show(id, { error: sentence });
    }
  }

  /** A node failed while it ran. @param {import("../editor/model/runs/refusals.mjs").Failure} failure */
  async #failed(failure) {
    const sentence = errorOf(failure, isOurs);
    if (!sentence) return;
    const { prompt_id: prompt, node_id: id, node_type: kind } = failure;
    const { isHere } = await this.#runs.placeOf(prompt);
    toastError(isHere ? nodeOf(app.graph, id) : null, kind, sentence);
    this.#runs.receive(prompt, `error ${id}`, () => this.#nodeMessages.show(id, { error: sentence }));
  }

  // ------------------------------------------------------------------------------------------------- messages

  /** @param {string} prompt @param {boolean} stopped by the person */
  #ended(prompt, stopped) {
    this.#editors.forEach((editor) => {
      editor.ended(stopped);
      editor.askingEnded(prompt);
    });
  }

  /** @param {Wiring} wiring @param {string} prompt @param {string} id @param {string} text so far */
  #writing(wiring, prompt, id, text) {
    if (id === WRITER) this.#editors.forEach((editor) => editor.answering(prompt, text));
    else this.#editorsWhere((editor) => readsFrom(wiring, editor, id)).forEach((editor) => editor.writing(text));
  }

  /** A sampler shows what it has drawn so far. @param {Wiring} wiring @param {string} id @param {Blob} image */
  #drawing(wiring, id, image) {
    if (app.extensionManager.setting.get(LIVE_PREVIEW) === false) return;
    this.#editorsWhere((editor) => isDrawnFrom(wiring, editor, id, true)).forEach((editor) => editor.drawing(image));
  }

  /** @param {Wiring} wiring @param {string} prompt @param {string} id @param {any} output */
  #executed(wiring, prompt, id, output) {
    if (id === ANSWER) this.#editors.forEach((editor) => editor.answered(prompt, output));
    const node = nodeOf(app.graph, id);
    if (node) this.#editors.get(node)?.executed(output);
    const file = output.images?.at(-1);
    if (!file) return;
    this.#editorsWhere((editor) => isDrawnFrom(wiring, editor, id)).forEach((editor) => editor.drawn(imageUrl(file)));
  }

  /** The editors for which a condition holds. @param {(id: string) => boolean} isMeant by the node's execution id */
  #editorsWhere(isMeant) {
    return [...this.#editors.values()].filter(({ node }) => executionIdsOf(app.graph, node).some(isMeant));
  }
}

/** @param {string} prompt id of a run that another page queued */
async function lookUp(prompt) {
  const { graph, prompt: nodes } = await lookUpRun(prompt);
  return { graph, wiring: nodes && wiringOf(nodes, outputType) };
}

/** @param {any} node null if it is not on screen @param {string} kind of the node @param {string} detail */
function toastError(node, kind, detail) {
  toast("error", titleOf(node, kind), detail, ERROR_LIFE);
}

/** @param {{prompt: string, node: string}} pause */
function nameOf({ prompt, node }) {
  return `pause ${prompt} ${node}`;
}

function addStyle() {
  for (const name of ["panel", "controls/menu"]) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`../editor/view/${name}.css`, import.meta.url).href;
    document.head.append(link);
  }
}
