// Nodes and their execution ids, in a made-up graph with what ComfyUI's has.

import assert from "node:assert/strict";
import test from "node:test";
import { executionIdsOf, nodeOf } from "../../web/comfy/nodes/graph.mjs";

/** @typedef {import("../../web/comfy/nodes/graph.mjs").Graph} Graph */

/** @param {...number} ids @returns {Graph} */
function graphOf(...ids) {
  /** @type {Graph} */
  const graph = { nodes: [], getNodeById: (id) => graph.nodes.find((node) => node.id === id) ?? null };
  graph.nodes = ids.map((id) => ({ id, type: String(id), graph }));
  return graph;
}

test("a node is found by its execution id, and its execution id is found, also inside subgraphs", () => {
  const [outer, inner, innermost] = [graphOf(7, 8), graphOf(1, 2), graphOf(1, 2)];
  outer.nodes[1].subgraph = inner;
  inner.nodes[0].subgraph = innermost;
  const nodes = [outer.nodes[0], inner.nodes[1], innermost.nodes[1]];
  assert.deepEqual(nodes.map((one) => executionIdsOf(outer, one)), [["7"], ["8:2"], ["8:1:2"]]);
  assert.deepEqual(["7", "8:2", "8:1:2"].map((id) => nodeOf(outer, id)), nodes);
  assert.deepEqual(["9", "7:3", "8:9"].map((id) => nodeOf(outer, id)), [null, null, null]);
  assert.deepEqual(executionIdsOf(outer, graphOf(1).nodes[0]), []);
});

test("a node of a subgraph that is used twice has two execution ids", () => {
  const [outer, inner] = [graphOf(7, 8), graphOf(1)];
  for (const node of outer.nodes) node.subgraph = inner;
  assert.deepEqual(executionIdsOf(outer, inner.nodes[0]), ["7:1", "8:1"]);
});
