// @ts-check
/** The browser half of ComfyUI-GoT: registers its extensions. The code is in comfy/ (glue) and editor/ (model, view). */

import { app } from "../../scripts/app.js";
import { ChainEditors, LIVE_PREVIEW } from "./comfy/chain_editors.mjs";
import { keepSavedSize } from "./comfy/nodes/keep_saved_size.mjs";
import { showMemoryEstimate } from "./comfy/nodes/memory_estimate.mjs";
import { offerPause } from "./comfy/server/server.mjs";
import { SETTINGS } from "./comfy/server/user_data.mjs";

offerPause();
const editors = new ChainEditors();

app.registerExtension({
  name: "ComfyUI-GoT.ChainEditor",
  settings: [
    {
      id: LIVE_PREVIEW,
      name: "Show the sampler's preview in the chain editor",
      tooltip:
        "While a sampler draws the plan, its preview is the background of the boxes. ComfyUI's setting 'Live preview " +
        "method' chooses how it looks. Default on.",
      type: "boolean",
      defaultValue: true,
      category: ["ComfyUI-GoT", "Chain editor", "Live preview"],
    },
    ...SETTINGS,
  ],
  getCustomWidgets: () => ({
    GOT_CHAIN_EDITS: (/** @type {any} */ node, /** @type {string} */ name) => editors.widget(node, name),
  }),
  setup: () => editors.listen(),
  afterConfigureGraph: () => editors.loaded(),
});

app.registerExtension({
  name: "ComfyUI-GoT.MemoryEstimate",
  nodeCreated(/** @type {any} */ node) {
    if (node.comfyClass === "GoTLoader") showMemoryEstimate(node, "model");
    if (node.comfyClass === "GoTPlannerLoader") showMemoryEstimate(node, "planner");
  },
});

app.registerExtension({
  name: "ComfyUI-GoT.SavedSize",
  nodeCreated: keepSavedSize,
});
