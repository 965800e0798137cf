// @ts-check
// Earlier plans: small pictures of their results, any two side by side, and the way back to one.

import { readText } from "../model/chain.mjs";
import { make } from "./dom.mjs";
import { paint } from "./drawing.mjs";
import { clear, remove } from "../model/history.mjs";
import { fill } from "../model/messages.mjs";

/** @typedef {import("../model/history.mjs").History} History */
/** @typedef {import("../model/history.mjs").Entry} Entry */

/**
 * @param {import("../model/messages.mjs").Words} words @param {AbortSignal} signal
 * @param {{onUse: (text: string) => void, onHistory: (history: History) => void, onKeep: (keep: boolean) => void}} on
 */
export function createComparison(words, signal, { onUse, onHistory, onKeep }) {
  const list = make("div", { className: "got-entries", role: "group", "aria-label": words.history });
  const pair = make("div", { className: "got-pair" });
  const keep = make("input", { type: "checkbox" });
  const forgetAll = make("button", { type: "button" }, words.forgetAll);
  const help = make("p", { className: "got-hint" });
  const foot = make("div", { className: "got-row got-foot" }, make("label", {}, keep, words.keep), forgetAll);
  const element = make("section", { className: "got-history", hidden: true, "aria-label": words.history });
  element.append(help, list, pair, foot);
  keep.addEventListener("change", () => onKeep(keep.checked), { signal });
  forgetAll.addEventListener("click", () => onHistory(clear()), { signal });

  /** @type {History} */
  let history = [];
  /** @type {number[]} the times of the one or two that are looked at, the older choice first */
  let chosen = [];

  function draw() {
    help.textContent = history.length ? words.historyHelp : words.historyEmpty;
    foot.hidden = !history.length;
    list.replaceChildren(...history.map(thumb));
    pair.replaceChildren(...history.filter(({ time }) => chosen.includes(time)).reverse().map(side));
  }

  /** @param {Entry} entry */
  function thumb(entry) {
    const name = fill(words.entry, { time: new Date(entry.time).toLocaleTimeString() });
    const button = make("button", { type: "button", className: "got-thumb", title: name, "aria-label": name });
    button.setAttribute("aria-pressed", String(chosen.includes(entry.time)));
    button.append(entry.picture ? make("img", { src: entry.picture, alt: "" }) : layout(entry.text, 64));
    button.addEventListener("click", () => {
      const others = chosen.filter((time) => time !== entry.time);
      chosen = others.length < chosen.length ? others : [...others.slice(-1), entry.time];
      draw();
    });
    return button;
  }

  /** @param {Entry} entry @param {number} place @param {Entry[]} all */
  function side(entry, place, all) {
    const title = all.length > 1 ? [words.before, words.after][place] : new Date(entry.time).toLocaleTimeString();
    const use = make("button", { type: "button" }, words.use);
    use.addEventListener("click", () => onUse(entry.text));
    const forget = make("button", { type: "button" }, words.forget);
    forget.addEventListener("click", () => onHistory(remove(history, history.indexOf(entry))));
    const picture = entry.picture
      ? make("img", { src: entry.picture, alt: title })
      : make("p", { className: "got-hint" }, words.noPicture);
    const row = make("div", { className: "got-row" }, use, forget);
    return make("figure", {}, make("figcaption", {}, title), row, layout(entry.text, 160), picture, make("p", {}, entry.text));
  }

  return {
    element,
    /** @param {boolean} open */
    show: (open) => {
      element.hidden = !open;
    },
    /** @param {History} now @param {boolean} kept in the workflow */
    set: (now, kept) => {
      history = now;
      chosen = chosen.filter((time) => history.some((entry) => entry.time === time));
      keep.checked = kept;
      draw();
    },
  };
}

/** The boxes of a text, small. @param {string} text @param {number} side pixels */
function layout(text, side) {
  const canvas = make("canvas", { width: side * 2, height: side * 2 });
  const regions = readText(text).marks.map((mark) => ({ ...mark, label: "", locked: false, hidden: false }));
  const theme = { surface: "#26262a", line: "#55555c", accent: "#fff", dark: true };
  const size = { width: side, height: side, ratio: 2, inset: 1 };
  const rest = { order: regions.map((_, i) => i), selected: -1, hovered: -1, draft: null, background: null };
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  paint(context, { ...size, regions, ...rest, dim: 0, mask: false, theme });
  return canvas;
}
