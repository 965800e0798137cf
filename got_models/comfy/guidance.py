"""Guidance for the UNet from a chain, with ComfyUI's VAE and the managed reasoner.

Written against ComfyUI 0.30.0: comfy.sd.VAE.encode, which gives unscaled latents (the mode) of IMAGE tensors.
"""

import comfy.model_management
from comfy.sd import VAE
from torch import Tensor

from ..chain.grammar import Chain, guiding
from ..errors import GoTError
from ..files.weights import is_finite
from ..guidance.canvas import reference_latents, spatial_latents
from ..guidance.formula import Guidance
from ..guidance.sizes import check_size
from .reasoner import ManagedReasoner
from .vae import check_vae, encode_images


def make_guidance(reasoner: ManagedReasoner, chain: Chain, vae: VAE, width: int, height: int) -> Guidance:
    """The guidance of a chain for an image of width x height pixels. GoTError, before a network runs, on bad input.

    A region that is switched off is part of the meaning and has no place: it is painted on no canvas.
    """
    check_size(width, height)
    check_vae(vae)
    reasoner.check_guides()

    def encode(images: Tensor) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        return encode_images(vae, images)

    context, null_context, pooled = reasoner.conditions(reasoner.semantics(chain))
    reference = reference_latents(chain.source, encode, width, height)
    regions = guiding(chain).regions
    all_black = chain.source is None and not regions  # then both latents are of the same black image
    spatial = reference if all_black else spatial_latents(regions, encode, width, height)
    _check_numbers({"reasoner": (context, null_context, pooled), "VAE": (reference, spatial)})
    return Guidance(
        context=context,
        null_context=null_context,
        pooled=pooled,
        spatial=spatial,
        reference=reference,
        width=width,
        height=height,
        defaults=reasoner.manifest.defaults[chain.task],
    )


def _check_numbers(tensors: dict[str, tuple[Tensor, ...]]) -> None:
    """GoTError names the part that computed NaN or infinity. tensors: by the part that made them."""
    for part, made in tensors.items():
        if not all(is_finite(tensor) for tensor in made):
            raise GoTError(
                f"The {part} computes NaN or infinity: its weights are damaged, or the precision does not suit them. "
                f"Load another model, or start ComfyUI with --force-fp32 --fp32-text-enc --fp32-vae."
            )
