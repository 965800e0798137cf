// @ts-check
// What a canvas without a plan shows: what to do first.

import { make, textButton } from "../shared/dom.mjs";

/** What to do first, shown over an empty canvas. */
export class Invitation {
  /** @param {import("../panel.mjs").Context} context
   * @param {{onRun: () => void, draw: () => void, onLayouts: (button: HTMLElement) => void}} actions */
  constructor({ messages, signal }, { onRun, draw, onLayouts }) {
    const run = textButton(messages.run, onRun, signal, true);
    const start = textButton(messages.drawRegion, draw, signal);
    const layouts = textButton(messages.startLayout, () => onLayouts(layouts), signal);
    layouts.setAttribute("aria-haspopup", "menu");
    this.actions = make("div", { className: "got-row" }, run, start, layouts);
    this.element = make("div", { className: "got-empty" }, make("strong", {}, messages.empty), make("p", {}, messages.emptyHelp));
    this.element.append(this.actions);
  }

  /** @param {import("../../model/state/store.mjs").View} view */
  render({ regions, background, draft, mode, streaming }) {
    this.element.hidden = regions.length > 0 || background !== null || draft !== null || mode !== "select" || streaming !== null;
  }
}
