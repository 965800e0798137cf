// Several regions at once: they move, align and copy together, and locked ones stay.

import assert from "node:assert/strict";
import test from "node:test";
import * as arrange from "../../web/editor/model/plan/arrange.mjs";
import { readText } from "../../web/editor/model/chain/chain.mjs";
import { clipOf, pasteRegions } from "../../web/editor/model/plan/clipboard.mjs";
import { arrive, EMPTY, setHidden, setLocked } from "../../web/editor/model/plan/plan.mjs";

/** @typedef {import("../../web/editor/model/plan/plan.mjs").Plan} Plan */
/** @typedef {import("../../web/editor/model/plan/clipboard.mjs").Clip} Clip */

const TEXT = "a cup (100,100),(199,199) (red), a hat (300,150),(499,299) (green), a dog (700,600),(799,899) (blue)";
const ALL = [0, 1, 2];

const made = (text = TEXT) => arrive(EMPTY, text);
const boxes = (/** @type {Plan} */ plan) => readText(plan.text).marks.map(({ box }) => box);
const side = (/** @type {Plan} */ plan, /** @type {number} */ at) => boxes(plan).map((box) => box?.[at]);

test("regions align to what they cover together, each with its size", () => {
  const plan = made();
  assert.deepEqual(side(arrange.align(plan, ALL, "left"), 0), [100, 100, 100]);
  assert.deepEqual(side(arrange.align(plan, ALL, "right"), 2), [799, 799, 799]);
  assert.deepEqual(side(arrange.align(plan, ALL, "top"), 1), [100, 100, 100]);
  assert.deepEqual(side(arrange.align(plan, ALL, "bottom"), 3), [899, 899, 899]);
  assert.deepEqual(boxes(arrange.align(plan, ALL, "center")), [[400, 100, 499, 199], [350, 150, 549, 299], [400, 600, 499, 899]]);
  assert.deepEqual(side(arrange.align(plan, ALL, "middle"), 1), [450, 425, 350]);
});

test("one region alone aligns to the image", () => {
  const plan = made();
  assert.deepEqual(boxes(arrange.align(plan, [0], "center"))[0], [450, 100, 549, 199]);
  assert.deepEqual(boxes(arrange.align(plan, [0], "bottom"))[0], [100, 900, 199, 999]);
});

test("a locked region does not move, and the others align to it", () => {
  const plan = setLocked(made(), 0, true);
  assert.deepEqual(side(arrange.align(plan, ALL, "right"), 2), [199, 799, 799]);
  assert.deepEqual(side(arrange.align(plan, ALL, "left"), 0), [100, 100, 100]);
  assert.equal(arrange.removeAll(plan, [0]), plan);
  assert.equal(arrange.recolorAll(plan, [0], "gold"), plan);
});

test("gaps become equal, and the first and the last region stay", () => {
  const across = arrange.distribute(made(), ALL, "across");
  assert.deepEqual(boxes(across), [[100, 100, 199, 199], [350, 150, 549, 299], [700, 600, 799, 899]]);
  const down = arrange.distribute(made(), ALL, "down");
  assert.deepEqual(boxes(down)[1], [300, 325, 499, 474]);
  const two = made();
  assert.equal(arrange.distribute(two, [0, 1], "across"), two);
});

test("sizes become those of one region, around each middle and inside the image", () => {
  assert.deepEqual(boxes(arrange.equalize(made(), ALL, "width", 1)), [[50, 100, 249, 199], [300, 150, 499, 299], [650, 600, 849, 899]]);
  assert.deepEqual(boxes(arrange.equalize(made(), ALL, "height", 2))[0], [100, 0, 199, 299]);
});

test("order: regions at the end stay, the others go one place on", () => {
  const plan = made();
  assert.deepEqual(arrange.reorderAll(plan, [0, 1], 1).order, [2, 0, 1]);
  assert.deepEqual(arrange.reorderAll(plan, [1, 2], 1).order, [0, 1, 2]);
  assert.deepEqual(arrange.reorderAll(plan, [1, 2], -1).order, [1, 2, 0]);
  assert.deepEqual(arrange.reorderAll(plan, [0, 2], 1).order, [1, 0, 2]);
});

test("regions go, wherever they are in the text", () => {
  const left = arrange.removeAll(made(), [0, 2]);
  assert.deepEqual(readText(left.text).marks.map(({ phrase }) => phrase), ["a hat"]);
  assert.equal(left.flags.length, 1);
});

test("copies are beside the regions, with their color and what they carry, unlocked and shown", () => {
  const plan = setHidden(setLocked(made(), 0, true), 0, true);
  const guided = { ...plan, flags: plan.flags.map((flags, i) => (i ? flags : { ...flags, strength: 0.4 })) };
  const copied = arrange.duplicateAll(guided, [0, 1]);
  const { marks } = readText(copied.text);
  assert.deepEqual(boxes(copied).slice(3), [[120, 120, 219, 219], [320, 170, 519, 319]]);
  assert.deepEqual(marks.slice(3).map(({ phrase, color }) => [phrase, color.word]), [["a cup", "red"], ["a hat", "green"]]);
  assert.deepEqual(copied.flags[3], { locked: false, hidden: false, strength: 0.4 });
  const again = arrange.duplicateAll(copied, [0]);
  assert.deepEqual(boxes(again).at(-1), [140, 140, 239, 239]);
});

test("a copy of a region at the image's edge stays in it", () => {
  const copied = arrange.duplicateAll(made("a cup (900,900),(999,999) (red)"), [0]);
  assert.deepEqual(boxes(copied)[1], [880, 880, 979, 979]);
  const whole = arrange.duplicateAll(made("a wall (0,0),(999,999) (red)"), [0]);
  assert.deepEqual(boxes(whole)[1], [0, 0, 999, 999]);
});

test("a thousand regions are read and written as a whole: each edit takes a part of a second", () => {
  const plan = made(Array.from({ length: 1000 }, (_, i) => `A cup ${i} (${i % 400},10),(${(i % 400) + 50},60) (red).`).join(" "));
  const all = [...plan.flags.keys()];
  const clip = /** @type {Clip} */ (clipOf(plan, all));
  const edits = {
    copy: () => clipOf(plan, all),
    paste: () => pasteRegions(plan, clip.data),
    duplicate: () => arrange.duplicateAll(plan, all),
    align: () => arrange.align(plan, all, "right"),
    distribute: () => arrange.distribute(plan, all, "across"),
    equalize: () => arrange.equalize(plan, all, "width", 0),
    recolor: () => arrange.recolorAll(plan, all, "teal"),
    move: () => arrange.moveGroup(plan, arrange.placed(plan, all), 1, 1),
  };
  const slow = Object.entries(edits).filter(([, edit]) => {
    const start = performance.now();
    edit();
    return performance.now() - start > 2000; // one region at a time, each took 8 to 20 s
  });
  assert.deepEqual(slow.map(([name]) => name), []);
  assert.equal(readText(pasteRegions(plan, clip.data)?.text ?? "").marks.length, 2000);
});
