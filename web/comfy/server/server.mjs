// @ts-check
/** The messages and routes of the pack's server half (got_models/comfy: pause, reading, reasoner, memory_estimate). */

import { api } from "../../../../scripts/api.js";

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
export const NOTE = "got.note"; // {prompt, node, text}: what is no error; "" for none
export const FRAME = "b_preview_with_metadata"; // ComfyUI's {jobId, displayNodeId, blob}: what a sampler has drawn so far
export const PAUSE = "got.pause"; // PauseMessage
export const PAUSE_END = "got.pause.end"; // {prompt, node}
export const RUN_ENDS = ["execution_success", "execution_error", "execution_interrupted"]; // ComfyUI's, one for each run

/** Let each connection of this page say that a person can resume paused runs here. Works only before the first one. */
export function offerPause() {
  const original = api.getClientFeatureFlags;
  api.getClientFeatureFlags = () => ({ ...original.call(api), got_pause: true });
}

/** Call a handler for each message of a kind. @param {string} event @param {(detail: any) => void} handler */
export function on(event, handler) {
  api.addEventListener(event, ({ detail }) => handler(detail));
}

/** Call a handler for each run that this page queues. @param {(prompt: import("../../editor/model/runs/wish.mjs").Prompt,
 * answer: Promise<any>) => void} handler */
export function onQueue(handler) {
  const original = api.queuePrompt;
  api.queuePrompt = (...values) => {
    const answer = original.apply(api, values);
    handler(values[1]?.output ?? {}, answer);
    return answer;
  };
}

/**
 * Queue a run of one node and what it needs.
 * @param {{output: object, workflow: object}} prompt @param {string} target id of the node
 * @returns {Promise<{prompt: string} | {error: string}>} the run's id, or why it was refused
 */
export async function queueNode(prompt, target) {
  try {
    const { prompt_id } = await api.queuePrompt(0, prompt, { partialExecutionTargets: [target] });
    return { prompt: prompt_id };
  } catch (error) {
    const { error: whole, node_errors: nodes = {} } = /** @type {any} */ (error).response ?? {};
    const [first] = Object.values(nodes).flatMap(({ errors = [] }) => errors);
    return { error: [first?.message ?? whole?.message ?? String(error), first?.details].filter(Boolean).join(" ") };
  }
}

/** Where the server has an image. @param {ImageFile} file @returns {string} */
export function imageUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** The nodes that are paused now. @returns {Promise<PauseMessage[]>} */
export async function fetchPauses() {
  const answer = await api.fetchApi("/got/pause");
  return answer.ok ? (await answer.json()).pauses : [];
}

/** What the server knows of a run. @param {string} prompt id
 * @returns {Promise<{graph: string | null, prompt: import("../../editor/model/runs/wish.mjs").Prompt | null}>} graph: the id of
 *   the graph that it was queued with */
export async function lookUpRun(prompt) {
  try {
    const queue = await (await api.fetchApi("/queue")).json();
    const waiting = [...queue.queue_running, ...queue.queue_pending].find(([, id]) => id === prompt);
    const ended = waiting ? null : await (await api.fetchApi(`/history/${encodeURIComponent(prompt)}`)).json();
    const [, , found, extra] = waiting ?? ended[prompt]?.prompt ?? [];
    return { graph: extra?.extra_pnginfo?.workflow?.id ?? null, prompt: found ?? null };
  } catch {
    return { graph: null, prompt: null }; // the server is gone
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
 * Read a plan in the form of any model.
 * @param {string} text @param {import("../../editor/model/runs/proposal.mjs").Settings} settings
 * @returns {Promise<import("../../editor/model/runs/proposal.mjs").Understood | import("../../editor/model/runs/proposal.mjs").Refused>}
 */
export async function readPlan(text, settings) {
  const query = new URLSearchParams(Object.entries(settings).map(([name, value]) => [name, String(value)]));
  try {
    const answer = await api.fetchApi(`/got/plan?${query}`, { method: "POST", headers: { "Content-Type": "text/plain" }, body: text });
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content;
    return { error: content.error ?? `${answer.status} ${answer.statusText}`, settings: [] };
  } catch (error) {
    return { error: String(error), settings: [] }; // the server is gone
  }
}

/** The LoRAs in the server's models/loras, as ComfyUI names them. @returns {Promise<string[]>} */
export async function listLoras() {
  const answer = await api.fetchApi("/models/loras");
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.json();
}

/**
 * @param {"model" | "planner"} kind
 * @param {string} name in the loader's list
 * @returns {Promise<import("../../editor/model/runs/memory_estimate.mjs").MemoryEstimate | string>} a string is the sentence of an
 *   error
 */
export async function fetchMemoryEstimate(kind, name) {
  const answer = await api.fetchApi(`/got/memory_estimate?${new URLSearchParams({ [kind]: name })}`);
  const content = await answer.json().catch(() => ({}));
  return content.error ?? (answer.ok ? content : `${answer.status} ${answer.statusText}`);
}
