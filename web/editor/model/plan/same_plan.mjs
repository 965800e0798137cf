// @ts-check
// Is a saved plan the chain that comes from upstream? As in got_models/chain/edits.py. Pure.

import { ChainError, canonicalText, parseRegions } from "../chain/chain.mjs";
import { PALETTE } from "../chain/colors.mjs";
import { withoutTags } from "../chain/phrases.mjs";

/** @typedef {import("../chain/chain.mjs").Region} Region */

/** Are two texts the same plan, also if an earlier version of this pack read the first one? Tags around phrases make no
 * difference. Boxes without a color got the palette's next ones up to version 0.1, whatever their phrases say.
 * @param {string} saved @param {string} text */
export function isSamePlan(saved, text) {
  if (saved === text) return true;
  try {
    return isSame(withoutTags(canonicalText(saved)), withoutTags(canonicalText(text)));
  } catch (error) {
    if (!(error instanceof ChainError)) throw error;
    return saved.trim() === text.trim();
  }
}

/** @param {string} saved @param {string} text both in GoT's form */
function isSame(saved, text) {
  if (saved === text) return true;
  const [old, now] = [parseRegions(saved), parseRegions(text)];
  const given = now.flatMap(({ color }, i) => (color.word === old[i]?.color.word ? [] : [i]));
  const none = new Map();
  if (old.length !== now.length || !given.length || withColors(saved, old, none) !== withColors(text, now, none)) return false;
  return wasRead(text, now, given, saved) || wasRead(text, now, [...now.keys()], saved);
}

/** Are `text` and `saved` the present and the earlier reading of one text, in which these regions have no color?
 * @param {string} text @param {Region[]} regions @param {number[]} without @param {string} saved */
function wasRead(text, regions, without, saved) {
  const colors = new Map(regions.map(({ color }, i) => [i, color.word]));
  for (const i of without) colors.delete(i);
  if (canonicalText(withColors(text, regions, colors)) !== text) return false;
  const used = new Set(colors.values());
  const free = PALETTE.filter((word) => !used.has(word));
  without.forEach((i, count) => colors.set(i, free[count] ?? PALETTE[count % PALETTE.length]));
  return withColors(text, regions, colors) === saved;
}

/** The text with these colors after the boxes of `regions`; none where none is given. @param {string} text
 * @param {Region[]} regions @param {Map<number, string>} colors */
function withColors(text, regions, colors) {
  let [result, start] = ["", 0];
  regions.forEach(({ boxSpan: [first, stop] }, i) => {
    const box = text.slice(first, stop).replace(/ \([^()]*\)$/, "");
    result += text.slice(start, first) + box + (colors.has(i) ? ` (${colors.get(i)})` : "");
    start = stop;
  });
  return result + text.slice(start);
}
