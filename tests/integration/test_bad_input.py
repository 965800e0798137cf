"""On a running ComfyUI: bad input gives a message that says what to do, before any network is loaded."""

import pytest
from got.tests.integration.graphs import CHAIN, drawing, freed, node, writing
from got.tests.integration.models import TRAP
from got.tools.client import Client
from got.tools.server import ServerError


def custom_size(width: int) -> dict:
    graph = drawing()
    graph["guidance"]["inputs"] |= {"size": "custom", "size.width": width, "size.height": 64}
    return graph


def other_model(name: str) -> dict:
    graph = drawing()
    graph["loader"]["inputs"]["model_name"] = name
    return graph


def writing_by(name: str) -> dict:
    graph = writing()
    graph["loader"]["inputs"]["model_name"] = name
    return graph


def boxes_of(chain: str) -> dict:
    graph = {"chain": drawing(chain)["chain"], "boxes": node("GoTChainToBoxes", chain=["chain", 0])}
    graph["boxes"]["inputs"] |= {"width": 64, "height": 64}
    return graph | {"show": node("PreviewAny", source=["boxes", 0])}


def edit_of(image: dict) -> dict:
    graph = writing()
    inputs = graph["chain"]["inputs"]
    graph["chain"] = node("EditChain", instruction=inputs.pop("prompt"), image=["image", 0], **inputs)
    return graph | {"image": image}


def blank(side: int, count: int = 1) -> dict:
    return node("EmptyImage", width=side, height=side, batch_size=count, color=0)


def several(prompts: str, **more) -> dict:
    graph = writing()
    inputs = graph["chain"]["inputs"] | {"prompts": prompts, "images": ["image", 0]}
    del inputs["prompt"]
    return graph | {"chain": node("GoTSeveralChains", **inputs), "image": blank(**more)}


def wired_wrong() -> dict:
    sigmas = node("GoTScheduler", model=["other", 0], steps=3, denoise=1.0)
    return {"other": node("GotProbeOtherModel"), "sigmas": sigmas, "show": node("PreviewAny", source=["sigmas", 0])}


BAD = {
    "empty prompt": (writing(prompt=" \n"), "prompt is empty"),
    "a chain without boxes where boxes are needed": (boxes_of("A cup on a table."), "The chain has no box"),
    "box outside the grid": (drawing("A cup (0,0),(1200,900)"), "(0,0,1200,900) is in pixels"),
    "unknown color": (drawing(CHAIN.replace("(blue)", "(blurple)")), "blurple"),
    "model folder without its files": (other_model("no-reasoner"), "no-reasoner"),
    "model that is not there": (other_model("nowhere"), "nowhere"),
    "truncated safetensors": (other_model("cut-short"), "unet.safetensors"),
    "pickle with code in it": (other_model("pickled"), "unet.safetensors"),
    "size not a multiple of 8": (custom_size(100), "multiple of 8"),
    "image with alpha": (edit_of(node("GotProbeFourChannels", side=64)), "4 channels"),
    "image of 1x1": (edit_of(blank(1)), "1x1"),
    "image of 8000x8000": (edit_of(blank(8000)), "8000x8000"),
    "more images than instructions": (several("a\nb", side=64, count=3), "3 images and 2 instructions"),
    "several images that are too small": (several("a", side=1, count=2), "Image 1 of 2: The image is 1x1"),
    "a model of another kind": (wired_wrong(), "not a GoT model"),
}


@pytest.fixture(scope="module")
def nothing_loaded(server):
    with Client(server.url) as client:
        assert not any(freed(client).values())


def complaint(client, graph: dict) -> str:
    """The message with which ComfyUI refuses a prompt, or stops running it."""
    try:
        run = client.run(graph)
    except ServerError as refused:
        return str(refused)
    assert run.status == "error"
    return run.message


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_explained_before_a_network_runs(nothing_loaded, client, case):
    graph, words = BAD[case]
    message = complaint(client, graph)
    assert words in message
    assert len(message) < 600
    assert client.get("/got_probe/memory")["loaded"] == []


def test_a_pickle_is_never_run(client):
    complaint(client, other_model("pickled"))
    assert not TRAP.exists()


def test_the_sampler_refuses_a_model_of_another_kind(client):
    graph = drawing(model=["other", 0]) | {"other": node("GotProbeOtherModel")}
    assert "not a GoT model" in complaint(client, graph)


@pytest.mark.parametrize("name, words", [("panics-at-load", "cannot be read"), ("panics-in-use", "cannot be used")])
def test_a_tokenizer_that_panics_leaves_the_queue_running(client, name, words):
    assert f"The tokenizer in '{name}/reasoner' {words}" in complaint(client, writing_by(name))
    assert client.run(writing(max_length=4)).status == "success"
