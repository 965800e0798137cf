"""The reasoner under ComfyUI's memory management against the same one without it.

Runs with the newest transformers and, by `python dev.py test`, with the oldest that ComfyUI accepts.
"""

import shutil
from types import SimpleNamespace

import comfy.model_management
import comfy.model_patcher
import pytest
import torch
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, read_chain
from got.got_models.chain.request import Request
from got.got_models.comfy.linear import Linear
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.files.manifest import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from got.got_models.reasoner.loading import load_reasoner
from got.got_models.reasoner.prompt import NEW_TOKENS
from got.got_models.reasoner.sampling import Sampling
from got.tools.oracle.qwen import Sizes, store_in_fp8, write_mllm_folder
from safetensors.torch import load_file, save_file
from torch import nn

pytestmark = pytest.mark.transformers_oldest

SIZES = Sizes(language={"tie_word_embeddings": False})
CHAIN = "A cup (120,300),(480,760) (red) stands on a table."


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder with a random reasoner in it; the UNet and VAE are empty files, for they are not read here."""
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        tokenizer = write_mllm_folder(folder / REASONER, SIZES, torch.float32)
        projectors = {f"{name}.weight": torch.randn(width, 64) for name, width in (("context", 48), ("pooled", 80))}
        projectors |= {f"{name}.bias": torch.randn(width) for name, width in (("context", 48), ("pooled", 80))}
        head = torch.randn(SIZES.vocabulary, 64)
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    tokenizer.save_pretrained(folder / REASONER)
    weights = folder / REASONER / "model.safetensors"
    save_file({**load_file(weights), "lm_head.weight": head}, weights)
    save_file(projectors, folder / PROJECTORS)
    write_manifest(folder, published_manifest("random"))
    for name in (UNET, VAE):
        (folder / name).touch()
    return folder


@pytest.fixture(scope="module")
def pair(folder):
    with torch.inference_mode():
        return SimpleNamespace(managed=ManagedReasoner(folder), plain=load_reasoner(folder, torch.float32))


def chain_for(task):
    image = torch.rand(1, 40, 60, 3, generator=torch.Generator().manual_seed(0)) if task == EDIT else None
    return read_chain(CHAIN, task, "a red cup", image)


@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
def test_hidden_states_and_conditions_are_the_same(pair, task):
    ours, expected = pair.managed.semantics(chain_for(task)), pair.plain.semantics(chain_for(task))
    torch.testing.assert_close(ours.hidden, expected.hidden, atol=1e-5, rtol=0)
    for part, other in zip(pair.managed.conditions(ours), pair.plain.conditions(expected), strict=True):
        torch.testing.assert_close(part, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("task", [TEXT_TO_IMAGE, EDIT])
def test_the_same_chain_is_written(pair, task):
    request = Request(task, "a red cup", chain_for(task).source)
    ours = pair.managed.write(request, Sampling(), 16, False, "1")
    assert ours.text and ours.text == pair.plain.write(request, Sampling(), 16, False).text


@pytest.mark.parametrize("share", [0, 0.5])
def test_loaded_in_part_the_hidden_states_are_the_same(pair, share, monkeypatch):
    patcher = pair.managed.patcher
    comfy.model_management.load_models_gpu([patcher])
    patcher.unpatch_model(patcher.offload_device)
    patcher.load(patcher.load_device, lowvram_model_memory=max(1, int(patcher.model_size() * share)))
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", lambda *models, **options: None)  # room for no more
    ours = pair.managed.semantics(chain_for(EDIT)).hidden
    assert patcher.model.model_lowvram and patcher.loaded_size() < patcher.model_size()
    torch.testing.assert_close(ours, pair.plain.semantics(chain_for(EDIT)).hidden, atol=1e-5, rtol=0)


def test_fp8_layers_are_comfyuis_and_compute_the_same(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "fp8")
    store_in_fp8(copy / REASONER / "model.safetensors")
    managed, plain = ManagedReasoner(copy), load_reasoner(copy, torch.float32)
    kinds = {str(parameter.dtype) for parameter in plain.network.parameters()}
    assert kinds == {"torch.float8_e4m3fn", "torch.float32"}
    ours, expected = (one.semantics(chain_for(EDIT)).hidden for one in (managed, plain))
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("total", "whole"), [(8e9, True), (1e9, False)])
def test_a_reasoner_that_leaves_room_is_loaded_whole_under_dynamic_vram(folder, monkeypatch, total, whole):
    class Dynamic(comfy.model_patcher.ModelPatcher):
        pass

    monkeypatch.setattr(comfy.model_patcher, "CoreModelPatcher", Dynamic)
    monkeypatch.setattr(comfy.model_management, "get_total_memory", lambda device: total)
    assert type(ManagedReasoner(folder).patcher) is (comfy.model_patcher.ModelPatcher if whole else Dynamic)


def test_every_weight_is_in_a_layer_that_comfyui_can_leave_out(pair):
    holders = [module for module in pair.managed.patcher.model.modules() if [*module.parameters(recurse=False)]]
    assert [type(module).__name__ for module in holders if not hasattr(module, "comfy_cast_weights")] == []
    assert {type(module) for module in holders if isinstance(module, nn.Linear)} == {Linear}
