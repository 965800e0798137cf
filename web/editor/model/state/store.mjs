// @ts-check
// The state of one editor: the plan, and how the person looks at it (selection, mode, drag, background, pause, ...).
// Every change goes through a method here; views subscribe and render what `view` returns. Pure: no DOM.

import { readText } from "../chain/chain.mjs";
import { guideOf } from "../plan/guides.mjs";
import { addRegion, EMPTY, replacePlan } from "../plan/plan.mjs";
import { NONE } from "../runs/history.mjs";
import { chainOf } from "../runs/proposal.mjs";
import { bounded, NOTHING, selectionFrom, selectionOf, toggled } from "./selection.mjs";

/** @typedef {import("../plan/plan.mjs").Plan} Plan */
/** @typedef {import("../chain/chain.mjs").Box} Box */
/** @typedef {import("./geometry.mjs").Point} Point */
/**
 * A drag on the canvas. index: of the region that is held, -1 for none; from: where it began; box: of that region, or
 * around all regions that move with it, when the drag began; group: the regions that move; band: an area is selected;
 * click: what a press does that does not move.
 * @typedef {{index: number, handle: import("./geometry.mjs").Handle | null, from: Point, box: Box | null,
 *   group: readonly import("../plan/arrange.mjs").Placed[], band?: boolean, moved?: boolean, click?: () => void}} Drag
 */
/**
 * @typedef {object} State
 * @property {Plan} plan as the workflow keeps it
 * @property {Plan | null} change the plan with an edit that is still being made, by a drag or by typing
 * @property {string | null} streaming the text that the model has written so far, shown instead of the plan
 * @property {number} selected index of a region, -1 for none
 * @property {readonly number[]} others regions that are selected beside it
 * @property {number} hovered index of the region under the pointer, -1 for none
 * @property {"select" | "draw" | "ask"} mode draw: the next drag draws a region, also over others; ask: the drawn box
 *   needs a phrase
 * @property {Drag | null} drag
 * @property {Box | null} draft the box that is being drawn
 * @property {Box | null} band the area in which regions are being selected
 * @property {number} width of the image to be drawn, pixels
 * @property {number} height
 * @property {{source: string | null, result: string | null}} images that can be the background, as URLs
 * @property {"source" | "result" | "none" | ""} picked by the person as the background; "" for nothing yet
 * @property {CanvasImageSource | null} background once it is loaded
 * @property {CanvasImageSource | null} live what a sampler has drawn so far of the plan, shown as the background
 * @property {number} dim 0 shows the background as it is, 1 hides it
 * @property {boolean} mask darken the area outside the boxes
 * @property {boolean} snap
 * @property {number} grid units between the lines that boxes snap to
 * @property {boolean} large the editor is in its own window
 * @property {{end: number | null} | null} pause the run is paused; end: when it resumes, ms since 1970, null for no limit
 * @property {import("../runs/history.mjs").History} history earlier plans, newest first
 * @property {boolean} kept the workflow keeps the history
 * @property {boolean} comparing earlier plans are shown
 * @property {import("../runs/proposal.mjs").Proposal | null} proposal a plan that may replace this one
 * @property {Plan | null} replaced the plan with changes that a new plan replaced, until the next edit
 * @property {string | null} asking the answer to a wish, as far as it is written; null if nothing is asked for
 */
/** @typedef {import("../chain/colors.mjs").Color} Color */
/** @typedef {import("../plan/guides.mjs").Guide} Guide */
/** A region as the views show it. label: its phrase; box: in thousandths, null if it cannot be read.
 * @typedef {{box: Box | null, label: string, color: Color, locked: boolean, hidden: boolean} & Partial<Guide>} Region */
/**
 * What the views show: the state, and what follows from it. `plan` includes the change that is being made.
 * width, height: pixels, as the person chose them, else ownSize.
 * @typedef {State & {ownSize: [number, number], text: string, marks: readonly import("../chain/chain.mjs").Mark[],
 *   problems: readonly import("../chain/chain.mjs").Problem[], regions: readonly Region[], order: readonly number[],
 *   selection: readonly number[]}} View selection: all selected regions, in reading order
 */
/**
 * @typedef {object} Handlers
 * @property {(plan: Plan) => void} onEdit called once for each edit, not during a drag
 * @property {(message: Announcement, values?: Record<string, string>) => void} onAnnounce for a screen reader; an empty
 *   `name` is a region without a phrase
 */
/** @typedef {Extract<keyof import("../messages.mjs").Messages, `announce${string}`>} Announcement */

export const GRIDS = /** @type {const} */ ([10, 25, 50, 100]); // units: sizes of the grid to choose from

/** @type {State} */
const START = {
  plan: EMPTY,
  change: null,
  streaming: null,
  ...NOTHING,
  hovered: -1,
  mode: "select",
  drag: null,
  draft: null,
  band: null,
  width: 1024,
  height: 1024,
  images: { source: null, result: null },
  picked: "",
  background: null,
  live: null,
  dim: 0.35,
  mask: false,
  snap: true,
  grid: GRIDS[1],
  large: false,
  pause: null,
  history: NONE,
  kept: false,
  comparing: false,
  proposal: null,
  replaced: null,
  asking: null,
};

/** The state of one editor. `state` is what was set, `view` also what follows from it. */
export class Store {
  #state = START;
  #view = viewOf(START);
  /** @type {(() => void)[]} */
  #listeners = [];
  #handlers;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get state() {
    return this.#state;
  }

  get view() {
    return this.#view;
  }

  /** Call a listener after each change. @param {() => void} listener */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** @param {Partial<State>} change */
  set(change) {
    this.#state = { ...this.#state, ...change };
    Object.assign(this.#state, bounded(this.#state, regionsOf(this.#state).length));
    this.#view = viewOf(this.#state);
    for (const listener of this.#listeners) listener();
  }

  // ------------------------------------------------------------------------------------------------- from outside

  /** Show another plan. It is no edit. @param {Plan} plan */
  setPlan(plan) {
    if (plan.plan !== this.#state.plan.plan) this.cancelDrag(); // the dragged region is not part of it
    this.set({ plan, change: null });
  }

  /** @param {string | null} streaming */
  setStreaming(streaming) {
    if (streaming === this.#state.streaming) return;
    if (this.#state.streaming === null) this.cancelDrag();
    this.set({ streaming });
  }

  // -------------------------------------------------------------------------------------------------------- edits

  /** Show an edit that is still being made; null gives it up. @param {((plan: Plan) => Plan) | null} how */
  preview(how) {
    const { plan, change: shown } = this.#state;
    const change = how && how(plan);
    if (change && shown && change.text === shown.text && change.flags === shown.flags && change.order === shown.order && change.size === shown.size) return;
    this.set({ change });
  }

  /** Finish the edit that is being made. */
  commit() {
    if (this.#state.change) this.#accept(this.#state.change);
  }

  /** Edit the plan, unless the model is writing. @param {(plan: Plan) => Plan} how */
  change(how) {
    if (this.#state.streaming !== null) return;
    this.commit();
    this.#accept(how(this.#state.plan));
  }

  /** Edit the region that was selected last. @param {(plan: Plan, index: number) => Plan} how */
  changeSelected(how) {
    this.change((plan) => how(plan, this.#state.selected));
  }

  /** Edit all selected regions, as one edit. @param {(plan: Plan, indices: readonly number[]) => Plan} how */
  changeAll(how) {
    const indices = selectionOf(this.#state);
    if (indices.length) this.change((plan) => how(plan, indices));
  }

  /** @param {Plan} plan */
  #accept(plan) {
    const { plan: before, selected: index, others } = this.#state;
    if (plan === before) return this.set({ change: null });
    const [old, count] = [before.flags.length, plan.flags.length];
    const added = Array.from({ length: Math.max(0, count - old) }, (_, i) => old + i);
    const selection = added.length ? selectionFrom(added) : { selected: Math.min(index, count - 1), others: count < old ? [] : others };
    this.set({ plan, change: null, ...selection, replaced: null });
    if (others.length || added.length > 1) this.#handlers.onAnnounce("announceSeveral", { count: String(Math.max(others.length + 1, added.length)) });
    else this.#announceEdit(before, index, selection.selected);
    this.#handlers.onEdit(plan);
  }

  /** @param {Plan} before @param {number} index that was selected then @param {number} selected now */
  #announceEdit(before, index, selected) {
    const { plan } = this.#state;
    const more = plan.flags.length - before.flags.length;
    if (more > 0) return this.#announce("announceAdded", plan, selected);
    if (more < 0) return this.#announce("announceRemoved", before, index);
    const flagged = plan.flags.findIndex((flags, i) => JSON.stringify(flags) !== JSON.stringify(before.flags[i]));
    if (flagged >= 0) return this.#announceFlags(before.flags[flagged], plan, flagged);
    const placed = plan.order.find((region, place) => region !== before.order[place]);
    if (placed === undefined || plan.text !== before.text) return this.#announce("announceMoved", plan, selected);
    this.#announce("announcePlaced", plan, selected >= 0 ? selected : placed);
  }

  /** @param {import("../plan/plan.mjs").Flags} old @param {Plan} plan @param {number} index of the region with other flags */
  #announceFlags(old, plan, index) {
    const { locked, hidden, off } = plan.flags[index];
    if (locked !== old.locked) this.#announce(locked ? "announceLocked" : "announceUnlocked", plan, index);
    else if (hidden !== old.hidden) this.#announce(hidden ? "announceHidden" : "announceShown", plan, index);
    else if (off !== old.off) this.#announce(off ? "announceOff" : "announceOn", plan, index);
    else this.#announce("announceGuide", plan, index);
  }

  /** @param {Announcement} message @param {Plan} plan @param {number} index of a region; of none: announces nothing */
  #announce(message, plan, index) {
    const mark = readText(plan.text).marks[index];
    if (mark) this.#handlers.onAnnounce(message, { name: mark.phrase, box: String(mark.box ?? ""), ...placeIn(plan, index) });
  }

  // ---------------------------------------------------------------------------------------------------- selection

  /** Select one region alone. @param {number} index */
  select(index) {
    if (index === this.#state.selected && !this.#state.others.length) return;
    this.set({ selected: index, others: [] });
    this.#announce("announceSelected", this.#state.plan, index);
  }

  /** Select a region beside the others, or no longer. @param {number} index */
  toggle(index) {
    this.#selectMany(toggled(this.#state, index));
  }

  /** Select these regions, the last one as the one that the fields show. @param {readonly number[]} indices */
  selectAll(indices = this.#state.plan.flags.map((_, index) => index)) {
    this.#selectMany(selectionFrom(indices));
  }

  /** @param {import("./selection.mjs").Selection} selection */
  #selectMany(selection) {
    this.set({ ...selection });
    const count = selectionOf(selection).length;
    if (count === 1) this.#announce("announceSelected", this.#state.plan, selection.selected);
    else this.#handlers.onAnnounce("announceSelection", { count: String(count) });
  }

  /** Select the next region in reading order, or the one before; from the last to the first. @param {1 | -1} by */
  selectNext(by) {
    const { plan, selected } = this.#state;
    const count = plan.flags.length;
    if (count) this.select(selected < 0 ? (by > 0 ? 0 : count - 1) : (selected + by + count) % count);
  }

  // ------------------------------------------------------------------------------------------------------ drawing

  /** The next drag draws a new region, or no longer. @param {boolean} on */
  setDrawing(on) {
    this.set({ mode: on ? "draw" : "select", draft: null });
    if (on) this.#handlers.onAnnounce("announceDrawing");
  }

  /** Ask for the phrase of a drawn box. @param {Box} draft */
  ask(draft) {
    this.set({ mode: "ask", draft });
  }

  /** The drawn box becomes a region; "" removes it. @param {string} phrase */
  answer(phrase) {
    const { draft } = this.#state;
    this.set({ mode: "select", draft: null });
    if (draft && phrase) this.change((plan) => addRegion(plan, phrase, draft));
  }

  // ----------------------------------------------------------------------------------------------- another plan

  /** The proposed plan replaces this one, as one edit, if it can be drawn. */
  acceptProposal() {
    const { proposal, streaming } = this.#state;
    const text = chainOf(proposal);
    if (text === null || streaming !== null) return;
    this.set({ proposal: null });
    this.change((plan) => replacePlan(plan, text, proposal?.flags));
    this.#handlers.onAnnounce("announceReplaced");
  }

  /** The person's changes that a new plan replaced come back in its place, as one edit. */
  undoReplacement() {
    const { replaced } = this.#state;
    if (replaced) this.change((plan) => replacePlan(plan, replaced.text, replaced.flags));
  }

  /** Give up what is being dragged or drawn. @returns {boolean} whether there was such a drag */
  cancelDrag() {
    if (!this.#state.drag) return false;
    this.set({ drag: null, draft: null, band: null, change: null });
    return true;
  }
}

/** The background that is shown, and what the person can choose from. @param {Pick<State, "images" | "picked">} state */
export function backgroundOf({ images, picked }) {
  const kinds = /** @type {const} */ (["source", "result"]).filter((kind) => images[kind]);
  /** @type {"source" | "result" | "none"} */
  const kind = picked === "none" || (picked && images[picked]) ? picked : (kinds[0] ?? "none");
  return { kinds, kind, url: kind === "none" ? null : images[kind] };
}

/** @param {Plan} plan @param {number} index */
function placeIn({ order }, index) {
  return { place: String(order.indexOf(index) + 1), count: String(order.length) };
}

/** @param {State} state */
function regionsOf({ streaming, change, plan }) {
  return readText(streaming ?? (change ?? plan).text).marks;
}

/** @param {State} state @returns {View} */
function viewOf(state) {
  const { streaming } = state;
  const plan = state.change ?? state.plan;
  const text = streaming ?? plan.text;
  const { marks, problems } = readText(text);
  const flags = streaming === null ? plan.flags : [];
  const regions = marks.map(({ box, phrase, color }, i) => ({
    box,
    label: phrase,
    color,
    locked: flags[i]?.locked ?? false,
    hidden: flags[i]?.hidden ?? false,
    ...guideOf(flags[i]),
  }));
  const isOrdered = streaming === null && plan.order.length === regions.length;
  const order = isOrdered ? plan.order : regions.map((_, i) => i);
  const background = (state.picked !== "none" && state.live) || state.background;
  const { selected, others } = streaming === null ? state : NOTHING;
  const selection = selectionOf({ selected, others });
  const [width, height] = plan.size ?? [state.width, state.height];
  const size = { width, height, ownSize: /** @type {[number, number]} */ ([state.width, state.height]) };
  return { ...state, ...size, plan, text, marks, problems, regions, order, background, selected, others, selection };
}
