// @ts-check
/** Keeps a node's own element on screen. Nodes 2.0 may go on showing the element of an earlier node with the same id,
 * after an undo or a change of workflows. */

import { wrapMethod } from "./wrap_method.mjs";

/** @type {Map<string, HTMLElement>} */
const earlier = new Map(); // elements of nodes that were removed, by node id and widget

/** @param {any} node that was just made @param {string} widget its name @param {HTMLElement} element of the widget */
export function keepInPlace(node, widget, element) {
  const name = () => `${node.id} ${widget}`;
  wrapMethod(node, "onRemoved", () => earlier.set(name(), element));
  wrapMethod(node, "onAdded", () => {
    const before = earlier.get(name());
    const takeOver = () => !element.isConnected && before?.isConnected && before.replaceWith(element);
    takeOver(); // before the next frame, and again where the frontend brings the old one back
    requestAnimationFrame(() => requestAnimationFrame(takeOver));
  });
}
