// @ts-check
// Asks for a change of the plan in words: a run of its own, in which the node that wrote the plan writes it again. Pure.

import { canonicalText, ChainError, readText } from "../chain/chain.mjs";
import { VERSION } from "../plan/plan.mjs";

/** @typedef {{class_type: string, inputs: Record<string, any>}} PromptNode of ComfyUI's API form; a link is [id, slot] */
/** @typedef {Record<string, PromptNode>} Prompt by id */
/** @typedef {Extract<keyof import("../messages.mjs").Messages, `wishNo${string}`>} Problem */

// Ids of the nodes that are added to the graph's prompt for this run. No node of the graph is changed or runs again.
const EARLIER = "got-wish-earlier"; // the chain as it is in the editor
const LOCKS = "got-wish-locks"; // the same with its locked regions
export const WRITER = "got-wish-writer"; // a copy of the node that wrote the plan
export const ANSWER = "got-wish-answer"; // shows the editor what was written

/**
 * The prompt of a run that asks for a change.
 * @param {Prompt} prompt of the graph @param {string} editor its id there @param {string} wish
 * @param {Pick<import("../plan/plan.mjs").Plan, "text" | "flags">} plan that is to be changed
 * @returns {{prompt: Prompt} | {problem: Problem} | {error: string}} error: a sentence; problem: the name of one
 */
export function wishPrompt(prompt, editor, wish, { text, flags }) {
  const writer = writerOf(prompt, editor);
  if (writer?.class_type === "EditChain") return { problem: "wishNoEdit" };
  if (writer?.class_type !== "ReasoningChain") return { problem: "wishNoWriter" };
  if (!readText(text).marks.length) return { problem: "wishNoPlan" };
  let chain;
  try {
    chain = canonicalText(text);
  } catch (error) {
    if (error instanceof ChainError) return { error: error.message };
    throw error;
  }
  const regions = flags.map(({ locked }) => ({ locked, hidden: false }));
  const edits = JSON.stringify({ version: VERSION, plan: chain, text: chain, regions });
  const passing = { pause: "off", seconds: 0 };
  return {
    prompt: {
      ...prompt,
      [EARLIER]: { class_type: "GoTChainFromText", inputs: { text: chain, prompt: writer.inputs.prompt } },
      [LOCKS]: { class_type: "GoTChainEditor", inputs: { ...passing, chain: [EARLIER, 0], edits } },
      [WRITER]: { ...writer, inputs: { ...writer.inputs, earlier: [LOCKS, 0], wish } },
      [ANSWER]: { class_type: "GoTChainEditor", inputs: { ...passing, chain: [WRITER, 0], edits: "" } },
    },
  };
}

/** The node that writes the chain of an editor, perhaps through other editors. @param {Prompt} prompt
 * @param {string} editor @returns {PromptNode | null} */
function writerOf(prompt, editor) {
  const seen = new Set();
  let id = editor;
  while (prompt[id]?.class_type === "GoTChainEditor" && !seen.has(id)) {
    seen.add(id);
    id = prompt[id].inputs.chain?.[0];
  }
  return prompt[id] ?? null;
}
