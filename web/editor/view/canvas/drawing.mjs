// @ts-check
// Paints a plan on a 2D context: background, mask, boxes with number, phrase and color, handles. Knows no DOM and no
// plan: the scene has everything. Text is measured once, so that dragging stays fast.

import { GRID } from "../../model/chain/chain.mjs";
import { cssColor } from "../../model/chain/colors.mjs";
import { HANDLES, handlePoint } from "../../model/state/geometry.mjs";

/** @typedef {import("../../model/chain/chain.mjs").Box} Box */
/** @typedef {import("../../model/chain/colors.mjs").Color} Color */
/** @typedef {import("../../model/state/store.mjs").Region} Region */
/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{surface: string, line: string, accent: string, dark: boolean}} Theme */
/** @typedef {[x: number, y: number, width: number, height: number]} Rect pixels of the image */
/**
 * @typedef {object} Scene
 * @property {number} width of the canvas, CSS pixels
 * @property {number} height
 * @property {number} ratio device pixels of one CSS pixel
 * @property {number} inset CSS pixels left free around the image, for handles at its edge
 * @property {readonly Region[]} regions in reading order
 * @property {readonly number[]} order back to front
 * @property {readonly number[]} selection the selected regions
 * @property {number} hovered -1 for none
 * @property {Box | null} draft the box that is being drawn
 * @property {Box | null} band the area in which regions are being selected
 * @property {CanvasImageSource | null} background
 * @property {number} dim 0 shows the background as it is, 1 hides it
 * @property {boolean} mask darken the area outside the boxes
 * @property {Theme} theme
 */

const FONT = "500 11px system-ui, sans-serif";
const LABEL_HEIGHT = 16;
const PAD = 5;
const HANDLE_SIZE = 8;
const MASK = "rgba(0, 0, 0, 0.62)";
const MOST_REMEMBERED = 2000;
const DASHES = [5, 4];
/** @type {number[]} */
const NO_DASHES = [];

/** @param {Context} context @param {Scene} scene */
export function paint(context, scene) {
  const { width, height, ratio, inset, order, selection } = scene;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.translate(inset, inset);
  context.font = FONT;
  context.textBaseline = "middle";
  paintImage(context, scene);
  for (const index of order) if (!selection.includes(index)) paintRegion(context, scene, index);
  for (const index of order) if (selection.includes(index)) paintRegion(context, scene, index);
  if (scene.draft) paintDraft(context, scene, scene.draft);
  if (scene.band) paintDraft(context, scene, scene.band);
}

/** Width and height of the image on the canvas. @param {Scene} scene */
function imageSize({ width, height, inset }) {
  return [width - 2 * inset, height - 2 * inset];
}

/** The background, darkened outside the boxes if the mask is on, and its frame. @param {Context} context
 * @param {Scene} scene */
function paintImage(context, scene) {
  const [width, height] = imageSize(scene);
  paintBackground(context, scene);
  const shown = scene.regions.flatMap(({ box, hidden }) => (box && !hidden ? [box] : []));
  if (scene.mask && shown.length) {
    context.fillStyle = MASK;
    context.fillRect(0, 0, width, height);
    context.save();
    context.beginPath();
    for (const box of shown) context.rect(...rectOf(box, scene));
    context.clip();
    paintBackground(context, scene);
    context.restore();
  }
  context.strokeStyle = scene.theme.line;
  context.lineWidth = 1;
  context.strokeRect(-0.5, -0.5, width + 1, height + 1);
}

/** @param {Context} context @param {Scene} scene */
function paintBackground(context, scene) {
  const { background, dim, theme } = scene;
  const [width, height] = imageSize(scene);
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, width, height);
  if (background && dim < 1) {
    context.globalAlpha = 1 - dim;
    context.drawImage(background, 0, 0, width, height);
    context.globalAlpha = 1;
  } else if (!background) paintQuarters(context, theme, width, height);
}

/** Faint lines that divide an empty image into quarters. @param {Context} context @param {Theme} theme
 * @param {number} width @param {number} height */
function paintQuarters(context, theme, width, height) {
  context.beginPath();
  for (let part = 1; part < 4; part++) {
    const [x, y] = [Math.round((width * part) / 4) + 0.5, Math.round((height * part) / 4) + 0.5];
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.moveTo(0, y);
    context.lineTo(width, y);
  }
  context.strokeStyle = theme.line;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 1;
}

/** @param {Context} context @param {Scene} scene @param {number} index */
function paintRegion(context, scene, index) {
  const { regions, selection, hovered, theme } = scene;
  const { box, color, locked, hidden, off } = regions[index];
  const isSelected = selection.includes(index);
  if (!box || (hidden && !isSelected)) return;
  const rect = rectOf(box, scene);
  const { fill } = styleOf(color);
  if (!hidden && !off) {
    context.fillStyle = fill;
    context.globalAlpha = isSelected ? 0.3 : index === hovered ? 0.24 : 0.14;
    context.fillRect(...rect);
    context.globalAlpha = 1;
  }
  outline(context, rect, fill, theme, { thick: isSelected ? 2 : 1.5, dashed: hidden || locked || Boolean(off) });
  paintLabel(context, scene, index, rect);
  if (isSelected && !locked && !hidden && selection.length === 1) paintHandles(context, scene, box);
}

/** A colored line on a dark halo, visible on any image. @param {Context} context @param {Rect} rect
 * @param {string} color @param {Theme} theme @param {{thick: number, dashed: boolean}} line */
function outline(context, rect, color, theme, { thick, dashed }) {
  context.lineWidth = thick + 2;
  context.strokeStyle = theme.dark ? "rgba(0, 0, 0, 0.6)" : "rgba(0, 0, 0, 0.45)";
  context.strokeRect(...rect);
  context.lineWidth = thick;
  context.strokeStyle = color;
  if (dashed) context.setLineDash(DASHES);
  context.strokeRect(...rect);
  if (dashed) context.setLineDash(NO_DASHES);
}

/** Number and phrase on the box's color, at the box's top edge and inside the image. @param {Context} context
 * @param {Scene} scene @param {number} index @param {Rect} rect */
function paintLabel(context, scene, index, [x, y, width]) {
  const { label, color, locked } = scene.regions[index];
  const [wide, high] = imageSize(scene);
  const number = String(index + 1);
  const lock = locked ? 12 : 0;
  const least = measure(context, number) + 2 * PAD + lock;
  const room = Math.max(width, least) - least - PAD;
  const text = fitted(context, label, room > 14 ? room : 0);
  const full = least + (text ? measure(context, text) + PAD : 0);
  const left = Math.max(0, Math.min(x, wide - full));
  const top = Math.max(0, Math.min(y, high - LABEL_HEIGHT));
  const { fill, ink } = styleOf(color);
  context.fillStyle = fill;
  context.fillRect(left, top, full, LABEL_HEIGHT);
  context.fillStyle = ink;
  const middle = top + LABEL_HEIGHT / 2 + 0.5;
  context.fillText(number, left + PAD, middle);
  if (locked) paintLock(context, left + least - lock - PAD + 5, top + 4, ink);
  if (text) context.fillText(text, left + least, middle);
}

/** @param {Context} context @param {number} x @param {number} y @param {string} ink */
function paintLock(context, x, y, ink) {
  context.fillRect(x, y + 4, 7, 5);
  context.strokeStyle = ink;
  context.lineWidth = 1.2;
  context.beginPath();
  context.arc(x + 3.5, y + 3.5, 2.2, Math.PI, 0);
  context.stroke();
}

/** @param {Context} context @param {Scene} scene @param {Box} box */
function paintHandles(context, scene, box) {
  const [width, height] = imageSize(scene);
  context.fillStyle = "#fff";
  context.strokeStyle = scene.theme.accent;
  context.lineWidth = 1.5;
  for (const handle of HANDLES) {
    const [x, y] = handlePoint(box, handle);
    const [left, top] = [(x * width) / GRID - HANDLE_SIZE / 2, (y * height) / GRID - HANDLE_SIZE / 2];
    context.fillRect(left, top, HANDLE_SIZE, HANDLE_SIZE);
    context.strokeRect(left, top, HANDLE_SIZE, HANDLE_SIZE);
  }
}

/** @param {Context} context @param {Scene} scene @param {Box} draft */
function paintDraft(context, scene, draft) {
  const { theme } = scene;
  const rect = rectOf(draft, scene);
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.18;
  context.fillRect(...rect);
  context.globalAlpha = 1;
  outline(context, rect, theme.accent, theme, { thick: 1.5, dashed: true });
}

/** A box in pixels of the image, its last row and column included. @param {Box} box @param {Scene} scene
 * @returns {Rect} */
function rectOf([x0, y0, x1, y1], scene) {
  const [width, height] = imageSize(scene);
  const [x, y] = [(x0 * width) / GRID, (y0 * height) / GRID];
  return [x, y, ((x1 + 1) * width) / GRID - x, ((y1 + 1) * height) / GRID - y];
}

/** @type {Map<string, {fill: string, ink: string}>} */
const styles = new Map();

/** A color as a fill, and black or white to write on it. @param {Color} color */
function styleOf(color) {
  let found = styles.get(color.word);
  if (!found) {
    const bright = 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue;
    found = { fill: cssColor(color), ink: bright > 140 ? "#000" : "#fff" };
    remember(styles, color.word, found);
  }
  return found;
}

/** @type {Map<string, number>} */
const widths = new Map();

/** @param {Context} context @param {string} text */
function measure(context, text) {
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    remember(widths, text, width);
  }
  return width;
}

/** The text, cut with an ellipsis to a width in pixels; "" if nothing fits. @param {Context} context
 * @param {string} text @param {number} room */
function fitted(context, text, room) {
  if (!room || !text) return "";
  const width = measure(context, text);
  if (width <= room) return text;
  const letters = Math.floor((text.length * room) / width) - 1; // as if all letters were equally wide: close enough
  return letters > 1 ? `${text.slice(0, letters).trimEnd()}…` : "";
}

/** @template T @param {Map<string, T>} map @param {string} key @param {T} value */
function remember(map, key, value) {
  if (map.size >= MOST_REMEMBERED) map.clear();
  map.set(key, value);
}
