// @ts-check
// Sizes of the image to draw: which ones there can be, and those that are offered. Pure.

/** @typedef {[width: number, height: number]} Size pixels */

export const STEP = 8; // pixels: a side is a multiple of it
export const SMALLEST = 64; // as got_models/chain/edits.py
export const LARGEST = 8192;
const COARSE = 64; // steps of what is offered, for images of at least COARSE_FROM pixels
const COARSE_FROM = 512 * 512;
const ASPECTS = ["1:1", "4:3", "3:2", "16:9", "21:9", "3:4", "2:3", "9:16"];

/** Can an image have this size? @param {any} size @returns {size is Size} */
export function isSize(size) {
  const isSide = (/** @type {any} */ side) => Number.isInteger(side) && side % STEP === 0 && side >= SMALLEST && side <= LARGEST;
  return Array.isArray(size) && size.length === 2 && size.every(isSide);
}

/** Sizes of usual aspect ratios with about as many pixels as one size has. @param {Size} own
 * @returns {{aspect: string, size: Size}[]} */
export function offeredSizes([width, height]) {
  const area = width * height;
  const step = area < COARSE_FROM ? STEP : COARSE;
  const side = (/** @type {number} */ pixels) => Math.min(LARGEST, Math.max(SMALLEST, Math.round(pixels / step) * step));
  return ASPECTS.map((aspect) => {
    const [across, down] = aspect.split(":").map(Number);
    return { aspect, size: [side(Math.sqrt((area * across) / down)), side(Math.sqrt((area * down) / across))] };
  });
}

/** The nearest side that an image can have. @param {number} pixels */
export function nearestSide(pixels) {
  return Math.min(LARGEST, Math.max(SMALLEST, Math.round(pixels / STEP) * STEP));
}
