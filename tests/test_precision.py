"""The dtype of weights in memory: ComfyUI's flags come first, then memory. A mapped weight is never copied."""

from pathlib import Path

import comfy.memory_management
import comfy.model_management
import pytest
import torch
from comfy.cli_args import args
from got.got_models.chain.grammar import TEXT_TO_IMAGE, read_chain
from got.got_models.comfy import precision
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.comfy.unet import load_unet
from got.got_models.files.manifest import UNET
from got.got_models.reasoner.loading import load_reasoner
from got.tests.test_unet import noise_by_comfyui, some_inputs

SUPPORTED = [torch.float16, torch.bfloat16, torch.float32]
BF16, FP32, FP8 = torch.bfloat16, torch.float32, torch.float8_e4m3fn
BILLION = 10**9
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture
def folder(random_models):
    return random_models["bf16"]


@pytest.fixture
def machine(monkeypatch):
    """A CPU with so many GB, or a card."""

    def make(memory=24, card=False, bf16=False):
        monkeypatch.setattr(comfy.model_management, "get_total_memory", lambda device=None: memory * BILLION)
        monkeypatch.setattr(comfy.model_management, "is_device_cpu", lambda device: not card)
        monkeypatch.setattr(comfy.model_management, "should_use_bf16", lambda *a, **k: bf16)

    return make


@pytest.fixture
def short_of_memory(monkeypatch):
    monkeypatch.setattr(precision, "SHARE", 1e12)


@pytest.mark.parametrize(
    "count, stored, memory, expected",
    [(4, BF16, 24, BF16), (4, BF16, 100, FP32), (4, FP32, 8, FP32), (1, BF16, 24, FP32)],
)
def test_on_a_cpu_weights_are_cast_where_there_is_room(machine, count, stored, memory, expected):
    machine(memory)
    assert precision.unet_dtype(count * BILLION, stored, SUPPORTED) == expected
    assert precision.reasoner_stays(count * BILLION, stored) == (expected == BF16)


def test_on_a_card_without_bf16_weights_stay_as_they_are_stored(machine):
    machine(100, card=True)
    assert precision.reasoner_stays(1000, BF16) and precision.reasoner_dtype() == FP32


def test_on_a_card_with_bf16_everything_is_bf16(machine):
    machine(24, card=True, bf16=True)
    assert precision.reasoner_dtype() == BF16 and precision.unet_dtype(1000, BF16, SUPPORTED) == BF16
    assert not precision.reasoner_stays(1000, FP32)  # they are cast


@pytest.mark.parametrize(
    "flag, dtype", [("bf16_unet", BF16), ("fp16_unet", torch.float16), ("fp32_unet", FP32), ("fp8_e4m3fn_unet", FP8)]
)
@pytest.mark.parametrize("memory", [1, 1000])
def test_the_users_flags_decide_first(machine, monkeypatch, flag, dtype, memory):
    machine(memory)
    monkeypatch.setattr(args, flag, True)
    assert precision.unet_dtype(4 * BILLION, BF16, SUPPORTED) == dtype


def test_an_fp8_model_is_not_made_fp8_once_more(machine, monkeypatch):
    machine(24)
    monkeypatch.setattr(args, "fp8_e4m3fn_unet", True)
    assert precision.unet_dtype(1 * BILLION, BF16, SUPPORTED, fp8=True) == BF16


@pytest.mark.parametrize("stored, expected", [(BF16, True), (FP32, False)])
def test_bf16_text_encoders_keep_a_small_file_small(machine, monkeypatch, stored, expected):
    machine(1000)
    monkeypatch.setattr(args, "bf16_text_enc", True)
    assert precision.reasoner_stays(1000, stored) == expected


def test_fp32_text_encoders_mean_the_reasoner_too(machine, monkeypatch):
    machine(1, card=True, bf16=True)
    monkeypatch.setattr(args, "fp32_text_enc", True)
    assert precision.reasoner_dtype() == FP32 and not precision.reasoner_stays(4 * BILLION, BF16)


@pytest.mark.slow  # it takes seconds
def test_weights_that_keep_their_type_are_those_of_the_file_and_not_copies(folder, short_of_memory):
    """A mapped file takes no memory until it is read: each weight is within one mapping of its file."""
    networks = ManagedReasoner(folder).patcher.model, load_unet(folder / UNET).model.diffusion_model
    for network in networks:
        large = [parameter for parameter in network.parameters() if parameter.ndim > 1 and parameter.dtype == BF16]
        assert len(large) > 20 and all(is_mapped(parameter) for parameter in large)


def is_mapped(tensor):
    """Whether a tensor is in a file that is mapped into this process."""
    address = tensor.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end:
            return line.endswith(".safetensors")
    return False


def test_weights_kept_in_bf16_are_computed_with_in_fp32(folder, short_of_memory):
    chain = read_chain("A cup (120,300),(480,760) (red) stands on a table.", TEXT_TO_IMAGE, "a red cup", None)
    stored, cast = ManagedReasoner(folder), load_reasoner(folder, FP32)
    assert stored.reasoner.network.language_model.lm_head.weight.dtype == BF16
    torch.testing.assert_close(stored.semantics(chain).hidden, cast.semantics(chain).hidden, atol=1e-5, rtol=1e-5)


def test_a_unet_kept_in_bf16_predicts_what_the_same_weights_in_fp32_do(folder, monkeypatch):
    inputs = some_inputs()
    expected = noise_by_comfyui(load_unet(folder / UNET), inputs, 501)
    monkeypatch.setattr(precision, "SHARE", 1e12)
    stored = load_unet(folder / UNET)
    assert stored.model.diffusion_model.out[2].weight.dtype == BF16
    torch.testing.assert_close(noise_by_comfyui(stored, inputs, 501), expected, atol=1e-5, rtol=0)


def test_a_unet_loads_where_comfyuis_layers_are_empty_until_they_are_filled(folder, monkeypatch):
    """With DynamicVRAM a layer has no weight, not even a shape, before one is assigned."""
    inputs = some_inputs()
    expected = noise_by_comfyui(load_unet(folder / UNET), inputs, 501)
    monkeypatch.setattr(comfy.memory_management, "aimdo_enabled", True)
    lazily = load_unet(folder / UNET)
    monkeypatch.undo()
    torch.testing.assert_close(noise_by_comfyui(lazily, inputs, 501), expected, atol=1e-6, rtol=0)


def test_channels_last_is_kept_when_asked_for(folder, monkeypatch):
    inputs = some_inputs()
    expected = noise_by_comfyui(load_unet(folder / UNET), inputs, 501)
    monkeypatch.setattr(comfy.model_management, "force_channels_last", lambda: True)
    patcher = load_unet(folder / UNET)
    assert patcher.model.diffusion_model.out[2].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(noise_by_comfyui(patcher, inputs, 501), expected, atol=1e-5, rtol=0)


LOADERS = {"reasoner": ManagedReasoner, "unet": lambda folder: load_unet(folder / UNET)}


@pytest.mark.parametrize("network", LOADERS)
def test_loading_looks_for_stop_at_every_tensor(folder, monkeypatch, network):
    """Stop is checked at each weight that is read or cast: stopped at the last check, nothing is loaded."""
    look = Look()
    monkeypatch.setattr(comfy.model_management, "throw_exception_if_processing_interrupted", look)
    LOADERS[network](folder)
    assert look.count > 100
    look.stop_at, look.count = look.count, 0
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        LOADERS[network](folder)


class Look:
    """Counts how often ComfyUI is asked whether to stop; the answer is yes at one of them."""

    count, stop_at = 0, None

    def __call__(self):
        self.count += 1
        if self.count == self.stop_at:
            raise comfy.model_management.InterruptProcessingException
