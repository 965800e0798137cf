// @ts-check
// The question for the name of a layout that is saved.

import { MOST_NAME } from "../../model/plan/layouts.mjs";
import { closeByKey, make, textButton } from "../shared/dom.mjs";

/** The form that asks for the name. Hidden until `show`. */
export class LayoutNameForm {
  #name;
  #onClose;

  /** @param {import("../panel.mjs").Context} context @param {{onSave: (name: string) => void, onClose: () => void}} actions
   * onClose takes the focus back */
  constructor({ messages, signal }, { onSave, onClose }) {
    this.#onClose = onClose;
    this.#name = make("input", { type: "text", maxLength: MOST_NAME, "aria-label": messages.layoutName, required: true });
    const cancel = textButton(messages.cancel, () => this.#hide(), signal);
    this.element = make("form", { className: "got-ask", hidden: true }, make("label", {}, messages.layoutName, this.#name));
    this.element.append(make("button", { type: "submit", className: "got-primary" }, messages.save), cancel);
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      const name = this.#name.value.trim();
      if (!name) return this.#name.focus();
      this.#hide();
      onSave(name);
    };
    this.element.addEventListener("submit", submit, { signal });
    closeByKey(this.element, () => this.#hide(), signal);
  }

  show() {
    this.element.hidden = false;
    this.#name.value = "";
    this.#name.focus({ preventScroll: true });
  }

  #hide() {
    this.element.hidden = true;
    this.#onClose();
  }
}
