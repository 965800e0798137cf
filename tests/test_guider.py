"""GoT's guider in ComfyUI's samplers against the plain script, and beside other nodes' hooks, masks and ControlNets."""

from collections import Counter
from types import SimpleNamespace

import comfy.cli_args
import comfy.controlnet
import comfy.model_management
import comfy.ops
import comfy.samplers
import comfy.utils
import pytest
import torch
from comfy.cldm.cldm import ControlNet
from comfy.cli_args import LatentPreviewMethod
from comfy.ldm.modules.attention import attention_pytorch
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_custom_sampler import KSamplerSelect, RandomNoise, SamplerCustomAdvanced
from comfy_extras.nodes_model_advanced import RescaleCFG
from got.got_models.chain.grammar import TEXT_TO_IMAGE
from got.got_models.comfy.guider import GoTGuider, conditioning, empty_latent, reference_sigmas, sample
from got.got_models.comfy.unet import load_unet
from got.got_models.errors import GoTError
from got.got_models.files.manifest import PUBLISHED_DEFAULTS
from got.got_models.guidance.formula import Guidance, Interval, Strengths
from got.nodes.sampling import GoTGuiderNode, GoTSampler, GoTScheduler
from got.tools.oracle import script
from got.tools.oracle.qwen import Sizes, lively
from got.tools.oracle.released import make_unet
from safetensors.torch import save_file

import nodes as comfy_nodes

SCALING = 0.13025  # SDXL's: ComfyUI hands latents out divided by it
STRENGTHS = [(7.5, 4, 1), (4, 3, 1.5), (4, 4, 1), (1, 1, 1)]
UNET = {  # one level: these tests are about the sampling around it
    "block_out_channels": (64,),
    "down_block_types": ("CrossAttnDownBlock2D",),
    "up_block_types": ("CrossAttnUpBlock2D",),
    "transformer_layers_per_block": (1,),
    "attention_head_dim": (1,),
    "layers_per_block": 1,
}
ROWS, COLUMNS = 4, 6  # latent cells: not square
ALL = ["cond", "uncond", "text", "image"]  # the order in which hooks see the branches


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def network_of(unet):
    """The plain script's UNet with these sizes and random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make_unet(Sizes(unet=unet), channels=12).eval()


def guidance_of(rows, columns):
    """Random guidance for an image of so many latent cells."""
    random = torch.Generator().manual_seed(1)
    shapes = {"context": (1, 64, 48), "null_context": (1, 64, 48), "pooled": (1, 80)}
    shapes |= {"spatial": (1, 4, rows, columns), "reference": (1, 4, rows, columns)}
    tensors = {name: torch.randn(shape, generator=random) for name, shape in shapes.items()}
    return Guidance(**tensors, width=columns * 8, height=rows * 8, defaults=PUBLISHED_DEFAULTS[TEXT_TO_IMAGE])


@pytest.fixture(scope="module")
def network():
    return network_of(UNET)


@pytest.fixture(scope="module")
def model(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("unet") / "unet.safetensors"
    save_file(network.state_dict(), path)
    return load_unet(path)


@pytest.fixture(scope="module")
def guidance():
    return guidance_of(ROWS, COLUMNS)


def drawn(model, guidance, strengths=(7.5, 4, 1), steps=2, name="euler", seed=3, latent=None, extras=None, **more):
    """Latents by the pack, scaled as the model sees them."""
    guider = GoTGuider(model, guidance, Strengths(*strengths), extras)
    latent = empty_latent(guidance) if latent is None else latent
    return sample(guider, latent, seed, steps, name, more.pop("scheduler", "got"), **more)["samples"] * SCALING


def noise(seed=3, batch=1):
    return torch.randn(batch, 4, ROWS, COLUMNS, generator=torch.Generator().manual_seed(seed))


def relative_error(ours, expected):
    return ((ours - expected).abs().max() / expected.abs().max()).item()


# ------------------------------------------------------------------------------------------- against the plain script


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("name", ["euler", "ddpm"])
@pytest.mark.parametrize("strengths", STRENGTHS)
def test_ten_steps_equal_the_plain_script(network, model, guidance, strengths, name):
    expected = script.denoise(network, guidance, noise(), 10, strengths, name, step_seed=4)
    assert relative_error(drawn(model, guidance, strengths, 10, name), expected) <= 1e-5


@pytest.mark.parametrize("name, steps", [("euler", 7), ("ddpm", 6), ("euler", 1)])
def test_step_counts_that_do_not_divide_the_schedule_equal_the_plain_script(network, model, guidance, name, steps):
    expected = script.denoise(network, guidance, noise(), steps, (7.5, 4, 1), name, step_seed=4)
    assert relative_error(drawn(model, guidance, steps=steps, name=name), expected) <= 1e-5


@pytest.mark.parametrize("strengths, branch", [((0, 0, 0), "uncond"), ((1, 1, 1), "cond")])
def test_the_ends_of_the_range_are_single_branches(network, model, guidance, strengths, branch):
    none = torch.zeros_like(guidance.spatial)
    only = {"context": guidance.null_context, "spatial": none, "reference": none} if branch == "uncond" else {}
    alone = SimpleNamespace(**{**vars(guidance), **only})
    expected = script.denoise(network, alone, noise(), 2, (1, 1, 1), "euler", step_seed=4)
    assert relative_error(drawn(model, guidance, strengths), expected) <= 1e-5


@pytest.mark.parametrize("steps", [4, 7, 10, 20, 25, 30, 50, 1000])
def test_the_noise_levels_are_those_of_diffusers(model, steps):
    schedule = script.scheduler("euler")
    schedule.set_timesteps(steps)
    torch.testing.assert_close(reference_sigmas(model, steps), schedule.sigmas, atol=0, rtol=1e-5)


def test_below_denoise_one_the_noise_levels_are_the_last_of_a_longer_row(model):
    torch.testing.assert_close(reference_sigmas(model, 5, denoise=0.5), reference_sigmas(model, 10)[5:])


@pytest.mark.parametrize("steps, denoise", [(1001, 1.0), (900, 0.5), (4, 0.0)])
def test_steps_that_cannot_be_spaced_are_refused(model, steps, denoise):
    with pytest.raises(GoTError, match=f"{steps} steps at denoise {denoise} cannot be spaced"):
        reference_sigmas(model, steps, denoise)


# ------------------------------------------------------------------------------------------- which branches run


def watched(model):
    """A clone that notes each forward: the branches it ran, and what it was given."""
    clone, forwards = model.clone(), []

    def note(apply_model, given):
        forwards.append(SimpleNamespace(branches=[ALL[index] for index in given["cond_or_uncond"]], **given))
        return apply_model(given["input"], given["timestep"], **given["c"])

    clone.set_model_unet_function_wrapper(note)
    return clone, forwards


@pytest.mark.parametrize(
    "strengths, branches",
    [
        ((7.5, 4, 1), {"cond", "text", "image"}),
        ((4, 3, 1.5), {"cond", "text", "image", "uncond"}),
        ((4, 4, 1), {"cond", "image"}),
        ((1, 1, 1), {"cond"}),
        ((0, 0, 0), {"uncond"}),
    ],
)
def test_only_branches_of_non_zero_weight_run(model, guidance, strengths, branches):
    clone, forwards = watched(model)
    drawn(clone, guidance, strengths, steps=2)
    ran = [name for forward in forwards for name in forward.branches]
    assert Counter(ran) == dict.fromkeys(branches, 2)
    assert sum(len(forward.input) for forward in forwards) == 2 * len(branches)


@pytest.mark.parametrize("strengths", [(7.5, 4, 1), (4, 4, 1), (1, 1, 1), (0, 0, 0)])
def test_all_branches_give_what_the_needed_ones_give(model, guidance, strengths):
    clone, forwards = watched(model)
    clone.set_model_sampler_pre_cfg_function(lambda given: given["conds_out"], disable_cfg1_optimization=True)
    every = drawn(clone, guidance, strengths, steps=4)
    assert sum(len(forward.input) for forward in forwards) == 4 * 4
    assert relative_error(drawn(model, guidance, strengths, steps=4), every) <= 1e-5


def test_all_three_kinds_of_guidance_matter(model, guidance):
    whole = drawn(model, guidance)
    for weaker in [(6, 4, 1), (7.5, 3, 1), (7.5, 4, 0.5)]:
        assert relative_error(drawn(model, guidance, weaker), whole) > 1e-2


# ------------------------------------------------------------------------------------------- an interval


def drawn_within(model, guidance, interval, steps=10):
    guider = GoTGuider(model, guidance, Strengths(7.5, 4, 1), interval=Interval(*interval))
    return sample(guider, empty_latent(guidance), 3, steps, "euler", "got")["samples"] * SCALING


def test_guidance_from_beginning_to_end_is_the_same_to_the_bit(model, guidance):
    torch.testing.assert_close(drawn_within(model, guidance, (0, 1)), drawn(model, guidance, steps=10), atol=0, rtol=0)


@pytest.mark.parametrize(
    "interval, guided", [((0.25, 1), range(2, 10)), ((0, 0.65), range(6)), ((0.25, 0.65), range(2, 6))]
)
def test_outside_the_interval_only_cond_runs(model, guidance, interval, guided):
    clone, forwards = watched(model)
    drawn_within(clone, guidance, interval)
    levels = [level.item() for level in reference_sigmas(model, 10)[:-1]]
    ran = {level: set() for level in levels}
    for forward in forwards:
        nearest = min(levels, key=lambda level: abs(level - forward.timestep.max().item()))
        ran[nearest] |= set(forward.branches)
    expected = [{"cond", "text", "image"} if step in guided else {"cond"} for step in range(10)]
    assert [ran[level] for level in levels] == expected


def test_an_interval_changes_the_image(model, guidance):
    assert relative_error(drawn_within(model, guidance, (0.3, 0.7)), drawn(model, guidance, steps=10)) > 1e-3


def test_an_empty_interval_is_refused(model, guidance):
    with pytest.raises(GoTError, match=r"starts at 0\.6 and ends at 0\.4"):
        drawn_within(model, guidance, (0.6, 0.4))


# ------------------------------------------------------------------------------------------- noise, batches, masks


def test_pure_noise_starts_as_strong_as_the_references(model, guidance):
    clone, forwards = watched(model)
    drawn(clone, guidance, (1, 1, 1))
    expected = noise() * (1 + reference_sigmas(model, 2)[0] ** 2) ** 0.5
    torch.testing.assert_close(forwards[0].input.cpu(), expected)


def image_latent(**more):
    return {"samples": torch.randn(1, 4, ROWS, COLUMNS, generator=torch.Generator().manual_seed(8)), **more}


def test_a_latent_with_a_image_is_noised_as_comfyui_does(model, guidance):
    clone, forwards = watched(model)
    drawn(clone, guidance, (1, 1, 1), latent=image_latent(), denoise=0.5)
    expected = noise() * reference_sigmas(model, 4)[2] + image_latent()["samples"] * SCALING
    torch.testing.assert_close(forwards[0].input.cpu(), expected)


def test_in_a_batch_an_empty_latent_is_noised_as_it_would_be_alone(model, guidance):
    clone, forwards = watched(model)
    both = torch.cat([torch.zeros(1, 4, ROWS, COLUMNS), image_latent()["samples"]])
    drawn(clone, guidance, (1, 1, 1), latent={"samples": both, "batch_index": [0, 0]})
    drawn(clone, guidance, (1, 1, 1))
    drawn(clone, guidance, (1, 1, 1), latent=image_latent())
    together, empty, image = (forward.input for forward in forwards[::2])
    torch.testing.assert_close(together, torch.cat([empty, image]), atol=0, rtol=0)


def test_noise_levels_that_begin_at_zero_leave_the_latent_as_it_is(model, guidance):
    guider = GoTGuider(model, guidance, Strengths(7.5, 4, 1))
    latent, sampler = torch.zeros(1, 4, ROWS, COLUMNS), comfy.samplers.sampler_object("euler")
    assert not guider.sample(noise(), latent, sampler, torch.zeros(1)).any()


def test_a_batch_of_two_equals_two_of_one(model, guidance):
    def run(noise):
        guider = GoTGuider(model, guidance, Strengths(7.5, 4, 1))
        sampler = comfy.samplers.sampler_object("euler")
        return guider.sample(noise, torch.zeros_like(noise), sampler, reference_sigmas(model, 3), seed=0)

    together = run(noise(batch=2))
    alone = torch.cat([run(one[None]) for one in noise(batch=2)])
    assert relative_error(together, alone) <= 1e-5
    assert relative_error(together[:1], together[1:]) > 1e-2


def half_mask():
    mask = torch.zeros(1, ROWS * 8, COLUMNS * 8)
    mask[..., COLUMNS * 4 :] = 1  # the right half is drawn anew
    return mask


def test_inpainting_leaves_what_is_not_masked(model, guidance):
    latent = image_latent(noise_mask=half_mask())
    result, source = drawn(model, guidance, latent=latent), latent["samples"] * SCALING
    left, right = (..., slice(COLUMNS // 2)), (..., slice(COLUMNS // 2, None))
    assert relative_error(result[left], source[left]) <= 1e-4
    assert relative_error(result[right], source[right]) > 0.1


def test_an_empty_mask_keeps_the_image_and_a_full_one_is_none(model, guidance):
    kept = drawn(model, guidance, latent=image_latent(noise_mask=half_mask() * 0))
    assert relative_error(kept, image_latent()["samples"] * SCALING) <= 1e-4
    full = drawn(model, guidance, latent=image_latent(noise_mask=half_mask() * 0 + 1))
    assert relative_error(full, drawn(model, guidance, latent=image_latent())) <= 1e-5


# ------------------------------------------------------------------------------------------- other nodes


@pytest.mark.parametrize("name", ["heun", "dpmpp_2m", "dpmpp_2m_sde", "uni_pc", "lcm", "euler_ancestral_cfg_pp"])
def test_other_samplers_work(model, guidance, name):
    assert drawn(model, guidance, name=name, steps=3).isfinite().all()


@pytest.mark.parametrize("scheduler", ["normal", "karras", "simple"])
def test_other_schedulers_work(model, guidance, scheduler):
    assert drawn(model, guidance, scheduler=scheduler).isfinite().all()


def test_sampler_custom_advanced_gives_what_our_sampler_gives(model, guidance):
    strengths = {"strengths": "automatic"}
    (ours,) = GoTSampler.execute(model, guidance, 3, 3, "ddpm", "got", strengths, 1.0, 1).result
    noise = RandomNoise.execute(3)[0]
    guider = GoTGuiderNode.execute(model, guidance, strengths)[0]
    sigmas, sampler = GoTScheduler.execute(model, 3, 1.0)[0], KSamplerSelect.execute("ddpm")[0]
    theirs = SamplerCustomAdvanced.execute(noise, guider, sampler, sigmas, empty_latent(guidance))[0]
    torch.testing.assert_close(ours["samples"], theirs["samples"], atol=0, rtol=0)


def test_the_same_seed_gives_the_same_image_again(model, guidance):
    torch.testing.assert_close(drawn(model, guidance), drawn(model, guidance), atol=0, rtol=0)


def test_a_pre_cfg_hook_sees_a_pair_and_changes_it(model, guidance):
    clone, seen = model.clone(), []

    def hook(given):
        seen.append([cond is not None for cond in given["conds"]])
        return [output * 0 for output in given["conds_out"]]

    clone.set_model_sampler_pre_cfg_function(hook)
    assert drawn(clone, guidance).abs().max() < 1e-6
    assert seen == [[True, True]] * 2


@pytest.mark.parametrize("strengths", [(7.5, 4, 1), (4, 3, 1.5), (1, 1, 1)])
def test_a_function_in_place_of_the_prediction_gets_pairs(model, guidance, strengths):
    clone, calls = model.clone(), []

    def predict(given):
        first, second = given["conds"]
        calls.append((first is not None, second is not None))
        return comfy.samplers.calc_cond_batch(
            given["model"], [first, second], given["input"], given["sigma"], given["model_options"]
        )

    clone.set_model_sampler_calc_cond_batch_function(predict)
    assert relative_error(drawn(clone, guidance, strengths), drawn(model, guidance, strengths)) <= 1e-5
    assert calls[0][0] and len(calls) == (2 if strengths == (1, 1, 1) else 4)


def test_a_post_cfg_hook_sees_the_result_and_changes_it(model, guidance):
    clone, seen = model.clone(), []

    def hook(given):
        seen.append(set(given))
        return given["denoised"] + 1

    clone.set_model_sampler_post_cfg_function(hook)
    error = drawn(clone, guidance, steps=1) - drawn(model, guidance, steps=1) - 1
    assert error.abs().max() < 1e-3
    assert {"denoised", "cond_denoised", "uncond_denoised", "cond", "uncond", "sigma", "input"} <= seen[0]


@pytest.mark.parametrize("strengths", [(7.5, 4, 1), (4, 3, 1.5)])
def test_a_plain_guidance_function_gets_what_makes_the_same_sum(model, guidance, strengths):
    clone = model.clone()
    clone.set_model_sampler_cfg_function(
        lambda given: given["uncond"] + given["cond_scale"] * (given["cond"] - given["uncond"])
    )
    assert relative_error(drawn(clone, guidance, strengths), drawn(model, guidance, strengths)) <= 1e-5


def test_rescale_cfg_works_and_at_zero_changes_nothing(model, guidance):
    plain = drawn(model, guidance)
    (off,), (on,) = RescaleCFG().patch(model, 0.0), RescaleCFG().patch(model, 0.7)
    assert relative_error(drawn(off, guidance), plain) <= 1e-5
    assert relative_error(drawn(on, guidance), plain) > 1e-2


@pytest.mark.slow  # it compiles
def test_a_compiled_model_draws_the_same(model, guidance):
    clone = model.clone()
    set_torch_compile_wrapper(model=clone, backend="eager")  # ComfyUI's node does this; inductor only makes it fast
    assert relative_error(drawn(clone, guidance), drawn(model, guidance)) <= 1e-5


def test_another_attention_draws_the_same(model, guidance):
    clone, calls = model.clone(), []

    def attention(_, *inputs, **more):
        calls.append(1)
        return attention_pytorch(*inputs, **more)

    clone.model_options["transformer_options"]["optimized_attention_override"] = attention
    assert relative_error(drawn(clone, guidance), drawn(model, guidance)) <= 1e-5 and calls


def test_previews_and_progress_come_at_every_step(model, guidance, monkeypatch):
    shown = []
    monkeypatch.setattr(comfy.cli_args.args, "preview_method", LatentPreviewMethod.Latent2RGB)
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", lambda *event, **more: shown.append(event))
    drawn(model, guidance, steps=3)
    assert [(value, total) for value, total, _ in shown] == [(1, 3), (2, 3), (3, 3)]
    assert all(preview[1].size == (COLUMNS, ROWS) for _, _, preview in shown)


@pytest.fixture(scope="module")
def controlnet():
    """A random ControlNet of SDXL's kind, as deep as the UNet."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network = ControlNet(
            image_size=32,
            in_channels=4,
            hint_channels=3,
            model_channels=64,
            num_res_blocks=[1],
            channel_mult=[1],
            transformer_depth=[1],
            transformer_depth_middle=1,
            use_spatial_transformer=True,
            use_linear_in_transformer=True,
            context_dim=48,
            num_head_channels=64,
            num_classes="sequential",
            adm_in_channels=80 + 6 * 256,
            legacy=False,
            operations=comfy.ops.manual_cast,
        )
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1 if parameter.ndim == 1 else parameter[0].numel() ** -0.5)
    return comfy.controlnet.ControlNet(lively(network), load_device=comfy.model_management.get_torch_device())


def controlled(controlnet, guidance, strength):
    """The guidance's conditioning after 'Apply ControlNet'."""
    hint = torch.rand(1, 64, 96, 3, generator=torch.Generator().manual_seed(6))
    given = conditioning(guidance)
    return comfy_nodes.ControlNetApplyAdvanced().apply_controlnet(given, given, controlnet, hint, strength, 0.0, 1.0)[0]


def predictions(model, guidance, extras):
    """What each of the four branches predicts in a single step."""
    clone, seen = model.clone(), []

    def predict(given):
        names = ("model", "conds", "input", "sigma", "model_options")
        outputs = comfy.samplers.calc_cond_batch(*(given[name] for name in names))
        seen.extend(outputs)
        return outputs

    clone.set_model_sampler_calc_cond_batch_function(predict)
    clone.model_options["disable_cfg1_optimization"] = True
    drawn(clone, guidance, steps=1, extras=extras)
    return dict(zip(ALL, seen, strict=True))


def test_a_controlnet_of_strength_zero_changes_nothing(model, guidance, controlnet):
    without = drawn(model, guidance)
    with_zero = drawn(model, guidance, extras=controlled(controlnet, guidance, 0.0))
    torch.testing.assert_close(with_zero, without, atol=0, rtol=0)


def test_a_controlnet_changes_every_branch(model, guidance, controlnet):
    without = predictions(model, guidance, None)
    changed = predictions(model, guidance, controlled(controlnet, guidance, 1.0))
    for name in ALL:
        assert relative_error(changed[name], without[name]) > 1e-2, name


def test_a_weak_controlnet_changes_little(model, guidance, controlnet):
    without = drawn(model, guidance)
    weak, strong = (
        relative_error(drawn(model, guidance, extras=controlled(controlnet, guidance, strength)), without)
        for strength in (0.001, 1.0)
    )
    assert 0 < weak < strong / 10


def test_the_conditioning_wired_back_unchanged_changes_nothing(model, guidance):
    with_extras = drawn(model, guidance, extras=conditioning(guidance))
    torch.testing.assert_close(with_extras, drawn(model, guidance), atol=0, rtol=0)


def masked(extras, left):
    """A conditioning for one half of the image, after 'Conditioning (Set Mask)'."""
    mask = 1 - half_mask() if left else half_mask()
    return comfy_nodes.ConditioningSetMask().append(extras, mask, "default", 1.0)[0]


def test_combined_conditionings_are_weighed_as_comfyui_does(model, guidance, controlnet):
    strong, weak = (controlled(controlnet, guidance, strength) for strength in (1.0, 0.2))
    alone = [predictions(model, guidance, extras) for extras in (strong, weak)]
    (combined,) = comfy_nodes.ConditioningCombine().combine(strong, weak)
    together = predictions(model, guidance, combined)
    for name in ALL:
        assert relative_error(together[name], (alone[0][name] + alone[1][name]) / 2) <= 1e-5, name
        assert relative_error(together[name], alone[0][name]) > 1e-3, name


def test_conditionings_of_parts_of_the_image_each_count_in_theirs(model, guidance, controlnet):
    strong, weak = (controlled(controlnet, guidance, strength) for strength in (1.0, 0.2))
    (combined,) = comfy_nodes.ConditioningCombine().combine(masked(strong, left=True), masked(weak, left=False))
    together = predictions(model, guidance, combined)
    for extras, half in ((strong, slice(COLUMNS // 2)), (weak, slice(COLUMNS // 2, None))):
        alone = predictions(model, guidance, extras)
        for name in ALL:
            assert relative_error(together[name][..., half], alone[name][..., half]) <= 1e-5, name


# ------------------------------------------------------------------------------------------- wrong wires


def test_a_latent_of_another_size_is_named_with_both_sizes(model, guidance):
    with pytest.raises(GoTError, match="made for 48x32 pixels, the latent is 64x64"):
        drawn(model, guidance, latent={"samples": torch.zeros(1, 4, 8, 8)})


def test_an_empty_latent_of_another_kind_is_taken_for_gots(model, guidance):
    other = {"samples": torch.zeros(1, 16, ROWS, COLUMNS)}
    torch.testing.assert_close(drawn(model, guidance, latent=other), drawn(model, guidance), atol=0, rtol=0)


def test_a_weight_that_is_no_number_is_named(model, guidance, monkeypatch):
    """Before, the result was an all-NaN image and a success."""
    changed = model.clone()
    weight = changed.model.diffusion_model.out[2].bias
    kept = weight.clone()
    try:
        weight.data[0] = float("nan")
        with pytest.raises(GoTError, match=r"the UNet's weight 'out\.2\.bias' holds NaN"):
            drawn(changed, guidance)
    finally:
        weight.data.copy_(kept)


def test_a_latent_that_is_no_number_is_named(model, guidance):
    latent = {"samples": torch.full((1, 4, ROWS, COLUMNS), float("nan"))}
    with pytest.raises(GoTError, match="the latent to start from holds NaN"):
        drawn(model, guidance, latent=latent)


def test_strengths_without_bounds_are_named(model, guidance):
    with pytest.raises(GoTError, match="from weights and inputs that are finite"):
        drawn(model, guidance, strengths=(1e38, -1e38, 1e38))
