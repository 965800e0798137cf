// @ts-check
/** A window over the page: it fills the page, or floats over the graph, which then stays usable. */

import { iconButton, isForComfy, make, relabel } from "../../editor/view/shared/dom.mjs";
import { remember, remembered } from "../../editor/view/shared/remembered.mjs";

const PLACE = "window"; // remembered: "floating", or anything else for full
const KEPT_EVENTS = ["keydown", "keyup", "wheel", "paste", "copy", "cut"]; // ComfyUI acts on them elsewhere
const FOCUSABLE = "a[href], button, input, select, textarea, [tabindex]";

/**
 * @typedef {object} Options
 * @property {string} title
 * @property {import("../../editor/model/messages.mjs").Messages} messages
 * @property {HTMLElement} content moved in here
 * @property {HTMLElement[]} tools for the title bar
 * @property {() => void} onClose closing moves nothing back: this does
 */

/** Open a window. @param {Options} options @returns {{element: HTMLElement, close: () => void}} */
export function openWindow({ title, messages, content, tools, onClose }) {
  const ended = new AbortController();
  const { signal } = ended;
  // It is not aria-modal: ComfyUI's newest frontend ignores its keys for run, save and undo while such a dialog is open.
  const element = make("section", { className: "got-window", role: "dialog", "aria-label": title });
  const close = () => {
    if (signal.aborted) return;
    ended.abort();
    onClose();
    element.remove();
  };
  let isFull = remembered(PLACE) !== "floating";
  const place = iconButton("float", "", () => ((isFull = !isFull), showPlace()), signal);
  const showPlace = () => {
    remember(PLACE, isFull ? "full" : "floating");
    element.removeAttribute("style");
    element.classList.toggle("got-full", isFull);
    relabel(place, isFull ? "float" : "full", isFull ? messages.floatWindow : messages.fullWindow);
  };
  showPlace();
  const name = make("h2", {}, title);
  const bar = make("header", {}, name, ...tools, place, iconButton("dismiss", messages.small, close, signal));
  element.append(bar, content);
  document.body.append(element);
  dragBy(bar, element, () => !isFull);
  for (const kind of KEPT_EVENTS) element.addEventListener(kind, keep);
  element.addEventListener("keydown", (event) => event.key === "Tab" && cycle(element, event), { capture: true });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
  return { element, close };
}

/** @param {Event} event */
function keep(event) {
  if (!(event instanceof KeyboardEvent && isForComfy(event))) event.stopPropagation();
}

/** Tab goes from the last part of the window to the first, and back. @param {HTMLElement} element
 * @param {KeyboardEvent} event */
function cycle(element, event) {
  const parts = [...element.querySelectorAll(FOCUSABLE)].filter(
    (part) => part instanceof HTMLElement && part.tabIndex >= 0 && !part.matches(":disabled") && part.getClientRects().length,
  );
  const [from, to] = event.shiftKey ? [parts[0], parts.at(-1)] : [parts.at(-1), parts[0]];
  if (document.activeElement !== from || !(to instanceof HTMLElement)) return;
  event.preventDefault();
  to.focus();
}

/** @param {HTMLElement} handle @param {HTMLElement} element @param {() => boolean} isMovable */
function dragBy(handle, element, isMovable) {
  handle.addEventListener("pointerdown", (down) => {
    if (!isMovable() || /** @type {Element} */ (down.target).closest("button")) return;
    const start = element.getBoundingClientRect();
    handle.setPointerCapture(down.pointerId);
    /** @param {PointerEvent} move */
    const follow = (move) => {
      const left = start.left + move.clientX - down.clientX;
      const top = start.top + move.clientY - down.clientY;
      element.style.left = `${Math.max(0, Math.min(innerWidth - 80, left))}px`;
      element.style.top = `${Math.max(0, Math.min(innerHeight - 40, top))}px`;
      element.style.right = "auto";
    };
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", follow), { once: true });
  });
}
