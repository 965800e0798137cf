// What is drawn from what, and what reads from what, in runs as ComfyUI's API prompt has them.

import assert from "node:assert/strict";
import test from "node:test";
import { isDrawnFrom, readsFrom, wiringOf } from "../../web/editor/model/runs/wiring.mjs";

/** A run of nodes by kind, and wires as "from TYPE to". @param {...string} wires */
function run(...wires) {
  /** @type {import("../../web/editor/model/runs/wish.mjs").Prompt} */
  const prompt = {};
  /** @type {string[]} */
  const types = [];
  for (const wire of wires) {
    const [from, type, to] = wire.split(" ");
    for (const kind of [from, to]) prompt[kind] ??= { class_type: kind.replace(/[.].*/, ""), inputs: {} };
    const name = type === "GOT_CHAIN" || type === "*" ? "chain" : type.toLowerCase();
    prompt[to].inputs[name in prompt[to].inputs ? `${name}${types.length}` : name] = [from, types.push(type) - 1];
  }
  return wiringOf(prompt, (_, slot) => types[slot]);
}

const WHOLE = run(
  "GoTChainEditor GOT_CHAIN Guidance", "Guidance GOT_GUIDANCE Sampler", "Guidance LATENT Sampler", "Guidance IMAGE Painted",
  "Sampler LATENT Decode", "Decode IMAGE Save", "GoTChainEditor GOT_CHAIN GoTChainPreview", "Decode IMAGE GoTChainPreview",
  "GoTChainPreview IMAGE Shown", "GoTChainEditor STRING Text", "Other LATENT Elsewhere", "Decode IMAGE Decode",
);
const EDITOR = "GoTChainEditor";

test("the image that was sampled from the chain is its result", () => assert.ok(isDrawnFrom(WHOLE, EDITOR, "Save")));

test("neither the painted plan, nor the plan on the image, nor an image of something else is", () => {
  for (const id of ["Painted", "Shown", "GoTChainPreview", "Text", "Elsewhere", EDITOR, "9"])
    assert.ok(!isDrawnFrom(WHOLE, EDITOR, id), id);
});

test("what a sampler shows while it draws belongs to the plan before it", () => {
  assert.ok(isDrawnFrom(WHOLE, EDITOR, "Sampler", true));
  assert.ok(!isDrawnFrom(WHOLE, EDITOR, "Elsewhere", true));
  assert.ok(!isDrawnFrom(WHOLE, "Sampler", EDITOR, true));
});

test("a chain through words, a switch and another model counts too", () => {
  const wiring = run(`${EDITOR} STRING Encode`, "Encode CONDITIONING KSampler", "KSampler LATENT Switch", "Switch * Decode", "Decode IMAGE Save");
  assert.ok(isDrawnFrom(wiring, EDITOR, "Save"));
});

test("an editor reads from the node that writes its chain, also through nodes of other packs that pass it on", () => {
  const wiring = run("ReasoningChain GOT_CHAIN Switch", "Loader MODEL Switch", "Switch * GoTChainEditor", "GoTChainEditor GOT_CHAIN GoTChainEditor.2");
  assert.ok(readsFrom(wiring, EDITOR, "ReasoningChain"));
  assert.ok(!readsFrom(wiring, EDITOR, "Loader"), "what carries no chain");
  assert.ok(!readsFrom(wiring, `${EDITOR}.2`, "ReasoningChain"), "another editor changes the chain on the way");
  assert.ok(!readsFrom(wiring, "7", "ReasoningChain"));
});

test("a circle, a missing node and values that are no links do no harm", () => {
  const inputs = { chain: ["b", 0], list: [1, 2, 3], pair: ["text", "text"], gone: ["z", 0], __proto__: null };
  const wiring = wiringOf({ a: { class_type: EDITOR, inputs }, b: { class_type: "Pass", inputs: { any: ["b", 0] } } }, () => "*");
  assert.deepEqual(Object.keys(wiring.a.inputs), ["chain"]);
  assert.ok(!readsFrom(wiring, "a", "c") && !isDrawnFrom(wiring, "c", "b"));
});
