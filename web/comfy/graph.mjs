// @ts-check
/** Walks over ComfyUI's graph: nodes by execution id, what feeds a node, what follows it. Changes nothing. */

/**
 * @typedef {object} GraphNode
 * @property {number | string} id
 * @property {string} type
 * @property {Graph} graph
 * @property {Graph} [subgraph]
 * @property {{name: string, link: number | null}[]} inputs
 * @property {{links: number[] | null}[]} outputs
 */
/**
 * @typedef {object} Graph
 * @property {GraphNode[]} nodes
 * @property {(id: number | string) => GraphNode | null} getNodeById
 * @property {(id: number) => {origin_id: number | string, target_id: number | string} | undefined} getLink
 */

/**
 * The node of an execution id such as "7" or, inside subgraphs, "3:12:7".
 * @param {Graph} root
 * @param {string} executionId
 * @returns {GraphNode | null}
 */
export function nodeOf(root, executionId) {
  /** @type {GraphNode | null} */
  let node = null;
  /** @type {Graph | undefined} */
  let graph = root;
  for (const id of String(executionId).split(":")) {
    node = graph ? graph.getNodeById(Number(id)) ?? graph.getNodeById(id) : null;
    graph = node?.subgraph;
  }
  return node;
}

/**
 * The node that is wired to an input, in the same graph; null if nothing is, or if the wire comes from outside a subgraph.
 * @param {GraphNode} node
 * @param {string} name
 * @returns {GraphNode | null}
 */
export function feeds(node, name) {
  const link = node.inputs?.find((input) => input.name === name)?.link;
  const origin = link == null ? undefined : node.graph?.getLink(link)?.origin_id;
  return origin === undefined ? null : node.graph.getNodeById(origin);
}

/**
 * Does `later` get something, over any number of wires, from `node`? Both in the same graph.
 * @param {GraphNode} node
 * @param {GraphNode} later
 */
export function follows(node, later) {
  if (node.graph !== later.graph) return false;
  const seen = new Set();
  const open = [node];
  for (let current = open.pop(); current; current = open.pop()) {
    if (current === later) return true;
    if (seen.has(current)) continue;
    seen.add(current);
    for (const link of current.outputs?.flatMap((output) => output.links ?? []) ?? []) {
      const target = current.graph.getLink(link);
      const next = target && current.graph.getNodeById(target.target_id);
      if (next) open.push(next);
    }
  }
  return false;
}
