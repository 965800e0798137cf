// @ts-check
/** Lets the wheel and the middle button through to the graph below the editor. Nodes 2.0 does so itself; the classic
 * renderer does it for its own text fields only. Written against ComfyUI's frontend 1.47.12. */

import { app } from "../../../../scripts/app.js";

const MIDDLE = { button: 1, buttons: 4 };

/** @param {HTMLElement} place of the editor in its node. A part that scrolls stops the wheel before. */
export function passToGraph(place) {
  const isClassic = () => !(/** @type {any} */ (globalThis).LiteGraph?.vueNodesMode);
  /** @param {string} kind @param {(event: any) => boolean} isMeant @param {string} method of the graph's canvas */
  const pass = (kind, isMeant, method, capture = true) =>
    place.addEventListener(
      kind,
      (event) => {
        if (!isClassic() || !isMeant(event)) return;
        event.preventDefault();
        event.stopPropagation();
        app.canvas[method](event);
      },
      { capture, passive: false },
    );
  pass("pointerdown", (event) => event.button === MIDDLE.button, "processMouseDown");
  pass("pointermove", (event) => (event.buttons & MIDDLE.buttons) !== 0, "processMouseMove");
  pass("pointerup", (event) => event.button === MIDDLE.button, "processMouseUp");
  pass("wheel", () => true, "processMouseWheel", false);
}
