// @ts-check
// The question for the phrase of a region that was drawn.

import { isForComfy, make, textButton } from "../shared/dom.mjs";

/** The form that asks for the phrase. It is shown while the store's mode is "ask". */
export class Ask {
  #phrase;

  /** @param {import("../../model/state/store.mjs").Store} store @param {import("../../model/messages.mjs").Messages} messages
   * @param {() => void} focusCanvas */
  constructor(store, messages, focusCanvas) {
    this.#phrase = make("input", { type: "text", placeholder: messages.askHelp, "aria-label": messages.ask });
    const cancel = textButton(messages.cancel, () => leave(""));
    this.element = make("form", { className: "got-ask", hidden: true }, make("label", {}, messages.ask, this.#phrase));
    this.element.append(make("button", { type: "submit" }, messages.add), cancel);
    const leave = (/** @type {string} */ phrase) => {
      focusCanvas();
      store.answer(phrase);
    };
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#phrase.value.trim()) leave(this.#phrase.value);
      else this.#phrase.focus();
    });
    this.element.addEventListener("keydown", (event) => {
      if (isForComfy(event)) return this.element.requestSubmit();
      event.stopPropagation();
      if (event.key === "Escape") leave("");
    });
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render({ mode }) {
    const isNew = mode === "ask" && this.element.hidden;
    this.element.hidden = mode !== "ask";
    if (!isNew) return;
    this.#phrase.value = "";
    this.#phrase.focus({ preventScroll: true });
  }
}
