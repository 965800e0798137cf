// @ts-check
/** Tells a person who looks elsewhere that a run waits: a mark in the page's title, and a toast. */

import { app } from "../../../scripts/app.js";

const MARK = "⏸ ";
const LIFE = 30_000; // ms of a toast

/** A mark before the page's title. ComfyUI writes the title too, so the mark is put back whenever it is lost. */
export class TitleMark {
  #watch = new MutationObserver(() => this.#write());
  #on = false;

  /** @param {boolean} on */
  set(on) {
    if (on === this.#on) return;
    this.#on = on;
    if (on) this.#watch.observe(document.head, { childList: true, subtree: true, characterData: true });
    else this.#watch.disconnect();
    this.#write();
  }

  #write() {
    const plain = document.title.replaceAll(MARK, "");
    const title = this.#on ? MARK + plain : plain;
    if (document.title !== title) document.title = title;
  }
}

/** A toast that is taken away when it is no longer true. @param {string} summary @param {string} detail
 * @returns {() => void} takes it away, where the frontend can */
export function toastUntil(summary, detail) {
  const message = { severity: "info", summary, detail, life: LIFE };
  const { toast } = app.extensionManager;
  toast.add(message);
  return () => toast.remove?.(message);
}
