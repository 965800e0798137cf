// @ts-check
// The editor's sizes in the browser's local storage. Where the browser blocks it, the usual sizes are used.

const PREFIX = "got.";

/** What was remembered under a name. @param {string} name @returns {string} "" for nothing */
export function remembered(name) {
  try {
    return localStorage.getItem(PREFIX + name) ?? "";
  } catch {
    return "";
  }
}

/** Remember a value under a name, if the browser allows it. @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // storage is blocked or full: the value holds until the page is closed
  }
}
