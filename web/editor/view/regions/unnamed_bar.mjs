// @ts-check
// A bar while regions of a layout wait for their names.

import { fill } from "../../model/messages.mjs";
import { isPlaceholder } from "../../model/plan/layouts.mjs";
import { make, textButton } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */

/** The bar that counts regions without a name and goes to the next one. */
export class UnnamedBar {
  #store;
  #messages;
  #focus;
  #text = make("span");

  /** @param {import("../panel.mjs").Context} context */
  constructor({ store, messages, signal, focus }) {
    this.#store = store;
    this.#messages = messages;
    this.#focus = focus;
    const next = textButton(messages.nameNext, () => this.next(), signal);
    this.element = make("div", { className: "got-row got-bar got-naming", hidden: true, role: "status" });
    this.element.append(this.#text, make("span", { className: "got-gap" }), next);
  }

  /** Select the next region without a name, and go to its phrase. @returns {boolean} whether there is one */
  next() {
    const { selected, regions } = this.#store.view;
    const waiting = waitingIn(regions);
    const index = waiting.find((one) => one > selected) ?? waiting[0];
    if (index === undefined) return false;
    this.#store.select(index);
    this.#focus.phrase();
    return true;
  }

  /** @param {View} view */
  render({ regions, streaming }) {
    const count = streaming === null ? waitingIn(regions).length : 0;
    this.element.hidden = count === 0;
    const text = fill(this.#messages.toName, { count });
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}

/** @param {View["regions"]} regions */
function waitingIn(regions) {
  return regions.flatMap(({ label, locked }, index) => (isPlaceholder(label) && !locked ? [index] : []));
}
