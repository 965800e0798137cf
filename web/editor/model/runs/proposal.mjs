// @ts-check
// A plan that may replace the one that is shown: how it came, what was understood of it, and how it differs. Pure.

import { readText } from "../chain/chain.mjs";
import { cameFrom, sameBox, samePhrase, sameRegion } from "../plan/plan.mjs";

/** @typedef {import("../chain/chain.mjs").Mark} Mark */
/** @typedef {{order: string, units: string, width: number, height: number}} Settings width, height: 0 if unknown */
/**
 * What the server says of a text. settings: names of those that may help to read it.
 * @typedef {{text: string, form: string, order: string, units: string, note: string}} Understood
 * @typedef {{error: string, settings: string[]}} Refused
 */
/**
 * @typedef {object} Proposal
 * @property {string | null} raw the text that was pasted or dropped; null for the answer to a wish or an earlier plan
 * @property {boolean} typed it was pasted into the text field, and can be inserted there as it is
 * @property {Settings} settings how its numbers are read
 * @property {Understood | Refused | null} answer null while it is being read
 * @property {readonly import("../plan/plan.mjs").Flags[]} [flags] of its regions, if it is an earlier plan of the person
 */
/** @typedef {"same" | "moved" | "changed" | "added" | "removed"} Kind */
/** @typedef {{kind: Kind, old: Mark | null, now: Mark | null, isLocked: boolean}} Difference */

export const MOST_READ = 1_000_000; // bytes that the server reads
export const ORDERS = ["auto", "left top right bottom", "top left bottom right", "left top width height"];
export const UNITS = ["auto", "thousandths", "fractions", "pixels"];

/** @type {Settings} */
export const AUTO = Object.freeze({ order: "auto", units: "auto", width: 0, height: 0 });

const NUMBER = /(?<!\p{Nd})\p{Nd}/gu; // where one begins
const NUMBERS = 4; // of a box

/** Is a text that goes into the text field to be read as a plan in another form first? Prose is not, nor is what the
 * field reads itself. @param {string} text */
export function mayBePlan(text) {
  if ((text.match(NUMBER)?.length ?? 0) < NUMBERS) return false;
  const { marks, problems } = readText(text);
  return !marks.length || problems.length > 0;
}

/** The person's changes, to be used again in place of the plan that replaced them.
 * @param {import("../plan/plan.mjs").Plan} plan
 * @returns {Proposal} */
export function changesOf({ text, flags }) {
  return { raw: null, typed: false, settings: AUTO, flags, answer: { text, form: "", order: "", units: "", note: "" } };
}

/** The chain of a proposal that can replace the plan; null if there is none. @param {Proposal | null} proposal */
export function chainOf(proposal) {
  const answer = proposal?.answer;
  return answer && "text" in answer && readText(answer.text).marks.length ? answer.text : null;
}

/** How a text differs from another, region by region: those of the new one in reading order, then those that are gone.
 * @param {string} before @param {string} after
 * @param {readonly import("../plan/plan.mjs").Flags[]} flags of the regions before @returns {Difference[]} */
export function differences(before, after, flags) {
  const [old, now] = [readText(before).marks, readText(after).marks];
  const came = cameFrom(old, now, [sameRegion, samePhrase, sameBox, sameNoun]);
  const isLocked = (/** @type {number} */ index) => flags[index]?.locked ?? false;
  /** @type {Difference[]} */
  const found = now.map((mark, i) => {
    const other = old[came[i]] ?? null;
    return { kind: other ? kindOf(other, mark) : "added", old: other, now: mark, isLocked: isLocked(came[i]) };
  });
  old.forEach((mark, i) => {
    if (!came.includes(i)) found.push({ kind: "removed", old: mark, now: null, isLocked: isLocked(i) });
  });
  return found;
}

/** The phrases of locked regions that are not word for word in the new plan. @param {readonly Difference[]} found */
export function lostLocks(found) {
  return found.filter(({ kind, isLocked }) => isLocked && kind !== "same").map(({ old }) => old?.phrase ?? "");
}

/** @param {Mark} old @param {Mark} now @returns {Kind} */
function kindOf(old, now) {
  if (sameRegion(old, now)) return "same";
  return samePhrase(old, now) && old.color.word === now.color.word ? "moved" : "changed";
}

/** Do two phrases end in the same word? "a dog" and "a big dog" do. @param {Mark} a @param {Mark} b */
function sameNoun(a, b) {
  const last = (/** @type {Mark} */ { phrase }) => phrase.toLowerCase().split(/\s+/u).at(-1);
  return a.phrase !== "" && last(a) === last(b);
}
