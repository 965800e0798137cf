// @ts-check
// What the browser remembers of the editor's looks. Where it may remember nothing, all is as usual.

const PREFIX = "got.";

/** @param {string} name @returns {string} "" for nothing */
export function remembered(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // storage is blocked or full: good until the page is left
  }
}
