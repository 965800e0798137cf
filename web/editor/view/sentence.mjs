// @ts-check
// The chain as text: phrases and boxes are highlighted under a text area, mistakes are underlined and listed below it.

import { cssColor } from "../model/colors.mjs";
import { colorsAlong, typeText } from "../model/plan.mjs";
import { freshId, keepKeys, make } from "./dom.mjs";

/** @typedef {import("../model/store.mjs").View} View */
/** @typedef {import("../model/chain.mjs").Mark} Mark */

const TYPING_ENDS = 700; // ms after the last key, when the typed text becomes one edit

export class Sentence {
  #store;
  #problems;
  #area;
  #marks = make("div", { className: "got-marks", "aria-hidden": "true" });
  /** @type {import("../model/plan.mjs").Plan | null} */
  #base = null; // the plan before the typing began: locks follow their regions from there, however broken the text was
  #timer = 0;
  #shownMarks = "";
  #shownProblems = "";

  /** @param {import("./panel.mjs").Context} context */
  constructor({ store, messages, signal }) {
    this.#store = store;
    this.#problems = make("ul", { className: "got-problems", id: freshId("problems"), "aria-live": "polite" });
    this.#area = make("textarea", {
      className: "got-typed",
      spellcheck: false,
      placeholder: messages.chainHelp,
      "aria-label": messages.chain,
      "aria-describedby": this.#problems.id,
    });
    const paper = make("div", { className: "got-paper" }, this.#marks, this.#area);
    this.element = make("div", { className: "got-sentence" }, paper, this.#problems);

    const listen = (/** @type {string} */ kind, /** @type {() => void} */ handler) =>
      this.#area.addEventListener(kind, handler, { signal });
    listen("input", () => this.#typed());
    listen("blur", () => this.flush());
    listen("scroll", () => (this.#marks.scrollTop = this.#area.scrollTop));
    listen("click", () => this.#selectAtCaret());
    listen("keyup", () => this.#selectAtCaret());
    keepKeys(this.#area, signal);
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** What is being typed becomes an edit now. */
  flush() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    const [base, { change }] = [this.#base, this.#store.state];
    this.#base = null;
    if (base && change) this.#store.preview(() => colorsAlong(base, change));
    this.#store.commit();
  }

  /** Put a text where the caret is, as if it was typed. @param {string} text */
  insert(text) {
    this.focus();
    document.execCommand("insertText", false, text); // unlike a change of the value, the field itself can undo it
  }

  focus() {
    this.#area.focus({ preventScroll: true });
  }

  /** @param {View} view */
  render(view) {
    if (this.#area.value !== view.text) this.#setText(view.text);
    this.#area.readOnly = view.streaming !== null;
    this.#renderMarks(view);
    this.#renderProblems(view);
  }

  /** Another text; the caret stays where it is in the words. @param {string} text */
  #setText(text) {
    const { value, selectionStart, selectionEnd } = this.#area;
    let same = 0;
    while (same < value.length && value[same] === text[same]) same++;
    const moved = (/** @type {number} */ at) => (at <= same ? at : Math.max(same, at + text.length - value.length));
    this.#area.value = text;
    this.#area.setSelectionRange(moved(selectionStart), moved(selectionEnd));
  }

  #typed() {
    const base = (this.#base ??= this.#store.view.plan);
    const text = this.#area.value;
    this.#store.preview(() => typeText(base, text));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), TYPING_ENDS);
  }

  #selectAtCaret() {
    const at = this.#area.selectionStart;
    const { marks, selected } = this.#store.view;
    const index = marks.findIndex(({ phraseSpan, boxSpan }) => at >= phraseSpan[0] && at <= boxSpan[1]);
    if (index >= 0 && index !== selected) this.#store.select(index);
  }

  /** @param {View} view */
  #renderMarks({ text, marks, selected }) {
    const key = `${selected}\n${text}`;
    if (key === this.#shownMarks) return;
    this.#shownMarks = key;
    this.#marks.replaceChildren(...pieces(text, marks, selected), "\n");
    this.#marks.scrollTop = this.#area.scrollTop;
  }

  /** @param {View} view */
  #renderProblems({ problems }) {
    const key = problems.map(({ message, span }) => `${span} ${message}`).join("\n");
    if (key === this.#shownProblems) return;
    this.#shownProblems = key;
    this.#area.setAttribute("aria-invalid", String(problems.length > 0));
    this.#problems.replaceChildren(...problems.map((problem) => this.#problem(problem)));
  }

  /** A message that shows its place in the text when it is clicked. @param {import("../model/chain.mjs").Problem} problem */
  #problem({ message, span }) {
    const button = make("button", { type: "button" }, message);
    button.addEventListener("click", () => {
      this.#area.focus();
      this.#area.setSelectionRange(span[0], span[1]);
    });
    return make("li", {}, button);
  }
}

/** The text in pieces, phrases and boxes in their region's color. @param {string} text @param {readonly Mark[]} marks
 * @param {number} selected */
function pieces(text, marks, selected) {
  /** @type {(string | HTMLElement)[]} */
  const found = [];
  let start = 0;
  /** @param {readonly [number, number]} span @param {string} name @param {Mark} mark @param {number} index */
  const add = ([from, to], name, mark, index) => {
    if (to <= from) return;
    found.push(text.slice(start, from));
    const piece = make("mark", { className: name }, text.slice(from, to));
    piece.style.setProperty("--got-region", cssColor(mark.color));
    if (index === selected) piece.classList.add("got-selected");
    if (mark.problem && name === "got-box") piece.classList.add("got-wrong");
    found.push(piece);
    start = to;
  };
  marks.forEach((mark, index) => {
    add(mark.phraseSpan, "got-phrase", mark, index);
    add(mark.boxSpan, "got-box", mark, index);
  });
  found.push(text.slice(start));
  return found;
}
