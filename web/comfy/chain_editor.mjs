// @ts-check
/** The chain editor of one node: its panel, what the workflow keeps of it, and the server's messages to it. */

import { app } from "../../../scripts/app.js";
import { answerTo, approve, arrive, isEdited, isPlanOf, parsePlan, promptValue, serializePlan } from "../editor/model/plan/plan.mjs";
import { attachImage, NONE, parseHistory, remember, serializeHistory } from "../editor/model/runs/history.mjs";
import { AUTO } from "../editor/model/runs/proposal.mjs";
import { ANSWER, wishPrompt } from "../editor/model/runs/wish.mjs";
import { Panel } from "../editor/view/panel.mjs";
import { make } from "../editor/view/shared/dom.mjs";
import { executionIdsOf } from "./nodes/graph.mjs";
import { passToGraph } from "./nodes/pass_to_graph.mjs";
import { messagesHere, toast } from "./page/messages.mjs";
import { run, runTools } from "./page/run_tools.mjs";
import { openWindow } from "./page/window.mjs";
import { capture } from "./page/workflow.mjs";
import { imageUrl, listLoras, queueNode, readPlan, resume } from "./server/server.mjs";
import { thumbnail } from "./server/thumbnail.mjs";
import { layouts, settings } from "./server/user_data.mjs";

/** @typedef {import("./server/server.mjs").PlanMessage} PlanMessage */
/** @typedef {import("./server/server.mjs").RunMessage} RunMessage */
/** @typedef {import("./server/server.mjs").PauseMessage} PauseMessage */
/** @typedef {import("../editor/model/plan/plan.mjs").Plan} Plan */
/** @typedef {import("../editor/model/runs/history.mjs").History} History */

export const LEAST_WIDTH = 420; // pixels of the node
export const LEAST_HEIGHT = 620; // pixels
const WAITS = /** @type {const} */ ("wishNoPause"); // one run at a time: nothing is written while another one is paused
const HISTORY = "gotHistory"; // node property: earlier plans as JSON; absent unless the person wants them kept

/**
 * What the editor of a node gets back when ComfyUI loads the graph again (undo, a change of tabs).
 * @typedef {{history: History, ran: string | null, result: string | null, source: string | null, large: boolean,
 *   asked: string | null, state: Pick<import("../editor/model/state/store.mjs").State, "selected" | "others" | "proposal" | "asking">}} Snapshot
 */

/** The editor of a node: it shows and keeps the node's plan, and handles the messages that are for it. */
export class ChainEditor {
  /**
   * @param {any} node
   * @param {string} name of the widget
   */
  constructor(node, name) {
    this.node = node;
    this.messages = messagesHere();
    this.plan = parsePlan("");
    this.history = NONE;
    /** @type {PauseMessage | null} */
    this.pause = null;
    /** @type {string | null} */
    this.written = null; // by the model so far, of a chain that has not arrived
    /** @type {string | null} */
    this.ran = null; // the chain, as edited, of the last run
    /** @type {string | null} */
    this.asked = null; // id of the run that was asked for a change
    this.restored = true; // false from loading until the snapshot is restored
    /** @type {string | null} */
    this.source = null; // url of the background image
    /** @type {string | null} */
    this.result = null; // url of the last image drawn from the chain
    this.frame = 0; // counts the images that a sampler has shown while it draws, and their ends
    /** @type {{close: () => void} | null} */
    this.window = null;
    this.place = make("div", { className: "got-place" });
    this.panel = new Panel({
      messages: this.messages,
      onEdit: (plan) => this.#edited(plan),
      onLarge: (large) => (large ? this.#enlarge() : this.window?.close()),
      onResume: () => this.#resume(),
      onRun: run,
      onHistory: (history) => this.#setHistory(history),
      onKeep: (keep) => this.#keep(keep),
      onRead: readPlan,
      onLoras: listLoras,
      onWish: (wish) => this.#ask(wish),
      settings,
      layouts,
    });
    passToGraph(this.place);
    this.place.append(this.panel.element);
    this.widget = this.#widget(name);
  }

  #widget(/** @type {string} */ name) {
    const widget = this.node.addDOMWidget(name, "GOT_CHAIN_EDITS", this.place, {
      getValue: () => serializePlan(this.plan),
      setValue: (/** @type {unknown} */ value) => this.#show(parsePlan(value)),
      getMinHeight: () => 360,
      hideOnZoom: false,
      socketless: true,
    });
    widget.serializeValue = () => promptValue(this.plan);
    return widget;
  }

  // ------------------------------------------------------------------------------------------- from the server

  /** The node has run: of several chains the one that the editor shows, else the first.
   * @param {{got_plan?: RunMessage[], got_background?: any[]}} ui */
  executed({ got_plan: runs = [], got_background: files = [] }) {
    const at = Math.max(0, runs.findIndex(({ text }) => isPlanOf(this.plan, text)));
    const run = runs[at];
    if (!run) return;
    this.#arrive(run, files.length === runs.length ? files[at] : files[0]);
    this.ran = run.ran;
    if (run.stopped) {
      this.#show(approve(this.plan));
      capture();
      this.#toast("info", this.messages.stopped, 8000);
    }
    this.#setHistory(remember(this.history, run.ran, Date.now()));
  }

  /** The model writes the chain that will arrive. @param {string} text so far */
  writing(text) {
    if (this.written === null) this.panel.flush();
    this.written = text;
    this.panel.store.setStreaming(text);
  }

  /** The run has ended. If the person stopped it, what was written so far of a chain stays. @param {boolean} stopped */
  ended(stopped) {
    const text = this.written;
    this.written = null;
    this.panel.store.setStreaming(null);
    this.#setLive(null);
    if (stopped && text) this.#replace(text);
  }

  /** The model writes what was asked for. @param {string} prompt id of the run @param {string} text so far */
  answering(prompt, text) {
    if (prompt === this.asked) this.panel.store.set({ asking: text });
  }

  /** The run that was asked for a change has written a plan. @param {string} prompt id
   * @param {{got_plan?: RunMessage[]}} ui */
  answered(prompt, { got_plan: [run] = [] }) {
    if (prompt !== this.asked || !run) return;
    this.panel.flush();
    const answer = { text: run.text, form: "", order: "", units: "", note: "" };
    this.panel.store.set({ proposal: { raw: null, typed: false, settings: AUTO, answer } });
  }

  /** The run that was asked for a change has ended. @param {string} prompt id */
  askingEnded(prompt) {
    if (prompt !== this.asked) return;
    this.asked = null;
    this.panel.store.set({ asking: null });
  }

  /** The run is paused, or no longer. @param {PauseMessage | null} pause */
  paused(pause) {
    this.pause = pause;
    if (pause) this.#arrive(pause, pause.background?.[0]);
    const end = pause && pause.seconds !== null ? Date.now() + pause.seconds * 1000 : null;
    this.panel.store.set({ pause: pause && { end } });
  }

  /** A sampler draws from the chain that runs: what it has so far. @param {Blob} image */
  async drawing(image) {
    const frame = ++this.frame;
    const live = await createImageBitmap(image).catch(() => null);
    if (frame === this.frame) this.#setLive(live);
    else live?.close(); // a later one, or the end, came first
  }

  /** An image was drawn from the chain that ran. @param {string} url */
  drawn(url) {
    this.result = url;
    this.#setLive(null);
    this.#setImages();
    const { ran } = this;
    if (ran === null) return;
    thumbnail(url).then((image) => this.#setHistory(attachImage(this.history, ran, image, url)), () => {});
  }

  /** @param {PlanMessage} message @param {import("./server/server.mjs").ImageFile | undefined} file */
  #arrive({ text, width, height }, file) {
    this.panel.flush();
    this.written = null;
    this.panel.store.setStreaming(null);
    this.panel.store.set({ width, height });
    this.source = file ? imageUrl(file) : null;
    this.#setImages();
    this.#replace(text);
  }

  /** A chain from upstream comes in place of the plan. Changes that it replaces are offered again. @param {string} text */
  #replace(text) {
    const before = this.plan;
    this.#show(arrive(before, text));
    if (this.plan === before) return;
    if (isEdited(before)) this.#replaced(before);
    capture();
  }

  /** Changes that a new plan replaced can be put back, now and later. @param {Plan} before */
  #replaced(before) {
    this.panel.store.set({ replaced: before });
    this.#setHistory(remember(this.history, before.text, Date.now()));
  }

  async #resume() {
    if (!this.pause) return;
    const before = this.plan;
    const error = await resume(this.pause, answerTo(before));
    if (error) return this.#toast("error", error, 10_000);
    if (this.plan === before) this.#show(approve(before));
    capture();
  }

  /** @param {"info" | "error"} severity @param {string} detail @param {number} life ms */
  #toast(severity, detail, life) {
    toast(severity, this.messages.editor, detail, life);
  }

  // -------------------------------------------------------------------------------------------- from the person

  /** Queue a run that changes the plan. The plan stays until the person replaces it by the answer.
   * @param {string} wish */
  async #ask(wish) {
    const { store } = this.panel;
    store.set({ asking: "" });
    const { output, workflow } = await app.graphToPrompt();
    const [id = ""] = executionIdsOf(app.graph, this.node);
    const made = this.pause ? { problem: WAITS } : wishPrompt(output, id, wish, this.plan);
    const queued = "prompt" in made ? await queueNode({ output: made.prompt, workflow }, ANSWER) : made;
    if ("prompt" in queued) return void (this.asked = queued.prompt);
    store.set({ asking: null });
    this.#toast("error", "problem" in queued ? this.messages[queued.problem] : queued.error, 15_000);
  }

  #edited(/** @type {Plan} */ plan) {
    this.plan = plan;
    capture();
  }

  #setHistory(/** @type {History} */ history) {
    const kept = HISTORY in this.node.properties;
    this.history = history;
    this.panel.store.set({ history, kept });
    if (kept) this.node.properties[HISTORY] = serializeHistory(history);
  }

  #keep(/** @type {boolean} */ keep) {
    if (keep) this.node.properties[HISTORY] = "";
    else delete this.node.properties[HISTORY];
    this.#setHistory(this.history);
    capture();
  }

  /** Move the panel to a window. The node keeps a way to bring it back. */
  #enlarge() {
    const ended = new AbortController();
    const { messages, panel } = this;
    const bringBack = make("button", { type: "button", className: "got-primary" }, messages.bringBack);
    const away = make("div", { className: "got-away" }, make("p", {}, messages.inWindow), bringBack);
    const onClose = () => {
      ended.abort();
      this.window = null;
      away.remove();
      this.place.append(panel.element);
      panel.store.set({ large: false });
      panel.focus("large");
    };
    const tools = runTools(messages, () => panel.flush(), ended.signal);
    this.place.append(away);
    this.window = openWindow({ title: this.node.title, messages, content: panel.element, tools, onClose });
    bringBack.addEventListener("click", this.window.close);
    panel.store.set({ large: true });
    panel.focus("canvas");
  }

  // ----------------------------------------------------------------------------------------- with the workflow

  /** The node's saved values are in place. */
  configured() {
    this.restored = false;
    this.history = parseHistory(this.node.properties[HISTORY]);
    this.panel.store.set({ history: this.history, kept: HISTORY in this.node.properties });
  }

  /** The same node was there before: it gets back what it had, once. @param {Snapshot | undefined} snapshot */
  restore(snapshot) {
    if (this.restored) return;
    this.restored = true;
    if (!snapshot) return;
    const { history, ran, result, source, large, asked, state } = snapshot;
    if (!this.history.length) this.#setHistory(history);
    this.ran ??= ran;
    this.result ??= result;
    this.source ??= source;
    this.#setImages();
    if (large) this.#enlarge();
    this.asked ??= asked;
    const { store } = this.panel;
    if (state.selected >= 0) store.selectAll([...state.others, state.selected]);
    store.set({ proposal: store.state.proposal ?? state.proposal, asking: store.state.asking ?? state.asking });
  }

  /** The node is removed. @returns {Snapshot} for the same node, if it comes back */
  remove() {
    const { history, ran, result, source, asked } = this;
    const [large, { selected, others, proposal, asking }] = [this.window !== null, this.panel.store.state];
    this.window?.close();
    this.panel.destroy();
    return { history, ran, result, source, large, asked, state: { selected, others, proposal, asking } };
  }

  #show(/** @type {Plan} */ plan) {
    this.plan = plan;
    this.panel.store.setPlan(plan);
  }

  #setLive(/** @type {ImageBitmap | null} */ live) {
    const before = this.panel.store.state.live;
    this.frame++;
    if (live !== before) this.panel.store.set({ live });
    if (before instanceof ImageBitmap) before.close();
  }

  #setImages() {
    this.panel.store.set({ images: { source: this.source, result: this.result } });
  }
}
