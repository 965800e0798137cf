// @ts-check
// A box's numbers as a person types them, in thousandths or pixels, and what is wrong with them. Pure.

import { GRID, LAST } from "../chain/chain.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/**
 * What is wrong with typed numbers. sides: 0 left, 1 top, 2 right, 3 bottom; of two, the first should be less.
 * @typedef {{message: "refusedNumber" | "refusedRange" | "refusedOrder", sides: number[]}} NumberProblem
 */

/** The edges of a box in pixels, as the node's `bboxes` output has them. @param {Box} box @param {number} width
 * @param {number} height @returns {number[]} left, top, right, bottom */
export function pixelsOf(box, width, height) {
  return box.map((unit, side) => Math.floor((unit * (side % 2 ? height : width)) / GRID));
}

/** The first unit on a pixel. @param {number} pixel @param {number} size of the image along this axis */
export function unitOf(pixel, size) {
  return Math.min(LAST, Math.ceil((pixel * GRID) / size));
}

/** What is wrong with a box as it was typed; null for nothing. @param {number[]} box @returns {NumberProblem | null} */
export function boxProblem(box) {
  const bad = box.findIndex((value) => !Number.isInteger(value));
  if (bad >= 0) return { message: "refusedNumber", sides: [bad] };
  const outside = box.findIndex((value) => value < 0 || value > LAST);
  if (outside >= 0) return { message: "refusedRange", sides: [outside] };
  for (const side of [0, 1]) if (box[side] >= box[side + 2]) return { message: "refusedOrder", sides: [side, side + 2] };
  return null;
}

/** What is wrong with one side in pixels; null for nothing. @param {number} value @param {number} size of the image along
 * this axis @param {number} side @returns {NumberProblem | null} */
export function pixelsProblem(value, size, side) {
  if (!Number.isInteger(value)) return { message: "refusedNumber", sides: [side] };
  return value < 0 || value > size ? { message: "refusedRange", sides: [side] } : null;
}
