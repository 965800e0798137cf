// @ts-check
// Which phrase a box belongs to: the rules of got_models/chain/phrases.py. tests/phrases.json tests both. Pure.

import { QUOTED, S } from "./characters.mjs";
import { HAN, chinesePhrase } from "./chinese_phrase.mjs";
import { nounPhrase } from "./noun_phrase.mjs";

/** @typedef {[number, number]} Span [start, stop) in a text */

const END = new RegExp(`(?<ends>[.;:!?]+${S}+|\\n${S}*|[。；：！？]+${S}*)|[.;:!?]+`, "gu");
const ABBREVIATION = /(?:^|[^A-Za-z])(?:Mr|Mrs|Ms|Dr|St|Jr|Prof)$/u;
const OBJECT = /<\|obj(?:ect_ref)?_(?:start|end)\|>/g;
const OBJECT_START = "<\\|obj(?:ect_ref)?_start\\|>";
const NAMED = new RegExp(
  `${OBJECT_START}(?<tagged>(?:(?!<\\|obj)[^\\][])*)<\\|obj(?:ect_ref)?_end\\|>|\\[(?<bracketed>(?:(?!<\\|obj)[^\\][])*)\\]`,
  "dgu",
);
const WORD = /[\p{L}\p{Nl}\p{No}]{2}|[\u3040-\u9fff\uac00-\ud7a3]/u;
const ASIDE = /\([^()]*\)/gu;
const LEADING = "*_~`-–—•>.,;:，。；：、"; // marks at the ends of a phrase that do not belong to it
const TRAILING = "*_~`-–—•.,;:!?，。；：、！？";
const CONNECTIVES = new Set(["", "and", "or", "plus", "和", "与", "及"]);
const SPACE = new RegExp(S, "u");

/** The span of the phrase of a box, in the text before it.
 * @param {string} words the text before the box @param {boolean} afterBox a box comes right before the text
 * @param {boolean} several more boxes come after this one, without words between @returns {Span} */
export function findPhrase(words, afterBox, several) {
  const named = namedIn(words);
  return named ? named.phrase : found(words, afterBox, several);
}

/** Does the text between two boxes name something, or does it only connect the boxes? @param {string} text */
export function hasWords(text) {
  return !CONNECTIVES.has(strip(text, (char) => isSpace(char) || ",.;:，。；：、".includes(char)).toLowerCase());
}

/** The words before a box in GoT's form. A phrase keeps its tags only if it is not found without them.
 * @param {string} text @param {boolean} afterBox @param {boolean} several */
export function canonicalWords(text, afterBox, several) {
  const named = namedIn(text);
  if (!named) return withoutTags(text);
  const lead = withoutTags(text.slice(0, named.whole[0]));
  const phrase = text.slice(...named.phrase);
  const rest = withoutTags(text.slice(named.whole[1]));
  const words = lead + phrase + rest;
  const [first, last] = findPhrase(words, afterBox, several);
  const isNamed = !afterBox || hasWords(words);
  const isFound = isNamed && first === lead.length && last === first + phrase.length;
  return isFound ? words : `${lead}<|obj_start|>${phrase}<|obj_end|>${rest}`;
}

/** @param {string} text */
export function hasTags(text) {
  return text.search(OBJECT) >= 0;
}

/** A text without the tags around its objects. @param {string} text */
export function withoutTags(text) {
  return text.replace(OBJECT, "");
}

/** The last phrase in tags or brackets, in the sentence that the text ends in, and its span with them; null if there is
 * none. If they are not right before the box, they must hold a word: `[1] a cup` has none.
 * @param {string} text @returns {{phrase: Span, whole: Span} | null} */
export function namedIn(text) {
  if (!text.includes("]") && !text.includes("_end|>")) return null;
  /** @type {{phrase: Span, whole: Span} | null} */
  let named = null;
  const end = endWithout(text, isSpace);
  for (const { index, indices, groups, 0: all } of text.matchAll(NAMED)) {
    const kind = groups?.tagged === undefined ? "bracketed" : "tagged";
    const phrase = strip(groups?.[kind] ?? "");
    const stop = index + all.length;
    if (!phrase || (stop !== end && !WORD.test(phrase))) continue;
    const first = text.indexOf(phrase, indices?.groups?.[kind][0]);
    named = { phrase: [first, first + phrase.length], whole: [index, stop] };
  }
  return named && !lastStart(text.slice(named.whole[1], end)) ? named : null;
}

/** The span of the noun phrase at the end of a text. @param {string} text @param {boolean} afterBox
 * @param {boolean} several @returns {Span} */
function found(text, afterBox, several) {
  const blank = (/** @type {string} */ tag) => " ".repeat(tag.length);
  const oneWord = (/** @type {string} */ quoted) => "x".repeat(quoted.length);
  let masked = text;
  if (text.includes("<|obj")) masked = masked.replace(OBJECT, blank);
  if (/["“(]/.test(text)) masked = masked.replace(QUOTED, oneWord).replace(ASIDE, oneWord);
  const words = masked.slice(0, endWithout(masked, isSpace));
  const start = lastStart(words);
  /** @type {Span} */
  let span = [start, words.length];
  if (HAN.test(words.slice(start))) span = chinesePhrase(words, start, several);
  else if (start < words.length) span = nounPhrase(words, start, afterBox && !start, several);
  return withoutMarks(words, span);
}

/** Where the last sentence, or what comes after its last colon, begins. @param {string} words */
export function lastStart(words) {
  let start = 0;
  for (const { index, groups, 0: found } of words.matchAll(END)) {
    const before = words.slice(Math.max(0, index - 5), index);
    const isEnd = groups?.ends && !(found.startsWith(".") && ABBREVIATION.test(before));
    if (isEnd && index + found.length < words.length) start = index + found.length;
  }
  return start;
}

/** The span without white space and marks at its ends, if anything is left. @param {string} words @param {Span} span
 * @returns {Span} */
function withoutMarks(words, [first, last]) {
  let [start, stop] = [first, last];
  while (start < stop && (LEADING.includes(words[start]) || isSpace(words[start]))) start++;
  while (start < stop && (TRAILING.includes(words[stop - 1]) || isSpace(words[stop - 1]))) stop--;
  return start < stop ? [start, stop] : [first, last];
}

/** A text without the characters at its ends for which `out` is true.
 * @param {string} text @param {(char: string) => boolean} out */
export function strip(text, out = isSpace) {
  let start = 0;
  while (start < text.length && out(text[start])) start++;
  return text.slice(start, Math.max(start, endWithout(text, out)));
}

/** The end of a text without its last characters for which `out` is true.
 * @param {string} text @param {(char: string) => boolean} out */
export function endWithout(text, out) {
  let end = text.length;
  while (end && out(text[end - 1])) end--;
  return end;
}

/** @param {string} char */
export function isSpace(char) {
  return SPACE.test(char);
}
