// @ts-check
/** The browser half of ComfyUI-GoT: registers the chain editor. Everything else lies in comfy/ and editor/. */

import { app } from "../../scripts/app.js";
import { chainEditors } from "./comfy/chain_editors.mjs";

const editors = chainEditors();

app.registerExtension({
  name: "ComfyUI-GoT.ChainEditor",
  getCustomWidgets: () => ({ GOT_CHAIN_EDITS: editors.widget }),
  setup: editors.listen,
  afterConfigureGraph: editors.showWaits,
});
