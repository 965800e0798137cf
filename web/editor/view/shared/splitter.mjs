// @ts-check
// A handle between two parts of the panel. It sets the size of one of them, by dragging or by the arrow keys. The
// browser remembers the size.

import { make } from "./dom.mjs";
import { remember, remembered } from "./remembered.mjs";

/**
 * @typedef {object} Part
 * @property {string} name of the size: of the CSS variable `--got-NAME`, and for the browser's memory
 * @property {number} least pixels
 * @property {number} most pixels
 * @property {number} usual pixels, also after a double-click
 */

const STEP = 16; // pixels that an arrow key moves
const KEYS = { ArrowLeft: STEP, ArrowRight: -STEP, Home: Infinity, End: -Infinity };

/** A handle that changes the width of a part, in pixels. */
export class Splitter {
  #part;
  #panel;
  #size;

  /** @param {import("../panel.mjs").Context} context @param {HTMLElement} panel that gets the CSS variable
   * @param {Part} part right of the handle */
  constructor({ messages, signal }, panel, part) {
    this.#part = part;
    this.#panel = panel;
    this.#size = sizeOf(part);
    this.element = make("div", {
      className: "got-splitter",
      tabIndex: 0,
      role: "separator",
      title: messages.splitter,
      "aria-label": messages.splitter,
      "aria-orientation": "vertical",
      "aria-valuemin": part.least,
      "aria-valuemax": part.most,
    });
    this.#show();
    const listen = (/** @type {string} */ kind, /** @type {(event: any) => void} */ handler) =>
      this.element.addEventListener(kind, handler, { signal });
    listen("pointerdown", (event) => this.#drag(event));
    listen("dblclick", () => this.#set(part.usual));
    listen("keydown", (event) => this.#step(event));
  }

  /** @param {PointerEvent} down */
  #drag(down) {
    const { element } = this;
    const scale = element.getBoundingClientRect().width / element.offsetWidth || 1; // of the graph's zoom
    const start = this.#size;
    const follow = (/** @type {PointerEvent} */ move) => this.#set(start - (move.clientX - down.clientX) / scale);
    element.setPointerCapture(down.pointerId);
    element.addEventListener("pointermove", follow);
    element.addEventListener("lostpointercapture", () => element.removeEventListener("pointermove", follow), { once: true });
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const by = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#set(this.#size + by);
  }

  /** @param {number} size */
  #set(size) {
    const { name, least, most } = this.#part;
    this.#size = Math.round(Math.max(least, Math.min(most, size)));
    this.#show();
    remember(name, String(this.#size));
  }

  #show() {
    this.#panel.style.setProperty(`--got-${this.#part.name}`, `${this.#size}px`);
    this.element.setAttribute("aria-valuenow", String(this.#size));
  }
}

/** @param {Part} part */
function sizeOf({ name, least, most, usual }) {
  const size = Number(remembered(name) || usual);
  return size >= least && size <= most ? size : usual;
}
