"""The joint objective against plain transformers and diffusers, and what its gradient reaches.

Run: python dev.py test tests/test_joint_objective.py
"""

import re
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from got.got_models.chain.grammar import read_chain
from got.got_models.convert.checkpoint import Checkpoint
from got.got_models.convert.release import convert
from got.got_models.files.manifest import World, read_manifest, write_manifest
from got.got_models.files.weights import WeightsError
from got.got_models.guidance.images import to_tensor
from got.got_models.reasoner.loading import load_reasoner
from got.tests import joint
from got.tools.oracle import script
from got.tools.oracle.released import make_release
from got.training.joint.batches import KEPT, NO_BOXES, NO_CHAIN, NOTHING, Batcher
from got.training.joint.config import SAVED, TARGETS
from got.training.joint.examples import Example, blank
from got.training.joint.export import export
from got.training.joint.memory import UNET_SIZES
from got.training.joint.networks import load_networks, load_unet, unet_config
from got.training.joint.objective import Objective
from got.training.joint.start import plan_unet, widened
from got.training.joint.worlds import world_example
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

pytestmark = pytest.mark.slow  # it takes training steps

CHAIN = "A cup <|box_start|>(100,200),(300,999)<|box_end|> (green) on <|box_start|>(0,500),(998,998)<|box_end|> (red)."


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return joint.start_folder(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def objective(start):
    config = joint.config_of(start, lora_dropout=0.0)
    return Objective(load_networks(start, config), config)


def example_of(task, seed=0):
    random = np.random.default_rng(seed)
    image, source = random.integers(0, 256, (2, joint.SIDE, joint.SIDE, 3), dtype=np.uint8)
    chain = read_chain(CHAIN, task, "a cup", to_tensor(source) if task == "edit" else None)
    return Example(chain, image)


def batch_of(objective, examples, numbers=None):
    return Batcher(objective.networks.reasoner, objective.config)(examples, numbers or list(range(len(examples))))


def gradients(objective, loss):
    loss.backward()
    found = {name for name, p in objective.networks.trained().items() if p.grad is not None and p.grad.any()}
    objective.zero_grad(set_to_none=True)
    return found


# ------------------------------------------------------------------------------------------ against the oracle


@pytest.fixture(scope="module")
def oracle_pair(tmp_path_factory):
    """Perturbed networks with LoRA, and plain ones loaded from what is exported of them."""
    folder = tmp_path_factory.mktemp("oracle")
    start = joint.start_folder(folder, vision_size=448)  # as the oracle shows images
    config = joint.config_of(start, lora_dropout=0.0)
    networks = joint.perturbed(load_networks(start, config))
    export(networks, start, folder / "model", config)
    reasoner = load_reasoner(folder / "model", torch.float32)
    unet, vae = joint.plain_unet(12), joint.plain_vae()
    unet.load_state_dict(load_file(folder / "model" / "unet.safetensors"))
    vae.load_state_dict(load_file(folder / "model" / "vae.safetensors"))
    plain = SimpleNamespace(
        mllm_model=Qwen2_5_VLForConditionalGeneration.from_pretrained(
            folder / "model" / "reasoner", dtype=torch.float32
        ),
        tokenizer=AutoTokenizer.from_pretrained(folder / "model" / "reasoner"),
        image_processor=reasoner.image_processor,
        context=reasoner.network.context,
        pooled=reasoner.network.pooled,
        unet=unet.eval(),
        vae=vae.eval(),
    )
    return Objective(networks, config), plain


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
@torch.no_grad()
def test_both_losses_are_those_of_plain_transformers_and_diffusers(task, oracle_pair):
    objective, plain = oracle_pair
    example = example_of(task)
    source = (
        Image.fromarray((example.chain.source[0].numpy() * 255).round().astype("uint8")) if task == "edit" else None
    )
    batch = batch_of(objective, [example, example_of("text-to-image", 1)], [7, 8])  # another row: padding, more images
    batch = replace(batch, dropped=torch.tensor([KEPT, KEPT]))
    alone = batch_of(objective, [example_of("text-to-image", 1)], [8])
    alone = replace(alone, dropped=torch.tensor([KEPT]))
    both, rest = objective(batch), objective(alone)

    before = script.sequence(plain, task, "a cup", "", source)["input_ids"].shape[1]
    inputs = script.sequence(plain, task, "a cup", CHAIN + "<|im_gen_start|>", source)
    logits = plain.mllm_model(**inputs).logits[0, before - 1 : -1].double()
    written = inputs["input_ids"][0, before:]
    expected = -logits.log_softmax(-1).gather(1, written[:, None]).sum().item()
    assert (both["chain"] - rest["chain"]).item() == pytest.approx(expected, rel=1e-4)

    given = script.guidance(plain, task, "a cup", CHAIN, source, joint.SIDE, joint.SIDE)
    target = script.encode(plain.vae, Image.fromarray(example.image)) * 0.13025
    noise, step = batch.noise[:1], batch.timesteps[:1]
    noisy = DDPMScheduler(**script.SCHEDULE).add_noise(target, noise, step)
    predicted = script.guided_noise(plain.unet, noisy, step.expand(4), given, (1, 1, 1))
    expected = (predicted - noise).square().mean().item()
    assert (both["noise"] - rest["noise"]).item() == pytest.approx(expected, rel=1e-3)


# ------------------------------------------------------------------------------------------------ the first step


@torch.no_grad()
def test_the_widened_unet_begins_as_the_narrow_one(start):
    """Whatever stands in the eight new channels."""
    wide, narrow = load_unet(start / "unet.safetensors"), joint.plain_unet(4)
    tensors = load_file(start.parent / "sdxl" / "unet" / "diffusion_pytorch_model.safetensors")
    narrow.load_state_dict(tensors)
    noisy, others = torch.randn(2, 4, 8, 8), torch.randn(2, 8, 8, 8)
    given = {"text_embeds": torch.randn(2, 80), "time_ids": torch.randn(2, 6)}
    rest = torch.tensor([500, 3]), torch.randn(2, 64, 48)
    expected = narrow(noisy, *rest, added_cond_kwargs=given).sample
    torch.testing.assert_close(wide(torch.cat([noisy, others], 1), *rest, added_cond_kwargs=given).sample, expected)
    assert widened(torch.ones(2, 4, 3, 3))[:, 4:].eq(0).all()


def test_another_unet_is_not_widened(start):
    with pytest.raises(WeightsError, match="4 channels"):
        plan_unet(Checkpoint(start, [start / "unet.safetensors"]))


def test_sdxls_configuration_follows_from_its_weights():
    with torch.device("meta"):
        shapes = UNet2DConditionModel(**UNET_SIZES).state_dict()
        again = UNet2DConditionModel(**unet_config(shapes)).state_dict()
    assert {name: t.shape for name, t in again.items()} == {name: t.shape for name, t in shapes.items()}
    assert unet_config(shapes)["attention_head_dim"] == [5, 10, 20]
    assert unet_config(shapes)["transformer_layers_per_block"] == [1, 2, 10]


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
@torch.no_grad()
def test_a_converted_checkpoint_is_where_training_may_begin(tmp_path):
    """A new LoRA changes nothing at first: the states and the UNet are those of the released networks."""
    release = make_release(tmp_path, sizes=joint.SMALL)
    convert(release.got, release.mllm, release.sdxl, tmp_path / "model", "fp32")
    config = joint.config_of(tmp_path / "model", lora_dropout=0.0)
    objective = Objective(load_networks(tmp_path / "model", config), config)
    example = example_of("edit")
    source = Image.fromarray((example.chain.source[0].numpy() * 255).round().astype("uint8"))
    batch = batch_of(objective, [example])
    hidden = objective.image_states(objective.states(batch), batch)
    torch.testing.assert_close(
        hidden, script.hidden_states(release, "edit", "a cup", CHAIN, source), atol=1e-3, rtol=1e-3
    )
    latents = torch.randn(3, 1, 4, 8, 8)
    mine = objective.predict(latents[0], torch.tensor([7]), hidden, *latents[1:], torch.tensor([KEPT]))
    given = {"text_embeds": release.pooled(hidden).mean(1), "time_ids": torch.tensor([[64.0, 64, 0, 0, 64, 64]])}
    theirs = release.unet(
        torch.cat(list(latents), 1), 7, encoder_hidden_states=release.context(hidden), added_cond_kwargs=given
    )
    torch.testing.assert_close(mine, theirs.sample, atol=1e-4, rtol=1e-4)


# ------------------------------------------------------------------------------------------------- the gradient


def test_the_images_gradient_reaches_the_language_model(objective):
    batch = batch_of(objective, [example_of("edit")])
    reached = gradients(objective, objective(replace(batch, dropped=torch.tensor([KEPT])))["noise"])
    for part in (
        "language_model.model.visual",
        "language_model.model.language_model.layers.0",
        "context",
        "pooled",
        "unet",
    ):
        assert any(name.startswith(part) for name in reached), part
    assert not any("lm_head" in name for name in reached)


def test_the_chains_gradient_stays_in_the_language_model(objective):
    reached = gradients(objective, objective(batch_of(objective, [example_of("edit")]))["chain"])
    assert reached and all(name.startswith("language_model") for name in reached)
    assert any("lm_head" in name for name in reached)


def test_loras_and_free_modules_are_those_of_the_released_config(objective):
    names = set(objective.networks.trained())
    pattern = re.compile(r"language_model\..*?(\w+)\.(lora_A|modules_to_save)\.default\.")
    found = {match[1] for name in names if (match := pattern.search(name))}
    assert found == {*TARGETS, *SAVED}
    vision = {name.split(".")[-4] for name in names if "visual" in name and "lora_A" in name}
    assert vision == {"gate_proj", "up_proj", "down_proj"}
    assert not any(name.startswith("vae") for name in names)
    assert all(p.dtype == torch.float32 for p in objective.networks.trained().values())


# ------------------------------------------------------------------------------------------------ the conditions


@torch.no_grad()
def test_what_each_combination_leaves_out(objective):
    """Boxes first, then the chain, whose null is the projector's bias, then the source. Never the pooled vector."""
    seen = {}
    networks = objective.networks

    def watch(module, inputs, kwargs):
        seen.update(x=inputs[0], context=inputs[2], pooled=kwargs["added_cond_kwargs"]["text_embeds"], **kwargs)

    hook = networks.unet.register_forward_pre_hook(watch, with_kwargs=True)
    latents = torch.ones(4, 4, 8, 8)
    hidden = torch.ones(4, 64, 64)
    dropped = torch.tensor([KEPT, NO_BOXES, NO_CHAIN, NOTHING])
    objective.predict(latents, torch.zeros(4), hidden, latents, latents, dropped)
    hook.remove()
    assert [bool(seen["x"][i, 8:].any()) for i in range(4)] == [True, False, False, False]
    assert [bool(seen["x"][i, 4:8].any()) for i in range(4)] == [True, True, True, False]
    null = [torch.allclose(seen["context"][i], networks.context.bias.expand(64, -1)) for i in range(4)]
    assert null == [False, False, True, True]
    assert torch.equal(seen["pooled"][0], seen["pooled"][3])
    assert seen["added_cond_kwargs"]["time_ids"][0].tolist() == [joint.SIDE, joint.SIDE, 0, 0, joint.SIDE, joint.SIDE]


@torch.no_grad()
def test_a_batch_of_two_is_two_of_one(objective):
    examples = [world_example(Random(seed), kind) for seed, kind in enumerate(("text-to-image", "conversation"))]
    both = objective(batch_of(objective, examples, [4, 9]))
    apart = [objective(batch_of(objective, [example], [n])) for example, n in zip(examples, (4, 9))]
    for name, value in both.items():
        torch.testing.assert_close(value, apart[0][name] + apart[1][name], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_blank_counts_nowhere(objective):
    alone = objective(batch_of(objective, [example_of("edit")], [3]))
    batch = batch_of(objective, [example_of("edit"), blank()], [3, 4])
    for name, value in objective(batch).items():
        torch.testing.assert_close(value, alone[name], rtol=1e-4, atol=1e-4)
    assert batch.target_tokens == batch_of(objective, [example_of("edit")]).target_tokens


# ------------------------------------------------------------------------------------------------------ batches


def test_only_the_last_turns_chain_is_asked_for(objective):
    example = world_example(Random(3), "conversation")
    batch = batch_of(objective, [example])
    tokenizer = objective.networks.reasoner.vocabulary.tokenizer
    target_tokens = tokenizer.decode(batch.labels[0][batch.labels[0] != -100])
    assert target_tokens == example.chain.text + "<|im_gen_start|>"
    assert len(batch.image_grid_thw) == 2 and example.chain.earlier.text.split("\n")[1] in tokenizer.decode(
        batch.input_ids[0]
    )
    assert tokenizer.decode(batch.input_ids[0, batch.image_starts[0]]) == "<|im_gen_0000|>"


def test_every_image_is_encoded_once(objective):
    batch = batch_of(objective, [example_of("text-to-image"), example_of("text-to-image", 1)])
    assert len(batch.images) == 2 + 1 + 2  # two targets, one black, two boxes that both rows have
    assert batch.spatial.sum(1).tolist() == [1, 1] and batch.reference[0] == batch.reference[1]


def test_draws_follow_from_the_seed_and_the_rows_number(objective):
    one, other = (batch_of(objective, [example_of("text-to-image")] * 2, numbers) for numbers in ([5, 6], [6, 7]))
    assert torch.equal(one.noise[1], other.noise[0]) and one.timesteps[1] == other.timesteps[0]
    assert not torch.equal(one.noise[0], one.noise[1])


def test_each_combination_comes_with_its_share(objective):
    batcher = Batcher(objective.networks.reasoner, objective.config)
    draws = [batcher._draws(number) for number in range(2000)]
    counts = np.bincount([int(draw["dropped"]) for draw in draws], minlength=4) / 2000
    assert counts[KEPT] == pytest.approx(0.85, abs=0.03) and all(0.03 < share < 0.07 for share in counts[1:])
    means = torch.stack([draw["noise"].mean((1, 2)) for draw in draws])
    assert means.std().item() == pytest.approx((0.1**2 + 1 / 64) ** 0.5, rel=0.05)  # the offset, and chance
    steps = torch.stack([draw["timesteps"] for draw in draws]).float()
    assert steps.mean().item() == pytest.approx(500, abs=20) and steps.min() >= 0 and steps.max() <= 999


def test_a_small_models_known_words_stay_only_if_its_own_world_alone_was_trained(tmp_path):
    start = joint.start_folder(tmp_path)
    world = World("circles", "a red circle")
    write_manifest(start, replace(read_manifest(start), world=world))
    own, rows = {"kind": "world"}, {"kind": "rows", "files": "rows.jsonl"}
    for sources, kept in (([own], world), ([own, rows], None), ([rows], None)):
        config = joint.config_of(start, sources=sources)
        export(load_networks(start, config), start, tmp_path / "model", config)
        assert read_manifest(tmp_path / "model").world == kept
