// @ts-check
// The canvas of the panel: regions under the pointer and the keys, and the question what a new one holds. Knows the
// view and the actions that panel.mjs gives it, nothing else.

import { isForComfy, make } from "./dom.mjs";
import { paint } from "./drawing.mjs";
import {
  boxBetween,
  hitTest,
  moveBox,
  nextBelow,
  resizeBox,
  snapMoved,
  snapPoint,
  snapResized,
  snapTo,
} from "../model/geometry.mjs";
import { moveRegion } from "../model/plan.mjs";

/** @typedef {import("../model/chain.mjs").Box} Box */
/** @typedef {import("../model/geometry.mjs").Point} Point */
/** @typedef {import("./panel.mjs").View} View */
/** @typedef {import("./panel.mjs").Actions} Actions */
/** @typedef {{index: number, handle: import("../model/geometry.mjs").Handle | null, from: Point, box: Box | null}} Drag
 * index -1: a new region is drawn */

const GRID_STEP = 25; // units
const INSET = 8; // pixels around the picture
const REACH = { mouse: 7, pen: 10, touch: 16 }; // pixels around a handle that still hit it
const MIDDLE = /** @type {Box} */ ([350, 350, 649, 649]);
const CURSORS = { n: "ns", s: "ns", e: "ew", w: "ew", nw: "nwse", se: "nwse", ne: "nesw", sw: "nesw" };

/**
 * @param {import("../model/messages.mjs").Words} words @param {Actions} act @param {AbortSignal} signal
 * @param {{help: string, onKey: (event: KeyboardEvent) => void}} options help: id of the keys' description
 */
export function createStage(words, act, signal, { help, onKey }) {
  const canvas = make("canvas", {
    className: "got-canvas",
    tabIndex: 0,
    role: "application",
    "aria-label": words.canvas,
    "aria-describedby": help,
  });
  const empty = make("p", { className: "got-empty" }, words.empty);
  const phrase = make("input", { type: "text", placeholder: words.askHelp, "aria-label": words.ask });
  const cancel = make("button", { type: "button" }, words.cancel);
  const ask = make("form", { className: "got-ask", hidden: true }, make("label", {}, words.ask, phrase));
  ask.append(make("button", { type: "submit" }, words.add), cancel);
  const element = make("div", { className: "got-stage" }, canvas, empty, ask);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

  /** @type {View} */
  let view;
  /** @type {Drag | null} */
  let drag = null;
  /** @type {Box | null} */
  let draft = null;
  let hovered = -1;
  let frame = 0;

  const redraw = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      if (view) draw();
    });
  };
  signal.addEventListener("abort", () => cancelAnimationFrame(frame));
  const resized = new ResizeObserver(() => view && (fit(), redraw()));
  resized.observe(element);
  signal.addEventListener("abort", () => resized.disconnect());

  /** Give the canvas the picture's shape, as large as the stage allows. */
  function fit() {
    const [wide, high] = [element.clientWidth - 2 * INSET, element.clientHeight - 2 * INSET];
    if (wide < 16 || high < 16) return;
    const scale = Math.min(wide / view.width, high / view.height);
    canvas.style.width = `${Math.round(view.width * scale) + 2 * INSET}px`;
    canvas.style.height = `${Math.round(view.height * scale) + 2 * INSET}px`;
  }

  function draw() {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = globalThis.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    const { shown, order, selected, background, dim, mask } = view;
    const scene = { width, height, ratio, inset: INSET, regions: shown, order, selected, hovered, draft };
    paint(context, { ...scene, background, dim, mask, theme: themeOf(element) });
  }

  // ---------------------------------------------------------------------------------------------- pointer

  /** Units of the chain for one pixel of the screen, at any zoom. @returns {Point} */
  const perPixel = () => {
    const rect = canvas.getBoundingClientRect();
    const inner = (/** @type {number} */ side) => 1 - (2 * INSET) / Math.max(1, side);
    return [1000 / (rect.width * inner(canvas.clientWidth)), 1000 / (rect.height * inner(canvas.clientHeight))];
  };

  /** @param {PointerEvent} event @returns {Point} in units, also outside the picture */
  const pointOf = (event) => {
    const rect = canvas.getBoundingClientRect();
    const along = (/** @type {number} */ part, /** @type {number} */ side) =>
      ((part * side - INSET) / Math.max(1, side - 2 * INSET)) * 1000;
    return [
      along((event.clientX - rect.left) / rect.width, canvas.clientWidth),
      along((event.clientY - rect.top) / rect.height, canvas.clientHeight),
    ];
  };

  const boxes = () => view.shown.map(({ box, hidden }, index) => (hidden && index !== view.selected ? null : box));

  /** @param {PointerEvent} event */
  const hitAt = (event) => {
    const reach = REACH[/** @type {keyof typeof REACH} */ (event.pointerType)] ?? REACH.mouse;
    return hitTest(boxes(), view.order, pointOf(event), view.selected, perPixel(), reach);
  };

  /** @param {PointerEvent} event */
  const press = (event) => {
    if (event.button !== 0 || view.streaming !== null) return;
    canvas.focus({ preventScroll: true });
    hideAsk();
    const from = pointOf(event);
    if (event.altKey) return act.select(nextBelow(boxes(), view.order, from, view.selected));
    const hit = view.drawing || event.ctrlKey || event.metaKey ? null : hitAt(event);
    if (hit) {
      act.select(hit.index);
      if (view.shown[hit.index].locked) return;
    }
    drag = hit ? { ...hit, from, box: view.shown[hit.index].box } : { index: -1, handle: null, from, box: null };
    canvas.setPointerCapture(event.pointerId);
  };

  /** @param {PointerEvent} event */
  const move = (event) => {
    if (!drag) return hover(event);
    const to = pointOf(event);
    const others = boxes().filter((_, index) => index !== drag?.index);
    const snap = view.snap ? snapTo(others, GRID_STEP, perPixel()) : null;
    if (drag.index < 0) {
      draft = boxBetween(snapPoint(drag.from, snap), snapPoint(to, snap));
      redraw();
    } else if (drag.box) {
      const [dx, dy] = [to[0] - drag.from[0], to[1] - drag.from[1]];
      const { box, handle, index } = drag;
      const moved = handle
        ? snapResized(resizeBox(box, handle, dx, dy), handle, snap)
        : snapMoved(moveBox(box, dx, dy), snap);
      act.preview((plan) => moveRegion(plan, index, moved));
    }
  };

  /** @param {PointerEvent} event */
  const hover = (event) => {
    const hit = view.streaming === null && !view.drawing ? hitAt(event) : null;
    const locked = hit && view.shown[hit.index].locked;
    const shape = hit?.handle ? `${CURSORS[hit.handle]}-resize` : "move";
    canvas.style.cursor = !hit ? "crosshair" : locked ? "pointer" : shape;
    if (hovered !== (hit?.index ?? -1)) {
      hovered = hit?.index ?? -1;
      redraw();
    }
  };

  const release = () => {
    const done = drag;
    drag = null;
    if (done && done.index >= 0) return act.commit();
    if (draft) showAsk();
    else if (done) act.select(-1);
  };

  const giveUp = () => {
    if (!drag) return;
    drag = null;
    draft = null;
    act.preview(null);
    redraw();
  };

  canvas.addEventListener("pointerdown", press, { signal });
  canvas.addEventListener("pointermove", move, { signal });
  canvas.addEventListener("pointerup", release, { signal });
  canvas.addEventListener("pointercancel", giveUp, { signal });
  canvas.addEventListener("pointerleave", () => ((hovered = -1), redraw()), { signal });
  canvas.addEventListener("dblclick", () => view.selected >= 0 && act.focusPhrase(), { signal });
  canvas.addEventListener("keydown", onKey, { signal });

  // ------------------------------------------------------------------------------------ what a new one holds

  function showAsk() {
    act.draw(false);
    ask.hidden = false;
    phrase.value = "";
    phrase.focus({ preventScroll: true });
  }

  function hideAsk() {
    ask.hidden = true;
    draft = null;
    redraw();
  }

  const leaveAsk = () => {
    hideAsk();
    canvas.focus({ preventScroll: true });
  };
  ask.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!phrase.value.trim()) return phrase.focus();
    const box = draft;
    leaveAsk();
    if (box) act.add(phrase.value, box);
  });
  cancel.addEventListener("click", leaveAsk);
  ask.addEventListener("keydown", (event) => {
    if (isForComfy(event)) return ask.requestSubmit();
    event.stopPropagation();
    if (event.key === "Escape") leaveAsk();
  });

  return {
    element,
    focus: () => canvas.focus({ preventScroll: true }),
    /** A new region in the middle, by keys alone. */
    drawInMiddle: () => {
      draft = [...MIDDLE];
      redraw();
      showAsk();
    },
    /** Is something being carried or drawn? Then it is given up. */
    giveUp: () => {
      const was = drag !== null;
      giveUp();
      return was;
    },
    /** @param {View} now */
    render: (now) => {
      const reshaped = view?.width !== now.width || view?.height !== now.height;
      view = now;
      empty.hidden = view.shown.length > 0 || view.background !== null || draft !== null;
      element.classList.toggle("got-drawing", view.drawing);
      if (reshaped) fit();
      redraw();
    },
  };
}

/** The colors of the page. @param {HTMLElement} element @returns {import("./drawing.mjs").Theme} */
function themeOf(element) {
  const style = getComputedStyle(element);
  const text = style.color.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
  return {
    surface: style.getPropertyValue("--got-surface").trim() || "#222",
    line: style.getPropertyValue("--got-line").trim() || "#555",
    accent: style.getPropertyValue("--got-accent").trim() || "#3b82f6",
    dark: text[0] + text[1] + text[2] > 384,
  };
}
