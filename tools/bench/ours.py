"""Our side: the functions that the nodes call, stage by stage, on the model folder."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils
from comfy_extras.nodes_torch_compile import TorchCompileModel
from torch import Tensor

from ...got_models.chain.grammar import TEXT_TO_IMAGE, Chain
from ...got_models.chain.request import Request
from ...got_models.comfy.guider import GoTGuider, empty_latent, sample
from ...got_models.comfy.reasoner import ManagedReasoner
from ...got_models.comfy.unet import load_unet
from ...got_models.comfy.vae import encode_images, load_vae
from ...got_models.files.manifest import UNET, VAE
from ...got_models.guidance.canvas import reference_latents, spatial_latents
from ...got_models.guidance.formula import Guidance, Strengths
from ...got_models.reasoner.sampling import Sampling


class Ours:
    """Each method is one stage. It takes the results of the stages before it."""

    def __init__(self, folder: Path, strengths: Strengths) -> None:
        self.strengths, self.use_cuda_graph = strengths, True
        self.reasoner = ManagedReasoner(folder)
        self.model, self.vae = load_unet(folder / UNET), load_vae(folder / VAE)

    def compiled(self) -> "Ours":
        """The same with the model that TorchCompileModel returns."""
        (model,) = TorchCompileModel.execute(self.model, "inductor").result
        return self._with(model=model)

    def eager(self) -> "Ours":
        """The same with eager steps of the reasoner alone, without CUDA graphs."""
        return self._with(use_cuda_graph=False)

    def _with(self, **changed: Any) -> "Ours":
        other = object.__new__(Ours)
        vars(other).update(vars(self) | changed)
        return other

    def load(self) -> None:
        comfy.model_management.load_models_gpu([self.reasoner.patcher, self.model, self.vae.patcher])

    def unload(self) -> None:
        comfy.model_management.unload_all_models()
        comfy.model_management.soft_empty_cache()

    def chain(self, prompt: str, begun: str, tokens: int, lookup_text: str = "") -> tuple[Chain, float]:
        """The chain with its semantics, and the seconds that those took: from the last token to the end."""
        last = [0.0]
        comfy.utils.set_progress_bar_global_hook(lambda *event, **more: last.append(time.perf_counter()))
        request = Request(TEXT_TO_IMAGE, prompt, text=begun, lookup_text=lookup_text)
        self.reasoner.use_cuda_graph = self.use_cuda_graph
        chain = self.reasoner.write(request, Sampling(), tokens, True, None)
        return chain, time.perf_counter() - last[-1]

    def hidden(self, chain: Chain) -> tuple[Tensor, Tensor, Tensor]:
        return self.reasoner.conditions(self.reasoner.semantics(chain))

    def spatial(self, chain: Chain, side: int) -> Tensor:
        return spatial_latents(chain.regions, partial(encode_images, self.vae), side, side)

    def black(self, side: int) -> Tensor:
        return reference_latents(None, partial(encode_images, self.vae), side, side)

    def sample(
        self, conditions: tuple, spatial: Tensor, reference: Tensor, side: int, steps: int, seed: int, batch: int = 1
    ) -> Tensor:
        """Latents as ComfyUI returns them: unscaled."""
        defaults = self.reasoner.manifest.defaults[TEXT_TO_IMAGE]
        guidance = Guidance(*conditions, spatial, reference, side, side, defaults)
        guider = GoTGuider(self.model, guidance, self.strengths)
        return sample(guider, empty_latent(guidance, batch), seed, steps, "ddpm", "got")["samples"]

    def decode(self, latents: Tensor) -> Tensor:
        return self.vae.decode(latents)
