// @ts-check
// The fields and buttons of the selected region. A value that is refused stays in its field, with the reason below.

import { findColor, PALETTE } from "../../model/chain/colors.mjs";
import { fill } from "../../model/messages.mjs";
import { duplicateAll, recolorAll, removeAll, reorderAll } from "../../model/plan/arrange.mjs";
import { moveRegion, rephrase } from "../../model/plan/plan.mjs";
import { toggleHidden, toggleLocked } from "../../model/state/keys.mjs";
import { boxProblem, pixelsOf, pixelsProblem, unitOf } from "../../model/state/numbers.mjs";
import { acceptByEnter, freshId, iconButton, keepKeys, make, relabel } from "../shared/dom.mjs";
import { Palette } from "./palette.mjs";

/** @typedef {import("../panel.mjs").Context} Context */
/** @typedef {import("../../model/state/store.mjs").Store} Store */
/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/chain/chain.mjs").Box} Box */
/** @typedef {import("../../model/messages.mjs").Messages} Messages */

const SIDES = /** @type {const} */ (["left", "top", "right", "bottom"]);

/** The fields of the selected region: phrase, box in thousandths and in pixels, color. */
export class Fields {
  #store;
  #messages;
  #refusal;
  #phrase;
  #color;
  #corners;
  #pixels;
  #palette;
  #lock;
  #hide;
  #last = ""; // what was shown before: the region and its state

  /** @param {Context} context */
  constructor(context) {
    const { store, messages, signal } = context;
    this.#store = store;
    this.#messages = messages;
    this.#refusal = make("p", { className: "got-refusal", id: freshId("refusal"), role: "status", hidden: true });
    this.#phrase = make("input", { type: "text", "aria-label": messages.phrase, title: messages.phrase });
    const number = { type: "number", min: "0", step: "1" };
    const field = (/** @type {string} */ name) => make("input", { ...number, "aria-label": name, title: name });
    this.#corners = SIDES.map((side) => field(messages[side]));
    this.#pixels = SIDES.map((side) => field(fill(messages.inPixels, { side: messages[side] })));
    const known = make("datalist", { id: freshId("colors") }, ...PALETTE.map((value) => make("option", { value })));
    this.#color = make("input", { type: "text", "aria-label": messages.color, title: messages.colorHelp, list: known.id });
    this.#palette = new Palette(context, (word) => this.#recolor(word));
    this.#lock = iconButton("lock", messages.lock, () => toggleLocked(store), signal);
    this.#hide = iconButton("hide", messages.hide, () => toggleHidden(store), signal);
    this.element = make("fieldset", { className: "got-fields", "aria-label": messages.selectedRegion });
    this.element.append(line(messages.phrase, this.#phrase), this.#numbers(), line(messages.color, this.#color), known);
    this.element.append(this.#palette.element, this.#refusal, this.#buttons(signal));
    this.#listen(signal);
  }

  focusPhrase() {
    this.#phrase.focus();
    this.#phrase.select();
  }

  /** @param {View} view */
  render(view) {
    const shown = `${view.selected} ${view.text}`;
    if (this.#last !== shown) this.#refuse(null, [], {});
    if (this.#last !== shown) this.#palette.render();
    this.#show(view, this.#last !== shown);
    this.#last = shown;
  }

  /** A column for each side, with its number in thousandths and in pixels. */
  #numbers() {
    const heads = SIDES.map((side) => make("span", {}, this.#messages[side]));
    const grid = make("div", { className: "got-numbers" }, make("span"), ...heads);
    grid.append(make("span", { title: this.#messages.thousandths }, "‰"), ...this.#corners);
    grid.append(make("span", { title: this.#messages.pixels }, "px"), ...this.#pixels);
    for (const label of grid.querySelectorAll("span")) label.setAttribute("aria-hidden", "true"); // each field has its own
    return grid;
  }

  /** @param {AbortSignal} signal */
  #buttons(signal) {
    const { duplicate, forward, backward, remove } = this.#messages;
    const all = (/** @type {Parameters<Store["changeAll"]>[0]} */ edit) => () => this.#store.changeAll(edit);
    const buttons = [
      iconButton("duplicate", duplicate, all(duplicateAll), signal),
      iconButton("forward", forward, all((plan, indices) => reorderAll(plan, indices, 1)), signal),
      iconButton("backward", backward, all((plan, indices) => reorderAll(plan, indices, -1)), signal),
      iconButton("remove", remove, all(removeAll), signal),
    ];
    return make("div", { className: "got-row" }, this.#lock, this.#hide, ...buttons);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    this.#phrase.addEventListener("change", () => this.#rephrase(), { signal });
    this.#color.addEventListener("change", () => this.#recolor(this.#color.value), { signal });
    for (const input of this.#corners) input.addEventListener("change", () => this.#move(), { signal });
    this.#pixels.forEach((input, side) => input.addEventListener("change", () => this.#moveToPixel(side), { signal }));
    for (const field of [this.#phrase, this.#color, ...this.#corners, ...this.#pixels]) {
      keepKeys(field, signal);
      acceptByEnter(field, signal);
    }
  }

  // --------------------------------------------------------------------------------------------------------- edits

  #rephrase() {
    const phrase = this.#phrase.value;
    if (!phrase.trim()) return this.#refuse("refusedPhrase", [this.#phrase], {});
    this.#change((plan, index) => rephrase(plan, index, phrase));
  }

  /** Move the region to the numbers in the fields. */
  #move() {
    const box = this.#corners.map((input) => Math.round(input.valueAsNumber));
    const problem = boxProblem(box);
    if (!problem) return this.#change((plan, index) => moveRegion(plan, index, /** @type {Box} */ (box)));
    this.#refuse(problem.message, problem.sides.map((side) => this.#corners[side]), this.#valuesOf(problem, box));
  }

  /** @param {number} side that was typed in pixels */
  #moveToPixel(side) {
    const { width, height } = this.#store.view;
    const [size, value] = [side % 2 ? height : width, Math.round(this.#pixels[side].valueAsNumber)];
    const problem = pixelsProblem(value, size, side);
    if (problem) return this.#refuse(problem.message, [this.#pixels[side]], { ...this.#valuesOf(problem, []), value, most: size });
    this.#corners[side].value = String(unitOf(value, size));
    this.#move();
  }

  /** @param {import("../../model/state/numbers.mjs").NumberProblem} problem @param {number[]} box */
  #valuesOf({ sides: [first, second] }, box) {
    const name = this.#messages[SIDES[first]];
    const other = second === undefined ? "" : this.#messages[SIDES[second]];
    return { name, other, value: box[first], than: box[second], most: 999 };
  }

  /** @param {string} word */
  #recolor(word) {
    if (!findColor(word.trim())) return this.#refuse("unknownColor", [this.#color], { word });
    this.#refuse(null, [], {});
    this.#store.changeAll((plan, indices) => recolorAll(plan, indices, word));
    this.#palette.used(word);
    this.#show(this.#store.view, true);
  }

  /** @param {(plan: import("../../model/plan/plan.mjs").Plan, index: number) => import("../../model/plan/plan.mjs").Plan} how */
  #change(how) {
    this.#refuse(null, [], {});
    this.#store.changeSelected(how);
    this.#show(this.#store.view, true);
  }

  /** Say why a value is refused, and in which fields it is; null for none. @param {keyof Messages | null} message
   * @param {HTMLInputElement[]} fields @param {Record<string, string | number>} values */
  #refuse(message, fields, values) {
    if (message === null && this.#refusal.hidden) return;
    this.#refusal.hidden = message === null;
    this.#refusal.textContent = message === null ? "" : fill(this.#messages[message], values);
    for (const field of [this.#phrase, this.#color, ...this.#corners, ...this.#pixels]) {
      const isBad = fields.includes(field);
      field.setAttribute("aria-invalid", String(isBad));
      if (isBad) field.setAttribute("aria-describedby", this.#refusal.id);
      else field.removeAttribute("aria-describedby");
    }
  }

  // ------------------------------------------------------------------------------------------------------ painting

  /** @param {View} view @param {boolean} always also in the field that is typed in, and over a refused value */
  #show({ regions, selected, streaming, width, height }, always) {
    const region = regions[selected];
    const { locked = false, hidden = false, box = null } = region ?? {};
    const messages = this.#messages;
    const isKept = (/** @type {HTMLInputElement} */ input) =>
      document.activeElement === input || input.getAttribute("aria-invalid") === "true";
    const set = (/** @type {HTMLInputElement} */ input, /** @type {string} */ value) => {
      if (input.value !== value && (always || !isKept(input))) input.value = value;
    };
    this.element.disabled = !region || streaming !== null;
    for (const input of [this.#phrase, this.#color, ...this.#corners, ...this.#pixels]) input.readOnly = locked;
    set(this.#phrase, region?.label ?? "");
    set(this.#color, region ? region.color.word : "");
    const pixels = box && pixelsOf(box, width, height);
    this.#corners.forEach((input, i) => set(input, box ? String(box[i]) : ""));
    this.#pixels.forEach((input, i) => set(input, pixels ? String(pixels[i]) : ""));
    relabel(this.#lock, locked ? "unlock" : "lock", locked ? messages.unlock : messages.lock);
    relabel(this.#hide, hidden ? "show" : "hide", hidden ? messages.show : messages.hide);
  }
}

/** A field with its name before it. @param {string} name @param {HTMLElement} field */
function line(name, field) {
  return make("label", { className: "got-line" }, make("span", {}, name), field);
}
