// @ts-check
// The fields and buttons of the selected region.

import { cssColor, findColor, PALETTE } from "../model/colors.mjs";
import { toggleHidden, toggleLocked } from "../model/keys.mjs";
import { bringForward, duplicateRegion, moveRegion, recolor, removeRegion, rephrase, sendBack } from "../model/plan.mjs";
import { freshId, iconButton, keepKeys, make, relabel } from "./dom.mjs";

/** @typedef {import("./panel.mjs").Context} Context */
/** @typedef {import("../model/store.mjs").View} View */

export class Fields {
  #store;
  #messages;
  #announcer;
  #phrase;
  #color;
  #corners;
  #lock;
  #hide;
  #last = -1; // the region that was shown before

  /** @param {Context} context */
  constructor({ store, messages, signal, announcer }) {
    this.#store = store;
    this.#messages = messages;
    this.#announcer = announcer;
    this.#phrase = make("input", { type: "text", "aria-label": messages.phrase, title: messages.phrase });
    const number = { type: "number", min: "0", max: "999", step: "1" };
    const sides = [messages.left, messages.top, messages.right, messages.bottom];
    this.#corners = sides.map((name) => make("input", { ...number, "aria-label": name, title: name }));
    const known = make("datalist", { id: freshId("colors") }, ...PALETTE.map((value) => make("option", { value })));
    this.#color = make("input", { type: "text", "aria-label": messages.color, title: messages.colorHelp, list: known.id });
    this.#lock = iconButton("lock", messages.lock, () => toggleLocked(store), signal);
    this.#hide = iconButton("hide", messages.hide, () => toggleHidden(store), signal);
    this.element = make("fieldset", { className: "got-fields" }, this.#phrase);
    this.element.append(make("div", { className: "got-row got-numbers" }, ...this.#corners), this.#color, known);
    this.element.append(this.#palette(signal), this.#buttons(signal));
    this.#listen(signal);
  }

  focusPhrase() {
    this.#phrase.focus();
    this.#phrase.select();
  }

  /** @param {View} view */
  render(view) {
    this.#show(view, this.#last !== view.selected);
    this.#last = view.selected;
  }

  /** @param {AbortSignal} signal */
  #palette(signal) {
    const palette = make("div", { className: "got-palette", role: "group", "aria-label": this.#messages.palette });
    for (const word of PALETTE) {
      const swatch = make("button", { type: "button", className: "got-swatch", title: word, "aria-label": word });
      swatch.style.background = cssColor(/** @type {import("../model/colors.mjs").Color} */ (findColor(word)));
      swatch.addEventListener("click", () => this.#recolor(word), { signal });
      palette.append(swatch);
    }
    return palette;
  }

  /** @param {AbortSignal} signal */
  #buttons(signal) {
    const edits = /** @type {const} */ ([
      ["duplicate", this.#messages.duplicate, duplicateRegion],
      ["forward", this.#messages.forward, bringForward],
      ["backward", this.#messages.backward, sendBack],
      ["remove", this.#messages.remove, removeRegion],
    ]);
    const buttons = edits.map(([name, label, edit]) => iconButton(name, label, () => this.#store.changeSelected(edit), signal));
    return make("div", { className: "got-row" }, this.#lock, this.#hide, ...buttons);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const [phrase, color, corners] = [this.#phrase, this.#color, this.#corners];
    const rephrased = () => this.#store.changeSelected((plan, index) => rephrase(plan, index, phrase.value));
    phrase.addEventListener("change", rephrased, { signal });
    color.addEventListener("change", () => this.#recolor(color.value), { signal });
    for (const input of corners) input.addEventListener("change", () => this.#move(), { signal });
    for (const field of [phrase, color, ...corners]) {
      keepKeys(field, signal);
      field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur(), { signal });
    }
  }

  /** Move the region to the numbers in the fields. */
  #move() {
    const box = this.#corners.map((input) => Math.round(input.valueAsNumber));
    if (box.every(Number.isFinite))
      this.#store.changeSelected((plan, index) => moveRegion(plan, index, /** @type {any} */ (box)));
    this.#show(this.#store.view, true); // a number that was refused gives way to the old one
  }

  /** @param {string} word */
  #recolor(word) {
    if (findColor(word.trim())) this.#store.changeSelected((plan, index) => recolor(plan, index, word) ?? plan);
    else this.#announcer.announce("unknownColor", { word }, true);
    this.#show(this.#store.view, true);
  }

  /** @param {View} view @param {boolean} always also in the field that is typed in */
  #show({ regions, selected, streaming }, always) {
    const region = regions[selected];
    const { locked = false, hidden = false } = region ?? {};
    const messages = this.#messages;
    const set = (/** @type {HTMLInputElement} */ input, /** @type {string} */ value) => {
      if (input.value !== value && (always || document.activeElement !== input)) input.value = value;
    };
    this.element.disabled = !region || streaming !== null;
    for (const input of [this.#phrase, this.#color, ...this.#corners]) input.readOnly = locked;
    set(this.#phrase, region?.label ?? "");
    set(this.#color, region ? region.color.word : "");
    this.#corners.forEach((input, i) => set(input, region?.box ? String(region.box[i]) : ""));
    relabel(this.#lock, locked ? "unlock" : "lock", locked ? messages.unlock : messages.lock);
    relabel(this.#hide, hidden ? "show" : "hide", hidden ? messages.show : messages.hide);
  }
}
