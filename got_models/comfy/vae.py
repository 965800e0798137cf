"""GoT's autoencoder as a ComfyUI VAE, of any width.

Written against ComfyUI 0.30.0: comfy.sd.VAE, whose `encode` gives the mode of the latents, unscaled, as GoT needs.
"""

from pathlib import Path

import comfy.model_management
import comfy.sd
import torch
from comfy.diffusers_convert import convert_vae_state_dict
from comfy.ldm.models.autoencoder import AutoencoderKL
from comfy.model_detection import count_blocks
from torch import Tensor

from ..errors import GoTError
from ..files.weights import WeightsError, is_finite, load_tensors

LATENT_CHANNELS, BLOCKS = 4, 4
GROUPS = 32  # of each GroupNorm; the weights do not show their number


def load_vae(path: Path) -> comfy.sd.VAE:
    """A VAE from a diffusers-named safetensors file. WeightsError if it is not a four-block AutoencoderKL."""
    tensors = load_tensors(path, comfy.model_management.throw_exception_if_processing_interrupted)
    try:
        config = {"params": {"ddconfig": _config(tensors, path), "embed_dim": LATENT_CHANNELS}}
        renamed = convert_vae_state_dict(tensors)
        _check(renamed, config, path)
    except WeightsError:
        raise
    except Exception as error:  # shapes that no network has raise many kinds of error
        raise WeightsError(
            f"{path} does not fit together: no autoencoder has such weights ({error!r:.100}). Get the file again."
        ) from error
    vae = comfy.sd.VAE(sd=renamed, config=config)
    vae.throw_exception_if_invalid()
    _check_outputs(vae)
    return vae


def _check_outputs(vae: comfy.sd.VAE) -> None:
    """Let decoding raise GoTError for an image with NaN, which ComfyUI would save as black."""
    process = vae.process_output

    def checked(image: Tensor) -> Tensor:
        image = process(image)
        if not is_finite(image):
            raise GoTError(_cause_of_nan(vae))
        return image

    vae.process_output = checked


def _cause_of_nan(vae: comfy.sd.VAE) -> str:
    """The message for a decoded image with NaN. It names the first weight with NaN or infinity."""
    for name, weight in vae.first_stage_model.named_parameters():
        if not weight.is_meta and not is_finite(weight):
            return (
                f"The decoded image is NaN, because the VAE's weight '{name}' holds NaN or infinity. "
                f"Convert the model again."
            )
    return (
        "The decoded image is NaN, but the VAE's weights are finite. Check the latent, or start ComfyUI with "
        "--fp32-vae."
    )


def encode_images(vae: comfy.sd.VAE, images: Tensor) -> Tensor:
    """The unscaled latents (N, 4, h, w) of images (N, H, W, 3) in 0..1.

    Their channels come before their pixels in memory. In the other order a CPU's convolution rounds differently, and on
    a canvas of one color the first norm magnifies that to errors of 1e-2.
    """
    return vae.encode(images.movedim(-1, 1).contiguous().movedim(1, -1))


def check_vae(vae: comfy.sd.VAE) -> None:
    """Raise GoTError unless a VAE makes latents of GoT's kind."""
    if vae.latent_channels != LATENT_CHANNELS or vae.latent_dim != 2:
        raise GoTError(
            f"The VAE connected here makes latents of {vae.latent_channels} channels; GoT's have {LATENT_CHANNELS}. "
            f"Connect the VAE of 'GoT Loader', or another SDXL VAE."
        )


def _check(tensors: dict[str, Tensor], config: dict, path: Path) -> None:
    """WeightsError unless every weight is there and fits. ComfyUI itself would ignore those that do not."""
    with torch.device("meta"):
        expected = AutoencoderKL(**config["params"]).state_dict()
    wrong = sorted(expected.keys() ^ tensors.keys())
    wrong += [name for name in expected if name in tensors and expected[name].shape != tensors[name].shape]
    if wrong:
        raise WeightsError(
            f"{path} is not a whole autoencoder: {len(wrong)} of its weights are missing, unknown or of another size, "
            f"such as the one that ComfyUI calls {wrong[0]}. Get the file again."
        )


def _config(tensors: dict[str, Tensor], path: Path) -> dict:
    """ComfyUI's configuration of an AutoencoderKL, read from the shapes of its weights."""
    keys = list(tensors)
    blocks = count_blocks(keys, "decoder.up_blocks.{}.")
    if blocks != BLOCKS or "quant_conv.weight" not in tensors:
        raise WeightsError(
            f"{path} is not SDXL's kind of autoencoder with diffusers' names (four blocks, quant_conv): it has "
            f"{blocks} decoder blocks and {len(tensors)} weights. Make it with `python dev.py convert`."
        )
    # Read from the decoder, because the encoder may have no residual blocks. Its blocks go from small to large images.
    widths = [
        tensors[f"decoder.up_blocks.{block}.resnets.0.conv1.weight"].shape[0] for block in reversed(range(blocks))
    ]
    if any(width % GROUPS for width in widths):
        raise WeightsError(
            f"{path} does not fit together: it has blocks of {', '.join(map(str, widths))} channels, but ComfyUI's "
            f"autoencoder has {GROUPS} groups in each GroupNorm. Use an autoencoder with norm_num_groups {GROUPS}."
        )
    return {
        "double_z": True,
        "z_channels": LATENT_CHANNELS,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": widths[0],
        "ch_mult": [width // widths[0] for width in widths],
        "num_res_blocks": count_blocks(keys, "decoder.up_blocks.0.resnets.{}.") - 1,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
