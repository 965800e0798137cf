// @ts-check
// The keys of the canvas and the list of regions: a table from key to command, what each command does, and how the
// table is shown. Pure: what needs the DOM is asked of `focus`.

import { around, duplicateAll, movable, moveGroup, removeAll, reorderAll } from "../plan/arrange.mjs";
import { moveRegions, setHidden, setLocked } from "../plan/plan.mjs";
import { moveBox, resizeBox } from "./geometry.mjs";

/** @typedef {import("./store.mjs").Store} Store */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} Key */
/** @typedef {{phrase: () => void, leave: () => void, menu: () => void, keys: () => void}} Focus puts the focus into the
 * phrase field; takes it away; opens the menu; shows the keys */

/** Command by key. "ctrl+" is Ctrl or Cmd. Shift and Alt do not change the command, unless the table says so. */
export const KEYS = /** @type {const} */ ({
  arrowleft: "left",
  arrowright: "right",
  arrowup: "up",
  arrowdown: "down",
  pagedown: "next",
  pageup: "previous",
  enter: "open",
  escape: "leave",
  delete: "remove",
  backspace: "remove",
  n: "draw",
  l: "lock",
  h: "hide",
  "]": "forward",
  "[": "backward",
  "ctrl+a": "all",
  "ctrl+c": "copy",
  "ctrl+x": "cut",
  "ctrl+v": "paste",
  "ctrl+d": "duplicate",
  contextmenu: "menu",
  "shift+f10": "menu",
  "?": "keys",
});

/** @typedef {(typeof KEYS)[keyof typeof KEYS]} CommandName */
/** @typedef {{keys: readonly string[], message: keyof import("../messages.mjs").Messages}} Row keys as people name them */

// The browser itself does these: it sends an event that has the clipboard.
const NATIVE = new Set(["copy", "cut", "paste"]);
const FAR = 10; // units that an arrow key moves with Shift
const MIDDLE = /** @type {import("../chain/chain.mjs").Box} */ ([350, 350, 649, 649]); // of a region that is drawn by keys

/** The command of a key; null if it has none. @param {Key} key @returns {CommandName | null} */
export function commandOf({ key, ctrlKey, metaKey, shiftKey }) {
  const name = `${ctrlKey || metaKey ? "ctrl+" : ""}${key.toLowerCase()}`;
  const found = shiftKey && Object.hasOwn(KEYS, `shift+${name}`) ? `shift+${name}` : name;
  return Object.hasOwn(KEYS, found) ? KEYS[/** @type {keyof typeof KEYS} */ (found)] : null;
}

/** Must ComfyUI not see a key that means nothing here? It has commands on plain letters, and Delete removes the node.
 * @param {Key} key */
export function isKept(key) {
  const isPlain = [...key.key].length === 1 && !key.ctrlKey && !key.metaKey && !key.altKey;
  const name = commandOf(key) ?? "";
  return isPlain || name === "remove" || NATIVE.has(name);
}

/** Run the command of a key. @param {Store} store @param {Key} key @param {Focus} focus
 * @returns {boolean} whether the key meant something here */
export function handleKey(store, key, focus) {
  const name = commandOf(key);
  return name !== null && COMMANDS[name](store, key, focus) !== false;
}

/** Each returns false where it means nothing now.
 * @type {Record<CommandName, (store: Store, key: Key, focus: Focus) => boolean | void>} */
const COMMANDS = {
  left: (store, key) => move(store, key, -1, 0),
  right: (store, key) => move(store, key, 1, 0),
  up: (store, key) => move(store, key, 0, -1),
  down: (store, key) => move(store, key, 0, 1),
  next: (store) => store.selectNext(1),
  previous: (store) => store.selectNext(-1),
  open: (store, _, focus) => {
    if (store.state.mode === "draw") store.ask([...MIDDLE]);
    else if (store.state.selected >= 0) focus.phrase();
    else return false;
  },
  leave: (store, _, focus) => {
    if (store.cancelDrag()) return;
    if (store.state.mode === "draw") store.setDrawing(false);
    else if (store.state.selected >= 0) store.select(-1);
    else focus.leave();
  },
  remove: (store) => store.changeAll(removeAll),
  draw: (store) => store.setDrawing(true),
  lock: toggleLocked,
  hide: toggleHidden,
  forward: (store) => store.changeAll((plan, indices) => reorderAll(plan, indices, 1)),
  backward: (store) => store.changeAll((plan, indices) => reorderAll(plan, indices, -1)),
  all: (store) => store.selectAll(),
  copy: () => false,
  cut: () => false,
  paste: () => false,
  duplicate: (store) => store.changeAll(duplicateAll),
  menu: (_, __, focus) => focus.menu(),
  keys: (_, __, focus) => focus.keys(),
};

/** Lock the selected regions; unlock them if all are locked. @param {Store} store */
export function toggleLocked(store) {
  store.changeAll((plan, indices) => {
    const locked = !indices.every((index) => plan.flags[index]?.locked);
    return indices.reduce((now, index) => setLocked(now, index, locked), plan);
  });
}

/** Hide the selected regions; show them if all are hidden. @param {Store} store */
export function toggleHidden(store) {
  store.changeAll((plan, indices) => {
    const hidden = !indices.every((index) => plan.flags[index]?.hidden);
    return indices.reduce((now, index) => setHidden(now, index, hidden), plan);
  });
}

/** Move the selected regions, or with Alt their lower right corners. @param {Store} store @param {Key} key
 * @param {number} dx units @param {number} dy */
function move(store, { shiftKey, altKey }, dx, dy) {
  const far = shiftKey ? FAR : 1;
  store.changeAll((plan, indices) => {
    const group = movable(plan, indices);
    if (!group.length) return plan;
    if (altKey) return moveRegions(plan, group.map(({ index, box }) => ({ index, box: resizeBox(box, "se", dx * far, dy * far) })));
    const box = around(group.map((one) => one.box));
    const moved = moveBox(box, dx * far, dy * far);
    return moveGroup(plan, group, moved[0] - box[0], moved[1] - box[1]);
  });
}

// ------------------------------------------------------------------------------------------------- the table, shown

const NAMES = { arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", pagedown: "Page Down", pageup: "Page Up", contextmenu: "Menu", escape: "Esc", delete: "Del" };

/** @type {readonly (readonly [keyof import("../messages.mjs").Messages, ...CommandName[]])[]} */
const SHOWN = [
  ["keysMove", "left", "right", "up", "down"],
  ["keysSelect", "previous", "next"],
  ["keysAll", "all"],
  ["keysDraw", "draw"],
  ["keysOpen", "open"],
  ["keysCopy", "copy"],
  ["keysCut", "cut"],
  ["keysPaste", "paste"],
  ["keysDuplicate", "duplicate"],
  ["keysRemove", "remove"],
  ["keysLock", "lock"],
  ["keysHide", "hide"],
  ["keysOrder", "backward", "forward"],
  ["keysMenu", "menu"],
  ["keysKeys", "keys"],
  ["keysLeave", "leave"],
];

/** What the mouse and ComfyUI's own keys do, for the same table. @type {readonly Row[]} */
const MORE = [
  { keys: ["Shift"], message: "keysWithShift" },
  { keys: ["Alt"], message: "keysWithAlt" },
  { keys: ["Ctrl"], message: "keysWithCtrl" },
  { keys: ["Ctrl+Z", "Ctrl+Y"], message: "keysUndo" },
  { keys: ["Ctrl+Enter"], message: "keysRun" },
];

/** All keys and what they do. @returns {Row[]} */
export function keyRows() {
  const keysOf = (/** @type {CommandName} */ command) => Object.entries(KEYS).flatMap(([key, one]) => (one === command ? [shown(key)] : []));
  return [...SHOWN.map(([message, ...commands]) => ({ message, keys: commands.flatMap(keysOf) })), ...MORE];
}

/** @param {string} key of the table */
function shown(key) {
  const parts = key.split("+").map((part) => {
    const name = NAMES[/** @type {keyof typeof NAMES} */ (part)] ?? part;
    return name.charAt(0).toUpperCase() + name.slice(1);
  });
  return parts.join("+");
}
