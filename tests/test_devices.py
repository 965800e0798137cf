"""On the device that ComfyUI uses, a card where there is one: the chain, its meaning and the image are those of a CPU.

All in fp32, so that what differs is the device and not the precision. On a machine without a card both are CPUs.
"""

import shutil

import comfy.model_management
import pytest
import torch
from got.got_models.chain.grammar import TEXT_TO_IMAGE, read_chain
from got.got_models.chain.request import Request
from got.got_models.comfy.guider import GoTGuider, empty_latent, sample
from got.got_models.comfy.reasoner import ManagedReasoner
from got.got_models.comfy.unet import load_unet
from got.got_models.comfy.vae import load_vae
from got.got_models.files.manifest import PUBLISHED_DEFAULTS, REASONER, UNET, VAE
from got.got_models.guidance.formula import Guidance, Strengths
from got.got_models.reasoner import cuda_graph
from got.got_models.reasoner.loading import load_reasoner
from got.got_models.reasoner.sampling import Sampling
from got.tools.bench.machine import full_precision
from got.tools.bench.models import SIZES, make_models
from got.tools.oracle import script
from got.tools.oracle.qwen import store_in_fp8

CARD = torch.cuda.is_available()
CHAIN = "A cup (120,300),(480,760) (red) stands on a table."
SIDE = 64  # pixels
SCALING = 0.13025  # SDXL's: ComfyUI hands latents out divided by it


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module", autouse=True)
def precision():
    with full_precision():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def networks(folder):
    """The networks saved into the folder, on the CPU."""
    with torch.random.fork_rng():
        return make_models(folder, SIZES["tiny"], torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def plain(folder, networks):
    with torch.inference_mode():
        return load_reasoner(folder, torch.float32)


@pytest.fixture(scope="module")
def managed(folder, networks, precision):
    with torch.inference_mode():
        return ManagedReasoner(folder)


@pytest.fixture
def captures(monkeypatch):
    """The batch size of each step that was captured as a CUDA graph."""
    made, captured = [], cuda_graph.CUDAGraphStep

    def note(qwen, kv_cache, inputs):
        step = captured(qwen, kv_cache, inputs)
        made.append(kv_cache.keys[0].shape[0])
        return step

    monkeypatch.setattr(cuda_graph, "CUDAGraphStep", note)
    return made


def request(prompt="a red cup"):
    return Request(TEXT_TO_IMAGE, prompt)


@pytest.mark.parametrize("use_cuda_graph", [False, True])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=0.8, seed=4)])
def test_the_same_tokens_are_written(managed, plain, captures, use_cuda_graph, sampling):
    managed.use_cuda_graph = use_cuda_graph
    ours = managed.write(request(), sampling, 40, True, None)
    expected = plain.write(request(), sampling, 40)
    assert len(ours.text) >= 20 and ours.text == expected.text
    torch.testing.assert_close(managed.semantics(ours).hidden, plain.semantics(expected).hidden, atol=1e-3, rtol=0)
    assert captures == ([1] if use_cuda_graph and CARD else []), "a step is captured on a card alone, and if it may be"


@pytest.mark.parametrize("use_cuda_graph", [False, True])
def test_a_batch_of_chains_is_the_same(managed, plain, captures, use_cuda_graph):
    requests = [request(), request("a much longer caption, of many more words"), request()]
    samplings = [Sampling(), Sampling(), Sampling(temperature=0.8, seed=2)]
    managed._load()
    managed.reasoner.use_cuda_graph = use_cuda_graph
    together = managed.reasoner.write_all(requests, samplings, 24)
    alone = [plain.write(one, sampling, 24) for one, sampling in zip(requests, samplings, strict=True)]
    assert [chain.text for chain in together] == [chain.text for chain in alone]
    assert captures == ([3] if use_cuda_graph and CARD else [])


@pytest.mark.parametrize("lookup_text", ["nothing alike", None])
def test_prompt_lookup_and_a_cuda_graph_change_nothing_together(managed, plain, lookup_text):
    expected = plain.write(request(), Sampling(), 40)
    looked_up = Request(TEXT_TO_IMAGE, "a red cup", lookup_text=lookup_text or expected.text)
    managed.use_cuda_graph = True
    assert managed.write(looked_up, Sampling(), 40, True, None).text == expected.text


def test_fp8_layers_write_the_same_tokens_with_a_cuda_graph_and_without(folder, networks, captures, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "fp8")
    store_in_fp8(copy / REASONER / "model.safetensors")
    managed, texts = ManagedReasoner(copy), []
    for managed.use_cuda_graph in (False, True):
        texts.append(managed.write(request(), Sampling(), 40, True, None).text)
    assert texts == [load_reasoner(copy, torch.float32).write(request(), Sampling(), 40).text] * 2
    assert captures == ([1] if CARD else [])


def test_the_meaning_of_a_chain_and_its_conditions_are_the_same(managed, plain):
    chain = read_chain(CHAIN, TEXT_TO_IMAGE, "a red cup", None)
    ours, expected = managed.semantics(chain), plain.semantics(chain)
    torch.testing.assert_close(ours.hidden, expected.hidden, atol=1e-3, rtol=0)
    for part, other in zip(managed.conditions(ours), plain.conditions(expected), strict=True):
        torch.testing.assert_close(part, other, atol=1e-3, rtol=0)


def test_loaded_by_half_the_same_tokens_are_written_without_a_cuda_graph(
    folder, networks, plain, captures, monkeypatch
):
    managed = ManagedReasoner(folder)
    patcher = managed.patcher
    comfy.model_management.load_models_gpu([patcher])
    patcher.unpatch_model(patcher.offload_device)
    patcher.load(patcher.load_device, lowvram_model_memory=patcher.model_size() // 2)
    monkeypatch.setattr(comfy.model_management, "load_models_gpu", lambda *models, **options: None)  # room for no more
    ours = managed.write(request(), Sampling(), 24, True, None)
    assert patcher.model.model_lowvram and patcher.loaded_size() < patcher.model_size()
    assert ours.text == plain.write(request(), Sampling(), 24).text and not captures


def random_guidance():
    random, networks = torch.Generator().manual_seed(1), SIZES["tiny"].networks
    context, latent = (1, 64, networks.context), (1, 4, SIDE // 8, SIDE // 8)
    shapes = {"context": context, "null_context": context, "pooled": (1, networks.pooled)}
    shapes |= {"spatial": latent, "reference": latent}
    tensors = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
    return Guidance(**tensors, width=SIDE, height=SIDE, defaults=PUBLISHED_DEFAULTS[TEXT_TO_IMAGE])


@pytest.mark.parametrize("strengths", [(7.5, 4, 1), (4, 3, 1.5), (1, 1, 1)])
def test_the_same_image_is_drawn(folder, networks, strengths):
    model, guidance = load_unet(folder / UNET), random_guidance()
    guider = GoTGuider(model, guidance, Strengths(*strengths))
    ours = sample(guider, empty_latent(guidance), 3, 6, "euler", "got")["samples"] * SCALING
    noise = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(3))
    expected = script.denoise(networks.unet, guidance, noise, 6, strengths, "euler", step_seed=4)
    assert (ours - expected).abs().max() <= 1e-3 * expected.abs().max()


def test_images_are_encoded_and_decoded_the_same(folder, networks):
    vae, random = load_vae(folder / VAE), torch.Generator().manual_seed(2)
    image = torch.rand(1, SIDE, SIDE, 3, generator=random)
    ours = vae.encode(image)
    expected = networks.vae.encode(image.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mode()
    assert (ours - expected).abs().max() <= 1e-3 * expected.abs().max()
    pixels = networks.vae.decode(expected).sample.permute(0, 2, 3, 1) / 2 + 0.5
    torch.testing.assert_close(vae.decode(expected), pixels.clamp(0, 1), atol=1e-3, rtol=0)
