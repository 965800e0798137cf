"""fp8 models: what is stored, that all layers agree on it, and how far the results are from full precision."""

import json

import pytest
import torch
from got.got_models.chain.grammar import TEXT_TO_IMAGE, read_chain
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.comfy.unet import load_unet
from got.got_models.files import fp8
from got.got_models.files.fp8 import Fp8Linear, dequantize, quantize
from got.got_models.files.manifest import UNET
from got.got_models.files.weights import WeightsError, read_header, read_metadata
from got.got_models.reasoner.loading import load_reasoner
from got.tests.test_unet import noise_by_comfyui, some_inputs
from safetensors.torch import load_file, save_file

CHAIN = "A cup (120,300),(480,760) (red) stands on a table."
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture
def folders(random_models):
    return random_models["bf16"], random_models["fp8"]


def relative(actual, expected):
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_a_matrix_comes_back_to_within_an_eighth_of_each_number(scale):
    weight = torch.randn(64, 32, generator=torch.Generator().manual_seed(0)) * scale
    back = dequantize(*quantize(weight), torch.float32)
    assert ((back - weight).abs() <= weight.abs() / 16 + scale * 1e-4).all()


def test_a_matrix_of_zeros_stays_one():
    assert not dequantize(*quantize(torch.zeros(4, 4)), torch.float32).any()


def test_attention_and_feed_forward_are_fp8_and_nothing_else(folders):
    bf16, fp8 = folders
    for part, expected in (("reasoner/model.safetensors", 2 * 7), (UNET, None)):
        before, after = read_header(bf16 / part), read_header(fp8 / part)
        layers = json.loads(read_metadata(fp8 / part)["_quantization_metadata"])["layers"]
        kinds = {name: info.dtype for name, info in after.items()}
        changed = {name.removesuffix(".weight") for name in before if kinds[name] == "F8_E4M3"}
        assert changed == set(layers) and (expected is None or len(changed) == expected)
        assert all(kinds[f"{layer}.weight_scale"] == "F32" for layer in layers)
        assert {kinds[name] for name in before} == {"F8_E4M3", "BF16"}
        assert not [name for name in changed if "norm" in name or "embed" in name or "conv" in name or "visual" in name]


def test_comfyuis_layer_computes_what_the_plain_one_does(folders):
    plain, managed = load_reasoner(folders[1], torch.float32), ManagedReasoner(folders[1])
    chain = read_chain(CHAIN, TEXT_TO_IMAGE, "a red cup", None)
    assert sum(isinstance(module, Fp8Linear) for module in plain.network.modules()) == 14
    torch.testing.assert_close(managed.semantics(chain).hidden, plain.semantics(chain).hidden, atol=1e-5, rtol=1e-5)


def test_reasoner_in_fp8_is_near_that_in_bf16(folders):
    chain = read_chain(CHAIN, TEXT_TO_IMAGE, "a red cup", None)
    bf16, fp8 = (load_reasoner(folder, torch.float32).semantics(chain).hidden for folder in folders)
    assert 1e-4 < relative(fp8, bf16) < 0.15


def test_unet_in_fp8_is_near_that_in_bf16(folders):
    inputs = some_inputs()
    bf16, fp8 = (noise_by_comfyui(load_unet(folder / UNET), inputs, 501) for folder in folders)
    assert 1e-4 < relative(fp8, bf16) < 0.05


def test_unet_in_fp8_computes_with_its_dequantized_weights(folders, tmp_path):
    tensors = load_file(folders[1] / UNET)
    plain = {
        name: dequantize(tensor, tensors[f"{name}_scale"], torch.float32) if tensor.dtype == fp8.DTYPE else tensor
        for name, tensor in tensors.items()
        if not name.endswith("_scale")
    }
    save_file({name: tensor.float() for name, tensor in plain.items()}, tmp_path / UNET)
    inputs = some_inputs()
    ours, expected = (noise_by_comfyui(load_unet(path), inputs, 501) for path in (folders[1] / UNET, tmp_path / UNET))
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_fp8_networks_loaded_in_part_give_the_same(folders):
    chain, inputs = read_chain(CHAIN, TEXT_TO_IMAGE, "a red cup", None), some_inputs()
    reasoner, unet = ManagedReasoner(folders[1]), load_unet(folders[1] / UNET)
    whole = reasoner.semantics(chain).hidden, noise_by_comfyui(unet, inputs, 501)
    for patcher in (reasoner.patcher, unet):
        patcher.unpatch_model(patcher.offload_device)
        patcher.load(patcher.load_device, lowvram_model_memory=patcher.model_size() // 2)
        assert patcher.model.model_lowvram and 0 < patcher.loaded_size() < patcher.model_size()
    assert torch.equal(reasoner.reasoner.semantics(chain).hidden, whole[0])
    assert torch.equal(noise_by_comfyui(unet, inputs, 501), whole[1])


def test_another_quantization_is_refused_by_name(folders, tmp_path):
    layers = {"a": {"format": "nvfp4"}}
    save_file(
        {"a.weight": torch.zeros(2)},
        tmp_path / "other.safetensors",
        {"_quantization_metadata": json.dumps({"layers": layers})},
    )
    with pytest.raises(WeightsError, match=r"nvfp4.*--dtype fp8"):
        fp8.quantized_layers(tmp_path / "other.safetensors")


def test_a_lost_scale_is_named(folders, tmp_path):
    tensors = load_file(folders[1] / UNET)
    lost = next(name for name in tensors if name.endswith("_scale"))
    del tensors[lost]
    save_file(tensors, tmp_path / UNET, read_metadata(folders[1] / UNET))
    with pytest.raises(WeightsError, match="scales of its fp8 weights"):
        load_unet(tmp_path / UNET)
