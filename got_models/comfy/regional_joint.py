"""Regional attention in networks with joint attention of texts and image: Flux, Flux.2, Qwen-Image, SD 3 and SD 3.5.

Written against ComfyUI 0.30.0: `optimized_attention_override`, and `post_input` of Flux and Qwen-Image. The texts are
one context, one after the other. A float bias on the logits says which tokens attend to which.
"""

from collections.abc import Callable

import torch
from comfy.ldm.modules.attention import attention_pytorch
from comfy.model_base import BaseModel, Flux2
from torch import Tensor
from torch.nn.functional import pad

from ..errors import GoTError
from ..guidance.attention import joint_bias
from .regional_cross import OVERRIDE
from .regional_plan import Plan

FLUX2_TOKENS = 512  # ComfyUI pads shorter texts of Flux.2 with zeros on the left


def attend_jointly(plan: Plan, context: Tensor, x: Tensor, options: dict, model: BaseModel) -> tuple[Tensor, dict]:
    """The context (B, L, C) of all texts, and transformer_options with the attention that tells them apart.

    context: (B, l, C), of the whole image's text. x: latents of the call, (B, c, h, w) or with frames (B, c, f, h, w).
    """
    texts = plan.contexts(context)
    if isinstance(model, Flux2):
        texts = [pad(text, (0, 0, max(0, FLUX2_TOKENS - text.shape[1]), 0)) for text in texts]
    patch = model.diffusion_model.patch_size
    grid = [-(-side // patch) for side in x.shape[-2:]]
    frames = x.shape[2] if x.ndim == 5 else 1
    shares = plan.shares(*grid)[plan.used()].repeat(1, frames)
    call = _Call(shares.to(x.device), [text.shape[1] for text in texts], options.get(OVERRIDE))
    patches = options.get("patches", {})
    new = {
        OVERRIDE: call.attention,
        # First, so that other packs' patches see the positions of all texts.
        "patches": patches | {"post_input": [call.positions, *patches.get("post_input", [])]},
    }
    return torch.cat(texts, 1), options | new


class _Call:
    """One call of the network. shares: (T, tokens) of the image. lengths: tokens of each text."""

    def __init__(self, shares: Tensor, lengths: list[int], override: Callable | None) -> None:
        self.shares, self.lengths, self.override = shares, lengths, override
        self.bias: Tensor | None = None

    def positions(self, given: dict) -> dict:
        """A `post_input` patch: each text starts at the first position, as it would alone."""
        ids = given["txt_ids"]
        return given | {"txt_ids": torch.cat([ids[:, :length] for length in self.lengths], 1)}

    def attention(self, attention: Callable, q: Tensor, k: Tensor, v: Tensor, heads: int, mask=None, *args, **kwargs):
        """An `optimized_attention_override`: adds the bias where texts and image attend to one another."""
        references = sum(kwargs.get("transformer_options", {}).get("reference_image_num_tokens", ()))
        if len(self.lengths) > 1 and self.is_joint(q.shape[-2], references):
            bias = self.bias_for(q, references)
            mask = bias if mask is None else mask + bias[0]
            if attention.__name__ == "attention_flash":  # it takes no mask, and warns at each call
                attention = attention_pytorch
        if self.override is not None:
            return self.override(attention, q, k, v, heads, mask, *args, **kwargs)
        return attention(q, k, v, heads, mask, *args, **kwargs)

    def is_joint(self, tokens: int, references: int) -> bool:
        """Is an attention over so many tokens that of texts and image, not of the image alone? GoTError if neither."""
        image = self.shares.shape[1]
        expected = sum(self.lengths) + image + references
        if tokens not in (expected, image):
            raise GoTError(
                f"Another node changed the number of tokens from {expected} to {tokens}, so regional attention cannot "
                f"tell the texts apart. Remove that node, or use GoT Regional Conditioning."
            )
        return tokens == expected

    def bias_for(self, q: Tensor, references: int) -> Tensor:
        """The bias (1, 1, S, S) in the dtype of the queries. One serves every layer, head and image."""
        if self.bias is None or self.bias.dtype != q.dtype:
            self.bias = joint_bias(self.shares, self.lengths, references).to(q)[None, None]
        return self.bias
