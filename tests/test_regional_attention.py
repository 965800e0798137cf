"""Regional attention in one prediction, on small random models of each family: limits, locality, other nodes."""

from dataclasses import replace
from pathlib import Path

import comfy.cldm.cldm
import comfy.controlnet
import comfy.ldm.flux.math
import comfy.model_patcher
import comfy.ops
import comfy.samplers
import comfy.supported_models
import pytest
import torch
from comfy.ldm.modules import attention
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_custom_sampler import Guider_DualCFG
from comfy_extras.nodes_torch_compile import skip_torch_compile_dict
from got.got_models.chain.grammar import read_chain
from got.got_models.comfy.regional_attention import KEY, regional_attention
from got.got_models.comfy.regional_plan import Plan
from got.got_models.comfy.unet import load_unet
from got.got_models.errors import GoTError
from got.got_models.guidance.attention import joint_bias, mixed, places, token_shares
from got.got_models.guidance.regional import region_weights, regional_parts
from got.nodes.regional import GoTRegionalAttention
from got.tests.families import CONTEXT, FAMILIES, FIRST, UNET, Texts, noise_for, predicted

import nodes as comfy_nodes

TINY = Path(__file__).parent.parent / "got_models" / "tiny"
CLIP = Texts()
TWO = read_chain("A red cup (0,0),(499,999) (red) and a green pear (500,0),(999,999) (green).", prompt="still life")
OTHER = read_chain("A big dog (0,0),(499,999) (red) and a green pear (500,0),(999,999) (green).", prompt="still life")
ALL = read_chain("A red cup (0,0),(999,999) (red).", prompt="still life on a table")
OVERRIDE = "optimized_attention_override"


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def model(family):
    return FAMILIES[family]()


@pytest.fixture
def unet():
    return FAMILIES["sd15"]()


def plain(text, pooled_of=None):
    """The plain conditioning of a text, with another one's pooled vector: a plan has only that of the whole image."""
    [[tokens, extra]] = CLIP.encode_from_tokens_scheduled(CLIP.tokenize(text))
    if pooled_of is not None:
        extra = CLIP.encode_from_tokens_scheduled(CLIP.tokenize(pooled_of))[0][1]
    return [[tokens, extra]]


def regional(model, chain, strength=0.7, **interval):
    return regional_attention(model, CLIP, regional_parts(chain, strength, chain.prompt), **interval)


def close(found, expected, scale=1.0):
    """Equal to 1e-5 of the difference that texts make."""
    torch.testing.assert_close(found, expected, atol=1e-5 * max(1.0, float(scale)), rtol=1e-5)


def first_attention(model, family, conditioning):
    """(1, h, w, C): what the image's tokens get from the first attention, of 8 x 8 latent cells."""
    seen = []
    layer = model.model.diffusion_model.get_submodule(FIRST[family])
    hook = layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    try:
        predicted(model, conditioning)
    finally:
        hook.remove()
    side = int(seen[0].shape[1] ** 0.5)
    return seen[0].unflatten(1, (side, side))


# ---------------------------------------------------------------- shares


def test_tokens_have_shares_that_sum_to_one():
    chain = read_chain("A wall (0,0),(998,998), a cup (100,100),(500,700), a fly (7,7),(9,9).")
    weights = torch.cat([part.weight for part in regional_parts(chain, 0.7)])
    for grid in ((8, 8), (15, 21), (1, 3), (700, 600)):
        shares = token_shares(weights, *grid)
        assert shares.shape == (4, grid[0] * grid[1])
        torch.testing.assert_close(shares.sum(0), torch.ones(grid[0] * grid[1]))
    assert token_shares(weights, 8, 8)[3].count_nonzero() == 1  # the fly, smaller than a token, is in one


def test_a_token_on_an_edge_is_shared_by_area():
    weights = region_weights(read_chain("A cup (0,0),(249,999)."))  # a quarter of the width: half of a token of two
    assert token_shares(weights, 1, 2).tolist() == [[0.5, 0.0]]


def test_equal_shares_are_the_mean_and_unused_queries_are_not_computed():
    queries, calls = torch.randn(2, 6, 4), []

    def attend(q, k, v):
        calls.append(q.shape[1])
        return torch.softmax(q @ k.mT, -1) @ v

    texts = [(torch.randn(2, n, 4), torch.randn(2, n, 4)) for n in (3, 5, 2)]
    shares = torch.tensor([[0.5] * 4 + [0.0] * 2, [0.5] * 4 + [0.0] * 2, [0.0] * 4 + [1.0] * 2])
    found = mixed(attend, queries, texts, places(shares))
    first, second, third = (attend(queries, *text) for text in texts)
    close(found[:, :4], (first + second)[:, :4] / 2)
    close(found[:, 4:], third[:, 4:])
    assert calls[:3] == [4, 4, 2]


# ---------------------------------------------------------------- limits, each family


@pytest.fixture
def nan_in_new_memory():
    """PyTorch fills memory that nothing has been written to with NaN."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def test_a_small_model_is_the_same_at_every_call(nan_in_new_memory, family):
    first, second = (FAMILIES[family]().model.diffusion_model.state_dict() for _ in range(2))
    assert all(tensor.isfinite().all() and torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize("size", [(8, 8), (15, 21), (13, 9)])
def test_one_region_everywhere_at_strength_one_is_its_phrase(model, size):
    whole, phrase = (predicted(model, plain(text, ALL.prompt), size) for text in (ALL.prompt, "A red cup"))
    assert (whole - phrase).abs().max() > 1e-3
    assert torch.equal(predicted(*regional(model, ALL, 1.0), size), phrase)


def test_at_strength_zero_it_is_the_plain_prompt_and_the_model_is_as_it_was(model):
    made, conditioning = regional(model, TWO, 0.0)
    assert made is model
    assert torch.equal(predicted(made, conditioning), predicted(model, plain(TWO.prompt)))


def test_a_plan_changes_no_plain_conditioning(model):
    made, conditioning = regional(model, TWO)
    assert torch.equal(predicted(made, plain("a dog")), predicted(model, plain("a dog")))
    positive, negative = predicted(made, conditioning), predicted(model, plain("blurry"))
    guided = predicted(made, conditioning, negative=plain("blurry"), cfg=4.0)
    close(guided, negative + 4 * (positive - negative), guided.abs().max())


def test_a_batch_of_two_is_two_of_one(model):
    made, conditioning = regional(model, TWO)
    once = predicted(made, conditioning)
    close(predicted(made, conditioning, count=2), once.repeat(2, *[1] * (once.ndim - 1)), once.abs().max())


def test_each_side_has_its_own_plan(model):
    made, positive = regional(model, TWO)
    again, negative = regional(made, OTHER, 0.4)
    expected = (predicted(made, positive), predicted(again, negative))
    close(predicted(again, positive, negative=negative, cfg=3.0), 3 * expected[0] - 2 * expected[1], 10)


def test_outside_a_box_nothing_changes_with_its_phrase_in_the_first_attention(model, family):
    one, other = (first_attention(*with_family(model, chain, 0.7, family)) for chain in (TWO, OTHER))
    half = one.shape[2] // 2
    assert torch.equal(one[:, :, half:], other[:, :, half:])
    assert (one - other)[:, :, :half].abs().amax(-1).min() > 1e-4


def with_family(model, chain, strength, family="sd15"):
    made, conditioning = regional(model, chain, strength)
    return made, family, conditioning


# ---------------------------------------------------------------- UNets


def test_in_a_unet_every_place_has_the_mean_of_its_texts(unet):
    """In the first attention, before places mix: exactly the shares of what the plain texts give."""
    whole, cup, pear = (
        first_attention(unet, "sd15", plain(text)) for text in (TWO.prompt, "A red cup", "a green pear")
    )
    for strength in (0.25, 0.5, 1.0):
        found = first_attention(*with_family(unet, TWO, strength))
        own = torch.cat([cup[:, :, :4], pear[:, :, 4:]], 2)
        close(found, (1 - strength) * whole + strength * own, whole.abs().max())


def test_a_region_has_its_own_strength_and_may_be_off(unet):
    cup, pear = TWO.regions
    weak = replace(TWO, regions=(cup._replace(strength=0.5), pear._replace(off=True)))
    found = first_attention(*with_family(unet, weak, 1.0))
    whole, first = (first_attention(unet, "sd15", plain(text)) for text in (TWO.prompt, "A red cup"))
    expected = torch.cat([(whole + first)[:, :, :4] / 2, whole[:, :, 4:]], 2)
    close(found, expected, whole.abs().max())


def test_a_phrase_that_comes_twice_is_one_text(unet):
    chain = read_chain(
        "A cup (0,0),(249,999) (red). A cup (700,0),(999,999) (red). A dog (300,0),(600,600).", prompt="a"
    )
    _, [[_, extra]] = regional(unet, chain)
    assert len(extra["model_conds"]["got_regional_attention"].cond.texts) == 3


def test_outside_start_and_end_the_prompt_counts_alone(unet):
    first = predicted(*regional(unet, TWO))  # one step, at the start of sampling
    assert torch.equal(predicted(*regional(unet, TWO, end=0.5)), first)
    assert torch.equal(predicted(*regional(unet, TWO, start=0.1)), predicted(unet, plain(TWO.prompt)))
    with pytest.raises(GoTError, match=r"starts at 0\.5 and ends at 0\.5"):
        regional(unet, TWO, start=0.5, end=0.5)


# ---------------------------------------------------------------- joint attention


def test_the_bias_gives_each_text_its_share_whatever_its_length():
    """With equal logits, softmax mass of the texts at an image's token is in proportion to their shares."""
    shares, lengths = torch.tensor([[0.3, 1.0, 0.0], [0.7, 0.0, 0.5], [0.0, 0.0, 0.5]]), (5, 2, 30)
    mass = joint_bias(shares, lengths, references=2).exp()
    parts = torch.stack([part.sum(1) for part in mass[37:40, :37].split(lengths, 1)])
    close(parts / parts.sum(0), shares)
    close(mass[38, :5], torch.ones(5))  # a text alone has its plain mass
    assert (mass[37:, 37:] == 1).all()  # the image and references hear one another


def test_the_bias_closes_what_a_text_must_not_hear():
    bias = joint_bias(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), (1, 2), references=1)
    texts = [[0, 1, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0]]
    assert (bias[:3] == -torch.inf).int().tolist() == texts and bias[:3].nan_to_num(neginf=0).eq(0).all()


@pytest.fixture(params=sorted(FAMILIES.keys() - {"sd15", "sdxl"}))
def transformer(request):
    return FAMILIES[request.param]()


def references(model, size):
    """Reference latents of a third of the height, as Kontext and Qwen-Image-Edit get them."""
    return {"reference_latents": [noise_for(model, (size[0] // 3, size[1])) * 0.5]}


@pytest.mark.parametrize("size", [(8, 8), (15, 9)])
def test_a_text_without_a_share_changes_nothing(transformer, size, monkeypatch):
    """Neither by its length nor by its positions. So the text that has everything gives what it gives alone."""
    monkeypatch.setattr(Plan, "used", lambda plan: range(len(plan.texts)))
    for values in ({}, references(transformer, size)):
        expected = predicted(
            transformer, [[tokens, extra | values] for tokens, extra in plain("A red cup", ALL.prompt)], size
        )
        made, conditioning = regional(transformer, ALL, 1.0)
        found = predicted(made, [[tokens, extra | values] for tokens, extra in conditioning], size)
        close(found, expected, expected.abs().max())


def test_layers_of_an_image_have_the_same_boxes():
    """Qwen-Image-Layered predicts several images at once, as frames."""
    model, seen = FAMILIES["qwen_image"](), []
    layer = model.model.diffusion_model.get_submodule(FIRST["qwen_image"])
    layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].unflatten(1, (3, 4, 4))))
    for chain in (TWO, OTHER):
        made, [[tokens, extra]] = regional(model, chain, 1.0)
        options = made.model_options["transformer_options"] | {"wrappers": made.wrappers}
        noise = noise_for(model, (8, 8)).repeat(1, 1, 3, 1, 1)
        plan = {KEY: extra["model_conds"][KEY].cond}
        made.model.apply_model(noise, torch.ones(1), None, tokens, None, options, **plan)
    changed = (seen[0] - seen[1]).abs().amax(-1)[0]  # (frames, rows, columns)
    assert changed[..., :2].min() > 0 and changed[..., 2:].max() == 0


def test_an_attention_mask_of_another_node_is_refused():
    flux = FAMILIES["flux"]()
    made, [[tokens, extra]] = regional(flux, TWO)
    extra = extra | {"attention_mask": torch.zeros(1, 19, 19), "attention_mask_img_shape": (4, 4)}
    with pytest.raises(GoTError, match="an attention mask of its own"):
        predicted(made, [[tokens, extra]])


def test_with_flash_attention_a_bias_goes_to_pytorch(monkeypatch, caplog):
    """ComfyUI's flash attention takes no mask: it fails, writes a warning at each call and does the same then."""
    flux = FAMILIES["flux"]()
    expected = predicted(*regional(flux, TWO))
    monkeypatch.setattr(comfy.ldm.flux.math, "optimized_attention", attention.attention_flash)
    found = predicted(*regional(flux, TWO))
    assert "Flash Attention failed" not in caplog.text
    close(found, expected, expected.abs().max())


# ---------------------------------------------------------------- attention backends and other nodes


@pytest.mark.parametrize("name", ["pytorch", "sub_quad", "split", "basic"])
def test_every_attention_backend_agrees(model, name):
    """Chosen by an override, as other packs do, so the override of another pack stays in effect too."""
    expected = predicted(*regional(model, TWO))
    calls, function = [], getattr(attention, f"attention_{name}")

    def chosen(_, *args, **kwargs):
        calls.append(1)
        return function(*args, **kwargs)

    model.model_options["transformer_options"][OVERRIDE] = chosen
    close(predicted(*regional(model, TWO)), expected, expected.abs().max())
    assert calls


def same_as_its_phrase(model, change=lambda model: None, values=None):
    """Does a region over everything equal its phrase's conditioning, when both get the same change?"""
    values, before = values or {}, predicted(model, plain("A red cup", ALL.prompt))
    change(model)
    made, conditioning = regional(model, ALL, 1.0)
    expected = predicted(model, [[tokens, extra | values] for tokens, extra in plain("A red cup", ALL.prompt)])
    found = predicted(made, [[tokens, extra | values] for tokens, extra in conditioning])
    assert (expected - before).abs().max() > 1e-3, "the change has no effect"
    close(found, expected, expected.abs().max())


def test_other_patches_of_cross_attention_apply_to_every_text(unet):
    def change(model):
        model.set_model_attn2_patch(lambda n, context, value, extra: (n, context * 1.3, value * 0.7))
        model.set_model_attn2_output_patch(lambda n, extra: n * 1.1)

    same_as_its_phrase(unet, change)


def test_replaced_cross_attention_is_called_for_every_text(unet):
    """As IPAdapter replaces it: the text's attention and a further one to an image."""
    image = torch.randn(1, 4, 64, generator=torch.Generator().manual_seed(2))

    def replace(q, k, v, extra):
        extras = image[..., : q.shape[-1]].expand(len(q), -1, -1)
        attend = attention.optimized_attention
        return attend(q, k, v, extra["n_heads"]) + attend(q, extras, extras, extra["n_heads"])

    def change(model):
        for place in (("input", 1), ("input", 2), ("middle", 0), *(("output", number) for number in range(4))):
            model.set_model_attn2_replace(replace, *place)

    texts = [predicted(*regional(unet, chain)) for chain in (TWO, OTHER)]
    same_as_its_phrase(unet, change)
    replaced = [predicted(*regional(unet, chain)) for chain in (TWO, OTHER)]
    assert not torch.equal(texts[0], replaced[0]) and not torch.equal(*replaced)
    model = FAMILIES["sd15"]()
    attend = attention.optimized_attention
    for place in (("input", 1), ("input", 2), ("middle", 0), *(("output", number) for number in range(4))):
        model.set_model_attn2_replace(lambda q, k, v, extra: attend(q, k, v, extra["n_heads"]), *place)
    close(predicted(*regional(model, TWO)), texts[0], texts[0].abs().max())


def test_a_lora_applies(unet):
    def change(model):
        keys = [key for key in model.model_state_dict() if key.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))]
        random = torch.Generator().manual_seed(3)
        shapes = {key: model.model_state_dict()[key].shape for key in keys}
        model.add_patches({key: (torch.randn(shape, generator=random) * 0.1,) for key, shape in shapes.items()})

    same_as_its_phrase(unet, change)


def controlnet():
    sizes = {key: value for key, value in UNET.items() if key not in ("out_channels", "transformer_depth_output")}
    network = comfy.cldm.cldm.ControlNet(
        **sizes, hint_channels=3, device="cpu", dtype=torch.float32, operations=comfy.ops.disable_weight_init
    )
    random = torch.Generator().manual_seed(4)
    for weight in network.parameters():
        weight.data = torch.randn(weight.shape, generator=random) * 0.1
    control = comfy.controlnet.ControlNet(network.eval(), load_device=torch.device("cpu"))
    return control.set_cond_hint(torch.rand(1, 3, 64, 64, generator=random), 1.0, (0.0, 1.0))


def test_a_controlnet_applies_and_hears_the_whole_text(unet):
    same_as_its_phrase(unet, values={"control": controlnet(), "cross_attn_controlnet": plain(ALL.prompt)[0][0]})


def test_a_mask_applies(model):
    half = torch.zeros(1, 8, 8)
    half[..., :4] = 1
    made, conditioning = regional(model, ALL, 1.0)
    dog = plain("a dog")
    [found, expected] = [
        predicted(made, [*comfy_nodes.ConditioningSetMask().append(cond, half, "default", 1.0)[0], *dog])
        for cond in (conditioning, plain("A red cup", ALL.prompt))
    ]
    close(found, expected, expected.abs().max())


def test_an_area_sees_its_part_of_the_boxes(unet):
    """ComfyUI predicts an area alone: its right half holds the pear, and nothing of the cup."""
    made, conditioning = regional(unet, TWO, 1.0)
    area = dict(width=64, height=64, x=64, y=0, strength=1.0)
    [found, expected] = [
        predicted(made, comfy_nodes.ConditioningSetArea().append(cond, **area)[0] + plain("a dog"), (8, 16))
        for cond in (conditioning, plain("a green pear"))
    ]
    close(found, expected, expected.abs().max())


def test_a_tile_is_refused(unet):
    made, conditioning = regional(unet, TWO)
    made.set_model_unet_function_wrapper(
        lambda apply, given: apply(given["input"][..., :4], given["timestep"], **given["c"])
    )
    with pytest.raises(GoTError, match=r"a tile of 4 x 8 of a latent of 8 x 8.*GoT Regional Conditioning"):
        predicted(made, conditioning)


def test_a_negative_prompt_of_zeros_has_no_plan(model):
    made, conditioning = regional(model, TWO, 1.0)
    zeros, expected = (
        comfy_nodes.ConditioningZeroOut().zero_out(cond)[0] for cond in (conditioning, plain(TWO.prompt))
    )
    assert torch.equal(predicted(made, zeros), predicted(model, expected))


def test_dual_cfg_applies(unet):
    made, conditioning = regional(unet, TWO)
    conds = (conditioning, plain("a dog"), plain("blurry"))
    positive, middle, negative = (predicted(made, cond) for cond in conds)
    guider = Guider_DualCFG(made)
    guider.set_conds(*conds)
    guider.set_cfg(2.0, 3.0)
    noise, sampler = noise_for(made, (8, 8)), comfy.samplers.sampler_object("euler")
    sigmas = comfy.samplers.calculate_sigmas(made.get_model_object("model_sampling"), "normal", 1)
    found = guider.sample(noise, torch.zeros_like(noise), sampler, sigmas, seed=0)
    close(found, negative + 3 * (middle - negative) + 2 * (positive - middle), 100)


@pytest.mark.slow  # the compiler takes seconds
def test_with_a_compiled_model_the_plan_is_not_compiled():
    """Compiled as ComfyUI's node does, without guards on what the plan changes. Then a graph would serve two plans."""
    depths = dict(transformer_depth=[1], transformer_depth_output=[0, 0], transformer_depth_middle=-2)
    unet = FAMILIES["sd15"](channel_mult=[1], num_res_blocks=[1], **depths)
    given = [regional(unet, chain)[1] for chain in (TWO, OTHER)] + [plain("a b c d e f g h i j")]
    made = regional(unet, TWO)[0]
    expected = [predicted(made, conditioning) for conditioning in given]
    for compiled in (unet.clone(), made.clone()):
        options = {"guard_filter_fn": skip_torch_compile_dict}
        set_torch_compile_wrapper(compiled, backend="eager", options=options)
        model = regional(compiled, TWO)[0]
        for conditioning, one in zip(given, expected, strict=True):
            close(predicted(model, conditioning), one, one.abs().max())


# ---------------------------------------------------------------- refused in a sentence


def test_without_the_nodes_model_the_plan_is_refused_not_ignored(model):
    _, conditioning = regional(model, TWO)
    with pytest.raises(GoTError, match="Connect the node's own model output"):
        predicted(model, conditioning)


def test_a_patch_that_changes_the_number_of_text_tokens_is_named(unet):
    unet.set_model_attn2_patch(lambda n, context, value, extra: (n, context.repeat(1, 2, 1), value.repeat(1, 2, 1)))
    with pytest.raises(GoTError, match="text tokens from 11 to 22"):
        predicted(*regional(unet, TWO))


def test_a_patch_that_changes_the_number_of_tokens_of_joint_attention_is_named():
    flux = FAMILIES["flux"]()
    more = {"txt": lambda given: given["txt"][:, [0, *range(given["txt"].shape[1])]]}
    more["txt_ids"] = lambda given: given["txt_ids"][:, [0, *range(given["txt_ids"].shape[1])]]
    change = lambda given: given | {key: longer(given) for key, longer in more.items()}
    flux.set_model_patch(change, "post_input")
    with pytest.raises(GoTError, match="tokens from 27 to 28"):
        predicted(*regional(flux, TWO))


def test_a_patch_that_changes_the_number_of_image_tokens_is_named(unet):
    unet.set_model_attn2_patch(lambda n, context, value, extra: (n[:, ::2], context, value))
    with pytest.raises(GoTError, match="image tokens from 64 to 32"):
        predicted(*regional(unet, TWO))


def test_an_unknown_family_is_named_with_the_node_that_works():
    sizes = dict(dim=16, ffn_dim=32, num_heads=2, num_layers=1, freq_dim=8, text_dim=CONTEXT, model_type="t2v")
    config = comfy.supported_models.WAN21_T2V(sizes | dict(image_model="wan2.1"))
    model = comfy.model_patcher.ModelPatcher(
        config.get_model({}, device="cpu"), torch.device("cpu"), torch.device("cpu")
    )
    with pytest.raises(GoTError, match=r"kind WAN21 \(WanModel\)\. Use GoT Regional Conditioning"):
        regional(model, TWO)


def test_gots_own_model_is_sent_to_its_own_node():
    with pytest.raises(GoTError, match="reads boxes and needs no regional attention"):
        regional(load_unet(TINY / "unet.safetensors"), TWO)


def test_a_checkpoint_without_a_text_encoder_is_told_so(unet):
    with pytest.raises(GoTError, match="no text encoder"):
        GoTRegionalAttention.execute(unet, None, TWO, 0.5, "prompt")


def test_the_node_gives_a_model_and_a_conditioning_that_go_together(unet):
    made, conditioning = GoTRegionalAttention.execute(unet, CLIP, TWO, 0.7, "prompt").result
    assert torch.equal(predicted(made, conditioning), predicted(*regional(unet, TWO)))
    assert conditioning[0][0].shape[-1] == CONTEXT


@pytest.mark.parametrize(
    ("name", "value"), [("strength", 1.5), ("start", float("nan")), ("end", float("nan")), ("end", 2)]
)
def test_a_linked_number_out_of_range_is_refused(unet, name, value):
    given = {"strength": 0.7, "start": 0.0, "end": 1.0} | {name: value}
    with pytest.raises(GoTError, match=rf"The input '{name}' is .* must be from 0 to 1"):
        GoTRegionalAttention.execute(unet, CLIP, TWO, whole="prompt", **given)
