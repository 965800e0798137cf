"""ComfyUI's page in a headless Chromium, ready to use, with the errors of its console."""

import contextlib
import os
import shutil
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

from .server import ServerError

# Errors of every first visit to ComfyUI 0.30: files that do not exist yet, and its default workflow's models.
USUAL_ERRORS = (
    "Failed to load resource: the server responded with a status of 404",
    "ComfyApp graph accessed before initialization",
    "huggingface.co",
)
READY = "!!(window.app?.extensionManager?.setting && window.LiteGraph?.registered_node_types?.GoTLoader)"


def chromium() -> str:
    """The browser's program: COMFYUI_GOT_CHROMIUM, else the one on the PATH. ServerError if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("COMFYUI_GOT_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise ServerError("No Chromium was found: install it, or set COMFYUI_GOT_CHROMIUM to its program.")
    return found


def open_page(page: Page, url: str) -> None:
    """Go to ComfyUI's page and wait until our nodes are registered and its default workflow is open."""
    page.goto(url)
    page.wait_for_function(READY, timeout=60_000)
    page.wait_for_timeout(1500)  # nothing on the page says when the default workflow is open


@contextlib.contextmanager
def comfyui_page(url: str, scale: float = 1) -> Iterator[tuple[Page, list[str]]]:
    """Yield the page of a server with its nodes registered, and the list of its console errors.

    scale: pixels of a screenshot for each pixel of the page.
    """
    errors: list[str] = []

    def note(kind: str, text: str):
        if kind == "error" and not any(usual in text for usual in USUAL_ERRORS):
            errors.append(text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 1000}, device_scale_factor=scale)
        page.on("console", lambda message: note(message.type, message.text))
        page.on("pageerror", lambda error: note("error", str(error)))
        open_page(page, url)
        yield page, errors
        browser.close()
