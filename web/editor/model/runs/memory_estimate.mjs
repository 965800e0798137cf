// @ts-check
// The memory that a model needs, as one line for GoT Loader. Pure; the numbers come from got_models/comfy/memory_estimate.py.

import { fill } from "../messages.mjs";

/**
 * Bytes; a planner has no `image`.
 * @typedef {{chain: number, image?: number, free: number, fits: "together" | "turns" | "parts"}} MemoryEstimate
 */

/** @param {MemoryEstimate} estimate @param {import("../messages.mjs").Messages} messages @returns {string} */
export function estimateText({ chain, image, free, fits }, messages) {
  if (image === undefined) {
    const one = { chain: gigabytes(chain), free: gigabytes(free) };
    return fill(messages.planEstimate, { ...one, fits: fits === "parts" ? messages.fitsInParts : messages.fitsAlone });
  }
  const words = { together: messages.fitsTogether, turns: messages.fitsInTurns, parts: messages.fitsInParts };
  const sizes = { chain: gigabytes(chain), image: gigabytes(image), free: gigabytes(free) };
  return fill(messages.memoryEstimate, { ...sizes, fits: words[fits] });
}

/** As cards are sold: an 8 GB card has 8 * 2^30 bytes. At least a tenth. @param {number} bytes */
function gigabytes(bytes) {
  return Math.max(0.1, bytes / 2 ** 30).toFixed(1);
}
