// @ts-check
// Two results on top of each other with their plans: a divider between them, or one shining through the other.

import { fill } from "../../model/messages.mjs";
import { paint } from "../canvas/drawing.mjs";
import { make } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").Region} Region */
/** One of the two. images: urls of its result, the best first.
 * @typedef {{title: string, regions: readonly Region[], images: string[]}} Side */
/** @typedef {{canvas: HTMLCanvasElement, name: HTMLElement, side: Side | null, image: HTMLImageElement | null}} Layer */

const STEP = 2; // percent, of an arrow key
const LARGE_STEP = 10; // with Shift, and of Page Up and Page Down
const THEME = { surface: "#26262a", line: "#55555c", accent: "#fff", dark: true };
/** @type {Record<string, (at: number, large: boolean) => number>} */
const KEYS = {
  ArrowLeft: (at, large) => at - (large ? LARGE_STEP : STEP),
  ArrowDown: (at, large) => at - (large ? LARGE_STEP : STEP),
  ArrowRight: (at, large) => at + (large ? LARGE_STEP : STEP),
  ArrowUp: (at, large) => at + (large ? LARGE_STEP : STEP),
  PageDown: (at) => at - LARGE_STEP,
  PageUp: (at) => at + LARGE_STEP,
  Home: () => 0,
  End: () => 100,
};

/** The comparison of two results. Hidden until `show`. */
export class Slider {
  #messages;
  /** @type {Layer[]} */
  #layers; // before and after
  #stage;
  #divider;
  #mode;
  #plans;
  #at = 50; // percent of the width, or of the second image's opacity

  /** @param {import("../panel.mjs").Context} context */
  constructor({ messages, signal }) {
    this.#messages = messages;
    this.#layers = ["got-before", "got-after"].map((name) => this.#layer(name));
    this.#divider = make("div", { className: "got-divider", role: "slider", tabIndex: 0, "aria-label": messages.divider });
    this.#divider.setAttribute("aria-valuemin", "0");
    this.#divider.setAttribute("aria-valuemax", "100");
    this.#stage = make("div", { className: "got-slide" });
    this.#stage.append(...this.#layers.map(({ canvas }) => canvas), ...this.#layers.map(({ name }) => name), this.#divider);
    const mode = (this.#mode = make("select", { ariaLabel: messages.compareAs }));
    for (const value of /** @type {const} */ (["slider", "overlay"])) mode.append(make("option", { value }, messages[value]));
    this.#plans = make("input", { type: "checkbox", checked: true });
    const row = make("div", { className: "got-row" }, mode, make("label", {}, this.#plans, messages.showPlans));
    this.element = make("div", { className: "got-slider", hidden: true }, row, this.#stage);
    mode.addEventListener("change", () => this.#place(this.#at), { signal });
    this.#plans.addEventListener("change", () => this.#draw(), { signal });
    this.#stage.addEventListener("pointerdown", (event) => this.#drag(event), { signal });
    this.#divider.addEventListener("keydown", (event) => this.#key(event), { signal });
    const observer = new ResizeObserver(() => this.#draw());
    observer.observe(this.#stage);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  /** Show two sides, or nothing. @param {[Side, Side] | null} sides */
  show(sides) {
    this.element.hidden = !sides;
    if (!sides) return;
    sides.forEach((side, i) => this.#fill(this.#layers[i], side));
    this.#place(this.#at);
  }

  /** @param {string} className @returns {Layer} */
  #layer(className) {
    const name = make("span", { className: `got-slide-name ${className}` });
    return { canvas: make("canvas", { className, role: "img" }), name, side: null, image: null };
  }

  /** @param {Layer} layer @param {Side} side */
  #fill(layer, side) {
    const same = layer.side?.images[0] === side.images[0];
    layer.side = side;
    layer.name.textContent = layer.canvas.ariaLabel = side.title;
    if (!same) {
      layer.image = null;
      this.#load(layer, side, 0);
    }
    this.#draw();
  }

  /** Load the best image that there still is. @param {Layer} layer @param {Side} side @param {number} which */
  #load(layer, side, which) {
    if (which >= side.images.length) return;
    const image = new Image();
    image.addEventListener("error", () => this.#load(layer, side, which + 1));
    image.addEventListener("load", () => {
      if (layer.side?.images[0] !== side.images[0]) return; // another one was chosen
      layer.image = image;
      this.#shape();
      this.#draw();
    });
    image.src = side.images[which];
  }

  /** The stage has the images' shape. */
  #shape() {
    const image = this.#layers.map((layer) => layer.image).find(Boolean);
    this.#stage.style.setProperty("--got-ratio", String(image ? image.naturalWidth / image.naturalHeight : 1));
  }

  #draw() {
    const [width, height] = [this.#stage.clientWidth, this.#stage.clientHeight];
    if (!width || !height) return;
    const ratio = globalThis.devicePixelRatio || 1;
    for (const { canvas, side, image } of this.#layers) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      const regions = side && (this.#plans.checked || !image) ? side.regions : [];
      const rest = { order: regions.map((_, i) => i), selection: [], hovered: -1, draft: null, band: null, dim: 0, mask: false, theme: THEME };
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      paint(context, { width, height, ratio, inset: 0, regions, background: image, ...rest });
    }
  }

  // ------------------------------------------------------------------------------------------------ the divider

  /** @param {number} at percent */
  #place(at) {
    this.#at = Math.round(Math.max(0, Math.min(100, at)));
    this.#stage.dataset.mode = this.#mode.value;
    this.#stage.style.setProperty("--got-at", String(this.#at));
    this.#divider.setAttribute("aria-valuenow", String(this.#at));
    const [before, after] = [this.#messages.before, this.#messages.after];
    const value = { before, after, one: String(this.#at), other: String(100 - this.#at) };
    const text = this.#mode.value === "slider" ? value : { ...value, one: value.other, other: value.one };
    this.#divider.setAttribute("aria-valuetext", fill(this.#messages.divided, text));
  }

  /** @param {PointerEvent} down */
  #drag(down) {
    if (down.button) return;
    const { left, width } = this.#stage.getBoundingClientRect();
    const follow = (/** @type {PointerEvent} */ { clientX }) => this.#place(((clientX - left) * 100) / width);
    this.#stage.setPointerCapture(down.pointerId);
    this.#divider.focus({ preventScroll: true });
    down.preventDefault();
    follow(down);
    const ended = new AbortController();
    this.#stage.addEventListener("pointermove", follow, { signal: ended.signal });
    this.#stage.addEventListener("lostpointercapture", () => ended.abort(), { signal: ended.signal });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const move = KEYS[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#place(move(this.#at, event.shiftKey));
  }
}
