// @ts-check
// Earlier plans with small images of their results, newest first and bounded in number and size. Pure.

/**
 * picture: a small image of the result, a data URL (the key is in saved workflows); full: url of the result itself, while
 * the page is open; time: ms since 1970.
 * @typedef {{text: string, picture: string | null, full?: string, time: number}} Entry
 */
/** @typedef {readonly Entry[]} History */

export const MOST_ENTRIES = 12;
export const MOST_IMAGE = 24_000; // characters of one image's data URL
export const MOST_TOTAL = 200_000; // characters of all texts and images

/** @type {History} */
export const NONE = Object.freeze([]);

/** Add a plan as the newest entry. A text that is there already moves to the front.
 * @param {History} history @param {string} text @param {number} time @returns {History} */
export function remember(history, text, time) {
  if (!text.trim() || history[0]?.text === text) return history;
  const again = history.find((entry) => entry.text === text);
  const entry = { ...again, text, picture: again?.picture ?? null, time };
  return bounded([entry, ...history.filter((other) => other !== again)]);
}

/** Give the newest entry of a plan its result. An image that is too large, or none, changes nothing.
 * @param {History} history @param {string} text @param {string} image a data URL @param {string} [full] url of the result
 * @returns {History} */
export function attachImage(history, text, image, full) {
  const index = history.findIndex((entry) => entry.text === text);
  if (index < 0 || !isImage(image)) return history;
  const result = full ? { picture: image, full } : { picture: image };
  return bounded(history.map((entry, i) => (i === index ? { ...entry, ...result } : entry)));
}

/** Without one entry; the same history if there is none.
 * @param {History} history @param {number} index @returns {History} */
export function remove(history, index) {
  return index in history ? history.filter((_, i) => i !== index) : history;
}

/** The value that the workflow file holds; "" for no entries. @param {History} history */
export function serializeHistory(history) {
  const entries = history.map(({ text, picture, time }) => ({ text, picture, time }));
  return entries.length ? JSON.stringify({ version: 1, entries }) : "";
}

/** The saved history; no entries if the value is not one. @param {unknown} value @returns {History} */
export function parseHistory(value) {
  if (typeof value !== "string" || !value) return NONE;
  try {
    const saved = JSON.parse(value);
    if (saved?.version !== 1 || !Array.isArray(saved.entries) || !saved.entries.every(isEntry)) return NONE;
    return bounded(saved.entries.map((/** @type {Entry} */ { text, picture, time }) => ({ text, picture, time })));
  } catch {
    return NONE;
  }
}

/** @param {any} entry @returns {entry is Entry} */
function isEntry(entry) {
  const { text, picture, time } = entry ?? {};
  return typeof text === "string" && Number.isFinite(time) && (picture === null || isImage(picture));
}

/** @param {unknown} image */
function isImage(image) {
  return typeof image === "string" && image.length <= MOST_IMAGE && /^data:image\/(png|jpeg|webp);/.test(image);
}

/** The newest entries that fit. @param {Entry[]} entries @returns {History} */
function bounded(entries) {
  let size = 0;
  const fits = (/** @type {Entry} */ { text, picture }) => (size += text.length + (picture?.length ?? 0)) <= MOST_TOTAL;
  const kept = entries.slice(0, MOST_ENTRIES);
  const end = kept.findIndex((entry) => !fits(entry));
  return end < 0 ? kept : kept.slice(0, end);
}
