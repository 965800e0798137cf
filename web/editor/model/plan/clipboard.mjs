// @ts-check
// Regions on the clipboard: as a chain that anything can read, and with what the text does not say for another editor.
// What comes from a clipboard is read as a saved plan is: nothing in it is trusted. Pure.

import { readText } from "../chain/chain.mjs";
import { addCopies, copiesOf } from "./arrange.mjs";
import { addRegions, EMPTY, parsePlan, serializePlan } from "./plan.mjs";

/** @typedef {import("./plan.mjs").Plan} Plan */
/** @typedef {{text: string, data: string}} Clip text: a chain; data: the regions for an editor */

export const CLIP_TYPE = "application/x-comfyui-got-regions"; // of the data, beside text/plain
export const MOST_DATA = 1_000_000; // characters

/** What the clipboard gets; null if no region can be read. @param {Plan} plan @param {readonly number[]} indices
 * @returns {Clip | null} */
export function clipOf(plan, indices) {
  const copies = copiesOf(plan, indices);
  if (!copies.length) return null;
  const copied = addRegions(EMPTY, copies);
  return { text: copied.text, data: serializePlan(copied) };
}

/** The plan with the regions of a clipboard at its end; null if the data are not an editor's regions.
 * @param {Plan} plan @param {string} data @returns {Plan | null} */
export function pasteRegions(plan, data) {
  if (!data || data.length > MOST_DATA) return null;
  const copied = parsePlan(data);
  const { marks, problems } = readText(copied.text);
  if (copied.notice || problems.length || !marks.length) return null;
  return addCopies(plan, copiesOf(copied, [...marks.keys()]));
}
