// @ts-check
/** The texts in ComfyUI's language, and messages over the page (toasts). */

import { app } from "../../../../scripts/app.js";
import { messagesFor } from "../../editor/model/messages.mjs";

/** The texts in the language that the person chose in ComfyUI; in English if there are none in it.
 * @returns {import("../../editor/model/messages.mjs").Messages} */
export function messagesHere() {
  return messagesFor(app.extensionManager?.setting?.get?.("Comfy.Locale"));
}

/** Show a message over the page for some time.
 * @param {"info" | "error"} severity @param {string} summary @param {string} detail @param {number} life ms
 * @returns {() => void} takes it away before its time, if the frontend can */
export function toast(severity, summary, detail, life) {
  const message = { severity, summary, detail, life };
  const { toast: toasts } = app.extensionManager;
  toasts.add(message);
  return () => toasts.remove?.(message);
}
