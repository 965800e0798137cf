// @ts-check
// The pointer on the canvas: what a press takes hold of, and what a drag does with it. Pure: points are in the chain's
// units, and every effect goes through the store.

import { around, movable, moveGroup } from "../plan/arrange.mjs";
import { moveRegion } from "../plan/plan.mjs";
import {
  boxBetween,
  hitTest,
  moveBox,
  nextBelow,
  regionsAt,
  resizeBox,
  snapMoved,
  snapPoint,
  snapResized,
  snapTo,
} from "./geometry.mjs";
import { areaBetween, touching } from "./selection.mjs";

/** @typedef {import("./store.mjs").Store} Store */
/** @typedef {import("./store.mjs").View} View */
/** @typedef {import("./store.mjs").Drag} Drag */
/** @typedef {import("./geometry.mjs").Point} Point */
/**
 * @typedef {object} Pointer
 * @property {Point} at also outside the image
 * @property {Point} perPixel units of one pixel of the screen, along x and y
 * @property {number} reach pixels around a handle that still hit it
 */
/**
 * The keys that are held. over: draw, even over regions; below: a click selects the region below the selected one;
 * beside: a click adds a region to the selection, and a drag all regions that it touches.
 * @typedef {{over?: boolean, below?: boolean, beside?: boolean}} Held
 */

const LEAST_DRAG = 2; // pixels: a shorter drag is a click
const CURSORS = { n: "ns", s: "ns", e: "ew", w: "ew", nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw" };

/** The button goes down. @param {Store} store @param {Pointer} pointer @param {Held} held
 * @returns {boolean} whether a drag begins */
export function press(store, pointer, { over = false, below = false, beside = false }) {
  if (store.view.streaming !== null) return false;
  store.set({ mode: store.state.mode === "draw" ? "draw" : "select", draft: null });
  const { view } = store;
  const draws = view.mode === "draw" || over;
  const hit = draws ? null : hitAt(view, pointer);
  const base = { index: -1, handle: null, from: pointer.at, box: null, group: [] };
  if (beside && !draws) {
    store.set({ drag: { ...base, band: true, click: () => hit && store.toggle(hit.index) } });
    return true;
  }
  if (!hit) {
    store.set({ drag: { ...base, click: () => store.select(-1) } });
    return true;
  }
  const next = below ? nextBelow(boxes(view), view.order, pointer.at, view.selected) : hit.index;
  if (!view.selection.includes(hit.index)) store.select(hit.index);
  if (view.regions[hit.index].locked) {
    store.select(next);
    return false;
  }
  const group = hit.handle ? [] : movable(view.plan, store.view.selection);
  const box = hit.handle ? view.regions[hit.index].box : around(group.map((one) => one.box));
  store.set({ drag: { ...base, ...hit, box, group, click: () => store.select(next) } });
  return true;
}

/** The pointer moves during a drag. @param {Store} store @param {Pointer} pointer @param {{free?: boolean}} [held] free:
 * nothing snaps */
export function drag(store, { at, perPixel }, { free = false } = {}) {
  const { view } = store;
  const held = view.drag;
  if (!held) return;
  const { index, handle, from, box, group } = held;
  const [dx, dy] = [at[0] - from[0], at[1] - from[1]];
  if (!held.moved && Math.abs(dx) <= LEAST_DRAG * perPixel[0] && Math.abs(dy) <= LEAST_DRAG * perPixel[1]) return;
  if (!held.moved) store.set({ drag: { ...held, moved: true } });
  if (held.band) return store.set({ band: areaBetween(from, at) });
  const moving = new Set([index, ...group.map((one) => one.index)]);
  const others = boxes(view).filter((_, other) => !moving.has(other));
  const snap = view.snap && !free ? snapTo(others, view.grid, perPixel) : null;
  if (index < 0) return store.set({ draft: boxBetween(snapPoint(from, snap), snapPoint(at, snap)) });
  if (!box) return;
  if (handle) {
    const resized = snapResized(resizeBox(box, handle, dx, dy), handle, snap);
    return store.preview((plan) => moveRegion(plan, index, resized));
  }
  const moved = snapMoved(moveBox(box, dx, dy), snap);
  store.preview((plan) => moveGroup(plan, group, moved[0] - box[0], moved[1] - box[1]));
}

/** The button goes up. @param {Store} store */
export function release(store) {
  const { drag: done, draft, band } = store.state;
  if (!done) return;
  store.set({ drag: null, band: null });
  if (!done.moved) done.click?.();
  else if (band) store.selectAll([...store.view.selection, ...touching(boxes(store.view), band)]);
  else if (done.index >= 0) store.commit();
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

/** The region for a menu at a point: it becomes selected, unless it is already. -1 if there is none. @param {Store} store
 * @param {Pointer} pointer */
export function pick(store, pointer) {
  if (store.view.streaming !== null) return -1;
  const index = hitAt(store.view, pointer)?.index ?? -1;
  if (!store.view.selection.includes(index)) store.select(index);
  return index;
}

/** The boxes that a pointer can hit. @param {View} view */
function boxes({ regions, selection }) {
  return regions.map(({ box, hidden }, index) => (hidden && !selection.includes(index) ? null : box));
}

/** Of several selected regions no handle is hit, and any of them comes before those in front of it. @param {View} view
 * @param {Pointer} pointer */
function hitAt(view, { at, perPixel, reach }) {
  if (view.selection.length < 2) return hitTest(boxes(view), view.order, at, view.selected, perPixel, reach);
  const found = regionsAt(boxes(view), view.order, at);
  const index = found.find((one) => view.selection.includes(one)) ?? found[0];
  return index === undefined ? null : { index, handle: null };
}
