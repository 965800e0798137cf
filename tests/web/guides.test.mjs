// @ts-check
// How a region guides: what is saved of it, what follows it, what a run gets.

import assert from "node:assert/strict";
import test from "node:test";
import { duplicateAll } from "../../web/editor/model/plan/arrange.mjs";
import { isGuide, numberIn, sameGuide } from "../../web/editor/model/plan/guides.mjs";
import * as plans from "../../web/editor/model/plan/plan.mjs";
import { Store } from "../../web/editor/model/state/store.mjs";

const TEXT = "A red cup (100,200),(300,400) (red) and a green pear (500,200),(700,400) (green).";
const INK = { name: "styles/ink.safetensors", strength: 0.8 };
const PLAN = plans.arrive(plans.parsePlan(""), TEXT);
const SET = plans.setGuide(plans.setGuide(PLAN, 0, { strength: 0.5, lora: INK }), 1, { off: true });

test("what a person set is saved and read, and only that", () => {
  const saved = JSON.parse(plans.serializePlan(SET));
  assert.deepEqual(saved.regions, [
    { locked: false, hidden: false, strength: 0.5, lora: INK },
    { locked: false, hidden: false, off: true },
  ]);
  assert.deepEqual(plans.parsePlan(JSON.stringify(saved)).flags, saved.regions);
  const back = plans.setGuide(plans.setGuide(SET, 0, { strength: 1, lora: null }), 1, { off: false });
  assert.equal(plans.serializePlan(back), plans.serializePlan(PLAN));
});

test("a run gets the settings, also of a plan that is as it came", () => {
  assert.equal(plans.promptValue(PLAN), "");
  const sent = JSON.parse(plans.promptValue(plans.setHidden(SET, 0, true)));
  assert.deepEqual(sent.regions[0], { locked: false, hidden: false, strength: 0.5, lora: INK });
  assert.equal(sent.regions[1].off, true);
  assert.equal(plans.setGuide(SET, 1, { off: true }), SET); // nothing changes
});

test("the settings follow their region", () => {
  const moved = plans.moveRegion(SET, 0, [0, 0, 50, 50]);
  assert.equal(moved.flags[0].strength, 0.5);
  assert.deepEqual(plans.removeRegion(SET, 0).flags, [{ locked: false, hidden: false, off: true }]);
  const copy = duplicateAll(SET, [0]);
  assert.deepEqual(copy.flags[2].lora, INK);
  const typed = plans.typeText(SET, `A blue egg (1,1),(9,9) (blue). ${SET.text}`);
  assert.deepEqual(typed.flags.map(({ strength, off }) => [strength, off]), [[undefined, undefined], [0.5, undefined], [undefined, true]]);
});

test("another plan keeps the settings of a locked region alone", () => {
  const locked = plans.setLocked(SET, 0, true);
  const next = plans.arrive(locked, `${TEXT} A blue egg (1,1),(9,9) (blue).`);
  assert.deepEqual(next.flags[0], { locked: true, hidden: false, strength: 0.5, lora: INK });
  assert.deepEqual(next.flags[1], { locked: false, hidden: false });
  assert.equal(plans.setGuide(locked, 0, { strength: 0.2 }).flags[0].strength, 0.2); // a lock keeps the plan, not this
});

test("settings that no version wrote are kept unread", () => {
  const saved = JSON.parse(plans.serializePlan(SET));
  for (const bad of [{ strength: 2 }, { strength: "1" }, { off: 1 }, { lora: "ink" }, { lora: { name: "" } }, { lora: { ...INK, strength: 99 } }]) {
    const value = JSON.stringify({ ...saved, regions: [{ locked: false, hidden: false, ...bad }] });
    assert.equal(plans.parsePlan(value).notice, "broken", JSON.stringify(bad));
    assert.equal(plans.serializePlan(plans.parsePlan(value)), value);
  }
});

test("a number is read within its range", () => {
  assert.deepEqual([numberIn("0.456", 0, 1), numberIn("7", 0, 1), numberIn("-1", 0, 1)], [0.46, 1, 0]);
  assert.deepEqual([numberIn("", 0, 1), numberIn("x", 0, 1)], [null, null]);
  assert.ok(sameGuide({ strength: 1, lora: null }, {}) && !sameGuide({ lora: INK }, {}));
});

test("a region that is switched off is announced, and the views know it", () => {
  /** @type {string[]} */
  const said = [];
  const store = new Store({ onEdit: () => {}, onAnnounce: (message) => said.push(message) });
  store.setPlan(PLAN);
  store.select(1);
  store.changeSelected((plan, index) => plans.setGuide(plan, index, { off: true }));
  store.changeSelected((plan, index) => plans.setGuide(plan, index, { strength: 0.3 }));
  assert.deepEqual(said.slice(1), ["announceOff", "announceGuide"]);
  assert.deepEqual([store.view.regions[1].off, store.view.regions[1].strength, store.view.regions[0].off], [true, 0.3, false]);
});

test("a LoRA is read with its keys in any order, and a name that the server refuses is not", () => {
  assert.ok(isGuide({ lora: { strength: 1, name: "a.safetensors" } }));
  assert.ok(isGuide({ lora: { name: "n".repeat(1000), strength: 1 } }));
  assert.ok(!isGuide({ lora: { name: "n".repeat(1001), strength: 1 } }));
  assert.ok(!isGuide({ lora: { name: "a", strength: 1, other: 2 } }));
});
