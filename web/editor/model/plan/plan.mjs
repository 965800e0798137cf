// @ts-check
// The plan that a person edits: the value that a workflow keeps, and every change to it. Pure: each function returns a
// new plan, or the same one if nothing changes, for example because the region is locked.

import { LAST, boxText, endOfChain, plainText, readText } from "../chain/chain.mjs";
import { colorIn, findColor, givenColors } from "../chain/colors.mjs";
import { withPhrase } from "../chain/phrase_ends.mjs";
import { isGuide, KEYS as GUIDE_KEYS, sameGuide, savedGuide } from "./guides.mjs";
import { repaired } from "./repair.mjs";
import { isSamePlan } from "./same_plan.mjs";
import { isSize } from "./sizes.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {import("./sizes.mjs").Size} Size */
/** @typedef {import("../chain/chain.mjs").Mark} Mark */
/** @typedef {import("./guides.mjs").Guide} Guide */
/** @typedef {{locked: boolean, hidden: boolean} & Partial<Guide>} Flags */
/** @typedef {{phrase: string, box: Box, color?: string, guide?: Partial<Guide>}} NewRegion color: if left out, the phrase's,
 * else the palette's next */
/** @typedef {{span: readonly [number, number], by: string}} Edit of a text: what comes in place of a span */
/**
 * @typedef {object} Plan
 * @property {string} plan the chain as it came from upstream, in the plain form
 * @property {string} text the chain as the person sees and edits it
 * @property {readonly Flags[]} flags one for each box of the text, good or bad, in reading order
 * @property {readonly number[]} order indices of the boxes, back to front
 * @property {Size | null} size of the image, as the person chose it; null for the chain's own
 * @property {boolean} approved the person resumed the run with the plan as it came
 * @property {string | null} raw a saved value that this version cannot read, kept until the person edits
 * @property {"broken" | "newer" | null} notice why it could not be read
 */

export const VERSION = 1;

/** @type {Plan} */
export const EMPTY = Object.freeze({
  plan: "",
  text: "",
  flags: [],
  order: [],
  size: null,
  approved: false,
  raw: null,
  notice: null,
});

// ------------------------------------------------------------------------------------------------- the saved value

/** Read a saved value. One that cannot be read gives an empty plan that keeps it. @param {unknown} value
 * @returns {Plan} */
export function parsePlan(value) {
  if (value === "" || value === null || value === undefined) return EMPTY;
  const raw = typeof value === "string" ? value : JSON.stringify(value);
  let saved;
  try {
    saved = JSON.parse(raw);
  } catch {
    return { ...EMPTY, raw, notice: "broken" };
  }
  if (Number.isInteger(saved?.version) && saved.version > VERSION) return { ...EMPTY, raw, notice: "newer" };
  if (!isSaved(saved)) return { ...EMPTY, raw, notice: "broken" };
  const { plan, text, regions = [], order = [], size = null, approved = false } = saved;
  const count = readText(text).marks.length;
  const flags = Array.from({ length: count }, (_, i) => regions[i] ?? unmarked());
  return { ...EMPTY, plan, text, flags, order: wholeOrder(order, count), size, approved };
}

/** @param {any} saved */
function isSaved(saved) {
  const keys = ["locked", "hidden", ...GUIDE_KEYS];
  const isFlags = (/** @type {any} */ flags) =>
    typeof flags?.locked === "boolean" &&
    typeof flags.hidden === "boolean" &&
    Object.keys(flags).every((key) => keys.includes(key)) &&
    isGuide(flags);
  const known = ["version", "plan", "text", "regions", "order", "size", "approved"];
  return (
    saved?.version === VERSION &&
    Object.keys(saved).every((key) => known.includes(key)) &&
    typeof saved.plan === "string" &&
    typeof saved.text === "string" &&
    (saved.regions === undefined || (Array.isArray(saved.regions) && saved.regions.every(isFlags))) &&
    (saved.order === undefined || (Array.isArray(saved.order) && saved.order.every(Number.isInteger))) &&
    (saved.size === undefined || isSize(saved.size)) &&
    (saved.approved === undefined || typeof saved.approved === "boolean")
  );
}

/** The value that the workflow file holds; "" if there is nothing to keep. @param {Plan} plan */
export function serializePlan({ plan, text, flags, order, size, approved, raw }) {
  if (raw !== null) return raw;
  if (!plan && !text && !size) return "";
  const marked = flags.some((flag) => flag.locked || flag.hidden || guides(flag));
  const ordered = order.some((index, place) => index !== place);
  return JSON.stringify({
    version: VERSION,
    plan,
    text,
    ...(marked && { regions: flags.map(({ locked, hidden, ...guide }) => ({ locked, hidden, ...savedGuide(guide) })) }),
    ...(ordered && { order }),
    ...(size && { size }),
    ...(approved && { approved }),
  });
}

/** The value for a run: "" unless something was edited, set or approved. What only the browser needs is left out,
 * so that hiding a box or changing the order runs no node again. @param {Plan} plan */
export function promptValue(plan) {
  const marked = plan.flags.some((flag) => flag.locked || guides(flag));
  if (!isEdited(plan) && !marked && !plan.approved && !plan.size) return "";
  const { text, flags, size, approved } = plan;
  const regions = flags.map(({ locked, hidden, ...guide }) => ({ locked, hidden: false, ...savedGuide(guide) }));
  const rest = { ...(marked && { regions }), ...(size && { size }), ...(approved && { approved }) };
  return JSON.stringify({ version: VERSION, plan: plan.plan, text, ...rest });
}

/** What a paused run resumes with: the plan that is shown, whatever is saved. @param {Plan} plan */
export function answerTo({ text, flags, order, size }) {
  return JSON.stringify({ text, regions: flags, order, ...(size && { size }) });
}

/** Does the text differ from the chain as it came? @param {Plan} plan */
export function isEdited({ plan, text }) {
  return text !== plan;
}

// ---------------------------------------------------------------------------------------------- the chain as a whole

/** A chain comes from upstream. The chain that the edits were made on changes nothing. Another one replaces the edits;
 * a locked region that is the same in it stays locked. @param {Plan} plan @param {string} text @returns {Plan} */
export function arrive(plan, text) {
  const incoming = plainText(text);
  if (isSamePlan(plan.plan, incoming)) return isEdited(plan) ? plan : asItCame(plan, incoming);
  const flags = locksIn(plan, incoming);
  return { ...plan, plan: incoming, text: incoming, flags, order: wholeOrder([], flags.length), approved: false };
}

/** The same chain again, as this version reads it: colors and tags may differ from those of an earlier version.
 * @param {Plan} plan @param {string} incoming @returns {Plan} */
function asItCame(plan, incoming) {
  const [old, now] = [readText(plan.plan).marks, readText(incoming).marks];
  const differs = old.some((mark, i) => !now[i] || !samePhrase(mark, now[i]) || mark.color.word !== now[i].color.word);
  return differs ? { ...plan, plan: incoming, text: incoming } : plan;
}

/** The person takes another plan instead, for example a pasted one. It is an edit. Without flags for it, a locked region
 * that is the same in it stays locked. @param {Plan} plan @param {string} text @param {readonly Flags[]} [known]
 * @returns {Plan} */
export function replacePlan(plan, text, known) {
  const incoming = plainText(text);
  if (incoming === plan.text) return plan;
  const flags = known ?? locksIn(plan, incoming);
  return changed(plan, { text: incoming, flags, order: wholeOrder([], flags.length) });
}

/** The state of each region of a text that comes in place of a plan's. @param {Plan} plan @param {string} text
 * @returns {Flags[]} */
function locksIn(plan, text) {
  const old = readText(plan.text).marks;
  return readText(text).marks.map((mark) => {
    const same = old.findIndex((other, i) => plan.flags[i].locked && sameRegion(mark, other));
    return { locked: same >= 0, hidden: false, ...savedGuide(plan.flags[same] ?? {}) };
  });
}

/** Is this the chain that the plan came as? @param {Plan} plan @param {string} text */
export function isPlanOf(plan, text) {
  return isSamePlan(plan.plan, plainText(text));
}

/** Put the chain from upstream back. The size stays. @param {Plan} plan @returns {Plan} */
export function backToPlan(plan) {
  const flags = readText(plan.plan).marks.map(unmarked);
  const whole = { plan: plan.plan, text: plan.plan, flags, order: wholeOrder([], flags.length) };
  const back = { ...EMPTY, ...whole, size: plan.size };
  return serializePlan(back) === serializePlan(plan) ? plan : back;
}

/** Choose the size of the image to draw; null for the chain's own. A size that no image can have changes nothing.
 * @param {Plan} plan @param {Size | null} size @returns {Plan} */
export function setSize(plan, size) {
  if (String(size) === String(plan.size) || (size && !isSize(size))) return plan;
  return changed(plan, { size });
}

/** Accept the plan as it came. @param {Plan} plan @returns {Plan} */
export function approve(plan) {
  return plan.approved ? plan : { ...plan, approved: true };
}

/** Another text, typed or pasted. Locks and hiding follow their regions: in reading order if there are as many as
 * before, else by region, by box, then by phrase. @param {Plan} plan
 * @param {string} text @returns {Plan} */
export function typeText(plan, text) {
  if (text === plan.text) return plan;
  const old = readText(plan.text).marks;
  const now = readText(text).marks;
  const came = matchMarks(old, now);
  const flags = came.map((index) => plan.flags[index] ?? unmarked());
  const places = new Map(plan.order.map((index, place) => [index, place]));
  const order = came.map((_, i) => i);
  const isMonotone = plan.order.every((index, place) => index === place);
  if (!isMonotone) order.sort((a, b) => (places.get(came[a]) ?? Infinity) - (places.get(came[b]) ?? Infinity) || a - b);
  return changed(plan, { text, flags, order });
}

/** The typed text with the box colors that change along with their phrases, as in `rephrase`. @param {Plan} before the
 * plan before the typing @param {Plan} typed @returns {Plan} */
export function colorsAlong(before, typed) {
  const came = matchMarks(readText(before.text).marks, readText(typed.text).marks);
  return came.reduce((plan, old, i) => withColorsAlong(before, plan, i, old), typed);
}

/** Which old mark each new one was; -1 for none. @param {readonly Mark[]} old @param {readonly Mark[]} now
 * @returns {number[]} */
function matchMarks(old, now) {
  return old.length === now.length ? now.map((_, i) => i) : cameFrom(old, now, [sameRegion, sameBox, samePhrase]);
}

/** Which old mark each new one was; -1 for none. The first rule that finds one counts. @param {readonly Mark[]} old
 * @param {readonly Mark[]} now @param {((a: Mark, b: Mark) => boolean)[]} rules @returns {number[]} */
export function cameFrom(old, now, rules) {
  const came = now.map(() => -1);
  const free = new Set(old.keys());
  for (const isSame of rules)
    now.forEach((mark, i) => {
      const found = came[i] < 0 ? old.findIndex((other, j) => free.has(j) && isSame(mark, other)) : -1;
      if (found < 0) return;
      came[i] = found;
      free.delete(found);
    });
  return came;
}

// ----------------------------------------------------------------------------------------------------- one region

/** Another box: only its numbers change in the text. Serves moving and resizing. @param {Plan} plan
 * @param {number} index @param {Box} box @returns {Plan} */
export function moveRegion(plan, index, box) {
  return moveRegions(plan, [{ index, box }]);
}

/** Other boxes of regions, each named once. A locked region stays, and so does one whose new box is none.
 * @param {Plan} plan @param {readonly {index: number, box: Box}[]} moves @returns {Plan} */
export function moveRegions(plan, moves) {
  const edits = moves.flatMap(({ index, box }) => {
    const mark = unlocked(plan, index);
    const [x0, y0, x1, y1] = box;
    if (!mark?.box || x0 < 0 || y0 < 0 || x0 >= x1 || y0 >= y1 || x1 > LAST || y1 > LAST) return [];
    const was = mark.box;
    return mark.numberSpans.flatMap((span, i) => (box[i] === was[i] ? [] : [edit(span, String(box[i]))]));
  });
  return edits.length ? changed(plan, { text: splicedAll(plan.text, edits) }) : plan;
}

/** Another color word; null comes back for a word that is no color. @param {Plan} plan @param {number} index
 * @param {string} word @returns {Plan | null} */
export function recolor(plan, index, word) {
  return recolorRegions(plan, [index], word);
}

/** The same color word for regions, each named once; null comes back for a word that is no color. Locked regions stay.
 * @param {Plan} plan @param {readonly number[]} indices @param {string} word @returns {Plan | null} */
export function recolorRegions(plan, indices, word) {
  const color = findColor(word.trim());
  return color && keepingColors(plan, (now) => withColor(now, indices, color.word), indices);
}

/** @param {Plan} plan @param {readonly number[]} indices @param {string} word @returns {Plan} */
function withColor(plan, indices, word) {
  const edits = indices.flatMap((index) => {
    const mark = unlocked(plan, index);
    if (!mark?.box || (mark.colorSpan && mark.color.word === word && !mark.problem)) return [];
    return [mark.colorSpan ? edit(mark.colorSpan, word) : colorEdit(mark, word)];
  });
  return edits.length ? changed(plan, { text: splicedAll(plan.text, edits) }) : plan;
}

/** An edit after which the boxes that have their colors from the palette still show them: the colors are written where the
 * edit would change any of them. @param {Plan} plan @param {(plan: Plan) => Plan} how keeps the regions and their indices
 * @param {readonly number[]} [except] regions that the edit may give other colors @returns {Plan} */
function keepingColors(plan, how, except = []) {
  const now = how(plan);
  const changes = new Set(except);
  const [old, marks] = [readText(plan.text).marks, readText(now.text).marks];
  const given = old.flatMap((mark, i) => (mark.box && !mark.colorSpan && !colorIn(mark.phrase) && !changes.has(i) ? [i] : []));
  if (given.every((i) => marks[i]?.color.word === old[i].color.word)) return now;
  const edits = given.map((i) => colorEdit(old[i], old[i].color.word));
  return how({ ...plan, text: splicedAll(plan.text, edits) });
}

/** Another phrase for a box. The box color changes along if it was the one that the phrase names. @param {Plan} plan
 * @param {number} index @param {string} phrase @returns {Plan} */
export function rephrase(plan, index, phrase) {
  return keepingColors(plan, (now) => withOtherPhrase(now, index, phrase), [index]);
}

/** @param {Plan} plan @param {number} index @param {string} phrase @returns {Plan} */
function withOtherPhrase(plan, index, phrase) {
  const mark = unlocked(plan, index);
  const words = safePhrase(phrase);
  if (!mark || !words || words === mark.phrase) return plan;
  const [at] = mark.boxSpan;
  const write = (/** @type {string[]} */ [written]) =>
    mark.phraseSpan[0] < mark.phraseSpan[1]
      ? spliced(plan.text, mark.phraseSpan, written)
      : spliced(plan.text, [at, at], `${spaceAfter(plan.text.slice(0, at))}${written} `);
  return withColorsAlong(plan, changed(plan, { text: withWholePhrases(write, [words], index) }), index);
}

/** Another span of the text as the phrase of a region: in square brackets if the grammar would find another phrase.
 * @param {Plan} plan @param {number} index @param {[number, number]} span @returns {Plan} */
export function markPhrase(plan, index, span) {
  const text = unlocked(plan, index) ? withPhrase(plan.text, index, span) : null;
  return text === null || text === plan.text ? plan : withColorsAlong(plan, changed(plan, { text }), index);
}

/** The plan `now`, in which the phrase of a region became another one than in `before`. A box color that is the one of
 * the old phrase becomes that of the new phrase, if it names one. @param {Plan} before @param {Plan} now
 * @param {number} index @param {number} [old] the region's index in `before` @returns {Plan} */
function withColorsAlong(before, now, index, old = index) {
  const [was, mark] = [readText(before.text).marks[old], readText(now.text).marks[index]];
  if (!was || !mark?.box || mark.problem || mark.phrase === was.phrase) return now;
  const [named, color] = [colorIn(was.phrase), colorIn(mark.phrase)];
  const isAlong = named?.word === was.color.word && mark.color.word === was.color.word;
  return isAlong && color && mark.colorSpan && color.word !== named.word
    ? changed(now, { text: spliced(now.text, mark.colorSpan, color.word) })
    : now;
}

/** A text in which the phrases of regions are found as a whole: in square brackets if they are not found without them.
 * @param {(written: string[]) => string} write the text, by how the phrases are written
 * @param {string[]} phrases @param {number} first index of the first region @returns {string} */
function withWholePhrases(write, phrases, first) {
  const text = write(phrases);
  const { marks } = readText(text);
  const written = phrases.map((phrase, i) => (!phrase || marks[first + i]?.phrase === phrase ? phrase : `[${phrase}]`));
  return written.some((one, i) => one !== phrases[i]) ? write(written) : text;
}

/** A new region, in a sentence of its own at the end of the chain. Its index is the last one.
 * @param {Plan} plan @param {string} phrase @param {Box} box @param {string} [color] if left out, the phrase's, else the
 * palette's next @param {Partial<Guide>} [guide] @returns {Plan} */
export function addRegion(plan, phrase, box, color, guide) {
  return addRegions(plan, [{ phrase, box, color, guide }]);
}

/** New regions, each in a sentence of its own at the end of the chain. Their indices are the last ones.
 * @param {Plan} plan @param {readonly NewRegion[]} regions @returns {Plan} */
export function addRegions(plan, regions) {
  return regions.length ? keepingColors(plan, (now) => withRegions(now, regions)) : plan;
}

/** @param {Plan} plan @param {readonly NewRegion[]} regions @returns {Plan} */
function withRegions(plan, regions) {
  const { marks } = readText(plan.text);
  const others = marks.map((mark) => ({ written: mark.color, phrase: "" }));
  const wanted = regions.map(({ color, phrase }) => ({ written: findColor(color ?? ""), phrase }));
  const colors = givenColors([...others, ...wanted]).slice(marks.length);
  const end = endOfChain(plan.text);
  const [before, after] = [plan.text.slice(0, end).trimEnd(), plan.text.slice(end)];
  const stop = !before || /[.!?。！？]$/u.test(before) ? "" : ".";
  const write = (/** @type {string[]} */ written) => {
    const sentences = regions.map(({ box }, i) => `${written[i]} ${boxText(box)} (${colors[i].word}).`.trimStart());
    return [...(before ? [before + stop] : []), ...sentences].join(" ") + after;
  };
  const text = withWholePhrases(write, regions.map(({ phrase }) => safePhrase(phrase)), marks.length);
  const flags = regions.map(({ guide = {} }) => ({ ...unmarked(), ...savedGuide(guide) }));
  return changed(plan, { text, flags: [...plan.flags, ...flags], order: [...plan.order, ...regions.map((_, i) => marks.length + i)] });
}

const ASIDES = /^[^()]*(?:\([^()]*\)[^()]*)+$/u; // round brackets in pairs, none within another
const OPENS_PHRASE = /(?:\[|<\|obj(?:ect_ref)?_start\|>)$/u;

/** Remove phrase and box from the sentence, and repair the rest of it. @param {Plan} plan @param {number} index
 * @returns {Plan} */
export function removeRegion(plan, index) {
  const mark = unlocked(plan, index);
  if (!mark) return plan;
  const left = plan.text.slice(0, mark.phraseSpan[0]).replace(OPENS_PHRASE, "");
  const right = plan.text.slice(mark.boxSpan[1]);
  const text = repaired(left, right, /^\p{Lu}/u.test(mark.phrase));
  const flags = plan.flags.filter((_, i) => i !== index);
  const order = plan.order.filter((i) => i !== index).map((i) => (i > index ? i - 1 : i));
  return changed(plan, { text, flags, order });
}

/** Lock a region, or unlock it. A locked one keeps phrase, box and color.
 * @param {Plan} plan @param {number} index @param {boolean} locked @returns {Plan} */
export function setLocked(plan, index, locked) {
  return flagged(plan, index, { locked });
}

/** Hide a region on the canvas, or show it. Runs are the same.
 * @param {Plan} plan @param {number} index @param {boolean} hidden @returns {Plan} */
export function setHidden(plan, index, hidden) {
  return flagged(plan, index, { hidden });
}

/** Set how a region guides, also a locked one. @param {Plan} plan @param {number} index
 * @param {Partial<Guide>} guide @returns {Plan} */
export function setGuide(plan, index, guide) {
  return flagged(plan, index, guide);
}

/** @param {Flags} flags */
function guides(flags) {
  return !sameGuide(flags, {});
}

/** One place further to the front. The text stays. @param {Plan} plan @param {number} index */
export function bringForward(plan, index) {
  return shifted(plan, index, 1);
}

/** One place further to the back. @param {Plan} plan @param {number} index */
export function sendBack(plan, index) {
  return shifted(plan, index, -1);
}

/** To a place of its own, 0 at the back. The text stays. @param {Plan} plan @param {number} index @param {number} place
 * @returns {Plan} */
export function placeRegion(plan, index, place) {
  const others = plan.order.filter((other) => other !== index);
  const order = [...others.slice(0, place), index, ...others.slice(place)];
  return order.length !== plan.order.length || String(order) === String(plan.order) ? plan : changed(plan, { order });
}

// ------------------------------------------------------------------------------------------------------------ helpers

/** An edit by the person. It replaces a saved value that could not be read. @param {Plan} plan
 * @param {Partial<Plan>} change @returns {Plan} */
function changed(plan, change) {
  const next = { ...plan, ...change, raw: null, notice: null };
  const count = readText(next.text).marks.length;
  if (count === next.flags.length && count === next.order.length) return next;
  const flags = Array.from({ length: count }, (_, i) => next.flags[i] ?? unmarked());
  return { ...next, flags, order: wholeOrder(next.order, count) };
}

/** @param {Plan} plan @param {number} index @param {Partial<Flags>} change */
function flagged(plan, index, change) {
  const old = plan.flags[index];
  if (!old) return plan;
  const now = { ...old, ...change };
  if (now.locked === old.locked && now.hidden === old.hidden && sameGuide(now, old)) return plan;
  return changed(plan, { flags: plan.flags.map((flags, i) => (i === index ? now : flags)) });
}

/** @param {Plan} plan @param {number} index @param {1 | -1} by */
function shifted(plan, index, by) {
  const place = plan.order.indexOf(index) + by;
  return place < 0 || place >= plan.order.length ? plan : placeRegion(plan, index, place);
}

/** The mark of a region that may be changed. @param {Plan} plan @param {number} index @returns {Mark | undefined} */
function unlocked(plan, index) {
  return plan.flags[index]?.locked ? undefined : readText(plan.text).marks[index];
}

/** @param {readonly number[]} order @param {number} count */
function wholeOrder(order, count) {
  const kept = [...new Set(order)].filter((index) => index >= 0 && index < count);
  return [...kept, ...Array.from({ length: count }, (_, i) => i).filter((i) => !kept.includes(i))];
}

/** @returns {Flags} */
function unmarked() {
  return { locked: false, hidden: false };
}

/** @param {string} text @param {readonly [number, number]} span @param {string} by */
function spliced(text, span, by) {
  return splicedAll(text, [edit(span, by)]);
}

/** A text with other words in some spans, which do not overlap. @param {string} text @param {Edit[]} edits */
function splicedAll(text, edits) {
  let [result, start] = ["", 0];
  for (const { span, by } of edits.sort((a, b) => a.span[0] - b.span[0])) {
    result += text.slice(start, span[0]) + by;
    start = span[1];
  }
  return result + text.slice(start);
}

/** @param {readonly [number, number]} span @param {string} by @returns {Edit} */
function edit(span, by) {
  return { span, by };
}

/** Writes a color after a box that has none. @param {Mark} mark @param {string} word */
function colorEdit({ boxSpan: [, at] }, word) {
  return edit([at, at], ` (${word})`);
}

/** A phrase without what the grammar reads as something else: markers and square brackets, and round ones unless they
 * are only an aside in the phrase. @param {string} phrase */
function safePhrase(phrase) {
  const words = phrase.replace(/[<>|[\]\s]+/g, " ").trim();
  if (!/[()]/.test(words)) return words;
  const bare = words.replace(/[()\s]+/g, " ").trim();
  const read = (/** @type {string} */ written) => readText(`${written} ${boxText([0, 0, LAST, LAST])} (red)`).marks;
  const [plain, bracketed] = [read(words), read(`[${words}]`)];
  const isWhole = plain.length === 1 && (plain[0].phrase === words || bracketed[0].phrase === words);
  return bare && ASIDES.test(words) && isWhole ? words : bare;
}

/** @param {string} text */
function spaceAfter(text) {
  return !text || /\s$/.test(text) ? "" : " ";
}

/** Same phrase, box and color? @param {Mark} a @param {Mark} b */
export function sameRegion(a, b) {
  return samePhrase(a, b) && a.color.word === b.color.word && String(a.box) === String(b.box);
}

/** Same box, which can be read? @param {Mark} a @param {Mark} b */
export function sameBox(a, b) {
  return a.box !== null && String(a.box) === String(b.box);
}

/** Same phrase? @param {Mark} a @param {Mark} b */
export function samePhrase(a, b) {
  return a.phrase === b.phrase;
}
