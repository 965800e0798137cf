// What a run says is heard in the workflow that asked for it, and in no other one.

import assert from "node:assert/strict";
import test from "node:test";
import { MOST_MESSAGES, Runs, belongsTo } from "../../web/editor/model/runs.mjs";

/** @typedef {import("../../web/editor/model/runs.mjs").Origin} Origin */

const [ONE, OTHER] = [{}, {}];
const NEW = "00000000-0000-0000-0000-000000000000";
/** @param {string | null} graph @param {object | null} [workflow] @returns {Origin} */
const at = (graph, workflow = null) => ({ workflow, graph });

test("a run that this page asked for is at home in its workflow alone, also beside a copy with the same graph", () => {
  assert.ok(belongsTo(at(null, ONE), at("a", ONE)));
  assert.ok(!belongsTo(at(null, ONE), at("a", OTHER)));
  assert.ok(!belongsTo(at("a", ONE), at("a", OTHER)));
});

test("a run that another page asked for is at home in its graph", () => {
  assert.ok(belongsTo(at("a"), at("a", ONE)));
  assert.ok(!belongsTo(at("a"), at("b", ONE)));
});

test("a run of which nothing is known may be at home anywhere", () => {
  for (const graph of [null, NEW]) assert.ok(belongsTo(at(graph), at("a", ONE)));
  for (const graph of [null, NEW]) assert.ok(belongsTo(at("a"), at(graph, ONE)));
});

/** A page that shows workflow ONE with graph "a", and what was said to it.
 * @param {Record<string, string | null>} [graphs] by prompt, as the server knows them */
function page(graphs = {}) {
  /** @type {string[]} */
  const said = [];
  /** @type {{screen: Origin | null}} */
  const now = { screen: at("a", ONE) };
  const graphOf = async (/** @type {string} */ prompt) => graphs[prompt] ?? null;
  const runs = new Runs({ onScreen: () => now.screen, prepare: () => said.push("prepared"), graphOf });
  const heard = () => said.splice(0).filter((text) => text !== "prepared");
  const hear = (/** @type {string} */ prompt, /** @type {string} */ name, text = name) =>
    runs.receive(prompt, name, () => said.push(text));
  return { runs, now, said, heard, hear };
}

test("what belongs to the screen is said at once, in order", async () => {
  const { runs, heard, hear } = page();
  runs.queued(ONE, Promise.resolve({ prompt_id: "p" }));
  await Promise.all([hear("p", "writing"), hear("p", "executed"), hear("p", "end")]);
  assert.deepEqual(heard(), ["writing", "executed", "end"]);
});

test("what belongs to another workflow is kept, the last of each name, until that one is on screen", async () => {
  const { runs, now, heard, hear } = page();
  runs.queued(OTHER, Promise.resolve({ prompt_id: "p" }));
  for (const text of ["a", "a cup"]) await hear("p", "writing", text);
  await hear("p", "executed", "plan");
  await hear("p", "writing", "a cup on a mat");
  assert.deepEqual(heard(), []);
  now.screen = at("a", OTHER);
  await runs.loaded();
  assert.deepEqual(heard(), ["plan", "a cup on a mat"]);
  await runs.loaded();
  assert.deepEqual(heard(), []);
});

test("a workflow is prepared before something is said to it, and whenever it comes on screen", async () => {
  const { runs, said, hear } = page();
  await hear("p", "executed");
  await runs.loaded();
  assert.deepEqual(said, ["prepared", "executed", "prepared"]);
});

test("nothing is said while a workflow is being loaded", async () => {
  const { runs, now, heard, hear } = page();
  runs.queued(ONE, Promise.resolve({ prompt_id: "p" }));
  now.screen = null;
  await hear("p", "executed");
  const loaded = runs.loaded();
  assert.deepEqual(heard(), []);
  now.screen = at("a", ONE);
  await loaded;
  assert.deepEqual(heard(), ["executed"]);
});

test("news that come before the answer that names the run find their workflow", async () => {
  const { runs, heard, hear } = page({ p: "a" });
  /** @type {(answer: {prompt_id: string}) => void} */
  let answer = () => {};
  runs.queued(OTHER, new Promise((resolve) => (answer = resolve)));
  const early = hear("p", "executed");
  answer({ prompt_id: "p" });
  await early;
  assert.deepEqual(heard(), []);
});

test("a run that was refused, or that another page asked for, goes by the server's word", async () => {
  const { runs, now, heard, hear } = page({ mine: "a", theirs: "b" });
  runs.queued(ONE, Promise.reject(new Error("refused")));
  await Promise.all([hear("mine", "executed", "mine"), hear("theirs", "executed", "theirs"), hear("unknown", "end")]);
  assert.deepEqual(heard().sort(), ["end", "mine"]);
  now.screen = at("b", OTHER);
  await runs.loaded();
  assert.deepEqual(heard(), ["theirs"]);
});

test("what nobody comes back for does not pile up", async () => {
  const { runs, now, heard, hear } = page();
  runs.queued(OTHER, Promise.resolve({ prompt_id: "p" }));
  for (let i = 0; i < MOST_MESSAGES + 3; i++) await hear("p", String(i));
  now.screen = at("a", OTHER);
  await runs.loaded();
  const [first, ...others] = heard();
  assert.deepEqual([first, others.length], ["3", MOST_MESSAGES - 1]);
});
