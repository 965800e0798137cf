"""Stage 2b: what the UNet trains on, computed once by the frozen autoencoder and reasoner, and stored in files.

A shard is a folder of arrays with one row a sample: states (64, D) of the reasoner's image tokens, and the unscaled
latents (4, 16, 16) target, reference and spatial. Shards can be added while the UNet trains.
"""

import time
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch.utils.data import Dataset

from ...got_models.files.atomic import atomic_file
from ...world import scenes, wording
from .autoencoder import SIGNALS
from .reasoner import ReasonerWithHeads, build, load_tokenizer
from .rendering import BOX_NUMBERS, Renderer
from .rows import Row, collate, random_row
from .run import arguments, device, loader, mixed_precision

SCALE = 0.13025  # SDXL's latent format
ARRAYS = ("states", "target", "reference", "spatial")
SHARES = (0.5, 0.5, 0.0, 0.0)  # text-to-image, edits, descriptions, findings
READ_ONLY = 0.45  # more than the reasoner needs: chains that people made, with boxes anywhere and smaller


class Latents:
    """All complete shards of a folder, as one set of samples on the training device."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.refresh()

    def refresh(self) -> None:
        """Load all shards, also those that are new."""
        paths = [path for path in sorted(self.folder.iterdir()) if all((path / f"{a}.npy").exists() for a in ARRAYS)]
        if not paths:
            raise FileNotFoundError(f"{self.folder} has no shards. Make some with training.tiny.latents first.")
        self.arrays = {a: torch.from_numpy(np.concatenate([np.load(p / f"{a}.npy") for p in paths])) for a in ARRAYS}
        self.arrays = {name: array.to(device()) for name, array in self.arrays.items()}

    def __len__(self) -> int:
        return len(self.arrays["target"])

    def batch(self, size: int) -> dict[str, torch.Tensor]:
        """Random samples, by torch's random state."""
        picked = torch.randint(0, len(self), (size,)).to(device())
        return {name: array[picked].float() for name, array in self.arrays.items()}


def canvases(row: Row) -> np.ndarray:
    """The painted boxes of a row's chain, as Renderer.paint takes them: (K, 7) int16. Without boxes one black box."""
    boxes = zip(row.boxes, wording.colors_of(row.locked + row.chain), strict=True)
    painted = [(*scenes.ImageColor.getrgb(color), *box) for box, color in boxes]
    return np.array(painted or [[0] * BOX_NUMBERS], dtype=np.int16)


class Encoder:
    """Images to unscaled latents, with the numbers of the autoencoder's encoder, by a short cut.

    The encoder's levels only average cells (autoencoder.construct), so cells go directly to its last layers.
    """

    def __init__(self, vae: AutoencoderKL):
        self.vae = vae

    @torch.no_grad()
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) of 0..255 -> (N, 4, h, w)"""
        pixels, encoder = images / 127.5 - 1, self.vae.encoder
        quarters = F.avg_pool2d(pixels, 4)  # (N, 3, 2h, 2w)
        gray = quarters.mean(1, keepdim=True)
        slope = 0.5 * (gray[:, :, ::2, ::2] - gray[:, :, 1::2, 1::2])
        signals = torch.cat([F.avg_pool2d(quarters, 2), slope], 1)  # (N, 4, h, w)
        features = encoder.conv_in.bias[None, :, None, None].repeat(len(pixels), 1, *signals.shape[-2:])
        features[:, SIGNALS[:4]] = signals
        moments = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(features)))
        return self.vae.quant_conv(moments)[:, :4]


class Shards(Dataset):
    """Item i: the rows of shard i in batches of similar length, from rows.collate, with what to encode for each.

    box_numbers (K, 7): the painted boxes of all rows. box_rows (K,): the row of each. references (B,): the number of a
    row's source among the images shown, or -1.
    """

    def __init__(self, tokenizer, count: int, size: int):
        self.tokenizer, self.count, self.size = tokenizer, count, size

    def __getitem__(self, shard: int) -> list[dict]:
        rng = Random(10**6 + shard)
        rows = [random_row(rng, SHARES, READ_ONLY) for _ in range(self.count)]
        rows.sort(key=lambda row: len(row.prompt) + len(row.chain))
        return [self._batch(rows[start : start + self.size]) for start in range(0, self.count, self.size)]

    def _batch(self, rows: list[Row]) -> dict[str, torch.Tensor]:
        painted = [canvases(row) for row in rows]
        box_rows = [number for number, own in enumerate(painted) for _ in own]
        shown = np.cumsum([len(row.earlier) + (row.source is not None) for row in rows]) - 1
        references = [last if row.source is not None else -1 for row, last in zip(rows, shown)]
        more = {
            "box_numbers": np.concatenate(painted),
            "box_rows": np.array(box_rows),
            "references": np.array(references),
        }
        return collate(rows, self.tokenizer) | {name: torch.from_numpy(array) for name, array in more.items()}


class Samples:
    """The UNet's training samples, from batches of Shards."""

    def __init__(self, network: ReasonerWithHeads, encoder: Encoder):
        self.network, self.encoder, self.renderer = network, encoder, Renderer(device())

    @torch.no_grad()
    def __call__(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        batch = self.renderer.complete(batch)
        target = self.encoder(self.renderer.draw(batch["targets"]))
        black = self.encoder(torch.zeros(1, 3, scenes.SIZE, scenes.SIZE, device=target.device))
        sources = self.encoder(self.renderer.draw(batch["sources"])) if "sources" in batch else black[:0]
        painted = self.encoder(self.renderer.paint(batch["box_numbers"]))
        spatial = torch.zeros_like(target).index_add_(0, batch["box_rows"], painted)
        spatial /= batch["box_rows"].bincount()[:, None, None, None]
        reference = torch.cat([sources, black])[batch["references"]]  # -1: the last one
        with mixed_precision():
            states = self.network.image_states(self.network.hidden(batch), batch)
        return {"states": states, "target": target, "reference": reference, "spatial": spatial}


def save(folder: Path, parts: list[dict[str, torch.Tensor]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        with atomic_file(folder / f"{name}.npy") as file:
            np.save(file, torch.cat([part[name] for part in parts]).half().cpu().numpy())


def load_reasoner(folder: Path) -> tuple[ReasonerWithHeads, object]:
    """The reasoner's newest checkpoint and its tokenizer."""
    tokenizer = load_tokenizer(folder)
    network = ReasonerWithHeads(build(tokenizer), tokenizer)
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    return network.to(device()).eval(), tokenizer


def load_vae(folder: Path) -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(folder).eval()


def main(given: list[str] | None = None) -> None:
    args = arguments(__doc__, given, shards=12, minutes=0.0, count=2048, first=0, batch=32)
    ends = time.time() + 60 * args.minutes
    network, tokenizer = load_reasoner(args.work / "reasoner")
    samples = Samples(network, Encoder(load_vae(args.work / "autoencoder" / "vae").to(device())))
    order = range(args.first, args.first + args.shards)
    for shard, batches in zip(order, loader(Shards(tokenizer, args.count, args.batch), order)):
        save(args.work / "latents" / f"{shard:04d}", [samples(batch) for batch in batches])
        print(f"shard {shard}", flush=True)
        if args.minutes and time.time() > ends:
            return


if __name__ == "__main__":
    main()
