"""On a running ComfyUI: prompts by API, Stop, freeing, memory, the queue, LoRAs and batches."""

import numpy as np
import pytest
from got.tests.integration.graphs import assert_stops, drawing, freed, images, pixels, writing
from got.tests.integration.models import random_lora
from got.tools.graphs import example, fill, node, node_of, with_text


@pytest.mark.parametrize("name", ["text_to_image", "edit", "edit_your_image"])
def test_an_example_draws_an_image(client, name):
    graph = with_text(fill(example(name), {"steps": 3, "pause": "off"}))
    run = client.run(graph)
    assert run.status == "success", run.message
    assert run.text(node_of(graph, "PreviewAny"))
    assert pixels(client, run.images(node_of(graph, "SaveImage"))[0]).shape == (128, 128, 3)


def test_the_same_prompt_again_runs_nothing(client):
    graph = writing(prompt="two white circles")
    client.run(graph)
    assert client.run(graph).seconds.keys() <= {"text"}


def test_stop_while_the_chain_is_written(client):
    sampling = {"sampling_mode": "on", "sampling_mode.temperature": 2.0, "sampling_mode.top_k": 0}
    sampling |= {"sampling_mode.top_p": 1.0, "sampling_mode.min_p": 0.0, "sampling_mode.seed": 1}
    prompt = client.submit(writing(max_length=8192, **sampling))
    client.wait_for(prompt, "progress", node="chain")
    assert_stops(client, prompt)
    assert len(images(client, drawing(seed=1))) == 1


def test_stop_while_the_image_is_drawn(client):
    prompt = client.submit(drawing(steps=1000))
    client.wait_for(prompt, "progress", node="sampler")
    assert_stops(client, prompt)
    assert len(images(client, drawing(seed=2))) == 1


def test_freeing_leaves_none_of_our_networks(client):
    images(client, drawing(seed=11))
    held = client.get("/got_probe/memory")
    assert held["loaded"] and held["alive"]
    assert freed(client) == {"loaded": [], "alive": []}


def test_twenty_prompts_do_not_grow_the_memory(client):
    used = []
    for seed in range(20):
        assert client.run(writing(prompt=f"{seed} white circles", max_length=8)).status == "success"
        images(client, drawing(seed=1000 + seed, steps=1))
        used.append(client.get("/got_probe/memory")["bytes"])
    assert max(used[10:]) - max(used[5:10]) < 30e6


def test_two_prompts_queued_at_once_draw_what_each_draws_alone(client):
    together = [client.wait(prompt) for prompt in [client.submit(drawing(seed=seed)) for seed in (21, 22)]]
    one, two = (pixels(client, run.images("save")[0]) for run in together)
    assert (one != two).any()
    images(client, drawing(seed=23))
    assert (images(client, drawing(seed=21))[0] == one).all()


def test_a_lora_changes_the_image(client, server):
    random_lora(server.base / "models" / "loras" / "random.safetensors")
    plain = images(client, drawing(seed=31))
    graph = drawing(seed=31, model=["lora", 0])
    for strength, changes in ((1.0, True), (0.0, False)):
        graph["lora"] = node(
            "LoraLoaderModelOnly", model=["loader", 1], lora_name="random.safetensors", strength_model=strength
        )
        assert (images(client, graph) != plain).any() == changes


def test_a_batch_of_two_is_two_of_one(client):
    graph = drawing(seed=41, latent=["two", 0])
    graph["two"] = node("RepeatLatentBatch", samples=["guidance", 2], amount=2)
    both = images(client, graph)
    for index in range(2):
        graph["one"] = node("LatentFromBatch", samples=["two", 0], batch_index=index, length=1)
        graph["sampler"]["inputs"]["latent"] = ["one", 0]
        assert np.abs(images(client, graph)[0] - both[index]).max() <= 1


def test_the_image_carries_its_prompt_and_workflow(client):
    run = client.run(drawing(seed=51), workflow={"nodes": []})
    texts = client.image(run.images("save")[0]).text
    assert '"seed": 51' in texts["prompt"] and texts["workflow"] == '{"nodes": []}'
