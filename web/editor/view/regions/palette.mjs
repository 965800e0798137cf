// @ts-check
// The colors to choose from: the standard ones, the person's own, and those that were used last.

import { cssColor, findColor, PALETTE } from "../../model/chain/colors.mjs";
import { fill } from "../../model/messages.mjs";
import { forgetColor, keepColor, NO_COLORS, parseColors, serializeColors, useColor } from "../../model/state/palette.mjs";
import { make } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/palette.mjs").Colors} Colors */
/**
 * Settings of the person, on all pages. A listener of `watch` gets each new value until the signal is aborted.
 * @typedef {object} Settings
 * @property {(name: string) => unknown} get
 * @property {(name: string, value: string | number) => void} set
 * @property {(name: string, listener: (value: unknown) => void, signal: AbortSignal) => void} watch
 */

const SETTING = "Colors";

/** The person's colors now. @param {Settings} settings @returns {Colors} */
export function colorsIn(settings) {
  return parseColors(String(settings.get(SETTING) ?? "")) ?? NO_COLORS;
}

/** Buttons for the colors, and a color picker. */
export class Palette {
  element = make("div", { className: "got-colors" });
  #messages;
  #settings;
  #onPick;
  #own;
  #recent;
  #picker = make("input", { type: "color", className: "got-picker", value: "#ff8800" });
  #shown = "";

  /** @param {import("../panel.mjs").Context} context @param {(word: string) => void} onPick */
  constructor({ messages, settings, signal }, onPick) {
    this.#messages = messages;
    this.#settings = settings;
    this.#onPick = onPick;
    const group = (/** @type {string} */ label) => make("div", { className: "got-palette", role: "group", "aria-label": label });
    const standard = group(messages.palette);
    standard.append(...PALETTE.map((word) => this.#swatch(word)));
    this.#own = group(messages.ownColors);
    this.#recent = group(messages.recentColors);
    this.#picker.title = messages.ownColor;
    this.#picker.setAttribute("aria-label", messages.ownColor);
    this.#picker.addEventListener("change", () => this.#add(this.#picker.value), { signal });
    const remove = (/** @type {Event} */ event) => {
      const word = event.target instanceof HTMLElement ? event.target.dataset.word : undefined;
      if (!word || (event instanceof KeyboardEvent && event.key !== "Delete")) return;
      event.preventDefault();
      event.stopPropagation();
      this.#set(forgetColor(colorsIn(settings), word));
      this.#picker.focus();
    };
    this.#own.addEventListener("contextmenu", remove, { signal });
    this.#own.addEventListener("keydown", remove, { signal });
    this.element.append(standard, make("div", { className: "got-row got-more-colors" }, this.#own, this.#recent, this.#picker));
    this.render();
  }

  /** A color was used. @param {string} word */
  used(word) {
    this.#set(useColor(colorsIn(this.#settings), word));
  }

  /** Show the person's colors, which another editor may have changed. */
  render() {
    const stored = String(this.#settings.get(SETTING) ?? "");
    if (stored === this.#shown) return;
    this.#shown = stored;
    const { own, recent } = colorsIn(this.#settings);
    this.#own.replaceChildren(...own.map((word) => this.#swatch(word, fill(this.#messages.forgetColor, { word }))));
    this.#recent.replaceChildren(...recent.map((word) => this.#swatch(word)));
    this.#own.hidden = !own.length;
    this.#recent.hidden = !recent.length;
  }

  /** @param {string} word @param {string} [hint] how to remove it */
  #swatch(word, hint) {
    const title = hint ? `${word}. ${hint}: Del` : word;
    const swatch = make("button", { type: "button", className: "got-swatch", title, "aria-label": word, "data-word": word });
    swatch.style.background = cssColor(/** @type {import("../../model/chain/colors.mjs").Color} */ (findColor(word)));
    swatch.addEventListener("click", () => this.#onPick(word));
    return swatch;
  }

  /** @param {string} word */
  #add(word) {
    this.#set(keepColor(colorsIn(this.#settings), word));
    this.#onPick(word);
  }

  /** @param {Colors} colors */
  #set(colors) {
    const text = serializeColors(colors);
    if (text !== serializeColors(colorsIn(this.#settings))) this.#settings.set(SETTING, text);
    this.render();
  }
}
