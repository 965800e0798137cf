// @ts-check
// The chain in the browser: the grammar and the messages of got_models/chain; tests/chains.json tests both. `readText`
// is the editor's lenient reader: it continues after a mistake and returns the place of each one. Pure.

import { D, QUOTED, S, W } from "./characters.mjs";
import { findColor, givenColors } from "./colors.mjs";

/** @typedef {import("./colors.mjs").Color} Color */
/** @typedef {[number, number, number, number]} Box x0, y0, x1, y1 on the 0..999 grid */
/** @typedef {[number, number]} Span [start, stop) in a text */
/** @typedef {{phrase: string, box: Box, color: Color, phraseSpan: Span, boxSpan: Span}} Region as in Python */
/** @typedef {{message: string, span: Span, number: number}} Problem what is wrong with the `number`-th box, and where */
/**
 * @typedef {object} Mark one box of a text as typed, good or bad
 * @property {string} phrase
 * @property {Span} phraseSpan
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
const OBJECT = /<\|obj(?:ect_ref)?_(?:start|end)\|>/g;
const OBJECT_START = "<\\|obj(?:ect_ref)?_start\\|>";
const NAMED_PHRASE = new RegExp(
  `(?:${OBJECT_START}((?:(?!<\\|obj)[^\\][])*)<\\|obj(?:ect_ref)?_end\\|>|\\[([^\\][]*)\\])${S}*$`,
  "du",
);
const BOX_MARKER = new RegExp(
  `(?<kept>${NUMBER_PAIR}${S}*(?:,${S}*)?<\\|box_start\\|>[^<]*<\\|box_end\\|>)|<\\|box_(?:start|end)\\|>`,
  "gu",
);
const MOST_PASSES = 9;
const AFTER_CHAIN = "<|im_gen_start|>";
const VERBS = "and|with|is|are|while|where|has|have|shows?|portrays?|depicts?|features?|contains?";
// What begins a clause, or else a stretch in which none can begin.
const CLAUSE = new RegExp(
  `(?<begins>[.,;:!?\\n]+${S}+|\\n+|${S}+(?:${VERBS})${S}+)|[.,;:!?]+|(?:(?!\\n)${S})+`,
  "gu",
);
const WORD = new RegExp(`(?:(?!${S}).)+`, "gsu");
const LINKS = ["is", "are", "at", "in", "within", "of"]; // words between a phrase and its box
const CONNECTIVES = new Set(["", "and", "or", "plus", "和", "与", "及"]);
const ARTICLES = "an?|the|one|two|three|four|some|several|its|his|her|their";
// Both cases are spelled out: ignoring case would also match U+0345 and others, in Python other ones.
const ANY_CASE = ARTICLES.replace(/[a-z]/gu, (letter) => `[${letter.toUpperCase()}${letter}]`);
const DETERMINER = new RegExp(`(?<!${W})(?:${ANY_CASE})(?!${W})`, "u");
const LEAD = new RegExp(`^(?:${S}|[,.;:])*`, "u"); // what is before a phrase
const SPACE = new RegExp(S, "u");
const HOW =
  "Write it as (left,top),(right,bottom), whole numbers from 0 to 999, for example (120,400),(380,760).";
const COLOR_HELP = "Use a CSS color name such as red, teal or gold.";

/** A chain that cannot be drawn. The message is the one the server gives. */
export class ChainError extends Error {}

/** The chain in GoT's form. Throws ChainError as Python's canonical_text does.
 * @param {string} text @returns {string} */
export function canonicalText(text) {
  text = wellFormed(text);
  // A tag may split a box in two: `(1<|obj_end|>,2),(3,4)`.
  for (let passes = text.search(OBJECT) < 0 ? 1 : MOST_PASSES; passes; passes--) {
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
  for (const { box, color, boxSpan } of marks) {
    const before = wordsBeforeBox(text.slice(start, boxSpan[0]));
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
  const whole = wellFormed(text);
  const [before] = whole.split(AFTER_CHAIN, 1);
  const chain = before === whole ? whole : before.slice(0, endWithout(before, isSpace));
  const marks = boxesOf(chain);
  return { marks, problems: marks.flatMap(({ problem }) => problem ?? []) };
}

/** A chain as people read and type it, without GoT's markers. A box right after two numbers in brackets keeps them.
 * @param {string} text */
export function plainText(text) {
  const words = text.replace(BOX_MARKER, (_, kept) => kept ?? "");
  return words.replaceAll("<|obj_start|>", "[").replaceAll("<|obj_end|>", "]");
}

/** A text without the tags around its objects. @param {string} text */
export function withoutTags(text) {
  return text.replace(OBJECT, "");
}

/** @param {Box} box */
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
  /** @type {(Omit<Mark, "color"> & {written: Color | null})[]} */
  const marks = [];
  for (const match of text.matchAll(BOX)) {
    const mark = readBox(text, match, marks.length + 1);
    const [stop, next] = mark.boxSpan;
    const words = strip(text.slice(start, stop), isBetween).toLowerCase();
    const earlier = CONNECTIVES.has(words) ? marks.at(-1) : undefined;
    const own = earlier ? { phrase: earlier.phrase, phraseSpan: span(stop, stop) } : phraseBefore(text, start, stop);
    marks.push({ ...mark, ...own });
    start = next;
  }
  const colors = givenColors(marks);
  return marks.map(({ written, ...mark }, i) => ({ ...mark, color: colors[i] }));
}

/** @param {number} start @param {number} stop @returns {Span} */
function span(start, stop) {
  return [start, stop];
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

/** The words before a box in GoT's form. A phrase keeps its tags only if it is not found without them.
 * @param {string} text */
function wordsBeforeBox(text) {
  const named = NAMED_PHRASE.exec(text);
  if (!named) return text.replace(OBJECT, "");
  const lead = text.slice(0, named.index).replace(OBJECT, "");
  const phrase = strip(named[1] ?? named[2]);
  const words = lead + phrase;
  const found = phraseBefore(words, 0, words.length);
  const isFound = found.phrase === phrase && found.phraseSpan[0] === lead.length;
  return !phrase || isFound ? words : `${lead}<|obj_start|>${phrase}<|obj_end|>`;
}

/** The phrase that ends where a box starts, and its span: the one in tags or brackets, else the last noun phrase.
 * A noun phrase is the last clause, from its first article on. Quoted text belongs to one clause.
 * @param {string} text @param {number} start @param {number} stop @returns {{phrase: string, phraseSpan: Span}} */
function phraseBefore(text, start, stop) {
  const before = text.slice(start, stop);
  const named = NAMED_PHRASE.exec(before);
  if (named?.indices) {
    const [from, to] = named.indices[1] ?? named.indices[2];
    const phrase = strip(before.slice(from, to));
    const at = start + from + before.slice(from, to).indexOf(phrase);
    return { phrase, phraseSpan: [at, at + phrase.length] };
  }
  const blank = (/** @type {string} */ tag) => " ".repeat(tag.length);
  const words = before.replace(OBJECT, blank).replace(QUOTED, (quoted) => '"'.repeat(quoted.length));
  const last = endWithout(words, isSpace); // only white space follows
  let first = 0;
  for (const { index, groups, 0: found } of words.matchAll(CLAUSE))
    if (groups?.begins && index + found.length < last) first = index + found.length;
  first += LEAD.exec(words.slice(first))?.[0].length ?? 0;
  first += Math.max(0, words.slice(first).search(DETERMINER));
  const phrase = withoutLinks(strip(before.replace(OBJECT, blank).slice(first)));
  return { phrase, phraseSpan: [start + first, start + first + phrase.length] };
}

/** The phrase without linking words, commas and colons at its end. Its first word stays. @param {string} phrase */
function withoutLinks(phrase) {
  const words = [...phrase.matchAll(WORD)];
  for (const [number, { 0: word, index }] of [...words.entries()].reverse()) {
    const shown = word.slice(0, endWithout(word, (char) => char === "," || char === ":"));
    if (shown && (number === 0 || !LINKS.includes(shown))) return phrase.slice(0, index + shown.length);
  }
  return "";
}

/** A text without lone surrogates: each becomes U+FFFD, as in Python. @param {string} text */
function wellFormed(text) {
  return text.replace(/\p{Cs}/gu, "\ufffd");
}

/** A text without the characters at its ends for which `out` is true.
 * @param {string} text @param {(char: string) => boolean} out */
function strip(text, out = isSpace) {
  let start = 0;
  while (start < text.length && out(text[start])) start++;
  return text.slice(start, Math.max(start, endWithout(text, out)));
}

/** Whether a character, between two boxes, names nothing. @param {string} char */
function isBetween(char) {
  return isSpace(char) || ",.;:".includes(char);
}

/** The end of a text without its last characters for which `out` is true.
 * @param {string} text @param {(char: string) => boolean} out */
function endWithout(text, out) {
  let end = text.length;
  while (end && out(text[end - 1])) end--;
  return end;
}

/** @param {string} char */
function isSpace(char) {
  return SPACE.test(char);
}
