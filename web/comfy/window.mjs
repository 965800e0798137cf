// @ts-check
/** A window over the page. It is not modal: it can be dragged and resized, and the graph below it stays usable. */

import { isForComfy } from "../editor/view/dom.mjs";

/**
 * @param {{title: string, close: string, content: HTMLElement, onClose: () => void}} options
 *   close: label of the button; content: moved in here
 * @returns {{element: HTMLElement, close: () => void}} close moves nothing back: onClose does
 */
export function openWindow({ title, close: closeLabel, content, onClose }) {
  const element = document.createElement("section");
  element.className = "got-window";
  element.setAttribute("role", "region");
  element.setAttribute("aria-label", title);
  const bar = document.createElement("header");
  const name = document.createElement("span");
  name.textContent = title;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "✕";
  button.title = closeLabel;
  button.setAttribute("aria-label", closeLabel);
  bar.append(name, button);
  element.append(bar, content);
  document.body.append(element);
  dragBy(bar, element);

  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    onClose();
    element.remove();
  };
  button.addEventListener("click", close);
  for (const kind of ["keydown", "keyup", "wheel", "paste", "copy"]) {
    element.addEventListener(kind, (event) => {
      if (!(event instanceof KeyboardEvent && isForComfy(event))) event.stopPropagation();
    });
  }
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
  return { element, close };
}

/**
 * @param {HTMLElement} handle
 * @param {HTMLElement} element
 */
function dragBy(handle, element) {
  handle.addEventListener("pointerdown", (down) => {
    if (down.target instanceof HTMLButtonElement) return;
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
