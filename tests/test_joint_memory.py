"""What the real size needs: the parts that can be checked against known numbers.

Run: python dev.py test tests/test_joint_memory.py
"""

import pytest
import torch
from got.training.joint import memory
from got.training.joint.config import changed, read_config
from got.training.joint.memory import kept_bytes, real_networks, weight_table
from torch import nn

pytestmark = pytest.mark.slow  # it measures whole training steps

SDXL_UNET = 2_567_463_684  # parameters, as published
QWEN = 3_754_622_976  # parameters of Qwen2.5-VL-3B, as published, its head tied to its embeddings
EMBEDDINGS = 151936 * 2048


@pytest.fixture(scope="module")
def table():
    with torch.device("meta"):
        return weight_table(real_networks(read_config("pretrain")))


def test_the_unet_has_sdxls_weights_and_eight_more_channels(table):
    assert table["unet"]["trained parameters"] == SDXL_UNET + 320 * 8 * 3 * 3
    assert table["unet"]["frozen weights"] == 0


def test_the_language_model_is_frozen_in_bf16_beside_what_is_trained(table):
    assert table["language"]["frozen weights"] == 2 * (QWEN + EMBEDDINGS)
    language = 36 * 32 * ((2048 + 2048) * 2 + (2048 + 256) * 2 + (2048 + 11008) * 3)
    vision = 32 * 32 * 3 * (1280 + 3420)
    saved = 2 * EMBEDDINGS + 36 * 2 * 2048
    assert table["language"]["trained parameters"] == language + vision + saved


def test_adam_takes_twice_what_the_gradients_take(table):
    for row in table.values():
        assert row["Adam"] == 2 * row["gradients"] == 8 * row["trained parameters"]


def test_whole_steps_can_be_measured_where_there_is_memory(monkeypatch):
    text = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"num_key_value_heads": 1, "vocab_size": 100}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 6, 6]}
    vision = memory.LANGUAGE["vision_config"] | {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2}
    language = {"text_config": text, "vision_config": vision | {"out_hidden_size": 64}, "tie_word_embeddings": False}
    widths = {"block_out_channels": (32, 64, 64), "transformer_layers_per_block": (1, 1, 1), "layers_per_block": 1}
    monkeypatch.setattr(memory, "LANGUAGE", language)
    unet = memory.UNET_SIZES | widths | {"attention_head_dim": (1, 1, 1), "cross_attention_dim": 2048}
    monkeypatch.setattr(memory, "UNET_SIZES", unet)
    monkeypatch.setattr(memory, "HIDDEN", 64)
    config = changed(read_config("pretrain"), {"width": 64, "height": 64})
    weights, predict = [], memory.predict

    def recorded(parts, *given):
        weights.append({name: p.detach().clone() for name, p in parts.named_parameters() if p.requires_grad})
        return predict(parts, *given)

    monkeypatch.setattr(memory, "predict", recorded)
    seconds = memory.whole_steps(config, rows=2, device=torch.device("cpu"), steps=2, tokens=80)
    assert len(seconds) == len(weights) == 2
    moved = {name for name, first in weights[0].items() if not first.equal(weights[1][name])}
    for part in ("language.lm_head", "language.model.language_model", "context", "pooled", "unet"):
        assert any(name.startswith(part) for name in moved), part


def test_what_autograd_keeps_is_counted_once_and_without_weights():
    parts = nn.ModuleDict({"first": nn.Linear(4, 4, bias=False), "second": nn.Linear(4, 4, bias=False)})
    inputs = torch.ones(3, 4, requires_grad=True)
    with kept_bytes(parts) as total:
        parts["first"](inputs) + parts["second"](inputs)
    assert total == [3 * 4 * 4]
