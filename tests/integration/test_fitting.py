"""On servers with ComfyUI's flags for little memory: the same images, fp8 models, and a model of the real size."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from got.got_models.files.manifest import REASONER, TINY, UNET
from got.tests.integration.graphs import drawing, images, node, writing
from got.tools.client import Client
from got.tools.oracle.large import REAL, write_hollow_model
from got.tools.oracle.qwen import store_in_fp8
from got.tools.server import Server, has_accelerator

PROBE = {"got_probe": Path(__file__).parent / "probe"}
BUNDLED, FP8, LARGE = "GoT-Tiny (bundled)", "fp8", "real-size"
FLAGS = {
    "bf16": ("--bf16-unet", "--bf16-text-enc"),
    "fp8": ("--fp8_e4m3fn-unet", "--fp32-text-enc"),
}
if has_accelerator():  # ComfyUI takes no more than one of --cpu and these
    FLAGS = {"bf16": (*FLAGS["bf16"], "--lowvram"), "fp8": (*FLAGS["fp8"], "--novram")}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """GoT-Tiny in fp8, and a model of the real size whose weights are zero."""
    base = tmp_path_factory.mktemp("fitting")
    shutil.copytree(TINY, base / FP8)
    for file in (base / FP8 / UNET, base / FP8 / REASONER / "model.safetensors"):
        store_in_fp8(file)
    write_hollow_model(base / LARGE, REAL)
    return {name: base / name for name in (FP8, LARGE)}


@pytest.fixture(scope="module", params=FLAGS)
def little(request, tmp_path_factory, models):
    """A client of a server with flags."""
    base = tmp_path_factory.mktemp("little")
    with (
        Server(base, packs=PROBE, models=models, flags=FLAGS[request.param]) as running,
        Client(running.url) as connected,
    ):
        yield connected


def with_model(graph, name):
    graph["loader"]["inputs"]["model_name"] = name
    return graph


@pytest.mark.parametrize("model", [BUNDLED, FP8])
def test_the_image_is_nearly_the_one_of_full_precision(little, client, model):
    expected = images(client, drawing(seed=5))
    ours = images(little, with_model(drawing(seed=5), model))
    assert 0 < difference(ours, expected) < 0.1 * expected.std()


def difference(image, expected):
    """Mean difference of their numbers."""
    return float(np.abs(image - expected).mean())


@pytest.mark.parametrize("model", [BUNDLED, FP8])
def test_a_chain_is_written(little, model):
    run = little.run(with_model(writing(max_length=24), model))
    assert run.status == "success" and "circle" in run.text("text")


def test_it_decodes_in_tiles(little):
    graph = drawing(seed=5)
    whole = images(little, graph)
    tiles = {"tile_size": 64, "overlap": 32, "temporal_size": 64, "temporal_overlap": 8}
    graph["decode"] = node("VAEDecodeTiled", samples=["sampler", 0], vae=["loader", 2], **tiles)
    assert difference(images(little, graph), whole) < 0.1 * whole.std()


def loading(model):
    """Load a model and nothing else."""
    graph = {"loader": node("GoTLoader", model_name=model)}
    graph["sigmas"] = node("GoTScheduler", model=["loader", 1], steps=3, denoise=1.0)
    return graph | {"show": node("PreviewAny", source=["sigmas", 0])}


@pytest.mark.parametrize("little", ["bf16"], indirect=True)
def test_a_model_of_the_real_size_takes_next_to_no_memory(little):
    before = little.get("/got_probe/memory")["bytes"]
    assert little.run(loading(LARGE)).status == "success"
    assert little.get("/got_probe/memory")["bytes"] - before < 2e9
    little.free()


def test_stop_while_a_model_of_the_real_size_is_loaded(little):
    prompt = little.submit(loading(LARGE))
    little.wait_for(prompt, "executing", node="loader")
    time.sleep(0.5)
    little.interrupt()
    run = little.wait(prompt)
    assert run.status == "interrupted" and "sigmas" not in run.seconds
    again = little.submit(loading(LARGE))
    little.wait_for(again, "executing", node="loader")  # a load that had ended would come from the cache
    little.interrupt()
    assert little.wait(again).status == "interrupted"
    assert little.run(loading(BUNDLED)).status == "success"
