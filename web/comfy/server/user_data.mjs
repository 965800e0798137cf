// @ts-check
/** What the editors remember of a person, where ComfyUI keeps it: settings, and files in the user's folder. */

import { api } from "../../../../scripts/api.js";
import { app } from "../../../../scripts/app.js";
import { GRIDS } from "../../editor/model/state/store.mjs";

const PREFIX = "ComfyUI-GoT.";
const GRID = "ComfyUI-GoT.Grid"; // setting
const LAYOUTS = "comfyui-got/layouts.json"; // in the user's folder
const changes = new EventTarget(); // of settings, also on ComfyUI's own page of settings

/** For `registerExtension`. The colors are changed in the editor alone. */
export const SETTINGS = [
  {
    id: GRID,
    name: "Grid of the chain editor",
    tooltip: "Distance between the lines that boxes snap to, in thousandths of the image. Default 25.",
    type: "combo",
    options: [...GRIDS],
    defaultValue: GRIDS[1],
    category: ["ComfyUI-GoT", "Chain editor", "Grid"],
    onChange: (/** @type {unknown} */ value) => void changes.dispatchEvent(new CustomEvent(GRID, { detail: value })),
  },
  { id: `${PREFIX}Colors`, name: "Colors of the chain editor", type: "hidden", defaultValue: "" },
];

/** @type {import("../../editor/view/regions/palette.mjs").Settings} */
export const settings = {
  get: (name) => app.extensionManager.setting.get(PREFIX + name),
  set: (name, value) => void app.extensionManager.setting.set(PREFIX + name, value),
  watch: (name, listener, signal) => {
    const onChange = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    changes.addEventListener(PREFIX + name, onChange, { signal });
  },
};

/** The person's layouts. Each user of a server has a file of their own. @type {import("../../editor/view/plans/layouts.mjs").UserFile} */
export const layouts = {
  name: LAYOUTS,
  read: async () => {
    if (!(await isThere())) return null;
    const answer = await api.fetchApi(`/userdata/${encodeURIComponent(LAYOUTS)}`, { cache: "no-store" });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    return answer.text();
  },
  write: async (text) => {
    const options = { method: "POST", body: text, headers: { "Content-Type": "application/json" } };
    const answer = await api.fetchApi(`/userdata/${encodeURIComponent(LAYOUTS)}?overwrite=true`, options);
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  },
};

/** Is the folder of the file there? To ask for a file that is not is an error on the browser's console. */
async function isThere() {
  const answer = await api.fetchApi("/v2/userdata?path=", { cache: "no-store" });
  if (!answer.ok) return true;
  const entries = await answer.json();
  const [folder] = LAYOUTS.split("/");
  return !Array.isArray(entries) || entries.some(({ name }) => name === folder);
}
