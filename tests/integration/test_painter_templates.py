"""On a running ComfyUI: the templates in which other models draw a plan pass ComfyUI's validation."""

import json

import pytest
import requests
from got.tests.integration.graphs import node
from got.tests.test_painter_templates import PAINTERS, is_file
from got.tools.client import Client
from got.tools.graphs import example

FOLDERS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models", "vae_name": "vae"}
NEWER = {"plan_draws_with_flux3": "flux3", "plan_draws_with_moss": "moss_image"}  # types that ComfyUI 0.30 lacks


@pytest.fixture(scope="module")
def files(server):
    """Empty files of the names that the templates need, while the tests run."""
    made = []
    for name in PAINTERS:
        for entry in example(name).values():
            for key, value in entry["inputs"].items():
                path = server.base / "models" / FOLDERS.get(key, "text_encoders") / str(value)
                if is_file(value) and not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
                    made.append(path)
    yield
    for path in made:
        path.unlink()


@pytest.fixture(scope="module")
def busy(server):
    """A client whose paused run keeps the queue, so that nothing that is queued after it runs."""
    graph = {
        "chain": node("GoTChainFromText", text="a cup (1,2),(300,400)", prompt="a cup"),
        "editor": node("GoTChainEditor", chain=["chain", 0], pause="wait for me", seconds=0, edits=""),
    }
    with Client(server.url, features={"got_pause": True}) as client:
        prompt = client.submit(graph)
        client.wait_for(prompt, "executing", node="editor")
        yield client
        client._request("POST", "/queue", json={"clear": True})
        client.interrupt()
        assert client.wait(prompt).status == "interrupted"


@pytest.mark.parametrize("name", PAINTERS)
def test_the_template_passes_validation(busy, files, name):
    graph = example(name)
    if name not in NEWER:
        assert queued(busy, graph) == {}
        return
    refused = str(queued(busy, graph))
    assert f"'{NEWER[name]}' not in" in refused and refused.count("'class_type'") == 1, refused
    older = json.loads(json.dumps(graph).replace(f'"{NEWER[name]}"', '"flux2"'))
    assert queued(busy, older) == {}  # all else is known to it


def queued(client, graph):
    """The errors of the nodes, by id, of a graph that is put into the queue or refused."""
    answer = requests.post(f"{client.url}/prompt", json={"prompt": graph, "client_id": client.client_id}, timeout=60)
    return answer.json()["node_errors"]
