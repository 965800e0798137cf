"""Schedules that every training shares: of the learning rate, of the noise, and of the weight of a step's error."""

import math

import torch

GAMMA, HEAVIEST = 5.0, 60.0


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


def weights(alpha: torch.Tensor) -> torch.Tensor:
    """The weight of a step's error in the noise, (min(snr, GAMMA) + 1) / snr, at most HEAVIEST.

    In the picture it weighs min(snr, GAMMA) + 1: also where all is noise the picture counts, for here it follows from
    the conditions alone. The SDXL schedule's plain noise error would leave the colors of large surfaces to chance.
    """
    snr = alpha / (1 - alpha)
    return ((snr.clamp(max=GAMMA) + 1) / snr).clamp(max=HEAVIEST)
