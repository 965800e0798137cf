// @ts-check
/** Notes and errors of the pack's nodes: shown in full on the node, and gone when the node has run again. */

import { app } from "../../../../scripts/app.js";
import { WorkflowMaps } from "../page/workflow.mjs";
import { nodeOf } from "./graph.mjs";

/** @typedef {{note: string, error: string, kind: string, element: HTMLElement}} Message "" for none; kind: of the node;
 * element: outlives the node */

const NAME = "got_message"; // of the widget
const MARGINS = 20; // CSS pixels that the classic renderer leaves around a widget
const MOST_HEIGHT = 220; // of the text; a longer one scrolls
const MOST_CHARACTERS = 1500;

/** The messages on the nodes of all open workflows. */
export class NodeMessages {
  /** @type {WorkflowMaps<Message>} */
  #messages = new WorkflowMaps(); // by execution id

  /** Show a note or an error on a node of the workflow on screen. @param {string} id execution id
   * @param {{note?: string, error?: string}} message */
  show(id, message) {
    const [here, node] = [this.#messages.here(), nodeOf(app.graph, id)];
    if (!node) return;
    const [old, kind] = [here?.get(id), node.type];
    const isSame = old?.kind === kind; // else another graph was opened in this workflow
    const whole = { ...(isSame ? old : { note: "", error: "", kind, element: makeElement() }), ...message };
    if (whole.note || whole.error) here?.set(id, whole);
    else here?.delete(id);
    showOn(node, whole);
  }

  /** Remove the errors of the workflow on screen: it runs again. */
  clearErrors() {
    for (const id of [...(this.#messages.here()?.keys() ?? [])]) this.show(id, { error: "" });
  }

  /** A graph came on screen: its nodes may be new. */
  restore() {
    for (const id of [...(this.#messages.here()?.keys() ?? [])]) this.show(id, {});
  }
}

function makeElement() {
  const element = document.createElement("div");
  element.tabIndex = 0; // so that a long text can be scrolled by keys
  return element;
}

/** @param {any} node @param {Message} message */
function showOn(node, { note, error, element }) {
  const text = [error, note].filter(Boolean).join("\n\n").slice(0, MOST_CHARACTERS);
  const old = node.widgets?.find((/** @type {any} */ one) => one.name === NAME);
  if (old && old.element === element && element.textContent === text) return;
  element.textContent = text;
  element.className = error ? "got-message got-error" : "got-message";
  element.setAttribute("role", error ? "alert" : "status");
  if (old) removeWidget(node, old);
  if (text) addWidget(node, element);
  node.setDirtyCanvas?.(true, true);
}

/** @param {any} node @param {any} widget */
function removeWidget(node, widget) {
  const height = widget.computedHeight ?? 0;
  node.removeWidget(widget);
  node.setSize([node.size[0], Math.max(node.computeSize()[1], node.size[1] - height)]);
}

/** @param {any} node @param {HTMLElement} element */
function addWidget(node, element) {
  const height = heightOf(element, () => node.size[0] - MARGINS);
  const widget = node.addDOMWidget(NAME, "GOT_MESSAGE", element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: height,
    getMaxHeight: height,
    getValue: () => element.textContent,
  });
  widget.serialize = false; // it is in no workflow
  node.setSize([node.size[0], Math.max(node.computeSize()[1], node.size[1] + height())]);
}

/** The height that an element needs, measured again when the width changes.
 * @param {HTMLElement} element @param {() => number} widthOf @returns {() => number} CSS pixels, with margins */
function heightOf(element, widthOf) {
  let [width, height] = [0, 0];
  return () => {
    if (widthOf() === width) return height;
    width = widthOf();
    const copy = /** @type {HTMLElement} */ (element.cloneNode(true));
    Object.assign(copy.style, { position: "fixed", visibility: "hidden", width: `${width}px`, height: "auto" });
    document.body.append(copy);
    height = Math.min(MOST_HEIGHT, copy.offsetHeight) + MARGINS;
    copy.remove();
    return height;
  };
}
