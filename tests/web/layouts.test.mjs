// Named layouts: what they do to a plan, and which stored files are refused.

import assert from "node:assert/strict";
import test from "node:test";
import { readText } from "../../web/editor/model/chain/chain.mjs";
import * as layouts from "../../web/editor/model/plan/layouts.mjs";
import { messagesFor } from "../../web/editor/model/messages.mjs";
import { arrive, EMPTY, setLocked } from "../../web/editor/model/plan/plan.mjs";

const TEXT = "A cup (100,100),(200,200) (red) is left of a hat (300,150),(500,300) (green) and a dog (1,2),(30,40) (blue).";
const COLUMNS = layouts.BUILT_IN.find(({ key }) => key === "layoutColumns")?.slots ?? [];

test("every built-in layout makes regions that can be drawn and ask for a name", () => {
  for (const { key, slots } of layouts.BUILT_IN) {
    const { marks, problems } = readText(layouts.applyLayout(EMPTY, slots).text);
    assert.deepEqual([marks.length, problems], [slots.length, []], key);
    assert.deepEqual(marks.map(({ phrase, box }) => ({ phrase, box })), slots.map(({ phrase, box }) => ({ phrase, box })), key);
    assert.ok(marks.every(({ phrase }) => layouts.isPlaceholder(phrase)), key);
    assert.ok(messagesFor("en")[key] && messagesFor("zh")[key], key);
  }
  assert.ok(!layouts.isPlaceholder("a red cup") && !layouts.isPlaceholder("an objective lens"));
});

test("on a plan, boxes move in reading order, and phrases and colors stay", () => {
  const moved = layouts.applyLayout(arrive(EMPTY, TEXT), COLUMNS);
  assert.equal(moved.text, "A cup (40,80),(479,919) (red) is left of a hat (520,80),(959,919) (green) and a dog (1,2),(30,40) (blue).");
  assert.equal(layouts.withoutSlot(arrive(EMPTY, TEXT), COLUMNS), 1);
  assert.equal(layouts.withoutSlot(EMPTY, COLUMNS), 0);
});

test("locked regions stay, and the others take the boxes", () => {
  const plan = setLocked(arrive(EMPTY, TEXT), 0, true);
  const boxes = readText(layouts.applyLayout(plan, COLUMNS).text).marks.map(({ box }) => box);
  assert.deepEqual(boxes, [[100, 100, 200, 200], [40, 80, 479, 919], [520, 80, 959, 919]]);
  assert.equal(layouts.withoutSlot(plan, COLUMNS), 0);
});

test("a plan is saved as a layout, and comes back with its phrases", () => {
  const layout = layouts.layoutOf(arrive(EMPTY, TEXT), "  my\nplan \u0007");
  assert.ok(layout);
  assert.equal(layout.name, "my plan");
  const [read] = layouts.parseLayouts(layouts.serializeLayouts([layout])) ?? [];
  const again = layouts.applyLayout(EMPTY, read.slots);
  assert.deepEqual(readText(again.text).marks.map(({ phrase, color }) => [phrase, color.word]), [["A cup", "red"], ["a hat", "green"], ["a dog", "blue"]]);
  assert.equal(layouts.layoutOf(EMPTY, "nothing"), null);
});

test("a layout of the same name is replaced", () => {
  const [one, two] = ["b", "a"].map((name) => ({ name, slots: COLUMNS }));
  const both = layouts.withLayout(layouts.withLayout([], one), two);
  assert.deepEqual(both.map(({ name }) => name), ["a", "b"]);
  assert.equal(layouts.withLayout(both, one).length, 2);
  assert.deepEqual(layouts.withoutLayout(both, "a"), [one]);
});

test("files that are no layouts are refused as a whole", () => {
  const slot = { phrase: "a cup", box: [1, 2, 30, 40], color: "red" };
  const file = (/** @type {any} */ change, /** @type {any} */ at = {}) =>
    JSON.stringify({ version: 1, layouts: [{ name: "one", slots: [{ ...slot, ...change }], ...at }] });
  const wrong = [
    "", "[]", "null", "{", JSON.stringify({ version: 2, layouts: [] }), JSON.stringify({ version: 1, layouts: [null] }),
    file({ box: [1, 2, 3] }), file({ box: [1, 2, 1, 4] }), file({ box: [0.5, 2, 3, 4] }), file({ box: [0, 0, 10, 1000] }),
    file({ color: "nocolor" }), file({ color: 5 }), file({ phrase: 7 }), file({ phrase: "x".repeat(501) }),
    file({}, { name: "" }), file({}, { name: " one" }), file({}, { name: 3 }), file({}, { slots: [] }), file({}, { slots: "x" }),
  ];
  assert.deepEqual(wrong.filter((text) => layouts.parseLayouts(text) !== null), []);
  assert.equal(layouts.parseLayouts(file({}))?.length, 1);
});
