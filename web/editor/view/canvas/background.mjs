// @ts-check
// Loads the background image that is chosen.

import { backgroundOf } from "../../model/state/store.mjs";

/** Loads the chosen background and gives it to the store. */
export class BackgroundLoader {
  #store;
  #signal;
  /** @type {string | null} */
  #url = null; // of the image that is wanted, loaded or not

  /** @param {import("../panel.mjs").Context} context */
  constructor({ store, signal }) {
    this.#store = store;
    this.#signal = signal;
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render(view) {
    const { url } = backgroundOf(view);
    if (url === this.#url) return;
    this.#url = url;
    if (!url) return this.#store.set({ background: null });
    const image = new Image();
    const arrived = () => {
      if (!this.#signal.aborted && this.#url === url) this.#store.set({ background: image });
    };
    image.addEventListener("load", arrived, { once: true });
    image.src = url;
  }
}
