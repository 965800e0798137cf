// @ts-check
/** Nodes of ComfyUI's graph and their execution ids. What is linked to what is read from a run's prompt: wiring.mjs. */

/**
 * @typedef {object} GraphNode
 * @property {number | string} id
 * @property {string} type
 * @property {string} [title]
 * @property {Graph} graph
 * @property {Graph} [subgraph]
 */
/**
 * @typedef {object} Graph
 * @property {GraphNode[]} nodes
 * @property {(id: number | string) => GraphNode | null} getNodeById
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
 * The execution ids of a node: several where its subgraph is used several times, none if it is not in the graph.
 * @param {Graph} graph
 * @param {GraphNode} node
 * @returns {string[]}
 */
export function executionIdsOf(graph, node) {
  if (node.graph === graph) return [String(node.id)];
  return graph.nodes.flatMap(({ id, subgraph }) =>
    subgraph ? executionIdsOf(subgraph, node).map((inside) => `${id}:${inside}`) : []);
}
