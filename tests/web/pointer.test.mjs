// The pointer on the canvas: select, move, resize, draw, and what locks and modes change about it.

import assert from "node:assert/strict";
import test from "node:test";
import { arrive, EMPTY, setHidden, setLocked } from "../../web/editor/model/plan/plan.mjs";
import { drag, hover, pick, press, release } from "../../web/editor/model/state/pointer.mjs";
import { Store } from "../../web/editor/model/state/store.mjs";

/** @typedef {import("../../web/editor/model/state/geometry.mjs").Point} Point */

const CUP = [100, 200, 300, 400];
const TEXT = "a cup (100,200),(300,400) (red) on a table (50,300),(900,900) (brown)";
/** @type {import("../../web/editor/model/state/pointer.mjs").Held} */
const NO_KEYS = {};

/** @param {...number} at */
const pointer = (...at) => ({ at: /** @type {Point} */ (at), perPixel: /** @type {Point} */ ([1, 1]), reach: 7 });

/** A store with a cup over the corner of a table, snap off. */
function made(text = TEXT) {
  let edits = 0;
  const store = new Store({ onEdit: () => edits++, onAnnounce: () => {} });
  store.setPlan(arrive(EMPTY, text));
  store.set({ snap: false });
  /** @param {Point} from @param {Point} to */
  const carry = (from, to, keys = NO_KEYS) => {
    const began = press(store, pointer(...from), keys);
    if (began) drag(store, pointer(...to), { free: keys.below });
    release(store);
    return began;
  };
  return { store, carry, edits: () => edits };
}

test("a press selects the front region, and a drag moves it as one edit", () => {
  const { store, carry, edits } = made();
  carry([150, 250], [160, 300]);
  assert.deepEqual([store.view.selected, store.view.regions[0].box, edits()], [0, [110, 250, 310, 450], 1]);
  assert.equal(store.view.drag, null);
});

test("a click changes nothing, and one beside all boxes takes the selection away", () => {
  const { store, carry, edits } = made();
  carry([150, 250], [150, 250]);
  assert.deepEqual([store.view.selected, edits()], [0, 0]);
  carry([950, 50], [951, 51]);
  assert.equal(store.view.selected, -1);
});

test("a handle of the selected region resizes it", () => {
  const { store, carry } = made();
  store.select(0);
  carry([302, 402], [352, 452]);
  assert.deepEqual(store.view.regions[0].box, [100, 200, 350, 450]);
});

test("a drag beside all boxes draws one and asks for its phrase", () => {
  const { store, carry } = made();
  carry([400, 20], [600, 200]);
  assert.deepEqual([store.view.mode, store.view.draft], ["ask", [400, 20, 600, 200]]);
  press(store, pointer(950, 50), NO_KEYS);
  assert.deepEqual([store.view.mode, store.view.draft], ["select", null]);
});

test("in drawing mode and with Ctrl, a drag draws over other boxes", () => {
  for (const keys of [NO_KEYS, { over: true }]) {
    const { store, carry, edits } = made();
    if (!keys.over) store.setDrawing(true);
    carry([150, 250], [250, 350], keys);
    assert.deepEqual([store.view.mode, store.view.draft, store.view.selected, edits()], ["ask", [150, 250, 250, 350], -1, 0]);
  }
});

test("with Alt, presses walk down through the boxes at a point", () => {
  const { store, carry } = made();
  const walk = [0, 0, 0].map(() => (carry([200, 350], [200, 350], { below: true }), store.view.selected));
  assert.deepEqual(walk, [1, 0, 1]);
});

test("a locked region is selected and not moved", () => {
  const { store, carry, edits } = made();
  store.setPlan(setLocked(store.state.plan, 0, true));
  store.select(0);
  assert.equal(carry([150, 250], [160, 300]), false);
  assert.deepEqual([store.view.selected, store.view.regions[0].box, edits()], [0, CUP, 0]);
});

test("a hidden region is not hit, unless it is selected", () => {
  const { store } = made();
  store.setPlan(setHidden(store.state.plan, 0, true));
  assert.equal(hover(store, pointer(150, 250)), "crosshair");
  store.select(0);
  assert.equal(hover(store, pointer(150, 250)), "move");
});

test("the cursor says what a press would do", () => {
  const { store } = made();
  store.setPlan(setLocked(store.state.plan, 1, true));
  store.select(0);
  const cursors = [[150, 250], [100, 200], [300, 300], [600, 600], [950, 50]].map((at) => hover(store, pointer(...at)));
  assert.deepEqual(cursors, ["move", "nwse-resize", "ew-resize", "pointer", "crosshair"]);
  assert.equal(store.view.hovered, -1);
  hover(store, pointer(600, 600));
  assert.equal(store.view.hovered, 1);
  store.setDrawing(true);
  assert.deepEqual([hover(store, pointer(600, 600)), store.view.hovered], ["crosshair", -1]);
});

test("with snap, a drag meets the edges of the other boxes", () => {
  const { store, carry } = made();
  store.set({ snap: true });
  carry([150, 250], [103, 250]);
  assert.deepEqual(store.view.regions[0].box, [50, 200, 250, 400]);
});

test("a drag with Alt does not snap", () => {
  const { store, carry } = made();
  store.set({ snap: true });
  carry([150, 250], [103, 250], { below: true });
  assert.deepEqual(store.view.regions[0].box, [53, 200, 253, 400]);
});

test("boxes snap to the grid that was chosen", () => {
  const { store, carry } = made("a cup (100,200),(300,400) (red)");
  store.set({ snap: true, grid: 100 });
  carry([150, 250], [190, 250]);
  assert.deepEqual(store.view.regions[0].box, [100, 200, 300, 400]);
  store.set({ grid: 10 });
  carry([150, 250], [190, 250]);
  assert.deepEqual(store.view.regions[0].box, [140, 200, 340, 400]);
});

const THREE = "a cup (100,100),(200,200) (red), a hat (300,100),(400,200) (green), a dog (100,600),(300,700) (blue)";

test("with Shift, clicks add to the selection and take from it", () => {
  const { store, carry } = made(THREE);
  const beside = { beside: true };
  carry([150, 150], [150, 150]);
  carry([350, 150], [350, 150], beside);
  assert.deepEqual([store.view.selection, store.view.selected], [[0, 1], 1]);
  carry([350, 150], [350, 150], beside);
  carry([900, 900], [900, 900], beside);
  assert.deepEqual(store.view.selection, [0]);
});

test("a drag with Shift selects what it touches, even when it begins on a region", () => {
  const { store, carry, edits } = made(THREE);
  carry([150, 150], [350, 160], { beside: true });
  assert.deepEqual([store.view.selection, store.view.band, edits()], [[0, 1], null, 0]);
  carry([50, 550], [120, 650], { beside: true });
  assert.deepEqual(store.view.selection, [0, 1, 2]);
});

test("selected regions move together, stay in the image, and a locked one stays", () => {
  const { store, carry, edits } = made(THREE);
  store.setPlan(setLocked(store.state.plan, 2, true));
  store.selectAll();
  carry([150, 150], [950, 160]);
  assert.deepEqual(store.view.regions.map(({ box }) => box), [[699, 110, 799, 210], [899, 110, 999, 210], [100, 600, 300, 700]]);
  assert.deepEqual([edits(), store.view.selection], [1, [0, 1, 2]]);
  carry([750, 150], [750, 150]);
  assert.deepEqual(store.view.selection, [0]);
});

test("several selected regions have no handles", () => {
  const { store } = made(THREE);
  store.selectAll([0, 1]);
  assert.equal(hover(store, pointer(100, 100)), "move");
});

test("a menu is for the region under it, or for all selected ones", () => {
  const { store } = made(THREE);
  store.selectAll([0, 1]);
  assert.deepEqual([pick(store, pointer(150, 150)), store.view.selection], [0, [0, 1]]);
  assert.deepEqual([pick(store, pointer(150, 650)), store.view.selection], [2, [2]]);
  assert.deepEqual([pick(store, pointer(900, 900)), store.view.selection], [-1, []]);
});

test("a drag that is given up leaves the plan as it was", () => {
  const { store, edits } = made();
  press(store, pointer(150, 250), NO_KEYS);
  drag(store, pointer(400, 500));
  assert.notEqual(store.view.regions[0].box, CUP);
  assert.ok(store.cancelDrag());
  release(store);
  assert.deepEqual([store.view.regions[0].box, store.view.drag, edits()], [CUP, null, 0]);
});

test("while the model writes, a press does nothing", () => {
  const { store } = made();
  store.setStreaming("");
  assert.equal(press(store, pointer(150, 250), NO_KEYS), false);
  assert.equal(store.view.drag, null);
});
