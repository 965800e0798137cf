// @ts-check
/** The chain editor of one node: its panel, what the workflow keeps of it, and what the server says to it. */

import { app } from "../../../scripts/app.js";
import { attachPicture, NONE, parseHistory, remember, serialiseHistory } from "../editor/history.mjs";
import { createPanel } from "../editor/panel.mjs";
import { approve, arrive, isPlanOf, parsePlan, promptValue, serialisePlan } from "../editor/plan.mjs";
import { words } from "../editor/words.mjs";
import { goOn, imageUrl } from "./server.mjs";
import { thumbnail } from "./thumbnail.mjs";
import { openWindow } from "./window.mjs";

/** @typedef {import("./server.mjs").Told} Told */
/** @typedef {import("./server.mjs").Ran} Ran */
/** @typedef {import("./server.mjs").Wait} Wait */

export const LEAST_WIDTH = 420; // pixels of the node
export const LEAST_HEIGHT = 620;
const HISTORY = "gotHistory"; // node property: earlier plans as JSON; absent unless the person wants them kept

/**
 * What a graph that is loaded anew (undo, a change of tabs) gives back to the editor of the same node.
 * @typedef {{place: HTMLElement, base: string, history: import("../editor/history.mjs").History,
 *   result: string | null, source: string | null, large: boolean, selected: number}} Remains
 */

export class ChainEditor {
  /**
   * @param {any} node
   * @param {string} name of the widget
   * @param {Map<string, Remains>} remains by node id
   */
  constructor(node, name, remains) {
    this.node = node;
    this.remains = remains;
    this.words = words(app.extensionManager?.setting?.get?.("Comfy.Locale"));
    this.plan = parsePlan("");
    this.history = NONE;
    /** @type {Wait | null} */
    this.wait = null;
    /** @type {string | null} */
    this.written = null; // by the model so far, of a chain that has not arrived
    /** @type {string | null} */
    this.source = null; // url of the picture behind the boxes
    /** @type {string | null} */
    this.result = null; // url of the last picture made of the chain
    /** @type {{close: () => void} | null} */
    this.window = null;
    this.place = document.createElement("div");
    this.place.className = "got-place";
    this.panel = createPanel({
      words: this.words,
      onChange: (plan) => this.#edited(plan),
      onLarge: (large) => (large ? this.#enlarge() : this.window?.close()),
      onResume: () => this.#resume(),
      onHistory: (history) => this.#keepHistory(history),
      onKeep: (keep) => this.#keep(keep),
    });
    this.place.append(this.panel.element);
    this.widget = this.#widget(name);
  }

  #widget(/** @type {string} */ name) {
    const widget = this.node.addDOMWidget(name, "GOT_CHAIN_EDITS", this.place, {
      getValue: () => serialisePlan(this.plan),
      setValue: (/** @type {unknown} */ value) => this.#show(parsePlan(value)),
      getMinHeight: () => 360,
      hideOnZoom: false,
      socketless: true,
    });
    widget.serializeValue = () => promptValue(this.plan);
    return widget;
  }

  // ------------------------------------------------------------------------------------------- from the server

  /** The node has run, or what it showed before is shown again: of several chains the one that the editor holds, else
   * the first. @param {{got_plan?: Ran[], got_background?: any[]}} ui */
  executed({ got_plan: plans = [], got_background: files = [] }) {
    const at = Math.max(0, plans.findIndex(({ text }) => isPlanOf(this.plan, text)));
    const told = plans[at];
    if (!told) return;
    this.#arrive(told, files.length === plans.length ? files[at] : files[0]);
    if (told.stopped) {
      this.#show(approve(this.plan));
      this.#capture();
      app.extensionManager.toast.add({ severity: "info", summary: this.words.editor, detail: this.words.stopped, life: 8000 });
    }
    this.history = remember(this.history, this.plan.text, Date.now());
    this.#keepHistory(this.history);
  }

  /** The model writes the chain that will arrive. @param {string} text so far */
  writing(text) {
    if (this.written === null) this.panel.settle();
    this.written = text;
    this.panel.setStreaming(text);
  }

  /** The run has ended. What was written of a chain that did not arrive any more stays, if the person stopped it.
   * @param {boolean} stopped */
  ended(stopped) {
    const text = this.written;
    this.written = null;
    this.panel.setStreaming(null);
    if (!stopped || !text) return;
    this.#show(arrive(this.plan, text));
    this.#capture();
  }

  /** The run waits for the person, or no longer. @param {Wait | null} wait */
  waits(wait) {
    this.wait = wait;
    if (wait) this.#arrive(wait, wait.background?.[0]);
    this.panel.setWaiting(wait && { seconds: wait.seconds });
  }

  /** A picture was made of the chain. @param {string} url */
  made(url) {
    this.result = url;
    this.#background();
    const { text } = this.plan;
    thumbnail(url).then((picture) => this.#keepHistory(attachPicture(this.history, text, picture)), () => {});
  }

  /** @param {Told} told @param {import("./server.mjs").ImageFile | undefined} file */
  #arrive(told, file) {
    this.panel.settle();
    this.written = null;
    this.panel.setStreaming(null);
    this.panel.setSize(told.width, told.height);
    this.source = file ? imageUrl(file) : null;
    this.#background();
    const before = this.plan;
    this.#show(arrive(this.plan, told.text));
    if (this.plan !== before) this.#capture();
  }

  async #resume() {
    if (!this.wait) return;
    const before = this.plan;
    const wrong = await goOn(this.wait, serialisePlan(this.plan));
    if (wrong) {
      app.extensionManager.toast.add({ severity: "error", summary: this.words.editor, detail: wrong, life: 10_000 });
      return;
    }
    if (this.plan === before) this.#show(approve(before));
    this.#capture();
  }

  // -------------------------------------------------------------------------------------------- from the person

  #edited(/** @type {import("../editor/plan.mjs").Plan} */ plan) {
    this.plan = plan;
    this.#capture();
  }

  #keepHistory(/** @type {import("../editor/history.mjs").History} */ history) {
    this.history = history;
    this.panel.setHistory(history, HISTORY in this.node.properties);
    if (HISTORY in this.node.properties) this.node.properties[HISTORY] = serialiseHistory(history);
  }

  #keep(/** @type {boolean} */ keep) {
    if (keep) this.node.properties[HISTORY] = "";
    else delete this.node.properties[HISTORY];
    this.#keepHistory(this.history);
    this.#capture();
  }

  #enlarge() {
    this.window = openWindow({
      title: this.words.editor,
      close: this.words.small,
      content: this.panel.element,
      onClose: () => {
        this.window = null;
        this.place.append(this.panel.element);
        this.panel.setLarge(false);
      },
    });
    this.panel.setLarge(true);
  }

  // ----------------------------------------------------------------------------------------- with the workflow

  /** The node is in a graph. Nodes 2.0 keeps showing the element of a node that was there before with the same id. */
  added() {
    const before = this.remains.get(String(this.node.id))?.place;
    const takeOver = () => !this.place.isConnected && before?.isConnected && before.replaceWith(this.place);
    requestAnimationFrame(() => requestAnimationFrame(takeOver));
  }

  /** The node's saved values are in place. */
  configured() {
    const saved = parseHistory(this.node.properties[HISTORY]);
    const left = this.remains.get(String(this.node.id));
    const remains = left?.base === this.plan.plan ? left : undefined; // else a node of another workflow
    this.history = saved.length ? saved : (remains?.history ?? NONE);
    this.panel.setHistory(this.history, HISTORY in this.node.properties);
    this.result = remains?.result ?? null;
    this.source = remains?.source ?? null;
    this.#background();
    if (remains?.large) this.#enlarge();
    if (remains) this.panel.select(remains.selected);
  }

  /** The node goes: leave what the same node may come back for. */
  remove() {
    const { place, history, result, source } = this;
    const [large, selected, base] = [this.window !== null, this.panel.selected(), this.plan.plan];
    this.remains.set(String(this.node.id), { place, base, history, result, source, large, selected });
    this.window?.close();
    this.panel.destroy();
  }

  #show(/** @type {import("../editor/plan.mjs").Plan} */ plan) {
    this.plan = plan;
    this.panel.set(plan);
  }

  #background() {
    this.panel.setBackgrounds({ source: this.source, result: this.result });
  }

  /** Make a step in ComfyUI's own history, so that it can be undone and counts as unsaved. */
  #capture() {
    app.extensionManager.workflow.activeWorkflow?.changeTracker?.captureCanvasState?.();
  }
}
