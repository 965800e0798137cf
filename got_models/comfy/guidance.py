"""Guidance for the UNet from a chain, with ComfyUI's VAE and the managed reasoner.

Written against ComfyUI 0.30.0: comfy.sd.VAE.encode, which gives unscaled latents (the mode) of IMAGE tensors.
"""

import comfy.model_management
from comfy.sd import VAE
from torch import Tensor

from ..chain.grammar import Chain
from ..guidance.canvas import reference_latents, spatial_latents
from ..guidance.formula import Guidance
from ..guidance.sizes import check_size
from .reasoner import ManagedReasoner
from .vae import check_vae, encode_images


def make_guidance(reasoner: ManagedReasoner, chain: Chain, vae: VAE, width: int, height: int) -> Guidance:
    """The guidance of a chain for an image of width x height pixels. GoTError, before a network runs, on bad input."""
    check_size(width, height)
    check_vae(vae)
    reasoner.check_guides()

    def encode(images: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return encode_images(vae, images)

    context, null_context, pooled = reasoner.conditions(reasoner.semantics(chain))
    reference = reference_latents(chain.source, encode, width, height)
    all_black = chain.source is None and not chain.regions  # then both latents are of the same black image
    return Guidance(
        context=context,
        null_context=null_context,
        pooled=pooled,
        spatial=reference if all_black else spatial_latents(chain.regions, encode, width, height),
        reference=reference,
        width=width,
        height=height,
        defaults=reasoner.manifest.defaults[chain.task],
    )
