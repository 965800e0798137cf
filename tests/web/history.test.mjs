// Earlier plans: newest first, each once, bounded, and safe to read back from any workflow.

import assert from "node:assert/strict";
import test from "node:test";
import {
  MOST_ENTRIES, MOST_IMAGE, MOST_TOTAL, NONE, attachImage, parseHistory, remember, remove, serializeHistory,
} from "../../web/editor/model/runs/history.mjs";

/** @typedef {import("../../web/editor/model/runs/history.mjs").History} History */

const IMAGE = "data:image/jpeg;base64,AAAA";

/** @param {...string} texts oldest first @returns {History} */
const of = (...texts) => texts.reduce((history, text, i) => remember(history, text, i + 1), NONE);
/** @param {History} history */
const texts = (history) => history.map(({ text }) => text);

test("the newest plan comes first", () => {
  assert.deepEqual(of("a", "b"), [{ text: "b", picture: null, time: 2 }, { text: "a", picture: null, time: 1 }]);
});

test("an empty plan and the newest one again change nothing", () => {
  const history = of("a");
  assert.equal(remember(history, " \n", 9), history);
  assert.equal(remember(history, "a", 9), history);
});

test("an earlier plan comes to the front with its image, instead of twice", () => {
  const history = remember(attachImage(of("a", "b"), "a", IMAGE), "a", 9);
  assert.deepEqual(history, [{ text: "a", picture: IMAGE, time: 9 }, { text: "b", picture: null, time: 2 }]);
});

test("a change leaves the history it was made from as it was", () => {
  const history = of("a", "b");
  const before = JSON.stringify(history);
  remember(history, "c", 3);
  attachImage(history, "a", IMAGE);
  remove(history, 0);
  assert.equal(JSON.stringify(history), before);
});

test("an image goes to the plan that it shows", () => {
  assert.deepEqual(attachImage(of("a", "b"), "a", IMAGE).map(({ picture }) => picture), [null, IMAGE]);
});

test("the result itself is known while the page is open, also when its plan runs again, and is not saved", () => {
  const history = remember(remember(attachImage(of("a"), "a", IMAGE, "/view?filename=a.png"), "b", 2), "a", 3);
  assert.deepEqual(history.map(({ full }) => full), ["/view?filename=a.png", undefined]);
  assert.ok(!serializeHistory(history).includes("view"));
});

test("what is no small image is not kept", () => {
  const history = of("a");
  const large = "data:image/png;base64," + "A".repeat(MOST_IMAGE);
  for (const picture of [large, "https://example.org/a.png", "data:text/html;base64,AAAA", "data:image/svg+xml;,<svg/>", ""])
    assert.equal(attachImage(history, "a", picture), history, picture.slice(0, 30));
  assert.equal(attachImage(history, "never seen", IMAGE), history);
});

test("only so many plans are kept, the newest", () => {
  const history = of(...Array.from({ length: MOST_ENTRIES + 3 }, (_, i) => `plan ${i}`));
  assert.equal(history.length, MOST_ENTRIES);
  assert.equal(history[0].text, `plan ${MOST_ENTRIES + 2}`);
  assert.equal(history.at(-1)?.text, "plan 3");
});

test("only so many characters are kept, images included, and the oldest plans go first", () => {
  const third = MOST_TOTAL / 3 - 10;
  const history = of(..."abc".split("").map((letter) => letter.repeat(third)));
  assert.deepEqual(texts(history).map((text) => text[0]), ["c", "b", "a"]);
  const picture = IMAGE + "A".repeat(100);
  assert.deepEqual(texts(attachImage(history, "c".repeat(third), picture)).map((text) => text[0]), ["c", "b"]);
  assert.deepEqual(texts(remember(history, "d".repeat(100), 9)).map((text) => text[0]), ["d", "c", "b"]);
});

test("one plan is removed by its place, and a place that is not there removes nothing", () => {
  const history = of("a", "b", "c");
  assert.deepEqual(texts(remove(history, 1)), ["c", "a"]);
  for (const index of [-1, 3, NaN]) assert.equal(remove(history, index), history);
});

test("a history comes back from the workflow as it was", () => {
  const history = attachImage(of("猫 (1,2),(3,4)", "b"), "b", IMAGE);
  assert.deepEqual(parseHistory(serializeHistory(history)), history);
  assert.equal(serializeHistory(NONE), "");
});

test("what is no history reads as none", () => {
  const entry = { text: "a", picture: null, time: 1 };
  const saved = (/** @type {unknown} */ entries, version = 1) => JSON.stringify({ version, entries });
  const wrong = [
    "", "no JSON", "null", "[]", null, undefined, 7, { version: 1, entries: [] }, saved([entry], 2), saved(entry),
    saved([entry, null]), saved([{ ...entry, text: 1 }]), saved([{ ...entry, time: "1" }]),
    saved([{ ...entry, picture: "javascript:alert(1)" }]), saved([{ ...entry, picture: undefined }]),
  ];
  for (const value of wrong) assert.deepEqual(parseHistory(value), [], JSON.stringify(value));
  assert.deepEqual(parseHistory(saved([entry])), [entry]);
});

test("a saved history that is too long or knows more is read as far as it may", () => {
  const entries = Array.from({ length: 30 }, (_, time) => ({ text: `plan ${time}`, picture: null, time, more: "x" }));
  const history = parseHistory(JSON.stringify({ version: 1, entries }));
  assert.equal(history.length, MOST_ENTRIES);
  assert.deepEqual(history[0], { text: "plan 0", picture: null, time: 0 });
});
