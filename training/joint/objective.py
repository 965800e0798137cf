"""The joint objective: cross-entropy on the chain, and the UNet's noise error through the 64 image tokens.

Both are sums over tokens or rows, so that a run can divide them by the counts of the whole step on all processes.
Sources: arXiv 2503.10639 sections 4.2, 4.3 and 5.4. The conditions are those of got_models.reasoner and
got_models.guidance.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..schedule import alphas_cumprod, min_snr_weights
from .batches import IGNORED, NO_BOXES, NO_CHAIN, NOTHING, Batch
from .config import Config
from .networks import Networks, time_ids

# B: rows, L: tokens, D: the language model's hidden size, T: image tokens, (h, w): of the latents


class Objective(nn.Module):
    """The networks and their losses. One forward returns the sums of both."""

    def __init__(self, networks: Networks, config: Config) -> None:
        super().__init__()
        self.networks, self.config = networks, config
        self.tokens = networks.reasoner.manifest.image_tokens
        self.register_buffer("alphas", alphas_cumprod(), persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """chain: cross-entropy, summed over tokens. noise: mean squared error of a row's latents, summed over rows."""
        states = self.states(batch)
        return {
            "chain": self.chain_error(states, batch),
            "noise": self.noise_error(self.image_states(states, batch), batch),
        }

    def states(self, batch: Batch) -> Tensor:
        """Last hidden states (B, L, D). Padding comes last, so causal attention never reaches it."""
        model = self.networks.language_model
        embeddings = model.get_input_embeddings()(batch.input_ids)
        if batch.pixel_values is not None:
            features = model.model.visual(batch.pixel_values, grid_thw=batch.image_grid_thw)
            features = getattr(features, "pooler_output", features)
            shown = (batch.input_ids == model.config.image_token_id).unsqueeze(-1)
            embeddings = embeddings.masked_scatter(shown, features.to(embeddings.dtype))
        return model.model.language_model(
            inputs_embeds=embeddings, position_ids=batch.position_ids, attention_mask=None, use_cache=False
        ).last_hidden_state

    def image_states(self, states: Tensor, batch: Batch) -> Tensor:
        """(B, L, D) -> (B, T, D)"""
        places = batch.image_starts[:, None] + torch.arange(self.tokens, device=states.device)
        return states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1]))

    def chain_error(self, states: Tensor, batch: Batch) -> Tensor:
        counted = batch.labels[:, 1:] != IGNORED
        logits = self.networks.language_model.lm_head(states[:, :-1][counted])
        return F.cross_entropy(logits.float(), batch.labels[:, 1:][counted], reduction="sum")

    def noise_error(self, hidden: Tensor, batch: Batch) -> Tensor:
        target, reference, spatial = self.latents(batch)
        alpha = self.alphas[batch.timesteps][:, None, None, None]
        noisy = alpha.sqrt() * target * self.networks.vae.config.scaling_factor + (1 - alpha).sqrt() * batch.noise
        predicted = self.predict(noisy, batch.timesteps, hidden, reference, spatial, batch.dropped)
        error = (predicted.float() - batch.noise).square().mean((1, 2, 3))
        if self.config.min_snr_weighting:
            error = error * min_snr_weights(alpha).flatten()
        return (error * batch.weights).sum()

    def predict(
        self, noisy: Tensor, steps: Tensor, hidden: Tensor, reference: Tensor, spatial: Tensor, dropped: Tensor
    ) -> Tensor:
        """The predicted noise (B, 4, h, w). `noisy` is scaled; the other latents never are.

        The null context is the projector's output for zeros. The pooled vector is never dropped.
        """
        networks = self.networks
        keeps_chain = (dropped < NO_CHAIN)[:, None, None]
        context = networks.context(torch.where(keeps_chain, hidden, torch.zeros_like(hidden)))
        pooled = networks.pooled(hidden).mean(1)
        reference = reference * (dropped < NOTHING)[:, None, None, None]
        spatial = spatial * (dropped < NO_BOXES)[:, None, None, None]
        sizes = time_ids(self.config.height, self.config.width, noisy)
        return networks.unet(
            torch.cat([noisy, reference, spatial], 1),
            steps,
            context,
            added_cond_kwargs={"text_embeds": pooled, "time_ids": sizes},
            return_dict=False,
        )[0]

    @torch.no_grad()
    def latents(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Unscaled latents (B, 4, h, w) of target, source and boxes: the mode of the posterior, as in inference."""
        latents = torch.cat([self.encode(part) for part in batch.images.split(self.config.vae_batch)])
        return latents[batch.target], latents[batch.reference], torch.einsum("bk,kchw->bchw", batch.spatial, latents)

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, H, W, 3) uint8 -> unscaled latents (N, 4, h, w), always in full precision."""
        pixels = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.autocast(pixels.device.type, enabled=False):
            return self.networks.vae.encode(pixels).latent_dist.mode()
