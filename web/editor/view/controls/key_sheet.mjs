// @ts-check
// The table of keys, over the editor.

import { keyRows } from "../../model/state/keys.mjs";
import { closeByKey, make, textButton } from "../shared/dom.mjs";

/** The table of keys. Hidden until `show`. */
export class KeySheet {
  #messages;
  #close;
  #onClose;

  /** @param {import("../panel.mjs").Context} context @param {() => void} onClose takes the focus back */
  constructor({ messages, signal }, onClose) {
    this.#messages = messages;
    this.#onClose = onClose;
    this.#close = textButton(messages.close, () => this.hide(), signal);
    this.element = make("section", { className: "got-keys", hidden: true, role: "region", "aria-label": messages.keys });
    closeByKey(this.element, () => this.hide(), signal, "?");
  }

  show() {
    if (!this.element.hasChildNodes()) this.element.append(this.#table(), this.#close);
    this.element.hidden = false;
    this.#close.focus({ preventScroll: true });
  }

  hide() {
    this.element.hidden = true;
    this.#onClose();
  }

  #table() {
    const rows = keyRows().map(({ keys, message }) => {
      const names = keys.map((key) => make("kbd", {}, key));
      return make("tr", {}, make("td", {}, ...names.flatMap((name) => [name, " "])), make("td", {}, this.#messages[message]));
    });
    return make("table", {}, make("caption", {}, this.#messages.keys), make("tbody", {}, ...rows));
  }
}
