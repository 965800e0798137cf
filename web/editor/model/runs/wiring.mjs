// @ts-check
// Which node of a run gets its inputs from which. Read from ComfyUI's API prompt: there ComfyUI itself has resolved
// reroutes, Set and Get nodes, subgraphs, and bypassed and muted nodes. Pure.

/** @typedef {import("./wish.mjs").Prompt} Prompt */
/** @typedef {{id: string, type: string}} Source the node that an input is linked to, and the type of that output */
/** @typedef {Record<string, {kind: string, inputs: Record<string, Source>}>} Wiring of a run, by execution id */

const CHAIN = "GOT_CHAIN";
const PREVIEW = "GoTChainPreview"; // shows the plan on an image: what it gives is no result
const OURS = /^(GoT|ReasoningChain$|EditChain$)/; // nodes that make or change a chain; all others pass it on

/**
 * @param {Prompt} prompt in ComfyUI's API form
 * @param {(kind: string, slot: number) => string} typeOf the type of a node's output; "*" for any
 * @returns {Wiring}
 */
export function wiringOf(prompt, typeOf) {
  /** @type {Wiring} */
  const wiring = {};
  for (const [id, { class_type: kind, inputs }] of Object.entries(prompt)) {
    wiring[id] = { kind, inputs: {} };
    for (const [name, value] of Object.entries(inputs ?? {})) {
      const from = Array.isArray(value) && value.length === 2 ? prompt[value[0]] : undefined;
      if (from) wiring[id].inputs[name] = { id: String(value[0]), type: typeOf(from.class_type, Number(value[1])) };
    }
  }
  return wiring;
}

/**
 * Does a node get its chain from `writer`? Nodes of other packs that pass any value on may be between them.
 * @param {Wiring} wiring @param {string} reader @param {string} writer
 */
export function readsFrom(wiring, reader, writer) {
  const [seen, open] = [new Set(), [wiring[reader]?.inputs.chain]];
  for (let source = open.pop(); source; source = open.pop()) {
    if (source.id === writer) return true;
    const node = wiring[source.id];
    if (!node || seen.has(source.id) || OURS.test(node.kind)) continue;
    seen.add(source.id);
    open.push(...Object.values(node.inputs).filter(({ type }) => mayBeChain(type)));
  }
  return false;
}

/** @param {string} type of an output; several are separated by commas */
function mayBeChain(type) {
  return type === "*" || type.startsWith("COMFY_") || type.split(",").includes(CHAIN);
}

/**
 * Is what `later` shows drawn from the outputs of `node`, over any number of links? An image must have been a latent on
 * the way. What passed GoT Chain Preview is not drawn.
 * @param {Wiring} wiring @param {string} node @param {string} later
 * @param {boolean} [drawing] `later` draws itself, so no latent needs to come before it
 */
export function isDrawnFrom(wiring, node, later, drawing = false) {
  const seen = { made: new Set(), plan: new Set() };
  const open = [{ id: later, made: drawing }];
  for (let current = open.pop(); current; current = open.pop()) {
    const { id, made } = current;
    const been = seen[made ? "made" : "plan"];
    if (!wiring[id] || been.has(id) || wiring[id].kind === PREVIEW) continue;
    if (made && id === node && id !== later) return true;
    been.add(id);
    for (const source of Object.values(wiring[id].inputs))
      open.push({ id: source.id, made: made || source.type === "LATENT" });
  }
  return false;
}
