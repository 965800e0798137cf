"""Regional prompts: which text counts where, and that ComfyUI's sampler mixes the predictions accordingly."""

from dataclasses import replace

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_patcher
import comfy.sample
import comfy.samplers
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models
import comfy.utils
import folder_paths
import pytest
import torch
from got.got_models.chain.grammar import ChainError, Lora, read_chain, without_boxes
from got.got_models.comfy.loras import hooked, load_hooks
from got.got_models.comfy.regional import regional_conditioning
from got.got_models.errors import GoTError
from got.got_models.guidance.regional import SIDE, region_weights, regional_parts
from got.nodes.regional import GoTRegionalConditioning

LEFT, RIGHT = (slice(None), slice(None, SIDE // 2)), (slice(None), slice(SIDE // 2, None))
CHAIN = read_chain("A red cup (0,0),(499,999) (red) and a green pear (500,0),(999,999) (green).", prompt="still life")


# ---------------------------------------------------------------- whose text counts where


def test_each_region_has_its_own_phrase_and_the_whole_has_the_rest():
    parts = regional_parts(CHAIN, 0.75, CHAIN.prompt)
    assert [part.text for part in parts] == ["still life", "A red cup", "a green pear"]
    whole, cup, pear = (part.weight[0] for part in parts)
    assert (whole == 0.25).all()
    assert (cup[LEFT] == 0.75).all() and (cup[RIGHT] == 0).all() and torch.equal(pear, 0.75 - cup)


def test_the_weights_sum_to_one_everywhere():
    chain = read_chain(
        "A wall (0,0),(998,998), a cup (100,100),(500,700), a pear (300,300),(800,800), a fly (7,7),(9,9)."
    )
    for strength in (0.3, 1.0):
        total = sum(part.weight for part in regional_parts(chain, strength))
        torch.testing.assert_close(total, torch.ones_like(total))


def test_what_stands_before_a_wall_has_its_place_to_itself():
    weights = region_weights(read_chain("A wall (0,0),(999,999) and a cup (0,0),(499,999)."))
    assert (weights[1][LEFT] == 1).all() and (weights[0][LEFT] == 0).all()
    assert (weights[0][RIGHT] == 1).all()


def test_equal_boxes_share_their_place_equally():
    weights = region_weights(read_chain("A cup (0,0),(499,999) with tea (0,0),(499,999)."))
    assert (weights[:, LEFT[0], LEFT[1]] == 0.5).all()


def test_what_is_hidden_is_not_asked_for():
    chain = read_chain("A wall (0,0),(999,999), a cup (0,0),(499,999) and a pear (500,0),(999,999).")
    assert [part.text for part in regional_parts(chain, 1, "all")] == ["all", "a cup", "a pear"]


def test_at_strength_zero_the_plan_has_no_effect():
    assert regional_parts(CHAIN, 0, CHAIN.prompt) == [("still life", None, None)]


def test_style_is_added_to_every_text():
    parts = regional_parts(CHAIN, 1, "Still life.", " oil painting, ")
    assert [part.text for part in parts] == [
        "Still life, oil painting",
        "A red cup, oil painting",
        "a green pear, oil painting",
    ]


def test_without_a_prompt_the_chains_own_prose_is_the_whole():
    assert regional_parts(CHAIN, 0)[0].text == "A red cup and a green pear"
    assert without_boxes(read_chain("1. A cup (1,2),(3,4) (red).\n2. It is big.")) == "1. A cup.\n2. It is big."


def test_a_chain_without_boxes_is_refused():
    with pytest.raises(ChainError, match="no box"):
        regional_parts(read_chain("A cup."), 0.5)


def test_a_box_without_words_is_named():
    with pytest.raises(ChainError, match=r"Box 1 \(5,5\),\(9,9\) has no words"):
        regional_parts(read_chain("(5,5),(9,9) A cup (1,2),(3,4) (red)."), 0.5)


# ---------------------------------------------------------------- in ComfyUI


WIDTH = 32  # of the text encoder


class TextModel(comfy.sd1_clip.SDClipModel):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        sizes = dict(num_hidden_layers=2, num_attention_heads=2, hidden_size=WIDTH, intermediate_size=64)
        config = sizes | dict(hidden_act="quick_gelu", max_position_embeddings=77, eos_token_id=49407)
        super().__init__(device=device, dtype=dtype, textmodel_json_config=config)


class TinyText(comfy.sd1_clip.SD1ClipModel):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        super().__init__(device=device, dtype=dtype, clip_model=TextModel)


class Target:
    params = {}
    clip, tokenizer = TinyText, comfy.sd1_clip.SD1Tokenizer


def randomized(module):
    random = torch.Generator().manual_seed(5)
    for weight in module.parameters():
        scale = weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.1
        weight.data = torch.randn(weight.shape, generator=random) * scale
    return module


@pytest.fixture(scope="module")
def clip():
    made = comfy.sd.CLIP(Target, model_options={"load_device": torch.device("cpu"), "dtype": torch.float32})
    randomized(made.cond_stage_model)
    return made


@pytest.fixture(scope="module")
def model():
    """An SD 1.5 of one level."""
    sizes = dict(in_channels=4, out_channels=4, model_channels=32, num_res_blocks=[1], channel_mult=[1], num_heads=2)
    sizes |= dict(transformer_depth=[1], transformer_depth_output=[1, 1], transformer_depth_middle=1, image_size=32)
    config = comfy.supported_models.SD15(sizes | dict(context_dim=WIDTH, use_spatial_transformer=True))
    config.unet_config["num_head_channels"] = -1
    config.set_inference_dtype(torch.float32, None)
    network = config.get_model({}, device="cpu").eval()
    randomized(network.diffusion_model)
    for name, weight in network.diffusion_model.named_parameters():
        if "attn2.to_v" in name or "attn2.to_out" in name:
            weight.data *= 30  # so that the text has a visible effect
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(network, load_device=cpu, offload_device=cpu)


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def drawn(model, positive, count=1):
    """One Euler step from pure noise without guidance: the model's mixed prediction."""
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)).repeat(count, 1, 1, 1)
    latent = torch.zeros_like(noise)
    return comfy.sample.sample(model, noise, 1, 1.0, "euler", "normal", positive, positive, latent, seed=0)


def plain(clip, text):
    return clip.encode_from_tokens_scheduled(clip.tokenize(text))


def conditioned(clip, strength, style=""):
    return GoTRegionalConditioning.execute(clip, CHAIN, strength, "prompt", style).result[0]


def test_every_place_is_the_mean_of_what_its_texts_say(clip, model):
    whole, cup, pear = (drawn(model, plain(clip, text)) for text in ("still life", "A red cup", "a green pear"))
    assert (cup - pear).abs().max() > 0.5 and (cup - whole).abs().max() > 0.5  # the texts make a difference
    for strength in (0.25, 1.0):
        found = drawn(model, conditioned(clip, strength))
        expected = (1 - strength) * whole + strength * torch.cat([cup[..., :4], pear[..., 4:]], -1)
        torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-5)


def test_at_strength_zero_it_is_the_plain_prompt_bit_for_bit(clip, model):
    assert torch.equal(drawn(model, conditioned(clip, 0)), drawn(model, plain(clip, "still life")))


def test_a_batch_of_two_is_two_batches_of_one(clip, model):
    once = drawn(model, conditioned(clip, 0.5))
    torch.testing.assert_close(drawn(model, conditioned(clip, 0.5), 2), once.repeat(2, 1, 1, 1), atol=1e-2, rtol=1e-5)


def test_a_phrase_that_comes_twice_is_encoded_once(clip):
    chain = read_chain("A cup (0,0),(99,99) (red). A cup (200,200),(400,400) (red).", prompt="cups")
    first, second = regional_conditioning(clip, regional_parts(chain, 1, "cups"))[1:]
    assert first[0] is second[0] and not torch.equal(first[1]["mask"], second[1]["mask"])


def test_a_checkpoint_without_a_text_encoder_is_told_so():
    with pytest.raises(GoTError, match="no text encoder"):
        GoTRegionalConditioning.execute(None, CHAIN, 0.5, "prompt")


# ---------------------------------------------------------------- LoRAs in regions


@pytest.fixture
def lora(tmp_path, monkeypatch, model, clip):
    """A LoRA on one attention layer of the UNet, and another one on the text encoder. Returns their names."""
    random = torch.Generator().manual_seed(7)

    def save(name, key, shape):
        down, up = (torch.randn(size, generator=random) for size in ((2, shape[1]), (shape[0], 2)))
        weights = {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
        comfy.utils.save_torch_file(weights, str(tmp_path / name))

    unet = "middle_block.1.transformer_blocks.0.attn2.to_v"
    shape = model.model.diffusion_model.get_parameter(f"{unet}.weight").shape
    key = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    name = next(k for k, v in key.items() if v == f"{unet}.weight")
    save("unet.safetensors", "lora_unet_" + name.removesuffix(".weight").replace(".", "_"), shape)
    text = "lora_te_text_model_encoder_layers_1_mlp_fc1"
    save("text.safetensors", text, (64, WIDTH))
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path)], {".safetensors"}))
    folder_paths.filename_list_cache.pop("loras", None)
    yield ["unet.safetensors", "text.safetensors"]
    folder_paths.filename_list_cache.pop("loras", None)


def with_options(**fields):
    """CHAIN with options of its first region."""
    return replace(CHAIN, regions=(CHAIN.regions[0]._replace(**fields), *CHAIN.regions[1:]))


def regional(clip, chain, strength=1.0):
    return GoTRegionalConditioning.execute(clip, chain, strength, "prompt", "").result[0]


def test_a_lora_acts_in_its_region_alone(clip, model, lora):
    before = drawn(model, regional(clip, CHAIN))
    for name in lora:
        found = drawn(model, regional(clip, with_options(lora=Lora(name, 1.5))))
        assert (found - before)[..., :4].abs().max() > 0.5, name
        torch.testing.assert_close(found[..., 4:], before[..., 4:], atol=1e-5, rtol=1e-5)
    assert torch.equal(drawn(model, regional(clip, CHAIN)), before)  # nothing of it stays


def test_a_region_with_a_lora_is_what_the_loaded_lora_draws(clip, model, lora):
    """Over the whole image, at full strength: as Load LoRA on model and text encoder."""
    everywhere = read_chain("A red cup (0,0),(999,999) (red)", prompt="still life")
    for name in lora:
        chain = replace(everywhere, regions=(everywhere.regions[0]._replace(lora=Lora(name, 0.7)),))
        file = comfy.utils.load_torch_file(folder_paths.get_full_path("loras", name))
        loaded, encoder = comfy.sd.load_lora_for_models(model, clip, file, 0.7, 0.7)
        expected = drawn(loaded, plain(encoder, "A red cup"))
        torch.testing.assert_close(drawn(model, regional(clip, chain)), expected, atol=1e-3, rtol=1e-5)


def test_a_lora_of_strength_zero_changes_nothing(clip, model, lora):
    before = drawn(model, regional(clip, CHAIN))
    assert torch.equal(drawn(model, regional(clip, with_options(lora=Lora(lora[0], 0.0)))), before)


def test_two_regions_with_one_lora_are_predicted_together(clip, model, lora):
    regions = tuple(region._replace(lora=Lora(lora[0])) for region in CHAIN.regions)
    entries = regional(clip, replace(CHAIN, regions=regions), 0.5)
    assert entries[1][1]["hooks"] is entries[2][1]["hooks"] and "hooks" not in entries[0][1]


def test_hooks_that_the_text_encoder_has_stay(clip, model, lora):
    """As from Create Hook LoRA and Set CLIP Hooks: they apply everywhere, and the region adds its own."""
    first, second = (load_hooks([Lora(name)]).popitem()[1] for name in lora)
    entries = regional(hooked(clip, first), with_options(lora=Lora(lora[1])), 0.5)
    assert [len(entry[1]["hooks"].hooks) for entry in entries] == [1, 2, 1]
    assert clip.patcher.forced_hooks is None and first.hooks[0] not in second.hooks


def test_a_region_of_strength_zero_is_drawn_as_without_it(clip, model):
    without = read_chain("A green pear (500,0),(999,999) (green).", prompt="still life")
    zero = with_options(strength=0.0)
    expected = drawn(model, regional(clip, replace(without, text="")))
    changed = replace(zero, regions=(zero.regions[0], zero.regions[1]._replace(phrase="A green pear")))
    torch.testing.assert_close(drawn(model, regional(clip, changed)), expected, atol=1e-5, rtol=1e-5)


def test_a_missing_lora_is_named(clip, lora):
    with pytest.raises(GoTError, match="uses the LoRA 'away', which ComfyUI does not find"):
        regional(clip, with_options(lora=Lora("away")))


@pytest.mark.parametrize("strength", [-1, 1.5, float("nan"), float("inf")])
def test_a_linked_strength_out_of_range_is_refused(strength):
    with pytest.raises(GoTError, match=r"The input 'strength' is .* must be from 0 to 1"):
        GoTRegionalConditioning.execute(None, CHAIN, strength, "prompt")
