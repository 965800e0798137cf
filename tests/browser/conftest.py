"""One browser page for every test here. Fixtures choose the renderer; nothing waits for a time."""

import pytest
from got.tests.browser.page import ComfyPage
from got.tools.browser import comfyui_page, open_page


@pytest.fixture(scope="session")
def chromium(server):
    """A browser with the page of the shared server, and the list of its console errors."""
    with comfyui_page(server.url) as (page, errors):
        assert errors == []
        yield page, errors


@pytest.fixture(scope="module")
def comfyui(server, chromium):
    """The page for a file of tests. It is left at the end, for other files test a server that nobody looks at."""
    page, errors = chromium
    if page.url == "about:blank":
        open_page(page, server.url)
    yield ComfyPage(page, errors)
    page.goto("about:blank")


@pytest.fixture
def browser(comfyui, client):
    """The page for one test: the console must stay free of errors, and no dialog may be left."""
    comfyui.client = client
    comfyui.errors.clear()
    yield comfyui
    assert comfyui.errors == []
    assert comfyui.page.locator("[role=dialog]").count() == 0


@pytest.fixture(scope="module", params=["classic", "nodes 2"])
def renderer(request, comfyui):
    """Both renderers, one after the other."""
    vue = request.param == "nodes 2"
    comfyui.set("Comfy.VueNodes.Enabled", vue)
    yield vue
    comfyui.set("Comfy.VueNodes.Enabled", False)
