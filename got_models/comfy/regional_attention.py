"""Regional attention: a plan's texts reach their own places of an image in one prediction per step.

Written against ComfyUI 0.30.0. The node's CONDITIONING carries the plan as one of its `model_conds`, which ComfyUI
passes to `BaseModel.apply_model`. The node's MODEL has a wrapper there that takes it out and adds the attention. A
conditioning without a plan is left alone, so the negative prompt is never touched.
"""

import contextlib
import sys
from collections.abc import Callable, Sequence

import comfy.model_base
import torch
from comfy.ldm.flux.model import Flux
from comfy.ldm.modules.diffusionmodules.mmdit import OpenAISignatureMMDITWrapper
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.ldm.qwen_image.model import QwenImageTransformer2DModel
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrapperExecutor, WrappersMP
from comfy.sd import CLIP
from torch import Tensor

from ..errors import GoTError
from ..guidance.regional import Part
from .regional import check_clip
from .regional_cross import attend_across
from .regional_joint import attend_jointly
from .regional_plan import Plan, PlanCond
from .unet import GoTModel

KEY = "got_regional_attention"
FULL_SIZE = "got_full_size"  # in transformer_options: height and width of the latent that is sampled
ROUNDING = 1e-6  # a weight below it is one of 0
JOINT = {
    (comfy.model_base.Flux, Flux),
    (comfy.model_base.Flux2, Flux),
    (comfy.model_base.QwenImage, QwenImageTransformer2DModel),
    (comfy.model_base.SD3, OpenAISignatureMMDITWrapper),
}
# UNets that read something else than a text.
NO_TEXT = (comfy.model_base.SVD_img2vid, comfy.model_base.Stable_Zero123)


def regional_attention(
    model: ModelPatcher, clip: CLIP, parts: Sequence[Part], start: float = 0.0, end: float = 1.0
) -> tuple[ModelPatcher, list]:
    """A MODEL and a CONDITIONING that go together: each part's text counts at its own places.

    parts: as `regional_parts` gives them, the text of the whole image first. start, end: part of the sampling, 0 to 1;
    outside it the whole image's text counts alone. If that is the only text, both are plain. LoRAs of parts are not
    used: one prediction has one set of weights.
    GoTError for a model of an unknown family, an empty interval, no CLIP, or a CLIP with scheduled hooks.
    """
    if start >= end:
        raise GoTError(
            f"Regional attention starts at {start} and ends at {end}. Set end above start; 0 and 1 cover all steps."
        )
    family = family_of(model)
    weights = merged(parts)
    encoded = {text: _encoded(clip, text) for text in weights}
    whole, extra = encoded[parts[0].text]
    if len(weights) == 1:
        return model, [[whole, extra]]
    plan = Plan([text for text, _ in encoded.values()], torch.stack([*weights.values()]), start, end)
    return patched(model, family), [
        [whole, extra | {"model_conds": {**extra.get("model_conds", {}), KEY: PlanCond(plan)}}]
    ]


def merged(parts: Sequence[Part]) -> dict[str, Tensor]:
    """The weights (SIDE, SIDE) of each distinct text, the whole image's first."""
    if parts[0].weight is None:
        return {parts[0].text: torch.ones(1, 1)}
    weights: dict[str, Tensor] = {}
    for part in parts:
        weights[part.text] = weights.get(part.text, 0) + part.weight[0]
    return {text: torch.where(weight < ROUNDING, 0, weight) for text, weight in weights.items()}


def patched(model: ModelPatcher, family: Callable) -> ModelPatcher:
    """A clone of a MODEL that understands a Plan in its conditioning, and carries none of its own."""
    model = model.clone()
    for kind, wrapper in ((WrappersMP.CALC_COND_BATCH, _remember_size), (WrappersMP.APPLY_MODEL, _wrapper(family))):
        model.remove_wrappers_with_key(kind, KEY)
        model.add_wrapper_with_key(kind, KEY, wrapper)
    return model


def family_of(model: ModelPatcher) -> Callable:
    """The function that adds a plan to a call of this MODEL's network. GoTError if its family has none."""
    base = model.model
    network = type(base.diffusion_model)
    if isinstance(base, GoTModel):
        raise GoTError(
            "The model connected here is GoT's own, which reads boxes and needs no regional attention. Use "
            "Semantic-Spatial Guidance and GoT Sampler."
        )
    if network is UNetModel and not isinstance(base, NO_TEXT):
        return attend_across
    if (type(base), network) in JOINT:
        return attend_jointly
    raise GoTError(
        f"GoT Regional Attention does not know models of the kind {type(base).__name__} ({network.__name__}). Use GoT "
        f"Regional Conditioning: it works with every model, at one more prediction per box and step."
    )


def _encoded(clip: CLIP, text: str) -> tuple[Tensor, dict]:
    check_clip(clip)
    entries = clip.encode_from_tokens_scheduled(clip.tokenize(text))
    if len(entries) > 1:
        raise GoTError(
            "The CLIP has hooks that change during sampling. Regional attention needs one encoding per text: set them "
            "to one keyframe, or use GoT Regional Conditioning."
        )
    return tuple(entries[0])


def _remember_size(executor: WrapperExecutor, model, conds, x, timestep, model_options) -> list[Tensor]:
    """Wraps calc_cond_batch: the size of the whole latent, so that areas and tiles can be told from it."""
    options = model_options.get("transformer_options", {}) | {FULL_SIZE: tuple(x.shape[-2:])}
    return executor(model, conds, x, timestep, model_options | {"transformer_options": options})


def _wrapper(family: Callable) -> Callable:
    """A wrapper of apply_model that adds the plan's texts, if there is a plan and it applies at this noise level."""

    def apply(
        executor: WrapperExecutor,
        x,
        t,
        c_concat=None,
        c_crossattn=None,
        control=None,
        transformer_options=None,
        **conds,
    ) -> Tensor:
        plan: Plan | None = conds.pop(KEY, None)
        options = transformer_options or {}
        model = executor.class_obj
        # ConditioningZeroOut makes a negative prompt of zeros from a positive one and leaves the plan in it.
        if plan is None or not plan.applies(model.model_sampling, t) or not c_crossattn.any():
            return executor(x, t, c_concat, c_crossattn, control, options, **conds)
        if conds.get("attention_mask") is not None:
            raise GoTError(
                "The conditioning has an attention mask of its own, as a Redux style model makes it, and regional "
                "attention cannot combine the two. Remove that node, or use GoT Regional Conditioning."
            )
        plan = plan.seen_from(tuple(x.shape[-2:]), options.get(FULL_SIZE))
        context, options = family(plan, c_crossattn, x, options, model)
        with uncompiled(options):
            return executor(x, t, c_concat, context, control, options, **conds)

    return apply


def uncompiled(options: dict) -> contextlib.AbstractContextManager:
    """A context in which compiled networks run as they were before.

    ComfyUI compiles without guards on transformer_options. So one compiled graph would be used with and without a plan.
    """
    if "torch._dynamo" not in sys.modules:
        return contextlib.nullcontext()
    if hasattr(torch.compiler, "set_stance"):
        return torch.compiler.set_stance("force_eager")
    if "torch.compile" in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {}):
        raise GoTError(
            f"Regional attention with a compiled model needs PyTorch 2.6 or newer, and this is {torch.__version__}. "
            f"Remove TorchCompileModel."
        )
    return contextlib.nullcontext()
