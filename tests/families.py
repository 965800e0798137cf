"""Small random models of the families that regional attention knows, made of ComfyUI's own classes, and texts for them.

Their texts count as much as the rest, so that a test sees what the texts do.
"""

import zlib

import comfy.model_patcher
import comfy.sample
import comfy.supported_models
import torch

CONTEXT = 32  # width of a token of text
POOLED = 16
CPU = torch.device("cpu")

UNET = dict(in_channels=4, out_channels=4, model_channels=32, num_heads=2, image_size=32, context_dim=CONTEXT)
UNET |= dict(use_spatial_transformer=True, num_res_blocks=[1, 1], channel_mult=[1, 2], transformer_depth=[1, 1])
UNET |= dict(transformer_depth_middle=1, transformer_depth_output=[1, 1, 1, 1])
SDXL = UNET | dict(adm_in_channels=POOLED + 6 * 256, num_classes="sequential", use_linear_in_transformer=True)


def sd15(**sizes):
    return _model(comfy.supported_models.SD15, UNET | sizes, heads=-1)


def sdxl(**sizes):
    return _model(comfy.supported_models.SDXL, SDXL | sizes, heads=16)


FAMILIES = {"sd15": sd15, "sdxl": sdxl}
# The layer that reads what the image's tokens get from the first attention to the texts, (B, tokens, C).
FIRST = {"sd15": "input_blocks.1.1.transformer_blocks.0.attn2.to_out"}
FIRST["sdxl"] = FIRST["sd15"]


def _model(config_class, sizes, heads=None):
    config = config_class(sizes)
    if heads is not None:
        config.unet_config["num_head_channels"] = heads
    config.set_inference_dtype(torch.float32, None)
    network = config.get_model({}, device=CPU).eval()
    random = torch.Generator().manual_seed(5)
    for name, weight in network.diffusion_model.named_parameters():
        scale = weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.1
        weight.data = torch.randn(weight.shape, generator=random) * scale
        if "attn2.to_v" in name or "attn2.to_out" in name:
            weight.data *= 5
    return comfy.model_patcher.ModelPatcher(network, load_device=CPU, offload_device=CPU)


class Texts:
    """A text encoder of the interface that nodes use. A text is a token per word, and as random as its letters.

    All texts start with the same token, as CLIP's do. least: a shorter text is padded to so many tokens.
    """

    def __init__(self, least=0, width=CONTEXT):
        self.least, self.width = least, width

    def tokenize(self, text):
        words = ["<start>", *text.split()]
        return words + ["<end>"] * (self.least - len(words))

    def encode_from_tokens_scheduled(self, tokens):
        pooled = self._random(" ".join(tokens), POOLED)
        return [
            [torch.stack([self._random(word, self.width) for word in tokens])[None], {"pooled_output": pooled[None]}]
        ]

    def _random(self, word, width):
        return torch.randn(width, generator=torch.Generator().manual_seed(zlib.crc32(word.encode())))


def predicted(model, positive, size=(8, 8), count=1, negative=None, cfg=1.0):
    """One Euler step from noise, (count, channels, *size): the model's prediction, which guidance may combine."""
    noise = noise_for(model, size, count)
    negative = positive if negative is None else negative
    return comfy.sample.sample(
        model, noise, 1, cfg, "euler", "normal", positive, negative, torch.zeros_like(noise), seed=0
    )


def noise_for(model, size, count=1):
    """The same noise for each of `count` images."""
    latent = model.model.latent_format
    shape = (1, latent.latent_channels, *[1] * (latent.latent_dimensions - 2), *size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return noise.repeat(count, *[1] * (noise.ndim - 1))
