// @ts-check
/** Nodes with a choice that has inputs of its own: ComfyUI 0.30 makes them as small as it can when a workflow opens. */

import { wrapMethod } from "./wrap_method.mjs";

const KINDS = ["ReasoningChain", "EditChain", "GoTSeveralChains"];

/** Give a node the size that the workflow says, so that its prompt keeps its lines. @param {any} node */
export function keepSavedSize(node) {
  if (!KINDS.includes(node.comfyClass)) return;
  wrapMethod(node, "onConfigure", ({ size } = {}) => {
    if (!size) return;
    const [width, height] = [size[0] ?? size["0"], size[1] ?? size["1"]];
    node.setSize([Math.max(width, node.size[0]), Math.max(height, node.size[1])]);
  });
}
