"""From examples to tensors: token ids with their positions, pictures to encode, and every random draw.

The draws of a row follow from the seed and its number in the stream, so they are the same in any number of processes,
and in a run that was broken off.
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
KEPT, NO_BOXES, NO_CHAIN, NOTHING = range(4)  # what of the conditions is dropped; each drops what those before it do
LATENTS = 4  # channels

# B: rows, L: tokens, I: pictures shown to the language model, P: their patches, K: pictures to encode


@dataclass(frozen=True)
class Batch:
    """Rows that a process computes at a time.

    ids (B, L), positions (3, B, L), padded on the right. labels (B, L): -100 where nothing is asked. starts (B,): where
    the image tokens begin. patches (P, D) and grids (I, 3): what the vision tower takes, in the order of the rows.
    pictures (K, H, W, 3) uint8: all that the autoencoder has to encode, each once. target, reference (B,): numbers of
    pictures. spatial (B, K): the share of each picture in the mean over a row's boxes.
    noise (B, 4, h, w); steps (B,): time steps 0..999; dropped (B,): KEPT, NO_BOXES, NO_CHAIN or NOTHING.
    weights (B,): 1, or 0 for a row that counts nowhere. number: of the first row, in the stream.
    """

    ids: Tensor
    positions: Tensor
    labels: Tensor
    starts: Tensor
    patches: Tensor | None
    grids: Tensor | None
    pictures: Tensor
    target: Tensor
    reference: Tensor
    spatial: Tensor
    noise: Tensor
    steps: Tensor
    dropped: Tensor
    weights: Tensor
    number: int

    def to(self, device: torch.device) -> "Batch":
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})

    @property
    def asked(self) -> int:
        """Tokens that count."""
        return int((self.labels != -100).sum())


class Batcher:
    """Makes batches for one model: its vocabulary, its image processor, its sizes. Can be handed to another process."""

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
            patches=torch.cat([patches for patches, _ in shown]) if shown else None,
            grids=torch.cat([grid for _, grid in shown]) if shown else None,
            **self._pictures(examples),
            **{name: torch.stack([draw[name] for draw in draws]) for name in draws[0]},
            weights=torch.tensor([example.weight for example in examples]),
            number=numbers[0],
        )

    def _row(self, example: Example) -> dict:
        """Token ids of what is read and of what is asked for, and what the vision tower takes."""
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
        labels = [-100] * len(prompt) + (written if example.weight else [-100] * len(written))
        positions = mrope_position_ids(ids, vocabulary.image_pad, grids, self.merge)
        return {"ids": ids, "labels": labels, "positions": positions, "shown": shown, "start": len(labels)}

    def _sequences(self, rows: list[dict]) -> dict[str, Tensor]:
        length = max(len(row["ids"]) for row in rows)
        pad = self.vocabulary.tokenizer.pad_token_id
        ids, labels = torch.full((len(rows), length), pad), torch.full((len(rows), length), -100)
        positions = torch.zeros(3, len(rows), length, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row["ids"])] = torch.tensor(row["ids"])
            labels[i, : len(row["labels"])] = torch.tensor(row["labels"])
            positions[:, i, : len(row["ids"])] = row["positions"][:, 0]
        starts = torch.tensor([row["start"] for row in rows])
        return {"ids": ids, "labels": labels, "positions": positions, "starts": starts}

    def _pictures(self, examples: list[Example]) -> dict[str, Tensor]:
        """All pictures to encode, each once, and which of them every row uses for what."""
        found = _Pictures(self.config.width, self.config.height)
        target = [found.add(example.picture) for example in examples]
        reference = [
            found.black() if example.chain.source is None else found.add(to_array(example.chain.source))
            for example in examples
        ]
        boxes = [[found.box(region) for region in example.chain.regions] or [found.black()] for example in examples]
        spatial = torch.zeros(len(examples), len(found.pixels))
        for share, own in zip(spatial, boxes):
            share.index_add_(0, torch.tensor(own), torch.full((len(own),), 1 / len(own)))
        return {
            "pictures": torch.from_numpy(np.stack(found.pixels)),
            "target": torch.tensor(target),
            "reference": torch.tensor(reference),
            "spatial": spatial,
        }

    def _draws(self, number: int) -> dict[str, Tensor]:
        """What chance decides about a row.

        The noise has an offset for every channel, so that a noisy picture's mean does not give its color away.
        Source: "Diffusion with Offset Noise", N. Guttenberg.
        """
        config = self.config
        generator = torch.Generator().manual_seed(row_seed(config.seed, number))
        noise = torch.randn(LATENTS, config.height // LATENT_PIXELS, config.width // LATENT_PIXELS, generator=generator)
        noise = noise + config.offset * torch.randn(LATENTS, 1, 1, generator=generator)
        uniform = torch.rand((), generator=generator)
        step = ((uniform.sqrt() if config.settle else uniform) * TRAIN_STEPS).long().clamp(max=TRAIN_STEPS - 1)
        shares = torch.tensor([1 - 3 * config.drop, *[config.drop] * 3])
        dropped = torch.multinomial(shares, 1, generator=generator)[0]
        return {"noise": noise, "steps": step, "dropped": dropped}


class _Pictures:
    """Pictures of one size without repetitions."""

    def __init__(self, width: int, height: int) -> None:
        self.size, self.pixels, self.numbers = (width, height), [], {}

    def add(self, pixels: np.ndarray) -> int:
        """uint8 (H, W, 3) at any size: resized as the reference does it, by Pillow's bicubic filter, aspect ignored."""
        if pixels.shape[1::-1] != self.size:
            pixels = np.array(bicubic(pixels, self.size))
        self.pixels.append(pixels)
        return len(self.pixels) - 1

    def box(self, region: Region) -> int:
        key = (pixel_corners(region.box, *self.size), region.color[1:])
        if key not in self.numbers:
            self.numbers[key] = self.add(to_array(paint_regions([region], *self.size)))
        return self.numbers[key]

    def black(self) -> int:
        if "black" not in self.numbers:
            self.numbers["black"] = self.add(np.zeros((*self.size[::-1], 3), dtype=np.uint8))
        return self.numbers["black"]


def row_seed(seed: int, number: int) -> int:
    """A seed for all that is drawn for row `number`."""
    return Random(f"{seed}:row {number}").getrandbits(63)
