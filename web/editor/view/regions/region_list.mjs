// @ts-check
// The regions as a list, from back to front. Each row selects its region, switches it off, hides it, locks it, and
// can be dragged to another place.

import { cssColor } from "../../model/chain/colors.mjs";
import { fill } from "../../model/messages.mjs";
import { placeRegion, setGuide, setHidden, setLocked } from "../../model/plan/plan.mjs";
import { freshId, iconButton, make, relabel } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").Region} Region */
/** @typedef {import("../../model/state/store.mjs").View} View */
/**
 * One row and what it shows. index: of its region.
 * @typedef {{element: HTMLLIElement, swatch: HTMLElement, name: HTMLElement, mark: HTMLElement,
 *   guide: HTMLElement, hide: HTMLElement, lock: HTMLElement, index: number, key: string}} Row
 */

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
const SLACK = 4; // pixels that the pointer moves before it drags a row
const EDGE = 14; // pixels at the list's ends that scroll it during a drag

/** The list of regions, back to front. Rows are selected, dragged and switched. */
export class RegionList {
  #store;
  #messages;
  #onKey;
  #signal;
  /** @type {Row[]} */
  #rows = [];
  /** @type {{pointer: number, from: number, y: number, to: number | null} | null} places of the dragged row */
  #drag = null;

  /** @param {import("../panel.mjs").Context} context */
  constructor({ store, messages, signal, onKey }) {
    this.#store = store;
    this.#messages = messages;
    this.#onKey = onKey;
    this.#signal = signal;
    const named = { "aria-label": messages.regions, title: messages.regionsHelp };
    this.element = make("ul", { className: "got-list", role: "grid", "aria-multiselectable": "true", tabIndex: 0, ...named });
    const listen = (/** @type {string} */ kind, /** @type {(event: any) => void} */ handler) =>
      this.element.addEventListener(kind, handler, { signal });
    listen("keydown", (event) => this.#step(event));
    listen("pointerdown", (event) => this.#press(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", () => this.#release());
    listen("pointercancel", () => this.#endDrag());
    listen("click", (event) => this.#click(event));
  }

  /** In the list, the arrow keys select. With Alt they move the row. @param {KeyboardEvent} event */
  #step(event) {
    const by = STEPS[/** @type {keyof typeof STEPS} */ (event.key)];
    if (event.key === "Escape" && this.#drag) this.#endDrag();
    else if (by === undefined || event.ctrlKey || event.metaKey) return this.#onKey(event);
    else if (event.altKey) this.#place(this.#placeOf(this.#store.view.selected), by);
    else this.#select(this.#placeOf(this.#store.view.selected) + by);
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} place */
  #select(place) {
    const { order } = this.#store.view;
    if (order.length) this.#store.select(order[Math.max(0, Math.min(order.length - 1, place))]);
  }

  /** Move a row. @param {number} from place @param {number} by places */
  #place(from, by) {
    const { order } = this.#store.view;
    if (from < 0) return;
    const to = Math.max(0, Math.min(order.length - 1, from + by));
    this.#store.change((plan) => placeRegion(plan, order[from], to));
  }

  /** @param {number} index of a region */
  #placeOf(index) {
    return this.#store.view.order.indexOf(index);
  }

  // ------------------------------------------------------------------------------------------------------- pointer

  /** @param {MouseEvent} event */
  #click(event) {
    const row = this.#rowAt(event.target);
    if (!row || /** @type {Element} */ (event.target).closest("button")) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) this.#store.toggle(row.index);
    else this.#store.select(row.index);
  }

  /** The region of a row becomes selected, unless it is already. @param {EventTarget | null} target in the row */
  pick(target) {
    const row = this.#rowAt(target);
    if (row && !this.#store.view.selection.includes(row.index)) this.#store.select(row.index);
  }

  /** @param {EventTarget | null} target */
  #rowAt(target) {
    const element = /** @type {Element} */ (target).closest("li");
    return this.#rows.find((row) => row.element === element);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    const target = /** @type {Element} */ (event.target);
    const row = this.#rowAt(target);
    if (!row || event.button !== 0 || this.#store.view.streaming !== null || target.closest("button")) return;
    if (event.pointerType === "touch" && !target.closest(".got-grip")) return; // elsewhere a finger scrolls
    this.#drag = { pointer: event.pointerId, from: this.#rows.indexOf(row), y: event.clientY, to: null };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const drag = this.#drag;
    if (!drag || event.pointerId !== drag.pointer) return;
    if (drag.to === null && Math.abs(event.clientY - drag.y) < SLACK) return;
    if (drag.to === null) this.#startDrag(drag.from, event.pointerId);
    this.#scrollAt(event.clientY);
    drag.to = this.#placeAt(event.clientY);
    this.#rows.forEach(({ element }, place) => {
      element.classList.toggle("got-dragged", place === drag.from);
      element.classList.toggle("got-above", place === drag.to && drag.to < drag.from);
      element.classList.toggle("got-below", place === drag.to && drag.to > drag.from);
    });
  }

  /** @param {number} from place @param {number} pointer */
  #startDrag(from, pointer) {
    this.element.setPointerCapture(pointer);
    this.#store.select(this.#rows[from].index);
  }

  #release() {
    const drag = this.#drag;
    this.#endDrag();
    if (drag?.to != null && drag.to !== drag.from) this.#place(drag.from, drag.to - drag.from);
  }

  #endDrag() {
    this.#drag = null;
    for (const { element } of this.#rows) element.classList.remove("got-dragged", "got-above", "got-below");
  }

  /** The place under the pointer. @param {number} y of the screen */
  #placeAt(y) {
    const below = this.#rows.findIndex(({ element }) => y < element.getBoundingClientRect().bottom);
    return below < 0 ? this.#rows.length - 1 : below;
  }

  /** @param {number} y of the screen */
  #scrollAt(y) {
    const { top, bottom } = this.element.getBoundingClientRect();
    if (y < top + EDGE) this.element.scrollTop -= EDGE;
    else if (y > bottom - EDGE) this.element.scrollTop += EDGE;
  }

  // ------------------------------------------------------------------------------------------------------ painting

  /** @param {View} view */
  render({ regions, order, selected, selection }) {
    while (this.#rows.length > regions.length) this.#rows.pop()?.element.remove();
    order.forEach((index, place) => this.#renderRow(place, index, regions[index], selection.includes(index)));
    const active = this.#rows.find(({ index }) => index === selected);
    if (active) this.element.setAttribute("aria-activedescendant", active.element.id);
    else this.element.removeAttribute("aria-activedescendant");
    this.element.dataset.empty = regions.length ? "" : this.#messages.noRegions;
  }

  /** @param {number} place @param {number} index @param {Region} region @param {boolean} isSelected */
  #renderRow(place, index, { label, color, locked, hidden, off = false, lora, box }, isSelected) {
    const key = `${index}|${label}|${color.word}|${locked}|${hidden}|${off}|${lora?.name}|${!box}|${isSelected}`;
    const row = (this.#rows[place] ??= this.#newRow());
    if (row.key === key) return;
    Object.assign(row, { key, index });
    const messages = this.#messages;
    const name = fill(messages.region, { number: index + 1, phrase: label || messages.unnamed });
    row.swatch.style.background = cssColor(color);
    row.name.textContent = name;
    row.name.title = [name, !box && messages.unread, off && messages.off, lora?.name].filter(Boolean).join(", ");
    row.mark.textContent = lora ? messages.lora : "";
    row.element.setAttribute("aria-selected", String(isSelected));
    row.element.classList.toggle("got-unread", !box);
    row.element.classList.toggle("got-off", off);
    setToggle(row.guide, off, off ? "off" : "on", fill(off ? messages.guideRow : messages.noGuideRow, { name }));
    setToggle(row.hide, hidden, hidden ? "hide" : "show", fill(hidden ? messages.showRow : messages.hideRow, { name }));
    setToggle(row.lock, locked, locked ? "lock" : "unlock", fill(locked ? messages.unlockRow : messages.lockRow, { name }));
    if (isSelected && index === this.#store.view.selected) this.#scrollTo(row.element);
  }

  /** @returns {Row} */
  #newRow() {
    /** @param {(plan: import("../../model/plan/plan.mjs").Plan, index: number, on: boolean) => import("../../model/plan/plan.mjs").Plan} edit
     * @param {"locked" | "hidden" | "off"} flag */
    const toggle = (edit, flag) => () => this.#store.change((plan) => edit(plan, row.index, !plan.flags[row.index]?.[flag]));
    const guide = iconButton("on", "", toggle((plan, index, off) => setGuide(plan, index, { off }), "off"), this.#signal);
    const hide = iconButton("show", "", toggle(setHidden, "hidden"), this.#signal);
    const lock = iconButton("unlock", "", toggle(setLocked, "locked"), this.#signal);
    for (const button of [guide, hide, lock]) button.tabIndex = -1; // the keys H and L, and the fields, do the same
    const grip = make("span", { className: "got-grip", "aria-hidden": "true" });
    const [swatch, name] = [make("span", { className: "got-swatch" }), make("span", { className: "got-name" })];
    const cell = (/** @type {Node[]} */ ...content) => make("span", { role: "gridcell" }, ...content);
    const mark = make("small");
    const element = make("li", { role: "row", id: freshId("region") }, cell(grip, swatch, name, mark));
    element.append(cell(guide), cell(hide), cell(lock));
    /** @type {Row} */
    const row = { element, swatch, name, mark, guide, hide, lock, index: -1, key: "" };
    this.element.append(element);
    return row;
  }

  /** Scroll the list alone, never the page. @param {HTMLElement} item */
  #scrollTo(item) {
    const list = this.element;
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }
}

/** @param {HTMLElement} button @param {boolean} on @param {import("../shared/dom.mjs").IconName} icon @param {string} label */
function setToggle(button, on, icon, label) {
  button.classList.toggle("got-on", on);
  relabel(button, icon, label);
}
