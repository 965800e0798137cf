"""A small UNet that reads phrases and no boxes. training/tiny/regions.py trains it and measures how regions steer it.

It is GoT-Tiny's UNet without the inputs for boxes and images, as ComfyUI's own UNetModel, and a new text encoder over
words. It learns images of the synthetic world from captions that do not say where anything is.
"""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import comfy.supported_models
import numpy as np
import torch
import torch.nn.functional as F
from comfy.ldm.modules.attention import attention_pytorch
from comfy.model_patcher import ModelPatcher
from torch import nn

from ...got_models.comfy.unet import load_unet
from ...got_models.comfy.vae import encode_images, load_vae
from ...got_models.files.manifest import UNET, VAE
from ...world import scenes
from ...world.wording import a, listing
from ..ema import EMA
from ..schedule import alphas_cumprod, min_snr_weights
from .run import Run, mixed_precision
from .unet import draw_noise

TINY = Path(__file__).parents[2] / "got_models" / "tiny"
SCALE = 0.13025  # SDXL's latent format
WIDTH, POOLED, LENGTH = 192, 64, 24  # of a token; of the pooled vector, which stays 0; tokens of a text
WORDS = ("<pad>", "<start>", "a", "and", "on", "background", ",", *scenes.COLORS, *scenes.SHAPES, *scenes.BACKGROUNDS)
# Shares of texts: all of it; without the background; nothing.
WHOLE, OBJECTS, NOTHING = 0.65, 0.25, 0.1


def tokenize(text: str) -> list[int]:
    """LENGTH numbers of words, padded. KeyError for a word that the world does not have."""
    numbers = {word: number for number, word in enumerate(WORDS)} | {"an": WORDS.index("a")}
    found = [numbers[word] for word in text.lower().replace(",", " , ").split()][: LENGTH - 1]
    return [1, *found, *[0] * (LENGTH - 1 - len(found))]


def caption(scene: scenes.Scene, background: bool = True) -> str:
    """What is in a scene, in the order of its objects, and not where: a red star and a blue circle on a gray ..."""
    ground = f"{a(scene.background)} background"
    objects = listing([a(obj.name) for obj in scene.objects]) if scene.objects else ground
    return f"{objects} on {ground}" if background and scene.objects else objects


def random_scene(rng: Random, least: int = 0, most: int = 4) -> scenes.Scene:
    """Distinct objects at random places."""
    count = rng.randint(least, most)
    kinds = rng.sample([(shape, color) for shape in scenes.SHAPES for color in scenes.COLORS], count)
    boxes = scenes.place(rng, count) if count else []
    objects = tuple(scenes.Object(*kind, box) for kind, box in zip(kinds, boxes, strict=True))
    return scenes.Scene(rng.choice(scenes.BACKGROUNDS), objects)


class Encoder(nn.Module):
    """Words (B, LENGTH) -> (B, LENGTH, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(len(WORDS), WIDTH), nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(WIDTH, 3, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.layers(self.words(words) + self.places)


class Clip:
    """The encoder with the interface of ComfyUI's CLIP that nodes use."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def tokenize(self, text: str) -> list[int]:
        return tokenize(text)

    def encode_from_tokens_scheduled(self, tokens: list[int]) -> list:
        return [[self.encoder(torch.tensor([tokens])), {"pooled_output": torch.zeros(1, POOLED)}]]


class PhraseUNet(nn.Module):
    """The text encoder and the network. `patcher` is the network as a ComfyUI MODEL."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.encoder, self.patcher = Encoder(), _without_boxes(load_unet(TINY / UNET, disable_dynamic=True))
        self.network = self.patcher.model.diffusion_model.requires_grad_(True)
        sizes = dict(width=128, height=128, pooled_output=torch.zeros(1, POOLED), device="cpu")
        self.register_buffer("y", self.patcher.model.encode_adm(**sizes), persistent=False)

    def forward(self, noisy: torch.Tensor, step: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """The noise of noisy latents (B, 4, h, w) at a timestep (B,)."""
        options = {"optimized_attention_override": lambda _, *args, **kwargs: attention_pytorch(*args, **kwargs)}
        y = self.y.expand(len(noisy), -1)
        return self.network(noisy, step, context=self.encoder(words), y=y, transformer_options=options)


def _without_boxes(got: ModelPatcher) -> ModelPatcher:
    """GoT's UNet as an SDXL of the same layers, which has four input channels."""
    settings = {key: value for key, value in got.model.model_config.unet_config.items() if key != "dtype"}
    config = comfy.supported_models.SDXL(settings | {"in_channels": 4})
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, device="cpu")
    weights = {name: weight.float() for name, weight in got.model.diffusion_model.state_dict().items()}
    weights["input_blocks.0.0.weight"] = weights["input_blocks.0.0.weight"][:, :4]
    model.diffusion_model.load_state_dict(weights)
    return ModelPatcher(model, torch.device("cpu"), torch.device("cpu"))


@torch.no_grad()
def make_data(count: int, folder: Path) -> dict[str, torch.Tensor]:
    """Latents (N, 4, 16, 16), scaled, and for each its words with and without the background (N, 2, LENGTH)."""
    path = folder / f"phrases-{count}.pt"
    if not path.exists():
        rng, vae, latents, words = Random(7), load_vae(TINY / VAE), [], []
        for _ in range(0, count, 50):
            found = [random_scene(rng) for _ in range(50)]
            images = np.stack([scenes.render(scene) for scene in found]).astype(np.float32) / 255
            latents.append(encode_images(vae, torch.from_numpy(images)) * SCALE)
            words += [[tokenize(caption(scene, background)) for background in (True, False)] for scene in found]
        torch.save({"latents": torch.cat(latents), "words": torch.tensor(words)}, path)
    return torch.load(path, weights_only=True)


def batch_of(data: dict[str, torch.Tensor], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random latents and a text for each."""
    rows = torch.randint(len(data["latents"]), (size,))
    kinds = torch.multinomial(torch.tensor([WHOLE, OBJECTS, NOTHING]), size, replacement=True)
    words = data["words"][rows, kinds.clamp(max=1)]
    nothing = torch.tensor(tokenize("")).expand_as(words)
    return data["latents"][rows], torch.where((kinds == 2)[:, None], nothing, words)


@contextmanager
def trained(args: Namespace) -> Iterator[PhraseUNet]:
    """The trained networks, with averaged weights. Called again, it continues; after the last step it only loads."""
    data = make_data(args.images, args.work)
    model, schedule = PhraseUNet().to(memory_format=torch.channels_last), alphas_cumprod()
    fresh = list(model.encoder.parameters())
    groups = [{"params": fresh}, {"params": list(model.network.parameters()), "factor": 0.4}]
    optimizer = torch.optim.AdamW(groups, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    ema = EMA(dict(model.named_parameters()), 0.998, warmup=(0, 20))
    run = Run(args.work / "phrases", {"model": model, "ema": ema}, optimizer, args.steps, args.rate, args.minutes)
    while not run.over:
        run.begin_step()
        latents, words = batch_of(data, args.batch)
        step = (1000 * torch.rand(args.batch) ** 0.3).long().clamp(max=999)  # GoT-Tiny knows the low noise levels
        noise = draw_noise(latents.shape)
        alpha = schedule[step][:, None, None, None]
        with mixed_precision():
            predicted = model(alpha.sqrt() * latents + (1 - alpha).sqrt() * noise, step, words).float()
        error = F.mse_loss(predicted, noise, reduction="none").mean((1, 2, 3))
        loss = (error * min_snr_weights(alpha).flatten()).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update()
        run.end_step(loss=loss.detach(), far=error[step >= 500].mean().detach())
    with ema.applied():
        yield model.eval()
