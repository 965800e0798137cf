"""One browser page for every test here. Fixtures choose the renderer; nothing waits for a time."""

import pytest
from got.tests.browser.page import ComfyPage
from got.tools.browser import comfyui_page


@pytest.fixture(scope="session")
def comfyui(server):
    """The page of the shared server. Tests leave it as it is; what they open makes way for the next."""
    with comfyui_page(server.url) as (page, errors):
        assert errors == []
        yield ComfyPage(page, errors)


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
