"""What the UNet trains on, worked out once by the frozen autoencoder and reasoner and kept in files.

A shard is a folder of arrays, one row a sample: states (64, D) of the reasoner's image tokens, and the unscaled latents
(4, 16, 16) target, reference and spatial. Shards may be added while the UNet trains.
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
from .pictures import CANVAS, Pictures
from .reasoner import Student, build, load_tokenizer
from .rows import Row, collate, random_row
from .run import arguments, device, loader, mixed_precision

SCALE = 0.13025  # SDXL's latent format
ARRAYS = ("states", "target", "reference", "spatial")
SHARES = (0.5, 0.5, 0.0, 0.0)  # text-to-image, edits, descriptions, findings
READING = 0.45  # more chains that people made, with boxes anywhere and smaller, than the reasoner needs


class Latents:
    """All whole shards in a folder, as one set of samples on the device that trains."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.refresh()

    def refresh(self) -> None:
        """Look for new shards."""
        paths = [path for path in sorted(self.folder.iterdir()) if all((path / f"{a}.npy").exists() for a in ARRAYS)]
        if not paths:
            raise FileNotFoundError(f"No shards in {self.folder}. Make some with training.tiny.latents first.")
        self.arrays = {a: torch.from_numpy(np.concatenate([np.load(p / f"{a}.npy") for p in paths])) for a in ARRAYS}
        self.arrays = {name: array.to(device()) for name, array in self.arrays.items()}

    def __len__(self) -> int:
        return len(self.arrays["target"])

    def batch(self, size: int) -> dict[str, torch.Tensor]:
        """Random samples, by torch's random state."""
        picked = torch.randint(0, len(self), (size,)).to(device())
        return {name: array[picked].float() for name, array in self.arrays.items()}


def canvases(row: Row) -> np.ndarray:
    """The painted boxes of a row's chain, as Pictures.paint takes them: (K, 7) int16; if none, a black one."""
    boxes = zip(row.boxes, wording.colors_of(row.kept + row.chain), strict=True)
    painted = [(*scenes.ImageColor.getrgb(color), *box) for box, color in boxes]
    return np.array(painted or [[0] * CANVAS], dtype=np.int16)


class Encoder:
    """Pictures to unscaled latents: what the autoencoder's own encoder gives, by a short cut.

    Its levels only take means of cells (autoencoder.construct), so the cells go straight to its last layers.
    """

    def __init__(self, vae: AutoencoderKL):
        self.vae = vae

    @torch.no_grad()
    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) of 0..255 -> (N, 4, h, w)"""
        pixels, encoder = pictures / 127.5 - 1, self.vae.encoder
        quarters = F.avg_pool2d(pixels, 4)  # (N, 3, 2h, 2w)
        gray = quarters.mean(1, keepdim=True)
        slope = 0.5 * (gray[:, :, ::2, ::2] - gray[:, :, 1::2, 1::2])
        signals = torch.cat([F.avg_pool2d(quarters, 2), slope], 1)  # (N, 4, h, w)
        features = encoder.conv_in.bias[None, :, None, None].repeat(len(pixels), 1, *signals.shape[-2:])
        features[:, SIGNALS[:4]] = signals
        moments = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(features)))
        return self.vae.quant_conv(moments)[:, :4]


class Shards(Dataset):
    """Item i: the rows of shard i in batches of similar length, as rows.collate has them, and what to encode for each:
    painted (K, 7), the boxes of all rows, with owners (K,), and references (B,): the number of a row's source among the
    pictures shown, or -1.
    """

    def __init__(self, tokenizer, count: int, size: int):
        self.tokenizer, self.count, self.size = tokenizer, count, size

    def __getitem__(self, shard: int) -> list[dict]:
        rng = Random(10**6 + shard)
        rows = [random_row(rng, SHARES, READING) for _ in range(self.count)]
        rows.sort(key=lambda row: len(row.prompt) + len(row.chain))
        return [self._batch(rows[start : start + self.size]) for start in range(0, self.count, self.size)]

    def _batch(self, rows: list[Row]) -> dict[str, torch.Tensor]:
        painted = [canvases(row) for row in rows]
        owners = [number for number, own in enumerate(painted) for _ in own]
        shown = np.cumsum([len(row.earlier) + (row.source is not None) for row in rows]) - 1
        references = [last if row.source is not None else -1 for row, last in zip(rows, shown)]
        more = {"painted": np.concatenate(painted), "owners": np.array(owners), "references": np.array(references)}
        return collate(rows, self.tokenizer) | {name: torch.from_numpy(array) for name, array in more.items()}


class Samples:
    """What the UNet trains on, from batches of Shards."""

    def __init__(self, student: Student, encoder: Encoder):
        self.student, self.encoder, self.pictures = student, encoder, Pictures(device())

    @torch.no_grad()
    def __call__(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        batch = self.pictures.complete(batch)
        target = self.encoder(self.pictures.draw(batch["targets"]))
        black = self.encoder(torch.zeros(1, 3, scenes.SIZE, scenes.SIZE, device=target.device))
        sources = self.encoder(self.pictures.draw(batch["sources"])) if "sources" in batch else black[:0]
        painted = self.encoder(self.pictures.paint(batch["painted"]))
        spatial = torch.zeros_like(target).index_add_(0, batch["owners"], painted)
        spatial /= batch["owners"].bincount()[:, None, None, None]
        reference = torch.cat([sources, black])[batch["references"]]  # -1: the last one
        with mixed_precision():
            states = self.student.image_states(self.student.hidden(batch)[0], batch)
        return {"states": states, "target": target, "reference": reference, "spatial": spatial}


def save(folder: Path, parts: list[dict[str, torch.Tensor]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ARRAYS:
        with atomic_file(folder / f"{name}.npy") as file:
            np.save(file, torch.cat([part[name] for part in parts]).half().cpu().numpy())


def load_student(folder: Path) -> tuple[Student, object]:
    """The reasoner's newest checkpoint and its tokenizer."""
    tokenizer = load_tokenizer(folder)
    student = Student(build(tokenizer), tokenizer)
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    student.load_state_dict(state["student"])
    return student.to(device()).eval(), tokenizer


def load_vae(folder: Path) -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(folder).eval()


def main(given: list[str] | None = None) -> None:
    args = arguments(__doc__, given, shards=12, minutes=0.0, count=2048, first=0, batch=32)
    ends = time.time() + 60 * args.minutes
    student, tokenizer = load_student(args.work / "reasoner")
    samples = Samples(student, Encoder(load_vae(args.work / "autoencoder" / "vae").to(device())))
    order = range(args.first, args.first + args.shards)
    for shard, batches in zip(order, loader(Shards(tokenizer, args.count, args.batch), order)):
        save(args.work / "latents" / f"{shard:04d}", [samples(batch) for batch in batches])
        print(f"shard {shard}", flush=True)
        if args.minutes and time.time() > ends:
            return


if __name__ == "__main__":
    main()
