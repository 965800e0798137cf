"""A batch of chains from one node: the requests, and that it writes what one node per chain writes, with GoT-Tiny."""

from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from comfy_execution.graph_utils import ExecutionBlocker
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, ChainError, parse_regions
from got.got_models.comfy import notes
from got.got_models.comfy import reasoner as managed
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.errors import GoTError
from got.got_models.files.manifest import TINY
from got.got_models.reasoner.batch import SEEDS, requests_of, variations_of
from got.got_models.reasoner.sampling import Sampling
from got.nodes.reasoning import EditChain, GoTSeveralChains, ReasoningChain

PROMPTS = "two white circles\n\n  a red circle left of a blue square  \n"
OFF = {"sampling_mode": "off", "repetition_penalty": 1.05}
ON = {"sampling_mode": "on", "temperature": 0.9, "top_k": 64, "top_p": 0.95, "min_p": 0.05, "repetition_penalty": 1.05}


def blank(count=1, side=64, channels=3):
    return torch.zeros(count, side, side, channels)


# ---------------------------------------------------------------------------------------------------------- requests


def test_each_line_is_a_prompt_and_so_is_each_entry_of_a_list():
    for texts in ([PROMPTS], ["two white circles", "a red circle left of a blue square"]):
        requests = requests_of(texts, None)
        assert [request.prompt for request in requests] == ["two white circles", "a red circle left of a blue square"]
        assert {request.task for request in requests} == {TEXT_TO_IMAGE}


def test_half_a_character_in_a_line_is_replaced():
    assert [request.prompt for request in requests_of(["a \ud83d\nb"], None)] == ["a \ufffd", "b"]


@pytest.mark.parametrize(
    ("texts", "batches", "expected"),
    [
        (["a\nb"], [blank(2)], [("a", 0), ("b", 1)]),
        (["a", "b"], [blank(), blank()], [("a", 0), ("b", 1)]),
        (["a"], [blank(1), blank(2)], [("a", 0), ("a", 1), ("a", 2)]),
        (["a\nb\nc"], [blank()], [("a", 0), ("b", 0), ("c", 0)]),
    ],
)
def test_images_and_instructions_are_paired(texts, batches, expected):
    for number, image in enumerate(image for batch in batches for image in batch):
        image += number / 10
    requests = requests_of(texts, batches)
    assert [(request.prompt, round(float(request.source.mean()) * 10)) for request in requests] == expected
    assert all(request.task == EDIT and request.source.shape == (1, 64, 64, 3) for request in requests)


@pytest.mark.parametrize(
    ("texts", "batches", "words"),
    [
        ([" \n"], None, "The prompt is empty"),
        ([""], [blank()], "The instruction is empty"),
        (["a", " ", "b"], None, "Prompt 2 of the 3"),
        (["a\nb"], [blank(3)], "3 images and 2 instructions"),
        (["a"], [blank(), blank(channels=4)], "Image 2 of 2: The image has 4 channels"),
        (["a"], [blank(), blank(side=1)], "Image 2 of 2: The image is 1x1"),
    ],
)
def test_what_cannot_be_used_is_named(texts, batches, words):
    with pytest.raises(GoTError, match=words):
        requests_of(texts, batches)


def test_variations_count_the_seed_up_from_the_same_one_for_each_prompt():
    requests = requests_of([PROMPTS], None)
    chains, samplings = variations_of(requests, Sampling(temperature=1, seed=SEEDS - 2), 3)
    assert chains == [requests[0]] * 3 + [requests[1]] * 3
    assert [sampling.seed for sampling in samplings] == [SEEDS - 2, SEEDS - 1, 0] * 2


# ------------------------------------------------------------------------------------------------------------ chains


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def tiny():
    with torch.inference_mode():
        return ManagedReasoner(TINY)


@pytest.fixture
def browser(monkeypatch):
    """What a browser would receive: texts under the node, and chains and notes as events."""
    received = SimpleNamespace(texts=[], chains=[], notes=[])
    events = {"got.chain": received.chains, "got.note": received.notes}
    server = SimpleNamespace(
        client_id="browser",
        send_progress_text=lambda text, node, client: received.texts.append(text),
        send_sync=lambda event, data, client: events[event].append(data["text"]),
    )
    for module in (managed, notes):
        monkeypatch.setattr(module, "PromptServer", SimpleNamespace(instance=server))
    return received


def called(node, **inputs):
    """A node's outputs, with the hidden inputs that ComfyUI gives it."""
    clone = type(node.__name__, (node,), {"hidden": SimpleNamespace(unique_id="7")})
    return clone.execute(**inputs).result


def several(reasoner, sampling, prompts=PROMPTS, max_length=256, constrain=True, **images):
    """The node as ComfyUI calls it, every value in a list."""
    values = {"reasoner": reasoner, "prompts": prompts, "max_length": max_length, "constrain": constrain}
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return called(GoTSeveralChains, sampling_mode={key: [value] for key, value in sampling.items()}, **lists, **images)


def one(node, reasoner, sampling, **inputs):
    return called(node, reasoner=reasoner, sampling_mode=sampling, max_length=256, constrain=True, **inputs)


def assert_same(together, alone):
    """Chain, text and boxes of each, and what the chain means to the reasoner."""
    chains, texts, boxes = together
    assert texts == [text for _, text, _ in alone] and boxes == [boxes for _, _, boxes in alone]
    for chain, (other, _, _) in zip(chains, alone, strict=True):
        assert (chain.prompt, chain.text, chain.cut, chain.size) == (other.prompt, other.text, other.cut, other.size)
        torch.testing.assert_close(chain.semantics.hidden, other.semantics.hidden, atol=1e-4, rtol=0)


def test_two_prompts_together_are_two_alone(tiny):
    prompts = [line.strip() for line in PROMPTS.splitlines() if line]
    assert_same(several(tiny, OFF), [one(ReasoningChain, tiny, OFF, prompt=prompt) for prompt in prompts])


def test_words_that_a_small_model_does_not_know_are_named_in_a_note(tiny, browser):
    one(ReasoningChain, tiny, OFF, prompt="a red circle and a fluffy cat")
    assert browser.notes[-1] == (
        "GoT-Tiny knows circles, squares, triangles and stars only. It does not know 'fluffy' and 'cat'."
    )
    one(ReasoningChain, tiny, OFF, prompt="Would you draw one red circle, please?")
    assert browser.notes[-1] == ""
    several(tiny, OFF, prompts="a red circle\na b c d e f g h")
    assert browser.notes[-1].startswith("2. GoT-Tiny") and "'b', 'c', 'd', 'e' and 'f' and more." in browser.notes[-1]


@pytest.mark.slow  # it takes seconds
def test_variations_are_what_the_seeds_write_alone(tiny):
    prompts = [line.strip() for line in PROMPTS.splitlines() if line]
    together = several(tiny, ON | {"seed": 3, "variations": 2})
    alone = [one(ReasoningChain, tiny, ON | {"seed": seed}, prompt=prompt) for prompt in prompts for seed in (3, 4)]
    assert_same(together, alone)
    assert together[1][0] != together[1][1]


def test_edits_of_a_batch_are_edits_one_by_one(tiny):
    images = torch.rand(2, 128, 128, 3, generator=torch.Generator().manual_seed(0))
    instruction = "make the red circle blue"
    together = several(tiny, OFF, prompts=instruction, images=[images])
    alone = [one(EditChain, tiny, OFF, image=part, instruction=instruction) for part in images.split(1)]
    assert_same(together, alone)


@pytest.mark.slow  # it takes seconds
def test_more_chains_than_memory_is_set_aside_for_are_the_same(tiny, monkeypatch):
    qwen, prompts, caches = tiny.reasoner.qwen, ["a star", "two stars", "a circle"], []
    new_cache = qwen.new_cache

    def noted(rows, capacity, like):
        caches.append((rows, new_cache(rows, capacity, like)))
        return caches[-1][1]

    monkeypatch.setattr(qwen, "new_cache", noted)
    expected = several(tiny, OFF, prompts=prompts)[1]
    size = sum(part.nbytes for parts in caches[0][1] for part in parts)
    for memory, rows in ((size, [3]), (size - 1, [2, 1]), (1, [1, 1, 1])):
        caches.clear()
        monkeypatch.setattr(managed, "_CACHE_MEMORY", memory)
        assert several(tiny, OFF, prompts=prompts)[1] == expected
        assert [count for count, _ in caches] == rows


def test_every_text_is_shown_and_the_first_goes_to_the_chain_editor(tiny, browser):
    _, texts, _ = several(tiny, OFF)
    plain = [text.replace("<|box_start|>", "").replace("<|box_end|>", "") for text in texts]
    assert browser.texts[-1] == f"1. {plain[0]}\n\n2. {plain[1]}"
    assert browser.chains[-1] == plain[0]


def test_stop_ends_all_of_them_within_a_token(tiny, browser, monkeypatch):
    checks = []  # how often Stop was checked since something was written

    def interrupted():
        checks.extend(browser.chains[:1])
        if len(checks) > 7:
            raise comfy.model_management.InterruptProcessingException()

    monkeypatch.setattr(comfy.model_management, "throw_exception_if_processing_interrupted", interrupted)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        several(tiny, OFF)
    assert len(checks) == 8
    assert browser.texts[-1].startswith("1. ") and "\n\n2. " in browser.texts[-1], "what was written stays to be read"


def test_a_chain_that_cannot_be_drawn_does_not_lose_the_others(tiny, browser, monkeypatch):
    def refused(text):
        if "circles" in text:
            raise ChainError("Box 1 '(9,0),(5,9)' is empty")
        return parse_regions(text)

    monkeypatch.setattr("got.got_models.reasoner.reasoner.parse_regions", refused)
    chains, texts, boxes = several(tiny, ON | {"seed": 5, "variations": 1})
    assert all(isinstance(row[0], ExecutionBlocker) for row in (chains, texts, boxes))
    assert chains[0].message.startswith("Chain 1 of 2 ('two white circles', seed 5) cannot be drawn. The other")
    assert "(9,0),(5,9)" in chains[0].message and browser.notes[-1].startswith("1. This chain cannot be drawn: Box 1")
    assert texts[0].message is None, "the message comes once"
    assert chains[1].regions and texts[1] == chains[1].text and boxes[1]
    with pytest.raises(ChainError, match="is empty"):
        several(tiny, OFF, prompts="two white circles\nthree white circles")
