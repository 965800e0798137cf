// @ts-check
// The chain in the browser: the grammar and the messages of got_models/chain; tests/chains.json tests both. `readText`
// is the editor's lenient reader: it continues after a mistake and returns the place of each one. Pure.

import { D, S } from "./characters.mjs";
import { findColor, givenColors } from "./colors.mjs";
import { canonicalWords, endWithout, findPhrase, hasTags, hasWords, isSpace, strip, withoutTags } from "./phrases.mjs";

/** @typedef {import("./colors.mjs").Color} Color */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 on the 0..999 grid */
/** @typedef {[number, number]} Span [start, stop) in a text */
/** @typedef {{phrase: string, box: Box, color: Color, phraseSpan: Span, boxSpan: Span}} Region as in Python */
/** @typedef {{message: string, span: Span, number: number}} Problem what is wrong with the `number`-th box, and where */
/**
 * @typedef {object} Mark one box of a text as typed, good or bad
 * @property {string} phrase
 * @property {Span} phraseSpan
 * @property {boolean} several more boxes come after it, without words between
 * @property {Box | null} box null if it cannot be read
 * @property {Color} color as written, else the phrase's, else the palette's
 * @property {Span} boxSpan the box with its color
 * @property {Span | null} colorSpan the color word alone; null if none is written
 * @property {Span[]} numberSpans the four numbers; [] if they cannot be read
 * @property {Problem | null} problem
 */

export const GRID = 1000; // the chain's own unit
export const LAST = GRID - 1;

// Every pattern below takes time in proportion to the text, as in chain.py.
const BOX_START = "<|box_start|>";
const BOX_END = "<|box_end|>";
const MARKED = `<\\|box_start\\|>(?<marked>.*?)(?<end><\\|box_end\\|>|(?=<\\|box_start\\|>)|$)`;
const NUMBER_PAIR = `\\(${S}*[-+]?[${D}.]+${S}*,[^()<>]*\\)`;
const BOX = new RegExp(`${MARKED}|(?<plain>${NUMBER_PAIR}${S}*(?:,${S}*)?\\([^()<>]*\\))|(?<stray><\\|box_end\\|>)`, "gsu");
const NUMBER = `${S}*([0-9０-９]{1,9})${S}*`;
const CORNERS = new RegExp(`^${S}*\\(${NUMBER},${NUMBER}\\)${S}*,${S}*\\(${NUMBER},${NUMBER}\\)${S}*$`, "du");
const COLOR = new RegExp(`${S}*\\(${S}*([A-Za-z][A-Za-z ]*(?![A-Za-z ])|#[0-9A-Fa-f]{6})${S}*\\)`, "dyu");
const BOX_MARKER = new RegExp(
  `(?<kept>${NUMBER_PAIR}${S}*(?:,${S}*)?<\\|box_start\\|>[^<]*<\\|box_end\\|>)|<\\|box_(?:start|end)\\|>`,
  "gu",
);
const MOST_PASSES = 9;
const AFTER_CHAIN = "<|im_gen_start|>";
const HOW =
  "Write it as (left,top),(right,bottom), whole numbers from 0 to 999, for example (120,400),(380,760).";
const COLOR_HELP = "Use a CSS color name such as red, teal or gold.";

/** A chain that cannot be drawn. The message is the one the server gives. */
export class ChainError extends Error {}

/** The chain in GoT's form. Throws ChainError as Python's canonical_text does.
 * @param {string} text @returns {string} */
export function canonicalText(text) {
  text = wellFormed(text);
  // A tag may split a box in two: `(1<|obj_end|>,2),(3,4)`. Brackets may be double: `[[a cup]] (1,2),(3,4)`.
  for (let passes = text.includes("]") || hasTags(text) ? MOST_PASSES : 1; passes; passes--) {
    const before = text;
    text = canonicalOnce(text);
    if (text === before) break;
  }
  return text;
}

/** @param {string} text */
function canonicalOnce(text) {
  text = strip(text.split(AFTER_CHAIN, 1)[0]);
  const marks = boxesOf(text);
  const bad = marks.find((mark) => mark.problem);
  if (bad?.problem) throw new ChainError(bad.problem.message);
  let [result, start] = ["", 0];
  for (const { box, color, boxSpan, several } of marks) {
    const before = canonicalWords(text.slice(start, boxSpan[0]), start > 0, several);
    const kept = before.slice(0, endWithout(before, (char) => char === " " || char === "\t"));
    result += `${kept}${kept || start ? " " : ""}${formatBox(/** @type {Box} */ (box), color.word)}`;
    start = boxSpan[1];
  }
  return result + withoutTags(text.slice(start));
}

/** The regions of a chain in GoT's form, in reading order. Throws ChainError as `canonicalText` does.
 * @param {string} text @returns {Region[]} */
export function parseRegions(text) {
  return readText(text).marks.map(({ phrase, box, color, phraseSpan, boxSpan, problem }) => {
    if (problem || !box) throw new ChainError(problem?.message);
    return { phrase, box, color, phraseSpan, boxSpan };
  });
}

/** Every box of a text as a person types it, and every mistake. Spans are in this text.
 * @param {string} text @returns {{marks: Mark[], problems: Problem[]}} */
export function readText(text) {
  let found = recent.get(text);
  if (!found) {
    if (recent.size >= 4) recent.clear();
    found = read(text);
    recent.set(text, found);
  }
  return found;
}

/** The last results: during a drag the same texts are read again and again.
 * @type {Map<string, {marks: Mark[], problems: Problem[]}>} */
const recent = new Map();

/** @param {string} text @returns {{marks: Mark[], problems: Problem[]}} */
function read(text) {
  const marks = boxesOf(wellFormed(text).slice(0, endOfChain(text)));
  return { marks, problems: marks.flatMap(({ problem }) => problem ?? []) };
}

/** Where the chain of a text ends: before the marker after it and white space before that, else at the end of the text.
 * @param {string} text @returns {number} */
export function endOfChain(text) {
  const [before] = text.split(AFTER_CHAIN, 1);
  return before === text ? text.length : endWithout(before, isSpace);
}

/** A chain as people read and type it, without GoT's markers. A box right after two numbers in brackets keeps them.
 * @param {string} text */
export function plainText(text) {
  const words = text.replace(BOX_MARKER, (_, kept) => kept ?? "");
  return words.replaceAll("<|obj_start|>", "[").replaceAll("<|obj_end|>", "]");
}

/** A box as people write it: (120,400),(380,760). @param {Box} box */
export function boxText([x0, y0, x1, y1]) {
  return `(${x0},${y0}),(${x1},${y1})`;
}

/** @param {Box} box @param {string} colorWord */
function formatBox(box, colorWord) {
  return `${BOX_START}${boxText(box)}${BOX_END} (${colorWord})`;
}

/** The boxes of a text with their phrases and colors. @param {string} text @returns {Mark[]} */
function boxesOf(text) {
  let start = 0;
  const boxes = [...text.matchAll(BOX)].map((match, i) => {
    const box = readBox(text, match, i + 1);
    const before = start;
    start = box.boxSpan[1];
    return { ...box, before, isNamed: i === 0 || hasWords(text.slice(before, box.boxSpan[0])) };
  });
  let phrase = "";
  const marks = boxes.map(({ before, isNamed, ...box }, i) => {
    const [stop] = box.boxSpan;
    const several = boxes[i + 1]?.isNamed === false;
    const [first, last] = isNamed ? findPhrase(text.slice(before, stop), before > 0, several) : [stop - before, stop - before];
    if (isNamed) phrase = text.slice(before + first, before + last);
    return { ...box, several, phrase, phraseSpan: /** @type {Span} */ ([before + first, before + last]) };
  });
  const colors = givenColors(marks);
  return marks.map(({ written, ...mark }, i) => ({ ...mark, color: colors[i] }));
}

/** @param {string} text @param {RegExpMatchArray} match @param {number} number */
function readBox(text, match, number) {
  const start = match.index ?? 0;
  const stop = start + match[0].length;
  const { box, numberSpans, message } = readCorners(match, number);
  /** @type {Span} */
  const boxSpan = [start, stop];
  const mark = { box, numberSpans, boxSpan, colorSpan: /** @type {Span | null} */ (null) };
  if (!box) return { ...mark, written: null, problem: { message, span: boxSpan, number } };
  COLOR.lastIndex = stop;
  const found = COLOR.exec(text);
  if (!found?.indices) return { ...mark, written: null, problem: null };
  const [whole, colorSpan] = found.indices;
  const rest = { ...mark, colorSpan, boxSpan: /** @type {Span} */ ([start, whole[1]]) };
  const written = findColor(found[1]);
  if (written) return { ...rest, written, problem: null };
  const word = found[1].slice(0, 40);
  const unknown = `Box ${number} ${boxText(box)} has an unknown color '${word}'. ${COLOR_HELP}`;
  return { ...rest, written, problem: { message: unknown, span: colorSpan, number } };
}

/** @param {RegExpMatchArray} match @param {number} number
 * @returns {{box: Box | null, numberSpans: Span[], message: string}} */
function readCorners(match, number) {
  const { marked, end, plain, stray } = match.groups ?? {};
  const shown = marked || plain || stray || "";
  const name = `Box ${number} '${[...strip(shown)].slice(0, 40).join("")}'`;
  const refuse = (/** @type {string} */ why) => ({ box: null, numberSpans: [], message: `${name} ${why} ${HOW}` });
  if (stray || (marked !== undefined && !end))
    return refuse(`has only one of its two markers ${BOX_START} and ${BOX_END}.`);
  const corners = CORNERS.exec(shown);
  if (!corners?.indices) return refuse("is not a box.");
  const numbers = corners.slice(1).map((digits) => Number(digits.normalize("NFKC"))); // ０ to 0
  const largest = Math.max(...numbers);
  if (largest > GRID) return refuse(`leaves the image: ${largest} is more than 999.`);
  const [x0, y0, x1, y1] = numbers.map((value) => Math.min(value, LAST));
  if (x0 >= x1 || y0 >= y1)
    return refuse(`is empty: its first corner is not ${x0 >= x1 ? "left of" : "above"} its second.`);
  const offset = (match.index ?? 0) + (marked === undefined ? 0 : BOX_START.length);
  const numberSpans = corners.indices.slice(1).map(([from, to]) => /** @type {Span} */ ([from + offset, to + offset]));
  return { box: [x0, y0, x1, y1], numberSpans, message: "" };
}

/** A text without lone surrogates: each becomes U+FFFD, as in Python. @param {string} text */
function wellFormed(text) {
  return text.replace(/\p{Cs}/gu, "\ufffd");
}
