// @ts-check
// The buttons above the canvas, and the choice of the background.

import { backToPlan, isEdited } from "../../model/plan/plan.mjs";
import { backgroundOf } from "../../model/state/store.mjs";
import { iconButton, keepKeys, make, relabel } from "../shared/dom.mjs";

/** @typedef {import("../../model/state/store.mjs").View} View */

/** @type {Record<string, "backgroundSource" | "backgroundResult" | "backgroundNone">} */
const OFFERS = { source: "backgroundSource", result: "backgroundResult", none: "backgroundNone" };

/** The toolbar of one editor. */
export class Toolbar {
  #messages;
  #buttons;
  #choice;
  #dim;
  #edited;
  #offered = "";

  /** @param {import("../panel.mjs").Context} context
   * @param {{onLarge: (large: boolean) => void, focusCanvas: () => void, onMore: (button: HTMLElement) => void}} actions */
  constructor({ store, messages, signal }, { onLarge, focusCanvas, onMore }) {
    this.#messages = messages;
    const toggle = (/** @type {"snap" | "mask" | "comparing"} */ name) => () => store.set({ [name]: !store.state[name] });
    const draw = () => (store.setDrawing(store.state.mode !== "draw"), focusCanvas());
    this.#buttons = {
      draw: iconButton("draw", messages.draw, draw, signal),
      back: iconButton("back", messages.backToPlan, () => store.change(backToPlan), signal),
      snap: iconButton("snap", messages.snap, toggle("snap"), signal),
      mask: iconButton("mask", messages.mask, toggle("mask"), signal),
      large: iconButton("large", messages.large, () => onLarge(!store.state.large), signal),
      more: iconButton("more", messages.more, () => onMore(this.#buttons.more), signal),
      history: iconButton("history", messages.history, toggle("comparing"), signal),
    };
    const background = { title: messages.background, "aria-label": messages.background };
    this.#choice = make("select", { className: "got-choice", ...background });
    this.#dim = make("input", { type: "range", min: "0", max: "100", title: messages.dim, "aria-label": messages.dim });
    this.#edited = make("span", { className: "got-edited" }, messages.edited);
    const picked = () => store.set({ picked: /** @type {View["picked"]} */ (this.#choice.value) });
    this.#choice.addEventListener("change", picked, { signal });
    this.#dim.addEventListener("input", () => store.set({ dim: this.#dim.valueAsNumber / 100 }), { signal });
    keepKeys(this.#dim, signal);
    keepKeys(this.#choice, signal);

    const { draw: first, snap, mask, more, back, history, large } = this.#buttons;
    more.setAttribute("aria-haspopup", "menu");
    this.element = make("div", { className: "got-row got-toolbar", role: "toolbar", "aria-label": messages.toolbar });
    const gap = make("span", { className: "got-gap" });
    this.element.append(first, snap, mask, this.#choice, this.#dim, more, gap, this.#edited, back, history, large);
  }

  /** The focus goes to the button that opens and closes the window. */
  focusLarge() {
    this.#buttons.large.focus({ preventScroll: true });
  }

  /** @param {View} view */
  render(view) {
    const { draw, back, snap, mask, large, history } = this.#buttons;
    press(draw, view.mode === "draw");
    press(snap, view.snap);
    press(mask, view.mask);
    press(history, view.comparing);
    mask.hidden = this.#dim.hidden = view.background === null;
    const isChanged = isEdited(view.plan) && view.plan.plan !== "";
    back.disabled = !isChanged;
    this.#edited.hidden = !isChanged;
    relabel(large, view.large ? "small" : "large", view.large ? this.#messages.small : this.#messages.large);
    const dim = String(Math.round(view.dim * 100));
    if (this.#dim.value !== dim) this.#dim.value = dim;
    this.#renderChoice(view);
  }

  /** @param {View} view */
  #renderChoice(view) {
    const { kinds, kind } = backgroundOf(view);
    const offers = [...kinds, "none"];
    if (this.#offered !== String(offers)) {
      this.#offered = String(offers);
      this.#choice.replaceChildren(...offers.map((value) => make("option", { value }, this.#messages[OFFERS[value]])));
    }
    if (this.#choice.value !== kind) this.#choice.value = kind;
    this.#choice.hidden = !kinds.length;
  }
}

/** @param {HTMLElement} button @param {boolean} on */
function press(button, on) {
  button.setAttribute("aria-pressed", String(on));
}
