"""Stage 3: the UNet with its two projectors, on latents and hidden states from latents.py.

Noise prediction on the SDXL schedule. Input: 4 noisy | 4 reference | 4 spatial latents, of which only the first are
scaled. Each combination of dropped conditions is drawn with 5 %. Source: arXiv:2503.10639 section 4.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from torch import nn

from ...got_models.files.manifest import PROJECTORS, UNET
from ..ema import EMA
from ..schedule import alphas_cumprod, min_snr_weights
from .latents import SCALE, Latents
from .reasoner import HIDDEN, optimizer_of
from .run import Run, arguments, device, mixed_precision

POOLED = 64
CONFIG = dict(
    sample_size=16,
    in_channels=12,
    out_channels=4,
    block_out_channels=[96, 192],
    layers_per_block=1,
    down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
    up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"],
    attention_head_dim=[1, 3],  # diffusers' SDXL name for the number of heads: 64 channels each
    transformer_layers_per_block=1,
    cross_attention_dim=HIDDEN,
    use_linear_projection=True,
    addition_embed_type="text_time",
    addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=POOLED + 6 * 256,
)
COND_DROPOUT = 0.05  # share of each: no boxes; no boxes and no chain; nothing
NOISE_OFFSET = 0.3
CHANGED_WEIGHT = 3.0  # of the error where an edit changes the image; elsewhere the source can be copied
ALIKE = 0.1  # greatest difference of scaled latents where an image is the same


def changed_weights(target: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Weights of the error, (B, 1, h, w), from unscaled latents (B, 4, h, w). The mean of each sample is 1.

    A uniform reference is the black one of text-to-image. There nothing counts as a copy, not even a black object.
    """
    changed = ((target - reference).abs().amax(1, keepdim=True) * SCALE) > ALIKE
    changed |= ((reference - reference[..., :1, :1]).abs().amax((1, 2, 3), keepdim=True) * SCALE) < ALIKE
    counts = torch.where(changed, CHANGED_WEIGHT, 1.0)
    return counts / counts.mean((2, 3), keepdim=True)


class UNetWithProjectors(nn.Module):
    """UNet and projectors. Predicts the noise of a batch of Latents."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**CONFIG)
        self.context, self.pooled = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, POOLED)

    def forward(self, noisy, step, batch: dict, drop: torch.Tensor) -> torch.Tensor:
        """noisy (B, 4, h, w), scaled. step (B,). drop (B,): 0 nothing, 1 boxes, 2 also the chain, 3 also the source."""
        states = batch["states"]  # (B, 64, D)
        read = (drop < 2)[:, None, None]
        context = self.context(torch.where(read, states, torch.zeros_like(states)))
        pooled = self.pooled(states).mean(1)
        reference = batch["reference"] * (drop < 3)[:, None, None, None]
        spatial = batch["spatial"] * (drop < 1)[:, None, None, None]
        height, width = (8 * side for side in noisy.shape[-2:])
        ids = torch.tensor([height, width, 0, 0, height, width], device=noisy.device, dtype=noisy.dtype)
        conditions = {"text_embeds": pooled, "time_ids": ids.expand(len(noisy), -1)}
        inputs = torch.cat([noisy, reference, spatial], 1).contiguous(memory_format=torch.channels_last)
        return self.unet(inputs, step, context, added_cond_kwargs=conditions, return_dict=False)[0]


def load_exported(folder: Path) -> UNetWithProjectors:
    """The UNet and projectors of an exported model, in full precision."""
    model = UNetWithProjectors()
    model.unet.load_state_dict(load_file(folder / UNET))
    state = {**model.state_dict(), **load_file(folder / PROJECTORS)}
    model.load_state_dict(state)
    return model


def draw_dropped(count: int) -> torch.Tensor:
    """What is dropped in each of `count` samples, as UNetWithProjectors takes it."""
    return torch.multinomial(
        torch.tensor([1 - 3 * COND_DROPOUT, COND_DROPOUT, COND_DROPOUT, COND_DROPOUT]), count, replacement=True
    )


def draw_timesteps(count: int) -> torch.Tensor:
    """Timesteps, later ones more often: nearly pure noise is where the content of an image is decided."""
    return (1000 * torch.rand(count).sqrt()).long().clamp(max=999)


def draw_noise(shape: torch.Size) -> torch.Tensor:
    """Noise with an offset per channel, so that the mean of a noisy image does not show its background.

    Sampling starts from pure noise, which has no such hint. Source: "Diffusion with Offset Noise", N. Guttenberg.
    """
    return torch.randn(shape) + NOISE_OFFSET * torch.randn(*shape[:2], 1, 1)


def main(given: list[str] | None = None) -> None:
    args = arguments(__doc__, given, steps=8000, minutes=0.0, batch=32, rate=1e-3, seed=2, compile=1, start="")
    torch.manual_seed(args.seed)
    data = Latents(args.work / "latents")
    model = load_exported(Path(args.start)) if args.start else UNetWithProjectors()
    model.to(device(), memory_format=torch.channels_last)
    optimizer = optimizer_of(model, decay=0.01)
    ema = EMA(dict(model.named_parameters()), 0.999, warmup=(0, 20))
    run = Run(args.work / "unet", {"model": model, "ema": ema}, optimizer, args.steps, args.rate, args.minutes)
    run.note(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {len(data)} samples")
    schedule = alphas_cumprod().to(device())
    forward = torch.compile(model, dynamic=False) if args.compile else model
    while not run.over:
        run.begin_step()
        batch = data.batch(args.batch)
        step = draw_timesteps(args.batch).to(device())
        noise = draw_noise(batch["target"].shape).to(device())
        alpha = schedule[step][:, None, None, None]
        noisy = alpha.sqrt() * batch["target"] * SCALE + (1 - alpha).sqrt() * noise
        with mixed_precision():
            predicted = forward(noisy, step, batch, draw_dropped(args.batch).to(device())).float()
        error = F.mse_loss(predicted, noise, reduction="none") * changed_weights(batch["target"], batch["reference"])
        error = error.mean((1, 2, 3))
        loss = (error * min_snr_weights(alpha).flatten()).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update()
        far = step >= 500
        run.end_step(loss=loss.detach(), near=error[~far].mean().detach(), far=error[far].mean().detach())
        if run.step % 500 == 0:
            data.refresh()


if __name__ == "__main__":
    main()
