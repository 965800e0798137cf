// @ts-check
// The choice of the image's size: the chain's own, a usual aspect ratio, or any width and height.

import { fill } from "../../model/messages.mjs";
import { setSize } from "../../model/plan/plan.mjs";
import { LARGEST, nearestSide, offeredSizes, SMALLEST, STEP } from "../../model/plan/sizes.mjs";
import { keepKeys, make, showValue } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */
/** @typedef {import("../../model/plan/sizes.mjs").Size} Size */

const CUSTOM = "custom";

/** The choice of the size. Sizes are in pixels. */
export class SizeChoice {
  #store;
  #messages;
  #choice;
  #sides;
  #offered = "";
  #isCustom = false; // the person wants to type a size

  /** @param {import("../panel.mjs").Context} context */
  constructor({ store, messages, signal }) {
    this.#store = store;
    this.#messages = messages;
    const named = { title: messages.sizeHelp, "aria-label": messages.size };
    this.#choice = make("select", { className: "got-choice", ...named });
    const number = { type: "number", min: String(SMALLEST), max: String(LARGEST), step: String(STEP) };
    const side = (/** @type {string} */ name) => make("input", { ...number, title: name, "aria-label": name });
    this.#sides = [side(messages.imageWidth), side(messages.imageHeight)];
    const times = make("span", { "aria-hidden": "true" }, "×");
    const custom = make("span", { className: "got-row" }, this.#sides[0], times, this.#sides[1]);
    this.element = make("div", { className: "got-row got-size" }, this.#choice, custom);
    this.#choice.addEventListener("change", () => this.#choose(), { signal });
    for (const field of this.#sides) field.addEventListener("change", () => this.#type(), { signal });
    for (const field of [this.#choice, ...this.#sides]) keepKeys(field, signal);
  }

  #choose() {
    const { value } = this.#choice;
    this.#isCustom = value === CUSTOM;
    const { width, height, ownSize } = this.#store.view;
    const offer = offeredSizes(ownSize).find(({ aspect }) => aspect === value);
    const size = this.#isCustom ? /** @type {Size} */ ([nearestSide(width), nearestSide(height)]) : (offer?.size ?? null);
    this.#store.change((plan) => setSize(plan, size));
    if (this.#isCustom) this.#sides[0].focus({ preventScroll: true });
  }

  /** A side becomes the nearest one that an image can have. */
  #type() {
    const { width, height } = this.#store.view;
    const typed = this.#sides.map((field) => field.valueAsNumber);
    const size = [width, height].map((side, i) => nearestSide(Number.isFinite(typed[i]) ? typed[i] : side));
    this.#store.change((plan) => setSize(plan, /** @type {Size} */ (size)));
    this.#show(this.#store.view, true);
  }

  /** @param {View} view */
  render(view) {
    this.#renderOffers(view.ownSize);
    this.#show(view, false);
  }

  /** @param {Size} own */
  #renderOffers(own) {
    if (this.#offered === String(own)) return;
    this.#offered = String(own);
    const option = (/** @type {string} */ value, /** @type {string} */ text) => make("option", { value }, text);
    const offers = offeredSizes(own).map(({ aspect, size }) => option(aspect, `${aspect} (${size.join(" × ")})`));
    const automatic = option("", fill(this.#messages.sizeAutomatic, { size: own.join(" × ") }));
    this.#choice.replaceChildren(automatic, ...offers, option(CUSTOM, this.#messages.sizeCustom));
  }

  /** @param {View} view @param {boolean} always also in the field that is typed in */
  #show({ plan, ownSize, width, height, streaming }, always) {
    const offer = plan.size && offeredSizes(ownSize).find(({ size }) => String(size) === String(plan.size));
    if (!plan.size) this.#isCustom = false;
    const isCustom = this.#isCustom || Boolean(plan.size && !offer);
    this.#choice.disabled = streaming !== null;
    const chosen = isCustom ? CUSTOM : (offer?.aspect ?? "");
    if (this.#choice.value !== chosen) this.#choice.value = chosen;
    for (const [i, field] of this.#sides.entries()) {
      field.parentElement?.toggleAttribute("hidden", !isCustom);
      showValue(field, String([width, height][i]), always);
    }
  }
}
