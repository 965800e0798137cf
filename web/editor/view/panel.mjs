// @ts-check
// The editor as one element: toolbar, canvas, list, fields, text. Holds what is looked at, not what is saved: every
// change of the plan is a function of plan.mjs and is told by onChange. No ComfyUI in it, and nothing happens on import.

import { readText } from "../model/chain.mjs";
import { createComparison } from "./comparison.mjs";
import { freshId, iconButton, keepKeys, make, relabel } from "./dom.mjs";
import { moveBox, resizeBox } from "../model/geometry.mjs";
import { addRegion, backToPlan, bringForward, duplicateRegion, EMPTY, isEdited, moveRegion } from "../model/plan.mjs";
import { removeRegion, sendBack, setHidden, setLocked, typeText } from "../model/plan.mjs";
import { createRegions } from "./regions.mjs";
import { createSentence } from "./sentence.mjs";
import { createStage } from "./stage.mjs";
import { fill } from "../model/messages.mjs";

/** @typedef {import("../model/plan.mjs").Plan} Plan */
/** @typedef {import("../model/chain.mjs").Box} Box */
/** @typedef {import("../model/history.mjs").History} History */
/** @typedef {import("../model/messages.mjs").Words} Words */
/**
 * What the parts of the panel show. Made anew for every change.
 * @typedef {object} View
 * @property {Plan} plan @property {string} text @property {readonly import("../model/chain.mjs").Mark[]} marks
 * @property {readonly import("../model/chain.mjs").Problem[]} problems
 * @property {readonly import("./drawing.mjs").Shown[]} shown @property {readonly number[]} order
 * @property {number} selected -1 for none @property {number} width @property {number} height of the picture
 * @property {HTMLImageElement | null} background @property {number} dim @property {boolean} mask
 * @property {boolean} snap @property {boolean} drawing @property {string | null} streaming
 */
/**
 * What the parts may do.
 * @typedef {object} Actions
 * @property {(index: number) => void} select
 * @property {(how: ((plan: Plan) => Plan) | null) => void} preview show a change that is still being made; null: none
 * @property {() => void} commit take the change that is being made
 * @property {(how: (plan: Plan) => Plan) => void} change
 * @property {(phrase: string, box: Box) => void} add
 * @property {(on: boolean) => void} draw the next drag on the canvas draws a new region, also over others
 * @property {() => void} focusPhrase
 * @property {(text: string, loud?: boolean) => void} say to a screen reader; loud: also on screen
 */
/**
 * @typedef {object} Options
 * @property {Words} words
 * @property {(plan: Plan) => void} onChange once for each edit, not while something is dragged
 * @property {(large: boolean) => void} onLarge
 * @property {() => void} onResume
 * @property {(history: History) => void} onHistory
 * @property {(keep: boolean) => void} onKeep
 */

/** @param {Options} options */
export function createPanel({ words, onChange, onLarge, onResume, onHistory, onKeep }) {
  const ended = new AbortController();
  const { signal } = ended;

  let plan = EMPTY;
  /** @type {Plan | null} */
  let changing = null;
  /** @type {string | null} */
  let streaming = null;
  /** @type {{source: string | null, result: string | null}} */
  let pictures = { source: null, result: null };
  /** @type {"source" | "result" | "none" | ""} */
  let picked = ""; // by the person; else the source, or the result if there is no source
  /** @type {string | null} */
  let wanted = null; // url of the picture that is to lie behind, loaded or not
  /** @type {HTMLImageElement | null} */
  let background = null;
  const view = { selected: -1, width: 1, height: 1, dim: 0.35, mask: false, snap: true, drawing: false };
  let isLarge = false;

  // ------------------------------------------------------------------------------------------------ actions

  /** @type {Actions} */
  const act = {
    select: (index) => {
      if (index === view.selected) return;
      view.selected = index;
      const name = nameOf(index);
      if (name) act.say(fill(words.saidSelected, { name }));
      render();
    },
    preview: (how) => {
      changing = how && how(plan);
      render();
    },
    commit: () => {
      const done = changing;
      changing = null;
      if (done) accept(done);
    },
    change: (how) => {
      if (streaming !== null) return;
      act.commit();
      accept(how(plan));
    },
    add: (phrase, box) => act.change((now) => addRegion(now, phrase, box)),
    draw: (on) => {
      view.drawing = on;
      if (on) act.say(words.saidDrawing);
      render();
    },
    focusPhrase: () => regions.focusPhrase(),
    say: (text, loud = false) => {
      status.textContent = text;
      status.classList.toggle("got-loud", loud);
      if (loud) setTimeout(() => status.classList.remove("got-loud"), 4000);
    },
  };

  /** @param {Plan} next */
  function accept(next) {
    if (next === plan) return render();
    const before = plan;
    const [was, is] = [before.flags.length, next.flags.length];
    plan = next;
    if (is > was) view.selected = is - 1;
    else if (is < was) view.selected = Math.min(view.selected, is - 1);
    announce(before, is - was);
    render();
    onChange(plan);
  }

  /** @param {Plan} before @param {number} more */
  function announce(before, more) {
    const [old, now] = [before.flags[view.selected], plan.flags[view.selected]];
    const name = nameOf(view.selected);
    if (more) act.say(fill(more > 0 ? words.saidAdded : words.saidRemoved, { name }));
    else if (old?.locked !== now?.locked) act.say(fill(now?.locked ? words.saidLocked : words.saidUnlocked, { name }));
    else if (old?.hidden !== now?.hidden) act.say(fill(now?.hidden ? words.saidHidden : words.saidShown, { name }));
    else if (name) act.say(fill(words.saidMoved, { name, box: String(readText(plan.text).marks[view.selected]?.box ?? "") }));
  }

  /** @param {number} index */
  function nameOf(index) {
    const mark = readText(plan.text).marks[index];
    return mark ? mark.phrase || words.unnamed : "";
  }

  // --------------------------------------------------------------------------------------------------- keys

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    if (!handleKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key meant something here */
  function handleKey(event) {
    const index = view.selected;
    const box = readText(plan.text).marks[index]?.box;
    const key = event.key.toLowerCase();
    const command = event.ctrlKey || event.metaKey;
    const arrow = ARROWS[event.key];
    if (arrow && !command) {
      const far = event.shiftKey ? 10 : 1;
      const [dx, dy] = [arrow[0] * far, arrow[1] * far];
      if (box) act.change((now) => moveRegion(now, index, event.altKey ? resizeBox(box, "se", dx, dy) : moveBox(box, dx, dy)));
      return true;
    }
    if (command) return key === "d" && did(() => act.change((now) => duplicateRegion(now, index)));
    switch (key) {
      case "escape":
        return did(leave);
      case "enter":
        return view.drawing ? did(stage.drawInMiddle) : index >= 0 && did(regions.focusPhrase);
      case "pagedown":
      case "pageup": {
        const count = plan.flags.length;
        return did(() => count && act.select((index + (key === "pagedown" ? 1 : count + (index < 0 ? 0 : -1))) % count));
      }
      case "delete":
      case "backspace":
        return did(() => act.change((now) => removeRegion(now, index)));
      case "l":
        return did(() => act.change((now) => setLocked(now, index, !now.flags[index]?.locked)));
      case "h":
        return did(() => act.change((now) => setHidden(now, index, !now.flags[index]?.hidden)));
      case "n":
        return did(() => act.draw(true));
      case "]":
        return did(() => act.change((now) => bringForward(now, index)));
      case "[":
        return did(() => act.change((now) => sendBack(now, index)));
    }
    return false;
  }

  /** Leave what is going on, one thing at a time; at last the canvas. */
  function leave() {
    if (stage.giveUp()) return;
    if (view.drawing) act.draw(false);
    else if (view.selected >= 0) act.select(-1);
    else /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
  }

  // ----------------------------------------------------------------------------------------------- elements

  const help = make("p", { className: "got-unseen", id: freshId("help") }, words.canvasHelp);
  const status = make("p", { className: "got-status", role: "status", "aria-live": "polite" });
  const stage = createStage(words, act, signal, { help: help.id, onKey });
  const regions = createRegions(words, act, signal, onKey);
  const sentence = createSentence(words, act, signal);
  const comparison = createComparison(words, signal, {
    onUse: (text) => act.change((now) => typeText(now, text)),
    onHistory,
    onKeep,
  });

  const drawButton = iconButton("draw", words.draw, () => (act.draw(!view.drawing), stage.focus()), signal);
  const backButton = iconButton("back", words.backToPlan, () => act.change(backToPlan), signal);
  const snapButton = iconButton("snap", words.snap, () => ((view.snap = !view.snap), render()), signal);
  const maskButton = iconButton("mask", words.mask, () => ((view.mask = !view.mask), render()), signal);
  const largeButton = iconButton("large", words.large, () => onLarge(!isLarge), signal);
  const historyButton = iconButton("history", words.history, toggleHistory, signal);
  const choice = make("select", { className: "got-choice", title: words.behind, "aria-label": words.behind });
  const dim = make("input", { type: "range", min: "0", max: "100", title: words.dim, "aria-label": words.dim });
  const edited = make("span", { className: "got-edited" }, words.edited);
  const gap = make("span", { className: "got-gap" });
  const toolbar = make("div", { className: "got-row got-toolbar", role: "toolbar", "aria-label": words.toolbar });
  toolbar.append(drawButton, snapButton, maskButton, choice, dim, gap, edited, backButton, historyButton, largeButton);

  choice.addEventListener("change", () => ((picked = /** @type {any} */ (choice.value)), showPicture()), { signal });
  dim.addEventListener("input", () => ((view.dim = dim.valueAsNumber / 100), render()), { signal });
  keepKeys(dim, signal);
  keepKeys(choice, signal);

  const said = make("span");
  const resume = make("button", { type: "button", className: "got-primary" }, words.resume);
  const bar = make("div", { className: "got-row got-bar", hidden: true, role: "status" }, said, resume);
  resume.addEventListener("click", () => (settle(), onResume()), { signal });

  const left = make("div", { className: "got-main" }, stage.element, regions.element);
  const element = make("div", { className: "got-editor", role: "group", "aria-label": words.editor });
  element.append(toolbar, bar, left, sentence.element, comparison.element, status, help);
  for (const kind of ["pointerdown", "pointermove", "pointerup", "mousedown", "dblclick", "contextmenu"])
    element.addEventListener(kind, (event) => event.stopPropagation(), { signal });
  element.addEventListener("wheel", keepWheel, { signal, passive: true });

  /** Lists and texts that can scroll keep the wheel; elsewhere it zooms the graph. @param {WheelEvent} event */
  function keepWheel(event) {
    const part = /** @type {Element} */ (event.target).closest(".got-list, .got-typed, .got-history");
    if (part && part.scrollHeight > part.clientHeight) event.stopPropagation();
  }

  function toggleHistory() {
    const open = comparison.element.hidden;
    comparison.show(open);
    element.classList.toggle("got-comparing", open);
    historyButton.setAttribute("aria-pressed", String(open));
  }

  // ---------------------------------------------------------------------------------------------- rendering

  function render() {
    const shownPlan = changing ?? plan;
    const text = streaming ?? shownPlan.text;
    const { marks, problems } = readText(text);
    const flags = streaming === null ? shownPlan.flags : [];
    const shown = marks.map(({ box, phrase, color }, i) => ({
      box,
      label: phrase,
      color,
      locked: flags[i]?.locked ?? false,
      hidden: flags[i]?.hidden ?? false,
    }));
    const order = streaming === null && shownPlan.order.length === shown.length ? shownPlan.order : shown.map((_, i) => i);
    if (view.selected >= shown.length) view.selected = -1;
    const selected = streaming === null ? view.selected : -1;
    /** @type {View} */
    const now = { ...view, plan: shownPlan, text, marks, problems, shown, order, selected, background, streaming };
    stage.render(now);
    regions.render(now);
    sentence.render(now);
    renderToolbar(shownPlan);
  }

  /** @param {Plan} shownPlan */
  function renderToolbar(shownPlan) {
    press(drawButton, view.drawing);
    press(snapButton, view.snap);
    press(maskButton, view.mask);
    maskButton.hidden = dim.hidden = background === null;
    const isChanged = isEdited(shownPlan) && shownPlan.plan !== "";
    backButton.disabled = !isChanged;
    edited.hidden = !isChanged;
    relabel(largeButton, isLarge ? "small" : "large", isLarge ? words.small : words.large);
    if (dim.value !== String(Math.round(view.dim * 100))) dim.value = String(Math.round(view.dim * 100));
    element.dataset.notice = plan.notice ? words[plan.notice] : "";
  }

  /** @param {HTMLElement} button @param {boolean} on */
  function press(button, on) {
    button.setAttribute("aria-pressed", String(on));
  }

  // ------------------------------------------------------------------------------ the picture behind, the bar

  function showPicture() {
    const kinds = /** @type {const} */ (["source", "result"]).filter((kind) => pictures[kind]);
    /** @type {"source" | "result" | "none"} */
    const kind = picked === "none" || (picked && pictures[picked]) ? picked : (kinds[0] ?? "none");
    choice.replaceChildren(...[...kinds, "none"].map((value) => make("option", { value }, words[OFFERS[value]])));
    choice.value = kind;
    choice.hidden = !kinds.length;
    const url = kind === "none" ? null : pictures[kind];
    if (url !== wanted) load(url);
    render();
  }

  /** @param {string | null} url */
  function load(url) {
    wanted = url;
    if (!url) return (background = null);
    const picture = new Image();
    const arrived = () => {
      if (signal.aborted || wanted !== url) return;
      background = picture;
      render();
    };
    picture.addEventListener("load", arrived, { once: true });
    picture.src = url;
  }

  let clock = 0;
  /** @param {{seconds: number | null} | null} wait */
  function setWaiting(wait) {
    clearInterval(clock);
    const end = wait && wait.seconds !== null ? Date.now() + wait.seconds * 1000 : null;
    const tell = () => {
      const left = end === null ? 0 : Math.max(0, Math.round((end - Date.now()) / 1000));
      const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      said.textContent = end === null ? words.waiting : fill(words.waitingFor, { time });
    };
    bar.hidden = !wait;
    resume.hidden = !wait;
    if (!wait) return;
    tell();
    if (end !== null) clock = setInterval(tell, 1000);
  }
  signal.addEventListener("abort", () => clearInterval(clock));

  /** What is being typed or carried counts now. */
  function settle() {
    sentence.settle();
    act.commit();
  }

  render();
  return {
    element,
    settle,
    /** Show a plan instead of the one that was settled; onChange is not called. @param {Plan} next */
    set: (next) => {
      if (next.plan !== plan.plan) stage.giveUp(); // the region that is carried is none of its
      changing = null;
      plan = next;
      render();
    },
    /** The text that the model has written so far, instead of the plan; null: the plan again.
     * @param {string | null} text */
    setStreaming: (text) => {
      if (text === streaming) return;
      if (streaming === null) stage.giveUp();
      streaming = text;
      if (resume.hidden) {
        bar.hidden = text === null;
        said.textContent = text === null ? "" : words.streaming;
      }
      render();
    },
    setWaiting,
    /** Width and height of the picture to be made. @param {number} width @param {number} height */
    setSize: (width, height) => {
      Object.assign(view, { width, height });
      render();
    },
    /** What can lie behind the boxes, as URLs. @param {typeof pictures} now */
    setBackgrounds: (now) => {
      pictures = now;
      showPicture();
    },
    setHistory: comparison.set,
    /** @param {boolean} large */
    setLarge: (large) => {
      isLarge = large;
      element.classList.toggle("got-large", large);
      render();
    },
    select: act.select,
    selected: () => view.selected,
    destroy: () => ended.abort(),
  };
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {Record<string, "behindSource" | "behindResult" | "behindNothing">} */
const OFFERS = { source: "behindSource", result: "behindResult", none: "behindNothing" };

/** @param {() => void} act */
function did(act) {
  act();
  return true;
}
