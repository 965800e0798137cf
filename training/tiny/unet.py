"""Stage 3: the UNet with its two projectors, on latents and hidden states worked out beforehand (latents.py).

Noise prediction on the SDXL schedule; input 4 noisy | 4 reference | 4 spatial latents (only the first are scaled); each
non-full combination of conditions is drawn with 5 %. Sources: arXiv:2503.10639 section 4; for the weights of the time
steps arXiv:2303.09556.
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
DROP = 0.05  # share of each of: no boxes; no boxes and no chain; nothing
OFFSET = 0.3
CHANGED = 3.0  # how much more an error counts where an edit changes the picture: elsewhere the source can be copied
ALIKE = 0.1  # how little latents differ, scaled, where a picture is the same


def changed_weights(target: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """How much each place's error counts, from unscaled latents (B, 4, h, w): (B, 1, h, w), each sample's mean is 1.

    A reference that is the same everywhere is the black one of text-to-image: a black object is no copy of it.
    """
    changed = ((target - reference).abs().amax(1, keepdim=True) * SCALE) > ALIKE
    changed |= ((reference - reference[..., :1, :1]).abs().amax((1, 2, 3), keepdim=True) * SCALE) < ALIKE
    counts = torch.where(changed, CHANGED, 1.0)
    return counts / counts.mean((2, 3), keepdim=True)


class Painter(nn.Module):
    """UNet and projectors; predicts the noise from a batch of Latents."""

    def __init__(self):
        super().__init__()
        self.unet = UNet2DConditionModel(**CONFIG)
        self.context, self.pooled = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, POOLED)

    def forward(self, noisy, step, batch: dict, drop: torch.Tensor) -> torch.Tensor:
        """noisy (B, 4, h, w), scaled; step (B,); drop (B,): 0 drops nothing, 1 boxes, 2 also chain, 3 also source."""
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


def painter_from(folder: Path) -> Painter:
    """The UNet and projectors of an exported model, in full precision."""
    painter = Painter()
    painter.unet.load_state_dict(load_file(folder / UNET))
    state = {**painter.state_dict(), **load_file(folder / PROJECTORS)}
    painter.load_state_dict(state)
    return painter


def draw_conditions(count: int) -> torch.Tensor:
    """What is dropped in each of `count` samples."""
    return torch.multinomial(torch.tensor([1 - 3 * DROP, DROP, DROP, DROP]), count, replacement=True)


def draw_steps(count: int) -> torch.Tensor:
    """Time steps, the later the likelier: what a picture shows is settled where it is nearly all noise."""
    return (1000 * torch.rand(count).sqrt()).long().clamp(max=999)


def draw_noise(shape: torch.Size) -> torch.Tensor:
    """Noise with an offset for every channel, so that a noisy picture's mean does not give its background away.

    Sampling starts from pure noise, where that hint is missing. Source: "Diffusion with Offset Noise", N. Guttenberg.
    """
    return torch.randn(shape) + OFFSET * torch.randn(*shape[:2], 1, 1)


def main(given: list[str] | None = None) -> None:
    args = arguments(__doc__, given, steps=8000, minutes=0.0, batch=32, rate=1e-3, seed=2, compile=1, start="")
    torch.manual_seed(args.seed)
    data = Latents(args.work / "latents")
    painter = painter_from(Path(args.start)) if args.start else Painter()
    painter.to(device(), memory_format=torch.channels_last)
    optimizer = optimizer_of(painter, decay=0.01)
    ema = EMA(dict(painter.named_parameters()), 0.999, warmup=(0, 20))
    run = Run(args.work / "unet", {"painter": painter, "ema": ema}, optimizer, args.steps, args.rate, args.minutes)
    run.note(f"{sum(p.numel() for p in painter.parameters()) / 1e6:.2f} M parameters, {len(data)} samples")
    schedule = alphas_cumprod().to(device())
    forward = torch.compile(painter, dynamic=False) if args.compile else painter
    while not run.over:
        run.begin_step()
        batch = data.batch(args.batch)
        step = draw_steps(args.batch).to(device())
        noise = draw_noise(batch["target"].shape).to(device())
        alpha = schedule[step][:, None, None, None]
        noisy = alpha.sqrt() * batch["target"] * SCALE + (1 - alpha).sqrt() * noise
        with mixed_precision():
            predicted = forward(noisy, step, batch, draw_conditions(args.batch).to(device())).float()
        error = F.mse_loss(predicted, noise, reduction="none") * changed_weights(batch["target"], batch["reference"])
        error = error.mean((1, 2, 3))
        loss = (error * min_snr_weights(alpha).flatten()).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update()
        far = step >= 500
        run.end_step(loss=loss.detach(), near=error[~far].mean().detach(), far=error[far].mean().detach())
        if run.step % 500 == 0:
            data.refresh()


if __name__ == "__main__":
    main()
