// @ts-check
/** Run, Stop and the state of ComfyUI's queue, for a window that covers ComfyUI's own. */

import { api } from "../../../../scripts/api.js";
import { app } from "../../../../scripts/app.js";
import { IDLE, queueText } from "../../editor/model/runs/queue.mjs";
import { make, textButton } from "../../editor/view/shared/dom.mjs";
import { nodeOf } from "../nodes/graph.mjs";
import { RUN_ENDS } from "../server/server.mjs";

/** Queue the workflow, as ComfyUI's Run button does. */
export function run() {
  app.extensionManager.command.execute("Comfy.QueuePrompt");
}

/** @param {import("../../editor/model/messages.mjs").Messages} messages @param {() => void} flush makes what is being typed
 * an edit @param {AbortSignal} signal when it ends, nothing listens any more @returns {HTMLElement[]} */
export function runTools(messages, flush, signal) {
  const state = make("span", { className: "got-queue", role: "status" });
  const start = textButton(messages.run, () => (flush(), run()), signal, true);
  const stop = textButton(messages.stop, () => app.extensionManager.command.execute("Comfy.Interrupt"), signal);
  watchQueue((queue) => {
    state.textContent = state.title = queueText(queue, messages);
    stop.disabled = !queue.isRunning;
  }, signal);
  return [state, start, stop];
}

/** Call a handler with the queue's state, now and after each change. @param {(queue: import("../../editor/model/runs/queue.mjs").Queue)
 * => void} onChange @param {AbortSignal} signal */
function watchQueue(onChange, signal) {
  let queue = IDLE;
  const set = (/** @type {Partial<typeof IDLE>} */ change) => onChange((queue = { ...queue, ...change }));
  const on = (/** @type {string} */ kind, /** @type {(detail: any) => void} */ handler) => {
    const listener = (/** @type {{detail: any}} */ event) => handler(event.detail);
    api.addEventListener(kind, listener);
    signal.addEventListener("abort", () => api.removeEventListener(kind, listener));
  };
  const nameOf = (/** @type {string} */ id) => nodeOf(app.graph, id)?.title ?? "";
  set({});
  on("status", (status) => set({ remaining: status?.exec_info?.queue_remaining ?? queue.remaining }));
  on("execution_start", () => set({ isRunning: true, node: "", percent: null }));
  on("executing", (id) => id !== null && set({ isRunning: true, node: nameOf(id), percent: null }));
  on("progress", ({ value, max, node }) => set({ isRunning: true, node: nameOf(node), percent: Math.floor((100 * value) / max) }));
  for (const end of RUN_ENDS) on(end, () => set({ isRunning: false, node: "", percent: null }));
  fetchRemaining().then((remaining) => set({ remaining, isRunning: queue.isRunning || remaining > 0 }), () => {});
}

/** How many runs are queued, the one that runs now included. */
async function fetchRemaining() {
  const answer = await api.fetchApi("/prompt");
  return (await answer.json()).exec_info.queue_remaining;
}
