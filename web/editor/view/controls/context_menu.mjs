// @ts-check
// The menu of the canvas and the list: for the selected regions, or for the canvas. It opens by right click, by its key
// and by the button "More".

import { cssColor, findColor, PALETTE } from "../../model/chain/colors.mjs";
import { fill } from "../../model/messages.mjs";
import { align, distribute, duplicateAll, EDGES, equalize, recolorAll, removeAll, reorderAll } from "../../model/plan/arrange.mjs";
import { toggleHidden, toggleLocked } from "../../model/state/keys.mjs";
import { pick } from "../../model/state/pointer.mjs";
import { GRIDS } from "../../model/state/store.mjs";
import { colorsIn } from "../regions/palette.mjs";
import { Menu } from "./menu.mjs";

/** @typedef {import("./menu.mjs").Item} Item */
/** @typedef {{x: number, y: number}} Place on the screen */
/** @typedef {import("../../model/messages.mjs").Messages} Messages */

/** @type {Record<import("../../model/plan/arrange.mjs").Edge, keyof Messages>} */
const ALIGN = { left: "alignLeft", center: "alignCenter", right: "alignRight", top: "alignTop", middle: "alignMiddle", bottom: "alignBottom" };

/** The menu of one editor. One instance serves canvas, list and buttons. */
export class ContextMenu {
  #menu = new Menu();
  #context;
  #stage;
  #clipboard;
  #layouts;

  /** @param {import("../panel.mjs").Context} context
   * @param {{stage: import("../canvas/stage.mjs").Stage, list: import("../regions/region_list.mjs").RegionList,
   *   clipboard: import("./clipboard.mjs").Clipboard, layouts: import("../plans/layouts.mjs").Layouts}} parts */
  constructor(context, { stage, list, clipboard, layouts }) {
    this.#context = context;
    this.#stage = stage;
    this.#clipboard = clipboard;
    this.#layouts = layouts;
    const { store, signal } = context;
    const onCanvas = (/** @type {MouseEvent & {pointerType?: string}} */ event) => {
      event.preventDefault();
      if (isByKey(event)) return this.open();
      store.cancelDrag();
      pick(store, stage.pointerOf(event));
      this.#openAt({ x: event.clientX, y: event.clientY });
    };
    const onList = (/** @type {MouseEvent & {pointerType?: string}} */ event) => {
      event.preventDefault();
      if (isByKey(event)) return this.open();
      list.pick(event.target);
      this.#openAt({ x: event.clientX, y: event.clientY });
    };
    stage.canvas.addEventListener("contextmenu", onCanvas, { signal });
    list.element.addEventListener("contextmenu", onList, { signal });
    signal.addEventListener("abort", () => this.#menu.close());
  }

  /** Open it at the selected region, or in the middle of the canvas. */
  open() {
    const { regions, selected } = this.#context.store.view;
    this.#openAt(this.#stage.placeOf(regions[selected]?.box ?? null));
  }

  /** Open it below a button. @param {HTMLElement} button */
  openBelow(button) {
    const { left, bottom } = button.getBoundingClientRect();
    this.#openAt({ x: left, y: bottom + 2 });
  }

  /** Open the layouts alone, below a button. @param {HTMLElement} button */
  async openLayouts(button) {
    const { left, bottom } = button.getBoundingClientRect();
    const items = await this.#layouts.items();
    this.#menu.open(this.#context.messages.layouts, items, { x: left, y: bottom + 2 }, () => this.#stage.focus());
  }

  /** @param {Place} at */
  #openAt(at) {
    const { store, messages } = this.#context;
    if (store.view.streaming !== null) return;
    const items = [...(store.view.selection.length ? this.#ofRegions() : []), ...this.#ofCanvas()];
    this.#menu.open(messages.menu, items, at, () => this.#stage.focus());
  }

  // ------------------------------------------------------------------------------------------------------------ items

  /** @returns {Item[]} */
  #ofRegions() {
    const { store, messages, focus } = this.#context;
    const { plan, selection } = store.view;
    const isOn = (/** @type {"locked" | "hidden"} */ flag) => selection.every((index) => plan.flags[index]?.[flag]);
    const order = (/** @type {1 | -1} */ by) => () => store.changeAll((now, indices) => reorderAll(now, indices, by));
    return [
      { label: messages.phrase, keys: "Enter", run: focus.phrase },
      { label: messages.color, items: () => this.#colors() },
      { label: messages.align, items: () => this.#arrangements() },
      { label: messages.cut, keys: "Ctrl+X", line: true, run: () => this.#clipboard.run("cut") },
      { label: messages.copy, keys: "Ctrl+C", run: () => this.#clipboard.run("copy") },
      { label: withoutKey(messages.duplicate), keys: "Ctrl+D", run: () => store.changeAll(duplicateAll) },
      { label: withoutKey(messages.remove), keys: "Del", run: () => store.changeAll(removeAll) },
      { label: withoutKey(messages.lock), keys: "L", line: true, checked: isOn("locked"), run: () => toggleLocked(store) },
      { label: withoutKey(messages.hide), keys: "H", checked: isOn("hidden"), run: () => toggleHidden(store) },
      { label: withoutKey(messages.forward), keys: "]", run: order(1) },
      { label: withoutKey(messages.backward), keys: "[", run: order(-1) },
    ];
  }

  /** @returns {Item[]} */
  #ofCanvas() {
    const { store, messages, focus } = this.#context;
    const { snap, selection, regions } = store.view;
    return [
      { label: withoutKey(messages.draw), keys: "N", line: selection.length > 0, run: () => store.setDrawing(true) },
      { label: messages.paste, keys: "Ctrl+V", run: () => void this.#clipboard.paste() },
      { label: messages.selectAll, keys: "Ctrl+A", disabled: !regions.length, run: () => store.selectAll() },
      { label: messages.layouts, line: true, items: () => this.#layouts.items() },
      { label: messages.grid, items: () => this.#grids() },
      { label: messages.snap, checked: snap, run: () => store.set({ snap: !snap }) },
      { label: messages.keys, keys: "?", line: true, run: focus.keys },
    ];
  }

  /** @returns {Item[]} */
  #colors() {
    const { store, settings } = this.#context;
    const { own, recent } = colorsIn(settings);
    return [PALETTE, own, recent].flatMap((words) =>
      words.map((word, i) => ({
        label: word,
        line: words !== PALETTE && i === 0,
        color: cssColor(/** @type {import("../../model/chain/colors.mjs").Color} */ (findColor(word))),
        run: () => store.changeAll((plan, indices) => recolorAll(plan, indices, word)),
      })));
  }

  /** @returns {Item[]} */
  #arrangements() {
    const { store, messages } = this.#context;
    const { selected, selection } = store.view;
    const edges = EDGES.map((edge) => ({
      label: messages[ALIGN[edge]],
      line: edge === "top",
      run: () => store.changeAll((plan, indices) => align(plan, indices, edge)),
    }));
    const spread = (/** @type {import("../../model/plan/arrange.mjs").Axis} */ axis) => () =>
      store.changeAll((plan, indices) => distribute(plan, indices, axis));
    const same = (/** @type {"width" | "height"} */ side) => () =>
      store.changeAll((plan, indices) => equalize(plan, indices, side, selected));
    const [two, three] = [selection.length > 1, selection.length > 2];
    return [
      ...edges,
      { label: messages.distributeAcross, line: true, disabled: !three, run: spread("across") },
      { label: messages.distributeDown, disabled: !three, run: spread("down") },
      { label: messages.sameWidth, line: true, disabled: !two, run: same("width") },
      { label: messages.sameHeight, disabled: !two, run: same("height") },
    ];
  }

  /** @returns {Item[]} */
  #grids() {
    const { store, messages, settings } = this.#context;
    return GRIDS.map((grid) => ({
      label: fill(messages.gridStep, { step: grid }),
      checked: store.view.grid === grid,
      run: () => {
        settings.set("Grid", grid);
        store.set({ grid, snap: true });
      },
    }));
  }
}

/** A label without the key that a tooltip names: "Lock (L)". @param {string} label */
function withoutKey(label) {
  return label.replace(/\s*[(（][^()（）]*[)）]$/u, "");
}

/** Was a menu asked for by a key, and not by mouse, pen or finger? @param {MouseEvent & {pointerType?: string}} event */
function isByKey({ button, pointerType, ctrlKey }) {
  return button !== 2 && !pointerType && !ctrlKey;
}
