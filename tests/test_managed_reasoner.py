"""The reasoner gives the same under ComfyUI's memory management as alone, with any transformers."""

import json
from dataclasses import replace

import pytest
import torch
from got.got_models.chain import EDIT, TEXT_TO_IMAGE, Chain
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.decoding import Sampling
from got.got_models.folder import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from got.got_models.loading import load_reasoner
from got.got_models.prompt import NEW_TOKENS
from got.tests.qwen import Sizes, write_mllm_folder
from safetensors.torch import load_file, save_file
from torch import nn

pytestmark = pytest.mark.transformers_oldest

REQUESTS = {
    "text": Chain(TEXT_TO_IMAGE, "a red circle", "A circle.", ()),
    "edit": Chain(EDIT, "make it blue", "A circle.", (), source=torch.full((1, 40, 60, 3), 0.5)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder with a random reasoner; its UNet and VAE are never opened."""
    folder = tmp_path_factory.mktemp("models") / "random"
    torch.manual_seed(0)
    with torch.no_grad():
        tokenizer = write_mllm_folder(folder / REASONER, Sizes(), torch.float32)
        tensors = load_file(folder / REASONER / "model.safetensors")
        save_file({**tensors, "lm_head.weight": torch.randn(384, 64)}, folder / REASONER / "model.safetensors")
        projectors = {"context": nn.Linear(64, 48), "pooled": nn.Linear(64, 80)}
        save_file(nn.ModuleDict(projectors).state_dict(), folder / PROJECTORS)
    config = json.loads((folder / REASONER / "config.json").read_text()) | {"tie_word_embeddings": False}
    (folder / REASONER / "config.json").write_text(json.dumps(config))
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    tokenizer.backend_tokenizer.save(str(folder / REASONER / "tokenizer.json"))
    for name in (UNET, VAE):
        (folder / name).touch()
    write_manifest(folder, replace(published_manifest("random"), reasoner_image_size=(84, 56)))
    return folder


@pytest.fixture(scope="module")
def plain(folder):
    return load_reasoner(folder, torch.float32)


@pytest.fixture(scope="module")
def managed(folder):
    return ManagedReasoner(folder)


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.mark.parametrize("task", REQUESTS)
def test_the_same_hidden_states(plain, managed, task):
    expected, found = (reasoner.semantics(REQUESTS[task]).hidden for reasoner in (plain, managed))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("task", REQUESTS)
def test_the_same_text(plain, managed, task):
    expected = plain.write(REQUESTS[task], Sampling(), 12)
    assert managed.write(REQUESTS[task], Sampling(), 12, True, None).text == expected.text


def test_the_same_conditions(plain, managed):
    semantics = plain.semantics(REQUESTS["text"])
    for expected, found in zip(plain.conditions(semantics), managed.conditions(semantics), strict=True):
        torch.testing.assert_close(found, expected)
