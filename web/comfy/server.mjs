// @ts-check
/** The messages and routes of the pack's server half (got_models/comfy: pause, reasoner, memory_estimate). */

import { api } from "../../../scripts/api.js";

/** @typedef {{filename: string, subfolder: string, type: string}} ImageFile */
/**
 * @typedef {object} PlanMessage a chain that came to the editor's node
 * @property {string} text @property {number} width @property {number} height pixels
 */
/** @typedef {PlanMessage & {ran: string, stopped: boolean}} RunMessage the node has run; ran: the chain as edited */
/**
 * @typedef {PlanMessage & {prompt: string, node: string, seconds: number | null, background?: ImageFile[]}} PauseMessage
 * seconds: until the run resumes automatically; null: no limit
 */

export const CHAIN = "got.chain"; // {prompt, node, text}: what the model has written so far
export const PAUSE = "got.pause"; // PauseMessage
export const PAUSE_END = "got.pause.end"; // {prompt, node}

/** Let each connection of this page say that a person can resume paused runs here. Works only before the first one. */
export function offerPause() {
  const original = api.getClientFeatureFlags;
  api.getClientFeatureFlags = () => ({ ...original.call(api), got_pause: true });
}

/** @param {string} event @param {(detail: any) => void} handler */
export function on(event, handler) {
  api.addEventListener(event, ({ detail }) => handler(detail));
}

/** Call a handler for each run that this page queues. @param {(answer: Promise<{prompt_id: string}>) => void} handler */
export function onQueue(handler) {
  const original = api.queuePrompt;
  api.queuePrompt = (...values) => {
    const answer = original.apply(api, values);
    handler(answer);
    return answer;
  };
}

/** @param {ImageFile} file @returns {string} */
export function imageUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** The nodes that are paused now. @returns {Promise<PauseMessage[]>} */
export async function fetchPauses() {
  const answer = await api.fetchApi("/got/pause");
  return answer.ok ? (await answer.json()).pauses : [];
}

/** The id of the graph that a run was queued with; null if the server does not know it. @param {string} prompt
 * @returns {Promise<string | null>} */
export async function graphOf(prompt) {
  try {
    const answer = await api.fetchApi(`/jobs/${encodeURIComponent(prompt)}`);
    return (answer.ok && (await answer.json()).workflow_id) || null;
  } catch {
    return null; // the server is gone
  }
}

/**
 * Resume a paused node.
 * @param {{prompt: string, node: string}} pause
 * @param {string} body the chain to resume with, as JSON
 * @returns {Promise<string | null>} what is wrong, in a sentence; null if the run was resumed
 */
export async function resume({ prompt, node }, body) {
  const path = `/got/pause/${encodeURIComponent(prompt)}/${encodeURIComponent(node)}`;
  const answer = await api.fetchApi(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (answer.ok) return null;
  const content = await answer.json().catch(() => ({}));
  return content.error ?? `${answer.status} ${answer.statusText}`;
}

/**
 * @param {"model" | "planner"} kind
 * @param {string} name in the loader's list
 * @returns {Promise<import("../editor/model/memory_estimate.mjs").MemoryEstimate | string>} a string is the sentence of an
 *   error
 */
export async function fetchMemoryEstimate(kind, name) {
  const answer = await api.fetchApi(`/got/memory_estimate?${new URLSearchParams({ [kind]: name })}`);
  const content = await answer.json().catch(() => ({}));
  return content.error ?? (answer.ok ? content : `${answer.status} ${answer.statusText}`);
}
