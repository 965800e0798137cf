"""On a running ComfyUI: a language model of its own answers a plan request, and the answer is read or refused."""

import pytest
from got.tests.integration.graphs import PROMPT
from got.tools.graphs import example, node, node_of
from got.tools.server import ServerError

RANDOM = {"max_length": 6, "sampling_mode.top_k": 0, "sampling_mode.top_p": 1.0, "sampling_mode.min_p": 0.0}


def test_the_template_runs_with_a_model_whose_answer_holds_no_plan(client):
    graph = example("plan_with_any_model")
    writer, reader, shown = (node_of(graph, kind) for kind in ("TextGenerate", "GoTChainFromText", "PreviewAny"))
    graph[writer]["inputs"] |= RANDOM
    run = client.run(graph)
    answer = run.text(shown)
    assert answer.strip()
    said = client.notes[reader] if run.status == "success" else run.message
    assert " ".join(answer.split())[:40] in said and ("has no box" in said or run.status == "error"), said
    client.free()


def reading(text: str) -> dict:
    return {
        "request": node("GoTPlanRequest", prompt=PROMPT, task="text-to-image", language="en", form="text", regions=2,
                        width=512, height=512),
        "chain": node("GoTChainFromText", text=text, prompt=["request", 1], image=["request", 2]),
        "seen": node("GoTChainPreview", chain=["chain", 0], width=64, height=64),
        "text": node("PreviewAny", source=["chain", 1]),
    }  # fmt: skip


@pytest.mark.parametrize("answer", ["<think>The circle may be at (1,2),(3,4)", "a red circle <loc_12><loc_30>"])
def test_an_answer_that_cannot_be_read_ends_in_a_message_with_its_beginning(client, answer):
    with pytest.raises(ServerError, match=r"^GoTChainFromText: ") as refused:
        client.run(reading(answer))
    assert f"The text begins: {answer}" in str(refused.value)


def test_the_requests_image_makes_the_chain_an_edits(client):
    graph = reading("The area to be edited is the cup (100,100),(300,300) (blue).")
    graph["image"] = node("EmptyImage", width=256, height=128, batch_size=1, color=255)
    graph["request"]["inputs"] |= {"image": ["image", 0], "task": "edit"}
    graph["asked"] = node("PreviewAny", source=["request", 0])
    run = client.run(graph)
    assert run.status == "success", run.message
    assert client.image(run.images("seen")[0]).size == (256, 128) and "wider than tall: 2 to 1" in run.text("asked")


def test_an_answer_becomes_a_chain_with_the_requests_prompt(client):
    run = client.run(
        reading("<think></think>A red circle (125,350),(375,600) (red) is left of a blue square (550,400),(800,650).")
    )
    assert run.status == "success", run.message
    assert run.text("text").startswith("A red circle <|box_start|>(125,350),(375,600)<|box_end|> (red) is left of")
