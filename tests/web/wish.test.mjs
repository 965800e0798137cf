// Asking for a change in words: the nodes that are added to a run, and when there is nobody to ask.

import assert from "node:assert/strict";
import test from "node:test";
import { canonicalText } from "../../web/editor/model/chain/chain.mjs";
import { arrive, EMPTY, setLocked } from "../../web/editor/model/plan/plan.mjs";
import { ANSWER, WRITER, wishPrompt } from "../../web/editor/model/runs/wish.mjs";

const TEXT = "a cup (1,2),(30,40) (red), a hat (5,6),(70,80) (green)";
const PLAN = setLocked(arrive(EMPTY, TEXT), 1, true);
const WISH = "make the cup bigger";

/** @param {string} writer @returns {Record<string, any>} */
const graph = (writer = "ReasoningChain") => ({
  1: { class_type: "GoTLoader", inputs: {} },
  2: { class_type: writer, inputs: { reasoner: ["1", 0], prompt: ["9", 0], max_length: 300 } },
  "3:1": { class_type: "GoTChainEditor", inputs: { chain: ["2", 0], pause: "wait for me", seconds: 0, edits: "" } },
  5: { class_type: "GoTChainEditor", inputs: { chain: ["3:1", 0], pause: "off", seconds: 0, edits: "" } },
});

/** The prompt that was made. @param {ReturnType<typeof wishPrompt>} made @returns {Record<string, any>} */
function promptOf(made) {
  assert.ok("prompt" in made, JSON.stringify(made));
  return made.prompt;
}

test("a copy of the writer gets the wish and the plan of the editor with its locks; the graph stays as it is", () => {
  const before = graph();
  for (const editor of ["3:1", "5"]) {
    const prompt = promptOf(wishPrompt(before, editor, WISH, PLAN));
    for (const id of Object.keys(before)) assert.equal(prompt[id], before[id]);
    const { inputs } = prompt[WRITER];
    assert.deepEqual([inputs.reasoner, inputs.prompt, inputs.max_length, inputs.wish], [["1", 0], ["9", 0], 300, WISH]);
    const locks = prompt[inputs.earlier[0]];
    const edits = JSON.parse(locks.inputs.edits);
    assert.deepEqual(edits.regions.map((/** @type {any} */ region) => region.locked), [false, true]);
    const earlier = prompt[locks.inputs.chain[0]];
    assert.deepEqual([earlier.class_type, earlier.inputs.prompt], ["GoTChainFromText", ["9", 0]]);
    assert.deepEqual([earlier.inputs.text, edits.plan, edits.text], Array(3).fill(canonicalText(TEXT)));
    assert.deepEqual([prompt[ANSWER].inputs.chain, prompt[ANSWER].inputs.pause], [[WRITER, 0], "off"]);
    assert.ok(Object.keys(prompt).every((id) => before[id] || id.startsWith("got-wish-")));
  }
  assert.deepEqual(before, graph());
});

test("where nobody can be asked, the reason is named", () => {
  const problem = (/** @type {any} */ prompt, plan = PLAN) => wishPrompt(prompt, "3:1", WISH, plan);
  assert.deepEqual(problem(graph("GoTChainFromText")), { problem: "wishNoWriter" });
  assert.deepEqual(problem(graph("GoTSeveralChains")), { problem: "wishNoWriter" });
  assert.deepEqual(problem(graph("EditChain")), { problem: "wishNoEdit" });
  assert.deepEqual(problem({}), { problem: "wishNoWriter" });
  const circle = { "3:1": { class_type: "GoTChainEditor", inputs: { chain: ["3:1", 0] } } };
  assert.deepEqual(problem(circle), { problem: "wishNoWriter" });
  assert.deepEqual(problem(graph(), EMPTY), { problem: "wishNoPlan" });
  const broken = problem(graph(), arrive(EMPTY, "a cup (9,9),(1,1)"));
  assert.ok("error" in broken && broken.error.includes("Box 1"));
});
