// @ts-check
// What counts as white space, a digit, a letter and a quoted text: as in Python, which knows more than JavaScript's own
// classes. Pure.

const SPACES = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
export const S = `[${SPACES}]`;
/** Neither white space nor a comma. */
export const PART = `[^${SPACES},，、]`;
export const D = "\\p{Nd}";
const W = "[\\p{L}\\p{N}_]";
/** Text to be drawn; no inches. */
export const QUOTED = new RegExp(`(?<!${W}|")"(?!${S})[^"]+"(?!${W})|“[^“”]*”`, "gu");
