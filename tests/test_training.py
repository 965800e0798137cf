"""The training recipe: rows are what the released model was trained on, losses fall, runs resume, exports load.

Run: python dev.py test tests/test_training.py
"""

import json
from random import Random

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from got.got_models.prompt import NEW_TOKENS
from got.got_models.weights import published_key
from got.training import autoencoder, export, language, latents, reasoner, rows, unet, world
from got.training.run import Run, cosine
from got.training.tokenizer import QWEN_TOKENS, train_tokenizer
from PIL import Image
from safetensors.torch import load_file
from transformers import Qwen2VLImageProcessor


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def student(tokenizer):
    torch.manual_seed(0)
    return reasoner.Student(reasoner.build(tokenizer), tokenizer).eval()


def made(task, count=4):
    make = {"text-to-image": rows.text_to_image_row, "edit": rows.edit_row}[task]
    return [make(Random(seed), False) for seed in range(count)]


def test_the_special_tokens_come_last_in_the_published_order(tokenizer):
    names = [*QWEN_TOKENS, *NEW_TOKENS]
    assert tokenizer.convert_tokens_to_ids(names) == list(range(len(tokenizer) - len(names), len(tokenizer)))


def test_every_digit_is_a_token_and_any_text_can_be_written(tokenizer):
    assert tokenizer.tokenize("(125,350)") == ["(", "1", "2", "5", ",", "3", "5", "0", ")"]
    assert tokenizer.decode(tokenizer("Ein Kätzchen 🐈").input_ids) == "Ein Kätzchen 🐈"


def test_patches_are_those_of_qwens_image_processor():
    picture = world.render(world.random_scene(Random(1)))
    small = Image.fromarray(picture).resize((rows.LOOK, rows.LOOK), Image.Resampling.BICUBIC)
    processor = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 1280)
    expected = processor(images=[small], return_tensors="pt")
    assert expected["image_grid_thw"].tolist() == [[1, rows.CELLS, rows.CELLS]]
    np.testing.assert_allclose(rows.patches(picture), expected["pixel_values"], atol=1e-5)


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
def test_hidden_states_are_those_of_the_ordinary_model(task, tokenizer, student):
    row = made(task, 1)[0]
    batch = rows.collate([row], tokenizer)
    length = sum(map(len, rows._tokens(row, tokenizer)))
    ids = batch["ids"][:, :length]
    shown = {"pixel_values": batch["patches"][0], "image_grid_thw": torch.tensor([[1, 8, 8]])} if task == "edit" else {}
    types = (ids == student.model.config.image_token_id).int()
    with torch.no_grad():
        expected = student.model.model(input_ids=ids, mm_token_type_ids=types, **shown).last_hidden_state
        torch.testing.assert_close(student.hidden(batch)[0][:, :length], expected, atol=1e-4, rtol=1e-4)


def test_only_the_chain_is_asked_for_and_not_the_image_tokens(tokenizer):
    row = made("text-to-image", 1)[0]
    labels = rows.collate([row], tokenizer)["labels"][0]
    assert tokenizer.decode(labels[labels != -100]) == row.chain + "<|im_gen_start|>"


def test_a_chain_that_does_not_follow_from_its_prompt_is_only_read(tokenizer):
    row = rows.text_to_image_row(Random(0), read=True)
    assert (rows.collate([row], tokenizer)["labels"] == -100).all()


def test_the_thumbnail_has_a_part_for_every_image_token():
    parts = rows.thumbnail(world.render(world.Scene("cyan", ())))
    np.testing.assert_allclose(parts.reshape(64, 16, 3)[10, 3], (-1, 1, 1))


def test_what_is_seen_lies_in_the_order_of_the_patches():
    thing = world.Thing("square", "blue", (0, 0, 250, 250))  # the first two by two patches
    classes, boxes = rows.sights(world.Scene("gray", (thing,)))
    assert np.flatnonzero(classes).tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(boxes[3], (-1.5, -1.5, 0.5, 0.5))


def test_the_reasoner_learns(tokenizer):
    torch.manual_seed(0)
    student = reasoner.Student(reasoner.build(tokenizer), tokenizer)
    optimizer, batch = reasoner.optimizer_of(student), rows.collate(made("edit"), tokenizer)
    totals = []
    for _ in range(12):
        losses = student(batch)
        total = sum(reasoner.WEIGHTS[name] * loss for name, loss in losses.items())
        optimizer.zero_grad()
        total.backward()
        for group in optimizer.param_groups:
            group["lr"] = 1e-3
        optimizer.step()
        totals.append(total.item())
    assert set(losses) == set(reasoner.WEIGHTS) and totals[-1] < 0.7 * totals[0]


def test_the_short_cut_to_the_latents_is_the_autoencoders_own_encoder():
    torch.manual_seed(0)
    vae = autoencoder.normalized(autoencoder.construct(AutoencoderKL(**autoencoder.CONFIG)).eval(), count=16)
    row = made("text-to-image", 1)[0]
    pictures = [world.render(row.target), *latents.canvases(row)]
    with torch.no_grad():
        expected = vae.encode(latents.to_tensor(pictures)).latent_dist.mode()
    torch.testing.assert_close(latents.Encoder(vae)(pictures), expected, atol=1e-3, rtol=1e-4)


def test_a_box_is_painted_with_its_last_pixel():
    row = rows.Row("text-to-image", "", "A dot " + language.box_text((0, 0, 500, 250), "white"), True, None, None)
    painted = latents.canvases(row)[0][..., 0] == 255
    assert painted[:33, :65].all() and painted.sum() == 33 * 65


def test_the_null_conditions_are_what_sampling_uses():
    torch.manual_seed(0)
    painter = unet.Painter().eval()
    batch = {name: torch.randn(4, 4, 16, 16) for name in ("reference", "spatial")}
    batch["states"] = torch.randn(4, 64, reasoner.HIDDEN)
    seen = {}
    painter.unet.forward = lambda x, step, context, **_: [seen.update(x=x, context=context) or x[:, :4]]
    painter(torch.zeros(4, 4, 16, 16), torch.zeros(4), batch, torch.tensor([0, 1, 2, 3]))
    dropped = [(seen["x"][i, 8:] == 0).all() for i in range(4)], [(seen["x"][i, 4:8] == 0).all() for i in range(4)]
    assert dropped == ([False, True, True, True], [False, False, False, True])
    null = [torch.equal(seen["context"][i], painter.context.bias.expand(64, -1)) for i in range(4)]
    assert null == [False, False, True, True]


def test_the_schedule_is_sdxls():
    alphas = unet.alphas_cumprod()
    assert ((1 - alphas[-1]) / alphas[-1]).sqrt().item() == pytest.approx(14.6146, abs=1e-3)


def test_a_resumed_run_goes_on_exactly(tmp_path):
    def run_to(folder, stops):
        values = []
        for stop in stops:
            torch.manual_seed(3)
            layer = torch.nn.Linear(4, 4)
            run = Run(folder, {"layer": layer}, torch.optim.AdamW(layer.parameters()), steps=20, rate=0.1)
            while run.step < stop:
                run.begin_step()
                loss = layer(torch.randn(8, 4)).square().mean()
                run.optimizer.zero_grad()
                loss.backward()
                run.optimizer.step()
                run.end_step(loss=loss.detach())
                values.append(loss.item())
            run.save()
        return values

    assert run_to(tmp_path / "broken", [7, 20]) == run_to(tmp_path / "whole", [20])


def test_the_learning_rate_rises_and_falls():
    rates = [cosine(step, steps=100, warmup=10) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10) and rates[0] < 0.2 and rates[-1] < 0.05


def test_the_exported_reasoner_has_published_names_in_half_precision(tmp_path, tokenizer, student):
    export.export_reasoner(student.model, tokenizer, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert set(tensors) == {published_key(name) for name in student.model.state_dict()}
    assert {"visual.patch_embed.proj.weight", "model.embed_tokens.weight", "lm_head.weight"} <= set(tensors)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}


def test_the_exported_config_is_flat(tmp_path, tokenizer, student):
    export.export_reasoner(student.model, tokenizer, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["hidden_size"] == reasoner.HIDDEN and "text_config" not in config
    assert config["rope_scaling"]["type"] == "mrope" and config["vision_config"]["depth"] == 4
