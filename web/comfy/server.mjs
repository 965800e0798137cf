// @ts-check
/** What the pack's server half says and answers (got_models/comfy: waiting, reasoner, forecast): names, shapes, requests. */

import { api } from "../../../scripts/api.js";

/** @typedef {{filename: string, subfolder: string, type: string}} ImageFile */
/**
 * @typedef {object} Told what the editor's node is told of a chain that came; sizes in pixels
 * @property {string} text @property {number} width @property {number} height
 */
/** @typedef {Told & {ran: string, stopped: boolean}} Ran what is told when the node has run; ran: the chain as edited */
/** @typedef {Told & {prompt: string, node: string, seconds: number | null, background?: ImageFile[]}} Wait */

export const WRITING = "got.chain"; // {prompt, node, text}
export const WAITING = "got.wait"; // Wait
export const WAIT_ENDED = "got.wait.end"; // {prompt, node}

/** Tell the server, whenever the page connects, that a person can answer waits here. Only before it connects first. */
export function offerToAnswer() {
  const own = api.getClientFeatureFlags;
  api.getClientFeatureFlags = () => ({ ...own.call(api), got_waits: true });
}

/** @param {string} event @param {(detail: any) => void} call */
export function on(event, call) {
  api.addEventListener(event, ({ detail }) => call(detail));
}

/** Hear of each run that this page asks for. @param {(answer: Promise<{prompt_id: string}>) => void} call */
export function onAsk(call) {
  const own = api.queuePrompt;
  api.queuePrompt = (...values) => {
    const answer = own.apply(api, values);
    call(answer);
    return answer;
  };
}

/** @param {ImageFile} file @returns {string} */
export function imageUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** The nodes that wait for a person now. @returns {Promise<Wait[]>} */
export async function waits() {
  const answer = await api.fetchApi("/got/wait");
  return answer.ok ? (await answer.json()).waiting : [];
}

/** The id of the graph that a run was asked for with; null if the server does not say. @param {string} prompt
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
 * Let a waiting node go on.
 * @param {{prompt: string, node: string}} wait
 * @param {string} body the chain to go on with, as JSON
 * @returns {Promise<string | null>} what was wrong, in a sentence; null if it goes on
 */
export async function goOn({ prompt, node }, body) {
  const path = `/got/wait/${encodeURIComponent(prompt)}/${encodeURIComponent(node)}`;
  const answer = await api.fetchApi(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (answer.ok) return null;
  const said = await answer.json().catch(() => ({}));
  return said.error ?? `${answer.status} ${answer.statusText}`;
}

/**
 * What a model will need.
 * @param {string} model its name in the loader's list
 * @returns {Promise<import("../editor/model/memory_estimate.mjs").Forecast | string>} a string says in a sentence why it is not known
 */
export async function forecast(model) {
  const answer = await api.fetchApi(`/got/forecast?${new URLSearchParams({ model })}`);
  const said = await answer.json().catch(() => ({}));
  return said.error ?? (answer.ok ? said : `${answer.status} ${answer.statusText}`);
}
