// @ts-check
// The editor as one element: toolbar, canvas, list, fields, text, earlier plans. Makes the store and the views that
// render from it. No ComfyUI in it, and nothing happens on import.

import { typeText } from "../model/plan/plan.mjs";
import { handleKey, isKept } from "../model/state/keys.mjs";
import { Store } from "../model/state/store.mjs";
import { BackgroundLoader } from "./canvas/background.mjs";
import { Stage } from "./canvas/stage.mjs";
import { Clipboard } from "./controls/clipboard.mjs";
import { ContextMenu } from "./controls/context_menu.mjs";
import { KeySheet } from "./controls/key_sheet.mjs";
import { SizeChoice } from "./controls/size_choice.mjs";
import { Announcer, ReplacedBar, StatusBar } from "./controls/status.mjs";
import { Toolbar } from "./controls/toolbar.mjs";
import { Comparison } from "./plans/comparison.mjs";
import { Incoming } from "./plans/incoming.mjs";
import { Layouts } from "./plans/layouts.mjs";
import { ProposalView } from "./plans/proposal.mjs";
import { Fields } from "./regions/fields.mjs";
import { GuideFields } from "./regions/guide_fields.mjs";
import { RegionList } from "./regions/region_list.mjs";
import { UnnamedBar } from "./regions/unnamed_bar.mjs";
import { freshId, make } from "./shared/dom.mjs";
import { Splitter } from "./shared/splitter.mjs";
import { FollowSelection } from "./text/follow.mjs";
import { Sentence } from "./text/sentence.mjs";
import { WishLine } from "./text/wish.mjs";

/** @typedef {import("../model/runs/history.mjs").History} History */
/** @typedef {import("../model/state/store.mjs").View} View */
/**
 * @typedef {object} Options
 * @property {import("../model/messages.mjs").Messages} messages
 * @property {(plan: import("../model/plan/plan.mjs").Plan) => void} onEdit once for each edit, not during a drag
 * @property {(large: boolean) => void} onLarge
 * @property {() => void} onResume
 * @property {() => void} onRun
 * @property {(history: History) => void} onHistory
 * @property {(keep: boolean) => void} onKeep
 * @property {import("./plans/incoming.mjs").Read} onRead a plan in any form
 * @property {(wish: string) => void} onWish
 * @property {import("./regions/guide_fields.mjs").ListLoras} onLoras
 * @property {import("./regions/palette.mjs").Settings} [settings] of the person; without them nothing is remembered
 * @property {import("./plans/layouts.mjs").UserFile} [layouts] the person's layouts
 */
/**
 * What every view is made with.
 * @typedef {object} Context
 * @property {Store} store
 * @property {import("../model/messages.mjs").Messages} messages
 * @property {AbortSignal} signal aborted when the panel is destroyed
 * @property {Announcer} announcer
 * @property {(event: KeyboardEvent) => void} onKey for the canvas and the list
 * @property {import("../model/state/keys.mjs").Focus} focus
 * @property {import("./regions/palette.mjs").Settings} settings
 */

const SCROLLING = ".got-list, .got-details, .got-typed, .got-problems, .got-history, .got-proposal";
const SIDE = { name: "side", least: 150, most: 420, usual: 190 }; // pixels of the list and the fields, in the node
const WIDE_SIDE = { name: "wide-side", least: 220, most: 640, usual: 340 }; // and in the window
const OWN_EVENTS = ["pointerdown", "pointermove", "pointerup", "mousedown", "dblclick", "contextmenu"];

/** The editor. `element` is its root, `store` its state. `destroy` ends all that it listens to. */
export class Panel {
  #ended = new AbortController();
  #sentence;
  #stage;
  #list;
  #toolbar;

  /** @param {Options} options */
  constructor({ messages, onEdit, onLarge, onResume, onRun, onHistory, onKeep, onRead, onWish, onLoras, settings = inMemory(), layouts: file = nowhere() }) {
    const { signal } = this.#ended;
    const announcer = new Announcer(messages);
    this.store = new Store({ onEdit, onAnnounce: (message, values) => announcer.announce(message, values) });
    const { store } = this;
    const leave = () => (store.state.large ? onLarge(false) : activeElement()?.blur());
    const focus = { phrase: () => fields.focusPhrase(), leave, menu: () => menu.open(), keys: () => sheet.show() };
    this.onKey = (/** @type {KeyboardEvent} */ event) => {
      const isHandled = handleKey(store, event, focus);
      if (isHandled) event.preventDefault();
      if (isHandled || isKept(event)) event.stopPropagation();
    };
    const { onKey } = this;
    /** @type {Context} */
    const context = { store, messages, signal, announcer, onKey, focus, settings };
    const help = make("p", { className: "got-unseen", id: freshId("help") }, messages.canvasHelp);
    const [run, onLayouts] = [() => (this.flush(), onRun()), (/** @type {HTMLElement} */ button) => void menu.openLayouts(button)];
    const stage = (this.#stage = new Stage(context, { help: help.id, onRun: run, onLayouts }));
    const focusCanvas = () => stage.focus();
    const list = (this.#list = new RegionList(context));
    const fields = new Fields(context);
    const guide = new GuideFields(context, onLoras);
    const toolbar = (this.#toolbar = new Toolbar(context, { onLarge, focusCanvas, onMore: (button) => menu.openBelow(button) }));
    const bar = new StatusBar(context, () => (this.flush(), onResume()));
    const size = new SizeChoice(context);
    const replaced = new ReplacedBar(context, focusCanvas);
    const comparison = new Comparison(context, { onUse: (text) => store.change((plan) => typeText(plan, text)), onHistory, onKeep });
    const sentence = (this.#sentence = new Sentence(context));
    const wish = new WishLine(context, (text) => (this.flush(), onWish(text)));
    const proposal = new ProposalView(context, {
      onSettings: ({ raw, typed }, settings) => incoming.offer(raw ?? "", typed, settings),
      onCancel: (asText) => incoming.cancel(asText),
      onClosed: (typed) => (typed ? sentence : stage).focus(),
    });

    const naming = new UnnamedBar(context);
    const sheet = new KeySheet(context, focusCanvas);
    const layouts = new Layouts(context, file, { focusCanvas, onNew: () => naming.next() });
    this.element = make("div", { className: "got-editor", role: "group", "aria-label": messages.editor });
    const handles = [SIDE, WIDE_SIDE].map((part) => new Splitter(context, this.element, part).element);
    const details = make("div", { className: "got-details" }, fields.element, guide.element);
    const regions = make("div", { className: "got-regions" }, list.element, details);
    const main = make("div", { className: "got-main" }, stage.element, ...handles, regions);
    const state = make("div", { className: "got-state" }, size.element, bar.element, replaced.element, naming.element);
    this.element.append(toolbar.element, state, proposal.element, main, sentence.element);
    this.element.append(wish.element, comparison.element, announcer.element, help, sheet.element);
    stage.element.append(layouts.element);
    this.#keepEvents(signal);
    const incoming = new Incoming(context, this.element, { read: onRead, insert: (text) => sentence.insert(text) });
    const clipboard = new Clipboard(context, this.element, (text) => incoming.offer(text, false));
    const menu = new ContextMenu(context, { stage, list, clipboard, layouts });

    const follow = new FollowSelection(sentence.element);
    const views = [new BackgroundLoader(context), stage, list, fields, guide, sentence, follow, toolbar, size, bar, replaced, naming];
    store.subscribe(() => {
      for (const view of [...views, comparison, wish, proposal]) view.render(store.view); // a view may change the state, for those after it too
      this.#render(store.view, messages);
    });
    this.#followGrid(settings);
  }

  /** What is being typed or dragged becomes an edit now. */
  flush() {
    this.#sentence.flush();
    this.store.commit();
  }

  /** The part that has the focus; null if it is elsewhere. @returns {"canvas" | "list" | null} */
  get focused() {
    const active = activeElement();
    if (!active || !this.element.contains(active)) return null;
    return this.#list.element.contains(active) ? "list" : "canvas";
  }

  /** The focus goes to the canvas, to the list, or to the button that opens the window. @param {"canvas" | "list" | "large"} part */
  focus(part) {
    if (part === "canvas") this.#stage.focus();
    else if (part === "list") this.#list.element.focus({ preventScroll: true });
    else this.#toolbar.focusLarge();
  }

  destroy() {
    if (this.focused) activeElement()?.blur(); // its element may stay on the page for some frames
    this.#ended.abort();
  }

  /** @param {View} view @param {import("../model/messages.mjs").Messages} messages */
  #render({ plan, large, comparing, proposal }, messages) {
    this.element.dataset.notice = plan.notice ? messages[plan.notice] : "";
    this.element.classList.toggle("got-large", large);
    this.element.classList.toggle("got-comparing", comparing);
    this.element.classList.toggle("got-deciding", proposal !== null);
  }

  /** The person may change it here, in another editor, or on ComfyUI's page of settings.
   * @param {import("./regions/palette.mjs").Settings} settings */
  #followGrid(settings) {
    const { store } = this;
    const setGrid = (/** @type {unknown} */ grid) => store.set({ grid: Number(grid) || store.state.grid });
    setGrid(settings.get("Grid"));
    settings.watch("Grid", setGrid, this.#ended.signal);
  }

  /** The graph below must not react to the pointer in the panel. @param {AbortSignal} signal */
  #keepEvents(signal) {
    for (const kind of OWN_EVENTS) this.element.addEventListener(kind, (event) => event.stopPropagation(), { signal });
    // ComfyUI has commands on plain letters. Fields keep all of their keys themselves.
    const keepLetters = (/** @type {KeyboardEvent} */ event) => isKept(event) && event.stopPropagation();
    for (const kind of /** @type {const} */ (["keydown", "keyup"])) this.element.addEventListener(kind, keepLetters, { signal });
    // Lists and texts that can scroll keep the wheel; elsewhere it zooms the graph.
    const keepWheel = (/** @type {WheelEvent} */ event) => {
      const part = /** @type {Element} */ (event.target).closest(SCROLLING);
      if (part && part.scrollHeight > part.clientHeight) event.stopPropagation();
    };
    this.element.addEventListener("wheel", keepWheel, { signal, passive: true });
  }
}

function activeElement() {
  return /** @type {HTMLElement | null} */ (document.activeElement);
}

/** @returns {import("./regions/palette.mjs").Settings} */
function inMemory() {
  const values = new Map();
  return { get: (name) => values.get(name), set: (name, value) => void values.set(name, value), watch: () => {} };
}

/** A file that is there as long as the panel. @returns {import("./plans/layouts.mjs").UserFile} */
function nowhere() {
  /** @type {string | null} */
  let text = null;
  return { name: "", read: async () => text, write: async (now) => void (text = now) };
}
