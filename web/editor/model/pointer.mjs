// @ts-check
// The pointer on the canvas: what a press takes hold of, and what a drag does with it. Pure: points are in the chain's
// units, and every effect goes through the store.

import {
  boxBetween,
  hitTest,
  moveBox,
  nextBelow,
  resizeBox,
  snapMoved,
  snapPoint,
  snapResized,
  snapTo,
} from "./geometry.mjs";
import { moveRegion } from "./plan.mjs";

/** @typedef {import("./store.mjs").Store} Store */
/** @typedef {import("./store.mjs").View} View */
/** @typedef {import("./geometry.mjs").Point} Point */
/**
 * @typedef {object} Pointer
 * @property {Point} at also outside the image
 * @property {Point} perPixel units of one pixel of the screen, along x and y
 * @property {number} reach pixels around a handle that still hit it
 */

const GRID_STEP = 25; // units
const CURSORS = { n: "ns", s: "ns", e: "ew", w: "ew", nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw" };

/** The button goes down. over: draw, even over regions; below: select the region below the selected one.
 * @param {Store} store @param {Pointer} pointer @param {{over: boolean, below: boolean}} keys
 * @returns {boolean} whether a drag begins */
export function press(store, pointer, { over, below }) {
  if (store.view.streaming !== null) return false;
  store.set({ mode: store.state.mode === "draw" ? "draw" : "select", draft: null });
  const { view } = store;
  if (below) {
    store.select(nextBelow(boxes(view), view.order, pointer.at, view.selected));
    return false;
  }
  const hit = view.mode === "draw" || over ? null : hitAt(view, pointer);
  if (hit) store.select(hit.index);
  if (hit && view.regions[hit.index].locked) return false;
  const held = hit ?? { index: -1, handle: null };
  store.set({ drag: { ...held, from: pointer.at, box: hit ? view.regions[hit.index].box : null } });
  return true;
}

/** The pointer moves during a drag. @param {Store} store @param {Pointer} pointer */
export function drag(store, { at, perPixel }) {
  const { view } = store;
  if (!view.drag) return;
  const { index, handle, from, box } = view.drag;
  const others = boxes(view).filter((_, other) => other !== index);
  const snap = view.snap ? snapTo(others, GRID_STEP, perPixel) : null;
  if (index < 0) return store.set({ draft: boxBetween(snapPoint(from, snap), snapPoint(at, snap)) });
  if (!box) return;
  const [dx, dy] = [at[0] - from[0], at[1] - from[1]];
  const moved = handle ? snapResized(resizeBox(box, handle, dx, dy), handle, snap) : snapMoved(moveBox(box, dx, dy), snap);
  store.preview((plan) => moveRegion(plan, index, moved));
}

/** The button goes up. @param {Store} store */
export function release(store) {
  const { drag: done, draft } = store.state;
  if (!done) return;
  store.set({ drag: null });
  if (done.index >= 0) store.commit();
  else if (draft) store.ask(draft);
  else store.select(-1);
}

/** The pointer moves without a drag. @param {Store} store @param {Pointer} pointer @returns {string} CSS cursor */
export function hover(store, pointer) {
  const { view } = store;
  const hit = view.streaming === null && view.mode !== "draw" ? hitAt(view, pointer) : null;
  if (view.hovered !== (hit?.index ?? -1)) store.set({ hovered: hit?.index ?? -1 });
  if (!hit) return "crosshair";
  if (view.regions[hit.index].locked) return "pointer";
  return hit.handle ? `${CURSORS[hit.handle]}-resize` : "move";
}

/** The boxes that a pointer can hit. @param {View} view */
function boxes({ regions, selected }) {
  return regions.map(({ box, hidden }, index) => (hidden && index !== selected ? null : box));
}

/** @param {View} view @param {Pointer} pointer */
function hitAt(view, { at, perPixel, reach }) {
  return hitTest(boxes(view), view.order, at, view.selected, perPixel, reach);
}
