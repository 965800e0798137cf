// @ts-check
// Named layouts: boxes to start a plan from. Built-in ones, and those that the person saved. Pure.

import { LAST, readText } from "../chain/chain.mjs";
import { findColor } from "../chain/colors.mjs";
import { addRegions, moveRegions } from "./plan.mjs";

/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {import("./plan.mjs").Plan} Plan */
/** @typedef {{phrase: string, box: Box, color?: string}} Slot */
/** @typedef {{name: string, slots: readonly Slot[]}} Layout */
/** @typedef {{key: `layout${string}` & keyof import("../messages.mjs").Messages, slots: readonly Slot[]}} BuiltIn key: its name */

export const MOST_LAYOUTS = 100;
const MOST_SLOTS = 100;
export const MOST_NAME = 60; // characters
const MOST_PHRASE = 500;
const MOST_FILE = 1_000_000; // characters
const VERSION = 1;

// A phrase that begins like this waits for its real name. A model draws it all the same.
const UNNAMED = /^an object\b/i;

/** @type {readonly BuiltIn[]} */
export const BUILT_IN = [
  {
    key: "layoutThirds",
    slots: [slot("as the main subject", 120, 250, 546, 949), slot("far away", 583, 183, 749, 483)],
  },
  { key: "layoutPortrait", slots: [slot("as the head", 330, 90, 669, 480), slot("as the shoulders", 150, 481, 849, 999)] },
  { key: "layoutCenter", slots: [slot("in the center", 200, 200, 799, 799)] },
  { key: "layoutColumns", slots: [slot("on the left", 40, 80, 479, 919), slot("on the right", 520, 80, 959, 919)] },
  {
    key: "layoutThree",
    slots: [
      slot("on the left", 20, 150, 319, 849),
      slot("in the middle", 350, 150, 649, 849),
      slot("on the right", 680, 150, 979, 849),
    ],
  },
  {
    key: "layoutDepth",
    slots: [slot("in the background", 0, 0, 999, 599), slot("in the foreground", 200, 400, 799, 979)],
  },
  {
    key: "layoutHorizon",
    slots: [slot("in the sky", 0, 0, 999, 449), slot("on the ground", 0, 450, 999, 999)],
  },
  {
    key: "layoutQuarters",
    slots: [
      slot("at the top left", 30, 30, 484, 484),
      slot("at the top right", 515, 30, 969, 484),
      slot("at the bottom left", 30, 515, 484, 969),
      slot("at the bottom right", 515, 515, 969, 969),
    ],
  },
];

/** @param {string} where @param {Box} box @returns {Slot} */
function slot(where, ...box) {
  return { phrase: `an object ${where}`, box };
}

/** Does a region wait for its name? @param {string} phrase */
export function isPlaceholder(phrase) {
  return UNNAMED.test(phrase);
}

// ------------------------------------------------------------------------------------------------------------ applying

/** A layout on a plan. In an empty plan it makes its regions. Else the boxes of the regions that are not locked move, in
 * reading order, as far as there are boxes. @param {Plan} plan @param {readonly Slot[]} slots @returns {Plan} */
export function applyLayout(plan, slots) {
  const { marks } = readText(plan.text);
  return marks.length ? moveRegions(plan, goals(plan, slots)) : addRegions(plan, slots);
}

/** How many regions a layout leaves where they are because it has no box for them. @param {Plan} plan
 * @param {readonly Slot[]} slots */
export function withoutSlot(plan, slots) {
  const { marks } = readText(plan.text);
  return marks.length ? freeRegions(plan).length - goals(plan, slots).length : 0;
}

/** @param {Plan} plan @param {readonly Slot[]} slots */
function goals(plan, slots) {
  return freeRegions(plan)
    .slice(0, slots.length)
    .map((index, i) => ({ index, box: slots[i].box }));
}

/** The regions that can move. @param {Plan} plan */
function freeRegions(plan) {
  const { marks } = readText(plan.text);
  return marks.flatMap(({ box }, index) => (box && !plan.flags[index]?.locked ? [index] : []));
}

// ------------------------------------------------------------------------------------------------------- saved layouts

/** The plan as a layout; null if it has no region that can be read. @param {Plan} plan @param {string} name
 * @returns {Layout | null} */
export function layoutOf(plan, name) {
  const slots = readText(plan.text).marks.flatMap(({ phrase, box, color }) =>
    box ? [{ phrase: phrase.slice(0, MOST_PHRASE), box, color: color.word }] : []);
  return slots.length && slots.length <= MOST_SLOTS ? { name: cleanName(name), slots } : null;
}

/** A name as it is saved: "" if nothing is left of it. @param {string} name */
function cleanName(name) {
  return [...name.replace(/[\p{Cc}\p{Cf}\p{Cs}\s]+/gu, " ").trim()].slice(0, MOST_NAME).join("").trim();
}

/** With one layout more, in place of one of the same name. @param {readonly Layout[]} layouts @param {Layout} layout */
export function withLayout(layouts, layout) {
  return [...withoutLayout(layouts, layout.name), layout].sort((a, b) => a.name.localeCompare(b.name));
}

/** All layouts but one. @param {readonly Layout[]} layouts @param {string} name */
export function withoutLayout(layouts, name) {
  return layouts.filter((other) => other.name !== name);
}

/** The layouts of a stored file; null if it is not one, or one of a newer version. @param {string} text
 * @returns {Layout[] | null} */
export function parseLayouts(text) {
  if (text.length > MOST_FILE) return null;
  try {
    const { version, layouts } = JSON.parse(text);
    const isWhole = version === VERSION && Array.isArray(layouts) && layouts.length <= MOST_LAYOUTS && layouts.every(isLayout);
    return isWhole ? layouts : null;
  } catch {
    return null;
  }
}

/** The text of the stored file. @param {readonly Layout[]} layouts */
export function serializeLayouts(layouts) {
  return JSON.stringify({ version: VERSION, layouts });
}

/** @param {any} layout */
function isLayout(layout) {
  const { name, slots } = layout;
  const isNamed = typeof name === "string" && name !== "" && cleanName(name) === name;
  return isNamed && Array.isArray(slots) && slots.length > 0 && slots.length <= MOST_SLOTS && slots.every(isSlot);
}

/** @param {any} slot */
function isSlot({ phrase, box, color }) {
  const isBox = Array.isArray(box) && box.length === 4 && box.every((n) => Number.isInteger(n) && n >= 0 && n <= LAST);
  const isColor = color === undefined || (typeof color === "string" && findColor(color)?.word === color);
  return isBox && box[0] < box[2] && box[1] < box[3] && isColor && typeof phrase === "string" && phrase.length <= MOST_PHRASE;
}
