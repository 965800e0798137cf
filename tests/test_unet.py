"""GoT's UNet in ComfyUI against diffusers: the same prediction, for every size, however it is loaded."""

import comfy.model_management
import comfy.sd
import comfy.supported_models
import pytest
import torch
from comfy.model_detection import unet_config_from_diffusers_unet
from got.got_models.comfy.guider import size_conditions
from got.got_models.comfy.unet import REFERENCE, SPATIAL, check_model, load_unet, unet_config
from got.got_models.errors import GoTError
from got.got_models.files.weights import WeightsError
from got.tools.oracle.qwen import Sizes
from got.tools.oracle.released import make_unet
from safetensors.torch import load_file, save_file

import nodes as comfy_nodes

ATTENTION, PLAIN = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"), ("DownBlock2D", "UpBlock2D")
WIDTH, HEIGHT = 96, 64  # pixels, 12 x 8 latent cells


def levels(widths, kinds, depths, **more):
    """A UNet configuration: channels, kind and transformer depth of each level, the finest first."""
    return {
        "block_out_channels": widths,
        "down_block_types": tuple(down for down, _ in kinds),
        "up_block_types": tuple(up for _, up in reversed(kinds)),
        "transformer_layers_per_block": depths,
        "attention_head_dim": tuple(width // 64 for width in widths),
        **more,
    }


CONFIGS = {
    "two levels": levels((64, 128), (PLAIN, ATTENTION), (1, 1)),
    "deeper attention": levels((64, 128), (PLAIN, ATTENTION), (1, 3), layers_per_block=1),
    "attention at level 0": levels((64, 128), (ATTENTION, ATTENTION), (1, 2), layers_per_block=1),
    "three levels": levels((64, 64, 128), (PLAIN, ATTENTION, ATTENTION), (1, 1, 2), layers_per_block=1),
    "three residual blocks": levels((64, 64), (ATTENTION, PLAIN), (1, 1), layers_per_block=3),
}
SDXL = levels((320, 640, 1280), (PLAIN, ATTENTION, ATTENTION), (1, 2, 10))


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def make(folder, config, seed=0):
    """A random UNet of diffusers, and the file it was saved to."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make_unet(Sizes(unet=config), channels=12).eval()
    path = folder / "unet.safetensors"
    save_file(network.state_dict(), path)
    return network, path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make(tmp_path_factory.mktemp("unet"), CONFIGS["three levels"])


def some_inputs(batch=2, seed=1):
    random = torch.Generator().manual_seed(seed)
    cells = (HEIGHT // 8, WIDTH // 8)
    return {
        "latents": torch.randn(batch, 4, *cells, generator=random),
        "reference": torch.randn(1, 4, *cells, generator=random),
        "spatial": torch.randn(1, 4, *cells, generator=random),
        "context": torch.randn(batch, 64, 48, generator=random),
        "pooled": torch.randn(batch, 80, generator=random),
    }


def noise_by_diffusers(network, inputs, timestep):
    batch = len(inputs["latents"])
    extra = [inputs[name].expand(batch, -1, -1, -1) for name in ("reference", "spatial")]
    sizes = torch.tensor([[HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH]]).float().expand(batch, -1)
    return network(
        torch.cat([inputs["latents"], *extra], 1),
        timestep,
        encoder_hidden_states=inputs["context"],
        added_cond_kwargs={"text_embeds": inputs["pooled"], "time_ids": sizes},
    ).sample


def noise_by_comfyui(patcher, inputs, timestep):
    """The same through GoTModel.apply_model, which takes the noisy latents unscaled and gives denoised ones."""
    model, device = patcher.model, patcher.load_device
    batch = len(inputs["latents"])
    sigma = model.model_sampling.sigmas[timestep]
    noisy = (inputs["latents"] * (1 + sigma**2) ** 0.5).to(device)
    conds = model.extra_conds(
        noise=noisy,
        device=device,
        cross_attn=inputs["context"],
        pooled_output=inputs["pooled"],
        **{REFERENCE: inputs["reference"], SPATIAL: inputs["spatial"]},
        **size_conditions(WIDTH, HEIGHT),
    )
    given = {name: cond.process_cond(batch_size=batch, device=device, area=None).cond for name, cond in conds.items()}
    denoised = model.apply_model(noisy, sigma.expand(batch).to(device), **given)
    return ((noisy - denoised) / sigma).cpu()


def loaded(path):
    patcher = load_unet(path)
    comfy.model_management.load_models_gpu([patcher])
    return patcher


@pytest.mark.parametrize("config", CONFIGS)
def test_one_forward_equals_diffusers(tmp_path, config):
    network, path = make(tmp_path, CONFIGS[config])
    patcher, inputs = loaded(path), some_inputs()
    for timestep in (981, 501, 1):
        expected = noise_by_diffusers(network, inputs, timestep)
        torch.testing.assert_close(noise_by_comfyui(patcher, inputs, timestep), expected, atol=1e-5, rtol=0)


def test_the_configuration_of_the_real_size_is_comfyuis_own():
    """ComfyUI knows SDXL's sizes from a table; here they are read from the weights."""
    with torch.device("meta"):
        tensors = make_unet(Sizes(context=2048, pooled=1280, unet=SDXL), channels=4).state_dict()
    known = comfy.supported_models.SDXL(unet_config_from_diffusers_unet(tensors)).unet_config
    ours = comfy.supported_models.SDXL(unet_config(tensors)).unet_config
    assert ours == {name: known.get(name, ours[name]) for name in ours}
    assert {name for name in known if known[name] not in (None, False, ours.get(name))} <= {"dtype"}


def test_loaded_in_part_it_predicts_the_same(small):
    _, path = small
    patcher, inputs = loaded(path), some_inputs()
    whole = noise_by_comfyui(patcher, inputs, 501)
    patcher.unpatch_model(patcher.offload_device)
    patcher.load(patcher.load_device, lowvram_model_memory=patcher.model_size() // 2)
    assert patcher.model.model_lowvram and 0 < patcher.loaded_size() < patcher.model_size()
    torch.testing.assert_close(noise_by_comfyui(patcher, inputs, 501), whole, atol=1e-6, rtol=0)


def lora_for(network, rank=3):
    """A LoRA on an attention projection and on a feed-forward layer, in the form ComfyUI's users have: (name, A, B)."""
    random = torch.Generator().manual_seed(5)
    block = "mid_block.attentions.0.transformer_blocks.0"
    for name in (f"{block}.attn2.to_k", f"{block}.ff.net.2"):
        out, width = network.get_submodule(name).weight.shape
        yield name, torch.randn(rank, width, generator=random), torch.randn(out, rank, generator=random) / width


def test_a_lora_of_comfyuis_loader_adds_its_product_to_the_weight(small, tmp_path, monkeypatch):
    network, path = small
    tensors = {}
    for name, down, up in lora_for(network):
        kohya = "lora_unet_" + name.replace(".", "_")
        tensors |= {f"{kohya}.lora_down.weight": down, f"{kohya}.lora_up.weight": up}
    save_file(tensors, tmp_path / "lora.safetensors")
    monkeypatch.setattr("folder_paths.get_full_path_or_raise", lambda folder, name: str(tmp_path / name))
    plain, inputs = load_unet(path), some_inputs()
    (with_lora,) = comfy_nodes.LoraLoaderModelOnly().load_lora_model_only(plain, "lora.safetensors", 0.7)
    changed, _ = make(tmp_path, CONFIGS["three levels"])
    for name, down, up in lora_for(network):
        changed.get_submodule(name).weight += 0.7 * up @ down
    comfy.model_management.load_models_gpu([with_lora])
    ours = noise_by_comfyui(with_lora, inputs, 501)
    torch.testing.assert_close(ours, noise_by_diffusers(changed, inputs, 501), atol=1e-5, rtol=0)
    assert (ours - noise_by_diffusers(network, inputs, 501)).abs().max() > 1e-3


def test_patches_of_a_clone_leave_the_model_alone(small):
    network, path = small
    patcher, inputs = load_unet(path), some_inputs()
    clone = patcher.clone()
    weight = "diffusion_model.out.2.weight"
    clone.add_patches({weight: (torch.ones_like(patcher.model.state_dict()[weight]),)})
    comfy.model_management.load_models_gpu([clone])
    assert (noise_by_comfyui(clone, inputs, 501) - noise_by_diffusers(network, inputs, 501)).abs().max() > 1e-2
    comfy.model_management.load_models_gpu([patcher])
    expected = noise_by_diffusers(network, inputs, 501)
    torch.testing.assert_close(noise_by_comfyui(patcher, inputs, 501), expected, atol=1e-5, rtol=0)


def test_a_model_can_be_loaded_again_as_hooks_do(small):
    network, path = small
    load, arguments = load_unet(path).cached_patcher_init
    again, inputs = load(*arguments, disable_dynamic=True), some_inputs()
    comfy.model_management.load_models_gpu([again])
    expected = noise_by_diffusers(network, inputs, 501)
    torch.testing.assert_close(noise_by_comfyui(again, inputs, 501), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_files_give_nearly_the_same(small, tmp_path, dtype):
    network, path = small
    save_file({key: tensor.to(dtype) for key, tensor in load_file(path).items()}, tmp_path / "half.safetensors")
    inputs = some_inputs()
    expected = noise_by_diffusers(network, inputs, 501)
    error = noise_by_comfyui(loaded(tmp_path / "half.safetensors"), inputs, 501) - expected
    assert error.abs().max() < 0.03 * expected.abs().max()


# ------------------------------------------------------------------------------------------------------- refusals


def refused(tmp_path, tensors):
    """The message with which a file of these tensors is refused."""
    path = tmp_path / "changed.safetensors"
    save_file(tensors, path)
    with pytest.raises(WeightsError) as error:
        load_unet(path)
    assert str(path) in str(error.value)
    return str(error.value)


def test_a_unet_of_four_channels_is_refused(small, tmp_path):
    tensors = load_file(small[1])
    tensors["conv_in.weight"] = tensors["conv_in.weight"][:, :4].contiguous()
    assert "takes 4 input channels; GoT's UNet takes 12" in refused(tmp_path, tensors)


@pytest.mark.parametrize("key", ["conv_in.weight", "mid_block.resnets.0.conv1.bias", "conv_out.weight"])
def test_a_missing_weight_is_named(small, tmp_path, key):
    tensors = load_file(small[1])
    del tensors[key]
    assert key in refused(tmp_path, tensors)


@pytest.mark.parametrize("key", ["down_blocks.1.attentions.0.proj_in.weight", "add_embedding.linear_1.weight"])
def test_a_missing_weight_that_tells_the_size_is_named(small, tmp_path, key):
    tensors = load_file(small[1])
    del tensors[key]
    assert key in refused(tmp_path, tensors)


def test_a_foreign_weight_is_named(small, tmp_path):
    message = refused(tmp_path, {**load_file(small[1]), "text_model.embeddings": torch.zeros(2)})
    assert "text_model.embeddings" in message


def test_a_weight_of_another_size_is_named(small, tmp_path):
    tensors = load_file(small[1])
    tensors["conv_out.bias"] = torch.zeros(7)
    assert "conv_out.bias" in refused(tmp_path, tensors)


@pytest.mark.parametrize("key", [
    "conv_in.weight", "conv_out.weight", "add_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight",
    "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight",
])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0,), (1 << 20,)])
def test_weights_that_no_network_has_are_refused_before_one_is_made(small, tmp_path, key, shape):
    message = refused(tmp_path, load_file(small[1]) | {key: torch.zeros(shape)})
    assert "changed.safetensors" in message and len(message) < 400  # one sentence, of whatever is noticed first


def test_another_models_file_is_refused(tmp_path):
    assert "not an SDXL-type UNet" in refused(tmp_path, {"text_model.embeddings": torch.zeros(2)})


def test_a_file_cut_short_is_refused(small, tmp_path):
    whole = small[1].read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"cut\.safetensors is damaged or cut short"):
        load_unet(tmp_path / "cut.safetensors")


def test_an_sdxl_model_wired_as_gots_is_named(small):
    config = {**unet_config(load_file(small[1])), "in_channels": 4}
    sdxl = comfy.supported_models.SDXL(config)
    sdxl.set_inference_dtype(torch.float32, None)
    model = comfy.model_patcher.ModelPatcher(sdxl.get_model({}), torch.device("cpu"), torch.device("cpu"))
    with pytest.raises(GoTError, match="not a GoT model but SDXL"):
        check_model(model)


def test_a_clone_is_still_gots_model(small):
    check_model(load_unet(small[1]).clone())
