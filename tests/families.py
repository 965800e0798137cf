"""Small random models of the families that regional attention knows, made of ComfyUI's own classes, and texts for them.

Their texts count as much as the rest, so that a test sees what the texts do.
"""

import zlib

import comfy.sample
import comfy.supported_models
import torch
from got.tools.small_models import small_model

CONTEXT = 32  # width of a token of text
POOLED = 16

UNET = dict(in_channels=4, out_channels=4, model_channels=32, num_heads=2, image_size=32, context_dim=CONTEXT)
UNET |= dict(use_spatial_transformer=True, num_res_blocks=[1, 1], channel_mult=[1, 2], transformer_depth=[1, 1])
UNET |= dict(transformer_depth_middle=1, transformer_depth_output=[1, 1, 1, 1])
SDXL = UNET | dict(adm_in_channels=POOLED + 6 * 256, num_classes="sequential", use_linear_in_transformer=True)


def sd15(**sizes):
    return small_model(comfy.supported_models.SD15, UNET | sizes, -1, text_scale=5)


def sdxl(**sizes):
    return small_model(comfy.supported_models.SDXL, SDXL | sizes, 16, text_scale=5)


FLUX = dict(image_model="flux", in_channels=16, out_channels=16, vec_in_dim=POOLED, context_in_dim=CONTEXT)
FLUX |= dict(hidden_size=64, mlp_ratio=2.0, num_heads=2, depth=2, depth_single_blocks=2, axes_dim=[8, 12, 12])
FLUX |= dict(theta=10000, patch_size=2, qkv_bias=True, guidance_embed=True, txt_ids_dims=[])
FLUX2 = FLUX | dict(image_model="flux2", in_channels=128, out_channels=128, vec_in_dim=None, patch_size=1)
FLUX2 |= dict(axes_dim=[8, 8, 8, 8], txt_ids_dims=[3], global_modulation=True, mlp_silu_act=True, guidance_embed=False)
FLUX2 |= dict(default_ref_method="index", qkv_bias=False, ops_bias=False)
QWEN = dict(image_model="qwen_image", patch_size=2, in_channels=64, out_channels=16, num_layers=2)
QWEN |= dict(attention_head_dim=32, num_attention_heads=2, joint_attention_dim=CONTEXT, axes_dims_rope=(8, 12, 12))
SD3 = dict(in_channels=16, patch_size=2, depth=2, input_size=None, adm_in_channels=POOLED, pos_embed_max_size=48)
SD3 |= dict(
    context_embedder_config={"target": "torch.nn.Linear", "params": dict(in_features=CONTEXT, out_features=128)}
)
SD3 |= dict(num_patches=48 * 48, pos_embed_scaling_factor=None, qk_norm="rms", x_block_self_attn_layers=[0])


def flux(**sizes):
    return small_model(comfy.supported_models.Flux, FLUX | sizes, text_scale=5)


def flux2(**sizes):
    return small_model(comfy.supported_models.Flux2, FLUX2 | sizes, text_scale=5)


def qwen_image(**sizes):
    return small_model(comfy.supported_models.QwenImage, QWEN | sizes, text_scale=5)


def sd3(**sizes):
    """SD 3.5: its first block attends a second time, to the image alone."""
    return small_model(comfy.supported_models.SD3, SD3 | sizes, text_scale=5)


FAMILIES = {"sd15": sd15, "sdxl": sdxl, "flux": flux, "flux2": flux2, "qwen_image": qwen_image, "sd3": sd3}
# The layer that reads what the image's tokens get from the first attention to the texts, (B, tokens, C).
FIRST = {"sd15": "input_blocks.1.1.transformer_blocks.0.attn2.to_out"}
FIRST["sdxl"] = FIRST["sd15"]
FIRST["flux"] = FIRST["flux2"] = "double_blocks.0.img_attn.proj"
FIRST["qwen_image"] = "transformer_blocks.0.attn.to_out.0"
FIRST["sd3"] = "joint_blocks.0.x_block.attn.proj"


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
