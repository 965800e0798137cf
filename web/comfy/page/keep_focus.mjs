// @ts-check
/** Keeps the focus in an editor while ComfyUI loads the graph again to undo or redo: its element is then another one.
 * Keys that are pressed meanwhile are the editor's, as if it had never been away. */

import { commandOf, isKept } from "../../editor/model/state/keys.mjs";
import { FIELDS } from "../../editor/view/shared/dom.mjs";

const LONGEST = 3000; // ms that keys are kept for an editor that does not come back
const STEADY = 20; // frames with the focus, after which it stays

/** @typedef {import("../../editor/view/panel.mjs").Panel} Panel */

/** Keeps the focus of one editor at a time. */
export class FocusKeeper {
  /** @type {{id: string, part: "canvas" | "list", time: number} | null} */
  #asked = null; // the editor in which the person last undid or redid
  #id = ""; // of the node
  /** @type {"canvas" | "list" | null} */
  #part = null; // that had the focus; null: there is nothing to keep
  /** @type {Panel | null} */
  #panel = null;
  /** @type {KeyboardEvent[]} */
  #keys = []; // pressed before the new panel was there
  /** @type {AbortController | null} */
  #waiting = null;

  /** Note when the person undoes or redoes in an editor: ComfyUI takes its element away before it removes the node.
   * @param {string} id of its node @param {Panel} panel @param {KeyboardEvent} event */
  watch(id, panel, event) {
    const isUndo = (event.ctrlKey || event.metaKey) && /^[zy]$/i.test(event.key);
    const isField = event.target instanceof Element && event.target.matches(FIELDS);
    const part = panel.focused;
    if (isUndo && !isField && part) this.#asked = { id, part, time: performance.now() };
  }

  /** The editor of a node goes. @param {string} id @param {"canvas" | "list" | null} focused the part that has the focus */
  away(id, focused) {
    const asked = this.#asked?.id === id && performance.now() - this.#asked.time < LONGEST ? this.#asked.part : null;
    const part = focused ?? asked;
    if (!part) return;
    this.#end();
    this.#id = id;
    this.#part = part;
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    window.addEventListener("keydown", (event) => this.#key(event), { signal, capture: true });
    window.addEventListener("pointerdown", () => this.#end(), { signal, capture: true });
    const timer = setTimeout(() => this.#end(), LONGEST);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }

  /** The editor of a node is there again. @param {string} id @param {Panel} panel */
  back(id, panel) {
    if (!this.#part || this.#id !== id || this.#panel === panel) return;
    this.#panel = panel;
    for (const event of this.#keys.splice(0)) panel.onKey(event);
    this.#focus();
  }

  /** Focus the panel as soon as ComfyUI has put it on the page, and again if ComfyUI moves it. @param {number} frames that it
   * has had the focus */
  #focus(frames = 0) {
    const [panel, part] = [this.#panel, this.#part];
    if (!panel || !part) return;
    if (!panel.focused && !isFree()) return this.#end();
    if (!panel.focused) panel.focus(part);
    const held = panel.focused ? frames + 1 : 0;
    if (held >= STEADY) return this.#end();
    requestAnimationFrame(() => this.#panel === panel && this.#focus(held));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#panel?.focused) return; // it gets the key itself
    if (!isFree()) return this.#end();
    if (event.ctrlKey || event.metaKey || !(commandOf(event) || isKept(event))) return; // undo again, run, reload, ...
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.#panel) this.#panel.onKey(event);
    else this.#keys.push(event);
  }

  #end() {
    this.#waiting?.abort();
    this.#waiting = this.#part = this.#panel = null;
    this.#keys = [];
  }
}

/** Has nothing on the page the focus? */
function isFree() {
  return document.activeElement === null || document.activeElement === document.body;
}
