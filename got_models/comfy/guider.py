"""GoT's guidance as a ComfyUI GUIDER, the reference's SIGMAS, and one call that samples with both.

Written against ComfyUI 0.30.0: comfy.samplers.CFGGuider, calc_cond_batch, cfg_function. The formula is in
got_models/guidance/formula.py. ComfyUI's predictions are denoised latents, for which the formula is the same.
"""

from itertools import chain

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ..errors import GoTError
from ..files.weights import is_finite
from ..guidance.formula import (
    ALWAYS,
    BRANCHES,
    PLAIN,
    Guidance,
    Interval,
    Strengths,
    as_plain_guidance,
    at_scale,
    branch_weights,
)
from ..guidance.timesteps import leading_timesteps
from .unet import REFERENCE, SPATIAL, check_model

# Our branches by the names that other nodes' hooks know. process_conds copies ControlNets from "positive".
CONDS = {"cond": "positive", "uncond": "negative", "text": "text", "image": "image"}
REFERENCE_SCHEDULE = "got"  # among ComfyUI's schedulers: the reference's leading spacing
_OWN = {"pooled_output", REFERENCE, SPATIAL}


class GoTGuider(comfy.samplers.CFGGuider):
    """Up to four predictions per step in one batch, combined with the weights of guidance.formula.branch_weights."""

    def __init__(
        self,
        model: ModelPatcher,
        guidance: Guidance,
        strengths: Strengths,
        extras: list | None = None,
        interval: Interval = ALWAYS,
    ) -> None:
        """extras: a CONDITIONING whose additions (ControlNet, hooks, masks) apply to all branches; its text is unused.

        If it has several entries, each gets its own prediction, and ComfyUI weighs them as usual. GoTError if the
        interval is empty.
        """
        check_model(model)
        if interval.start >= interval.end:
            raise GoTError(
                f"The guidance starts at {interval.start} and ends at {interval.end}. Set guidance_end above "
                f"guidance_start; 0 and 1 guide all steps."
            )
        super().__init__(model)
        self.strengths = strengths
        self.sigmas = tuple(map(model.get_model_object("model_sampling").percent_to_sigma, interval))
        self._own_cfg = float(strengths.spatial)
        self.set_cfg(self._own_cfg)
        self.inner_set_conds(branch_conds(guidance, extras))

    def predict_noise(self, x: Tensor, timestep: Tensor, model_options: dict, seed: int | None = None) -> Tensor:
        """The combined prediction (B, 4, h, w), denoised. Branches of weight zero run only if a hook asks for them."""
        strengths = self.strengths_at(timestep)
        weights = branch_weights(strengths)
        every = model_options.get("disable_cfg1_optimization", False)
        conds = {name: self.conds[CONDS[name]] if every or weights[name] != 0 else None for name in CONDS}
        outputs = self._predict([*conds.values()], x, timestep, model_options)
        ran = {name: output for name, output in zip(CONDS, outputs, strict=True) if conds[name] is not None}
        # Other nodes' functions know a pair: positive and negative.
        negative = next((conds[name] for name in reversed(BRANCHES) if name in ran and name != "cond"), None)
        *pair, scale = as_plain_guidance(ran, strengths)
        for hook in model_options.get("sampler_pre_cfg_function", []):
            given = {"conds": [conds["cond"], negative], "conds_out": pair, "cond_scale": scale, "timestep": timestep}
            given |= {"input": x, "sigma": timestep, "model": self.inner_model, "model_options": model_options}
            pair = hook(given)
        return comfy.samplers.cfg_function(
            self.inner_model, *pair[:2], scale, x, timestep, model_options, cond=conds["cond"], uncond=negative
        )

    def _predict(self, conds: list, x: Tensor, timestep: Tensor, model_options: dict) -> list[Tensor]:
        """The prediction of each branch, by ComfyUI, or two by two by another node's function, which knows a pair."""
        replaced = model_options.get("sampler_calc_cond_batch_function")
        if replaced is None:
            return comfy.samplers.calc_cond_batch(self.inner_model, conds, x, timestep, model_options)
        given = {"input": x, "sigma": timestep, "model": self.inner_model, "model_options": model_options}
        pairs = [conds[:2], conds[2:]]
        return [output for pair in pairs for output in (replaced({**given, "conds": pair}) if any(pair) else (x, x))]

    def strengths_at(self, sigma: Tensor) -> Strengths:
        """The strengths at a noise level (B,). Outside the interval there is no guidance.

        A node such as CFG Override sets another `cfg` for a step: the guidance as a whole becomes that strong.
        """
        first, last = self.sigmas
        strengths = self.strengths if last <= sigma.max() <= first else PLAIN
        return strengths if self.cfg is self._own_cfg else at_scale(strengths, self.cfg)

    def inner_sample(self, noise, latent_image, device, sampler, sigmas, denoise_mask, *args, **kwargs) -> Tensor:
        """Sample from noise as strong as in the reference code.

        The reference scales the first noise by sqrt(sigma^2 + 1). ComfyUI, below its greatest sigma, scales it by
        sigma, which at 50 steps is 0.3 % too weak. Latents that already hold an image are left to ComfyUI.
        """
        if denoise_mask is None and sigmas[0] > 0 and not sampler.max_denoise(self, sigmas):
            empty = ~latent_image.flatten(1).any(1)  # (B,): one decision per image
            stronger = torch.where(empty, (1 + sigmas[0] ** -2) ** 0.5, 1.0)
            noise = noise * stronger.view(-1, *[1] * (noise.ndim - 1)).to(noise)
        given = {"latent to start from": latent_image, "noise": noise}
        samples = super().inner_sample(noise, latent_image, device, sampler, sigmas, denoise_mask, *args, **kwargs)
        if not is_finite(samples):
            raise GoTError(_cause_of_nan(given, self.inner_model.diffusion_model))
        return samples


def _cause_of_nan(given: dict[str, Tensor], unet: nn.Module) -> str:
    """The message for an image that is not finite: it names the part that holds the first NaN or infinity."""
    weights = ((f"UNet's weight '{name}'", weight) for name, weight in unet.named_parameters() if not weight.is_meta)
    for part, tensor in chain(given.items(), weights):
        if not is_finite(tensor):
            return (
                f"The image is NaN, because the {part} holds NaN or infinity. Check the node that makes it, a LoRA for "
                f"the model, or convert the model again."
            )
    return (
        "The sampling computes NaN from weights and inputs that are finite: the precision does not suit the model, or "
        "strengths are too high. Start ComfyUI with --force-fp32, or lower the strengths."
    )


def branch_conds(guidance: Guidance, extras: list | None = None) -> dict[str, list]:
    """One CONDITIONING per branch, by the names of CONDS, one entry per extra. The pooled vector is never nulled."""
    own = {"pooled_output": guidance.pooled, **size_conditions(guidance.width, guidance.height)}
    added = [{key: value for key, value in extra.items() if key not in _OWN} for _, extra in extras or [(None, {})]]
    null = torch.zeros_like(guidance.reference)

    def cond(context: Tensor, reference: Tensor, spatial: Tensor) -> list:
        return [[context, {**extra, **own, REFERENCE: reference, SPATIAL: spatial}] for extra in added]

    return {
        CONDS["cond"]: cond(guidance.context, guidance.reference, guidance.spatial),
        CONDS["uncond"]: cond(guidance.null_context, null, null),
        CONDS["text"]: cond(guidance.context, guidance.reference, null),
        CONDS["image"]: cond(guidance.null_context, guidance.reference, null),
    }


def conditioning(guidance: Guidance) -> list:
    """The cond branch as a CONDITIONING, to which other nodes can add, for example, ControlNets."""
    return branch_conds(guidance)[CONDS["cond"]]


def empty_latent(guidance: Guidance, batch_size: int = 1) -> dict:
    """A LATENT of zeros, (batch_size, 4, h, w), of the guidance's size."""
    return {"samples": torch.zeros(batch_size, *guidance.reference.shape[1:])}


def size_conditions(width: int, height: int) -> dict[str, int]:
    """SDXL's time ids: original and target size in pixels, no crop."""
    sizes = {"width": width, "height": height, "target_width": width, "target_height": height}
    return {**sizes, "crop_w": 0, "crop_h": 0}


def sampler_names() -> list[str]:
    """ComfyUI's samplers, including those that other packs added."""
    return [*comfy.samplers.SAMPLER_NAMES]


def scheduler_names() -> list[str]:
    """The schedulers that `sample` takes: the reference's and ComfyUI's."""
    return [REFERENCE_SCHEDULE, *comfy.samplers.SCHEDULER_NAMES]


def reference_sigmas(model: ModelPatcher, steps: int, denoise: float = 1.0) -> Tensor:
    """The reference's noise levels (steps + 1,), ending in 0. Below denoise 1, the last part of a longer schedule."""
    check_model(model)
    table = model.get_model_object("model_sampling").sigmas
    total = round(steps / denoise) if denoise > 0 else 0
    if not 1 <= total <= len(table):
        raise GoTError(
            f"{steps} steps at denoise {denoise} cannot be spaced: steps divided by denoise must be 1 to "
            f"{len(table)}. Use fewer steps, or a higher denoise."
        )
    sigmas = table[leading_timesteps(total, len(table))].cpu()
    return torch.cat([sigmas, torch.zeros(1)])[-(steps + 1) :].float()


def sample(
    guider: GoTGuider, latent: dict, seed: int, steps: int, sampler_name: str, scheduler: str, denoise: float = 1.0
) -> dict:
    """Sample a LATENT with previews and progress, as SamplerCustomAdvanced does, in one call."""
    model = guider.model_patcher
    if scheduler == REFERENCE_SCHEDULE:
        sigmas = reference_sigmas(model, steps, denoise)
    else:
        total = round(steps / denoise)
        sampling = model.get_model_object("model_sampling")
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, total).cpu()[-(steps + 1) :]
    ratio = latent.get("downscale_ratio_spacial")  # other models' empty latents carry it
    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"], ratio)
    noise = comfy.sample.prepare_noise(samples, seed, latent.get("batch_index"))
    samples = guider.sample(
        noise,
        samples,
        comfy.samplers.sampler_object(sampler_name),
        sigmas,
        denoise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, len(sigmas) - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return {**latent, "samples": samples.to(comfy.model_management.intermediate_device())}
