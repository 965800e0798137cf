// @ts-check
// How a region guides: its strength, its LoRA, and whether it is switched off. A person's settings beside the text,
// saved with the edits (got_models/chain/edits.py). Pure.

/** @typedef {{name: string, strength: number}} Lora name: as ComfyUI lists it */
/**
 * @typedef {object} Guide
 * @property {number} strength 0 to 1
 * @property {Lora | null} lora
 * @property {boolean} off the region stays in the text and does not guide
 */

export const LORA_STRENGTH = 20; // the largest, either way
const LONGEST_NAME = 1000; // characters of a LoRA's name
export const KEYS = ["strength", "lora", "off"];

/** How a region guides, from what is saved of it. Only what differs from the default is saved.
 * @param {Partial<Guide> | undefined} saved @returns {Guide} */
export function guideOf(saved) {
  return { strength: saved?.strength ?? 1, lora: saved?.lora ?? null, off: saved?.off ?? false };
}

/** The settings that differ from the default. @param {Partial<Guide>} guide @returns {Partial<Guide>} */
export function savedGuide(guide) {
  const { strength, lora, off } = guideOf(guide);
  return { ...(strength !== 1 && { strength }), ...(lora && { lora }), ...(off && { off }) };
}

/** Do two regions guide in the same way? @param {Partial<Guide>} a @param {Partial<Guide>} b */
export function sameGuide(a, b) {
  return JSON.stringify(savedGuide(a)) === JSON.stringify(savedGuide(b));
}

/** Can these saved settings be read? @param {any} saved */
export function isGuide({ strength = 1, lora = null, off = false }) {
  return isFrom(strength, 0, 1) && typeof off === "boolean" && (lora === null || isLora(lora));
}

/** @param {any} lora */
function isLora(lora) {
  const keys = Object.keys(lora).sort().join();
  const isName = typeof lora.name === "string" && lora.name !== "" && lora.name.length <= LONGEST_NAME;
  return keys === "name,strength" && isName && isFrom(lora.strength, -LORA_STRENGTH, LORA_STRENGTH);
}

/** @param {any} value @param {number} least @param {number} most */
function isFrom(value, least, most) {
  return typeof value === "number" && value >= least && value <= most;
}

/** The number of a field within its range, in hundredths; null if it holds no number. @param {string} text
 * @param {number} least @param {number} most */
export function numberIn(text, least, most) {
  const value = text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? Math.round(Math.min(most, Math.max(least, value)) * 100) / 100 : null;
}
