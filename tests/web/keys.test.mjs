// The key map: every key has its command, and every command does what it says.

import assert from "node:assert/strict";
import test from "node:test";
import { commandOf, handleKey, isKept, keyRows, KEYS } from "../../web/editor/model/state/keys.mjs";
import { arrive, EMPTY, setLocked } from "../../web/editor/model/plan/plan.mjs";
import { Store } from "../../web/editor/model/state/store.mjs";

/** @param {string} key such as "Ctrl+d" or "Shift+ArrowLeft" */
function pressed(key) {
  const parts = key.split("+");
  const name = parts.pop() ?? "";
  const [ctrlKey, metaKey, shiftKey, altKey] = ["Ctrl", "Meta", "Shift", "Alt"].map((one) => parts.includes(one));
  return { key: name, ctrlKey, metaKey, shiftKey, altKey };
}

/** A store with two regions, and a way to press keys in it. */
function made() {
  /** @type {string[]} */
  const focused = [];
  const store = new Store({ onEdit: () => {}, onAnnounce: () => {} });
  store.setPlan(arrive(EMPTY, "a cup (10,20),(30,40) (red), a hat (50,60),(70,80) (green)"));
  const focus = { phrase: () => focused.push("phrase"), leave: () => focused.push("leave") };
  const open = { menu: () => focused.push("menu"), keys: () => focused.push("keys") };
  const press = (/** @type {string[]} */ ...keys) => keys.map((key) => handleKey(store, pressed(key), { ...focus, ...open }));
  const labels = () => store.view.regions.map(({ label }) => label);
  return { store, press, focused, labels };
}

test("a letter means the same with Shift, and nothing with Ctrl unless the table says so", () => {
  assert.deepEqual(["l", "L", "Shift+L", "Alt+l"].map((key) => commandOf(pressed(key))), ["lock", "lock", "lock", "lock"]);
  assert.deepEqual(["Ctrl+l", "Ctrl+ArrowLeft", "Meta+Delete", "x", "constructor"].map((key) => commandOf(pressed(key))), Array(5).fill(null));
  assert.deepEqual(["Ctrl+d", "Meta+D"].map((key) => commandOf(pressed(key))), ["duplicate", "duplicate"]);
});

test("every key of the table is handled once a region is selected", () => {
  for (const key of Object.keys(KEYS)) {
    const { store, press } = made();
    store.select(0);
    const isNative = ["ctrl+c", "ctrl+x", "ctrl+v"].includes(key); // the browser does these
    assert.deepEqual(press(key.replace("ctrl+", "Ctrl+").replace("shift+", "Shift+")), [!isNative], key);
  }
});

test("arrows move the selected region, ten times as far with Shift, and resize it with Alt", () => {
  const { store, press } = made();
  press("PageDown", "ArrowRight", "Shift+ArrowDown");
  assert.deepEqual(store.view.regions[0].box, [11, 30, 31, 50]);
  press("Alt+ArrowLeft", "Alt+Shift+ArrowDown");
  assert.deepEqual(store.view.regions[0].box, [11, 30, 30, 60]);
  press("ArrowUp", "ArrowLeft");
  assert.deepEqual(store.view.regions[0].box, [10, 29, 29, 59]);
});

test("arrows without a selection change nothing and still do not leave the canvas", () => {
  const { store, press } = made();
  const { plan } = store.state;
  assert.deepEqual([press("ArrowRight"), store.state.plan], [[true], plan]);
});

test("a locked region stays where it is", () => {
  const { store, press } = made();
  press("PageDown", "l", "ArrowRight", "Delete");
  assert.deepEqual([store.view.regions[0].locked, store.view.regions[0].box], [true, [10, 20, 30, 40]]);
  press("l");
  assert.equal(store.state.plan.flags[0].locked, false);
});

test("keys hide, reorder, duplicate and remove", () => {
  const { store, press, labels } = made();
  press("PageDown", "h", "]");
  assert.deepEqual([store.view.regions[0].hidden, store.view.order], [true, [1, 0]]);
  press("[", "h", "Ctrl+d");
  assert.deepEqual([labels(), store.view.selected, store.view.order], [["a cup", "a hat", "a cup"], 2, [0, 1, 2]]);
  press("Delete", "Backspace");
  assert.deepEqual(labels(), ["a cup"]);
});

test("N and Enter place a box in the middle, and Enter alone goes to the phrase", () => {
  const { store, press, focused } = made();
  assert.deepEqual(press("Enter"), [false]);
  press("n");
  assert.equal(store.view.mode, "draw");
  press("Enter");
  assert.deepEqual([store.view.mode, store.view.draft], ["ask", [350, 350, 649, 649]]);
  store.answer("a dog");
  assert.deepEqual([press("Enter"), focused], [[true], ["phrase"]]);
});

test("Escape leaves one thing at a time: a drag, drawing, the selection, at last the canvas", () => {
  const { store, press, focused } = made();
  press("PageUp", "n");
  store.set({ drag: { index: -1, handle: null, from: [0, 0], box: null, group: [] }, draft: [1, 1, 20, 20] });
  press("Escape");
  assert.deepEqual([store.view.drag, store.view.draft, store.view.mode, store.view.selected], [null, null, "draw", 1]);
  press("Escape");
  assert.deepEqual([store.view.mode, store.view.selected], ["select", 1]);
  press("Escape");
  assert.deepEqual([store.view.selected, focused], [-1, []]);
  press("Escape");
  assert.deepEqual(focused, ["leave"]);
});

test("while the model writes, keys change nothing", () => {
  const { store, press } = made();
  store.setPlan(setLocked(store.state.plan, 0, true));
  const { plan } = store.state;
  store.setStreaming("a dog (1,2),(3,4)");
  press("PageDown", "ArrowRight", "Delete", "l", "h", "]", "Ctrl+d");
  assert.equal(store.state.plan, plan);
});

test("letters without a meaning are kept from ComfyUI, its own keys are not", () => {
  assert.deepEqual(["r", "?", " ", "M", "é", "Delete", "Backspace", "Ctrl+c", "Ctrl+x", "Ctrl+v"].filter((key) => !isKept(pressed(key))), []);
  assert.deepEqual(["Ctrl+z", "Ctrl+s", "Ctrl+Enter", "Tab", "F5", "Ctrl+m"].filter((key) => isKept(pressed(key))), []);
});

test("keys work on all selected regions, and Ctrl+A selects them", () => {
  const { store, press, labels } = made();
  press("Ctrl+a", "ArrowRight", "Alt+ArrowDown", "l", "ArrowRight", "l");
  assert.deepEqual(store.view.regions.map(({ box, locked }) => [box, locked]), [[[11, 20, 31, 41], false], [[51, 60, 71, 81], false]]);
  press("Ctrl+d");
  assert.deepEqual([labels(), store.view.selection], [["a cup", "a hat", "a cup", "a hat"], [2, 3]]);
  press("Delete");
  assert.deepEqual(labels(), ["a cup", "a hat"]);
});

test("the menu opens by its key and by Shift+F10, and F10 alone is not ours", () => {
  const { press, focused } = made();
  assert.deepEqual([press("ContextMenu", "Shift+F10", "F10", "?"), focused], [[true, true, false, true], ["menu", "menu", "keys"]]);
});

test("the table of keys shows every key", () => {
  const shown = keyRows().flatMap(({ keys }) => keys);
  const own = Object.keys(KEYS).map((key) => key.toLowerCase());
  assert.ok(own.length + 6 <= shown.length, shown.join());
  assert.deepEqual(["↑", "Page Down", "N", "Ctrl+X", "Menu", "Shift+F10", "?", "[", "Ctrl+Z"].filter((key) => !shown.includes(key)), []);
});
