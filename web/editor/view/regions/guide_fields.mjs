// @ts-check
// How the selected region guides: on or off, its strength, its LoRA. Closed until a person opens it.

import { fill } from "../../model/messages.mjs";
import { LORA_STRENGTH, numberIn, sameGuide } from "../../model/plan/guides.mjs";
import { setGuide } from "../../model/plan/plan.mjs";
import { acceptByEnter, freshId, keepKeys, make, showValue } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").Region} Region */
/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {() => Promise<string[]>} ListLoras the names that the server lists */

const STEP = "0.05";

/** The fields for how a region guides. */
export class GuideFields {
  #store;
  #messages;
  #announcer;
  #listLoras;
  #on = make("input", { type: "checkbox" });
  #strength = make("input", { type: "number", min: "0", max: "1", step: STEP });
  #lora;
  #loraStrength;
  #names = make("datalist", { id: freshId("loras") });
  /** @type {readonly string[] | null} */
  #known = null; // LoRAs that the server lists; null before it was asked
  #last = -1; // the region that was shown before

  /** @param {import("../panel.mjs").Context} context @param {ListLoras} listLoras */
  constructor({ store, messages, signal, announcer }, listLoras) {
    this.#store = store;
    this.#messages = messages;
    this.#announcer = announcer;
    this.#listLoras = listLoras;
    this.#lora = make("input", { type: "text", list: this.#names.id, placeholder: messages.loraNone });
    const range = { min: String(-LORA_STRENGTH), max: String(LORA_STRENGTH) };
    this.#loraStrength = make("input", { type: "number", step: STEP, ...range });
    const rows = [
      make("label", { className: "got-row", title: messages.guideOnHelp }, this.#on, messages.guideOn),
      make("label", { title: messages.strengthHelp }, messages.strength, this.#strength),
      make("label", { title: messages.loraHelp }, messages.lora, this.#lora),
      make("label", { title: messages.loraStrengthHelp }, messages.loraStrength, this.#loraStrength),
    ];
    this.element = make("details", { className: "got-guide" }, make("summary", {}, messages.guide), ...rows, this.#names);
    this.#listen(signal);
  }

  /** @param {View} view */
  render({ regions, selected, streaming }) {
    const region = regions[selected];
    const isOther = this.#last !== selected;
    this.#last = selected;
    const isFree = Boolean(region) && streaming === null;
    for (const field of [this.#on, this.#strength, this.#lora]) field.disabled = !isFree;
    this.#loraStrength.disabled = !isFree || !region?.lora;
    if (region && isOther && !sameGuide(region, {})) this.element.open = true;
    if (region?.lora) this.#load();
    this.#show(region, isOther);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    /** @param {HTMLInputElement} field @param {() => void} change */
    const on = (field, change) => {
      field.addEventListener("change", () => (change(), this.#show(this.#selected, true)), { signal });
      keepKeys(field, signal);
      acceptByEnter(field, signal);
    };
    on(this.#on, () => this.#set({ off: !this.#on.checked }));
    on(this.#strength, () => this.#set({ strength: numberIn(this.#strength.value, 0, 1) ?? this.#selected?.strength }));
    on(this.#lora, () => this.#setLora());
    on(this.#loraStrength, () => {
      const [lora, strength] = [this.#selected?.lora, numberIn(this.#loraStrength.value, -LORA_STRENGTH, LORA_STRENGTH)];
      if (lora && strength !== null) this.#set({ lora: { ...lora, strength } });
    });
    this.element.addEventListener("toggle", () => this.element.open && this.#load(), { signal });
  }

  get #selected() {
    const { regions, selected } = this.#store.view;
    return regions[selected];
  }

  /** @param {Partial<import("../../model/plan/guides.mjs").Guide>} guide */
  #set(guide) {
    this.#store.changeSelected((plan, index) => setGuide(plan, index, guide));
  }

  /** The name in the field becomes the region's LoRA, if the server lists it. */
  #setLora() {
    const name = this.#lora.value.trim();
    if (!name) return this.#set({ lora: null });
    if (this.#isMissing(name)) return this.#announcer.announce("loraUnknown", { name }, true);
    this.#set({ lora: { name, strength: this.#selected?.lora?.strength ?? 1 } });
  }

  /** @param {string} name */
  #isMissing(name) {
    const plain = (/** @type {string} */ text) => text.replaceAll("\\", "/");
    return this.#known !== null && !this.#known.some((known) => plain(known) === plain(name));
  }

  /** Ask for the LoRAs, once. */
  async #load() {
    if (this.#known) return;
    this.#known = [];
    try {
      const names = await this.#listLoras();
      this.#names.replaceChildren(...names.map((value) => make("option", { value })));
      this.#known = names;
    } catch {
      this.#known = null; // the server is gone
    }
    this.#show(this.#selected, false);
  }

  /** @param {Region | undefined} region @param {boolean} always also in the field that is typed in */
  #show(region, always) {
    const { strength = 1, lora = null, off = false } = region ?? {};
    this.#on.checked = Boolean(region) && !off;
    showValue(this.#strength, region ? String(strength) : "", always);
    showValue(this.#lora, lora?.name ?? "", always);
    showValue(this.#loraStrength, lora ? String(lora.strength) : "", always);
    const missing = lora !== null && Boolean(this.#known?.length) && this.#isMissing(lora.name);
    this.#lora.setAttribute("aria-invalid", String(missing));
    this.#lora.title = missing ? fill(this.#messages.loraUnknown, { name: lora?.name ?? "" }) : this.#messages.loraHelp;
  }
}
