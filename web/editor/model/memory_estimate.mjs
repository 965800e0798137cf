// @ts-check
// What a model will need, in a sentence for its loader. Pure; the numbers come from got_models/files/memory_estimate.py.

import { fill } from "./messages.mjs";

/** @typedef {{chain: number, picture: number, room: number, verdict: "together" | "turns" | "parts"}} Forecast bytes */

/** @param {Forecast} forecast @param {import("./messages.mjs").Words} words @returns {string} */
export function forecastText({ chain, picture, room, verdict }, words) {
  const verdicts = { together: words.fitsTogether, turns: words.fitsInTurns, parts: words.fitsInParts };
  const sizes = { chain: gigabytes(chain), picture: gigabytes(picture), room: gigabytes(room) };
  return fill(words.forecast, { ...sizes, verdict: verdicts[verdict] });
}

/** As cards are sold: an 8 GB card has 8 * 2^30 bytes. The least that is told is a tenth. @param {number} bytes */
function gigabytes(bytes) {
  return Math.max(0.1, bytes / 2 ** 30).toFixed(1);
}
