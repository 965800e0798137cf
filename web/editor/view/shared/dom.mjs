// @ts-check
// Small helpers that make elements. Nothing happens on import.

/** What a person types or chooses in: it copies, pastes and undoes its own text. A selector. */
export const FIELDS = "input, select, textarea";
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties ("aria-…", "data-…", "role", "for" and "list" become attributes) and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Record<string, any>} [properties] @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]} */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (/^(aria-|data-|role$|for$|list$)/.test(name)) element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  element.append(...children);
  return element;
}

// Paths in a box of 16 by 16, drawn with the text's color.
const ICONS = {
  draw: "M2.5 2.5h8v0M2.5 2.5v8M2.5 10.5v3h3M10.5 2.5h3v3M12 8v7M8.5 11.5h7",
  back: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3",
  snap: "M4 2v6a4 4 0 0 0 8 0V2M2.5 2h3M10.5 2h3M4 5h1.5M10.5 5H12",
  mask: "M2 2h12v12H2zM5.5 5.5h5v5h-5z",
  large: "M9.5 2.5h4v4M13.5 2.5l-5 5M6.5 13.5h-4v-4M2.5 13.5l5-5",
  small: "M13.5 6.5h-4v-4M9.5 6.5l4.5-4.5M2.5 9.5h4v4M6.5 9.5 2 14",
  history: "M8 4.5V8l2.5 1.5M2.5 8a5.5 5.5 0 1 1 1.700 4M2.200 12.5l2-.6.5 2",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  unlock: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 4.800-1",
  hide: "M2 2l12 12M6.5 4.200A7 7 0 0 1 14.5 8a9 9 0 0 1-1.800 2.400M4 5.400A9 9 0 0 0 1.5 8a7 7 0 0 0 9 3.400",
  show: "M1.5 8a7 7 0 0 1 13 0 7 7 0 0 1-13 0M8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  duplicate: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  forward: "M2.5 2.5h7v7h-7zM11.500 6.5h2v7h-7v-2M4.200 6h3.600M6 4.200v3.600",
  backward: "M2.5 2.5h7v2.500M2.5 2.5v7h2.500M6.5 6.5h7v7h-7zM8.200 10h3.600",
  on: "M5 4.200a5 5 0 1 0 6 0M8 2v5.500",
  off: "M5 4.200a5 5 0 1 0 6 0M8 2v5.500M2 2l12 12",
  full: "M2.5 2.5h11v11h-11z",
  float: "M5.5 5.5h8v8h-8zM2.5 10.500v-8h8",
  dismiss: "M4 4l8 8M12 4l-8 8",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  remove: "M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.800l.6-9M6.800 7v4M9.200 7v4",
};

/** @typedef {keyof typeof ICONS} IconName */

/** @param {IconName} name */
function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", "aria-hidden": "true", class: "got-icon" }))
    svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with an icon. Its label is for screen readers and shown on hover.
 * @param {IconName} name @param {string} label @param {() => void} onClick @param {AbortSignal} signal */
export function iconButton(name, label, onClick, signal) {
  const button = make("button", { type: "button", className: "got-button", title: label, "aria-label": label }, icon(name));
  button.addEventListener("click", onClick, { signal });
  return button;
}

/** A button with a text. @param {string} text @param {() => void} onClick @param {AbortSignal} [signal]
 * @param {boolean} [isPrimary] what a person most likely wants */
export function textButton(text, onClick, signal, isPrimary = false) {
  const button = make("button", { type: "button", className: isPrimary ? "got-primary" : "" }, text);
  button.addEventListener("click", onClick, { signal });
  return button;
}

/** Give a button another icon and label, if they differ. @param {HTMLElement} button @param {IconName} name
 * @param {string} label */
export function relabel(button, name, label) {
  if (button.title === label) return;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.replaceChildren(icon(name));
}

/** Keep the keys that are typed into a field from ComfyUI, except for those that run or save. The typed text becomes an
 * edit before those.
 * @param {HTMLElement} field @param {AbortSignal} signal */
export function keepKeys(field, signal) {
  for (const type of ["keyup", "keypress", "copy", "cut", "paste"])
    field.addEventListener(type, (event) => event.stopPropagation(), { signal });
  const pass = (/** @type {KeyboardEvent} */ event) => {
    if (!isForComfy(event)) return event.stopPropagation();
    field.blur();
    field.focus({ preventScroll: true });
  };
  field.addEventListener("keydown", pass, { signal });
}

/** Is it a key that runs (Ctrl+Enter, also with Shift or Alt) or saves (Ctrl+S)? They mean nothing to a field.
 * @param {KeyboardEvent} event */
export function isForComfy({ key, ctrlKey, metaKey }) {
  return (ctrlKey || metaKey) && /^(enter|s)$/i.test(key);
}

/** Keep the keys that are pressed in a part from ComfyUI, except for those that run or save; Escape closes the part.
 * @param {HTMLElement} element @param {() => void} close @param {AbortSignal} signal
 * @param {string} [other] a key that closes it too */
export function closeByKey(element, close, signal, other) {
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (isForComfy(event)) return;
    event.stopPropagation();
    if (event.key !== "Escape" && event.key !== other) return;
    event.preventDefault();
    close();
  };
  element.addEventListener("keydown", onKey, { signal });
}

/** Enter in a field makes its text an edit. @param {HTMLInputElement} field @param {AbortSignal} signal */
export function acceptByEnter(field, signal) {
  field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur(), { signal });
}

/** Show a value in a field. @param {HTMLInputElement} field @param {string} value
 * @param {boolean} always also while the person types in the field */
export function showValue(field, value, always) {
  if (field.value !== value && (always || field !== document.activeElement)) field.value = value;
}

let lastId = 0;

/** An id that no other element on the page has. @param {string} name */
export function freshId(name) {
  return `got-${name}-${++lastId}`;
}
