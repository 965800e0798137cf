"""ComfyUI's page as the browser tests use it: open, run, wait for a state."""

import contextlib

from got.tests.wait import until

SOON = 20_000  # ms for what needs no network
LONG = 300  # seconds for a run

# Prompts that have ended, as the page heard of it. The pack's own handlers are older and run before.
WATCH = """
async () => {
  const { api } = await import('/scripts/api.js');
  if (window.gotEnded) return;
  window.gotEnded = new Set();
  for (const end of ['execution_success', 'execution_error', 'execution_interrupted'])
    api.addEventListener(end, ({ detail }) => window.gotEnded.add(detail.prompt_id));
}
"""
ENDED = "(prompt) => window.gotEnded.has(prompt) && new Promise((done) => setTimeout(() => done(true)))"

# The nodes and the editor's canvas have not moved for so many frames.
AT_REST = """
() => new Promise((done) => {
  let [before, frames] = ['', 0];
  const look = () => {
    const parts = [...document.querySelectorAll('[data-node-id], .got-canvas, .got-memory')];
    const { scale, offset } = app.canvas.ds;
    const now = JSON.stringify([parts.map((part) => part.getBoundingClientRect()), scale, offset]);
    frames = now === before ? frames + 1 : 0;
    before = now;
    if (frames < 10) requestAnimationFrame(look);
    else done(true);
  };
  look();
})
"""
# A toast and its button, in the frontend that comes with ComfyUI 0.30 and in the newest.
TOAST = ".p-toast-message, [data-testid=toast]"
CLOSE_TOAST = ".p-toast-close-button, [data-testid=toast-close]"
CLOSE_TOASTS = f"() => document.querySelectorAll('{CLOSE_TOAST}').forEach((button) => button.click())"

IN_DRAFT = """
(parts) => Object.entries(localStorage).some(([key, value]) =>
  key.startsWith('Comfy.Workflow.Draft') && parts.every((part) => value.replaceAll('\\\\', '').includes(part)))
"""


class ComfyPage:
    """A page, the list that its console errors go to, and a client of its server."""

    def __init__(self, page, errors, client=None):
        self.page, self.errors, self.client = page, errors, client
        page.evaluate(WATCH)

    def set(self, setting, value):
        set_it = "async ([id, value]) => { await app.extensionManager.setting.set(id, value); }"
        self.page.evaluate(set_it, [setting, value])
        self.rest()

    def rest(self):
        """Wait until the layout is at rest."""
        self.page.evaluate(AT_REST)

    def load(self, workflow):
        """Open a workflow in ComfyUI's own format."""
        self.page.evaluate("async (workflow) => { await app.loadGraphData(workflow); }", workflow)
        self.rest()

    def reload(self):
        self.page.reload()
        self.page.wait_for_function("!!(window.app?.graph?.nodes?.length)", timeout=60_000)
        self.page.evaluate(WATCH)

    @property
    def toasts(self):
        return self.page.locator(TOAST)

    def toast(self, text):
        """Wait for a toast that says this, and close all."""
        self.toasts.filter(has_text=text).first.wait_for(timeout=SOON)
        self.close_toasts()

    def close_toasts(self):
        self.page.evaluate(CLOSE_TOASTS)
        self.toasts.first.wait_for(state="detached", timeout=SOON)

    def drafted(self, *parts):
        """Wait until ComfyUI has written a draft that has all of these texts in it."""
        self.page.wait_for_function(IN_DRAFT, arg=list(parts), timeout=SOON)

    def queue(self):
        with self.queued() as answer:
            self.page.evaluate("() => { app.queuePrompt(0); }")
        return answer[0]

    @contextlib.contextmanager
    def queued(self):
        """The prompt that what is done inside queues, in a list that is filled afterwards."""
        prompts = []
        with self.page.expect_response("**/api/prompt", timeout=SOON) as answer:
            yield prompts
        assert answer.value.status == 200, answer.value.text()
        prompts.append(answer.value.json()["prompt_id"])

    def run(self, expected="success"):
        """Run the graph to its end; returns its entry in the server's history, once the page has heard of it."""
        entry = self.ended(self.queue())
        assert entry["status"]["status_str"] == expected, entry["status"]
        return entry

    def ended(self, prompt):
        self.page.wait_for_function(ENDED, arg=prompt, timeout=LONG * 1000)
        return until(lambda: self.client.get(f"/history/{prompt}").get(prompt))
