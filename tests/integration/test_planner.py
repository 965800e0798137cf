"""On a running ComfyUI: a plain Qwen2.5-VL plans an image and an edit. Where it cannot draw, a run says so at once."""

import time

import pytest
import torch
from got.tests.integration.graphs import drawing, freed, node, writing
from got.tools.oracle.qwen import Sizes, write_mllm_folder

NAME, OTHER = "Qwen2.5-VL-tiny", "Qwen3-VL"


@pytest.fixture(scope="module", autouse=True)
def models(server):
    """A random planner in models/LLM, and a folder of another model."""
    folder = server.base / "models" / "LLM"
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        write_mllm_folder(folder / NAME, Sizes(), torch.float32)
    (folder / OTHER).mkdir(exist_ok=True)
    (folder / OTHER / "config.json").write_text('{"model_type": "qwen3_vl"}')


WILD = {"sampling_mode": "on", "sampling_mode.temperature": 1.0, "sampling_mode.top_k": 0, "sampling_mode.top_p": 1.0}
WILD |= {"sampling_mode.min_p": 0.0, "sampling_mode.repetition_penalty": 1.05}


def planning(name: str = NAME, seed: int = 0, **inputs) -> dict:
    """A chain of the planner, its preview and its text. inputs: of Reasoning Chain."""
    sampling = {**WILD, "sampling_mode.seed": seed}
    graph = writing() | {"loader": node("GoTPlannerLoader", model_name=name)}
    asked = {"prompt": "a red cup", "max_length": 48, "constrain": True, **sampling, **inputs}
    graph["chain"] = node("ReasoningChain", reasoner=["loader", 0], **asked)
    return graph | {"preview": node("GoTChainPreview", chain=["chain", 0], width=128, height=128)}


def edit(graph: dict) -> dict:
    """The same with Edit Chain and a white image."""
    inputs = {key: value for key, value in graph["chain"]["inputs"].items() if key != "prompt"}
    white = node("EmptyImage", width=96, height=64, batch_size=1, color=0xFFFFFF)
    chain = node("EditChain", image=["image", 0], instruction="make it blue", **inputs)
    return graph | {"image": white, "chain": chain}


@pytest.mark.parametrize("change", [lambda graph: graph, edit], ids=["text-to-image", "edit"])
def test_it_plans_and_the_plan_is_previewed(client, change):
    run = client.run(change(planning()))
    assert run.status == "success", run.message
    assert run.text("text") and len(run.images("preview")) == 1
    assert client.run(change(planning(seed=1))).text("text") != run.text("text")


def test_it_is_listed_and_its_memory_estimated(client):
    names = client.get("/object_info/GoTPlannerLoader")["GoTPlannerLoader"]["input"]["required"]["model_name"][1]
    assert names["options"] == [NAME, OTHER]
    assert client.get(f"/got/memory_estimate?planner={NAME}")["fits"] == "together"
    assert "of type 'qwen3_vl'" in client.get(f"/got/memory_estimate?planner={OTHER}")["error"]


def test_another_model_is_refused_in_a_sentence(client):
    run = client.run(planning(OTHER))
    assert run.status == "error" and "of type 'qwen3_vl', but Qwen2.5-VL is needed" in run.message


def test_guidance_refuses_it_before_the_chain_is_written(client):
    graph = drawing() | {key: value for key, value in planning(seed=5).items() if key in ("loader", "chain")}
    graph["got"] = node("GoTLoader", model_name="GoT-Tiny (bundled)")
    for name, key, output in (("guidance", "vae", 2), ("sampler", "model", 1), ("decode", "vae", 2)):
        graph[name]["inputs"][key] = ["got", output]
    run = client.run(graph)
    assert run.status == "error" and "only plans" in run.message and "GoT Regional Conditioning" in run.message
    assert "chain" not in run.seconds
    graph["guidance"]["inputs"]["reasoner"] = ["got", 0]
    run = client.run(graph)
    assert run.status == "success", run.message
    assert len(run.images("save")) == 1


def test_stop_is_answered_at_once(client):
    prompt = client.submit(planning(seed=9, max_length=8192))
    client.wait_for(prompt, "progress", node="chain")
    asked = time.monotonic()
    client.interrupt()
    assert client.wait(prompt).status in ("interrupted", "success")
    assert time.monotonic() - asked < 3


def test_freeing_leaves_none_of_its_networks(client):
    assert client.run(planning(seed=3)).status == "success"
    assert freed(client) == {"loaded": [], "alive": []}
