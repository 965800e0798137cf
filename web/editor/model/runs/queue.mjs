// @ts-check
// What ComfyUI's queue does now, in words. Pure.

import { fill } from "../messages.mjs";

/**
 * remaining: runs that are queued, the one that runs now included; node: name of the node that runs now, "" if none is
 * known; percent: of its progress, null if it reports none.
 * @typedef {{remaining: number, isRunning: boolean, node: string, percent: number | null}} Queue
 */

/** @type {Queue} */
export const IDLE = Object.freeze({ remaining: 0, isRunning: false, node: "", percent: null });

/** @param {Queue} queue @param {import("../messages.mjs").Messages} messages */
export function queueText({ remaining, isRunning, node, percent }, messages) {
  const count = Math.max(0, remaining - (isRunning ? 1 : 0));
  let state = messages.queueIdle;
  if (isRunning && node && percent !== null) state = fill(messages.queueProgress, { node, percent });
  else if (isRunning) state = node ? fill(messages.queueStep, { node }) : messages.queueRunning;
  return count ? fill(messages.queueWaiting, { state, count }) : state;
}
