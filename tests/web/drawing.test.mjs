// What is painted, on a context that records every call with the style it is made in.

import assert from "node:assert/strict";
import test from "node:test";
import { PALETTE, cssColor, findColor } from "../../web/editor/model/chain/colors.mjs";
import { paint } from "../../web/editor/view/canvas/drawing.mjs";

/** @typedef {import("../../web/editor/model/chain/chain.mjs").Box} Box */
/** @typedef {import("../../web/editor/view/canvas/drawing.mjs").Scene} Scene */
/** @typedef {import("../../web/editor/model/state/store.mjs").Region} Region */
/** @typedef {{name: string, values: any[], style: Record<string, any>}} Call */

const LETTER = 6; // pixels: how wide the fake font's letters are
const METHODS = [
  "setTransform", "translate", "clearRect", "fillRect", "strokeRect", "drawImage", "fillText", "beginPath", "rect", "arc", "clip",
  "moveTo", "lineTo", "stroke", "save", "restore",
];

/** A context that does nothing but remember. */
function recorder() {
  /** @type {Call[]} */
  const calls = [];
  /** @type {Record<string, any>} */
  const style = { globalAlpha: 1, dash: [] };
  const record = (/** @type {string} */ name) => (/** @type {any[]} */ ...values) => void calls.push({ name, values, style: { ...style } });
  const context = Object.assign(style, Object.fromEntries(METHODS.map((name) => [name, record(name)])), {
    setLineDash: (/** @type {number[]} */ dash) => (style.dash = dash),
    measureText: (/** @type {string} */ text) => {
      record("measureText")(text);
      return { width: text.length * LETTER };
    },
  });
  return { context: /** @type {any} */ (context), calls };
}

const color = (/** @type {string} */ word) => /** @type {NonNullable<ReturnType<typeof findColor>>} */ (findColor(word));
const css = (/** @type {string} */ word) => cssColor(color(word));

/** @param {Box | null} box @param {Partial<Region>} [change] @returns {Region} */
const shown = (box, change) => ({ box, label: "a cup", color: color("red"), locked: false, hidden: false, ...change });

/** An image of 1000 by 500 pixels, so that a unit is a pixel wide and half a pixel high. @param {Region[]} regions
 * @param {Partial<Scene>} [change] @returns {Scene} */
const scene = (regions, change) => ({
  width: 1020, height: 520, ratio: 2, inset: 10, regions, order: regions.map((_, i) => i), selection: [], hovered: -1, draft: null, band: null,
  background: null, dim: 0, mask: false, theme: { surface: "surface", line: "line", accent: "accent", dark: true }, ...change,
});

/** @param {Scene} what */
function painted(what) {
  const { context, calls } = recorder();
  paint(context, what);
  return calls;
}

/** @param {Call[]} calls @param {string} name @param {Record<string, any>} [style] */
const called = (calls, name, style = {}) =>
  calls.filter((call) => call.name === name && Object.entries(style).every(([key, value]) => call.style[key] === value));
/** @param {Call[]} calls */
const texts = (calls) => called(calls, "fillText").map(({ values }) => values[0]);
/** @param {Call[]} calls the lines around boxes of a color */
const outlines = (calls, word = "red") => called(calls, "strokeRect", { strokeStyle: css(word) });
/** @param {Call[]} calls the bodies of padlocks */
const padlocks = (calls) => called(calls, "fillRect").filter(({ values }) => values[2] === 7 && values[3] === 5);
/** @param {Call[]} calls */
const handles = (calls) => called(calls, "strokeRect", { strokeStyle: "accent" }).filter(({ values }) => values[2] === 8);

test("the canvas is cleared first, at the screen's resolution, and the image is inside the inset", () => {
  const [transform, clear, move, ground] = painted(scene([]));
  assert.deepEqual([transform.name, transform.values], ["setTransform", [2, 0, 0, 2, 0, 0]]);
  assert.deepEqual([clear.name, clear.values], ["clearRect", [0, 0, 1020, 520]]);
  assert.deepEqual([move.name, move.values], ["translate", [10, 10]]);
  assert.deepEqual([ground.values, ground.style.fillStyle], [[0, 0, 1000, 500], "surface"]);
});

/** @type {Box} */
const BOX = [100, 200, 299, 399];

test("a box covers its last row and column too", () => {
  const calls = painted(scene([shown(BOX)]));
  const [line] = outlines(calls);
  assert.deepEqual(line.values, [100, 100, 200, 100]);
  assert.deepEqual(called(calls, "fillRect", { fillStyle: css("red"), globalAlpha: 0.14 }).map(({ values }) => values), [line.values]);
  assert.deepEqual(outlines(painted(scene([shown([0, 0, 999, 999])])))[0].values, [0, 0, 1000, 500]);
});

test("a box carries its number and its phrase in a readable ink", () => {
  const calls = painted(scene([shown(BOX), shown([500, 0, 999, 999], { label: "a hat", color: color("yellow") })]));
  assert.deepEqual(texts(calls), ["1", "a cup", "2", "a hat"]);
  assert.deepEqual(called(calls, "fillText").map(({ style }) => style.fillStyle), ["#fff", "#fff", "#000", "#000"]);
});

test("what cannot be read is not there", () => {
  const calls = painted(scene([shown(null), shown(null)], { selection: [1], hovered: 0 }));
  assert.deepEqual([texts(calls), outlines(calls)], [[], []]);
});

test("a hidden region is not drawn, and only as a dashed outline while it is selected", () => {
  const regions = [shown(BOX, { hidden: true })];
  assert.deepEqual(texts(painted(scene(regions))), []);
  assert.deepEqual(outlines(painted(scene(regions, { hovered: 0 }))), []);
  const calls = painted(scene(regions, { selection: [0] }));
  assert.deepEqual([outlines(calls).length, outlines(calls)[0].style.dash.length], [1, 2]);
  assert.deepEqual(called(calls, "fillRect", { globalAlpha: 0.3 }), []);
  assert.deepEqual(handles(calls), []);
});

test("a locked region has a dashed outline and a padlock, and no handles", () => {
  const [free, held] = [false, true].map((locked) => painted(scene([shown(BOX, { locked })], { selection: [0] })));
  assert.deepEqual([padlocks(free).length, handles(free).length, outlines(free)[0].style.dash], [0, 8, []]);
  assert.deepEqual([padlocks(held).length, handles(held).length, outlines(held)[0].style.dash.length], [1, 0, 2]);
});

test("dashes do not spill over to the next region", () => {
  const calls = painted(scene([shown(BOX, { locked: true }), shown(BOX, { color: color("blue") })]));
  assert.deepEqual(outlines(calls, "blue").map(({ style }) => style.dash), [[]]);
});

test("the order of drawing is back to front, with the selected region last", () => {
  const regions = ["a", "b", "c"].map((label) => shown([0, 0, 999, 999], { label }));
  const order = (/** @type {Partial<Scene>} */ change) => texts(painted(scene(regions, change))).filter((text) => /[a-c]/.test(text));
  assert.deepEqual(order({ order: [2, 0, 1] }), ["c", "a", "b"]);
  assert.deepEqual(order({ order: [2, 0, 1], selection: [0] }), ["c", "b", "a"]);
});

test("hovering and selecting make a box stronger", () => {
  const strength = (/** @type {Partial<Scene>} */ change) =>
    called(painted(scene([shown(BOX)], change)), "fillRect").map(({ style }) => style.globalAlpha).find((alpha) => alpha < 1);
  assert.ok(strength({}) < strength({ hovered: 0 }) && strength({ hovered: 0 }) < strength({ selection: [0] }));
});

test("a phrase is cut to its box, and left out where there is no room at all", () => {
  const label = "a very long phrase about a cup";
  const words = (/** @type {number} */ right) => texts(painted(scene([shown([100, 200, right, 399], { label })])))[1];
  assert.equal(words(999), label);
  assert.ok(/^a very.*…$/.test(words(200)) && words(200).length * LETTER < 100, words(200));
  assert.equal(words(110), undefined);
});

test("a label stays inside the image", () => {
  const corners = /** @type {Box[]} */ ([[990, 0, 999, 10], [990, 980, 999, 999], [0, 990, 400, 999]]);
  for (const box of corners) {
    const [label] = called(painted(scene([shown(box)])), "fillRect", { fillStyle: css("red"), globalAlpha: 1 });
    const [left, top, width, height] = label.values;
    assert.ok(left >= 0 && top >= 0 && left + width <= 1000 && top + height <= 500, String(label.values));
  }
});

const image = /** @type {any} */ ("an image");

test("an image is dimmed by as much as wanted, and wholly hidden it is not painted", () => {
  const drawn = (/** @type {number} */ dim) => called(painted(scene([], { background: image, dim })), "drawImage");
  assert.deepEqual(drawn(0.25).map(({ values, style }) => [values, style.globalAlpha]), [[["an image", 0, 0, 1000, 500], 0.75]]);
  assert.deepEqual(drawn(1), []);
});

test("without an image there are lines to go by, and with one there are none", () => {
  assert.equal(called(painted(scene([])), "lineTo").length, 6);
  assert.equal(called(painted(scene([], { background: image })), "lineTo").length, 0);
});

test("the mask leaves out the boxes that are shown, and is not there without any", () => {
  const regions = [shown(BOX), shown(BOX, { hidden: true }), shown(null)];
  const masked = painted(scene(regions, { mask: true, background: image }));
  assert.deepEqual(called(masked, "rect").map(({ values }) => values), [[100, 100, 200, 100]]);
  assert.deepEqual(["save", "clip", "drawImage", "restore"].map((name) => called(masked, name).length), [1, 1, 2, 1]);
  for (const without of [scene(regions), scene(regions.slice(1), { mask: true })])
    assert.equal(called(painted(without), "clip").length, 0);
});

test("a box that is being drawn is on top", () => {
  const line = painted(scene([shown([0, 0, 999, 999])], { selection: [0], draft: BOX })).at(-1);
  assert.deepEqual([line?.name, line?.values, line?.style.strokeStyle], ["strokeRect", [100, 100, 200, 100], "accent"]);
});

/** Forty regions with phrases of their own; every fourth hidden, every fifth locked. @param {string} label */
const forty = (label) =>
  Array.from({ length: 40 }, (_, i) =>
    shown([20 * i, 10 * i, 20 * i + 199, 10 * i + 199], {
      label: `${label} ${i}`, color: color(PALETTE[i % PALETTE.length]), hidden: i % 4 === 0, locked: i % 5 === 0,
    }),
  );

test("of forty regions each is drawn once, hidden as hidden and locked as locked", () => {
  const regions = forty("forty");
  const calls = painted(scene(regions));
  const visible = regions.map((_, i) => i).filter((i) => !regions[i].hidden);
  assert.deepEqual(texts(calls), visible.flatMap((i) => [String(i + 1), `forty ${i}`]));
  for (const i of regions.keys()) {
    const at = called(calls, "strokeRect", { strokeStyle: cssColor(regions[i].color) }).filter(({ values }) => values[0] === 20 * i);
    assert.equal(at.length, regions[i].hidden ? 0 : 1, `region ${i}`);
    for (const { style } of at) assert.equal(style.dash.length > 0, regions[i].locked, `region ${i}`);
  }
  assert.equal(padlocks(calls).length, visible.filter((i) => regions[i].locked).length);
});

test("nothing is measured twice, not even for the next image", () => {
  const { context, calls } = recorder();
  const what = scene(forty("measured"));
  paint(context, what);
  const measured = called(calls, "measureText").map(({ values }) => values[0]);
  assert.ok(measured.includes("measured 1") && !measured.includes("measured 0"));
  assert.equal(new Set(measured).size, measured.length);
  paint(context, { ...what, selection: [7], hovered: 9 });
  assert.equal(called(calls, "measureText").length, measured.length);
});

test("painting leaves the context opaque and without dashes", () => {
  const { context } = recorder();
  paint(context, scene(forty("left"), { mask: true, background: image, dim: 0.5, selection: [5], draft: BOX }));
  assert.deepEqual([context.globalAlpha, context.dash], [1, []]);
});
