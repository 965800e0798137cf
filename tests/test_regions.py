"""The measure of how well regions steer: plans whose images are known are judged rightly, and every way is drawn."""

from random import Random

import numpy as np
import pytest
import torch
from got.training.tiny import phrases, regions
from got.world import scenes
from PIL import ImageColor


def painted(chain, colors):
    image = np.zeros((128, 128, 3), dtype=np.uint8)
    for region, color in zip(chain.regions, colors, strict=True):
        x0, y0, x1, y1 = (round(edge * 128 / 1000) for edge in region.box)
        image[y0:y1, x0:x1] = ImageColor.getrgb(color)
    return image


def test_fields_in_their_colors_are_right_and_exchanged_ones_are_not():
    for seed in range(9):
        chain = regions.random_fields(Random(seed))
        colors = [region.phrase.split()[1] for region in chain.regions]
        assert regions.judged_fields(chain, painted(chain, colors)) == {
            "in its box": [True] * len(colors),
            "image right": [True],
        }
        found = regions.judged_fields(chain, painted(chain, [*colors[1:], colors[0]]))
        assert not any(found["in its box"]) and found["image right"] == [False]


def test_a_scene_as_asked_is_right_and_another_one_is_not():
    asked, other = (phrases.random_scene(Random(seed), 2) for seed in (1, 2))
    found = regions.judged(asked, scenes.render(asked))
    assert all(value for values in found.values() for value in values)
    assert regions.judged(asked, scenes.render(other))["image right"] == [False]


def test_every_caption_is_made_of_known_words_and_fits():
    for seed in range(100):
        scene = phrases.random_scene(Random(seed))
        for text in (phrases.caption(scene), phrases.caption(scene, False)):
            assert phrases.tokenize(text)[-1] == 0, "the last token is padding, so nothing was cut"
    chain, style = regions.plan_of(phrases.random_scene(Random(1), 2))
    assert [phrases.tokenize(f"{region.phrase} {style}")[0] for region in chain.regions] == [1] * len(chain.regions)


@pytest.mark.slow  # it loads a model
def test_every_way_is_drawn_by_a_unet_without_inputs_for_boxes():
    model = phrases.PhraseUNet().eval()
    assert model.network.input_blocks[0][0].weight.shape[1] == 4
    with torch.inference_mode():
        images = dict(regions.drawn(model, regions.random_fields(Random(3)), "", 0, 1))
    assert set(images) == set(regions.WAYS)
    assert all(image.shape == (128, 128, 3) for image in images.values())
