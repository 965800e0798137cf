// Regions on the clipboard: the text is a chain, and what comes back is checked as a saved plan is.

import assert from "node:assert/strict";
import test from "node:test";
import { canonicalText, parseRegions, readText } from "../../web/editor/model/chain/chain.mjs";
import { clipOf, MOST_DATA, pasteRegions } from "../../web/editor/model/plan/clipboard.mjs";
import { arrive, EMPTY, setLocked } from "../../web/editor/model/plan/plan.mjs";

const TEXT = "A cup (100,100),(200,200) (red) is left of a hat (300,150),(500,300) (green).";

test("what is copied is a chain with the same regions", () => {
  const clip = clipOf(arrive(EMPTY, TEXT), [1, 0]);
  assert.ok(clip);
  const regions = parseRegions(canonicalText(clip.text));
  assert.deepEqual(regions.map(({ phrase, box, color }) => [phrase, String(box), color.word]), [
    ["a hat", "300,150,500,300", "green"],
    ["A cup", "100,100,200,200", "red"],
  ]);
  assert.equal(clipOf(EMPTY, []), null);
});

test("regions come into another plan, with what they carry, and aside of what is there", () => {
  const plan = arrive(EMPTY, TEXT);
  const guided = { ...plan, flags: [{ ...plan.flags[0], strength: 0.4 }, plan.flags[1]] };
  const clip = clipOf(setLocked(guided, 0, true), [0]);
  const pasted = pasteRegions(arrive(EMPTY, "a dog (1,2),(30,40) (blue)"), clip?.data ?? "");
  assert.ok(pasted);
  assert.deepEqual(readText(pasted.text).marks.map(({ phrase, box }) => [phrase, String(box)]), [["a dog", "1,2,30,40"], ["A cup", "100,100,200,200"]]);
  assert.deepEqual(pasted.flags[1], { locked: false, hidden: false, strength: 0.4 });
  const twice = pasteRegions(pasted, clip?.data ?? "");
  assert.deepEqual(readText(twice?.text ?? "").marks[2].box, [120, 120, 220, 220]);
});

test("data that are not an editor's regions are refused", () => {
  const good = clipOf(arrive(EMPTY, TEXT), [0])?.data ?? "";
  const saved = JSON.parse(good);
  const wrong = [
    "",
    "not ours",
    "null",
    JSON.stringify({ ...saved, version: 99 }),
    JSON.stringify({ ...saved, text: 5 }),
    JSON.stringify({ ...saved, text: "a cup (1,2),(3)" }),
    JSON.stringify({ ...saved, text: "a cup (700,2),(3,4) (red)" }),
    JSON.stringify({ ...saved, text: "no box" }),
    JSON.stringify({ ...saved, regions: [{ locked: false, hidden: false, __proto__: 1, run: "x" }] }),
    JSON.stringify({ ...saved, regions: [{ locked: "no", hidden: false }] }),
    `${good}${" ".repeat(MOST_DATA)}`,
  ];
  assert.deepEqual(wrong.filter((data) => pasteRegions(EMPTY, data) !== null), []);
  assert.ok(pasteRegions(EMPTY, good));
});
