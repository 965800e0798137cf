"""Images from one form to another and back: the same bytes as Pillow's own, for a batch, alpha and any size."""

import io

import numpy as np
import pytest
import torch
from got.got_models.errors import GoTError
from got.got_models.guidance.images import bicubic, resize, thumbnail, to_array, to_pil, to_tensor, upright_rgb
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


@pytest.mark.parametrize("channels", [1, 2])
def test_a_gray_image_gets_three_channels(channels):
    gray = torch.full((1, 3, 2, channels), 0.4)
    assert to_array(gray).shape == (3, 2, 3) and (to_array(gray) == 102).all()
    assert thumbnail(gray, 100).shape == (1, 3, 2, 3)


@pytest.mark.parametrize(
    "image",
    [torch.zeros(4, 4), torch.zeros(4, 4, 3), torch.zeros(1, 4, 4, 3, dtype=torch.uint16), torch.zeros(1, 0, 4, 3)],
    ids=lambda image: f"{tuple(image.shape)} {image.dtype}",
)
@pytest.mark.parametrize("use", [to_array, to_pil, lambda image: thumbnail(image, 8)])
def test_a_tensor_that_is_no_image_is_named(image, use):
    with pytest.raises(GoTError, match="ComfyUI's images have four dimensions"):
        use(image)


# ------------------------------------------------------------------------------------------- image files of all kinds


def reread(image, kind, **options):
    """The image as it comes back from a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    with Image.open(file) as opened:
        return upright_rgb(opened)


def test_16_bit_gray_keeps_its_levels():
    levels = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    array = reread(Image.fromarray(levels), "PNG")
    assert array.shape == (1, 4, 3) and array[0, :, 0].tolist() == [0, 1, 128, 255]
    assert upright_rgb(Image.fromarray(levels.astype(np.int32)))[0, :, 2].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("values", [[0, 0.5, 1], [0, 127.5, 255]])
def test_float_tiff_keeps_its_levels(values):
    assert reread(Image.fromarray(np.array([values], dtype=np.float32)), "TIFF")[0, :, 1].tolist() == [0, 128, 255]


@pytest.mark.parametrize("values", [[0, float("nan")], [-1, 1], [0, 65535]])
def test_floats_of_an_unknown_range_are_refused(values):
    with pytest.raises(ValueError, match="not from 0 to 1"):
        upright_rgb(Image.fromarray(np.array([values], dtype=np.float32)))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L"])
def test_transparent_parts_are_white(mode):
    """The first pixel is transparent, the second is not."""
    image = Image.fromarray(np.array([[[0, 0, 0, 0], [60, 60, 60, 255]]], dtype=np.uint8), "RGBA")
    options = {}
    if mode == "P":
        image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
        image.putpalette([0, 0, 0, 60, 60, 60])
    elif mode != "RGBA":
        image = image.convert(mode)
    if mode in ("P", "L"):
        options["transparency"] = 0
    assert reread(image, "PNG", **options).tolist() == [[[255] * 3, [60] * 3]]


def test_palettes_and_cmyk_keep_their_colors():
    colors = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]] * 2, dtype=np.uint8))
    expected = np.asarray(colors).tolist()
    assert reread(colors.convert("P"), "PNG").tolist() == expected
    assert reread(colors.convert("CMYK"), "TIFF").tolist() == expected


def test_exif_turns_the_image_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter to the left
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8))
    assert reread(image, "PNG", exif=exif).tolist() == [[[255, 0, 0]], [[0, 0, 255]]]
