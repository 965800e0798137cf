// Walks over a graph, here a made-up one with what ComfyUI's has.

import assert from "node:assert/strict";
import test from "node:test";
import { executionIdOf, feeds, isDrawnFrom, nodeOf } from "../../web/comfy/graph.mjs";

/** @typedef {import("../../web/comfy/graph.mjs").Graph} Graph */

/** A graph of nodes by type, and wires as "from TYPE to". @param {...string} wires @returns {Graph} */
function graphOf(...wires) {
  const links = wires.map((wire) => wire.split(" "));
  const names = [...new Set(links.flatMap(([from, , to]) => [from, to]))];
  /** @type {Graph} */
  const graph = { nodes: [], getNodeById: (id) => graph.nodes.find((node) => node.id === id) ?? null, getLink: (id) => made[id] };
  const made = links.map(([from, type, to]) => ({ origin_id: from, target_id: to, type }));
  graph.nodes = names.map((name) => ({
    id: name, type: name, graph,
    inputs: made.flatMap(({ target_id }, link) => (target_id === name ? [{ name: "in", link }] : [])),
    outputs: [{ links: made.flatMap(({ origin_id }, link) => (origin_id === name ? [link] : [])) }],
  }));
  return graph;
}

const WHOLE = graphOf(
  "Editor GOT_CHAIN Guidance", "Guidance GOT_GUIDANCE Sampler", "Guidance LATENT Sampler", "Guidance IMAGE Painted",
  "Sampler LATENT Decode", "Decode IMAGE Save", "Editor GOT_CHAIN GoTChainPreview", "Decode IMAGE GoTChainPreview",
  "GoTChainPreview IMAGE Shown", "Editor STRING Text", "Other LATENT Elsewhere", "Decode IMAGE Decode",
);
const node = (/** @type {string} */ id) => /** @type {any} */ (WHOLE.getNodeById(id));

test("the image that was sampled from the chain is its result", () => assert.ok(isDrawnFrom(node("Editor"), node("Save"))));

test("neither the painted plan, nor the plan on the image, nor an image of something else is", () => {
  for (const id of ["Painted", "Shown", "GoTChainPreview", "Text", "Elsewhere", "Editor"])
    assert.ok(!isDrawnFrom(node("Editor"), node(id)), id);
});

test("nor is what lies in another graph", () => {
  assert.ok(!isDrawnFrom(node("Editor"), /** @type {any} */ (graphOf("Editor LATENT Save").getNodeById("Save"))));
});

test("a chain through words and another model counts too", () => {
  const graph = graphOf("Editor STRING Encode", "Encode CONDITIONING KSampler", "KSampler LATENT Decode", "Decode IMAGE Save");
  assert.ok(isDrawnFrom(/** @type {any} */ (graph.getNodeById("Editor")), /** @type {any} */ (graph.getNodeById("Save"))));
});

test("a node is found by its execution id, and what feeds it by the name of the input", () => {
  assert.equal(nodeOf(WHOLE, "Save"), node("Save"));
  assert.equal(nodeOf(WHOLE, "Save:3"), null);
  assert.equal(feeds(node("Save"), "in"), node("Decode"));
  assert.equal(feeds(node("Save"), "out"), null);
  assert.equal(feeds(node("Editor"), "in"), null);
});

test("a node's execution id leads to it, also inside subgraphs", () => {
  const [outer, inner, other] = [graphOf("7 LATENT 8"), graphOf("1 LATENT 2"), graphOf("1 LATENT 2")];
  outer.nodes[1].subgraph = inner;
  inner.nodes[0].subgraph = other;
  assert.deepEqual([outer.nodes[0], inner.nodes[1], other.nodes[1]].map((one) => executionIdOf(outer, one)), ["7", "8:2", "8:1:2"]);
  assert.equal(nodeOf(outer, "8:1:2"), other.nodes[1]);
  assert.equal(executionIdOf(outer, node("Save")), null);
});
