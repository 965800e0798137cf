// @ts-check
/** The chain editor of one node: its panel, what the workflow keeps of it, and what the server says to it. */

import { app } from "../../../scripts/app.js";
import { attachPicture, NONE, parseHistory, remember, serializeHistory } from "../editor/model/history.mjs";
import { createPanel } from "../editor/view/panel.mjs";
import { answerTo, approve, arrive, isPlanOf, parsePlan, promptValue, serializePlan } from "../editor/model/plan.mjs";
import { words } from "../editor/model/messages.mjs";
import { goOn, imageUrl } from "./server.mjs";
import { thumbnail } from "./thumbnail.mjs";
import { openWindow } from "./window.mjs";
import { capture } from "./workflow.mjs";

/** @typedef {import("./server.mjs").Told} Told */
/** @typedef {import("./server.mjs").Ran} Ran */
/** @typedef {import("./server.mjs").Wait} Wait */

export const LEAST_WIDTH = 420; // pixels of the node
export const LEAST_HEIGHT = 620;
const HISTORY = "gotHistory"; // node property: earlier plans as JSON; absent unless the person wants them kept

/**
 * What a graph that is loaded anew (undo, a change of tabs) gives back to the editor of the same node.
 * @typedef {{history: import("../editor/model/history.mjs").History, ran: string | null, result: string | null,
 *   source: string | null, large: boolean, selected: number}} Remains
 */

export class ChainEditor {
  /**
   * @param {any} node
   * @param {string} name of the widget
   */
  constructor(node, name) {
    this.node = node;
    this.words = words(app.extensionManager?.setting?.get?.("Comfy.Locale"));
    this.plan = parsePlan("");
    this.history = NONE;
    /** @type {Wait | null} */
    this.wait = null;
    /** @type {string | null} */
    this.written = null; // by the model so far, of a chain that has not arrived
    /** @type {string | null} */
    this.ran = null; // the chain, as edited, of the last run
    this.recovered = true; // false once it is loaded, until it has what the same node had before
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

  /** The node has run: of several chains the one that the editor holds, else the first.
   * @param {{got_plan?: Ran[], got_background?: any[]}} ui */
  executed({ got_plan: plans = [], got_background: files = [] }) {
    const at = Math.max(0, plans.findIndex(({ text }) => isPlanOf(this.plan, text)));
    const told = plans[at];
    if (!told) return;
    this.#arrive(told, files.length === plans.length ? files[at] : files[0]);
    this.ran = told.ran;
    if (told.stopped) {
      this.#show(approve(this.plan));
      capture();
      app.extensionManager.toast.add({ severity: "info", summary: this.words.editor, detail: this.words.stopped, life: 8000 });
    }
    this.#keepHistory(remember(this.history, told.ran, Date.now()));
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
    capture();
  }

  /** The run waits for the person, or no longer. @param {Wait | null} wait */
  waits(wait) {
    this.wait = wait;
    if (wait) this.#arrive(wait, wait.background?.[0]);
    this.panel.setWaiting(wait && { seconds: wait.seconds });
  }

  /** A picture was made of the chain that ran. @param {string} url */
  made(url) {
    this.result = url;
    this.#background();
    const { ran } = this;
    if (ran === null) return;
    thumbnail(url).then((picture) => this.#keepHistory(attachPicture(this.history, ran, picture)), () => {});
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
    if (this.plan !== before) capture();
  }

  async #resume() {
    if (!this.wait) return;
    const before = this.plan;
    const wrong = await goOn(this.wait, answerTo(before));
    if (wrong) {
      app.extensionManager.toast.add({ severity: "error", summary: this.words.editor, detail: wrong, life: 10_000 });
      return;
    }
    if (this.plan === before) this.#show(approve(before));
    capture();
  }

  // -------------------------------------------------------------------------------------------- from the person

  #edited(/** @type {import("../editor/model/plan.mjs").Plan} */ plan) {
    this.plan = plan;
    capture();
  }

  #keepHistory(/** @type {import("../editor/model/history.mjs").History} */ history) {
    this.history = history;
    this.panel.setHistory(history, HISTORY in this.node.properties);
    if (HISTORY in this.node.properties) this.node.properties[HISTORY] = serializeHistory(history);
  }

  #keep(/** @type {boolean} */ keep) {
    if (keep) this.node.properties[HISTORY] = "";
    else delete this.node.properties[HISTORY];
    this.#keepHistory(this.history);
    capture();
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

  /** The node is in a graph. Nodes 2.0 keeps showing the element of a node that was there before with the same id.
   * @param {HTMLElement | undefined} before */
  added(before) {
    const takeOver = () => !this.place.isConnected && before?.isConnected && before.replaceWith(this.place);
    requestAnimationFrame(() => requestAnimationFrame(takeOver));
  }

  /** The node's saved values are in place. */
  configured() {
    this.recovered = false;
    this.history = parseHistory(this.node.properties[HISTORY]);
    this.panel.setHistory(this.history, HISTORY in this.node.properties);
  }

  /** The node is the one that it was before: it gets back what it had, once. @param {Remains | undefined} remains */
  recover(remains) {
    if (this.recovered) return;
    this.recovered = true;
    if (!remains) return;
    const { history, ran, result, source, large, selected } = remains;
    if (!this.history.length) this.#keepHistory(history);
    this.ran ??= ran;
    this.result ??= result;
    this.source ??= source;
    this.#background();
    if (large) this.#enlarge();
    this.panel.select(selected);
  }

  /** The node goes. @returns {Remains} what the same node may come back for */
  remove() {
    const { history, ran, result, source } = this;
    const [large, selected] = [this.window !== null, this.panel.selected()];
    this.window?.close();
    this.panel.destroy();
    return { history, ran, result, source, large, selected };
  }

  #show(/** @type {import("../editor/model/plan.mjs").Plan} */ plan) {
    this.plan = plan;
    this.panel.set(plan);
  }

  #background() {
    this.panel.setBackgrounds({ source: this.source, result: this.result });
  }
}
