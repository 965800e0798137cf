"""The joint objective: cross-entropy on the chain, and the UNet's error in the noise, through the 64 image tokens.

Both are sums over rows or tokens, so that a run may divide them by what the whole step holds, on all its processes.
Sources: arXiv 2503.10639 sections 4.2, 4.3 and 5.4; the conditions are those of got_models.reasoner and
got_models.guidance.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..schedule import alphas_cumprod, weights
from .batches import NO_BOXES, NO_CHAIN, NOTHING, Batch
from .config import Config
from .networks import Networks

# B: rows, L: tokens, D: the language model's hidden size, T: image tokens, (h, w): of the latents


class Objective(nn.Module):
    """The networks and what they are to learn; one forward gives the sums of both losses."""

    def __init__(self, networks: Networks, config: Config) -> None:
        super().__init__()
        self.networks, self.config = networks, config
        self.tokens = networks.reasoner.manifest.image_tokens
        self.register_buffer("alphas", alphas_cumprod(), persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """chain: cross-entropy summed over tokens. noise: squared error, its mean over a row's latents, over rows."""
        states = self.states(batch)
        return {
            "chain": self.chain_error(states, batch),
            "noise": self.noise_error(self.image_states(states, batch), batch),
        }

    def states(self, batch: Batch) -> Tensor:
        """Last hidden states (B, L, D). Padding lies behind everything, where a causal model does not look."""
        model = self.networks.language_model
        embeddings = model.get_input_embeddings()(batch.ids)
        if batch.patches is not None:
            features = model.model.visual(batch.patches, grid_thw=batch.grids)
            features = getattr(features, "pooler_output", features)
            shown = (batch.ids == model.config.image_token_id).unsqueeze(-1)
            embeddings = embeddings.masked_scatter(shown, features.to(embeddings.dtype))
        return model.model.language_model(
            inputs_embeds=embeddings, position_ids=batch.positions, attention_mask=None, use_cache=False
        ).last_hidden_state

    def image_states(self, states: Tensor, batch: Batch) -> Tensor:
        """(B, L, D) -> (B, T, D)"""
        places = batch.starts[:, None] + torch.arange(self.tokens, device=states.device)
        return states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1]))

    def chain_error(self, states: Tensor, batch: Batch) -> Tensor:
        asked = batch.labels[:, 1:] != -100
        logits = self.networks.language_model.lm_head(states[:, :-1][asked])
        return F.cross_entropy(logits.float(), batch.labels[:, 1:][asked], reduction="sum")

    def noise_error(self, hidden: Tensor, batch: Batch) -> Tensor:
        target, reference, spatial = self.latents(batch)
        alpha = self.alphas[batch.steps][:, None, None, None]
        noisy = alpha.sqrt() * target * self.networks.vae.config.scaling_factor + (1 - alpha).sqrt() * batch.noise
        predicted = self.predict(noisy, batch.steps, hidden, reference, spatial, batch.dropped)
        error = (predicted.float() - batch.noise).square().mean((1, 2, 3))
        if self.config.settle:
            error = error * weights(alpha).flatten()
        return (error * batch.weights).sum()

    def predict(
        self, noisy: Tensor, steps: Tensor, hidden: Tensor, reference: Tensor, spatial: Tensor, dropped: Tensor
    ) -> Tensor:
        """The noise (B, 4, h, w) that the UNet sees in `noisy`, which is scaled; the other latents never are.

        The null text is what the projector makes of zeros; the pooled vector is never dropped.
        """
        networks = self.networks
        read = (dropped < NO_CHAIN)[:, None, None]
        context = networks.context(torch.where(read, hidden, torch.zeros_like(hidden)))
        pooled = networks.pooled(hidden).mean(1)
        reference = reference * (dropped < NOTHING)[:, None, None, None]
        spatial = spatial * (dropped < NO_BOXES)[:, None, None, None]
        height, width = self.config.height, self.config.width
        sizes = torch.tensor([[height, width, 0, 0, height, width]], device=noisy.device, dtype=noisy.dtype)
        return networks.unet(
            torch.cat([noisy, reference, spatial], 1),
            steps,
            context,
            added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes.expand(len(noisy), -1)},
            return_dict=False,
        )[0]

    @torch.no_grad()
    def latents(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Unscaled latents (B, 4, h, w) of the target, of the source and of the boxes: the mode, as in inference."""
        latents = torch.cat([self.encode(part) for part in batch.pictures.split(self.config.encode)])
        return latents[batch.target], latents[batch.reference], torch.einsum("bk,kchw->bchw", batch.spatial, latents)

    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (N, H, W, 3), uint8 -> unscaled latents (N, 4, h, w), always in full precision."""
        pixels = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast(pixels.device.type, enabled=False):
            return self.networks.vae.encode(pixels).latent_dist.mode()
