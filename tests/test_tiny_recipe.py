"""The training recipe: rows are what the released model was trained on, losses fall, runs resume, exports load.

Run: python dev.py test tests/test_tiny_recipe.py
"""

import dataclasses
import json
import math
import re
import shutil
import time
from random import Random

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, read_chain
from got.got_models.files.manifest import PROJECTORS, REASONER, TINY
from got.got_models.files.weights import published_key
from got.got_models.reasoner.prompt import NEW_TOKENS, Vocabulary
from got.training.schedule import alphas_cumprod, cosine
from got.training.tiny import autoencoder, check, export, further, latents, losses, reasoner, recipe, rows, unet
from got.training.tiny.rendering import MEAN, PATCHES, STD, VISION_SIZE, VISION_TOKENS, Renderer, class_of, packed_scene
from got.training.tiny.run import Run
from got.training.tiny.tokenizer import QWEN_TOKENS, train_tokenizer
from got.world import scenes, wording
from got.world.detector import detect
from PIL import Image
from safetensors.torch import load_file
from transformers import Qwen2VLImageProcessor

pytestmark = pytest.mark.slow  # it trains


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer):
    torch.manual_seed(0)
    return reasoner.ReasonerWithHeads(reasoner.build(tokenizer), tokenizer).eval()


@pytest.fixture(scope="module")
def renderer():
    return Renderer(torch.device("cpu"))


def length_of(row, tokenizer):
    (tokens,) = rows.tokens_of([row], tokenizer)
    return len(tokens.prompt) + len(tokens.chain)


def made(task, count=4):
    make = {"text-to-image": rows.text_to_image_row, "edit": rows.edit_row}[task]
    return [make(Random(seed), False) for seed in range(count)]


def test_the_special_tokens_come_last_in_the_published_order(tokenizer):
    names = [*QWEN_TOKENS, *NEW_TOKENS]
    assert tokenizer.convert_tokens_to_ids(names) == list(range(len(tokenizer) - len(names), len(tokenizer)))


def test_every_digit_is_a_token_and_any_text_can_be_written(tokenizer):
    assert tokenizer.tokenize("(125,350)") == ["(", "1", "2", "5", ",", "3", "5", "0", ")"]
    assert tokenizer.decode(tokenizer("Ein Kätzchen 🐈").input_ids) == "Ein Kätzchen 🐈"


def test_patches_are_those_of_qwens_image_processor(renderer):
    image = scenes.render(scenes.random_scene(Random(1)))
    small = Image.fromarray(image).resize((VISION_SIZE, VISION_SIZE), Image.Resampling.BICUBIC)
    processor = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 1280)
    expected = processor(images=[small], return_tensors="pt")
    assert expected["image_grid_thw"].tolist() == [[1, PATCHES, PATCHES]]
    found = renderer.patches(torch.from_numpy(image).permute(2, 0, 1)[None].float())[0]
    level = 1 / 255 / STD.min()  # both round, Pillow twice
    torch.testing.assert_close(found, torch.as_tensor(expected["pixel_values"]), atol=1.01 * level, rtol=0)
    assert (found - expected["pixel_values"]).abs().mean() < 0.05 * level


@pytest.mark.parametrize("seed", range(4))
def test_images_are_drawn_as_the_world_draws_them(renderer, seed):
    drawn_from = [scenes.random_scene(Random(seed * 20 + number)) for number in range(20)]
    expected = np.stack([scenes.render(scene) for scene in drawn_from]).astype(np.float32)
    drawn = renderer.draw(torch.from_numpy(np.stack([packed_scene(scene) for scene in drawn_from])))
    error = np.abs(drawn.permute(0, 2, 3, 1).numpy() - expected)
    assert error.mean() < 0.2 and np.quantile(error, 0.995) < 30  # of 255; only outlines differ


@pytest.mark.parametrize("task", ["text-to-image", "edit"])
def test_hidden_states_are_those_of_the_ordinary_model(task, tokenizer, network, renderer):
    row = made(task, 1)[0]
    batch = renderer.complete(rows.collate([row], tokenizer))
    length = length_of(row, tokenizer)
    ids = batch["ids"][:, :length]
    shown = {"pixel_values": batch["patches"][0], "image_grid_thw": torch.tensor([[1, 8, 8]])} if task == "edit" else {}
    types = (ids == network.model.config.image_token_id).int()
    with torch.no_grad():
        expected = network.model.model(input_ids=ids, mm_token_type_ids=types, **shown).last_hidden_state
        torch.testing.assert_close(network.hidden(batch)[:, :length], expected, atol=1e-4, rtol=1e-4)


def test_only_the_chain_is_asked_for_and_not_the_image_tokens(tokenizer):
    row = made("text-to-image", 1)[0]
    labels = rows.collate([row], tokenizer)["labels"][0]
    assert tokenizer.decode(labels[labels != -100]) == row.chain + "<|im_gen_start|>"


def test_a_chain_that_does_not_follow_from_its_prompt_is_only_read(tokenizer):
    row = rows.text_to_image_row(Random(0), read_only=True)
    assert (rows.collate([row], tokenizer)["labels"] == -100).all()


def test_a_second_turn_is_the_conversation_that_the_nodes_make(tokenizer):
    row = rows.turn_row(Random(2))
    first, second = row.prompt.split(wording.INSTRUCTION)[1:]
    turns = [text.split("<|im_end|>")[0] for text in (first, second)]
    answer = first.split("<|im_start|>assistant\n")[1].split("<|im_gen_start|>")[0]
    image = torch.zeros(1, 8, 8, 3)
    chain = read_chain(answer, EDIT, turns[0], image)
    chain = read_chain(row.chain, EDIT, turns[1], image, earlier=chain)
    vocabulary = Vocabulary(tokenizer, 64)
    assert rows.tokens_of([row], tokenizer)[0].prompt == vocabulary.prompt_ids(chain, [VISION_TOKENS, VISION_TOKENS])


def test_both_images_of_a_second_turn_are_shown(tokenizer, network, renderer):
    row = rows.turn_row(Random(2))
    batch = renderer.complete(rows.collate([row], tokenizer))
    length = length_of(row, tokenizer)
    ids, grid = batch["ids"][:, :length], torch.tensor([[1, 8, 8]] * 2)
    types = (ids == network.model.config.image_token_id).int()
    shown = {"pixel_values": batch["patches"].flatten(0, 1), "image_grid_thw": grid}
    with torch.no_grad():
        expected = network.model.model(input_ids=ids, mm_token_type_ids=types, **shown).last_hidden_state
        torch.testing.assert_close(network.hidden(batch)[:, :length], expected, atol=1e-4, rtol=1e-4)
    assert [scene.background for scene in (*row.earlier, row.source)] == [
        scenes.BACKGROUNDS[number] for number in batch["backgrounds"]
    ]
    assert (
        len(batch["box_starts"]) == len(row.boxes)
        and (batch["ids"][0, batch["box_starts"][:, 1]] == tokenizer.convert_tokens_to_ids("<|box_start|>")).all()
    )


def test_the_thumbnail_has_a_part_for_every_image_token(renderer):
    scene = scenes.Scene(
        "pink", (scenes.Object("square", "blue", (0, 125, 125, 250)),)
    )  # the first part of the second row
    parts = renderer.thumbnails(renderer.draw(torch.from_numpy(packed_scene(scene))[None])).reshape(64, 16, 3)
    blue = [number for number, part in enumerate(parts) if (part == torch.tensor([-1.0, -1.0, 1.0])).all()]
    assert blue == [8]


def test_what_is_seen_is_in_the_order_of_the_patches(renderer):
    obj = scenes.Object("square", "blue", (0, 250, 250, 500))  # two by two patches
    row = rows.Row("describe", "", "", True, scenes.Scene("brown", (obj,)), None)
    batch = renderer.complete({"sources": torch.from_numpy(packed_scene(row.source))[None]})
    there = slice(16, 20)  # the first of the second row of merged tokens
    kind = 1 + scenes.COLORS.index("blue") * 4 + scenes.SHAPES.index("square")
    assert batch["patch_classes"][0, there].tolist() == [kind] * 4 and batch["patch_classes"].count_nonzero() == 4
    assert (batch["patch_boxes"][0, there][3] == torch.tensor([-1.5, -1.5, 0.5, 0.5])).all()
    red = batch["patches"][0].view(64, 3, -1)[:, 0]  # brown has some, blue has none
    share = red.isclose(torch.tensor(-MEAN[0] / STD[0]), atol=0.2).float().mean(1)
    assert share[there].min() > 0.8 and share.sum() - share[there].sum() < 1
    assert batch["backgrounds"].tolist() == [scenes.BACKGROUNDS.index("brown")]


def test_what_an_image_holds_is_listed_by_class(renderer):
    objects = [scenes.Object("star", "red", (0, 0, 300, 300)), scenes.Object("circle", "black", (500, 500, 900, 900))]
    target, before = (packed_scene(scenes.Scene("gray", tuple(held))) for held in (objects, objects[:1]))
    batch = {"targets": torch.from_numpy(target)[None], "before": torch.from_numpy(before)[None]}
    held = renderer.complete(batch)["object_classes"]
    wanted = [scenes.COLORS.index(t.color) * 4 + scenes.SHAPES.index(t.shape) for t in objects]
    assert sorted(held[0].nonzero()[:, 0].tolist()) == sorted(wanted)


@pytest.mark.parametrize("kind", ["recolor", "remove", "replace", "add", "move"])
def test_what_an_edit_changes_lies_in_its_area(kind, tokenizer, renderer):
    edit = scenes.random_edit(Random(4), kind=kind)
    row = rows.Row("edit", "", wording.edit_chain(edit), False, edit.source, edit.target)
    changed = renderer.complete(rows.collate([row], tokenizer))["cell_changed"].view(PATCHES, PATCHES)
    x0, y0, x1, y1 = (edge * PATCHES / 1000 for edge in edit.area)
    places = changed.nonzero() + 0.5  # rows, columns of the cells' centers
    assert len(places) and (places >= torch.tensor([y0, x0])).all() and (places <= torch.tensor([y1, x1])).all()


def test_an_image_made_from_words_changes_where_its_objects_are(tokenizer, renderer):
    batch = renderer.complete(rows.collate(made("text-to-image"), tokenizer))
    assert (batch["cell_changed"] == (batch["cell_classes"] > 0)).all() and batch["cell_changed"].any()


def test_an_error_where_the_image_changes_weighs_more():
    logits, cells = torch.zeros(4, losses.CLASSES), torch.zeros(4, dtype=torch.long)
    logits[1:, 0] = 50.0  # right
    changed = torch.tensor([True, False, False, False])
    flat = torch.tensor(losses.CLASSES).log()
    for rolled, share in ((0, losses.CHANGED_WEIGHT), (1, 1.0)):
        error = losses.cells_error(logits, cells, changed.roll(rolled))
        torch.testing.assert_close(error, flat * share / (3 + losses.CHANGED_WEIGHT))


@pytest.mark.parametrize("make", [rows.describe_row, rows.find_row])
def test_a_box_that_can_be_seen_is_of_the_object_that_the_chain_names_before_it(make, tokenizer):
    for seed in range(20):
        row = make(Random(seed))
        classes = {obj.box: class_of(obj) for obj in row.source.objects}
        box_objects = rows.collate([row], tokenizer)["box_objects"].tolist()
        assert box_objects == [classes[box] for box in row.boxes]


def test_all_that_a_box_is_written_from_is_one_span(tokenizer):
    made = [rows.edit_row(Random(7), False), rows.describe_row(Random(7)), rows.turn_row(Random(8))]
    batch = rows.collate(made, tokenizer)
    texts = [list(row.boxes) for row in made]
    for number, (row, start) in enumerate(batch["box_starts"].tolist()):
        mine = batch["box_tokens"][batch["box_tokens"][:, 2] == number]
        assert (mine[:, 0] == row).all() and mine[0, 1] == start
        told = batch["ids"][row, mine[:, 1] + 1]  # from each token the next
        box = texts[row].pop(0)
        assert (batch["boxes"][number] * 1000).round().int().tolist() == list(box)
        assert tokenizer.decode(told) == "({},{}),({},{})<|box_end|>".format(*box)
    assert not any(texts)


def test_an_object_is_named_from_the_token_before_its_article_on(tokenizer):
    made = [rows.text_to_image_row(Random(seed), False) for seed in range(20)] + [rows.edit_row(Random(3), False)]
    batch = rows.collate(made, tokenizer)
    kinds = [(color, shape) for color in scenes.COLORS for shape in scenes.SHAPES]
    for number, row in enumerate(made):
        mine = batch["name_tokens"][batch["name_tokens"][:, 0] == number]
        asked = re.findall(rf"(\w+) ({'|'.join(scenes.COLORS)}) ({'|'.join(scenes.SHAPES)})(s?)", row.chain)
        assert len(asked) >= len(row.boxes) and len(mine) == 3 * len(asked)
        places = mine[:, 1].sort().values.view(-1, 3)
        for (article, color, shape, ending), told in zip(asked, places + 1):  # from each token the next
            assert tokenizer.decode(batch["ids"][number, told]) == f" {article} {color} {shape}{ending}"
        classes = [1 + kinds.index((color, shape)) for _, color, shape, _ in asked]
        assert mine[mine[:, 1].argsort(), 2].view(-1, 3).tolist() == [[kind] * 3 for kind in classes]


def test_no_name_is_asked_for_where_a_chain_is_only_read(tokenizer):
    assert "name_tokens" not in rows.collate([rows.text_to_image_row(Random(3), True)], tokenizer)


def test_names_and_their_articles_weigh_more(tokenizer):
    weights = reasoner.token_weights(tokenizer)
    for word, weight in (
        (" an", losses.NAME_WEIGHT),
        ("A", losses.NAME_WEIGHT),
        (" orange", losses.NAME_WEIGHT),
        (" is", 1.0),
    ):
        (token,) = tokenizer.encode(word, add_special_tokens=False)
        assert weights[token] == weight


def test_what_an_object_is_named_is_read_from_the_tokens_before_its_name(tokenizer, network, renderer):
    batch = renderer.complete(rows.collate(made("text-to-image"), tokenizer))
    at, places, classes = batch["name_tokens"].unbind(1)
    with torch.no_grad():
        network.hidden(batch)
        before = network.losses(batch)["name_class"]
        network.states[losses.NAMING][at, places] = network.heads["name_class"].weight[classes] * 100
        assert network.losses(batch)["name_class"] < before / 10


def test_every_loss_reads_its_own_layer_and_nothing_else(tokenizer, network, renderer):
    batch = renderer.complete(rows.collate(made("edit"), tokenizer))
    layers = {loss.layer for loss in losses.LOSSES.values()}
    assert {2, 3, 4, losses.LAST, losses.TOWER} < layers
    with torch.no_grad():
        network.hidden(batch)
        before = network.losses(batch)
        assert set(before) == set(losses.LOSSES) - {"chain"}
        for layer in layers:
            kept = network.states[layer]
            network.states[layer] = kept + torch.randn_like(kept)
            after = network.losses(batch)
            network.states[layer] = kept
            changed = {name for name in before if after[name] != before[name]}
            assert changed == {name for name in before if losses.LOSSES[name].layer == layer}


def test_a_description_leaves_nothing_out():
    for seed in range(200):
        row = rows.describe_row(Random(seed))
        assert sorted(row.boxes) == sorted(obj.box for obj in row.source.objects)


@pytest.mark.parametrize("kind", scenes.EDITS)
def test_an_edits_area_depends_on_its_anchor_or_its_subject(kind, tokenizer):
    edit = scenes.random_edit(Random(4), kind=kind)
    row = rows.Row(
        "edit", "", wording.edit_chain(edit), True, edit.source, edit.target, box_objects=(rows.area_object(edit),)
    )
    obj = {"add": edit.anchor, "background": None}.get(kind, edit.subject)
    assert rows.collate([row], tokenizer)["box_objects"].tolist() == [class_of(obj) if obj else 0]


def test_digits_that_are_right_are_no_error_and_each_wrong_one_is():
    boxes = torch.tensor([[0.0, 0.025, 0.45, 0.998]])
    logits = torch.zeros(1, 4 * losses.DIGITS, losses.NO_DIGIT + 1)
    right = [0, 10, 10, 2, 5, 10, 4, 5, 0, 9, 9, 8]
    for place, digit in enumerate(right):
        logits[0, place, digit] = 50.0
    assert losses.digit_error(logits.flatten(1), boxes) < 1e-6
    logits[0, 3] = logits[0, 3].roll(1)
    assert losses.digit_error(logits.flatten(1), boxes).item() == pytest.approx(50 / 12, rel=1e-3)


def test_a_corner_between_two_bins_is_shared_between_them():
    boxes = torch.tensor([[0.0, 0.025, 0.46, 1.0]])
    logits = torch.full((1, 4, losses.BINS), -50.0)
    for corner, (mark, share) in enumerate(((0, 1.0), (1, 1.0), (18, 0.6), (40, 1.0))):
        logits[0, corner, mark] = math.log(share)
    logits[0, 2, 19] = math.log(0.4)
    least = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4)) / 4
    assert losses.bins_error(logits.flatten(1), boxes).item() == pytest.approx(least, abs=1e-5)
    logits[0, 1] = logits[0, 1].roll(1)
    assert losses.bins_error(logits.flatten(1), boxes).item() == pytest.approx(least + 50 / 4, rel=1e-3)


def test_the_digits_asked_of_an_image_are_those_a_chain_writes(tokenizer):
    numbers = torch.tensor([0, 5, 25, 100, 450, 998])
    told = ["".join(map(str, word[word < losses.NO_DIGIT].tolist())) for word in losses.digits_of(numbers)]
    assert told == [str(number) for number in numbers.tolist()]
    supervised = [text for number, text in enumerate(map(tokenizer.decode, range(len(tokenizer)))) if text.isdecimal()]
    assert sorted(supervised) == list("0123456789")


def test_a_token_of_an_image_belongs_to_the_object_that_has_most_of_it():
    classes = torch.tensor([[7, 3, 3, 0], [0, 0, 0, 5], [0, 0, 0, 0]]).view(1, 12)
    corners = torch.arange(12.0)[None, :, None].expand(1, 12, 4)
    kinds, boxes = losses.token_objects(classes, corners)
    assert kinds.tolist() == [3, 5, 0] and boxes[:2, 0].tolist() == [1, 7]


def test_digits_of_boxes_that_can_be_seen_weigh_more(tokenizer, network):
    batch = rows.collate([made("edit", 1)[0], made("text-to-image", 1)[0]], tokenizer)
    assert batch["has_image"].tolist() == [True, False]
    digit, space = (tokenizer.convert_tokens_to_ids(token) for token in ("5", ","))
    logits, labels = torch.zeros(2, len(tokenizer)), torch.tensor([digit, space])
    logits[0, digit] = 50.0  # no error there: only the comma's is left, by its share of the weights
    flat = torch.tensor(len(tokenizer)).log()
    for row, share in ((0, 1 / (1 + losses.DIGIT_WEIGHT)), (1, 0.5)):
        error = network.chain_error(logits, labels, torch.tensor([row, row]), batch)
        torch.testing.assert_close(error, flat * share, atol=1e-4, rtol=1e-4)


def test_a_batch_can_be_taken_more_than_once(tokenizer):
    def names(first, passes):
        made = reasoner.batches(tokenizer, first, 12, size=2, seed=5, passes=passes, group=2)
        return [tuple(batch["ids"].flatten().tolist()) for batch in made]

    once, twice = names(0, 1), names(0, 2)
    assert len(once) == len(twice) == 12 and len(set(once)) == 12
    assert [twice[i] for i in (0, 1, 4, 5, 8, 9)] == once[:6] and set(twice) == set(once[:6])
    assert names(7, 1) == once[7:] and names(0, 2) == twice


def test_the_reasoner_learns(tokenizer, renderer):
    torch.manual_seed(0)
    network = reasoner.ReasonerWithHeads(reasoner.build(tokenizer), tokenizer)
    batch = renderer.complete(rows.collate(made("edit", 1), tokenizer))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    totals = []
    for _ in range(8):
        found = network(batch)
        optimizer.zero_grad()
        losses.total(found).backward()
        optimizer.step()
        totals.append(losses.total(found).item())
    assert set(found) == set(losses.LOSSES) and totals[-1] < 0.7 * totals[0]
    assert all(head.weight.grad.any() for head in network.heads.values())


@pytest.mark.parametrize("seed", range(8))
def test_faint_objects_are_alike_to_their_background(seed):
    pixels = autoencoder.faint(Random(seed)).astype(np.float32)
    distances = np.linalg.norm(pixels - pixels[0, 0], axis=-1)
    assert distances.max() < 130 and (distances > 80).mean() > 0.04


def test_two_objects_of_a_near_image_are_less_than_a_cell_apart():
    cell = 2 ** (len(autoencoder.CONFIG["down_block_types"]) - 1)  # pixels
    for seed in range(8):
        objects = detect(autoencoder.near(Random(seed))).objects
        boxes = [[edge * scenes.SIZE / 1000 for edge in obj.box] for obj in objects]
        gaps = [max(other[0] - box[2], other[1] - box[3]) for box in boxes for other in boxes if other is not box]
        assert len(boxes) > 1 and min(gap for gap in gaps if gap > 0) < cell


def test_latents_are_noised_by_an_amount_of_their_own():
    torch.manual_seed(0)
    vae = autoencoder.construct(AutoencoderKL(**autoencoder.CONFIG)).eval()
    pixels = autoencoder.batch(0, 2)
    with torch.no_grad():
        noise = autoencoder.noisy_latents(vae, pixels) - vae.encode(pixels).latent_dist.mode()
    amounts = noise.flatten(1).std(1) * autoencoder.CONFIG["scaling_factor"]
    assert 0 < amounts.min() < 0.8 * amounts.max() < autoencoder.LATENT_NOISE


def test_the_short_cut_to_the_latents_is_the_autoencoders_own_encoder(renderer):
    torch.manual_seed(0)
    vae = autoencoder.normalized(autoencoder.construct(AutoencoderKL(**autoencoder.CONFIG)).eval(), count=16)
    row = made("text-to-image", 1)[0]
    drawn = renderer.draw(torch.from_numpy(packed_scene(row.target))[None])
    drawn = torch.cat([drawn, renderer.paint(torch.from_numpy(latents.canvases(row)))])
    with torch.no_grad():
        expected = vae.encode(drawn / 127.5 - 1).latent_dist.mode()
    torch.testing.assert_close(latents.Encoder(vae)(drawn), expected, atol=1e-3, rtol=1e-4)


def test_a_shard_holds_the_latents_of_each_rows_own_images(tokenizer, network, renderer):
    torch.manual_seed(0)
    vae = autoencoder.construct(AutoencoderKL(**autoencoder.CONFIG)).eval()
    batch = latents.Shards(tokenizer, count=12, size=12)[3][0]
    found = latents.Samples(network, latents.Encoder(vae))(batch)
    made_rows = sorted(
        (rows.random_row(rng, latents.SHARES, latents.READ_ONLY) for rng in [Random(10**6 + 3)] for _ in range(12)),
        key=lambda row: len(row.prompt) + len(row.chain),
    )
    for i, row in enumerate(made_rows):

        def encode(pixels):
            with torch.no_grad():
                return vae.encode(pixels / 127.5 - 1).latent_dist.mode()

        black = torch.zeros(1, 3, scenes.SIZE, scenes.SIZE)
        source = renderer.draw(torch.from_numpy(packed_scene(row.source))[None]) if row.source else black
        target = renderer.draw(torch.from_numpy(packed_scene(row.target))[None])
        spatial = encode(renderer.paint(torch.from_numpy(latents.canvases(row)))).mean(0)
        for name, expected in (("target", encode(target)[0]), ("reference", encode(source)[0]), ("spatial", spatial)):
            torch.testing.assert_close(found[name][i], expected, atol=1e-3, rtol=1e-4)
    assert {row.task for row in made_rows} == {"text-to-image", "edit"}


def test_a_box_is_painted_with_its_last_pixel(renderer):
    row = rows.Row("text-to-image", "", "A dot " + wording.box_text((0, 0, 500, 250), "white"), True, None, None)
    painted = renderer.paint(torch.from_numpy(latents.canvases(row)))[0, 0] == 255
    assert painted[:33, :65].all() and painted.sum() == 33 * 65


def test_the_null_conditions_are_what_sampling_uses():
    torch.manual_seed(0)
    model = unet.UNetWithProjectors().eval()
    batch = {name: torch.randn(4, 4, 16, 16) for name in ("reference", "spatial")}
    batch["states"] = torch.randn(4, 64, reasoner.HIDDEN)
    seen = {}
    model.unet.forward = lambda x, step, context, **_: [seen.update(x=x, context=context) or x[:, :4]]
    model(torch.zeros(4, 4, 16, 16), torch.zeros(4), batch, torch.tensor([0, 1, 2, 3]))
    dropped = [(seen["x"][i, 8:] == 0).all() for i in range(4)], [(seen["x"][i, 4:8] == 0).all() for i in range(4)]
    assert dropped == ([False, True, True, True], [False, False, False, True])
    null = [torch.equal(seen["context"][i], model.context.bias.expand(64, -1)) for i in range(4)]
    assert null == [False, False, True, True]


def test_an_error_counts_more_where_the_target_is_not_its_source():
    torch.manual_seed(0)
    reference = torch.randn(2, 4, 4, 4) / latents.SCALE
    target = reference.clone()
    target[0, 2, :2] += 2 * unet.ALIKE / latents.SCALE  # one channel of half of the first sample's places
    target[1, :, 0, 0] += 0.5 * unet.ALIKE / latents.SCALE
    weights = unet.changed_weights(target, reference)
    torch.testing.assert_close(weights.mean((1, 2, 3)), torch.ones(2))
    torch.testing.assert_close(weights[0, 0, 0] / weights[0, 0, 3], torch.full((4,), unet.CHANGED_WEIGHT))
    assert (weights[1] == 1).all()


def test_without_a_source_every_error_counts_alike_also_that_of_a_black_object(renderer):
    torch.manual_seed(0)
    encode = latents.Encoder(
        autoencoder.normalized(autoencoder.construct(AutoencoderKL(**autoencoder.CONFIG)), count=16)
    )
    scene = scenes.Scene("pink", (scenes.Object("square", "black", (250, 250, 750, 750)),))
    target = encode(renderer.draw(torch.from_numpy(packed_scene(scene))[None]))
    black = encode(torch.zeros(1, 3, scenes.SIZE, scenes.SIZE))
    assert (unet.changed_weights(target, black) == 1).all()


def test_the_schedule_is_sdxls():
    alphas = alphas_cumprod()
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


class Clock:
    """Stands where training.tiny.run has the time module: only what the test says takes time."""

    strftime = staticmethod(time.strftime)

    def __init__(self):
        self.now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    monkeypatch.setattr("got.training.tiny.run.time", made := Clock())
    return made


def steps_until(run: Run, clock: Clock, seconds: list[float], end: float = math.inf) -> list[float]:
    """The learning rate of each step until the run is over or the clock at `end`. seconds: what steps take, in turn."""
    rates = []
    while not run.over and clock.now < end:
        run.begin_step()
        clock.now += seconds[run.step % len(seconds)]
        run.end_step()
        rates.append(run.optimizer.param_groups[0]["lr"])
    return rates


UNEVEN = [0.005, 0.004, 0.009, 0.002]


@pytest.mark.parametrize("seconds", [[0.005], UNEVEN])
def test_a_run_by_the_clock_ends_in_time_with_a_low_rate(tmp_path, clock, seconds):
    optimizer, started = torch.optim.SGD(torch.nn.Linear(2, 2).parameters()), clock.now
    rates = steps_until(Run(tmp_path, {}, optimizer, steps=10**9, rate=1.0, minutes=0.02), clock, seconds)
    assert clock.now - started == pytest.approx(1.2, abs=0.01) and len(rates) > 200
    assert max(rates) > 0.9 and rates[-1] < 0.05 and (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("seconds", [[0.005], UNEVEN, UNEVEN[1:] + UNEVEN[:1], UNEVEN[::-1], [0.0051, 0.0049]])
def test_a_run_by_the_clock_that_was_broken_off_has_the_rest_of_its_time(tmp_path, clock, seconds):
    optimizer, rates, took = torch.optim.SGD(torch.nn.Linear(2, 2).parameters()), [], []
    for end in (0.8, math.inf, math.inf):
        clock.now += 500  # between the parts
        run, started = Run(tmp_path, {}, optimizer, steps=5, rate=1.0, minutes=0.02), clock.now
        rates.append(steps_until(run, clock, seconds, started + end))
        run.save()
        took.append(clock.now - started)
    broken_off, rest, again = rates
    assert took == pytest.approx([0.8, 0.4, 0], abs=0.01) and not again
    assert rest[-1] < 0.05 and max(rest) < broken_off[-1] + 0.05


def test_a_run_by_the_clock_tells_the_time_left(tmp_path, clock):
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 2).parameters())
    Run(tmp_path, {}, optimizer, steps=5, rate=1.0, minutes=10).save()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    torch.save({**state, "step": 1000, "spent": 240.0}, tmp_path / "checkpoint.pt")
    run = Run(tmp_path, {}, optimizer, steps=5, rate=1.0, minutes=10)
    run.begin_step()
    clock.now += 0.24
    run.end_step(every=1)
    assert 2400 < run.steps <= 2500 and (tmp_path / "log.txt").read_text().endswith(" 6 min left\n")


def test_the_learning_rate_rises_and_falls():
    rates = [cosine(step, steps=100, warmup=10) for step in range(100)]
    assert rates.index(max(rates)) in (9, 10) and rates[0] < 0.2 and rates[-1] < 0.05


def test_the_exported_reasoner_has_published_names_in_half_precision(tmp_path, tokenizer, network):
    export.export_reasoner(network.model, tokenizer, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert set(tensors) == {published_key(name) for name in network.model.state_dict()}
    assert {"visual.patch_embed.proj.weight", "model.embed_tokens.weight", "lm_head.weight"} <= set(tensors)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}


def test_the_exported_config_is_flat(tmp_path, tokenizer, network):
    export.export_reasoner(network.model, tokenizer, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["hidden_size"] == reasoner.HIDDEN and "text_config" not in config
    assert config["rope_scaling"]["type"] == "mrope" and config["vision_config"]["depth"] == 4


def test_the_whole_recipe_leaves_a_model_like_the_one_it_began_with(tmp_path):
    sizes = ["--minutes", "0.001", "--batch", "2", "--shard", "2", "--threads", "1"]
    recipe.main(["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), *sizes])
    for name in ("reasoner/model.safetensors", "unet.safetensors", "projectors.safetensors", "vae.safetensors"):
        before, after = load_file(TINY / name), load_file(tmp_path / "out" / name)
        assert {key: value.shape for key, value in before.items()} == {key: v.shape for key, v in after.items()}
        same = all(torch.equal(before[key], after[key]) for key in before)
        assert same == (name == "vae.safetensors")  # the only one that is not trained
        assert all(value.isfinite().all() for value in after.values())


@pytest.fixture(scope="module")
def published():
    """The bundled tokenizer and two reasoners with the bundled weights."""
    tokenizer = reasoner.load_tokenizer(TINY / REASONER)
    made = [reasoner.ReasonerWithHeads(reasoner.load_weights(TINY / REASONER, tokenizer), tokenizer) for _ in range(2)]
    return tokenizer, *made


def test_a_student_that_is_its_teacher_has_no_error_and_another_one_has(published):
    tokenizer, student, old = published
    teacher = further.Teacher(old, load_file(TINY / PROJECTORS))
    row = rows.free_row(Random(1), False)
    batch = rows.collate([dataclasses.replace(row, prompt=row.template)], tokenizer)
    with torch.no_grad():
        same = student.image_states(student.hidden(batch), batch)
        assert teacher.error(same, batch) < 1e-6
        assert teacher.error(same + same.std() * torch.randn_like(same), batch) > 0.1


def test_a_batch_has_its_teachers_rows_in_template_wording(published):
    tokenizer = published[0]
    for batch in further.TaughtRows(tokenizer, 1, 16, 4, 3, False)[0]:
        if "teacher" not in batch:
            assert "image_rows" not in batch
            continue
        picked, same = batch["taught"], batch["teacher"]
        assert torch.equal(batch["targets"][picked], same["targets"]) and len(picked) <= further.TAUGHT
        for row, asked in zip(batch["image_rows"][picked], same["ids"], strict=True):
            texts = [tokenizer.decode(ids).replace("<|endoftext|>", "") for ids in (batch["ids"][row], asked)]
            answers = [text.split("<|im_start|>assistant\n")[-1] for text in texts]
            assert answers[0] == answers[1] and answers[0].count("<|im_gen_") == 65


def test_the_small_evaluation_sees_that_the_bundled_model_knows_templates(published):
    tokenizer, network, _ = published
    network.eval()
    found = further.measured(network, tokenizer)
    assert found["template"] > 0.8 and found["template edit"] > 0.8
    torch.manual_seed(0)
    unknowing = reasoner.ReasonerWithHeads(reasoner.build(tokenizer), tokenizer)
    assert sum(further.measured(unknowing, tokenizer).values()) == 0


def test_a_reasoner_learns_further_resumes_and_becomes_a_model(tmp_path, capsys):
    small = ["--work", str(tmp_path), "--batch", "4", "--head-steps", "2", "--compile", "0"]
    further.main([*small, "--steps", "2"])
    further.main([*small, "--steps", "3"])
    assert "resumed at step 2" in capsys.readouterr().out
    further.main([*small, "--out", str(tmp_path / "model")])
    for name in ("unet.safetensors", "vae.safetensors", PROJECTORS, "got.json"):
        assert (tmp_path / "model" / name).read_bytes() == (TINY / name).read_bytes()
    ours, old = (load_file(folder / REASONER / "model.safetensors") for folder in (tmp_path / "model", TINY))
    assert {name: tensor.shape for name, tensor in ours.items()} == {name: tensor.shape for name, tensor in old.items()}
    assert any(not torch.equal(ours[name], old[name]) for name in ours)


def test_the_check_takes_each_tasks_own_steps(tmp_path, monkeypatch, capsys):
    shutil.copytree(TINY, tmp_path / "model")
    manifest = json.loads((TINY / "got.json").read_text())
    for task, steps in ((TEXT_TO_IMAGE, 1), (EDIT, 2)):
        manifest["defaults"][task]["steps"] = steps
    (tmp_path / "model" / "got.json").write_text(json.dumps(manifest))
    given = ["--model", str(tmp_path / "model"), "--work", str(tmp_path), "--count", "1", "--threads", "1"]
    monkeypatch.setattr("sys.argv", ["check", *given])
    check.main()
    said = capsys.readouterr().out
    assert ") 1 ddpm" in said and ") 2 ddpm" in said and (tmp_path / f"check-{EDIT}.png").exists()
