// @ts-check
// The chain as text: phrases and boxes marked behind a text area, mistakes underlined and said below it.

import { cssColor } from "../model/colors.mjs";
import { freshId, keepKeys, make } from "./dom.mjs";
import { typeText } from "../model/plan.mjs";

/** @typedef {import("./panel.mjs").View} View */
/** @typedef {import("../model/chain.mjs").Mark} Mark */
const PAUSE = 700; // ms after the last key until what was typed counts as one edit

/**
 * @param {import("../model/messages.mjs").Words} words @param {import("./panel.mjs").Actions} act @param {AbortSignal} signal
 */
export function createSentence(words, act, signal) {
  const wrong = make("ul", { className: "got-problems", id: freshId("problems"), role: "status" });
  const area = make("textarea", {
    className: "got-typed",
    spellcheck: false,
    placeholder: words.textHelp,
    "aria-label": words.text,
    "aria-describedby": wrong.id,
  });
  const marks = make("div", { className: "got-marks", "aria-hidden": "true" });
  const paper = make("div", { className: "got-paper" }, marks, area);
  const element = make("div", { className: "got-sentence" }, paper, wrong);

  /** @type {View} */
  let view;
  /** The plan before the person began to type: locks follow their regions from there, however broken the text was
   * in between. @type {import("../model/plan.mjs").Plan | null} */
  let base = null;
  let timer = 0;

  const finish = () => {
    clearTimeout(timer);
    timer = 0;
    base = null;
    act.commit();
  };
  signal.addEventListener("abort", () => clearTimeout(timer));

  area.addEventListener("input", () => {
    base ??= view.plan;
    const from = base;
    const text = area.value;
    act.preview(() => typeText(from, text));
    clearTimeout(timer);
    timer = setTimeout(finish, PAUSE);
  }, { signal });
  area.addEventListener("blur", () => timer && finish(), { signal });
  area.addEventListener("scroll", () => (marks.scrollTop = area.scrollTop), { signal });
  for (const kind of /** @type {const} */ (["click", "keyup"])) area.addEventListener(kind, selectAtCaret, { signal });
  keepKeys(area, signal);

  function selectAtCaret() {
    const at = area.selectionStart;
    const index = view.marks.findIndex(({ phraseSpan, boxSpan }) => at >= phraseSpan[0] && at <= boxSpan[1]);
    if (index >= 0 && index !== view.selected) act.select(index);
  }

  let drawn = "";
  function drawMarks() {
    const { text, selected } = view;
    const key = `${selected}\n${text}`;
    if (key === drawn) return;
    drawn = key;
    marks.replaceChildren(...pieces(text, view.marks, selected), "\n");
    marks.scrollTop = area.scrollTop;
  }

  let said = "";
  function sayProblems() {
    const key = view.problems.map(({ message, span }) => `${span} ${message}`).join("\n");
    if (key === said) return;
    said = key;
    area.setAttribute("aria-invalid", String(view.problems.length > 0));
    wrong.replaceChildren(
      ...view.problems.map(({ message, span }) => {
        const button = make("button", { type: "button" }, message);
        button.addEventListener("click", () => {
          area.focus();
          area.setSelectionRange(span[0], span[1]);
        });
        return make("li", {}, button);
      }),
    );
  }

  return {
    element,
    /** What is being typed counts now. */
    settle: () => timer && finish(),
    /** @param {View} now */
    render: (now) => {
      view = now;
      if (area.value !== view.text) area.value = view.text;
      area.readOnly = view.streaming !== null;
      drawMarks();
      sayProblems();
    },
  };
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
