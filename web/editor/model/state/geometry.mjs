// @ts-check
// Boxes under a pointer: what is hit, how it moves, what it snaps to. All in the chain's 0..999 units. `perPixel` is the
// number of units of one screen pixel, along x and y, so that handles have the same size at any zoom. Pure.

import { LAST } from "../chain/chain.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {[number, number]} Point */
/** @typedef {"nw" | "n" | "ne" | "e" | "se" | "s" | "sw" | "w"} Handle */
/** @typedef {{index: number, handle: Handle | null}} Hit a region, and which of its handles, if one */
/** @typedef {{grid: number, edges: {x: number[], y: number[]}, reach: Point}} Snap grid 0 is none */

export const LEAST = 8; // units: no drag makes a side smaller
const HANDLE_REACH = 7; // pixels around a handle's middle that hit it

/** @type {readonly Handle[]} */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

/** The middle of a handle. @param {Box} box @param {Handle} handle @returns {Point} */
export function handlePoint([x0, y0, x1, y1], handle) {
  const x = handle.includes("w") ? x0 : handle.includes("e") ? x1 : (x0 + x1) / 2;
  const y = handle.includes("n") ? y0 : handle.includes("s") ? y1 : (y0 + y1) / 2;
  return [x, y];
}

/** The handle of a box at a point. Corners come before sides. @param {Box} box @param {Point} point
 * @param {Point} perPixel @param {number} [reach] pixels @returns {Handle | null} */
export function handleAt(box, [x, y], perPixel, reach = HANDLE_REACH) {
  const near = (/** @type {Handle} */ handle) => {
    const [left, top] = handlePoint(box, handle);
    return Math.abs(x - left) <= reach * perPixel[0] && Math.abs(y - top) <= reach * perPixel[1];
  };
  return HANDLES.find((handle) => handle.length === 2 && near(handle)) ?? HANDLES.find(near) ?? null;
}

/** @param {Box} box @param {Point} point */
export function contains([x0, y0, x1, y1], [x, y]) {
  return x >= x0 && x <= x1 && y >= y0 && y <= y1;
}

/** The regions whose boxes contain a point, the front one first. A box that is null is not hit.
 * @param {readonly (Box | null)[]} boxes @param {readonly number[]} order back to front @param {Point} point */
export function regionsAt(boxes, order, point) {
  return order.filter((index) => boxes[index] && contains(/** @type {Box} */ (boxes[index]), point)).reverse();
}

/** What a press at a point hits: a handle of the selected region, else the selected region, else the front region.
 * @param {readonly (Box | null)[]} boxes @param {readonly number[]} order @param {Point} point
 * @param {number} selected -1 for none @param {Point} perPixel @param {number} [reach] @returns {Hit | null} */
export function hitTest(boxes, order, point, selected, perPixel, reach) {
  const box = boxes[selected];
  const handle = box ? handleAt(box, point, perPixel, reach) : null;
  if (handle) return { index: selected, handle };
  const found = regionsAt(boxes, order, point);
  if (!found.length) return null;
  return { index: found.includes(selected) ? selected : found[0], handle: null };
}

/** The region below the selected one at a point; from the last one back to the front. The front one if the selected
 * region is not there.
 * @param {readonly (Box | null)[]} boxes @param {readonly number[]} order @param {Point} point
 * @param {number} selected */
export function nextBelow(boxes, order, point, selected) {
  const found = regionsAt(boxes, order, point);
  return found.length ? found[(found.indexOf(selected) + 1) % found.length] : -1;
}

/** A box moved by (dx, dy), kept whole inside the image. @param {Box} box @param {number} dx @param {number} dy
 * @returns {Box} */
export function moveBox([x0, y0, x1, y1], dx, dy) {
  const x = clamp(Math.round(dx), -x0, LAST - x1);
  const y = clamp(Math.round(dy), -y0, LAST - y1);
  return [x0 + x, y0 + y, x1 + x, y1 + y];
}

/** A box with one handle moved by (dx, dy). The other sides stay, and no side becomes smaller than LEAST.
 * @param {Box} box @param {Handle} handle @param {number} dx @param {number} dy @returns {Box} */
export function resizeBox([x0, y0, x1, y1], handle, dx, dy) {
  const [x, y] = [Math.round(dx), Math.round(dy)];
  const [width, height] = [Math.min(LEAST, x1 - x0), Math.min(LEAST, y1 - y0)];
  return [
    handle.includes("w") ? clamp(x0 + x, 0, x1 - width) : x0,
    handle.includes("n") ? clamp(y0 + y, 0, y1 - height) : y0,
    handle.includes("e") ? clamp(x1 + x, x0 + width, LAST) : x1,
    handle.includes("s") ? clamp(y1 + y, y0 + height, LAST) : y1,
  ];
}

/** The box between two corners in any order, or null if it is smaller than LEAST: a click, not a drawing.
 * @param {Point} from @param {Point} to @returns {Box | null} */
export function boxBetween(from, to) {
  const [x0, x1] = [from[0], to[0]].map(toGrid).sort((a, b) => a - b);
  const [y0, y1] = [from[1], to[1]].map(toGrid).sort((a, b) => a - b);
  return x1 - x0 < LEAST || y1 - y0 < LEAST ? null : [x0, y0, x1, y1];
}

/** What a box snaps to: a grid, and the edges of the image and of the other boxes. @param {readonly (Box | null)[]} others
 * @param {number} grid step, 0 for none @param {Point} perPixel @returns {Snap} */
export function snapTo(others, grid, perPixel) {
  const boxes = /** @type {Box[]} */ (others.filter(Boolean));
  const x = [0, LAST, ...boxes.flatMap((box) => [box[0], box[2]])];
  const y = [0, LAST, ...boxes.flatMap((box) => [box[1], box[3]])];
  return { grid, edges: { x, y }, reach: [6 * perPixel[0], 6 * perPixel[1]] };
}

/** @param {Point} point @param {Snap | null} snap @returns {Point} */
export function snapPoint([x, y], snap) {
  return snap ? [x + pull([x], "x", snap), y + pull([y], "y", snap)] : [x, y];
}

/** A moved box, shifted so that its nearest side snaps. @param {Box} box @param {Snap | null} snap
 * @returns {Box} */
export function snapMoved(box, snap) {
  if (!snap) return box;
  return moveBox(box, pull([box[0], box[2]], "x", snap), pull([box[1], box[3]], "y", snap));
}

/** A resized box, its moving sides snapped. @param {Box} box @param {Handle} handle
 * @param {Snap | null} snap @returns {Box} */
export function snapResized(box, handle, snap) {
  if (!snap) return box;
  const x = handle.includes("w") ? box[0] : handle.includes("e") ? box[2] : null;
  const y = handle.includes("n") ? box[1] : handle.includes("s") ? box[3] : null;
  return resizeBox(box, handle, x === null ? 0 : pull([x], "x", snap), y === null ? 0 : pull([y], "y", snap));
}

/** A number kept on the grid of 0..999. @param {number} value */
export function toGrid(value) {
  return clamp(Math.round(value), 0, LAST);
}

/** How far to shift so that one of `values` meets an edge within reach, else the grid.
 * @param {number[]} values @param {"x" | "y"} axis @param {Snap} snap */
function pull(values, axis, { grid, edges, reach }) {
  const limit = reach[axis === "x" ? 0 : 1];
  let best = Infinity;
  for (const value of values)
    for (const edge of edges[axis])
      if (Math.abs(edge - value) <= limit && Math.abs(edge - value) < Math.abs(best)) best = edge - value;
  if (best !== Infinity) return best;
  if (!grid) return 0;
  return values.map((value) => Math.round(value / grid) * grid - value).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}
