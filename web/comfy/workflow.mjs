// @ts-check
/** What ComfyUI says of the workflow on screen. Written against ComfyUI's frontend 1.47.12. */

import { app } from "../../../scripts/app.js";

/** The workflow that a run is asked for, or that a node is taken out of. @returns {any} null if there is none */
export function activeWorkflow() {
  return app.extensionManager.workflow.activeWorkflow ?? null;
}

/** The workflow on screen and the id of its graph; null while another one is being loaded, for then ComfyUI shows the
 * new graph and still names the old workflow. @returns {{workflow: object, graph: string | null} | null} */
export function onScreen() {
  const workflow = activeWorkflow();
  if (!workflow || workflow.changeTracker?.constructor.isLoadingGraph) return null;
  return { workflow, graph: app.graph?.id ?? null };
}

/** Is a graph being loaded because the person undoes or redoes something in this very workflow? */
export function isUndoing() {
  return Boolean(activeWorkflow()?.changeTracker?._restoringState);
}

/** Make a step in ComfyUI's own history, so that it can be undone and counts as unsaved. */
export function capture() {
  activeWorkflow()?.changeTracker?.captureCanvasState?.();
}
