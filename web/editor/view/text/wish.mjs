// @ts-check
// The line in which a person asks for a change of the plan in words.

import { keepKeys, make } from "../shared/dom.mjs";

/** The line with its button and the answer so far. */
export class WishLine {
  #messages;
  #wish;
  #send;
  #status = make("p", { className: "got-hint", role: "status", hidden: true });

  /** @param {import("../panel.mjs").Context} context @param {(wish: string) => void} onWish */
  constructor({ messages, signal }, onWish) {
    this.#messages = messages;
    this.#wish = make("input", { type: "text", placeholder: messages.wishHelp, "aria-label": messages.wish });
    this.#send = make("button", { type: "submit" }, messages.wishSend);
    const label = make("label", {}, messages.wish, this.#wish);
    const row = make("form", { className: "got-row" }, label, this.#send);
    this.element = make("div", { className: "got-wish" }, row, this.#status);
    const send = (/** @type {Event} */ event) => {
      event.preventDefault();
      const wish = this.#wish.value.trim();
      if (wish && !this.#send.disabled) onWish(wish);
      else this.#wish.focus();
    };
    row.addEventListener("submit", send, { signal });
    keepKeys(this.#wish, signal);
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render({ asking }) {
    this.#send.disabled = asking !== null;
    this.#status.hidden = asking === null;
    const text = asking || this.#messages.wishQueued;
    if (asking !== null && this.#status.textContent !== text) this.#status.textContent = text;
  }
}
