// @ts-check
// Runs and the workflows that queued them. A message of a run is handled in its own workflow: at once, or when that is
// on screen again. Pure: `page` says what is on screen and what the server knows.

/** @typedef {import("./wiring.mjs").Wiring} Wiring */
/**
 * A workflow and its graph's id. Of a run: the workflow if this page queued it, else the graph; null what is not known.
 * @typedef {{workflow: object | null, graph: string | null}} Origin
 */
/** @typedef {Origin & {wiring: Wiring | null}} Run wiring: null if it is not known */
/**
 * @typedef {object} Page
 * @property {() => Origin | null} onScreen null while another workflow is being loaded
 * @property {() => void} prepare called when a workflow came on screen, and before messages are handled there
 * @property {(prompt: string) => Promise<{graph: string | null, wiring: Wiring | null}>} lookUp a run that another page
 *   queued: the id of its graph, and its wiring
 */

export const MOST_MESSAGES = 200; // that are kept for workflows which are not on screen
const MOST_RUNS = 1000; // whose origin is remembered
const POLL = 50; // ms between two checks whether a workflow is loaded
const UNNAMED = "00000000-0000-0000-0000-000000000000"; // ComfyUI's id of a graph that was not saved yet

/** Does a run belong to what is on screen? Where neither its workflow nor its graph is known, it may.
 * @param {Origin} run @param {Origin} screen */
export function belongsTo(run, screen) {
  if (run.workflow) return run.workflow === screen.workflow;
  const unnamed = [run.graph, screen.graph].some((id) => !id || id === UNNAMED);
  return unnamed || run.graph === screen.graph;
}

/** The runs of one page, and their messages that are not handled yet. */
export class Runs {
  #page;
  /** @type {{run: Run, name: string, handler: (wiring: Wiring) => void}[]} */
  #messages = []; // in the order they came
  /** @type {Map<string, Run>} */
  #queued = new Map(); // by prompt, runs that this page queued
  /** @type {Map<string, Promise<Run>>} */
  #others = new Map(); // by prompt, all other runs
  /** @type {Promise<unknown>} */
  #queueing = Promise.resolve(); // until the prompt of every queued run is known

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** This page queues a run. @param {object | null} workflow @param {Wiring} wiring
   * @param {Promise<{prompt_id: string}>} answer */
  queued(workflow, wiring, answer) {
    const run = { workflow, graph: null, wiring };
    const known = answer.then(({ prompt_id }) => workflow && store(this.#queued, prompt_id, run), () => {});
    this.#queueing = Promise.all([this.#queueing, known]);
  }

  /** Handle a message of a run as soon as its workflow is on screen. Until then only the last of one name is kept.
   * @param {string} prompt id @param {string} name @param {(wiring: Wiring) => void} handler */
  async receive(prompt, name, handler) {
    const run = await this.#runOf(prompt);
    const others = this.#messages.filter((one) => one.name !== name || !isSame(one.run, run));
    this.#messages = [...others, { run, name, handler }].slice(-MOST_MESSAGES);
    this.#deliver();
  }

  /** A graph came on screen: wait until its workflow is known, then handle the messages that were kept for it. */
  async loaded() {
    while (!this.#page.onScreen()) await new Promise((resolve) => setTimeout(resolve, POLL));
    this.#page.prepare();
    this.#deliver();
  }

  /** The workflow of a run, if this page queued it, and whether it is on screen. @param {string} prompt id */
  async placeOf(prompt) {
    const [run, screen] = [await this.#runOf(prompt), this.#page.onScreen()];
    return { workflow: run.workflow, isHere: screen !== null && belongsTo(run, screen) };
  }

  #deliver() {
    const screen = this.#page.onScreen();
    const here = this.#messages.filter(({ run }) => screen && belongsTo(run, screen));
    if (!here.length) return;
    this.#page.prepare();
    this.#messages = this.#messages.filter((one) => !here.includes(one));
    for (const { run, handler } of here) handler(run.wiring ?? {});
  }

  /** Of a run that another page queued, or this one before it was reloaded, the server knows the graph.
   * @param {string} prompt @returns {Promise<Run>} */
  async #runOf(prompt) {
    await this.#queueing; // the first message of a run may come before the answer that names it
    const run = this.#queued.get(prompt);
    if (run) return run;
    const found = async () => ({ workflow: null, ...(await this.#page.lookUp(prompt)) });
    if (!this.#others.has(prompt)) store(this.#others, prompt, found());
    return /** @type {Promise<Run>} */ (this.#others.get(prompt));
  }
}

/** @param {Origin} a @param {Origin} b */
function isSame(a, b) {
  return a.workflow === b.workflow && a.graph === b.graph;
}

/** @template T @param {Map<string, T>} map @param {string} prompt @param {T} value */
function store(map, prompt, value) {
  map.set(prompt, value);
  const [oldest] = map.keys();
  if (map.size > MOST_RUNS) map.delete(oldest);
}
