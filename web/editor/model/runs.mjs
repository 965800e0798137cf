// @ts-check
// Runs and the workflows that asked for them: what a run says is heard in its own workflow, now or when that is back on
// screen. Pure: what is on screen and what the server knows is asked of `page`.

/**
 * A workflow and its graph's id. Of a run: whose it is, the workflow if this page asked for it, else the graph; null what
 * is not known.
 * @typedef {{workflow: object | null, graph: string | null}} Home
 */
/**
 * @typedef {object} Page
 * @property {() => Home | null} onScreen null while another workflow is being loaded
 * @property {() => void} prepare called when a workflow was put on screen, and before something is said to it
 * @property {(prompt: string) => Promise<string | null>} graphOf the id of the graph that a run was asked for with
 */

export const MOST_LETTERS = 200; // that are kept for workflows which are not on screen
const MOST_RUNS = 1000; // that are remembered
const PAUSE = 50; // ms between looks whether a workflow is loaded
const UNNAMED = "00000000-0000-0000-0000-000000000000"; // ComfyUI's id of a graph that was not saved yet

/** Does what a run says belong to what is on screen? Where neither its workflow nor its graph is known, it may.
 * @param {Home} home @param {Home} screen */
export function isAt(home, screen) {
  if (home.workflow) return home.workflow === screen.workflow;
  const unnamed = [home.graph, screen.graph].some((id) => !id || id === UNNAMED);
  return unnamed || home.graph === screen.graph;
}

export class Runs {
  #page;
  /** @type {{home: Home, name: string, say: () => void}[]} */
  #letters = []; // in the order they came
  /** @type {Map<string, object>} */
  #asked = new Map(); // workflow by prompt, of runs that this page asked for
  /** @type {Map<string, Promise<string | null>>} */
  #graphs = new Map(); // graph by prompt, of other runs that were heard of
  /** @type {Promise<unknown>} */
  #asking = Promise.resolve(); // until every run that was asked for is known by its prompt

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** A workflow asks for a run. @param {object | null} workflow @param {Promise<{prompt_id: string}>} answer */
  ask(workflow, answer) {
    const known = answer.then(({ prompt_id }) => workflow && note(this.#asked, prompt_id, workflow), () => {});
    this.#asking = Promise.all([this.#asking, known]);
  }

  /** Say something of a run as soon as its workflow is on screen. Until then only the last of one name is kept.
   * @param {string} prompt id @param {string} name @param {() => void} say */
  async hear(prompt, name, say) {
    const home = await this.#homeOf(prompt);
    const others = this.#letters.filter((one) => one.name !== name || !isSame(one.home, home));
    this.#letters = [...others, { home, name, say }].slice(-MOST_LETTERS);
    this.#deliver();
  }

  /** A graph was put on screen: wait until it is known of which workflow, then say what was kept for that. */
  async loaded() {
    while (!this.#page.onScreen()) await new Promise((resolve) => setTimeout(resolve, PAUSE));
    this.#page.prepare();
    this.#deliver();
  }

  #deliver() {
    const screen = this.#page.onScreen();
    const here = this.#letters.filter(({ home }) => screen && isAt(home, screen));
    if (!here.length) return;
    this.#page.prepare();
    this.#letters = this.#letters.filter((one) => !here.includes(one));
    for (const { say } of here) say();
  }

  /** Of a run that another page asked for, or this one before it was reloaded, the server knows the graph.
   * @param {string} prompt @returns {Promise<Home>} */
  async #homeOf(prompt) {
    await this.#asking; // the first news of a run may come before the answer that names it
    const workflow = this.#asked.get(prompt);
    if (workflow) return { workflow, graph: null };
    if (!this.#graphs.has(prompt)) note(this.#graphs, prompt, this.#page.graphOf(prompt));
    return { workflow: null, graph: (await this.#graphs.get(prompt)) ?? null };
  }
}

/** @param {Home} a @param {Home} b */
function isSame(a, b) {
  return a.workflow === b.workflow && a.graph === b.graph;
}

/** @template T @param {Map<string, T>} map @param {string} prompt @param {T} value */
function note(map, prompt, value) {
  map.set(prompt, value);
  const [oldest] = map.keys();
  if (map.size > MOST_RUNS) map.delete(oldest);
}
