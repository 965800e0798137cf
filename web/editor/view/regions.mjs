// @ts-check
// The regions as a list, and the fields and buttons of the one that is selected.

import { cssColor, findColor, PALETTE } from "../model/colors.mjs";
import { freshId, iconButton, keepKeys, make, relabel } from "./dom.mjs";
import { bringForward, duplicateRegion, moveRegion, recolor, removeRegion, rephrase, sendBack } from "../model/plan.mjs";
import { setHidden, setLocked } from "../model/plan.mjs";
import { fill } from "../model/messages.mjs";

/** @typedef {import("./panel.mjs").View} View */
/** @typedef {import("./panel.mjs").Actions} Actions */

/**
 * @param {import("../model/messages.mjs").Words} words @param {Actions} act @param {AbortSignal} signal
 * @param {(event: KeyboardEvent) => void} onKey
 */
export function createRegions(words, act, signal, onKey) {
  const list = make("ul", { className: "got-list", role: "listbox", tabIndex: 0, "aria-label": words.regions });
  const fields = createFields(words, act, signal);
  const element = make("div", { className: "got-regions" }, list, fields.element);
  /** @type {View} */
  let view;

  list.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return onKey(event);
    event.preventDefault();
    event.stopPropagation();
    act.select(Math.max(0, Math.min(view.shown.length - 1, view.selected + by)));
  }, { signal });
  list.addEventListener("click", (event) => {
    const item = /** @type {Element} */ (event.target).closest("li[data-index]");
    if (item instanceof HTMLElement) act.select(Number(item.dataset.index));
  }, { signal });

  /** @type {HTMLLIElement[]} */
  let items = [];
  /** @type {string[]} */
  let keys = [];
  function drawList() {
    while (items.length > view.shown.length) items.pop()?.remove(), keys.pop();
    view.shown.forEach((region, index) => {
      const isSelected = index === view.selected;
      const key = `${region.label}|${region.color.word}|${region.locked}|${region.hidden}|${!region.box}|${isSelected}`;
      if (keys[index] === key) return;
      keys[index] = key;
      if (!items[index]) {
        items[index] = make("li", { role: "option", id: freshId("region"), "data-index": index });
        list.append(items[index]);
      }
      fillItem(items[index], index, region, isSelected);
    });
    const active = items[view.selected];
    if (active) list.setAttribute("aria-activedescendant", active.id);
    else list.removeAttribute("aria-activedescendant");
    list.dataset.empty = view.shown.length ? "" : words.noRegions;
  }

  /** @param {HTMLLIElement} item @param {number} index @param {View["shown"][number]} region @param {boolean} selected */
  function fillItem(item, index, region, selected) {
    const { label, color, locked, hidden, box } = region;
    const marks = [!box && words.unread, locked && words.locked, hidden && words.hidden].filter(Boolean).join(", ");
    const name = fill(words.region, { number: index + 1, phrase: label || words.unnamed });
    const swatch = make("span", { className: "got-swatch" });
    swatch.style.background = cssColor(color);
    item.setAttribute("aria-selected", String(selected));
    item.replaceChildren(swatch, make("span", { className: "got-name" }, name), make("small", {}, marks));
    if (selected) scrollTo(item);
  }

  /** Scroll the list alone, never the page. @param {HTMLElement} item */
  function scrollTo(item) {
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }

  return {
    element,
    focusPhrase: fields.focus,
    /** @param {View} now */
    render: (now) => {
      view = now;
      drawList();
      fields.render(now);
    },
  };
}

/** @param {import("../model/messages.mjs").Words} words @param {Actions} act @param {AbortSignal} signal */
function createFields(words, act, signal) {
  /** @type {View} */
  let view;
  const phrase = make("input", { type: "text", className: "got-wide", "aria-label": words.phrase, title: words.phrase });
  const corners = [words.left, words.top, words.right, words.bottom].map((name) => {
    const input = make("input", { type: "number", min: "0", max: "999", step: "1", "aria-label": name, title: name });
    return input;
  });
  const known = make("datalist", { id: freshId("colors") }, ...PALETTE.map((value) => make("option", { value })));
  const color = make("input", { type: "text", "aria-label": words.color, title: words.colorHelp, list: known.id });
  const palette = make("div", { className: "got-palette", role: "group", "aria-label": words.palette });
  for (const word of PALETTE) {
    const swatch = make("button", { type: "button", className: "got-swatch", title: word, "aria-label": word });
    swatch.style.background = cssColor(/** @type {import("../model/colors.mjs").Color} */ (findColor(word)));
    swatch.addEventListener("click", () => paintWith(word), { signal });
    palette.append(swatch);
  }
  const change = (/** @type {(plan: import("../model/plan.mjs").Plan, index: number) => import("../model/plan.mjs").Plan} */ how) =>
    act.change((plan) => how(plan, view.selected));
  const flag = (/** @type {"locked" | "hidden"} */ name) => view.shown[view.selected]?.[name] ?? false;
  const lock = iconButton("lock", words.lock, () => change((p, i) => setLocked(p, i, !flag("locked"))), signal);
  const hide = iconButton("hide", words.hide, () => change((p, i) => setHidden(p, i, !flag("hidden"))), signal);
  const buttons = make(
    "div",
    { className: "got-row" },
    lock,
    hide,
    iconButton("duplicate", words.duplicate, () => change(duplicateRegion), signal),
    iconButton("forward", words.forward, () => change(bringForward), signal),
    iconButton("backward", words.back, () => change(sendBack), signal),
    iconButton("remove", words.remove, () => change(removeRegion), signal),
  );
  const numbers = make("div", { className: "got-row got-numbers" }, ...corners);
  const body = make("fieldset", { className: "got-fields" }, phrase, numbers, color, known, palette, buttons);

  phrase.addEventListener("change", () => change((plan, i) => rephrase(plan, i, phrase.value)), { signal });
  color.addEventListener("change", () => paintWith(color.value), { signal });
  corners.forEach((input) => input.addEventListener("change", moveByNumbers, { signal }));
  for (const field of [phrase, color, ...corners]) {
    keepKeys(field, signal);
    field.addEventListener("keydown", (/** @type {any} */ event) => event.key === "Enter" && field.blur(), { signal });
  }

  function moveByNumbers() {
    const box = corners.map((input) => Math.round(input.valueAsNumber));
    if (box.every(Number.isFinite)) change((plan, i) => moveRegion(plan, i, /** @type {any} */ (box)));
    show(true); // what could not be taken shows the old number again
  }

  function paintWith(/** @type {string} */ word) {
    const known = findColor(word.trim());
    if (known) change((plan, i) => recolor(plan, i, word) ?? plan);
    else act.say(fill(words.unknownColor, { word }), true);
    show(true);
  }

  /** @param {boolean} [always] also into the field that is typed in */
  function show(always = false) {
    const region = view.shown[view.selected];
    const set = (/** @type {HTMLInputElement} */ input, /** @type {string} */ value) => {
      if (input.value !== value && (always || document.activeElement !== input)) input.value = value;
    };
    body.disabled = !region || view.streaming !== null;
    body.classList.toggle("got-locked", region?.locked ?? false);
    for (const input of [phrase, color, ...corners]) input.readOnly = region?.locked ?? false;
    set(phrase, region?.label ?? "");
    set(color, region ? region.color.word : "");
    corners.forEach((input, i) => set(input, region?.box ? String(region.box[i]) : ""));
    relabel(lock, region?.locked ? "unlock" : "lock", region?.locked ? words.unlock : words.lock);
    relabel(hide, region?.hidden ? "show" : "hide", region?.hidden ? words.show : words.hide);
  }

  let last = -1;
  return {
    element: body,
    focus: () => {
      phrase.focus();
      phrase.select();
    },
    /** @param {View} now */
    render: (now) => {
      view = now;
      show(last !== now.selected);
      last = now.selected;
    },
  };
}
