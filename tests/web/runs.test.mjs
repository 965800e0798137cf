// The messages of a run are handled in the workflow that queued it, and in no other.

import assert from "node:assert/strict";
import test from "node:test";
import { MOST_MESSAGES, Runs, belongsTo } from "../../web/editor/model/runs/runs.mjs";

/** @typedef {import("../../web/editor/model/runs/runs.mjs").Origin} Origin */

const [ONE, OTHER] = [{}, {}];
const NEW = "00000000-0000-0000-0000-000000000000";
/** @param {string | null} graph @param {object | null} [workflow] @returns {Origin} */
const at = (graph, workflow = null) => ({ workflow, graph });

test("a run that this page queued belongs to its workflow alone, also beside a copy with the same graph", () => {
  assert.ok(belongsTo(at(null, ONE), at("a", ONE)));
  assert.ok(!belongsTo(at(null, ONE), at("a", OTHER)));
  assert.ok(!belongsTo(at("a", ONE), at("a", OTHER)));
});

test("a run that another page queued belongs to its graph", () => {
  assert.ok(belongsTo(at("a"), at("a", ONE)));
  assert.ok(!belongsTo(at("a"), at("b", ONE)));
});

test("a run of unknown origin may belong anywhere", () => {
  for (const graph of [null, NEW]) assert.ok(belongsTo(at(graph), at("a", ONE)));
  for (const graph of [null, NEW]) assert.ok(belongsTo(at("a"), at(graph, ONE)));
});

/** A page that shows workflow ONE with graph "a", and the messages that were handled there.
 * @param {Record<string, string | null>} [graphs] by prompt, as the server knows them */
function page(graphs = {}) {
  /** @type {string[]} */
  const log = [];
  /** @type {{screen: Origin | null}} */
  const now = { screen: at("a", ONE) };
  const lookUp = async (/** @type {string} */ prompt) => ({ graph: graphs[prompt] ?? null, wiring: null });
  const runs = new Runs({ onScreen: () => now.screen, prepare: () => log.push("prepared"), lookUp });
  const handled = () => log.splice(0).filter((text) => text !== "prepared");
  const receive = (/** @type {string} */ prompt, /** @type {string} */ name, text = name) =>
    runs.receive(prompt, name, () => log.push(text));
  return { runs, now, log, handled, receive };
}

test("messages to what is on screen are handled at once, in order", async () => {
  const { runs, handled, receive } = page();
  runs.queued(ONE, {}, Promise.resolve({ prompt_id: "p" }));
  await Promise.all([receive("p", "writing"), receive("p", "executed"), receive("p", "end")]);
  assert.deepEqual(handled(), ["writing", "executed", "end"]);
});

test("messages to another workflow are kept, the last of each name, until that one is on screen", async () => {
  const { runs, now, handled, receive } = page();
  runs.queued(OTHER, {}, Promise.resolve({ prompt_id: "p" }));
  for (const text of ["a", "a cup"]) await receive("p", "writing", text);
  await receive("p", "executed", "plan");
  await receive("p", "writing", "a cup on a mat");
  assert.deepEqual(handled(), []);
  now.screen = at("a", OTHER);
  await runs.loaded();
  assert.deepEqual(handled(), ["plan", "a cup on a mat"]);
  await runs.loaded();
  assert.deepEqual(handled(), []);
});

test("a workflow is prepared before messages are handled there, and whenever it comes on screen", async () => {
  const { runs, log, receive } = page();
  await receive("p", "executed");
  await runs.loaded();
  assert.deepEqual(log, ["prepared", "executed", "prepared"]);
});

test("nothing is handled while a workflow is being loaded", async () => {
  const { runs, now, handled, receive } = page();
  runs.queued(ONE, {}, Promise.resolve({ prompt_id: "p" }));
  now.screen = null;
  await receive("p", "executed");
  const loaded = runs.loaded();
  assert.deepEqual(handled(), []);
  now.screen = at("a", ONE);
  await loaded;
  assert.deepEqual(handled(), ["executed"]);
});

test("messages before the answer that names the run find their workflow", async () => {
  const { runs, handled, receive } = page({ p: "a" });
  /** @type {(answer: {prompt_id: string}) => void} */
  let answer = () => {};
  runs.queued(OTHER, {}, new Promise((resolve) => (answer = resolve)));
  const early = receive("p", "executed");
  answer({ prompt_id: "p" });
  await early;
  assert.deepEqual(handled(), []);
});

test("a run that was refused, or that another page queued, belongs where the server says", async () => {
  const { runs, now, handled, receive } = page({ mine: "a", theirs: "b" });
  runs.queued(ONE, {}, Promise.reject(new Error("refused")));
  await Promise.all([receive("mine", "executed", "mine"), receive("theirs", "executed", "theirs"), receive("unknown", "end")]);
  assert.deepEqual(handled().sort(), ["end", "mine"]);
  now.screen = at("b", OTHER);
  await runs.loaded();
  assert.deepEqual(handled(), ["theirs"]);
});

test("messages that are never handled do not pile up", async () => {
  const { runs, now, handled, receive } = page();
  runs.queued(OTHER, {}, Promise.resolve({ prompt_id: "p" }));
  for (let i = 0; i < MOST_MESSAGES + 3; i++) await receive("p", String(i));
  now.screen = at("a", OTHER);
  await runs.loaded();
  const [first, ...others] = handled();
  assert.deepEqual([first, others.length], ["3", MOST_MESSAGES - 1]);
});

test("a message is handled with the wiring of its own run, also one that another page queued", async () => {
  const [mine, theirs] = [{ 1: { kind: "A", inputs: {} } }, { 1: { kind: "B", inputs: {} } }];
  const lookUp = async (/** @type {string} */ prompt) => ({ graph: "a", wiring: prompt === "theirs" ? theirs : null });
  const runs = new Runs({ onScreen: () => at("a", ONE), prepare: () => {}, lookUp });
  runs.queued(ONE, mine, Promise.resolve({ prompt_id: "mine" }));
  /** @type {unknown[]} */
  const seen = [];
  for (const prompt of ["mine", "theirs", "unknown"]) await runs.receive(prompt, prompt, (wiring) => seen.push(wiring));
  assert.deepEqual(seen, [mine, theirs, {}]);
});

test("a run is in its own workflow, on screen or not", async () => {
  const { runs, now } = page({ theirs: "a" });
  runs.queued(OTHER, {}, Promise.resolve({ prompt_id: "p" }));
  assert.deepEqual(await runs.placeOf("p"), { workflow: OTHER, isHere: false });
  assert.deepEqual(await runs.placeOf("theirs"), { workflow: null, isHere: true });
  now.screen = null;
  assert.deepEqual(await runs.placeOf("theirs"), { workflow: null, isHere: false });
});
