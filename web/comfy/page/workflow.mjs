// @ts-check
/** The workflow on screen, from ComfyUI. Written against ComfyUI's frontend 1.47.12. */

import { app } from "../../../../scripts/app.js";

/** The workflow that a run is queued for, or that a node is removed from. @returns {any} null if there is none */
export function activeWorkflow() {
  return app.extensionManager.workflow.activeWorkflow ?? null;
}

/** The workflow on screen and the id of its graph. Null while another one is being loaded: ComfyUI then shows the new
 * graph and still names the old workflow. @returns {{workflow: object, graph: string | null} | null} */
export function onScreen() {
  const workflow = activeWorkflow();
  if (!workflow || workflow.changeTracker?.constructor.isLoadingGraph) return null;
  return { workflow, graph: app.graph?.id ?? null };
}

/** Is a graph being loaded because the person undoes or redoes something in this workflow? */
export function isUndoing() {
  return Boolean(activeWorkflow()?.changeTracker?._restoringState);
}

/** Add a step to ComfyUI's own history, so that it can be undone and counts as unsaved. */
export function capture() {
  activeWorkflow()?.changeTracker?.captureCanvasState?.();
}

/** A map for each workflow, which lives as long as the workflow. @template T */
export class WorkflowMaps {
  /** @type {WeakMap<object, Map<string, T>>} */
  #maps = new WeakMap();

  /** @returns {Map<string, T> | null} of the workflow on screen; null if there is none */
  here() {
    const workflow = activeWorkflow();
    if (!workflow) return null;
    const map = this.#maps.get(workflow) ?? new Map();
    this.#maps.set(workflow, map);
    return map;
  }
}
