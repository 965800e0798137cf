// @ts-check
// The chain as text: phrases and boxes are highlighted under a text area, mistakes are underlined and listed below it.

import { cssColor } from "../../model/chain/colors.mjs";
import { colorsAlong, typeText } from "../../model/plan/plan.mjs";
import { freshId, keepKeys, make } from "../shared/dom.mjs";
import { PhraseEnds } from "./phrase_ends.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/chain/chain.mjs").Mark} Mark */
/** @typedef {{text: string, name: string, color: string}} Piece name: classes of a mark, "" for plain text */

const TYPING_ENDS = 700; // ms after the last key, when the typed text becomes one edit

/** The chain as text: a field, the marks under it, and its mistakes. */
export class Sentence {
  #store;
  #problems;
  #area;
  #ends;
  #marks = make("div", { className: "got-marks", "aria-hidden": "true" });
  /** @type {import("../../model/plan/plan.mjs").Plan | null} */
  #base = null; // the plan before the typing began: locks follow their regions from there, however broken the text was
  #timer = 0;
  #shownMarks = "";
  /** @type {Piece[]} */
  #pieces = []; // of the text, as shown
  /** @type {ChildNode[]} */
  #nodes = []; // one for each piece
  #shownProblems = "";

  /** @param {import("../panel.mjs").Context} context */
  constructor(context) {
    const { store, messages, signal } = context;
    this.#store = store;
    this.#problems = make("ul", { className: "got-problems", id: freshId("problems"), "aria-live": "polite" });
    this.#area = make("textarea", {
      className: "got-typed",
      spellcheck: false,
      placeholder: messages.chainHelp,
      "aria-label": messages.chain,
      "aria-describedby": this.#problems.id,
    });
    this.#ends = new PhraseEnds(context, this.#marks, this.#area);
    const paper = make("div", { className: "got-paper" }, this.#marks, this.#area, this.#ends.element);
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
    this.#ends.render(view);
    this.#renderProblems(view);
  }

  /** Another text; the caret stays where it is in the words. @param {string} text */
  #setText(text) {
    const { value, selectionStart, selectionEnd } = this.#area;
    let same = 0;
    while (same < value.length && value[same] === text[same]) same++;
    const moved = (/** @type {number} */ at) => (at <= same ? at : Math.max(same, at + text.length - value.length));
    this.#area.value = text;
    if (document.activeElement === this.#area) this.#area.setSelectionRange(moved(selectionStart), moved(selectionEnd));
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
    const [before, now] = [this.#pieces, pieces(text, marks, selected)];
    this.#pieces = now;
    if (now.length !== before.length) return this.#rebuild();
    now.forEach((piece, i) => {
      if (!isSame(piece, before[i])) this.#nodes[i].replaceWith((this.#nodes[i] = nodeOf(piece)));
    });
  }

  /** All marks again. To read how far a text is scrolled costs a layout of the page, so only then. */
  #rebuild() {
    this.#nodes = this.#pieces.map(nodeOf);
    this.#marks.replaceChildren(...this.#nodes, "\n");
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

  /** A message that shows its place in the text when it is clicked. @param {import("../../model/chain/chain.mjs").Problem} problem */
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
  /** @type {Piece[]} */
  const found = [];
  let start = 0;
  /** @param {readonly [number, number]} span @param {string} kind @param {Mark} mark @param {number} index */
  const add = ([from, to], kind, mark, index) => {
    if (to <= from) return;
    found.push({ text: text.slice(start, from), name: "", color: "" });
    const name = [kind, index === selected && "got-selected", mark.problem && kind === "got-box" && "got-wrong"];
    found.push({ text: text.slice(from, to), name: name.filter(Boolean).join(" "), color: cssColor(mark.color) });
    start = to;
  };
  marks.forEach((mark, index) => {
    add(mark.phraseSpan, "got-phrase", mark, index);
    add(mark.boxSpan, "got-box", mark, index);
  });
  found.push({ text: text.slice(start), name: "", color: "" });
  return found;
}

/** @param {Piece} a @param {Piece} b */
function isSame(a, b) {
  return a.text === b.text && a.name === b.name && a.color === b.color;
}

/** @param {Piece} piece @returns {ChildNode} */
function nodeOf({ text, name, color }) {
  if (!name) return document.createTextNode(text);
  const mark = make("mark", { className: name }, text);
  mark.style.setProperty("--got-region", color);
  return mark;
}
