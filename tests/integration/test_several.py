"""On a running ComfyUI: several chains of one node, and what follows them once for each."""

import numpy as np
import pytest
from got.tests.integration.graphs import PROMPT, assert_stops, drawing, images, node, writing

PROMPTS = ["two white circles", PROMPT]
OFF = {"sampling_mode": "off", "sampling_mode.repetition_penalty": 1.05}
WILD = {"temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


def sampled(seed: int, temperature=0.9, top_k=64, top_p=0.95, min_p=0.05, **more) -> dict:
    values = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, "seed": seed, **more}
    named = {f"sampling_mode.{name}": value for name, value in values.items()}
    return {"sampling_mode": "on", "sampling_mode.repetition_penalty": 1.05, **named}


def several(prompts=None, sampling=OFF, **more) -> dict:
    """The node in the place of Reasoning Chain, and its texts shown. prompts: without, all of PROMPTS."""
    inputs = {"prompts": prompts or "\n".join(PROMPTS), "max_length": 256, "constrain": True, **sampling, **more}
    graph = writing()
    return graph | {"chain": node("GoTSeveralChains", reasoner=["loader", 0], **inputs)}


def done(client, graph: dict):
    run = client.run(graph)
    assert run.status == "success", run.message
    return run


def texts(client, graph: dict) -> list[str]:
    return done(client, graph).outputs["text"]["text"]


@pytest.mark.parametrize("seeds", [[0], [8, 9]])
def test_they_are_what_reasoning_chain_writes_one_by_one(client, seeds):
    together = texts(client, several(sampling=sampled(seeds[0], variations=len(seeds))))
    alone = [texts(client, writing(prompt, 256, **sampled(seed)))[0] for prompt in PROMPTS for seed in seeds]
    assert together == alone and len(set(together)) == len(together)


def test_a_wired_list_is_as_many_prompts(client):
    graph = several(["list", 0])
    graph |= {f"prompt{i}": node("PrimitiveStringMultiline", value=prompt) for i, prompt in enumerate(PROMPTS)}
    graph["list"] = node("CreateList", **{f"inputs.input{i}": [f"prompt{i}", 0] for i in range(len(PROMPTS))})
    assert texts(client, graph) == texts(client, several())


def test_each_chain_is_drawn_as_if_it_were_alone(client):
    graph = drawing()
    graph["chain"] = several()["chain"]
    both = images(client, graph)
    assert len(both) == 2
    for prompt, image in zip(PROMPTS, both, strict=True):
        graph["chain"] = writing(prompt, 256)["chain"]
        [alone] = images(client, graph)
        assert np.abs(alone - image).max() <= 1


def test_one_instruction_changes_every_image_of_a_batch(client):
    graph = several("make the red circle blue", images=["images", 0])
    graph["images"] = node("EmptyImage", width=64, height=64, batch_size=3, color=0xFF0000)
    graph["plan"] = node("GoTChainPreview", chain=["chain", 0], width=64, height=64)
    run = done(client, graph)
    assert len(run.outputs["text"]["text"]) == len(run.images("plan")) == 3


def test_the_same_again_writes_nothing(client):
    graph = several(sampling=sampled(77, variations=2))
    assert len(texts(client, graph)) == 4
    assert client.run(graph).seconds.keys() <= {"text"}


def test_stop_while_they_are_written(client):
    graph = several(sampling=sampled(1, **WILD, variations=8), max_length=8192)
    prompt = client.submit(graph)
    assert client.wait_for(prompt, "progress", node="chain").data["max"] == 16 * 8192
    assert_stops(client, prompt)


def test_chains_that_cannot_be_drawn_are_named_and_the_others_go_on(client):
    graph = several(sampling=sampled(3, **WILD, variations=8), constrain=False, max_length=40)
    graph["plan"] = node("GoTChainPreview", chain=["chain", 0], width=64, height=64)
    events = list(client.follow(client.submit(graph)))
    assert events[-1].kind == "execution_success"
    outputs = {event.data["node"]: event.data["output"] for event in events if event.kind == "executed"}
    told = [event.data["exception_message"] for event in events if event.kind == "execution_error"]
    assert told and all("cannot be drawn. The other chains continue." in message for message in told)
    assert len(outputs["text"]["text"]) == len(outputs["plan"]["images"]) == 16 - len(told) > 0
