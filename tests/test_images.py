"""Images from one form to another and back: the same bytes as Pillow's own, for a batch, alpha and any size."""

import numpy as np
import pytest
import torch
from got.got_models.guidance.images import bicubic, resize, thumbnail, to_array, to_pil, to_tensor
from PIL import Image


def pixels(height=6, width=4):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("form", [np.asarray, Image.fromarray])
def test_every_byte_comes_back(form):
    tensor = to_tensor(form(pixels()))
    assert tensor.shape == (1, 6, 4, 3) and tensor.dtype == torch.float32 and tensor.min() >= 0 and tensor.max() <= 1
    assert (to_array(tensor) == pixels()).all()
    assert (np.asarray(to_pil(tensor)) == pixels()).all()


def test_a_tensor_keeps_its_values_when_the_array_changes():
    array = pixels()
    tensor = to_tensor(array)
    array[:] = 0
    assert (to_array(tensor) == pixels()).all()


def test_the_first_image_is_taken_without_alpha_and_values_outside_are_clipped():
    batch = torch.stack([torch.full((2, 3, 4), 1.5), torch.zeros(2, 3, 4)])
    assert to_array(batch).shape == (2, 3, 3) and (to_array(batch) == 255).all()
    assert (to_array(-batch) == 0).all()


@pytest.mark.parametrize("form", [np.asarray, to_tensor])
def test_bicubic_is_pillows(form):
    expected = Image.fromarray(pixels()).resize((9, 5), Image.Resampling.BICUBIC)
    assert (np.asarray(bicubic(form(pixels()), (9, 5))) == np.asarray(expected)).all()


def test_resize_leaves_an_image_of_that_size_alone():
    image = torch.rand(1, 6, 4, 3)
    assert resize(image, 4, 6) is image
    assert resize(image, 9, 5).shape == (1, 5, 9, 3)


def test_a_thumbnail_is_never_larger_than_its_image():
    assert thumbnail(torch.rand(2, 6, 4, 1), 100).shape == (1, 6, 4, 3)
    assert thumbnail(torch.rand(2, 60, 40, 4), 30).shape == (1, 30, 20, 3)
