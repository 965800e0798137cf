// @ts-check
// Layouts to start from: built-in ones and the person's own, as menu items, and the form that saves one.

import { applyLayout, BUILT_IN, layoutOf, MOST_LAYOUTS, parseLayouts, serializeLayouts, withLayout, withoutLayout, withoutSlot } from "../../model/plan/layouts.mjs";
import { LayoutNameForm } from "./layout_name_form.mjs";

/** @typedef {import("../controls/menu.mjs").Item} Item */
/** @typedef {import("../../model/plan/layouts.mjs").Layout} Layout */
/** @typedef {import("../../model/plan/layouts.mjs").Slot} Slot */
/**
 * A text file in the person's ComfyUI folder. `read` gives null if there is none. Both throw an Error if the server
 * refuses.
 * @typedef {{name: string, read: () => Promise<string | null>, write: (text: string) => Promise<void>}} UserFile
 */

/** The layouts of one editor: menu items, and the form that saves one. */
export class Layouts {
  #store;
  #messages;
  #announcer;
  #file;
  #form;
  #onNew;

  /** @param {import("../panel.mjs").Context} context @param {UserFile} file
   * @param {{focusCanvas: () => void, onNew: () => void}} actions onNew: a layout made regions, which wait for names */
  constructor(context, file, { focusCanvas, onNew }) {
    this.#store = context.store;
    this.#messages = context.messages;
    this.#announcer = context.announcer;
    this.#file = file;
    this.#onNew = onNew;
    this.#form = new LayoutNameForm(context, { onSave: (name) => this.#save(name), onClose: focusCanvas });
    this.element = this.#form.element;
  }

  /** For a menu. @returns {Promise<Item[]>} */
  async items() {
    const saved = (await this.#read()) ?? [];
    const { view } = this.#store;
    const isFree = view.streaming === null;
    const apply = (/** @type {readonly Slot[]} */ slots) => ({ run: () => this.#apply(slots), disabled: !isFree });
    const own = saved.map(({ name, slots }, i) => ({ label: name, line: i === 0, ...apply(slots) }));
    const remove = saved.map(({ name }) => ({ label: name, run: () => this.#change((all) => withoutLayout(all, name)) }));
    return [
      ...BUILT_IN.map(({ key, slots }) => ({ label: this.#messages[key], ...apply(slots) })),
      ...own,
      { label: this.#messages.saveLayout, line: true, disabled: !view.regions.length || !isFree, run: () => this.#form.show() },
      ...(saved.length ? [{ label: this.#messages.deleteLayout, items: () => remove }] : []),
    ];
  }

  /** @param {readonly Slot[]} slots */
  #apply(slots) {
    const { plan, regions } = this.#store.view;
    const left = withoutSlot(plan, slots);
    this.#store.change((now) => applyLayout(now, slots));
    if (left) this.#announcer.announce("announceLayoutLeft", { count: String(left) }, true);
    else this.#announcer.announce("announceLayout");
    if (!regions.length) this.#onNew();
  }

  /** @param {string} name */
  #save(name) {
    const layout = layoutOf(this.#store.view.plan, name);
    if (layout?.name) return this.#change((all) => withLayout(all, layout));
  }

  /** Read the file again, so that what another tab saved stays, and write it. @param {(all: Layout[]) => Layout[]} how */
  async #change(how) {
    const before = await this.#read();
    if (!before) return;
    const all = how(before);
    if (all.length > MOST_LAYOUTS) return this.#announcer.announce("layoutsFull", { count: String(before.length) }, true);
    try {
      await this.#file.write(serializeLayouts(all));
    } catch (error) {
      this.#announcer.announce("notStored", { error: String(error) }, true);
    }
  }

  /** @returns {Promise<Layout[] | null>} null if the file cannot be read: a message says so, and the file stays */
  async #read() {
    const { name: file } = this.#file;
    const text = await this.#file.read().catch((error) => error);
    if (text === null) return [];
    const found = typeof text === "string" ? parseLayouts(text) : null;
    if (!found) this.#announcer.announce("badStored", { file }, true);
    return found;
  }
}
