// @ts-check
// Paints a plan on a 2D context: picture, mask, boxes with number, phrase and color, handles. Knows no DOM and no plan:
// a scene says it all. Nothing is measured twice and nothing is made for each box, so that dragging stays cheap.

import { GRID } from "../model/chain.mjs";
import { cssColor } from "../model/colors.mjs";
import { HANDLES, handlePoint } from "../model/geometry.mjs";

/** @typedef {import("../model/chain.mjs").Box} Box */
/** @typedef {import("../model/colors.mjs").Color} Color */
/** @typedef {{box: Box | null, label: string, color: Color, locked: boolean, hidden: boolean}} Shown */
/** @typedef {{surface: string, line: string, accent: string, dark: boolean}} Theme */
/**
 * @typedef {object} Scene
 * @property {number} width of the canvas, CSS pixels
 * @property {number} height
 * @property {number} ratio device pixels of one CSS pixel
 * @property {number} inset CSS pixels left free around the picture, for handles at its edge
 * @property {readonly Shown[]} regions in reading order
 * @property {readonly number[]} order back to front
 * @property {number} selected -1 for none
 * @property {number} hovered -1 for none
 * @property {Box | null} draft the box that is being drawn
 * @property {CanvasImageSource | null} background
 * @property {number} dim 0 leaves the picture as it is, 1 hides it
 * @property {boolean} mask darken what lies outside the boxes
 * @property {Theme} theme
 */

const FONT = "500 11px system-ui, sans-serif";
const LABEL_HEIGHT = 16;
const PAD = 5;
const HANDLE_SIZE = 8;
const MASK = "rgba(0, 0, 0, 0.62)";
const MOST_MEASURED = 2000;

/** @param {CanvasRenderingContext2D} context @param {Scene} scene */
export function paint(context, scene) {
  const { width, height, ratio, inset, regions, order, selected, draft, theme } = scene;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.translate(inset, inset);
  context.font = FONT;
  context.textBaseline = "middle";
  paintPicture(context, scene);
  for (const index of order) if (index !== selected) paintRegion(context, scene, index);
  if (regions[selected]) paintRegion(context, scene, selected);
  if (draft) paintDraft(context, scene, draft, theme);
}

/** The size of the picture on the canvas. @param {Scene} scene */
function pictureSize({ width, height, inset }) {
  return { wide: width - 2 * inset, high: height - 2 * inset };
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene */
function paintPicture(context, scene) {
  const { wide, high } = pictureSize(scene);
  paintBackground(context, scene, wide, high);
  if (scene.mask && scene.regions.some(({ box, hidden }) => box && !hidden)) {
    context.fillStyle = MASK;
    context.fillRect(0, 0, wide, high);
    context.save();
    context.beginPath();
    for (const { box, hidden } of scene.regions)
      if (box && !hidden) context.rect(...pixels(box, wide, high));
    context.clip();
    paintBackground(context, scene, wide, high);
    context.restore();
  }
  context.strokeStyle = scene.theme.line;
  context.lineWidth = 1;
  context.strokeRect(-0.5, -0.5, wide + 1, high + 1);
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} wide @param {number} high */
function paintBackground(context, { background, dim, theme }, wide, high) {
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, wide, high);
  if (background && dim < 1) {
    context.globalAlpha = 1 - dim;
    context.drawImage(background, 0, 0, wide, high);
    context.globalAlpha = 1;
  } else if (!background) paintThirds(context, theme, wide, high);
}

/** Faint lines at the quarters, where there is no picture to go by. @param {CanvasRenderingContext2D} context
 * @param {Theme} theme @param {number} wide @param {number} high */
function paintThirds(context, theme, wide, high) {
  context.beginPath();
  for (let part = 1; part < 4; part++) {
    const [x, y] = [Math.round((wide * part) / 4) + 0.5, Math.round((high * part) / 4) + 0.5];
    context.moveTo(x, 0);
    context.lineTo(x, high);
    context.moveTo(0, y);
    context.lineTo(wide, y);
  }
  context.strokeStyle = theme.line;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.stroke();
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} index */
function paintRegion(context, scene, index) {
  const { regions, selected, hovered, theme } = scene;
  const { box, color, locked, hidden, label } = regions[index];
  const isSelected = index === selected;
  if (!box || (hidden && !isSelected)) return;
  const { wide, high } = pictureSize(scene);
  const [x, y, width, height] = pixels(box, wide, high);
  if (!hidden) {
    context.fillStyle = look(color).fill;
    context.globalAlpha = isSelected ? 0.3 : index === hovered ? 0.24 : 0.14;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
  }
  outline(context, x, y, width, height, look(color).fill, theme, isSelected ? 2 : 1.5, hidden || locked);
  paintLabel(context, index, label, color, locked, x, y, width, wide, high);
  if (isSelected && !locked && !hidden) paintHandles(context, box, wide, high, theme);
}

/** A colored line on a halo that parts it from any picture. @param {CanvasRenderingContext2D} context
 * @param {number} x @param {number} y @param {number} width @param {number} height @param {string} color
 * @param {Theme} theme @param {number} thick @param {boolean} dashed */
function outline(context, x, y, width, height, color, theme, thick, dashed) {
  context.lineWidth = thick + 2;
  context.strokeStyle = theme.dark ? "rgba(0, 0, 0, 0.6)" : "rgba(0, 0, 0, 0.45)";
  context.strokeRect(x, y, width, height);
  context.lineWidth = thick;
  context.strokeStyle = color;
  if (dashed) context.setLineDash(DASHES);
  context.strokeRect(x, y, width, height);
  if (dashed) context.setLineDash(NO_DASHES);
}

const DASHES = [5, 4];
/** @type {number[]} */
const NO_DASHES = [];

/** Number and phrase on the box's color, inside its top edge or above it if there is no room.
 * @param {CanvasRenderingContext2D} context @param {number} index @param {string} label @param {Color} color
 * @param {boolean} locked @param {number} x @param {number} y @param {number} width @param {number} wide
 * @param {number} high */
function paintLabel(context, index, label, color, locked, x, y, width, wide, high) {
  const number = String(index + 1);
  const lock = locked ? 12 : 0;
  const least = measure(context, number) + 2 * PAD + lock;
  const room = Math.max(width, least) - least - PAD;
  const text = fitted(context, label, room > 14 ? room : 0);
  const full = least + (text ? measure(context, text) + PAD : 0);
  const left = Math.max(0, Math.min(x, wide - full));
  const top = Math.max(0, Math.min(y, high - LABEL_HEIGHT));
  const { fill, ink } = look(color);
  context.fillStyle = fill;
  context.fillRect(left, top, full, LABEL_HEIGHT);
  context.fillStyle = ink;
  const middle = top + LABEL_HEIGHT / 2 + 0.5;
  context.fillText(number, left + PAD, middle);
  if (locked) paintLock(context, left + least - lock - PAD + 5, top + 4, ink);
  if (text) context.fillText(text, left + least, middle);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {string} ink */
function paintLock(context, x, y, ink) {
  context.fillRect(x, y + 4, 7, 5);
  context.strokeStyle = ink;
  context.lineWidth = 1.2;
  context.beginPath();
  context.arc(x + 3.5, y + 3.5, 2.2, Math.PI, 0);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Box} box @param {number} wide @param {number} high
 * @param {Theme} theme */
function paintHandles(context, box, wide, high, theme) {
  context.fillStyle = "#fff";
  context.strokeStyle = theme.accent;
  context.lineWidth = 1.5;
  for (const handle of HANDLES) {
    const [x, y] = handlePoint(box, handle);
    const [left, top] = [(x * wide) / GRID - HANDLE_SIZE / 2, (y * high) / GRID - HANDLE_SIZE / 2];
    context.fillRect(left, top, HANDLE_SIZE, HANDLE_SIZE);
    context.strokeRect(left, top, HANDLE_SIZE, HANDLE_SIZE);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Box} draft @param {Theme} theme */
function paintDraft(context, scene, draft, theme) {
  const { wide, high } = pictureSize(scene);
  const [x, y, width, height] = pixels(draft, wide, high);
  context.fillStyle = theme.accent;
  context.globalAlpha = 0.18;
  context.fillRect(x, y, width, height);
  context.globalAlpha = 1;
  outline(context, x, y, width, height, theme.accent, theme, 1.5, true);
}

/** @param {Box} box @param {number} wide @param {number} high @returns {[number, number, number, number]} */
function pixels([x0, y0, x1, y1], wide, high) {
  const [x, y] = [(x0 * wide) / GRID, (y0 * high) / GRID];
  return [x, y, ((x1 + 1) * wide) / GRID - x, ((y1 + 1) * high) / GRID - y];
}

/** @type {Map<string, {fill: string, ink: string}>} */
const looks = new Map();

/** A color as a fill, and black or white to write on it. @param {Color} color */
function look(color) {
  let found = looks.get(color.word);
  if (!found) {
    const bright = 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue;
    found = { fill: cssColor(color), ink: bright > 140 ? "#000" : "#fff" };
    remember(looks, color.word, found);
  }
  return found;
}

/** @type {Map<string, number>} */
const widths = new Map();

/** @param {CanvasRenderingContext2D} context @param {string} text */
function measure(context, text) {
  let width = widths.get(text);
  if (width === undefined) {
    width = context.measureText(text).width;
    remember(widths, text, width);
  }
  return width;
}

/** The text, cut with an ellipsis to the room there is; "" if none. @param {CanvasRenderingContext2D} context
 * @param {string} text @param {number} room */
function fitted(context, text, room) {
  if (!room || !text) return "";
  const width = measure(context, text);
  if (width <= room) return text;
  const letters = Math.floor((text.length * room) / width) - 1; // all letters about as wide: close enough
  return letters > 1 ? `${text.slice(0, letters).trimEnd()}…` : "";
}

/** @template T @param {Map<string, T>} map @param {string} key @param {T} value */
function remember(map, key, value) {
  if (map.size >= MOST_MEASURED) map.clear();
  map.set(key, value);
}
