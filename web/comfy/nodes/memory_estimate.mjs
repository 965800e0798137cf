// @ts-check
/** A line on GoT Loader and GoT Planner Loader: the memory that the chosen model needs, before anything is loaded. */

import { estimateText } from "../../editor/model/runs/memory_estimate.mjs";
import { messagesHere } from "../page/messages.mjs";
import { fetchMemoryEstimate } from "../server/server.mjs";
import { keepInPlace } from "./keep_in_place.mjs";
import { wrapMethod } from "./wrap_method.mjs";

const NAME = "memory_estimate"; // of the widget
const HEIGHT = 60; // CSS pixels: two lines, and the margins that the classic renderer leaves

/** Show the line on a loader. @param {any} node that was just made @param {"model" | "planner"} kind of what it loads */
export function showMemoryEstimate(node, kind) {
  const element = document.createElement("div");
  element.className = "got-memory";
  element.setAttribute("role", "status");
  keepInPlace(node, NAME, element);
  const widget = node.addDOMWidget(NAME, "GOT_MEMORY_ESTIMATE", element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT,
    getValue: () => "",
  });
  widget.serialize = false; // it is in no workflow

  const model = node.widgets.find((/** @type {any} */ one) => one.name === "model_name");
  const update = async () => {
    const name = model.value;
    const text = await textFor(kind, name);
    if (model.value === name) element.textContent = element.title = text;
  };
  wrapMethod(model, "callback", update);
  wrapMethod(node, "onConfigure", update);
  update();
}

/** @param {"model" | "planner"} kind @param {string | undefined} name @returns {Promise<string>} */
async function textFor(kind, name) {
  if (!name) return ""; // the list is empty
  const estimate = await fetchMemoryEstimate(kind, name);
  if (typeof estimate === "string") return estimate;
  return estimateText(estimate, messagesHere());
}
