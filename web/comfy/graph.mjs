// @ts-check
/** Reads ComfyUI's graph: nodes by execution id, what feeds a node, what is drawn from it. */

/**
 * @typedef {object} GraphNode
 * @property {number | string} id
 * @property {string} type
 * @property {string} [title]
 * @property {Graph} graph
 * @property {Graph} [subgraph]
 * @property {{name: string, link: number | null}[]} inputs
 * @property {{links: number[] | null}[]} outputs
 */
/** @typedef {{origin_id: number | string, target_id: number | string, type: string}} Link */
/**
 * @typedef {object} Graph
 * @property {GraphNode[]} nodes
 * @property {(id: number | string) => GraphNode | null} getNodeById
 * @property {(id: number) => Link | undefined} getLink
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
 * The execution id of a node; null if it is not in the graph.
 * @param {Graph} graph
 * @param {GraphNode} node
 * @returns {string | null}
 */
export function executionIdOf(graph, node) {
  if (node.graph === graph) return String(node.id);
  for (const { id, subgraph } of graph.nodes) {
    const inside = subgraph && executionIdOf(subgraph, node);
    if (inside) return `${id}:${inside}`;
  }
  return null;
}

/**
 * The node that is linked to an input, in the same graph; null if none is, or if the link comes from outside a subgraph.
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
 * Does `later` show an image that is drawn from the outputs of `node`? Such an image was a latent on the way, over any
 * number of links, and did not pass GoT Chain Preview. Both nodes must be in the same graph.
 * @param {GraphNode} node
 * @param {GraphNode} later
 */
export function isDrawnFrom(node, later) {
  if (node.graph !== later.graph) return false;
  const seen = { made: new Set(), plan: new Set() };
  const open = [{ node, made: false }];
  for (let current = open.pop(); current; current = open.pop()) {
    const been = seen[current.made ? "made" : "plan"];
    if (been.has(current.node) || current.node.type === "GoTChainPreview") continue;
    if (current.made && current.node === later) return true;
    been.add(current.node);
    for (const link of linksFrom(current.node)) {
      const next = node.graph.getNodeById(link.target_id);
      if (next) open.push({ node: next, made: current.made || link.type === "LATENT" });
    }
  }
  return false;
}

/** @param {GraphNode} node @returns {Link[]} */
function linksFrom({ outputs, graph }) {
  return (outputs ?? []).flatMap(({ links }) => (links ?? []).flatMap((id) => graph.getLink(id) ?? []));
}
