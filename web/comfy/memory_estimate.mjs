// @ts-check
/** Under the model's name on GoT Loader: what its chain and its picture will need, before anything is loaded. */

import { app } from "../../../scripts/app.js";
import { forecastText } from "../editor/model/memory_estimate.mjs";
import { words } from "../editor/model/messages.mjs";
import { after } from "./wrap_method.mjs";
import { forecast } from "./server.mjs";

const HEIGHT = 60; // CSS pixels: two lines, and the margins that the classic renderer leaves

/** @param {any} node a GoTLoader that was just made */
export function showForecast(node) {
  const element = document.createElement("div");
  element.className = "got-forecast";
  element.setAttribute("role", "status");
  const widget = node.addDOMWidget("forecast", "GOT_FORECAST", element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT,
    getValue: () => "",
  });
  widget.serialize = false; // it is in no workflow

  const model = node.widgets.find((/** @type {any} */ one) => one.name === "model_name");
  const ask = async () => {
    const name = model.value;
    const text = await told(name);
    if (model.value === name) element.textContent = element.title = text;
  };
  after(model, "callback", ask);
  after(node, "onConfigure", ask);
  ask();
}

/** @param {string} name @returns {Promise<string>} */
async function told(name) {
  const answer = await forecast(name);
  if (typeof answer === "string") return answer;
  return forecastText(answer, words(app.extensionManager.setting.get("Comfy.Locale")));
}
