// @ts-check
// What a canvas without a plan shows: what to do first.

import { make } from "./dom.mjs";

export class Invitation {
  /** @param {import("./panel.mjs").Context} context @param {{onRun: () => void, draw: () => void}} actions */
  constructor({ messages, signal }, { onRun, draw }) {
    const run = make("button", { type: "button", className: "got-primary" }, messages.run);
    const start = make("button", { type: "button" }, messages.drawRegion);
    run.addEventListener("click", onRun, { signal });
    start.addEventListener("click", draw, { signal });
    this.actions = make("div", { className: "got-row" }, run, start);
    this.element = make("div", { className: "got-empty" }, make("strong", {}, messages.empty), make("p", {}, messages.emptyHelp));
    this.element.append(this.actions);
  }

  /** @param {import("../model/store.mjs").View} view */
  render({ regions, background, draft, mode, streaming }) {
    this.element.hidden = regions.length > 0 || background !== null || draft !== null || mode !== "select" || streaming !== null;
  }
}
