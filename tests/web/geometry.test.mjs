// Boxes under a pointer: hits, moves and snapping, in the chain's units.

import assert from "node:assert/strict";
import test from "node:test";
import {
  HANDLES, LEAST, boxBetween, contains, handleAt, handlePoint, hitTest, moveBox, nextBelow, regionsAt, resizeBox,
  snapMoved, snapPoint, snapResized, snapTo, toGrid,
} from "../../web/editor/model/state/geometry.mjs";

/** @typedef {import("../../web/editor/model/chain/chain.mjs").Box} Box */
/** @typedef {import("../../web/editor/model/state/geometry.mjs").Point} Point */

/** @type {Box} */
const BOX = [100, 200, 300, 600];
/** @type {Box[]} */
const STACK = [[0, 0, 500, 500], [100, 100, 400, 400], [200, 200, 900, 900]];
const ORDER = [0, 1, 2];
/** @type {Point} */
const ONE = [1, 1]; // a unit a pixel

test("handles are on the corners and in the middle of the sides", () => {
  const points = HANDLES.map((handle) => handlePoint(BOX, handle));
  const sides = [[100, 200], [200, 200], [300, 200], [300, 400], [300, 600], [200, 600], [100, 600], [100, 400]];
  assert.deepEqual(points, sides);
});

test("every handle is found at its own middle", () => {
  for (const handle of HANDLES) assert.equal(handleAt(BOX, handlePoint(BOX, handle), ONE), handle);
});

test("a handle reaches seven pixels and no further, whatever a pixel is in units", () => {
  assert.equal(handleAt(BOX, [107, 193], ONE), "nw");
  assert.equal(handleAt(BOX, [108, 200], ONE), null);
  assert.equal(handleAt(BOX, [114, 200], [2, 1]), "nw");
  assert.equal(handleAt(BOX, [100, 214], [2, 1]), null);
  assert.equal(handleAt(BOX, [120, 200], ONE, 20), "nw");
});

test("corners come before sides on a box where both are near", () => {
  assert.equal(handleAt([100, 100, 108, 108], [103, 100], ONE), "nw");
});

test("a box holds its edges and nothing beyond them", () => {
  for (const point of /** @type {Point[]} */ ([[100, 200], [300, 600], [150, 300]])) assert.ok(contains(BOX, point));
  const outside = /** @type {Point[]} */ ([[99, 300], [301, 300], [200, 199], [200, 601]]);
  for (const point of outside) assert.ok(!contains(BOX, point));
});

test("the regions at a point come front one first, and boxes that are null are not there", () => {
  assert.deepEqual(regionsAt(STACK, ORDER, [300, 300]), [2, 1, 0]);
  assert.deepEqual(regionsAt(STACK, [2, 0, 1], [300, 300]), [1, 0, 2]);
  assert.deepEqual(regionsAt([STACK[0], null, STACK[2]], ORDER, [300, 300]), [2, 0]);
  assert.deepEqual(regionsAt(STACK, ORDER, [950, 950]), []);
});

test("a press takes the selected region's handle, else the selected region, else the front one", () => {
  assert.deepEqual(hitTest(STACK, ORDER, [100, 100], 1, ONE), { index: 1, handle: "nw" });
  assert.deepEqual(hitTest(STACK, ORDER, [300, 300], 1, ONE), { index: 1, handle: null });
  assert.deepEqual(hitTest(STACK, ORDER, [300, 300], -1, ONE), { index: 2, handle: null });
  assert.deepEqual(hitTest(STACK, ORDER, [50, 50], 1, ONE), { index: 0, handle: null });
  assert.equal(hitTest(STACK, ORDER, [950, 50], 1, ONE), null);
});

test("a handle can be taken from outside its box, but only the selected region's", () => {
  assert.deepEqual(hitTest([BOX], [0], [95, 195], 0, ONE), { index: 0, handle: "nw" });
  assert.equal(hitTest([BOX], [0], [95, 195], -1, ONE), null);
});

test("walking down at a point goes round and round", () => {
  const walk = [2, 1, 0].map((selected) => nextBelow(STACK, ORDER, [300, 300], selected));
  assert.deepEqual(walk, [1, 0, 2]);
  assert.equal(nextBelow(STACK, ORDER, [300, 300], -1), 2);
  assert.equal(nextBelow(STACK, ORDER, [50, 50], 2), 0);
  assert.equal(nextBelow(STACK, ORDER, [950, 50], 2), -1);
});

test("a moved box keeps its size, also at the edges of the image", () => {
  assert.deepEqual(moveBox(BOX, 10.4, -20.6), [110, 179, 310, 579]);
  assert.deepEqual(moveBox(BOX, -5000, -5000), [0, 0, 200, 400]);
  assert.deepEqual(moveBox(BOX, 5000, 5000), [799, 599, 999, 999]);
});

test("resizing moves only the sides of the handle", () => {
  /** @type {Record<string, Box>} */
  const expected = {
    nw: [110, 220, 300, 600], n: [100, 220, 300, 600], ne: [100, 220, 310, 600], e: [100, 200, 310, 600],
    se: [100, 200, 310, 620], s: [100, 200, 300, 620], sw: [110, 200, 300, 620], w: [110, 200, 300, 600],
  };
  for (const handle of HANDLES) assert.deepEqual(resizeBox(BOX, handle, 10, 20), expected[handle], handle);
});

test("resizing ends at the image's edge and at the least size", () => {
  assert.deepEqual(resizeBox(BOX, "nw", -5000, -5000), [0, 0, 300, 600]);
  assert.deepEqual(resizeBox(BOX, "se", 5000, 5000), [100, 200, 999, 999]);
  assert.deepEqual(resizeBox(BOX, "se", -5000, -5000), [100, 200, 100 + LEAST, 200 + LEAST]);
  assert.deepEqual(resizeBox(BOX, "nw", 5000, 5000), [300 - LEAST, 600 - LEAST, 300, 600]);
});

test("a box that is smaller than the least size already is not blown up", () => {
  assert.deepEqual(resizeBox([10, 10, 13, 13], "e", -2, 0), [10, 10, 13, 13]);
  assert.deepEqual(resizeBox([10, 10, 13, 13], "e", 1, 0), [10, 10, 14, 13]);
});

test("a drawn box takes its corners in any order and stays on the grid", () => {
  for (const [from, to] of /** @type {[Point, Point][]} */ ([[[10, 20], [50, 70]], [[50, 20], [10, 70]], [[50, 70], [10, 20]]]))
    assert.deepEqual(boxBetween(from, to), [10, 20, 50, 70]);
  assert.deepEqual(boxBetween([-30, 10.4], [1200, 99.6]), [0, 10, 999, 100]);
});

test("a click draws nothing, and neither does a sliver", () => {
  assert.equal(boxBetween([10, 10], [10, 10]), null);
  assert.equal(boxBetween([10, 10], [10 + LEAST - 1, 500]), null);
  assert.equal(boxBetween([10, 10], [500, 10 + LEAST - 1]), null);
  assert.deepEqual(boxBetween([10, 10], [10 + LEAST, 10 + LEAST]), [10, 10, 18, 18]);
});

test("boxes snap to the image's edges and the other boxes', six pixels away", () => {
  const snap = snapTo([BOX, null], 0, [2, 1]);
  assert.deepEqual(snap, { grid: 0, edges: { x: [0, 999, 100, 300], y: [0, 999, 200, 600] }, reach: [12, 6] });
});

test("a point snaps to the nearest edge within reach, axis by axis", () => {
  const snap = snapTo([BOX, [104, 0, 500, 500]], 0, ONE);
  assert.deepEqual(snapPoint([103, 594], snap), [104, 600]);
  assert.deepEqual(snapPoint([94, 593], snap), [100, 593]);
  assert.deepEqual(snapPoint([3, 997], snap), [0, 999]);
  assert.deepEqual(snapPoint([103, 594], null), [103, 594]);
});

test("the grid pulls where no edge is near", () => {
  const snap = snapTo([BOX], 50, ONE);
  assert.deepEqual(snapPoint([104, 430], snap), [100, 450]);
  assert.deepEqual(snapPoint([104, 430], snapTo([BOX], 0, ONE)), [100, 430]);
});

test("a moved box meets an edge with whichever side is nearer, and keeps its size", () => {
  const snap = snapTo([BOX], 0, ONE);
  assert.deepEqual(snapMoved([302, 605, 402, 705], snap), [300, 600, 400, 700]);
  assert.deepEqual(snapMoved([50, 700, 97, 995], snap), [53, 704, 100, 999]);
  assert.deepEqual(snapMoved([40, 700, 80, 800], snap), [40, 700, 80, 800]);
  assert.deepEqual(snapMoved([302, 605, 402, 705], null), [302, 605, 402, 705]);
});

test("a moved box that the grid pulls stays in the image", () => {
  assert.deepEqual(snapMoved([512, 702, 987, 803], snapTo([], 50, ONE)), [500, 700, 975, 801]);
  assert.deepEqual(snapMoved([600, 0, 990, 100], snapTo([], 100, [0.1, 0.1])), [600, 0, 990, 100]);
  assert.deepEqual(snapMoved([655, 0, 990, 100], snapTo([], 100, [0.1, 0.1])), [664, 0, 999, 100]);
});

test("a resized box snaps with its moving sides only", () => {
  const snap = snapTo([BOX], 0, ONE);
  assert.deepEqual(snapResized([305, 205, 404, 404], "w", snap), [300, 205, 404, 404]);
  assert.deepEqual(snapResized([305, 205, 404, 404], "nw", snap), [300, 200, 404, 404]);
  assert.deepEqual(snapResized([50, 50, 297, 602], "s", snap), [50, 50, 297, 600]);
  assert.deepEqual(snapResized([50, 50, 297, 602], "se", snap), [50, 50, 300, 600]);
  assert.deepEqual(snapResized([305, 205, 404, 404], "nw", null), [305, 205, 404, 404]);
});

test("snapping never makes a side smaller than the least size", () => {
  assert.deepEqual(snapResized([90, 50, 103, 500], "e", snapTo([[0, 0, 96, 999]], 0, [2, 2])), [90, 50, 98, 500]);
});

test("a number is rounded onto the grid", () => {
  assert.deepEqual([-3, 0.5, 499.4, 999, 1000].map(toGrid), [0, 1, 499, 999, 999]);
});
