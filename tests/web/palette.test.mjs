// The person's colors: what is remembered, and which stored files are refused.

import assert from "node:assert/strict";
import test from "node:test";
import { forgetColor, keepColor, MOST_RECENT, NO_COLORS, parseColors, serializeColors, useColor } from "../../web/editor/model/state/palette.mjs";

test("the last used colors come first, without those of the palettes", () => {
  let colors = keepColor(NO_COLORS, "teal");
  assert.equal(colors.own.length, 0, "the standard palette has it");
  colors = keepColor(colors, "Light Blue");
  for (const word of ["red", "gold", "#FF8800", "lightblue", "navy", "gold", "no color"]) colors = useColor(colors, word);
  assert.deepEqual(colors, { own: ["lightblue"], recent: ["gold", "navy", "#ff8800"] });
  assert.deepEqual(keepColor(colors, "navy"), { own: ["lightblue", "navy"], recent: ["gold", "#ff8800"] });
  assert.deepEqual(forgetColor(colors, "lightblue").own, []);
});

test("only so many recent colors are remembered", () => {
  let colors = NO_COLORS;
  for (let i = 0; i < 20; i++) colors = useColor(colors, `#0000${String(i).padStart(2, "0")}`);
  assert.deepEqual([colors.recent.length, colors.recent[0]], [MOST_RECENT, "#000019"]);
});

test("colors come back from a file, and other files are refused", () => {
  const colors = { own: ["gold"], recent: ["#ff8800"] };
  assert.deepEqual(parseColors(serializeColors(colors)), colors);
  const wrong = ["", "null", "{}", '{"version":1,"own":"gold","recent":[]}', '{"version":1,"own":["red; x"],"recent":[]}', '{"version":2,"own":[],"recent":[]}', '{"version":1,"own":["Gold"],"recent":[]}'];
  assert.deepEqual(wrong.filter((text) => parseColors(text) !== null), []);
});
