"""The detector reads rendered scenes right, from pixels alone.

Run: python dev.py test tests/test_detector.py
"""

from random import Random

import numpy as np
import pytest
from got.world import scenes
from got.world.detector import detect, overlap
from PIL import Image, ImageFilter
from scipy import ndimage

RIGHT = 0.99  # share of scenes


def some_scenes(count=200, held_out=False):
    return [scenes.random_scene(Random(10**6 + seed), held_out, tidy=seed % 2 == 0) for seed in range(count)]


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize("held_out", [False, True])
def test_shapes_colors_and_background_of_rendered_scenes_are_right(held_out):
    right = []
    for scene in some_scenes(held_out=held_out):
        view = detect(scenes.render(scene))
        names = sorted((obj.shape, obj.color) for obj in scene.objects)
        right.append(view.background == scene.background and names == sorted(seen[:2] for seen in view.objects))
    assert np.mean(right) >= RIGHT


def test_boxes_are_right_to_a_pixel_or_so():
    for scene in some_scenes(60):
        seen = detect(scenes.render(scene)).objects
        for obj in scene.objects:
            assert max(overlap(obj.box, other.box) for other in seen) > 0.85


@pytest.mark.parametrize("color", scenes.COLORS)
@pytest.mark.parametrize("background", scenes.BACKGROUNDS)
def test_every_color_is_told_from_every_background(color, background):
    scene = scenes.Scene(background, (scenes.Object("circle", color, (300, 300, 600, 600)),))
    view = detect(scenes.render(scene))
    assert (view.background, [seen[:2] for seen in view.objects]) == (background, [("circle", color)])


def test_a_little_noise_changes_nothing():
    scene = some_scenes(1)[0]
    noise = np.random.default_rng(0).normal(0, 8, (scenes.SIZE, scenes.SIZE, 3))
    noisy = np.clip(scenes.render(scene) + noise, 0, 255).astype(np.uint8)
    assert sorted(seen[:2] for seen in detect(noisy).objects) == sorted(t[:2] for t in scene.objects)


def test_objects_that_touch_are_told_apart_by_color():
    objects = (
        scenes.Object("square", "red", (200, 300, 500, 600)),
        scenes.Object("square", "blue", (500, 300, 800, 600)),
    )
    seen = detect(scenes.render(scenes.Scene("gray", objects))).objects
    assert [obj[:2] for obj in seen] == [("square", "red"), ("square", "blue")]


def test_a_shape_that_is_none_of_ours_has_no_name():
    pixels = np.full((scenes.SIZE, scenes.SIZE, 3), 128, dtype=np.uint8)
    pixels[40:80, 60:64] = pixels[58:62, 40:84] = (255, 0, 0)
    assert [seen.shape for seen in detect(pixels).objects] == [""]


def test_two_squares_of_one_color_that_touch_are_no_square():
    objects = (
        scenes.Object("square", "red", (100, 300, 400, 600)),
        scenes.Object("square", "red", (380, 250, 650, 520)),
    )
    assert [seen.shape for seen in detect(scenes.render(scenes.Scene("gray", objects))).objects] == [""]


def test_a_small_blurred_star_is_a_star():
    scene = scenes.Scene("gray", (scenes.Object("star", "white", (300, 300, 525, 525)),))
    blurred = Image.fromarray(scenes.render(scene)).filter(ImageFilter.GaussianBlur(1))
    assert [seen.shape for seen in detect(np.asarray(blurred)).objects] == ["star"]


@pytest.mark.slow  # it takes seconds
@pytest.mark.parametrize(("blur", "least"), [(1.0, 0.99), (1.5, 0.99), (2.0, 0.95)])
def test_a_blurred_scene_is_seen_as_the_sharp_one(blur, least):
    """What a person still names must not count as nothing, nor as something else."""
    right = []
    for seed in range(200):
        scene = scenes.random_scene(Random(seed))
        pixels = ndimage.gaussian_filter(scenes.render(scene).astype(float), (blur, blur, 0)).round().astype(np.uint8)
        seen = [f"{obj.color} {obj.shape}" for obj in detect(pixels).objects]
        right.append(sorted(seen) == sorted(obj.name for obj in scene.objects))
    assert np.mean(right) >= least


def test_an_empty_picture_holds_nothing():
    view = detect(np.full((64, 64, 3), (0, 255, 255), dtype=np.uint8))
    assert view.background == "cyan" and view.objects == ()


def test_overlap_of_a_box_with_itself_is_one_and_with_a_stranger_zero():
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (20, 20, 30, 30)) == 0


def test_objects_joined_by_a_haze_are_two():
    boxes = (150, 300, 450, 600), (500, 300, 800, 600)
    pixels = scenes.render(scenes.Scene("brown", tuple(scenes.Object("circle", "blue", box) for box in boxes)))
    gap = pixels[48:66, 56:66].astype(float)
    pixels[48:66, 56:66] = np.where(gap == (165, 42, 42), gap + 0.3 * (np.array((0, 0, 255)) - gap), gap)
    assert [seen[:2] for seen in detect(pixels).objects] == [("circle", "blue")] * 2


def test_an_uneven_background_is_no_object():
    boxes = [(x, y, x + 400, y + 400) for y in (50, 550) for x in (50, 550)]
    pixels = scenes.render(scenes.Scene("gray", tuple(scenes.Object("square", "green", box) for box in boxes)))
    gray = (pixels == (128, 128, 128)).all(-1)
    pixels[gray] = (116, 138, 135)
    edge = np.ones_like(gray)
    edge[2:-2, 2:-2] = False
    pixels[gray & edge] = (88, 118, 117)  # as it is along the picture's edge
    pixels[58:70, 6:58][gray[58:70, 6:58]] = (140, 118, 128)  # and between two squares
    seen = detect(pixels)
    assert seen.background == "gray" and [obj[:2] for obj in seen.objects] == [("square", "green")] * 4


def test_a_small_object_that_a_haze_joins_to_a_large_one_is_not_lost():
    objects = (
        scenes.Object("square", "green", (300, 500, 750, 950)),
        scenes.Object("star", "red", (400, 225, 650, 475)),
    )
    pixels = scenes.render(scenes.Scene("gray", objects))
    pixels[60:65, 52:84] = (90, 90, 60)  # neither of the three colors
    assert sorted(seen[:2] for seen in detect(pixels).objects) == [("square", "green"), ("star", "red")]
