// @ts-check
// A proposed plan: what was understood, how it differs from the one that is shown, and whether it replaces it.

import { readText } from "../../model/chain/chain.mjs";
import { fill } from "../../model/messages.mjs";
import { chainOf, differences, lostLocks, ORDERS, UNITS } from "../../model/runs/proposal.mjs";
import { closeByKey, make, textButton } from "../shared/dom.mjs";
import { layout } from "./comparison.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/messages.mjs").Messages} Messages */
/** @typedef {import("../../model/runs/proposal.mjs").Proposal} Model */
/** @typedef {import("../../model/runs/proposal.mjs").Settings} Settings */
/**
 * @typedef {object} Actions
 * @property {(proposal: Model, settings: Settings) => void} onSettings read it again
 * @property {(asText: boolean) => void} onCancel
 * @property {(typed: boolean) => void} onClosed the focus can go back to the text (typed) or to the canvas
 */

/** Messages of what the server calls by its English name. @type {Record<string, keyof Messages>} */
const NAMES = {
  [ORDERS[1]]: "leftTopRightBottom",
  [ORDERS[2]]: "topLeftBottomRight",
  [ORDERS[3]]: "leftTopWidthHeight",
};
const SIDE = 160; // pixels of the two small layouts
const MOST_PIXELS = "16384";

/** A proposed plan beside the present one, and the buttons that replace it. */
export class ProposalView {
  #messages;
  #summary = make("p", { className: "got-summary", role: "status" });
  #hint = make("p", { className: "got-hint" });
  #fields;
  #settings;
  #pair = make("div", { className: "got-pair" });
  #list;
  #replace;
  #insert;
  #cancel;
  /** @type {Model | null} */
  #shown = null;
  #shownText = "";
  #isWaiting = false; // for the answer, which moves the focus

  /** @param {import("../panel.mjs").Context} context @param {Actions} actions */
  constructor({ store, messages, signal }, { onSettings, onCancel, onClosed }) {
    this.#messages = messages;
    this.#fields = settingFields(messages);
    this.#settings = make("div", { className: "got-row got-settings" });
    for (const name of SETTINGS) this.#settings.append(make("label", {}, messages[name], this.#fields[name]));
    this.#list = make("ul", { className: "got-differences", "aria-label": messages.differences });
    const close = (/** @type {() => void} */ how) => {
      const typed = this.#shown?.typed ?? false;
      how();
      onClosed(typed);
    };
    const cancel = () => close(() => onCancel(false));
    const replace = (this.#replace = textButton(messages.replace, () => close(() => store.acceptProposal()), signal, true));
    const insert = (this.#insert = textButton(messages.insert, () => close(() => onCancel(true)), signal));
    this.#cancel = textButton(messages.cancel, cancel, signal);
    const row = make("div", { className: "got-row" }, replace, insert, this.#cancel);
    this.element = make("section", { className: "got-proposal", hidden: true, "aria-label": messages.proposal });
    this.element.append(this.#summary, this.#hint, this.#settings, row, this.#pair, this.#list);
    const reread = () => this.#shown && onSettings(this.#shown, this.#chosen());
    this.#settings.addEventListener("change", reread, { signal });
    closeByKey(this.element, cancel, signal);
  }

  /** @param {View} view */
  render(view) {
    const { proposal, text } = view;
    if (proposal === this.#shown && text === this.#shownText) return;
    const isNew = proposal !== null && this.#shown === null;
    this.#shown = proposal;
    this.#shownText = text;
    this.element.hidden = proposal === null;
    if (!proposal) return;
    this.#renderSettings(proposal);
    this.#renderAnswer(proposal);
    this.#renderDifferences(view, chainOf(proposal));
    if (isNew) this.#isWaiting = true;
    if (isNew || this.#isWaiting) this.#focus(proposal);
    if (proposal.answer) this.#isWaiting = false;
  }

  /** @returns {Settings} */
  #chosen() {
    const { order, units, width, height } = this.#fields;
    const side = (/** @type {HTMLElement & {value: string}} */ field) => Math.max(0, Math.round(Number(field.value)) || 0);
    return { order: order.value, units: units.value, width: side(width), height: side(height) };
  }

  /** The settings that would help are marked. @param {Model} proposal */
  #renderSettings({ raw, settings, answer }) {
    this.#settings.hidden = !raw;
    const missing = answer && "settings" in answer ? answer.settings : [];
    for (const name of SETTINGS) {
      const field = this.#fields[name];
      const value = String(settings[name] || "");
      if (field.value !== value && field !== document.activeElement) field.value = value;
      field.setAttribute("aria-invalid", String(missing.includes(name)));
    }
  }

  /** @param {Model} proposal */
  #renderAnswer(proposal) {
    const { typed, answer } = proposal;
    const chain = chainOf(proposal);
    this.element.classList.toggle("got-refused", answer !== null && chain === null);
    this.#replace.hidden = chain === null;
    this.#insert.hidden = !typed;
    this.#summary.textContent = this.#summaryOf(proposal, chain);
    this.#hint.textContent = answer && "note" in answer && chain !== null ? answer.note : "";
  }

  /** @param {Model} proposal @param {string | null} chain */
  #summaryOf({ answer, raw, flags }, chain) {
    if (!answer) return this.#messages.reading;
    if ("error" in answer) return answer.error;
    if (chain === null) return this.#messages.noBox;
    const count = readText(chain).marks.length;
    if (raw === null) return fill(flags ? this.#messages.changes : this.#messages.answered, { count });
    const first = fill(this.#messages.understood, { count, form: answer.form });
    const [order, units] = [answer.order, answer.units].map((name) => this.#nameOf(name));
    return order && units ? `${first} ${fill(this.#messages.understoodNumbers, { order, units })}` : first;
  }

  /** @param {string} name of an order or a unit, as the server has it */
  #nameOf(name) {
    return this.#messages[NAMES[name] ?? /** @type {keyof Messages} */ (name)] ?? name;
  }

  /** @param {View} view @param {string | null} chain */
  #renderDifferences({ text, plan }, chain) {
    this.#pair.hidden = this.#list.hidden = chain === null;
    if (chain === null) return;
    const found = differences(text, chain, plan.flags);
    const lost = lostLocks(found);
    if (lost.length) this.#hint.textContent += ` ${fill(this.#messages.lostLocks, { names: lost.join(", ") })}`;
    const side = (/** @type {string} */ title, /** @type {string} */ shown) =>
      make("figure", {}, make("figcaption", {}, title), layout(shown, SIDE));
    this.#pair.replaceChildren(side(this.#messages.before, text), side(this.#messages.after, chain));
    this.#list.replaceChildren(...found.map((one) => this.#difference(one)));
  }

  /** @param {import("../../model/runs/proposal.mjs").Difference} difference */
  #difference({ kind, old, now, isLocked }) {
    const mark = /** @type {import("../../model/chain/chain.mjs").Mark} */ (now ?? old);
    const isRenamed = kind === "changed" && old && old.phrase !== mark.phrase;
    const phrase = isRenamed ? `${old.phrase} → ${mark.phrase}` : mark.phrase || this.#messages.unnamed;
    const name = make("span", {}, phrase, isLocked ? ` (${this.#messages.locked})` : "");
    const item = make("li", {}, make("b", {}, this.#messages[kind]), " ", name, " ", make("small", {}, placeOf(mark)));
    item.dataset.kind = kind;
    return item;
  }

  /** @param {Model} proposal */
  #focus({ raw, answer }) {
    const editor = this.element.closest(".got-editor");
    if (raw === null && !editor?.contains(document.activeElement)) return; // the person does something else meanwhile
    const missing = SETTINGS.find((name) => this.#fields[name].getAttribute("aria-invalid") === "true");
    const first = missing && !this.#settings.hidden ? this.#fields[missing] : this.#replace;
    (answer && !first.hidden ? first : this.#cancel).focus({ preventScroll: true });
  }
}

const SETTINGS = /** @type {const} */ (["order", "units", "width", "height"]);

/** @param {Messages} messages */
function settingFields(messages) {
  const choice = (/** @type {string[]} */ values, /** @type {string} */ label, /** @type {string} */ help) => {
    const options = values.map((value) =>
      make("option", { value }, messages[NAMES[value] ?? /** @type {keyof Messages} */ (value)]));
    return make("select", { title: help, "aria-label": label }, ...options);
  };
  const side = (/** @type {string} */ label, /** @type {string} */ help) =>
    make("input", { type: "number", min: "0", max: MOST_PIXELS, title: help, "aria-label": label });
  return {
    order: choice(ORDERS, messages.order, messages.orderHelp),
    units: choice(UNITS, messages.units, messages.unitsHelp),
    width: side(messages.width, messages.widthHelp),
    height: side(messages.height, messages.heightHelp),
  };
}

/** @param {import("../../model/chain/chain.mjs").Mark} mark */
function placeOf({ box, color }) {
  return box ? `(${box[0]},${box[1]}),(${box[2]},${box[3]}) ${color.word}` : "";
}
