"""When the step of a token is captured as a CUDA graph, and that a failed capture never loses a chain.

A real capture needs a card: see test_devices.py. Here it is replaced by an eager step with a note of it, or it fails.
"""

import gc
import weakref
from types import SimpleNamespace

import pytest
import torch
from got.got_models.chain.grammar import TEXT_TO_IMAGE
from got.got_models.chain.request import Request
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.files.manifest import TINY
from got.got_models.reasoner import cuda_graph
from got.got_models.reasoner.cuda_graph import EAGER_STEPS, EagerStep
from got.got_models.reasoner.loading import load_reasoner
from got.got_models.reasoner.sampling import Sampling

REQUEST = Request(TEXT_TO_IMAGE, "a red circle left of a blue square")


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def loaded():
    with torch.inference_mode():
        return load_reasoner(TINY, torch.float32)


@pytest.fixture(scope="module")
def expected(loaded):
    with torch.inference_mode():
        return loaded.write(REQUEST, Sampling())


@pytest.fixture
def reasoner(loaded, monkeypatch):
    """A reasoner whose steps may be captured."""
    monkeypatch.setattr(loaded, "_can_capture", lambda: True)
    return loaded


@pytest.fixture
def captured(monkeypatch):
    """The steps that were captured, over the whole cache; each knows how often it was called."""
    made = []

    class Captured:
        def __init__(self, qwen, kv_cache, inputs):
            self.qwen, self.kv_cache, self.count = qwen, kv_cache, 0
            cuda_graph.decode_step(qwen, inputs, kv_cache.capacity, kv_cache)  # the warm-up
            made.append(weakref.ref(self))

        def __call__(self, inputs):
            self.count += 1
            return cuda_graph.decode_step(self.qwen, inputs, self.kv_cache.capacity, self.kv_cache)

    monkeypatch.setattr(cuda_graph, "CUDAGraphStep", Captured)
    return made


def test_a_step_is_captured_after_some_eager_ones_and_the_chain_is_the_same(reasoner, captured, expected):
    counts = []

    def look(count, text):
        if captured:
            counts.append(captured[0]().count)

    chain = reasoner.write(REQUEST, Sampling(), on_token=look)
    assert chain.text == expected.text and len(captured) == 1
    torch.testing.assert_close(chain.semantics.hidden, expected.semantics.hidden, atol=1e-4, rtol=0)
    assert counts[:3] == [1, 2, 3], "each token after the capture is a replay"


@pytest.mark.parametrize(("tokens", "times"), [(EAGER_STEPS + 1, 0), (EAGER_STEPS + 2, 1)])
def test_a_chain_of_few_tokens_is_not_worth_it(reasoner, captured, tokens, times):
    reasoner.write(REQUEST, Sampling(), tokens)
    assert len(captured) == times


def test_each_batch_of_chains_captures_its_own(reasoner, captured, expected):
    other = Request(TEXT_TO_IMAGE, "a star")
    chains = reasoner.write_all([REQUEST, other], [Sampling()] * 2, cache_memory=1)
    assert len(captured) == 2 and chains[0].text == expected.text


def test_a_graph_is_freed_with_its_chain_written_or_stopped(reasoner, captured):
    class Stopped(Exception):
        pass

    def stop(count, text):
        if count == EAGER_STEPS + 5:
            raise Stopped

    gc.disable()  # nothing may wait for it: a graph holds memory of the card
    try:
        reasoner.write(REQUEST, Sampling())
        with pytest.raises(Stopped):
            reasoner.write(REQUEST, Sampling(), on_token=stop)
        assert [step() for step in captured] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("fails", ["capture", "first call"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("out of memory"), TypeError("no kernel")])
def test_a_step_that_cannot_be_captured_stays_eager(reasoner, expected, monkeypatch, caplog, fails, error):
    tried = []

    def fail(*inputs):
        tried.append(len(inputs))
        raise error

    def capture(qwen, kv_cache, inputs):
        return fail(qwen, kv_cache, inputs) if fails == "capture" else fail

    monkeypatch.setattr(cuda_graph, "CUDAGraphStep", capture)
    caplog.set_level("WARNING")
    chain = reasoner.write(REQUEST, Sampling())
    assert chain.text == expected.text and len(tried) == 1
    assert [message.levelname for message in caplog.records] == ["WARNING"] and str(error) in caplog.text


def test_a_lookup_text_that_is_right_needs_no_capture(reasoner, captured, expected):
    looked_up = Request(TEXT_TO_IMAGE, REQUEST.prompt, lookup_text=expected.text)
    assert reasoner.write(looked_up, Sampling()).text == expected.text and not captured


def test_a_lookup_text_of_nothing_alike_is_decoded_with_a_graph(reasoner, captured, expected):
    looked_up = Request(TEXT_TO_IMAGE, REQUEST.prompt, lookup_text="nothing")
    assert reasoner.write(looked_up, Sampling()).text == expected.text and len(captured) == 1


# ----------------------------------------------------------------------------------------------- whether it may be


CARD, CPU = torch.device("cuda", 0), torch.device("cpu")


def on(*devices):
    """A network whose weights are on these devices."""
    return SimpleNamespace(parameters=lambda: iter([SimpleNamespace(device=device) for device in devices]))


@pytest.mark.parametrize(
    ("device", "weights", "use_cuda_graph", "may"),
    [
        (CARD, [CARD, CARD], True, True),
        (CARD, [CARD, CARD], False, False),
        (CARD, [CARD, CPU], True, False),  # loaded in part, or under DynamicVRAM
        (CPU, [CPU, CPU], True, False),
    ],
)
def test_steps_are_captured_where_a_card_holds_every_weight(loaded, monkeypatch, device, weights, use_cuda_graph, may):
    monkeypatch.setattr(loaded, "device", device)
    monkeypatch.setattr(loaded, "use_cuda_graph", use_cuda_graph)
    monkeypatch.setattr(loaded, "network", SimpleNamespace(language_model=on(*weights)))
    assert loaded._can_capture() is may


@pytest.mark.parametrize(("patched", "may"), [(False, True), (True, False)])
def test_no_step_is_captured_whose_weights_are_patched_at_run_time(monkeypatch, patched, may):
    managed = ManagedReasoner(TINY)
    managed._load()
    if patched:
        layer = managed.reasoner.qwen.text_model.layers[0].mlp.up_proj
        layer.weight_function, layer.comfy_cast_weights = [lambda weight: weight], True
    managed.write(REQUEST, Sampling(), 2, True, None)
    assert managed.reasoner.use_cuda_graph is may


EAGER_STEP = "got.got_models.reasoner.reasoner.EagerStep"


def test_without_a_card_every_step_is_eager(loaded, monkeypatch):
    steps = []
    monkeypatch.setattr(EAGER_STEP, lambda *inputs: steps.append(1) or EagerStep(*inputs))
    loaded.write(REQUEST, Sampling(), 4)
    assert steps == [1] and loaded.use_cuda_graph
