// @ts-check
// What happens now: a bar for a paused run or a writing model, another for changes that a new plan replaced, and
// announcements for a screen reader.

import { fill } from "../../model/messages.mjs";
import { changesOf } from "../../model/runs/proposal.mjs";
import { iconButton, make, textButton } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/messages.mjs").Messages} Messages */

const LOUD = 4000; // ms that an announcement is also shown on screen

/** Texts for a screen reader, and on screen for some seconds. */
export class Announcer {
  element = make("div", { className: "got-status", role: "status", "aria-live": "polite", "aria-atomic": "false" });
  #unseen = make("p", { className: "got-unseen" });
  #messages;

  /** @param {Messages} messages */
  constructor(messages) {
    this.#messages = messages;
    this.element.append(this.#unseen);
  }

  /** Say a message. One on screen stays for its time, also when others follow. An empty `name` is a region without a phrase.
   * @param {keyof Messages} message @param {Record<string, string>} [values] @param {boolean} [loud] also on screen */
  announce(message, values = {}, loud = false) {
    const named = { ...values, name: values.name || this.#messages.unnamed };
    const text = fill(this.#messages[message], named);
    if (!loud) return void (this.#unseen.textContent = text);
    for (const said of this.element.querySelectorAll(".got-loud")) if (said.textContent === text) said.remove();
    const shown = make("p", { className: "got-loud" }, text);
    this.element.append(shown);
    setTimeout(() => shown.remove(), LOUD);
  }
}

/** The bar of a paused run, with the time that is left, or of a model that is writing. */
export class StatusBar {
  #messages;
  #text = make("span", { className: "got-said" });
  #resume;
  #clock = 0;
  /** @type {View["pause"]} */
  #pause = null;

  /** @param {import("../panel.mjs").Context} context @param {() => void} onResume */
  constructor({ messages, signal }, onResume) {
    this.#messages = messages;
    this.#resume = textButton(messages.resume, onResume, signal, true);
    this.element = make("div", { className: "got-row got-bar", hidden: true, role: "status" }, this.#text, this.#resume);
    signal.addEventListener("abort", () => clearInterval(this.#clock));
  }

  /** @param {View} view */
  render({ pause, streaming }) {
    this.element.hidden = !pause && streaming === null;
    this.#resume.hidden = !pause;
    if (pause !== this.#pause) this.#setPause(pause);
    if (!pause) this.#text.textContent = streaming === null ? "" : this.#messages.streaming;
  }

  /** @param {View["pause"]} pause */
  #setPause(pause) {
    clearInterval(this.#clock);
    this.#pause = pause;
    if (!pause) return;
    this.#count();
    if (pause.end !== null) this.#clock = setInterval(() => this.#count(), 1000);
  }

  /** Show the time that is left. */
  #count() {
    const end = this.#pause?.end ?? null;
    const left = end === null ? 0 : Math.max(0, Math.round((end - Date.now()) / 1000));
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    this.#text.textContent = end === null ? this.#messages.paused : fill(this.#messages.pausedFor, { time });
  }
}

/** A bar that says that a new plan replaced the person's changes, and offers them. */
export class ReplacedBar {
  /** @param {import("../panel.mjs").Context} context @param {() => void} focusCanvas */
  constructor({ store, messages, signal }, focusCanvas) {
    const undo = () => (store.undoReplacement(), focusCanvas());
    const compare = () => store.state.replaced && store.set({ proposal: changesOf(store.state.replaced) });
    const dismiss = iconButton("dismiss", messages.dismiss, () => (store.set({ replaced: null }), focusCanvas()), signal);
    const text = make("span", { className: "got-said", title: messages.replaced }, messages.replaced);
    const back = textButton(messages.undo, undo, signal);
    back.title = messages.undoHelp;
    const earlier = textButton(messages.history, () => store.set({ comparing: true }), signal);
    this.element = make("div", { className: "got-row got-bar got-replaced", hidden: true, role: "status" });
    this.element.append(text, back, textButton(messages.compare, compare, signal), earlier, dismiss);
  }

  /** @param {View} view */
  render({ replaced, pause, streaming, comparing }) {
    this.element.hidden = replaced === null || pause !== null || streaming !== null || comparing;
  }
}
