// @ts-check
// The ends of a region's phrase, moved by hand: where they can be, and the text with the phrase in square brackets where
// the grammar would find another one. Pure.

import { readText } from "./chain.mjs";
import { lastStart, namedIn } from "./phrases.mjs";

/** @typedef {import("./chain.mjs").Mark} Mark */
/** @typedef {[number, number]} Span [start, stop) in a text */

// A character of a script without spaces, or what is between spaces and brackets.
const WORD = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\s[\]\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+/gu;
const MARKS = /^[.,;:!?*…，。；：、！？]+|[.,;:!?*…，。；：、！？]+$/gu;

/** The words that the phrase of a region can begin and end with, in reading order. Those that end a sentence before the
 * last one cannot be its last. None if the region has no phrase of its own.
 * @param {string} text @param {readonly Mark[]} marks @param {number} index @returns {{firsts: Span[], lasts: Span[]}} */
export function phraseWords(text, marks, index) {
  const mark = marks[index];
  if (!mark?.box || mark.phraseSpan[0] === mark.phraseSpan[1]) return { firsts: [], lasts: [] };
  const [from, to] = [wordsFrom(marks, index), mark.boxSpan[0]];
  const words = text.slice(from, to);
  const firsts = [...words.matchAll(WORD)].flatMap(({ index, 0: word }) => {
    const start = from + index + (word.match(MARKS)?.find((found) => word.startsWith(found))?.length ?? 0);
    const stop = start + word.replace(MARKS, "").length;
    return stop > start ? [/** @type {Span} */ ([start, stop])] : [];
  });
  const sentence = from + lastStart(words.trimEnd());
  return { firsts, lasts: firsts.filter(([, stop]) => stop > sentence) };
}

/** The text in which the phrase of a region has another span; null if it cannot have it. @param {string} text
 * @param {number} index @param {Span} span in the text as it is @returns {string | null} */
export function withPhrase(text, index, [first, last]) {
  const { marks } = readText(text);
  const from = wordsFrom(marks, index);
  const words = text.slice(from, marks[index].boxSpan[0]);
  if (first >= last || /[[\]]/.test(text.slice(first, last).trim())) return null;
  const named = namedIn(words);
  if (named && words[named.whole[0]] === "[") {
    const [opened, closed] = [from + named.whole[0], from + named.whole[1] - 1];
    const moved = (/** @type {number} */ at) => at - (at > opened ? 1 : 0) - (at > closed ? 1 : 0);
    text = text.slice(0, opened) + text.slice(opened + 1, closed) + text.slice(closed + 1);
    [first, last] = [moved(first), moved(last)];
  }
  if (isPhrase(text, index, first, last)) return text;
  const bracketed = `${text.slice(0, first)}[${text.slice(first, last)}]${text.slice(last)}`;
  return isPhrase(bracketed, index, first + 1, last + 1) ? bracketed : null;
}

/** @param {string} text @param {number} index @param {number} first @param {number} last */
function isPhrase(text, index, first, last) {
  const span = readText(text).marks[index]?.phraseSpan;
  return span?.[0] === first && span[1] === last;
}

/** Where the words before a region's box begin. @param {readonly Mark[]} marks @param {number} index */
function wordsFrom(marks, index) {
  return index ? marks[index - 1].boxSpan[1] : 0;
}
