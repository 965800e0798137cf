// @ts-check
// Plans that are pasted or dropped onto the editor: they are read, and then proposed in place of the one that is shown.

import { readText } from "../../model/chain/chain.mjs";
import { fill } from "../../model/messages.mjs";
import { AUTO, mayBePlan, MOST_READ } from "../../model/runs/proposal.mjs";
import { FIELDS } from "../shared/dom.mjs";

/** @typedef {import("../../model/runs/proposal.mjs").Settings} Settings */
/** @typedef {import("../../model/runs/proposal.mjs").Understood} Understood */
/** @typedef {import("../../model/runs/proposal.mjs").Refused} Refused */
/** @typedef {(text: string, settings: Settings) => Promise<Understood | Refused>} Read */

const CHAIN = ".got-typed"; // the one field that takes a plan
const NO_TEXT = /^(image|video|audio)\//; // types of files that are not for the editor

/** Reads what is pasted or dropped, and proposes it. */
export class Incoming {
  #store;
  #messages;
  #read;
  #insert;
  #turn = 0; // the last reading counts

  /** @param {import("../panel.mjs").Context} context @param {HTMLElement} element of the panel
   * @param {{read: Read, insert: (text: string) => void}} actions insert: into the chain's text, as if typed */
  constructor({ store, messages, signal }, element, { read, insert }) {
    this.#store = store;
    this.#messages = messages;
    this.#read = read;
    this.#insert = insert;
    const listen = (/** @type {string} */ kind, /** @type {(event: any) => void} */ handler) =>
      element.addEventListener(kind, handler, { signal, capture: true });
    listen("paste", (event) => this.#paste(event));
    listen("dragover", (event) => this.#dragOver(event));
    listen("drop", (event) => this.#drop(event));
  }

  /** Read a text, and show what was understood. @param {string} raw @param {boolean} typed see Proposal
   * @param {Settings} [settings] */
  async offer(raw, typed, settings = AUTO) {
    const turn = ++this.#turn;
    const proposal = { raw, typed, settings, answer: null };
    const isAgain = this.#store.state.proposal !== null;
    if (!typed || isAgain) this.#store.set({ proposal });
    const answer = await this.#read(raw, settings);
    if (turn !== this.#turn || this.#store.view.streaming !== null) return;
    if (typed && !isAgain && "text" in answer && !readText(answer.text).marks.length) this.#insert(raw);
    else this.#store.set({ proposal: { ...proposal, answer } });
  }

  /** Nothing replaces the plan. @param {boolean} asText insert the text where it was pasted */
  cancel(asText) {
    const { proposal } = this.#store.state;
    this.#turn++;
    this.#store.set({ proposal: null });
    if (asText && proposal?.raw) this.#insert(proposal.raw);
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (this.#isTaken(event.target, text)) this.#take(event, text);
  }

  /** @param {DragEvent} event */
  #dragOver(event) {
    if (this.#store.view.streaming !== null || !fileOf(event, "items") && !isForCanvas(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {DragEvent} event */
  async #drop(event) {
    const file = /** @type {File | null} */ (fileOf(event, "files"));
    const text = event.dataTransfer?.getData("text/plain") ?? "";
    if (!file) return this.#isTaken(event.target, text) && this.#take(event, text);
    event.preventDefault();
    event.stopPropagation();
    if (file.size <= MOST_READ) return this.offer(await file.text(), false);
    const error = fill(this.#messages.fileTooLarge, { size: MOST_READ / 1000 });
    this.#store.set({ proposal: { raw: "", typed: false, settings: AUTO, answer: { error, settings: [] } } });
  }

  /** @param {EventTarget | null} target @param {string} text */
  #isTaken(target, text) {
    const field = /** @type {Element} */ (target).closest(FIELDS);
    if (!text.trim() || this.#store.view.streaming !== null) return false;
    return field ? field.matches(CHAIN) && mayBePlan(text) : true;
  }

  /** @param {ClipboardEvent | DragEvent} event @param {string} text */
  #take(event, text) {
    event.preventDefault();
    event.stopPropagation();
    this.offer(text, /** @type {Element} */ (event.target).matches(CHAIN));
  }
}

/** The one file of a drag that may hold text; null if there is none. @param {DragEvent} event
 * @param {"files" | "items"} list items: while the drag goes on, before its files can be read */
function fileOf(event, list) {
  const files = [.../** @type {any} */ (event.dataTransfer?.[list] ?? [])];
  return files.find((file) => (list === "files" || file.kind === "file") && !NO_TEXT.test(file.type)) ?? null;
}

/** Is a text dragged over a part that does not take text otherwise? @param {DragEvent} event */
function isForCanvas(event) {
  const isText = event.dataTransfer?.types.includes("text/plain");
  return isText && !(/** @type {Element} */ (event.target).closest(FIELDS));
}
