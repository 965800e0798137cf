"""From examples to tensors: token ids and positions, images to encode, and every random draw.

A row's draws follow from the seed and the row's number in the stream. So they are the same for any number of processes
and in a resumed run.
"""

from dataclasses import dataclass, fields, replace
from random import Random

import numpy as np
import torch
from torch import Tensor

from ...got_models.chain.boxes import pixel_corners
from ...got_models.chain.grammar import Region
from ...got_models.guidance.canvas import paint_regions
from ...got_models.guidance.images import bicubic, to_array
from ...got_models.guidance.sizes import LATENT_PIXELS
from ...got_models.reasoner.network import mrope_position_ids
from ...got_models.reasoner.prompt import turns_of
from ...got_models.reasoner.reasoner import Reasoner, image_inputs
from .config import Config
from .examples import Example

TRAIN_STEPS = 1000  # of the SDXL schedule
KEPT, NO_BOXES, NO_CHAIN, NOTHING = range(4)  # which conditions are dropped; each drops what those before it drop
LATENTS = 4  # channels
IGNORED = -100  # label of a token that no loss counts, as in PyTorch

# B: rows, L: tokens, I: images shown to the language model, P: their patches, K: images to encode


@dataclass(frozen=True)
class Batch:
    """Rows that a process computes at a time."""

    input_ids: Tensor  # (B, L), padded on the right
    position_ids: Tensor  # (3, B, L)
    labels: Tensor  # (B, L); IGNORED where no loss counts
    image_starts: Tensor  # (B,) where the image tokens begin
    pixel_values: Tensor | None  # (P, D) patches for the vision tower, in the order of the rows; None: no image shown
    image_grid_thw: Tensor | None  # (I, 3)
    images: Tensor  # (K, H, W, 3) uint8: all that the autoencoder has to encode, each once
    target: Tensor  # (B,) numbers of images
    reference: Tensor  # (B,) numbers of images
    spatial: Tensor  # (B, K) share of each image in the mean over a row's boxes
    noise: Tensor  # (B, 4, h, w)
    timesteps: Tensor  # (B,) 0..999
    dropped: Tensor  # (B,) KEPT, NO_BOXES, NO_CHAIN or NOTHING
    weights: Tensor  # (B,) 1, or 0 for a row that counts nowhere
    number: int  # of the first row, in the stream

    def to(self, device: torch.device) -> "Batch":
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})

    @property
    def target_tokens(self) -> int:
        """How many tokens the loss counts."""
        return int((self.labels != IGNORED).sum())


class Batcher:
    """Makes batches for one model from its vocabulary, image processor and sizes. It can be sent to another process."""

    def __init__(self, reasoner: Reasoner, config: Config) -> None:
        self.vocabulary, self.config = reasoner.vocabulary, config
        self.size, self.image_processor = reasoner.manifest.reasoner_image_size, reasoner.image_processor
        self.merge = reasoner.network.language_model.config.vision_config.spatial_merge_size

    def __call__(self, examples: list[Example], numbers: list[int]) -> Batch:
        """numbers: of the rows, in the stream."""
        rows = [self._row(example) for example in examples]
        shown = [pair for row in rows for pair in row["shown"]]
        draws = [self._draws(number) for number in numbers]
        return Batch(
            **self._sequences(rows),
            pixel_values=torch.cat([patches for patches, _ in shown]) if shown else None,
            image_grid_thw=torch.cat([grid for _, grid in shown]) if shown else None,
            **self._images(examples),
            **{name: torch.stack([draw[name] for draw in draws]) for name in draws[0]},
            weights=torch.tensor([example.weight for example in examples]),
            number=numbers[0],
        )

    def _row(self, example: Example) -> dict:
        """A row's token ids, labels and positions, and what the vision tower takes."""
        chain, vocabulary = example.chain, self.vocabulary
        shown = [
            image_inputs(turn.source, self.size, self.image_processor)
            for turn in turns_of(chain)
            if turn.source is not None
        ]
        grids = [tuple(grid[0].tolist()) for _, grid in shown]
        prompt = vocabulary.prompt_ids(chain, [t * h * w // self.merge**2 for t, h, w in grids])
        written = [*vocabulary.chain_ids(chain.text), vocabulary.image_start]
        ids = [*prompt, *written, *vocabulary.image_ids[1:]]
        labels = [IGNORED] * len(prompt) + (written if example.weight else [IGNORED] * len(written))
        positions = mrope_position_ids(ids, vocabulary.image_pad, grids, self.merge)
        return {"ids": ids, "labels": labels, "positions": positions, "shown": shown, "start": len(labels)}

    def _sequences(self, rows: list[dict]) -> dict[str, Tensor]:
        length = max(len(row["ids"]) for row in rows)
        pad = self.vocabulary.tokenizer.pad_token_id
        ids, labels = torch.full((len(rows), length), pad), torch.full((len(rows), length), IGNORED)
        positions = torch.zeros(3, len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
            labels[i, : len(row["labels"])] = torch.tensor(row["labels"])
            positions[:, i, : len(row["ids"])] = row["positions"][:, 0]
        starts = torch.tensor([row["start"] for row in rows])
        return {"input_ids": ids, "labels": labels, "position_ids": positions, "image_starts": starts}

    def _images(self, examples: list[Example]) -> dict[str, Tensor]:
        """All images to encode, each once, and which of them every row uses for what."""
        found = _Images(self.config.width, self.config.height)
        target = [found.add(example.image) for example in examples]
        reference = [
            found.black() if example.chain.source is None else found.add(to_array(example.chain.source))
            for example in examples
        ]
        boxes = [[found.box(region) for region in example.chain.regions] or [found.black()] for example in examples]
        spatial = torch.zeros(len(examples), len(found.arrays))
        for share, own in zip(spatial, boxes):
            share.index_add_(0, torch.tensor(own), torch.full((len(own),), 1 / len(own)))
        return {
            "images": torch.from_numpy(np.stack(found.arrays)),
            "target": torch.tensor(target),
            "reference": torch.tensor(reference),
            "spatial": spatial,
        }

    def _draws(self, number: int) -> dict[str, Tensor]:
        """The random draws of a row: noise, timestep, dropped conditions.

        The noise has an offset per channel, so that the mean of a noisy image does not show its color.
        Source: "Diffusion with Offset Noise", N. Guttenberg.
        """
        config = self.config
        generator = torch.Generator().manual_seed(row_seed(config.seed, number))
        noise = torch.randn(LATENTS, config.height // LATENT_PIXELS, config.width // LATENT_PIXELS, generator=generator)
        noise = noise + config.noise_offset * torch.randn(LATENTS, 1, 1, generator=generator)
        uniform = torch.rand((), generator=generator)
        uniform = uniform.sqrt() if config.min_snr_weighting else uniform
        timestep = (uniform * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
        shares = torch.tensor([1 - 3 * config.cond_dropout, *[config.cond_dropout] * 3])
        dropped = torch.multinomial(shares, 1, generator=generator)[0]
        return {"noise": noise, "timesteps": timestep, "dropped": dropped}


class _Images:
    """Images of one size. Boxes and the black image are there once, however often they are added."""

    def __init__(self, width: int, height: int) -> None:
        self.size, self.arrays, self.numbers = (width, height), [], {}

    def add(self, image: np.ndarray) -> int:
        """The number of an image, uint8 (H, W, 3) of any size, resized as the released code does it."""
        self.arrays.append(image if image.shape[1::-1] == self.size else np.array(bicubic(image, self.size)))
        return len(self.arrays) - 1

    def box(self, region: Region) -> int:
        key = (pixel_corners(region.box, *self.size), region.color.rgb)
        if key not in self.numbers:
            self.numbers[key] = self.add(to_array(paint_regions([region], *self.size)))
        return self.numbers[key]

    def black(self) -> int:
        if "black" not in self.numbers:
            self.numbers["black"] = self.add(np.zeros((*self.size[::-1], 3), dtype=np.uint8))
        return self.numbers["black"]


def row_seed(seed: int, number: int) -> int:
    """A seed for all draws of row `number`."""
    return Random(f"{seed}:row {number}").getrandbits(63)
