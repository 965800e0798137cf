// @ts-check
// The regions as a list.

import { cssColor } from "../model/colors.mjs";
import { fill } from "../model/messages.mjs";
import { freshId, make } from "./dom.mjs";

/** @typedef {import("../model/store.mjs").Region} Region */
/** @typedef {import("../model/store.mjs").View} View */

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

export class RegionList {
  #store;
  #messages;
  #onKey;
  /** @type {HTMLLIElement[]} */
  #items = [];
  /** @type {string[]} */
  #keys = []; // what each item shows

  /** @param {import("./panel.mjs").Context} context */
  constructor({ store, messages, signal, onKey }) {
    this.#store = store;
    this.#messages = messages;
    this.#onKey = onKey;
    this.element = make("ul", { className: "got-list", role: "listbox", tabIndex: 0, "aria-label": messages.regions });
    this.element.addEventListener("keydown", (event) => this.#step(event), { signal });
    const click = (/** @type {MouseEvent} */ event) => {
      const item = /** @type {Element} */ (event.target).closest("li[data-index]");
      if (item instanceof HTMLElement) store.select(Number(item.dataset.index));
    };
    this.element.addEventListener("click", click, { signal });
  }

  /** In the list, the arrow keys select. @param {KeyboardEvent} event */
  #step(event) {
    const by = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return this.#onKey(event);
    event.preventDefault();
    event.stopPropagation();
    const { selected, regions } = this.#store.view;
    this.#store.select(Math.max(0, Math.min(regions.length - 1, selected + by)));
  }

  /** @param {View} view */
  render({ regions, selected }) {
    while (this.#items.length > regions.length) this.#items.pop()?.remove(), this.#keys.pop();
    regions.forEach((region, index) => this.#renderItem(region, index, index === selected));
    const active = this.#items[selected];
    if (active) this.element.setAttribute("aria-activedescendant", active.id);
    else this.element.removeAttribute("aria-activedescendant");
    this.element.dataset.empty = regions.length ? "" : this.#messages.noRegions;
  }

  /** @param {Region} region @param {number} index @param {boolean} isSelected */
  #renderItem({ label, color, locked, hidden, off, lora, box }, index, isSelected) {
    const key = `${label}|${color.word}|${locked}|${hidden}|${off}|${lora?.name}|${!box}|${isSelected}`;
    if (this.#keys[index] === key) return;
    this.#keys[index] = key;
    if (!this.#items[index]) {
      this.#items[index] = make("li", { role: "option", id: freshId("region"), "data-index": index });
      this.element.append(this.#items[index]);
    }
    const item = this.#items[index];
    const messages = this.#messages;
    const marks = [locked && messages.locked, hidden && messages.hidden, off && messages.off, lora && messages.lora];
    const states = [!box && messages.unread, ...marks].filter(Boolean);
    const name = fill(messages.region, { number: index + 1, phrase: label || messages.unnamed });
    const swatch = make("span", { className: "got-swatch" });
    swatch.style.background = cssColor(color);
    item.setAttribute("aria-selected", String(isSelected));
    item.replaceChildren(swatch, make("span", { className: "got-name" }, name), make("small", {}, states.join(", ")));
    if (isSelected) this.#scrollTo(item);
  }

  /** Scroll the list alone, never the page. @param {HTMLElement} item */
  #scrollTo(item) {
    const list = this.element;
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }
}
