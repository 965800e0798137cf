"""GoT's autoencoder in ComfyUI against diffusers: the mode of the latents, unscaled, and the image back."""

import comfy.sd
import pytest
import torch
from comfy.taesd.taesd import TAESD
from got.got_models.comfy.vae import check_vae, encode_images, load_vae
from got.got_models.errors import GoTError
from got.got_models.files.weights import WeightsError
from got.tools.oracle.qwen import Sizes
from got.tools.oracle.released import make_vae
from safetensors.torch import load_file, save_file

CONFIGS = {
    "four widths": {},
    "one residual block": {"layers_per_block": 1},
    "one width": {"block_out_channels": (32, 32, 32, 32)},
}


@pytest.fixture(autouse=True)
def inference():
    with torch.inference_mode():
        yield


def make(folder, config):
    """A random autoencoder of diffusers, and the file it was saved to."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make_vae(Sizes(vae=config)).eval()
    path = folder / "vae.safetensors"
    save_file(network.state_dict(), path)
    return network, path


@pytest.fixture(scope="module", params=CONFIGS)
def pair(request, tmp_path_factory):
    return make(tmp_path_factory.mktemp("vae"), CONFIGS[request.param])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make(tmp_path_factory.mktemp("vae"), {})[1]


def images(count=2, height=64, width=96):
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(1))


def mode_by_diffusers(network, images):
    return network.encode(images.permute(0, 3, 1, 2) * 2 - 1).latent_dist.mode()  # BHWC in 0..1 -> BCHW in -1..1


def test_encode_is_the_mode_unscaled(pair):
    network, path = pair
    expected = mode_by_diffusers(network, images())
    torch.testing.assert_close(load_vae(path).encode(images()), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_a_canvas_of_one_color_encodes_as_the_released_code_does(pair, size):
    """That code gives the autoencoder channels before pixels in memory. The other order is off by 1e-3 to 3e-2 here."""
    network, path = pair
    vae = load_vae(path)
    canvas = torch.zeros(1, *size, 3)
    boxed = canvas.clone()
    boxed[:, 10:40, 20:60, 0] = 1
    for image in (canvas, boxed):
        expected = network.encode((image.permute(0, 3, 1, 2) * 2 - 1).contiguous()).latent_dist.mode()
        torch.testing.assert_close(encode_images(vae, image), expected, atol=1e-5, rtol=0)  # measured: 5e-7


def test_decode_equals_diffusers(pair):
    network, path = pair
    latents = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(2))
    expected = (network.decode(latents).sample.permute(0, 2, 3, 1) / 2 + 0.5).clamp(0, 1)
    assert expected.std() > 0.05
    torch.testing.assert_close(load_vae(path).decode(latents), expected, atol=1e-5, rtol=0)


def test_a_batch_of_two_encodes_as_two_of_one(path):
    vae = load_vae(path)
    alone = torch.cat([vae.encode(image[None]) for image in images()])
    torch.testing.assert_close(vae.encode(images()), alone, atol=1e-5, rtol=0)


# ------------------------------------------------------------------------------------------------------- refusals


def refused(tmp_path, tensors):
    """The message with which a file of these tensors is refused."""
    changed = tmp_path / "changed.safetensors"
    save_file(tensors, changed)
    with pytest.raises(WeightsError) as error:
        load_vae(changed)
    assert str(changed) in str(error.value)
    return str(error.value)


def test_a_missing_weight_is_refused(path, tmp_path):
    tensors = load_file(path)
    del tensors["encoder.conv_in.bias"]
    assert "encoder.conv_in.bias" in refused(tmp_path, tensors)


def test_a_foreign_weight_is_refused(path, tmp_path):
    assert "loss.logvar" in refused(tmp_path, {**load_file(path), "loss.logvar": torch.zeros(1)})


def test_a_weight_of_another_size_is_refused(path, tmp_path):
    assert "decoder.conv_in.bias" in refused(tmp_path, {**load_file(path), "decoder.conv_in.bias": torch.zeros(7)})


@pytest.mark.parametrize("shape", [(), (0,), (7, 7)])
def test_weights_that_no_network_has_are_refused(path, tmp_path, shape):
    changed = {"decoder.up_blocks.3.resnets.0.conv1.weight": torch.zeros(shape)}
    assert "does not fit together" in refused(tmp_path, load_file(path) | changed)
    lacking = {key: tensor for key, tensor in load_file(path).items() if not key.startswith("decoder.up_blocks.1.res")}
    assert "does not fit together" in refused(tmp_path, lacking)


def test_an_autoencoder_with_other_groups_is_refused(tmp_path):
    _, path = make(tmp_path, {"block_out_channels": (16, 16, 32, 32), "norm_num_groups": 8})
    with pytest.raises(WeightsError, match="norm_num_groups 32"):
        load_vae(path)


def test_an_autoencoder_of_three_blocks_is_refused(tmp_path):
    three = {"block_out_channels": (32, 32, 32)}
    three |= {"down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3}
    _, path = make(tmp_path, three)
    assert "it has 3 decoder blocks" in refused(tmp_path, load_file(path))


def test_another_models_file_is_refused(tmp_path):
    assert "not SDXL's kind of autoencoder" in refused(tmp_path, {"text_model.embeddings": torch.zeros(2)})


def test_a_file_cut_short_is_refused(path, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"cut\.safetensors is damaged or cut short"):
        load_vae(tmp_path / "cut.safetensors")


def test_a_vae_of_sixteen_channels_wired_as_gots_is_named():
    network = TAESD(latent_channels=16)
    tensors = {f"taesd_decoder.{key}": tensor for key, tensor in network.taesd_decoder.state_dict().items()}
    tensors |= {f"taesd_encoder.{key}": tensor for key, tensor in network.taesd_encoder.state_dict().items()}
    with pytest.raises(GoTError, match="makes latents of 16 channels; GoT's have 4"):
        check_vae(comfy.sd.VAE(sd=tensors))


def test_any_vae_of_four_channels_is_accepted(path):
    check_vae(load_vae(path))


@pytest.mark.parametrize("tiled", [False, True])
def test_a_decoder_that_computes_nan_is_named(path, tiled):
    """Before, the image was black and the run a success."""
    vae = load_vae(path)
    decode = vae.decode_tiled if tiled else vae.decode
    assert decode(torch.zeros(1, 4, 8, 12)).isfinite().all()
    weight = vae.first_stage_model.decoder.mid.block_1.conv1.bias
    weight.data = weight.data.clone()
    weight.data[0] = float("nan")
    with pytest.raises(GoTError, match=r"the VAE's weight 'decoder\.mid\.block_1\.conv1\.bias' holds NaN"):
        decode(torch.zeros(1, 4, 8, 12))


def test_a_latent_with_nan_is_named(path):
    with pytest.raises(GoTError, match="the VAE's weights are finite"):
        load_vae(path).decode(torch.full((1, 4, 8, 12), float("nan")))
