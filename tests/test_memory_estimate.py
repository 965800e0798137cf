"""The memory estimate: bytes from headers against ComfyUI's own counts, and what fits on a device of some size."""

import json
import shutil

import comfy.model_management
import pytest
import torch
from got.got_models.comfy.memory_estimate import memory_estimate
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.comfy.unet import load_unet
from got.got_models.files.manifest import TINY, UNET
from got.got_models.files.memory_estimate import (
    PARTS,
    TOGETHER,
    TURNS,
    Need,
    cache_bytes,
    fits,
    loaded_bytes,
    reasoner_need,
    unet_need,
)
from got.got_models.files.weights import TensorInfo, WeightsError
from transformers import DynamicCache

GB = 10**9
REASONER, UNET_NEED, RESERVE = Need(8 * GB, 0), Need(5 * GB, GB // 2), GB
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")


@pytest.fixture
def folders(random_models):
    return random_models


@pytest.fixture
def forced(monkeypatch):
    """Keep weights as they are stored, as on a GPU or with little memory."""

    def force(stays):
        monkeypatch.setattr("got.got_models.comfy.precision.stays", lambda count, stored, dtype: stays)

    return force


@pytest.mark.parametrize("dtype", ["bf16", "fp8"])
@pytest.mark.parametrize("stays", [False, True])
def test_weights_are_as_many_bytes_as_comfyui_counts(folders, forced, dtype, stays):
    forced(stays)
    folder = folders[dtype]
    with torch.inference_mode():
        reasoner, unet = ManagedReasoner(folder).patcher.model_size(), load_unet(folder / UNET).model_size()
    stored = torch.bfloat16 if stays else torch.float32
    assert reasoner_need(folder, torch.float32, stays).weights == pytest.approx(reasoner, rel=0.01)
    assert unet_need(folder, stored, torch.float32).weights == pytest.approx(unet, rel=0.01)


def test_the_work_of_a_step_is_comfyuis_estimate(monkeypatch):
    monkeypatch.setattr(comfy.model_management, "pytorch_attention_flash_attention", lambda: True)
    model = load_unet(TINY / UNET).model
    model.manual_cast_dtype = torch.bfloat16
    expected = model.memory_required([2, 4, 16, 16])
    assert unet_need(TINY, torch.float32, torch.bfloat16).work == pytest.approx(expected, rel=0.01)


def test_the_cache_is_as_large_as_transformers_makes_it():
    config = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2}
    cache = DynamicCache()
    for layer in range(3):
        cache.update(*torch.zeros(2, 1, 2, 50, 16).unbind(), layer)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert cache_bytes(config, 50, torch.float32) == held


def test_fp8_weights_and_scales_keep_their_size():
    header = {"a.weight": TensorInfo("F8_E4M3", (10, 10)), "a.weight_scale": TensorInfo("F32", ())}
    assert loaded_bytes(header, torch.float32) == 104


@pytest.mark.parametrize(
    "free, expected",
    [(14 * GB, TOGETHER), (14 * GB - 1, TURNS), (9 * GB, TURNS), (9 * GB - 1, PARTS), (0, PARTS)],
)
def test_what_fits(free, expected):
    assert fits(REASONER, UNET_NEED, free, RESERVE) == expected


def test_work_beyond_the_reserve_counts():
    assert fits(REASONER, Need(5 * GB, 2 * GB), 14 * GB, RESERVE) == TURNS


def test_of_the_bundled_model_on_this_machine():
    estimate = memory_estimate("GoT-Tiny (bundled)")
    assert estimate["fits"] == TOGETHER
    assert 0 < estimate["free"] <= comfy.model_management.get_total_memory()


def test_without_video_memory_everything_comes_in_parts(monkeypatch):
    monkeypatch.setattr(comfy.model_management, "vram_state", comfy.model_management.VRAMState.NO_VRAM)
    assert memory_estimate("GoT-Tiny (bundled)")["fits"] == PARTS


def test_memory_that_comfyui_would_free_counts_as_free(monkeypatch):
    device, loaded = torch.device("cpu"), load_unet(TINY / UNET)
    monkeypatch.setattr(comfy.model_management, "get_free_memory", lambda device: GB)
    monkeypatch.setattr(comfy.model_management, "current_loaded_models", [])
    assert memory_estimate("GoT-Tiny (bundled)")["free"] == GB
    comfy.model_management.load_models_gpu([loaded])
    assert loaded.load_device == device
    assert memory_estimate("GoT-Tiny (bundled)")["free"] == GB + loaded.loaded_size()


def test_types_that_no_model_of_ours_has_are_counted_all_the_same():
    header = {"a.weight": TensorInfo("F8_E8M0", (4,)), "a.weight_scale": TensorInfo("I16", (2,))}
    assert loaded_bytes(header, torch.float32) >= 4


@pytest.mark.parametrize("value", [0, -1, "x", None, float("inf"), []])
def test_a_config_without_usable_sizes_is_refused(tmp_path, value):
    folder = shutil.copytree(TINY, tmp_path / "Other")
    config = json.loads((folder / "reasoner" / "config.json").read_text()) | {"num_attention_heads": value}
    (folder / "reasoner" / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"config\.json cannot be read"):
        reasoner_need(folder, torch.float32, False)
