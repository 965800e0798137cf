// @ts-check
// Two handles at the ends of the selected region's phrase in the text. They are dragged, or moved by the arrow keys, from
// word to word.

import { readText } from "../../model/chain/chain.mjs";
import { phraseWords } from "../../model/chain/phrase_ends.mjs";
import { markPhrase } from "../../model/plan/plan.mjs";
import { make } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/chain/phrase_ends.mjs").Span} Span */
/** @typedef {0 | 1} End 0: where the phrase begins; 1: where it ends */

const MOST_WORDS = 400; // that a drag can reach
const LINE = 1000; // a line further away counts as so many pixels

/** The two handles. Hidden while no region with a phrase of its own is selected. */
export class PhraseEnds {
  #store;
  #marks;
  #handles;
  /** @type {{end: End, words: Span[], places: DOMRect[], span: Span} | null} */
  #drag = null;
  #shown = "";

  /** @param {import("../panel.mjs").Context} context @param {HTMLElement} marks the highlighted text
   * @param {HTMLElement} area what scrolls over it */
  constructor({ store, messages, signal }, marks, area) {
    this.#store = store;
    this.#marks = marks;
    const names = [messages.phraseStart, messages.phraseEnd];
    this.#handles = names.map((name, i) => this.#handle(name, /** @type {End} */ (i), signal));
    this.element = make("div", { className: "got-ends", hidden: true }, ...this.#handles);
    area.addEventListener("scroll", () => this.#place(), { signal });
    const resized = new ResizeObserver(() => this.#place());
    resized.observe(area);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** @param {View} view */
  render({ text, marks, selected, regions, streaming, drag }) {
    const isShown = !drag && streaming === null && !regions[selected]?.locked && hasOwnPhrase(marks[selected]);
    const key = isShown ? `${selected}\n${text}` : "";
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.hidden = !isShown;
    if (!isShown) return;
    const span = marks[selected].phraseSpan;
    const words = phraseWords(text, marks, selected);
    const lists = [words.firsts, words.lasts];
    this.#handles.forEach((handle, end) => {
      const at = lists[end].findIndex((word) => word[end] >= span[end]);
      handle.setAttribute("aria-valuemax", String(Math.max(0, lists[end].length - 1)));
      handle.setAttribute("aria-valuenow", String(at < 0 ? lists[end].length - 1 : at));
      handle.setAttribute("aria-valuetext", marks[selected].phrase);
    });
    this.#place();
  }

  /** @param {string} name @param {End} end @param {AbortSignal} signal */
  #handle(name, end, signal) {
    const handle = make("span", { className: "got-end", role: "slider", tabIndex: 0, title: name, "aria-label": name });
    handle.setAttribute("aria-valuemin", "0");
    handle.addEventListener("keydown", (event) => this.#key(event, end), { signal });
    handle.addEventListener("pointerdown", (event) => this.#grab(event, handle, end), { signal });
    handle.addEventListener("pointermove", (event) => this.#move(event), { signal });
    handle.addEventListener("pointerup", () => this.#drop(true), { signal });
    handle.addEventListener("pointercancel", () => this.#drop(false), { signal });
    return handle;
  }

  /** Put the handles at the ends of the phrase as it is laid out. */
  #place() {
    if (!this.#shown) return;
    const rects = this.#marks.querySelector(".got-phrase.got-selected")?.getClientRects() ?? [];
    this.element.hidden = !rects.length;
    if (!rects.length) return;
    const [first, last] = [rects[0], rects[rects.length - 1]];
    const paper = this.element.getBoundingClientRect();
    const scale = paper.width / this.element.offsetWidth || 1; // of the graph
    const at = (/** @type {HTMLElement} */ handle, /** @type {number} */ x, /** @type {DOMRect} */ { top, height }) => {
      handle.style.left = `${(x - paper.left) / scale}px`;
      handle.style.top = `${(top - paper.top) / scale}px`;
      handle.style.height = `${height / scale}px`;
    };
    at(this.#handles[0], first.left, first);
    at(this.#handles[1], last.right, last);
  }

  /** The arrow keys move an end by one word, Home and End to the first and last one. @param {KeyboardEvent} event
   * @param {End} end */
  #key(event, end) {
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity });
    const by = steps[event.key];
    if (event.key === "Escape" && this.#drag) this.#drop(false);
    else if (by !== undefined && !event.ctrlKey && !event.metaKey) this.#step(end, by);
    else if (event.key === "Tab" || event.ctrlKey || event.metaKey) return;
    event.stopPropagation();
    if (by !== undefined) event.preventDefault();
  }

  /** @param {End} end @param {number} by words */
  #step(end, by) {
    this.#store.changeSelected((plan, index) => {
      const { marks } = readText(plan.text);
      const span = marks[index].phraseSpan;
      const { firsts, lasts } = phraseWords(plan.text, marks, index);
      const places = (end ? lasts : firsts).map((word) => word[end]).filter((at) => (end ? at > span[0] : at < span[1]));
      const now = places.reduce((best, at, i) => (Math.abs(at - span[end]) < Math.abs(places[best] - span[end]) ? i : best), 0);
      const at = places[Math.max(0, Math.min(places.length - 1, now + by))];
      return at === undefined ? plan : markPhrase(plan, index, end ? [span[0], at] : [at, span[1]]);
    });
  }

  /** @param {PointerEvent} event @param {HTMLElement} handle @param {End} end */
  #grab(event, handle, end) {
    if (event.button) return;
    event.preventDefault();
    event.stopPropagation();
    handle.focus({ preventScroll: true });
    const { text, marks, selected } = this.#store.view;
    const span = marks[selected].phraseSpan;
    const { firsts, lasts } = phraseWords(text, marks, selected);
    const all = (end ? lasts : firsts).filter((word) => (end ? word[1] > span[0] : word[0] < span[1]));
    const words = end ? all.slice(0, MOST_WORDS) : all.slice(-MOST_WORDS);
    this.#drag = { end, words, places: placesOf(this.#marks, words, end), span };
    handle.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move({ clientX, clientY }) {
    if (!this.#drag) return;
    const { end, words, places, span } = this.#drag;
    const away = places.map(({ left, right, top, bottom }) => {
      const lines = Math.max(0, top - clientY, clientY - bottom);
      return lines * LINE + Math.abs(clientX - (end ? right : left));
    });
    const word = words[away.indexOf(Math.min(...away))];
    if (!word) return;
    const index = this.#store.view.selected;
    this.#store.preview((plan) => markPhrase(plan, index, end ? [span[0], word[1]] : [word[0], span[1]]));
  }

  /** @param {boolean} keep */
  #drop(keep) {
    if (!this.#drag) return;
    this.#drag = null;
    if (keep) this.#store.commit();
    else this.#store.preview(null);
  }
}

/** @param {import("../../model/chain/chain.mjs").Mark | undefined} mark */
function hasOwnPhrase(mark) {
  return Boolean(mark?.box && mark.phraseSpan[0] < mark.phraseSpan[1]);
}

/** Where words are on the screen: their first line, or their last one. @param {HTMLElement} marks @param {Span[]} words
 * @param {End} end @returns {DOMRect[]} */
function placesOf(marks, words, end) {
  const walker = document.createTreeWalker(marks, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  let [node, start] = [walker.nextNode(), 0];
  /** @param {number} at @param {boolean} isStop @returns {[Node, number] | null} the text node and the place in it */
  const find = (at, isStop) => {
    while (node && (isStop ? at > start + length(node) : at >= start + length(node))) {
      start += length(node);
      node = walker.nextNode();
    }
    return node && [node, at - start];
  };
  return words.map(([first, last]) => {
    const from = find(first, false);
    if (from) range.setStart(...from);
    const to = find(last, true);
    if (to) range.setEnd(...to);
    const rects = range.getClientRects();
    return rects[end ? rects.length - 1 : 0] ?? new DOMRect();
  });
}

/** @param {Node} node */
function length(node) {
  return node.textContent?.length ?? 0;
}
