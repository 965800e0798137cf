"""The reference side: the oracle's script with transformers' `generate` and diffusers, stage by stage.

The libraries have their default settings. As in the released code, the KV cache grows with every token, and a second
forward over the whole sequence gives the hidden states. The VAE encodes each box, and a step takes four predictions.
"""

from types import SimpleNamespace

import torch
from PIL import Image
from torch import Tensor

from ...got_models.guidance.formula import Strengths
from ..oracle import script

TASK = "text-to-image"


class Reference:
    """Each method is one stage. It takes the results of the stages before it."""

    def __init__(self, networks: SimpleNamespace, strengths: Strengths) -> None:
        self.networks, self.strengths = networks, strengths

    def to(self, device: torch.device) -> None:
        for part in vars(self.networks).values():
            if isinstance(part, torch.nn.Module):
                part.to(device)

    def chain(self, prompt: str, begun: str, tokens: int) -> str:
        """The beginning and the `tokens` that follow, as text."""
        networks = self.networks
        inputs = script.sequence(networks, TASK, prompt, begun, None)
        stops = networks.tokenizer.convert_tokens_to_ids(script.STOPS)
        settings = {"do_sample": False, "repetition_penalty": 1.05, "max_new_tokens": tokens, "eos_token_id": stops}
        ids = networks.mllm_model.generate(**inputs, **settings)
        return begun + networks.tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :])

    def hidden(self, prompt: str, chain: str) -> tuple[Tensor, Tensor, Tensor]:
        """context, null context, pooled."""
        hidden = script.hidden_states(self.networks, TASK, prompt, chain, None)
        null = self.networks.context(torch.zeros_like(hidden))
        return self.networks.context(hidden), null, self.networks.pooled(hidden).mean(1)

    def spatial(self, chain: str, side: int) -> Tensor:
        return script.spatial_latents(self.networks.vae, chain, side, side)

    def black(self, side: int) -> Tensor:
        return script.encode(self.networks.vae, Image.new("RGB", (side, side)))

    def sample(self, conditions: tuple, spatial: Tensor, reference: Tensor, side: int, steps: int, seed: int) -> Tensor:
        context, null_context, pooled = conditions
        given = SimpleNamespace(context=context, null_context=null_context, pooled=pooled, spatial=spatial)
        given.reference, given.width, given.height = reference, side, side
        noise = torch.randn(1, 4, side // 8, side // 8, generator=torch.Generator().manual_seed(seed))
        step_seed = seed + (spatial.device.type == "cpu")  # ComfyUI's: it draws the steps' noise on the device
        return script.denoise(self.networks.unet, given, noise.to(spatial), steps, self.strengths, "ddpm", step_seed)

    def decode(self, latents: Tensor) -> Tensor:
        vae = self.networks.vae
        pixels = vae.decode(latents / vae.config.scaling_factor).sample
        return (pixels / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)
