// @ts-check
// The keys of the canvas and the list of regions: a table from key to command, and what each command does. Pure: what
// needs the DOM is asked of `focus`.

import { moveBox, resizeBox } from "./geometry.mjs";
import { bringForward, duplicateRegion, moveRegion, removeRegion, sendBack, setHidden, setLocked } from "./plan.mjs";

/** @typedef {import("./store.mjs").Store} Store */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} Key */
/** @typedef {{phrase: () => void, leave: () => void}} Focus puts the focus into the phrase field; takes it away */

/** Command by key. "ctrl+" is Ctrl or Cmd. Shift and Alt do not change the command. */
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
  "ctrl+d": "duplicate",
});

/** @typedef {(typeof KEYS)[keyof typeof KEYS]} CommandName */

const FAR = 10; // units that an arrow key moves with Shift
const MIDDLE = /** @type {import("./chain.mjs").Box} */ ([350, 350, 649, 649]); // of a region that is drawn by keys

/** The command of a key; null if it has none. @param {Key} key @returns {CommandName | null} */
export function commandOf({ key, ctrlKey, metaKey }) {
  const name = `${ctrlKey || metaKey ? "ctrl+" : ""}${key.toLowerCase()}`;
  return Object.hasOwn(KEYS, name) ? KEYS[/** @type {keyof typeof KEYS} */ (name)] : null;
}

/** Run the command of a key. @param {Store} store @param {Key} key @param {Focus} focus
 * @returns {boolean} whether the key meant something here */
export function handleKey(store, key, focus) {
  const name = commandOf(key);
  return name !== null && COMMANDS[name](store, key, focus) !== false;
}

/** Each returns false where it means nothing now. @type {Record<CommandName, (store: Store, key: Key, focus: Focus) => boolean | void>} */
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
  remove: (store) => store.changeSelected(removeRegion),
  draw: (store) => store.setDrawing(true),
  lock: toggleLocked,
  hide: toggleHidden,
  forward: (store) => store.changeSelected(bringForward),
  backward: (store) => store.changeSelected(sendBack),
  duplicate: (store) => store.changeSelected(duplicateRegion),
};

/** @param {Store} store */
export function toggleLocked(store) {
  store.changeSelected((plan, index) => setLocked(plan, index, !plan.flags[index]?.locked));
}

/** @param {Store} store */
export function toggleHidden(store) {
  store.changeSelected((plan, index) => setHidden(plan, index, !plan.flags[index]?.hidden));
}

/** Move the selected region, or with Alt its lower right corner. @param {Store} store @param {Key} key
 * @param {number} dx units @param {number} dy */
function move(store, { shiftKey, altKey }, dx, dy) {
  const box = store.view.regions[store.state.selected]?.box;
  if (!box) return;
  const far = shiftKey ? FAR : 1;
  const moved = altKey ? resizeBox(box, "se", dx * far, dy * far) : moveBox(box, dx * far, dy * far);
  store.changeSelected((plan, index) => moveRegion(plan, index, moved));
}
