// @ts-check
/** What ComfyUI's frontend knows of the types of nodes. */

/** @param {string} kind of a node @returns {any} its definition, as the server sent it */
function definitionOf(kind) {
  return /** @type {any} */ (globalThis).LiteGraph.registered_node_types[kind]?.nodeData;
}

/** The type of a node's output; "*" if it is not known. @param {string} kind @param {number} slot */
export function outputType(kind, slot) {
  const type = definitionOf(kind)?.output?.[slot];
  return typeof type === "string" ? type : "*"; // an older combo's type is the list of its options
}

/** Does a node come from this pack? @param {string} kind of the node */
export function isOurs(kind) {
  const module = definitionOf(kind)?.python_module;
  return module !== undefined && module === definitionOf("GoTLoader")?.python_module;
}

/** What a node is called on screen. @param {any} node null if it is in no graph on screen @param {string} kind */
export function titleOf(node, kind) {
  return node?.title || definitionOf(kind)?.display_name || kind;
}
