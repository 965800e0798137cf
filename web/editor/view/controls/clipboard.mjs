// @ts-check
// Copy, cut and paste of regions, by the browser's own clipboard events. Anything else that is pasted is a plan to read.

import { removeAll } from "../../model/plan/arrange.mjs";
import { CLIP_TYPE, clipOf, pasteRegions } from "../../model/plan/clipboard.mjs";
import { FIELDS } from "../shared/dom.mjs";

/** What was copied last on this page: the browser gives a menu nothing but the text.
 * @type {import("../../model/plan/clipboard.mjs").Clip | null} */
let last = null;

/** The clipboard of one editor. */
export class Clipboard {
  #store;
  #announcer;
  #element;
  #offer;

  /** @param {import("../panel.mjs").Context} context @param {HTMLElement} element of the panel
   * @param {(text: string) => void} offer a text that may be a plan */
  constructor({ store, announcer, signal }, element, offer) {
    this.#store = store;
    this.#announcer = announcer;
    this.#element = element;
    this.#offer = offer;
    const listen = (/** @type {"copy" | "cut" | "paste"} */ kind, /** @type {(event: ClipboardEvent) => void} */ handler) =>
      document.addEventListener(kind, (event) => this.#isHere() && handler(event), { signal, capture: true });
    listen("copy", (event) => this.#copy(event));
    listen("cut", (event) => this.#copy(event) && store.changeAll(removeAll));
    listen("paste", (event) => this.#paste(event));
  }

  /** Copy or cut from a menu, with the focus on the canvas. @param {"copy" | "cut"} kind */
  run(kind) {
    const clip = this.#clip();
    if (!clip) return;
    last = clip;
    if (!document.execCommand("copy")) navigator.clipboard?.writeText(clip.text).catch(() => {});
    if (kind === "cut") this.#store.changeAll(removeAll);
  }

  /** Paste from a menu. The browser may ask the person first, or refuse. */
  async paste() {
    try {
      const text = await navigator.clipboard.readText();
      if (last && text === last.text && this.#insert(last.data)) return;
      if (text.trim() && this.#store.view.streaming === null) this.#offer(text);
    } catch {
      this.#announcer.announce("pasteByKey", {}, true);
    }
  }

  /** Is the focus on the canvas, the list or a button? */
  #isHere() {
    const active = document.activeElement;
    return active !== null && this.#element.contains(active) && !active.matches(FIELDS);
  }

  /** @param {ClipboardEvent} event @returns {boolean} whether something was copied */
  #copy(event) {
    event.preventDefault();
    event.stopImmediatePropagation(); // or ComfyUI copies the node
    const clip = this.#clip();
    if (!clip || !event.clipboardData) return false;
    event.clipboardData.setData("text/plain", clip.text);
    event.clipboardData.setData(CLIP_TYPE, clip.data);
    last = clip;
    this.#announcer.announce("announceCopied", { count: String(this.#store.view.selection.length) });
    return true;
  }

  #clip() {
    const { plan, selection, streaming } = this.#store.view;
    return streaming === null ? clipOf(plan, selection) : null;
  }

  /** @param {ClipboardEvent} event */
  #paste(event) {
    const text = event.clipboardData?.getData("text/plain");
    const data = event.clipboardData?.getData(CLIP_TYPE) || (text && text === last?.text ? last.data : "");
    if (!this.#insert(data)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {string} data @returns {boolean} whether it was regions */
  #insert(data) {
    const { streaming, plan } = this.#store.view;
    if (streaming !== null || !pasteRegions(plan, data)) return false;
    this.#store.change((now) => pasteRegions(now, data) ?? now);
    return true;
  }
}
