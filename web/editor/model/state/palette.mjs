// @ts-check
// The person's colors: own ones, and those that were used last, beside the standard palette. Pure.

import { findColor, PALETTE } from "../chain/colors.mjs";

/** @typedef {{own: readonly string[], recent: readonly string[]}} Colors words as the chain writes them */

const MOST_OWN = 24;
export const MOST_RECENT = 8;

/** @type {Colors} */
export const NO_COLORS = Object.freeze({ own: Object.freeze([]), recent: Object.freeze([]) });

/** A color was used: it comes first among the recent ones, unless a palette has it. @param {Colors} colors
 * @param {string} word @returns {Colors} */
export function useColor(colors, word) {
  const found = findColor(word)?.word;
  if (!found || PALETTE.includes(found) || colors.own.includes(found) || colors.recent[0] === found) return colors;
  return { ...colors, recent: [found, ...colors.recent.filter((other) => other !== found)].slice(0, MOST_RECENT) };
}

/** A color becomes one of the person's own; a new one drops the oldest if there are too many. @param {Colors} colors
 * @param {string} word @returns {Colors} */
export function keepColor({ own, recent }, word) {
  const found = findColor(word)?.word;
  if (!found || own.includes(found) || PALETTE.includes(found)) return { own, recent };
  return { own: [...own, found].slice(-MOST_OWN), recent: recent.filter((other) => other !== found) };
}

/** Without one of the person's own colors. @param {Colors} colors @param {string} word @returns {Colors} */
export function forgetColor({ own, recent }, word) {
  return { own: own.filter((other) => other !== word), recent };
}

/** The colors of a stored file; null if it is not one. @param {string} text @returns {Colors | null} */
export function parseColors(text) {
  try {
    const { version, own, recent } = JSON.parse(text);
    if (version !== 1 || !isWords(own, MOST_OWN) || !isWords(recent, MOST_RECENT)) return null;
    return { own, recent };
  } catch {
    return null;
  }
}

/** The text of the setting. @param {Colors} colors */
export function serializeColors({ own, recent }) {
  return JSON.stringify({ version: 1, own, recent });
}

/** @param {unknown} words @param {number} most */
function isWords(words, most) {
  const isWord = (/** @type {unknown} */ word) => typeof word === "string" && findColor(word)?.word === word;
  return Array.isArray(words) && words.length <= most && words.every(isWord);
}
