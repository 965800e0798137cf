// @ts-check
// Earlier plans with small pictures of their results, newest first and bounded in number and size. Pure.

/** @typedef {{text: string, picture: string | null, time: number}} Entry picture: a data URL; time: ms since 1970 */
/** @typedef {readonly Entry[]} History */

export const MOST_ENTRIES = 12;
export const MOST_PICTURE = 24_000; // characters of one picture's data URL
export const MOST_TOTAL = 200_000; // characters of all texts and pictures

/** @type {History} */
export const NONE = Object.freeze([]);

/** Keep a plan as the newest entry. The same text comes to the front again instead of twice.
 * @param {History} history @param {string} text @param {number} time @returns {History} */
export function remember(history, text, time) {
  if (!text.trim() || history[0]?.text === text) return history;
  const again = history.find((entry) => entry.text === text);
  const entry = { text, picture: again?.picture ?? null, time };
  return bounded([entry, ...history.filter((other) => other !== again)]);
}

/** Give the newest entry of a plan its result. A picture that is too large, or none, changes nothing.
 * @param {History} history @param {string} text @param {string} picture @returns {History} */
export function attachPicture(history, text, picture) {
  const index = history.findIndex((entry) => entry.text === text);
  if (index < 0 || !isPicture(picture)) return history;
  return bounded(history.map((entry, i) => (i === index ? { ...entry, picture } : entry)));
}

/** @param {History} history @param {number} index @returns {History} */
export function remove(history, index) {
  return index in history ? history.filter((_, i) => i !== index) : history;
}

/** @returns {History} */
export function clear() {
  return NONE;
}

/** @param {History} history */
export function serializeHistory(history) {
  return history.length ? JSON.stringify({ version: 1, entries: history }) : "";
}

/** What was saved, or no entries if it is not such a list. @param {unknown} value @returns {History} */
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
  return typeof text === "string" && Number.isFinite(time) && (picture === null || isPicture(picture));
}

/** @param {unknown} picture */
function isPicture(picture) {
  return typeof picture === "string" && picture.length <= MOST_PICTURE && /^data:image\/(png|jpeg|webp);/.test(picture);
}

/** The newest entries that fit. @param {Entry[]} entries @returns {History} */
function bounded(entries) {
  let size = 0;
  const fits = (/** @type {Entry} */ { text, picture }) => (size += text.length + (picture?.length ?? 0)) <= MOST_TOTAL;
  const kept = entries.slice(0, MOST_ENTRIES);
  const end = kept.findIndex((entry) => !fits(entry));
  return end < 0 ? kept : kept.slice(0, end);
}
