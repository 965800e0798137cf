// A proposed plan: which pasted texts are read as one, how it differs, and what replaces the plan that is shown.

import assert from "node:assert/strict";
import test from "node:test";
import { arrive, EMPTY, replacePlan, setLocked } from "../../web/editor/model/plan/plan.mjs";
import { AUTO, chainOf, changesOf, differences, lostLocks, mayBePlan } from "../../web/editor/model/runs/proposal.mjs";
import { Store } from "../../web/editor/model/state/store.mjs";

const TEXT = "a cup (1,2),(30,40) (red), a hat (5,6),(70,80) (green), a dog (9,9),(50,50) (blue)";
const PLAN = arrive(EMPTY, TEXT);

/** @param {string} text @param {string | null} [raw] */
const proposed = (text, raw = text) => ({
  ...{ raw, typed: false, settings: AUTO },
  answer: { text, form: "JSON", order: "", units: "", note: "" },
});

test("prose, and what the field reads itself, are typing; boxes in other forms are not", () => {
  const typing = ["", "Two cats and 3 dogs.", "In 1999, 2 cats, 17 dogs.", TEXT, "(120,400),(380,760)"];
  const marked = "<|object_ref_start|>a cup<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|>";
  for (const text of [...typing, marked]) assert.equal(mayBePlan(text), false, text);
  const plans = ['[{"bbox_2d": [1, 2, 30, 40], "label": "a cup"}]', "a cup [10, 20, 30, 40]", "a cup (0.1,0.2),(0.3,0.4)"];
  for (const text of [...plans, "a cup (100,200),(3000,400)", "a cup 4 5 6 7"]) assert.equal(mayBePlan(text), true, text);
});

test("a proposal replaces the plan only if it has a region", () => {
  assert.equal(chainOf(null), null);
  assert.equal(chainOf({ ...proposed(TEXT), answer: null }), null);
  assert.equal(chainOf({ ...proposed(TEXT), answer: { error: "no", settings: [] } }), null);
  assert.equal(chainOf(proposed("a cup on a table")), null);
  assert.equal(chainOf(proposed(TEXT)), TEXT);
});

test("each region is the same, moved, changed, new or gone", () => {
  const after = "a hat (5,6),(70,80) (green), a cup (100,200),(300,400) (red), a big dog (600,600),(800,800) (teal), a cat (1,1),(9,9) (pink)";
  const found = differences(`${TEXT}, a ball (7,7),(8,8) (gold)`, after, []);
  assert.deepEqual(found.map(({ kind, old, now }) => [kind, old?.phrase ?? null, now?.phrase ?? null]), [
    ["same", "a hat", "a hat"],
    ["moved", "a cup", "a cup"],
    ["changed", "a dog", "a big dog"],
    ["added", null, "a cat"],
    ["removed", "a ball", null],
  ]);
});

test("another color is a change, and an equal count pairs nothing that differs in all", () => {
  const kinds = (/** @type {string} */ a, /** @type {string} */ b) => differences(a, b, []).map(({ kind }) => kind);
  assert.deepEqual(kinds("a cup (1,2),(3,4) (red)", "a cup (1,2),(3,4) (blue)"), ["changed"]);
  assert.deepEqual(kinds("a cup (1,2),(3,4) (red)", "a cat (5,6),(7,8) (blue)"), ["added", "removed"]);
  assert.deepEqual(kinds("", "a cat (5,6),(7,8) (blue)"), ["added"]);
});

test("locked regions that the new plan does not have word for word are named", () => {
  const flags = [true, false, true].map((locked) => ({ locked, hidden: false }));
  const after = "a cup (1,2),(30,40) (red), a dog (10,9),(50,50) (blue)";
  assert.deepEqual(lostLocks(differences(TEXT, after, flags)), ["a dog"]);
  assert.deepEqual(lostLocks(differences(TEXT, TEXT, flags)), []);
  assert.deepEqual(lostLocks(differences(TEXT, "a cup (1,2),(30,40) (red)", flags)), ["a dog"]);
});

test("a plan that replaces another is an edit of it; regions that are the same stay locked", () => {
  const locked = setLocked(setLocked(PLAN, 0, true), 2, true);
  const after = replacePlan(locked, "a dog (10,9),(50,50) (blue), a cup (1,2),(30,40) (red)");
  assert.deepEqual([after.plan, after.flags.map((flags) => flags.locked), after.order], [TEXT, [false, true], [0, 1]]);
  assert.equal(replacePlan(PLAN, TEXT), PLAN);
});

test("to accept a proposal is one edit; without one nothing happens", () => {
  /** @type {string[]} */
  const edits = [];
  /** @type {string[]} */
  const announced = [];
  const store = new Store({ onEdit: (plan) => edits.push(plan.text), onAnnounce: (message) => announced.push(message) });
  store.setPlan(PLAN);
  store.acceptProposal();
  store.set({ proposal: { ...proposed(TEXT), answer: null } });
  store.acceptProposal();
  assert.deepEqual([edits, store.state.proposal !== null], [[], true]);
  const text = "a cat (1,2),(3,4) (red)";
  store.set({ proposal: proposed(text) });
  store.setStreaming("the model writes");
  store.acceptProposal();
  store.setStreaming(null);
  store.acceptProposal();
  assert.deepEqual([edits, store.state.proposal, store.view.text], [[text], null, text]);
  assert.equal(announced.at(-1), "announceReplaced");
});

test("changes that a new plan replaced come back as one edit of it, with their locks; any edit ends the offer", () => {
  /** @type {string[]} */
  const edits = [];
  const store = new Store({ onEdit: (plan) => edits.push(plan.text), onAnnounce: () => {} });
  const mine = setLocked(replacePlan(PLAN, "a cat (1,2),(3,4) (red)"), 0, true);
  const now = arrive(mine, "an owl (5,6),(7,8) (blue)");
  store.setPlan(now);
  store.set({ replaced: mine, proposal: changesOf(mine) });
  store.acceptProposal();
  assert.deepEqual([store.state.plan.plan, store.view.text, store.view.regions[0].locked], [now.text, mine.text, true]);
  assert.deepEqual([edits, store.state.replaced], [[mine.text], null]);
});
