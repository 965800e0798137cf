"""Painted boxes against Pillow's rectangles, the mean over them, sizes, and the formula at the ends of its range."""

import re
from dataclasses import replace

import numpy
import pytest
import torch
from diffusers import DDPMScheduler, EulerDiscreteScheduler
from got.got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, Chain, parse_regions, read_chain
from got.got_models.errors import GoTError
from got.got_models.files.manifest import PUBLISHED_DEFAULTS
from got.got_models.guidance.canvas import paint_regions, reference_latents, region_masks, spatial_latents
from got.got_models.guidance.formula import BRANCHES, Strengths, as_plain_guidance, branch_weights, combine
from got.got_models.guidance.sizes import automatic_size, check_size, check_source
from got.got_models.guidance.timesteps import leading_timesteps
from PIL import Image, ImageColor, ImageDraw

STRENGTHS = [(7.5, 4, 1), (4, 3, 1.5), (4, 4, 1), (1, 1, 1), (0, 0, 0), (2, 1, 3), (3, 0, 1), (1, 0.5, 1), (5, 1, 1)]


def regions(*boxes):
    return parse_regions(" ".join(f"a thing <|box_start|>{box}<|box_end|> ({color})" for box, color in boxes))


def region(box, color="red"):
    return regions((box, color))[0]


class Encoder:
    """In place of a VAE: four numbers per cell, different for different canvases. Counts the canvases."""

    def __init__(self):
        self.rows = 0

    def __call__(self, images):
        self.rows += len(images)
        cells = torch.nn.functional.avg_pool2d(images.permute(0, 3, 1, 2), 8)  # (N, 3, h, w)
        return torch.cat([cells, cells.prod(1, keepdim=True)], 1)


# ------------------------------------------------------------------------------------------------------- painting


@pytest.mark.parametrize("size", [(64, 64), (96, 64), (1024, 1024), (1344, 768)])
@pytest.mark.parametrize("box", ["(0,0),(999,999)", "(125,350),(375,600)", "(0,572),(421,998)", "(998,998),(999,999)"])
def test_a_box_is_painted_as_pillow_paints_it(box, size):
    width, height = size
    x0, y0, x1, y1 = map(int, re.findall(r"\d+", box))
    expected = Image.new("RGB", size)
    corners = [int(x0 * width / 1000), int(y0 * height / 1000), int(x1 * width / 1000), int(y1 * height / 1000)]
    ImageDraw.Draw(expected).rectangle(corners, fill="teal")
    ours = (paint_regions([region(box, "teal")], width, height)[0] * 255).round().to(torch.uint8)
    assert (ours.numpy() == numpy.array(expected)).all()


def test_corners_are_truncated_and_the_last_pixel_is_included():
    canvas = paint_regions([region("(125,0),(250,999)", "white")], 16, 8)[0]  # 2.0 and 4.0 pixels across
    assert canvas[..., 0].sum(1).tolist() == [3.0] * 8
    assert canvas[0, :, 0].tolist() == [0, 0, 1, 1, 1] + [0] * 11


@pytest.mark.parametrize("word", ["green", "red", "lime", "hotpink", "rebeccapurple", "grey", "saddlebrown"])
def test_colors_are_those_of_pillow(word):
    painted = (paint_regions([region("(0,0),(999,999)", word)], 8, 8)[0][0, 0] * 255).round().int().tolist()
    assert tuple(painted) == ImageColor.getrgb(word)


def test_green_is_half_as_bright_as_lime():
    assert (paint_regions([region("(0,0),(999,999)", "green")], 8, 8)[0][0, 0] * 255).round().tolist() == [0, 128, 0]


def test_the_plan_shows_later_boxes_over_earlier_ones():
    plan = paint_regions(regions(("(0,0),(999,999)", "blue"), ("(500,0),(999,999)", "red")), 8, 8)
    assert plan.shape == (1, 8, 8, 3)
    assert plan[0, 0, 3].tolist() == [0, 0, 1] and plan[0, 0, 4].tolist() == [1, 0, 0]


def test_masks_cover_their_boxes_and_no_more():
    masks = region_masks(regions(("(0,500),(499,999)", "red"), ("(998,998),(999,999)", "red")), 8, 4)
    assert masks.shape == (2, 4, 8)
    assert masks[0, 2:, :4].all() and masks[0].sum() == 8 and masks[1].sum() == 1


def test_without_a_region_there_is_one_empty_mask():
    assert region_masks((), 8, 4).shape == (1, 4, 8) and not region_masks((), 8, 4).any()


# ------------------------------------------------------------------------------------------------ spatial, reference


def test_the_spatial_latents_are_the_mean_over_the_boxes_own_canvases():
    boxes = regions(("(0,0),(500,500)", "red"), ("(300,300),(999,999)", "blue"), ("(0,0),(999,400)", "green"))
    alone = [Encoder()(paint_regions([each], 96, 64)) for each in boxes]
    torch.testing.assert_close(spatial_latents(boxes, Encoder(), 96, 64), torch.stack(alone).mean(0))


def test_equal_canvases_are_encoded_once_and_still_count_each():
    boxes = regions(*[("(0,0),(500,500)", "red")] * 3, ("(300,300),(999,999)", "blue"))
    encoder = Encoder()
    latents = spatial_latents(boxes, encoder, 96, 64)
    red, blue = (Encoder()(paint_regions([each], 96, 64)) for each in (boxes[0], boxes[3]))
    torch.testing.assert_close(latents, 0.75 * red + 0.25 * blue)
    assert encoder.rows == 2


def test_many_boxes_are_not_all_painted_at_once(monkeypatch):
    boxes = regions(*[(f"({x},0),({x + 100},999)", "red") for x in range(0, 700, 100)])
    whole, groups = spatial_latents(boxes, Encoder(), 96, 64), []
    monkeypatch.setattr("got.got_models.guidance.canvas.MAX_PIXELS", 3 * 96 * 64)

    def encode(images):
        groups.append(len(images))
        return Encoder()(images)

    torch.testing.assert_close(spatial_latents(boxes, encode, 96, 64), whole, atol=0, rtol=0)
    assert groups == [3, 3, 1]


def test_boxes_that_fall_on_the_same_pixels_are_encoded_once():
    encoder = Encoder()
    spatial_latents(regions(("(0,0),(500,500)", "red"), ("(1,1),(501,501)", "red")), encoder, 64, 64)
    assert encoder.rows == 1


def test_the_same_box_in_two_colors_is_two_canvases():
    encoder = Encoder()
    spatial_latents(regions(("(0,0),(500,500)", "red"), ("(0,0),(500,500)", "blue")), encoder, 64, 64)
    assert encoder.rows == 2


def test_without_a_box_it_is_one_black_canvas():
    encoder = Encoder()
    torch.testing.assert_close(spatial_latents((), encoder, 96, 64), torch.zeros(1, 4, 8, 12))
    assert encoder.rows == 1


def test_without_a_source_the_reference_is_a_black_image_encoded():
    images = []
    reference_latents(None, images.append, 96, 64)
    assert images[0].shape == (1, 64, 96, 3) and not images[0].any()


def test_the_source_is_resized_as_pillow_does_it():
    source, images = torch.rand(1, 40, 60, 3, generator=torch.Generator().manual_seed(0)), []
    reference_latents(source, images.append, 96, 64)
    image = Image.fromarray((source[0] * 255).round().to(torch.uint8).numpy()).resize((96, 64), Image.BICUBIC)
    assert ((images[0][0] * 255).round().numpy() == numpy.array(image)).all()


def test_a_source_of_the_right_size_stays_as_it_is():
    source, images = torch.rand(1, 64, 96, 3), []
    reference_latents(source, images.append, 96, 64)
    assert images[0] is source


# --------------------------------------------------------------------------------------------------- sizes, checks


def edit_of(width, height):
    return read_chain("a", EDIT, "b", torch.zeros(1, height, width, 3))


def test_text_to_image_takes_the_models_own_size():
    chain, defaults = Chain(TEXT_TO_IMAGE, "a", "b", ()), PUBLISHED_DEFAULTS[TEXT_TO_IMAGE]
    assert automatic_size(chain, defaults) == (1024, 1024)
    assert automatic_size(replace(chain, size=(640, 480)), defaults) == (1024, 1024)
    assert automatic_size(replace(chain, chosen_size=(640, 480)), defaults) == (640, 480)


@pytest.mark.parametrize(
    "source, expected",
    [
        ((1024, 1024), (1024, 1024)),
        ((512, 512), (1024, 1024)),
        ((1920, 1080), (1344, 768)),
        ((600, 800), (896, 1152)),
        ((30, 3000), (128, 8192)),
    ],
)
def test_an_edit_keeps_the_sources_aspect_with_as_many_pixels(source, expected):
    size = automatic_size(edit_of(*source), PUBLISHED_DEFAULTS[EDIT])
    assert size == expected and all(side % 64 == 0 for side in size)


@pytest.mark.parametrize("size", [(64, 64), (1000, 520), (8192, 64)])
def test_sizes_in_whole_latent_cells_are_accepted(size):
    check_size(*size)


@pytest.mark.parametrize(
    "size, message",
    [
        ((1001, 512), "The width 1001 is not a multiple of 8 from 64 to 8192. Use 1000."),
        ((512, 500), "The height 500 is not a multiple of 8 from 64 to 8192. Use 496."),
        ((512, 0), "The height 0 is not a multiple of 8 from 64 to 8192. Use 64."),
        ((9000, 512), "The width 9000 is not a multiple of 8 from 64 to 8192. Use 8192."),
    ],
)
def test_another_size_is_named_with_the_nearest_that_works(size, message):
    with pytest.raises(GoTError) as error:
        check_size(*size)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "shape, message",
    [
        ((1, 64, 64, 4), "The image has 4 channels"),
        ((1, 1, 1, 3), "The image is 1x1 pixels. Each side must be at least 16"),
        ((1, 8000, 8000, 3), "The image is 8000x8000 pixels"),
        ((2, 64, 64, 3), "The image input holds 2 images"),
        ((64, 64), "ComfyUI's images have four dimensions"),
        ((64, 64, 3), "ComfyUI's images have four dimensions"),
        ((0, 64, 64, 3), "ComfyUI's images have four dimensions"),
    ],
)
def test_an_image_that_cannot_be_edited_is_named(shape, message):
    with pytest.raises(GoTError, match=message):
        check_source(torch.zeros(1).expand(shape))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_pixel_that_is_no_number_is_named(value):
    image = torch.zeros(1, 64, 64, 3)
    image[0, 5, 6, 1] = value
    with pytest.raises(GoTError, match="The image holds NaN or infinity in at least one pixel"):
        check_source(image)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint8, torch.int32])
def test_whole_numbers_are_no_image(dtype):
    with pytest.raises(GoTError, match="decimal numbers from 0 to 1"):
        check_source(torch.zeros(1, 64, 64, 3, dtype=dtype))


def test_an_ordinary_image_can_be_edited():
    check_source(torch.zeros(1).expand(1, 3000, 4000, 3))


# ------------------------------------------------------------------------------------------------------ the formula


def some_predictions(batch=2):
    random = torch.Generator().manual_seed(0)
    return {name: torch.randn(batch, 4, 3, 5, generator=random) for name in BRANCHES}


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_the_sum_of_the_branches_is_the_papers_formula(strengths):
    given, (text, spatial, reference) = some_predictions(), strengths
    expected = given["uncond"] + text * (given["text"] - given["image"])
    expected += spatial * (given["cond"] - given["text"]) + reference * (given["image"] - given["uncond"])
    torch.testing.assert_close(combine(given, Strengths(*strengths)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_the_weights_sum_to_one(strengths):
    assert sum(branch_weights(Strengths(*strengths)).values()) == pytest.approx(1)


def test_at_one_it_is_the_full_prediction_and_at_zero_the_one_that_saw_nothing():
    given = some_predictions()
    torch.testing.assert_close(combine(given, Strengths(1, 1, 1)), given["cond"], atol=0, rtol=0)
    torch.testing.assert_close(combine(given, Strengths(0, 0, 0)), given["uncond"], atol=0, rtol=0)


@pytest.mark.parametrize("strengths", STRENGTHS)
def test_as_plain_guidance_it_is_the_same_sum(strengths):
    given = some_predictions()
    needed = {name: given[name] for name, weight in branch_weights(Strengths(*strengths)).items() if weight}
    above, below, scale = as_plain_guidance(needed, Strengths(*strengths))
    expected = combine(given, Strengths(*strengths))
    torch.testing.assert_close(below + scale * (above - below), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spatial", [0.9999, 1.00001, 1.0001, 1.005, 1.02])
def test_near_one_plain_guidance_is_as_exact_as_elsewhere(spatial):
    given, strengths = some_predictions(), Strengths(7.5, spatial, 3)
    above, below, scale = as_plain_guidance(given, strengths)
    expected = combine({name: each.double() for name, each in given.items()}, strengths)
    assert (below + scale * (above - below) - expected).abs().max() < 1e-4 * expected.abs().max()


def test_a_batch_of_two_equals_two_of_one():
    given, strengths = some_predictions(), Strengths(7.5, 4, 1)
    alone = [combine({name: each[i : i + 1] for name, each in given.items()}, strengths) for i in range(2)]
    torch.testing.assert_close(combine(given, strengths), torch.cat(alone), atol=0, rtol=0)


# ----------------------------------------------------------------------------------------------------- the schedule


@pytest.mark.parametrize("scheduler", [DDPMScheduler, EulerDiscreteScheduler])
@pytest.mark.parametrize("steps", [1, 4, 7, 10, 20, 25, 30, 50, 999])
def test_the_time_steps_are_those_of_diffusers(scheduler, steps):
    theirs = scheduler(timestep_spacing="leading", steps_offset=1)
    theirs.set_timesteps(steps)
    assert leading_timesteps(steps) == theirs.timesteps.int().tolist()


def test_a_thousand_steps_stay_inside_the_schedule():
    assert leading_timesteps(1000)[0] == 999
