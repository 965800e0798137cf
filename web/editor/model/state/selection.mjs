// @ts-check
// Which regions are selected: one that the fields show, and others beside it. Pure.

import { toGrid } from "./geometry.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {import("./geometry.mjs").Point} Point */
/**
 * @typedef {object} Selection
 * @property {number} selected index of the region that was selected last, -1 for none
 * @property {readonly number[]} others indices of the others, without `selected`; empty if that is -1
 */

/** @type {Selection} */
export const NOTHING = Object.freeze({ selected: -1, others: Object.freeze([]) });

/** All selected regions in reading order. @param {Selection} selection */
export function selectionOf({ selected, others }) {
  return selected < 0 ? [] : [...others, selected].sort((a, b) => a - b);
}

/** These regions, the last one as the one that the fields show. @param {readonly number[]} indices
 * @returns {Selection} */
export function selectionFrom(indices) {
  const unique = [...new Set(indices)];
  const selected = unique.pop() ?? -1;
  return { selected, others: unique };
}

/** With a region more, or with one less if it was selected. @param {Selection} selection @param {number} index
 * @returns {Selection} */
export function toggled({ selected, others }, index) {
  if (index === selected) return selectionFrom(others);
  if (others.includes(index)) return { selected, others: others.filter((other) => other !== index) };
  return { selected: index, others: selected < 0 ? [] : [...others, selected] };
}

/** What is left of a selection in a plan of so many regions. @param {Selection} selection @param {number} count
 * @returns {Selection} */
export function bounded({ selected, others }, count) {
  const isKept = selected < count && others.every((index) => index < count);
  if (isKept) return { selected, others };
  return selectionFrom([...others, selected].filter((index) => index >= 0 && index < count));
}

/** The regions that an area touches, in reading order. @param {readonly (Box | null)[]} boxes @param {Box} area */
export function touching(boxes, [left, top, right, bottom]) {
  return boxes.flatMap((box, index) => {
    const isTouched = box && box[0] <= right && box[2] >= left && box[1] <= bottom && box[3] >= top;
    return isTouched ? [index] : [];
  });
}

/** The area between two points, also a small one. @param {Point} from @param {Point} to @returns {Box} */
export function areaBetween(from, to) {
  const [x0, x1] = [from[0], to[0]].map(toGrid).sort((a, b) => a - b);
  const [y0, y1] = [from[1], to[1]].map(toGrid).sort((a, b) => a - b);
  return [x0, y0, x1, y1];
}
