"""When the step of a token is recorded, and that a chain is never lost by it. What is recorded itself needs a card.

See test_devices.py for that. Here a recording is a plain step with a note of it, or fails.
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
from got.got_models.reasoner.cuda_graph import PLAIN, PlainStep
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
    """A reasoner whose steps may be recorded."""
    monkeypatch.setattr(loaded, "_can_record", lambda: True)
    return loaded


@pytest.fixture
def recorded(monkeypatch):
    """Steps as they are recorded, over the whole cache; how often each was called."""
    made = []

    class Recorded:
        def __init__(self, language, cache, inputs):
            self.language, self.cache, self.count = language, cache, 0
            cuda_graph.read_one_token(language, inputs, cache.keys[0].shape[2], cache)  # a trial run
            made.append(weakref.ref(self))

        def __call__(self, inputs):
            self.count += 1
            return cuda_graph.read_one_token(self.language, inputs, self.cache.keys[0].shape[2], self.cache)

    monkeypatch.setattr(cuda_graph, "RecordedStep", Recorded)
    return made


def test_a_step_is_recorded_after_some_plain_ones_and_the_chain_is_the_same(reasoner, recorded, expected):
    counts = []

    def look(count, text):
        if recorded:
            counts.append(recorded[0]().count)

    chain = reasoner.write(REQUEST, Sampling(), on_token=look)
    assert chain.text == expected.text and len(recorded) == 1
    torch.testing.assert_close(chain.semantics.hidden, expected.semantics.hidden, atol=1e-4, rtol=0)
    assert counts[:3] == [1, 2, 3], "each token after the recording is a replay"


@pytest.mark.parametrize(("tokens", "times"), [(PLAIN + 1, 0), (PLAIN + 2, 1)])
def test_a_chain_of_few_tokens_is_not_worth_it(reasoner, recorded, tokens, times):
    reasoner.write(REQUEST, Sampling(), tokens)
    assert len(recorded) == times


def test_each_group_of_chains_records_its_own(reasoner, recorded, expected):
    other = Request(TEXT_TO_IMAGE, "a star")
    chains = reasoner.write_all([REQUEST, other], [Sampling()] * 2, cache_memory=1)
    assert len(recorded) == 2 and chains[0].text == expected.text


def test_what_was_recorded_goes_with_the_chain_written_or_stopped(reasoner, recorded):
    class Stopped(Exception):
        pass

    def stop(count, text):
        if count == PLAIN + 5:
            raise Stopped

    gc.disable()  # nothing may wait for it: a graph holds memory of the card
    try:
        reasoner.write(REQUEST, Sampling())
        with pytest.raises(Stopped):
            reasoner.write(REQUEST, Sampling(), on_token=stop)
        assert [step() for step in recorded] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("fails", ["recording", "first call"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError("out of memory"), TypeError("no kernel")])
def test_a_step_that_cannot_be_recorded_stays_plain(reasoner, expected, monkeypatch, caplog, fails, error):
    tried = []

    def fail(*inputs):
        tried.append(len(inputs))
        raise error

    def record(language, cache, inputs):
        return fail(language, cache, inputs) if fails == "recording" else fail

    monkeypatch.setattr(cuda_graph, "RecordedStep", record)
    caplog.set_level("WARNING")
    chain = reasoner.write(REQUEST, Sampling())
    assert chain.text == expected.text and len(tried) == 1
    assert [message.levelname for message in caplog.records] == ["WARNING"] and str(error) in caplog.text


def test_a_draft_that_comes_true_records_nothing(reasoner, recorded, expected):
    drafted = Request(TEXT_TO_IMAGE, REQUEST.prompt, lookup_text=expected.text)
    assert reasoner.write(drafted, Sampling()).text == expected.text and not recorded


def test_a_draft_of_nothing_alike_is_written_with_recorded_steps(reasoner, recorded, expected):
    drafted = Request(TEXT_TO_IMAGE, REQUEST.prompt, lookup_text="nothing")
    assert reasoner.write(drafted, Sampling()).text == expected.text and len(recorded) == 1


# ----------------------------------------------------------------------------------------------- whether it may be


CARD, CPU = torch.device("cuda", 0), torch.device("cpu")


def on(*devices):
    """A network whose weights are on these devices."""
    return SimpleNamespace(parameters=lambda: iter([SimpleNamespace(device=device) for device in devices]))


@pytest.mark.parametrize(
    ("device", "weights", "recorded", "may"),
    [
        (CARD, [CARD, CARD], True, True),
        (CARD, [CARD, CARD], False, False),
        (CARD, [CARD, CPU], True, False),  # loaded in part, or under DynamicVRAM
        (CPU, [CPU, CPU], True, False),
    ],
)
def test_steps_are_recorded_where_a_card_holds_every_weight(loaded, monkeypatch, device, weights, recorded, may):
    monkeypatch.setattr(loaded, "device", device)
    monkeypatch.setattr(loaded, "recorded", recorded)
    monkeypatch.setattr(loaded, "network", SimpleNamespace(language_model=on(*weights)))
    assert loaded._can_record() is may


@pytest.mark.parametrize(("patched", "may"), [(False, True), (True, False)])
def test_no_step_is_recorded_whose_weights_are_patched_as_it_runs(monkeypatch, patched, may):
    managed = ManagedReasoner(TINY)
    managed._load()
    if patched:
        layer = managed.reasoner.language.layers.layers[0].mlp.up_proj
        layer.weight_function, layer.comfy_cast_weights = [lambda weight: weight], True
    managed.write(REQUEST, Sampling(), 2, True, None)
    assert managed.reasoner.recorded is may


PLAIN_STEP = "got.got_models.reasoner.reasoner.PlainStep"


def test_without_a_card_every_step_is_plain(loaded, monkeypatch):
    steps = []
    monkeypatch.setattr(PLAIN_STEP, lambda *inputs: steps.append(1) or PlainStep(*inputs))
    loaded.write(REQUEST, Sampling(), 4)
    assert steps == [1] and loaded.recorded
