"""Schedules that every training shares: learning rate, noise, and the weight of a timestep's error."""

import math

import torch

MIN_SNR_GAMMA, MAX_WEIGHT = 5.0, 60.0
SDXL_SCHEDULE = {  # for diffusers' samplers
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "leading",
    "steps_offset": 1,
    "clip_sample": False,
}


def cosine(step: int, steps: int, warmup: int, floor: float = 0.02) -> float:
    """Learning-rate factor: linear warm-up, then a cosine from 1 down to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def alphas_cumprod() -> torch.Tensor:
    """Of the SDXL schedule: scaled_linear, 0.00085 to 0.012, 1000 steps."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0).float()


def min_snr_weights(alpha: torch.Tensor) -> torch.Tensor:
    """Weights of the noise error: (min(snr, MIN_SNR_GAMMA) + 1) / snr, at most MAX_WEIGHT.

    That weights the image error by min(snr, MIN_SNR_GAMMA) + 1. So the image counts also where all is noise and only
    the conditions determine it. SDXL's plain noise error leaves the colors of large surfaces to chance.
    Source: arXiv:2303.09556, with 1 added.
    """
    snr = alpha / (1 - alpha)
    return ((snr.clamp(max=MIN_SNR_GAMMA) + 1) / snr).clamp(max=MAX_WEIGHT)
