// The store: what each action does to the state, what the views get, and when an edit is reported.

import assert from "node:assert/strict";
import test from "node:test";
import { arrive, EMPTY, moveRegion, removeRegion, setHidden, setLocked, typeText } from "../../web/editor/model/plan/plan.mjs";
import { Store, backgroundOf } from "../../web/editor/model/state/store.mjs";

/** @typedef {import("../../web/editor/model/chain/chain.mjs").Box} Box */

const TEXT = "a cup (1,2),(30,40) (red), a hat (5,6),(70,80) (green)";
const MOVED = /** @type {Box} */ ([11, 12, 40, 50]);

/** A store with two regions, what it reported since, and how often it rendered. */
function made(text = TEXT) {
  /** @type {string[]} */
  const edits = [];
  /** @type {string[]} */
  const announced = [];
  const counts = { renders: 0 };
  const store = new Store({
    onEdit: (plan) => edits.push(plan.text),
    onAnnounce: (message, values) => announced.push(values ? `${message} ${values.name}` : message),
  });
  store.setPlan(arrive(EMPTY, text));
  store.subscribe(() => counts.renders++);
  return { store, edits, announced, counts };
}

test("an empty store shows nothing", () => {
  const { view } = new Store({ onEdit: () => {}, onAnnounce: () => {} });
  assert.deepEqual([view.text, view.regions, view.order, view.selected], ["", [], [], -1]);
});

test("a plan that is set is shown and is no edit", () => {
  const { store, edits, announced } = made();
  assert.deepEqual(store.view.regions.map(({ label, locked }) => [label, locked]), [["a cup", false], ["a hat", false]]);
  assert.deepEqual([edits, announced], [[], []]);
});

test("every change renders once", () => {
  const { store, counts } = made();
  store.set({ snap: false });
  store.select(1);
  store.select(1);
  assert.deepEqual([counts.renders, store.view.snap, store.view.selected], [2, false, 1]);
});

test("an edit is reported once, and what changes nothing is not", () => {
  const { store, edits } = made();
  store.select(0);
  store.changeSelected((plan, index) => moveRegion(plan, index, MOVED));
  store.changeSelected((plan, index) => moveRegion(plan, index, MOVED));
  assert.deepEqual(edits, [TEXT.replace("(1,2),(30,40)", "(11,12),(40,50)")]);
});

test("a change that is being made is shown, and an edit only when it is committed", () => {
  const { store, edits } = made();
  store.preview((plan) => moveRegion(plan, 0, MOVED));
  assert.deepEqual([store.view.regions[0].box, store.state.plan.text, edits], [MOVED, TEXT, []]);
  store.commit();
  store.commit();
  assert.deepEqual([store.state.plan.text, edits.length], [store.view.text, 1]);
});

test("a change that is given up leaves no trace", () => {
  const { store, edits } = made();
  store.preview((plan) => moveRegion(plan, 0, MOVED));
  store.preview(null);
  store.commit();
  assert.deepEqual([store.view.text, edits], [TEXT, []]);
});

test("another edit commits the one that is being made", () => {
  const { store, edits } = made();
  store.preview((plan) => typeText(plan, `${TEXT}.`));
  store.change((plan) => setLocked(plan, 0, true));
  assert.deepEqual([edits, store.view.regions[0].locked], [[`${TEXT}.`, `${TEXT}.`], true]);
});

test("a new region is selected, and the next one where the selected one is removed", () => {
  const { store } = made();
  store.ask([500, 500, 600, 600]);
  store.answer("a dog");
  assert.deepEqual([store.view.regions.length, store.view.selected, store.view.mode], [3, 2, "select"]);
  store.changeSelected(removeRegion);
  assert.equal(store.view.selected, 1);
  store.select(0);
  store.changeSelected(removeRegion);
  assert.deepEqual([store.view.selected, store.view.regions[0].label], [0, "a hat"]);
});

test("a drawn box without a phrase is no region", () => {
  const { store, edits } = made();
  store.ask([500, 500, 600, 600]);
  assert.deepEqual([store.view.mode, store.view.draft], ["ask", [500, 500, 600, 600]]);
  store.answer("");
  assert.deepEqual([store.view.mode, store.view.draft, edits], ["select", null, []]);
});

test("what happens is announced with the phrase of the region that it happens to", () => {
  const { store, announced } = made();
  store.select(0);
  store.changeSelected((plan, index) => moveRegion(plan, index, MOVED));
  for (const locked of [true, false]) store.changeSelected((plan, index) => setLocked(plan, index, locked));
  for (const hidden of [true, false]) store.changeSelected((plan, index) => setHidden(plan, index, hidden));
  store.changeSelected(removeRegion);
  store.setDrawing(true);
  const names = ["Selected", "Moved", "Locked", "Unlocked", "Hidden", "Shown", "Removed"];
  assert.deepEqual(announced, [...names.map((name) => `announce${name} a cup`), "announceDrawing"]);
});

test("a selection outside the plan is none", () => {
  const { store } = made();
  store.select(1);
  store.setPlan(arrive(EMPTY, "a cup (1,2),(30,40)"));
  assert.equal(store.state.selected, -1);
  store.select(7);
  assert.equal(store.state.selected, -1);
});

test("the selection goes round in reading order", () => {
  const { store } = made();
  const walk = (/** @type {1 | -1} */ by) => (store.selectNext(by), store.state.selected);
  assert.deepEqual([walk(1), walk(1), walk(1), walk(-1), walk(-1)], [0, 1, 0, 1, 0]);
  store.select(-1);
  assert.equal(walk(-1), 1);
  const empty = made("nothing").store;
  empty.selectNext(1);
  assert.equal(empty.state.selected, -1);
});

test("while the model writes, its text is shown, nothing is selected and nothing can be edited", () => {
  const { store, edits } = made();
  store.change((plan) => setLocked(plan, 0, true));
  store.select(0);
  store.setStreaming("a dog (1,2),(3,4)");
  store.change((plan) => setHidden(plan, 0, true));
  const [region] = store.view.regions;
  assert.deepEqual([region.label, region.locked, region.hidden, store.view.selected], ["a dog", false, false, -1]);
  store.setStreaming(null);
  assert.deepEqual([store.view.text, store.view.selected, edits.length], [TEXT, 0, 1]);
});

test("another plan and a writing model end a drag, the same plan does not", () => {
  const drag = { index: 0, handle: null, from: /** @type {[number, number]} */ ([0, 0]), box: MOVED, group: [] };
  const { store, edits } = made();
  store.set({ drag });
  store.setPlan(setLocked(store.state.plan, 0, true));
  assert.equal(store.state.drag, drag);
  store.preview((plan) => moveRegion(plan, 1, MOVED));
  store.setPlan(arrive(EMPTY, "a dog (1,2),(30,40)"));
  assert.deepEqual([store.state.drag, store.state.change], [null, null]);
  store.set({ drag });
  store.setStreaming("");
  assert.deepEqual([store.cancelDrag(), edits], [false, []]);
});

test("the background is what the person picked, if it is there, else the source, else the result", () => {
  const [source, result] = ["s.png", "r.png"];
  const url = (/** @type {any} */ picked, /** @type {any} */ images) => backgroundOf({ picked, images }).url;
  assert.deepEqual(["", "source", "result", "none"].map((picked) => url(picked, { source, result })), [source, source, result, null]);
  assert.deepEqual(["", "source"].map((picked) => url(picked, { source: null, result })), [result, result]);
  assert.deepEqual(backgroundOf({ picked: "source", images: { source: null, result: null } }), { kinds: [], kind: "none", url: null });
});

test("what a sampler has drawn so far is the background, unless the person wants none", () => {
  const { store } = made();
  const [image, frame] = /** @type {any[]} */ ([{ name: "image" }, { name: "frame" }]);
  store.set({ background: image, live: frame });
  assert.equal(store.view.background, frame);
  store.set({ picked: "none" });
  assert.equal(store.view.background, image);
  store.set({ picked: "", live: null });
  assert.equal(store.view.background, image);
});
