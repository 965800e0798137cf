// @ts-check
// The canvas of the panel: it passes pointer and keys to the model, and paints the view.

import { drag, hover, press, release } from "../../model/state/pointer.mjs";
import { make } from "../shared/dom.mjs";
import { Ask } from "./ask.mjs";
import { paint } from "./drawing.mjs";
import { Invitation } from "./invitation.mjs";

/** @typedef {import("../../model/state/geometry.mjs").Point} Point */
/** @typedef {import("../../model/state/store.mjs").View} View */

const INSET = 8; // pixels around the image
const REACH = { mouse: 7, pen: 10, touch: 16 }; // pixels around a handle that still hit it

/** The canvas: it paints the plan and turns pointer and keys into edits. */
export class Stage {
  #store;
  #canvas;
  #context;
  #invitation;
  #ask;
  #frame = 0;
  #size = [100, 100]; // of the canvas, CSS pixels: to read it back would cost a layout of the page
  /** @type {import("./drawing.mjs").Theme | null} */
  #theme = null;
  /** @type {View | null} */
  #view = null;

  /** @param {import("../panel.mjs").Context} context
   * @param {{help: string, onRun: () => void, onLayouts: (button: HTMLElement) => void}} options help: id of the
   * description of the keys */
  constructor(context, { help, onRun, onLayouts }) {
    const { store, messages, signal, onKey, focus } = context;
    this.#store = store;
    this.#canvas = make("canvas", {
      className: "got-canvas",
      tabIndex: 0,
      role: "application",
      "aria-label": messages.canvas,
      "aria-describedby": help,
    });
    this.#context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    this.#invitation = new Invitation(context, { onRun, onLayouts, draw: () => (store.setDrawing(true), this.focus()) });
    this.#ask = new Ask(store, messages, () => this.focus());
    this.element = make("div", { className: "got-stage" }, this.#canvas, this.#invitation.element, this.#ask.element);

    const listen = (/** @type {string} */ kind, /** @type {(event: any) => void} */ handler) =>
      this.#canvas.addEventListener(kind, handler, { signal });
    listen("pointerdown", (event) => this.#press(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", () => release(store));
    listen("pointercancel", () => store.cancelDrag());
    listen("pointerleave", () => store.state.hovered >= 0 && store.set({ hovered: -1 }));
    listen("dblclick", () => store.view.selected >= 0 && focus.phrase());
    listen("keydown", onKey);
    const resized = new ResizeObserver(() => (this.#fit(), this.#redraw()));
    resized.observe(this.element);
    signal.addEventListener("abort", () => {
      resized.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  focus() {
    this.#canvas.focus({ preventScroll: true });
  }

  /** @param {View} view */
  render(view) {
    const reshaped = this.#view?.width !== view.width || this.#view?.height !== view.height;
    this.#view = view;
    this.#invitation.render(view);
    this.element.classList.toggle("got-drawing", view.mode === "draw");
    this.#ask.render(view);
    if (reshaped) this.#fit();
    this.#redraw();
  }

  // ------------------------------------------------------------------------------------------------------ painting

  /** Give the canvas the image's shape, as large as the stage allows. */
  #fit() {
    const { width, height } = this.#store.view;
    const [wide, high] = [this.element.clientWidth - 2 * INSET, this.element.clientHeight - 2 * INSET];
    if (wide < 16 || high < 16) return;
    const scale = Math.min(wide / width, high / height);
    this.#size = [Math.round(width * scale) + 2 * INSET, Math.round(height * scale) + 2 * INSET];
    this.#canvas.style.width = `${this.#size[0]}px`;
    this.#canvas.style.height = `${this.#size[1]}px`;
  }

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const [width, height] = this.#size;
    const ratio = globalThis.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide) this.#canvas.width = wide;
    if (this.#canvas.height !== high) this.#canvas.height = high;
    if (!this.#theme || !this.#store.state.drag) this.#theme = themeOf(this.element); // it does not change in a drag
    paint(this.#context, { ...this.#store.view, width, height, ratio, inset: INSET, theme: this.#theme });
  }

  // ------------------------------------------------------------------------------------------------------- pointer

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || this.#store.view.streaming !== null) return;
    this.focus();
    const held = { over: event.ctrlKey || event.metaKey, below: event.altKey, beside: event.shiftKey };
    if (press(this.#store, this.pointerOf(event), held)) this.#canvas.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const pointer = this.pointerOf(event);
    if (this.#store.state.drag) drag(this.#store, pointer, { free: event.altKey });
    else this.#canvas.style.cursor = hover(this.#store, pointer);
  }

  get canvas() {
    return this.#canvas;
  }

  /** The place on the screen of a box's middle; of the image's, if it is null. @param {import("../../model/chain/chain.mjs").Box | null} box */
  placeOf(box) {
    const [x0, y0, x1, y1] = box ?? [0, 0, 1000, 1000];
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: left + (width * (x0 + x1)) / 2000, y: top + (height * (y0 + y1)) / 2000 };
  }

  /** The pointer in the chain's units, at any zoom. @param {MouseEvent & {pointerType?: string}} event
   * @returns {import("../../model/state/pointer.mjs").Pointer} */
  pointerOf(event) {
    const rect = this.#canvas.getBoundingClientRect();
    const { clientWidth, clientHeight } = this.#canvas;
    const reach = REACH[/** @type {keyof typeof REACH} */ (event.pointerType)] ?? REACH.mouse;
    const [x, perX] = along(event.clientX - rect.left, rect.width, clientWidth);
    const [y, perY] = along(event.clientY - rect.top, rect.height, clientHeight);
    return { at: [x, y], perPixel: [perX, perY], reach };
  }
}

/** One axis of the pointer. @param {number} offset pixels of the screen from the canvas' edge
 * @param {number} length of the canvas on the screen @param {number} side of the canvas, CSS pixels
 * @returns {[number, number]} the place in units, and the units of one pixel of the screen */
function along(offset, length, side) {
  const inner = Math.max(1, side - 2 * INSET);
  const scale = side / length; // CSS pixels of one pixel of the screen
  return [((offset * scale - INSET) / inner) * 1000, (1000 * scale) / inner];
}

/** The colors of the page. @param {HTMLElement} element @returns {import("./drawing.mjs").Theme} */
function themeOf(element) {
  const style = getComputedStyle(element);
  const text = style.color.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
  return {
    surface: style.getPropertyValue("--got-surface").trim() || "#222",
    line: style.getPropertyValue("--got-line").trim() || "#555",
    accent: style.getPropertyValue("--got-accent").trim() || "#3b82f6",
    dark: text[0] + text[1] + text[2] > 384,
  };
}
