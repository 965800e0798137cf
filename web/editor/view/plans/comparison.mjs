// @ts-check
// Earlier plans: small images of their results, any two on top of each other and side by side, and a button to use one
// again.

import { readText } from "../../model/chain/chain.mjs";
import { fill } from "../../model/messages.mjs";
import { NONE, remove } from "../../model/runs/history.mjs";
import { paint } from "../canvas/drawing.mjs";
import { make, textButton } from "../shared/dom.mjs";
import { Slider } from "./slider.mjs";

/** @typedef {import("../../model/runs/history.mjs").History} History */
/** @typedef {import("../../model/runs/history.mjs").Entry} Entry */
/**
 * @typedef {object} Actions
 * @property {(text: string) => void} onUse
 * @property {(history: History) => void} onHistory
 * @property {(keep: boolean) => void} onKeep
 */

/** The list of earlier plans, and two of them side by side. */
export class Comparison {
  #messages;
  #actions;
  #help = make("p", { className: "got-hint" });
  #list;
  #pair = make("div", { className: "got-pair" });
  #slider;
  #keep = make("input", { type: "checkbox" });
  #foot;
  /** @type {History | null} */
  #history = null; // that is shown
  /** @type {number[]} */
  #chosen = []; // times of the one or two entries that are compared, the older choice first

  /** @param {import("../panel.mjs").Context} context @param {Actions} actions */
  constructor(context, actions) {
    const { messages, signal } = context;
    this.#messages = messages;
    this.#slider = new Slider(context);
    this.#actions = actions;
    const forgetAll = textButton(messages.forgetAll, () => actions.onHistory(NONE), signal);
    const keep = make("label", {}, this.#keep, messages.keep);
    this.#list = make("div", { className: "got-entries", role: "group", "aria-label": messages.history });
    this.#foot = make("div", { className: "got-row got-foot" }, keep, forgetAll);
    this.element = make("section", { className: "got-history", hidden: true, "aria-label": messages.history });
    this.element.append(this.#help, this.#list, this.#slider.element, this.#pair, this.#foot);
    this.#keep.addEventListener("change", () => actions.onKeep(this.#keep.checked), { signal });
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render({ history, kept, comparing }) {
    this.element.hidden = !comparing;
    this.#keep.checked = kept;
    if (history === this.#history) return;
    this.#history = history;
    this.#chosen = this.#chosen.filter((time) => history.some((entry) => entry.time === time));
    this.#draw(history);
  }

  /** @param {History} history */
  #draw(history) {
    this.#help.textContent = history.length ? this.#messages.historyHelp : this.#messages.historyEmpty;
    this.#foot.hidden = !history.length;
    this.#list.replaceChildren(...history.map((entry) => this.#thumb(entry, history)));
    const pair = history.filter(({ time }) => this.#chosen.includes(time)).reverse();
    const titles = pair.length > 1 ? [this.#messages.before, this.#messages.after] : pair.map(timeOf);
    this.#pair.replaceChildren(...pair.map((entry, i) => this.#side(entry, titles[i], history)));
    const sides = pair.map((entry, i) => ({ title: `${titles[i]} · ${timeOf(entry)}`, ...sideOf(entry) }));
    this.#slider.show(sides.length > 1 ? [sides[0], sides[1]] : null);
  }

  /** @param {Entry} entry @param {History} history */
  #thumb(entry, history) {
    const name = fill(this.#messages.entry, { time: timeOf(entry) });
    const button = make("button", { type: "button", className: "got-thumb", title: name, "aria-label": name });
    button.setAttribute("aria-pressed", String(this.#chosen.includes(entry.time)));
    button.append(entry.picture ? make("img", { src: entry.picture, alt: "" }) : layout(entry.text, 64));
    button.append(make("small", {}, timeOf(entry)), make("span", { className: "got-name", title: entry.text }, entry.text));
    button.addEventListener("click", () => {
      const others = this.#chosen.filter((time) => time !== entry.time);
      this.#chosen = others.length < this.#chosen.length ? others : [...others.slice(-1), entry.time];
      this.#draw(history);
    });
    return button;
  }

  /** @param {Entry} entry @param {string} title @param {History} history */
  #side(entry, title, history) {
    const { text, picture } = entry;
    const use = textButton(this.#messages.use, () => this.#actions.onUse(text));
    const forget = textButton(this.#messages.forget, () => this.#actions.onHistory(remove(history, history.indexOf(entry))));
    const image = picture
      ? make("img", { src: picture, alt: title })
      : make("p", { className: "got-hint" }, this.#messages.noImage);
    const row = make("div", { className: "got-row" }, use, forget);
    return make("figure", {}, make("figcaption", {}, title), row, layout(text, 160), image, make("p", {}, text));
  }
}

/** @param {Entry} entry */
function timeOf({ time }) {
  return new Date(time).toLocaleTimeString();
}

/** What the slider shows of an entry: its regions, and its result in full size, or small if that is gone.
 * @param {Entry} entry */
function sideOf({ text, picture, full }) {
  const regions = readText(text).marks.map((mark) => ({ ...mark, label: mark.phrase, locked: false, hidden: false }));
  return { regions, images: [full, picture].filter((url) => url != null) };
}

/** The boxes of a text, small. @param {string} text @param {number} side pixels */
export function layout(text, side) {
  const canvas = make("canvas", { width: side * 2, height: side * 2 });
  const regions = readText(text).marks.map((mark) => ({ ...mark, label: "", locked: false, hidden: false }));
  const theme = { surface: "#26262a", line: "#55555c", accent: "#fff", dark: true };
  const size = { width: side, height: side, ratio: 2, inset: 1 };
  const rest = { order: regions.map((_, i) => i), selection: [], hovered: -1, draft: null, band: null, background: null };
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  paint(context, { ...size, regions, ...rest, dim: 0, mask: false, theme });
  return canvas;
}
