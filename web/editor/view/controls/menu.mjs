// @ts-check
// A menu over the page, with submenus, for the mouse and for keys (the menu pattern of WAI-ARIA).

import { make } from "../shared/dom.mjs";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {() => void} [run]
 * @property {() => Item[] | Promise<Item[]>} [items] of a submenu
 * @property {boolean} [checked] it is a choice, and whether it is made
 * @property {boolean} [disabled]
 * @property {boolean} [line] a line is above it
 * @property {string} [keys] that do the same
 * @property {string} [color] CSS, shown before the label
 */
/** @typedef {{element: HTMLElement, items: Item[], owner: HTMLElement | null}} Level */

const EDGE = 4; // pixels left free at the window's edge

/** One menu with its submenus. Closed until `open`. */
export class Menu {
  /** @type {Level[]} */
  #levels = [];
  /** @type {AbortController | null} */
  #open = null;
  /** @type {() => void} */
  #onClose = () => {};

  get isOpen() {
    return this.#open !== null;
  }

  /** @param {string} label @param {Item[]} items @param {{x: number, y: number}} at on the screen
   * @param {() => void} onClose takes the focus back, before an item runs */
  open(label, items, { x, y }, onClose) {
    this.close();
    this.#open = new AbortController();
    this.#onClose = onClose;
    const { signal } = this.#open;
    const outside = (/** @type {Event} */ event) => {
      if (!this.#levels.some(({ element }) => element.contains(/** @type {Node} */ (event.target)))) this.close();
    };
    for (const kind of ["pointerdown", "wheel"]) window.addEventListener(kind, outside, { signal, capture: true, passive: true });
    window.addEventListener("blur", () => this.close(), { signal });
    this.#show(label, items, null, { left: x, right: x, top: y });
  }

  close() {
    if (!this.#open) return;
    this.#open.abort();
    this.#open = null;
    this.#cut(0);
    this.#onClose();
  }

  // ---------------------------------------------------------------------------------------------------------- levels

  /** Show a menu beside what it belongs to. @param {string} label @param {Item[]} items
   * @param {HTMLElement | null} owner its item in the menu above @param {{left: number, right: number, top: number}} side */
  #show(label, items, owner, { left, right, top }) {
    const element = make("div", { className: "got-menu", role: "menu", "aria-label": label, tabIndex: -1 });
    const level = { element, items, owner };
    items.forEach((item) => {
      if (item.line) element.append(make("div", { className: "got-menu-line", role: "separator" }));
      element.append(this.#item(item, level));
    });
    this.#levels.push(level);
    element.addEventListener("keydown", (event) => this.#key(event, level));
    for (const kind of ["pointerdown", "mousedown", "keyup", "dblclick", "copy", "cut", "paste"])
      element.addEventListener(kind, (event) => event.stopPropagation());
    element.addEventListener("contextmenu", (event) => (event.preventDefault(), event.stopPropagation()));
    document.body.append(element);
    const { offsetWidth, offsetHeight } = element;
    const x = right + offsetWidth + EDGE <= innerWidth ? right : Math.max(EDGE, left - offsetWidth);
    element.style.left = `${x}px`;
    element.style.top = `${Math.max(EDGE, Math.min(top, innerHeight - offsetHeight - EDGE))}px`;
    this.#focus(level, 0);
  }

  /** @param {Item} item @param {Level} level */
  #item(item, level) {
    const role = item.checked === undefined ? "menuitem" : "menuitemcheckbox";
    const element = make("div", { className: "got-menu-item", role, tabIndex: -1 });
    if (item.checked !== undefined) element.setAttribute("aria-checked", String(item.checked));
    if (item.disabled) element.setAttribute("aria-disabled", "true");
    if (item.items) element.setAttribute("aria-haspopup", "menu");
    if (item.items) element.setAttribute("aria-expanded", "false");
    const sign = make("span", { className: "got-menu-sign", "aria-hidden": "true" }, item.checked ? "✓" : "");
    if (item.color) sign.style.background = item.color;
    element.append(sign, make("span", { className: "got-menu-label" }, item.label));
    const right = item.items ? "▸" : (item.keys ?? "");
    if (right) element.append(make("small", { "aria-hidden": "true" }, right));
    element.addEventListener("click", () => this.#choose(item, element));
    element.addEventListener("pointerenter", () => this.#enter(item, element, level));
    return element;
  }

  /** @param {Item} item @param {HTMLElement} element @param {Level} level */
  #enter(item, element, level) {
    element.focus({ preventScroll: true });
    const depth = this.#levels.indexOf(level) + 1;
    if (this.#levels[depth]?.owner === element) return;
    this.#cut(depth);
    if (item.items && !item.disabled) this.#unfold(item, element, false);
  }

  /** @param {Item} item @param {HTMLElement} element */
  #choose(item, element) {
    if (item.disabled) return;
    if (item.items) return void this.#unfold(item, element, true);
    this.close();
    item.run?.();
  }

  /** @param {Item} item @param {HTMLElement} element @param {boolean} enters the focus goes into the submenu */
  async #unfold(item, element, enters) {
    const depth = this.#levels.findIndex((level) => level.element.contains(element)) + 1;
    if (this.#levels[depth]?.owner !== element) {
      const open = this.#open;
      const items = (await item.items?.()) ?? [];
      if (open !== this.#open || !element.isConnected || (!enters && document.activeElement !== element)) return;
      if (this.#levels[depth]?.owner !== element) this.#unfoldAt(depth, item, items, element);
      if (!enters) element.focus({ preventScroll: true });
    }
    if (enters) this.#focus(this.#levels[depth], 0);
  }

  /** @param {number} depth @param {Item} item @param {Item[]} items @param {HTMLElement} element */
  #unfoldAt(depth, item, items, element) {
    this.#cut(depth);
    element.setAttribute("aria-expanded", "true");
    this.#show(item.label, items, element, element.getBoundingClientRect());
  }

  /** Close all menus below a depth. @param {number} depth */
  #cut(depth) {
    for (const { element, owner } of this.#levels.splice(depth)) {
      element.remove();
      owner?.setAttribute("aria-expanded", "false");
    }
  }

  // ------------------------------------------------------------------------------------------------------------ keys

  /** @param {KeyboardEvent} event @param {Level} level */
  #key(event, level) {
    event.stopPropagation();
    event.preventDefault();
    const parts = partsOf(level);
    const at = parts.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const item = level.items[at];
    const depth = this.#levels.indexOf(level);
    if (event.key === "ArrowDown") this.#focus(level, at + 1);
    else if (event.key === "ArrowUp") this.#focus(level, at < 0 ? -1 : at - 1);
    else if (event.key === "Home") this.#focus(level, 0);
    else if (event.key === "End") this.#focus(level, -1);
    else if (event.key === "Tab") this.close();
    else if (event.key === "Escape" || event.key === "ArrowLeft") this.#leave(depth, event.key === "Escape");
    else if (event.key === "ArrowRight" && item?.items) this.#choose(item, parts[at]);
    else if ((event.key === "Enter" || event.key === " ") && item) this.#choose(item, parts[at]);
    else if (event.key.length === 1) this.#search(level, at, event.key.toLowerCase());
  }

  /** @param {number} depth @param {boolean} closes the whole menu, if it is the first one */
  #leave(depth, closes) {
    const owner = this.#levels[depth].owner;
    if (!owner) return closes && this.close();
    this.#cut(depth);
    owner.focus({ preventScroll: true });
  }

  /** The next item that begins with a letter. @param {Level} level @param {number} at @param {string} letter */
  #search(level, at, letter) {
    const { items } = level;
    const order = items.map((_, i) => (at + 1 + i) % items.length);
    const found = order.find((i) => items[i].label.toLowerCase().startsWith(letter));
    if (found !== undefined) this.#focus(level, found);
  }

  /** @param {Level} level @param {number} index below 0 or past the end: from the other end */
  #focus(level, index) {
    const parts = partsOf(level);
    const part = parts[(index + parts.length) % parts.length] ?? level.element;
    part.focus({ preventScroll: true });
    part.scrollIntoView({ block: "nearest" });
  }
}

/** @param {Level} level @returns {HTMLElement[]} */
function partsOf({ element }) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll(".got-menu-item"))];
}
