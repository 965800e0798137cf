// @ts-check
// Changes of several regions at once: move, align, distribute, equal sizes, order, copies. Locked regions do not move.
// Pure: each function returns a new plan, or the same one if nothing changes.

import { LAST, readText } from "../chain/chain.mjs";
import { addRegions, bringForward, moveRegions, recolorRegions, removeRegion, sendBack } from "./plan.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {import("./plan.mjs").Plan} Plan */
/** @typedef {"left" | "center" | "right" | "top" | "middle" | "bottom"} Edge */
/** @typedef {"across" | "down"} Axis */
/** @typedef {{index: number, box: Box}} Placed */
/** @typedef {import("./plan.mjs").NewRegion} NewRegion */

/** @type {readonly Edge[]} */
export const EDGES = ["left", "center", "right", "top", "middle", "bottom"];
const STEP_ASIDE = 20; // units between a region and its copy

// ------------------------------------------------------------------------------------------------------------ boxes

/** The boxes that can be read, of some regions. @param {Plan} plan @param {readonly number[]} indices
 * @returns {Placed[]} */
export function placed(plan, indices) {
  const { marks } = readText(plan.text);
  return indices.flatMap((index) => {
    const box = marks[index]?.box;
    return box ? [{ index, box }] : [];
  });
}

/** The same without locked regions. @param {Plan} plan @param {readonly number[]} indices */
export function movable(plan, indices) {
  return placed(plan, indices).filter(({ index }) => !plan.flags[index]?.locked);
}

/** The smallest box around some boxes; there is at least one. @param {readonly Box[]} boxes @returns {Box} */
export function around(boxes) {
  const side = (/** @type {number} */ i) => boxes.map((box) => box[i]);
  return [Math.min(...side(0)), Math.min(...side(1)), Math.max(...side(2)), Math.max(...side(3))];
}

/** Move boxes together. @param {Plan} plan @param {readonly Placed[]} group with the boxes to begin with
 * @param {number} dx units @param {number} dy @returns {Plan} */
export function moveGroup(plan, group, dx, dy) {
  return moveRegions(plan, group.map(({ index, box }) => ({ index, box: shifted(box, dx, dy) })));
}

// ---------------------------------------------------------------------------------------------------- align and size

/** Align regions to an edge or the middle of what they cover together; one alone, to the image. @param {Plan} plan
 * @param {readonly number[]} indices @param {Edge} edge @returns {Plan} */
export function align(plan, indices, edge) {
  const all = placed(plan, indices);
  if (!all.length) return plan;
  const target = all.length > 1 ? around(all.map(({ box }) => box)) : /** @type {Box} */ ([0, 0, LAST, LAST]);
  const axis = edge === "left" || edge === "center" || edge === "right" ? 0 : 1;
  const moves = all.map(({ index, box }) => {
    const by =
      edge === "left" || edge === "top" ? target[axis] - box[axis]
      : edge === "right" || edge === "bottom" ? target[axis + 2] - box[axis + 2]
      : Math.round((target[axis] + target[axis + 2] - box[axis] - box[axis + 2]) / 2);
    return { index, box: shifted(box, axis ? 0 : by, axis ? by : 0) };
  });
  return moveRegions(plan, moves);
}

/** Make the gaps between regions equal. The first and the last one stay. @param {Plan} plan
 * @param {readonly number[]} indices at least three @param {Axis} axis @returns {Plan} */
export function distribute(plan, indices, axis) {
  const at = axis === "across" ? 0 : 1;
  const all = placed(plan, indices).sort((a, b) => a.box[at] + a.box[at + 2] - b.box[at] - b.box[at + 2]);
  if (all.length < 3) return plan;
  const length = (/** @type {Placed} */ { box }) => box[at + 2] - box[at];
  const inner = all.slice(1, -1);
  const [first, last] = [all[0].box[at + 2], all[all.length - 1].box[at]];
  const gap = (last - first - inner.reduce((sum, one) => sum + length(one), 0)) / (inner.length + 1);
  let next = first + gap;
  const moves = inner.map((one) => {
    const by = Math.max(-one.box[at], Math.min(LAST - one.box[at + 2], Math.round(next) - one.box[at]));
    next += length(one) + gap;
    return { index: one.index, box: shifted(one.box, at ? 0 : by, at ? by : 0) };
  });
  return moveRegions(plan, moves);
}

/** Give regions the width or height of one of them. Each keeps its middle as far as the image allows. @param {Plan} plan
 * @param {readonly number[]} indices @param {"width" | "height"} side @param {number} model index of that region
 * @returns {Plan} */
export function equalize(plan, indices, side, model) {
  const at = side === "width" ? 0 : 1;
  const [found] = placed(plan, [model]);
  if (!found) return plan;
  const length = found.box[at + 2] - found.box[at];
  const moves = placed(plan, indices).map(({ index, box }) => {
    const start = Math.round((box[at] + box[at + 2] - length) / 2);
    const resized = /** @type {Box} */ ([...box]);
    resized[at] = Math.max(0, Math.min(LAST - length, start));
    resized[at + 2] = resized[at] + length;
    return { index, box: resized };
  });
  return moveRegions(plan, moves);
}

// -------------------------------------------------------------------------------------------------- order and number

/** Give regions one color. A word that is no color changes nothing.
 * @param {Plan} plan @param {readonly number[]} indices @param {string} word a color @returns {Plan} */
export function recolorAll(plan, indices, word) {
  return recolorRegions(plan, indices, word) ?? plan;
}

/** Remove regions, and repair the sentences. @param {Plan} plan @param {readonly number[]} indices @returns {Plan} */
export function removeAll(plan, indices) {
  return [...indices].sort((a, b) => b - a).reduce(removeRegion, plan);
}

/** One place further to the front or to the back, in the same order among themselves. @param {Plan} plan
 * @param {readonly number[]} indices @param {1 | -1} by @returns {Plan} */
export function reorderAll(plan, indices, by) {
  const place = (/** @type {number} */ index) => plan.order.indexOf(index);
  const sorted = [...indices].sort((a, b) => (place(b) - place(a)) * by);
  const end = by > 0 ? plan.order.length - 1 : 0;
  let stop = end; // regions of the selection that are at the end already stay there
  return sorted.reduce((now, index) => {
    if (place(index) === stop) {
      stop -= by;
      return now;
    }
    return by > 0 ? bringForward(now, index) : sendBack(now, index);
  }, plan);
}

/** Copies of regions that can be read, in reading order. @param {Plan} plan @param {readonly number[]} indices
 * @returns {NewRegion[]} */
export function copiesOf(plan, indices) {
  const { marks } = readText(plan.text);
  return indices.flatMap((index) => {
    const { box, phrase, color } = marks[index] ?? {};
    return box && color ? [{ phrase: phrase ?? "", box, color: color.word, guide: plan.flags[index] }] : [];
  });
}

/** Add copies at the end of the text, aside if a region has their place. A copy is neither locked nor hidden.
 * @param {Plan} plan @param {readonly NewRegion[]} copies @returns {Plan} */
export function addCopies(plan, copies) {
  if (!copies.length) return plan;
  const { marks } = readText(plan.text);
  const taken = new Set(marks.map(({ box }) => String(box)));
  const [x0, y0, x1, y1] = around(copies.map(({ box }) => box));
  let [dx, dy] = [0, 0];
  const isTaken = () => copies.some(({ box }) => taken.has(String(shifted(box, dx, dy))));
  for (let step = STEP_ASIDE; isTaken() && step <= LAST; step += STEP_ASIDE) {
    dx = x1 + step <= LAST ? step : -Math.min(step, x0);
    dy = y1 + step <= LAST ? step : -Math.min(step, y0);
  }
  return addRegions(plan, copies.map((copy) => ({ ...copy, box: shifted(copy.box, dx, dy) })));
}

/** Copies of regions beside them. @param {Plan} plan @param {readonly number[]} indices @returns {Plan} */
export function duplicateAll(plan, indices) {
  return addCopies(plan, copiesOf(plan, indices));
}

/** @param {Box} box @param {number} dx @param {number} dy @returns {Box} */
function shifted([x0, y0, x1, y1], dx, dy) {
  return [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
}
