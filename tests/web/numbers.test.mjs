// Numbers that a person types: pixels and thousandths, sizes of images, and why one is refused.

import assert from "node:assert/strict";
import test from "node:test";
import { messagesFor } from "../../web/editor/model/messages.mjs";
import { boxProblem, pixelsOf, pixelsProblem, unitOf } from "../../web/editor/model/state/numbers.mjs";
import { IDLE, queueText } from "../../web/editor/model/runs/queue.mjs";
import { isSize, nearestSide, offeredSizes } from "../../web/editor/model/plan/sizes.mjs";

test("pixels are those of the node's bboxes, and lead back to themselves", () => {
  assert.deepEqual(pixelsOf([100, 200, 500, 999], 1344, 768), [134, 153, 672, 767]);
  for (const size of [64, 128, 1000])
    for (let pixel = 0; pixel < size; pixel++) assert.equal(pixelsOf([unitOf(pixel, size), 0, 0, 0], size, 1)[0], pixel);
  assert.equal(unitOf(1024, 1024), 999);
});

test("a typed box that cannot be says why, and at which sides", () => {
  assert.equal(boxProblem([0, 1, 2, 999]), null);
  assert.deepEqual(boxProblem([NaN, 1, 2, 3]), { message: "refusedNumber", sides: [0] });
  assert.deepEqual(boxProblem([0, 1, 2, 1000]), { message: "refusedRange", sides: [3] });
  assert.deepEqual(boxProblem([0, -1, 2, 3]), { message: "refusedRange", sides: [1] });
  assert.deepEqual(boxProblem([2, 1, 2, 3]), { message: "refusedOrder", sides: [0, 2] });
  assert.deepEqual(boxProblem([1, 4, 2, 3]), { message: "refusedOrder", sides: [1, 3] });
  assert.equal(pixelsProblem(128, 128, 2), null);
  assert.deepEqual(pixelsProblem(129, 128, 2), { message: "refusedRange", sides: [2] });
  assert.deepEqual(pixelsProblem(NaN, 128, 1), { message: "refusedNumber", sides: [1] });
});

test("offered sizes can be drawn, have their aspect ratio, and about as many pixels", () => {
  for (const own of /** @type {[number, number][]} */ ([[128, 128], [512, 512], [1024, 1024], [1344, 768], [4096, 4096]]))
    for (const { aspect, size } of offeredSizes(own)) {
      const [across, down] = aspect.split(":").map(Number);
      assert.ok(isSize(size), `${size}`);
      assert.ok(Math.abs(Math.log((size[0] / size[1]) * (down / across))) < 0.15, `${size} is not ${aspect}`);
      assert.ok(Math.abs(Math.log((size[0] * size[1]) / (own[0] * own[1]))) < 0.15, `${size} is not as large as ${own}`);
    }
  assert.deepEqual([5, 100, 1023, 9999].map(nearestSide), [64, 104, 1024, 8192]);
});

test("the queue is said in words", () => {
  const say = (/** @type {Partial<typeof IDLE>} */ change) => queueText({ ...IDLE, ...change }, messagesFor("en"));
  assert.equal(say({}), "Idle");
  assert.equal(say({ remaining: 1, isRunning: true }), "Running");
  assert.equal(say({ remaining: 1, isRunning: true, node: "VAE" }), "Running: VAE");
  assert.equal(say({ remaining: 3, isRunning: true, node: "VAE", percent: 40 }), "Running: VAE 40 %, 2 waiting");
  assert.equal(say({ remaining: 2 }), "Idle, 2 waiting");
});
