"""GoT-Tiny on the real nodes: its images show what its plans say, judged by pixels alone."""

from random import Random

import numpy as np
import pytest
from got.evaluation.scores import drawn, planned
from got.got_models.chain.grammar import read_chain
from got.tools.graphs import example, node_of, with_text
from got.world import scenes, wording
from got.world.detector import detect

PROMPTS = 20
EXPECTED = 0.85  # share of planned objects that are drawn, color and shape, in their box


def prompt(number: int) -> str:
    rng = Random(10**6 + number)
    return wording.caption(scenes.random_scene(rng), rng)


@pytest.fixture(scope="module")
def results(server):
    """(chain, image) of each prompt."""
    from got.tools.client import Client

    with Client(server.url) as client:
        return [draw(client, prompt(number)) for number in range(PROMPTS)]


def draw(client, text: str) -> tuple[str, np.ndarray]:
    graph = with_text(example("text_to_image"))
    graph[node_of(graph, "ReasoningChain")]["inputs"]["prompt"] = text
    run = client.run(graph)
    assert run.status == "success", f"{text}: {run.message}"
    image = client.image(run.images(node_of(graph, "SaveImage"))[0]).convert("RGB")
    return run.text(node_of(graph, "PreviewAny")), np.asarray(image)


def test_every_chain_can_be_read_and_has_a_box_for_each_thing_it_names(results):
    for chain, _ in results:
        assert len(read_chain(chain).regions) == len(planned(chain)) > 0, chain


def test_what_is_planned_is_drawn_in_its_box_with_its_color_and_shape(results):
    found = [drawn(obj, detect(image)) for chain, image in results for obj in planned(chain)]
    share = sum(found) / len(found)
    assert share >= EXPECTED, f"{sum(found)} of {len(found)} planned things have their color and shape in their boxes"
