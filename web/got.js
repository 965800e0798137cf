// @ts-check
/** The browser half of ComfyUI-GoT: registers what it adds to nodes. Everything else lies in comfy/ and editor/. */

import { app } from "../../scripts/app.js";
import { chainEditors } from "./comfy/chain_editors.mjs";
import { showForecast } from "./comfy/memory_estimate.mjs";
import { offerToAnswer } from "./comfy/server.mjs";

offerToAnswer();
const editors = chainEditors();

app.registerExtension({
  name: "ComfyUI-GoT.ChainEditor",
  getCustomWidgets: () => ({ GOT_CHAIN_EDITS: editors.widget }),
  setup: editors.listen,
  afterConfigureGraph: editors.loaded,
});

app.registerExtension({
  name: "ComfyUI-GoT.Forecast",
  nodeCreated(/** @type {any} */ node) {
    if (node.comfyClass === "GoTLoader") showForecast(node);
  },
});
