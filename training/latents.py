"""What the UNet trains on, worked out once by the frozen autoencoder and reasoner and kept in memory-mapped files.

A shard is a folder of arrays, one row a sample: states (64, D) of the reasoner's image tokens, and the unscaled latents
(4, 16, 16) target, reference and spatial. Shards may be added while the UNet trains.
"""

from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from . import language, world
from .autoencoder import SIGNALS, to_tensor
from .reasoner import Student, build, load_tokenizer
from .rows import Row, collate, random_row
from .run import arguments, device, mixed_precision

SCALE = 0.13025  # SDXL's latent format
ARRAYS = ("states", "target", "reference", "spatial")
SHARES = (0.6, 0.4, 0.0, 0.0)  # text-to-image, edits, descriptions, findings


class Latents:
    """All whole shards in a folder, as one set of samples."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.refresh()

    def refresh(self) -> None:
        """Look for new shards, and for new arrays in the old ones."""
        paths = [path for path in sorted(self.folder.iterdir()) if all((path / f"{a}.npy").exists() for a in ARRAYS)]
        if not paths:
            raise FileNotFoundError(f"No shards in {self.folder}. Make some with training.latents first.")
        self.shards = [{a: np.load(path / f"{a}.npy", mmap_mode="r") for a in ARRAYS} for path in paths]
        self.ends = np.cumsum([len(shard["target"]) for shard in self.shards])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def batch(self, size: int) -> dict[str, torch.Tensor]:
        """Random samples, by torch's random state."""
        picked = torch.randint(0, len(self), (size,)).numpy()
        where = np.searchsorted(self.ends, picked, side="right")
        starts = np.concatenate([[0], self.ends])
        samples = [self.shards[s] for s in where], picked - starts[where]
        return {
            name: torch.from_numpy(np.stack([shard[name][i] for shard, i in zip(*samples)])).float() for name in ARRAYS
        }


def canvases(row: Row) -> list[np.ndarray]:
    """The painted boxes of a row's chain: (128, 128, 3) uint8 each; one black canvas if there is none."""
    painted = []
    for (x0, y0, x1, y1), color in zip(row.boxes, language.colors_of(row.kept + row.chain), strict=True):
        pixels = np.zeros((world.SIZE, world.SIZE, 3), dtype=np.uint8)
        left, top, right, bottom = (edge * world.SIZE // 1000 for edge in (x0, y0, x1, y1))
        pixels[top : bottom + 1, left : right + 1] = world.ImageColor.getrgb(color)
        painted.append(pixels)
    return painted or [np.zeros((world.SIZE, world.SIZE, 3), dtype=np.uint8)]


class Encoder:
    """Pictures to unscaled latents: what the autoencoder's own encoder gives, by a short cut.

    Its levels only take means of cells (autoencoder.construct), so the cells go straight to its last layers.
    """

    def __init__(self, vae: AutoencoderKL):
        self.vae = vae

    @torch.no_grad()
    def __call__(self, pictures: list[np.ndarray]) -> torch.Tensor:
        """(H, W, 3) uint8 each -> (N, 4, h, w) float"""
        return torch.cat([self._encode(to_tensor(pictures[i : i + 256])) for i in range(0, len(pictures), 256)])

    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        encoder = self.vae.encoder
        quarters = F.avg_pool2d(pixels, 4)  # (N, 3, 2h, 2w)
        gray = quarters.mean(1, keepdim=True)
        slope = 0.5 * (gray[:, :, ::2, ::2] - gray[:, :, 1::2, 1::2])
        signals = torch.cat([F.avg_pool2d(quarters, 2), slope], 1)  # (N, 4, h, w)
        features = encoder.conv_in.bias[None, :, None, None].repeat(len(pixels), 1, *signals.shape[-2:])
        features[:, SIGNALS[:4]] = signals
        moments = encoder.conv_out(encoder.conv_act(encoder.conv_norm_out(features)))
        return self.vae.quant_conv(moments)[:, :4]


def encode_rows(encoder: Encoder, rows: list[Row]) -> dict[str, torch.Tensor]:
    painted = [canvases(row) for row in rows]
    black = np.zeros((world.SIZE, world.SIZE, 3), dtype=np.uint8)
    shown = [row for row in rows if row.source is not None]
    pictures = [world.render(row.target) for row in rows] + [world.render(row.source) for row in shown]
    latents = encoder([*pictures, *(canvas for group in painted for canvas in group), black])
    sources, spatial, place = iter(latents[len(rows) :]), [], len(pictures)
    for group in painted:
        spatial.append(latents[place : place + len(group)].mean(0))
        place += len(group)
    reference = [next(sources) if row.source is not None else latents[-1] for row in rows]
    return {"target": latents[: len(rows)], "reference": torch.stack(reference), "spatial": torch.stack(spatial)}


def read_rows(student: Student, tokenizer, rows: list[Row]) -> torch.Tensor:
    """Hidden states (N, 64, D) at the image tokens."""
    batch = {name: value.to(device()) for name, value in collate(rows, tokenizer).items()}
    with torch.no_grad(), mixed_precision():
        return student.image_states(student.hidden(batch)[0], batch).float().cpu()


def shard_rows(shard: int, count: int) -> list[list[Row]]:
    """The rows of a shard, in batches of similar length."""
    rng = Random(10**6 + shard)
    rows = [random_row(rng, SHARES) for _ in range(count)]
    rows.sort(key=lambda row: len(row.prompt) + len(row.chain))
    return [rows[start : start + 32] for start in range(0, count, 32)]


def save_array(folder: Path, name: str, parts: list[torch.Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.partial.npy"
    np.save(partial, torch.cat(parts).half().numpy())
    partial.replace(folder / f"{name}.npy")


def load_student(folder: Path) -> tuple[Student, object]:
    """The reasoner's newest checkpoint and its tokenizer."""
    tokenizer = load_tokenizer(folder)
    student = Student(build(tokenizer), tokenizer)
    state = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    student.load_state_dict(state["student"])
    return student.to(device()).eval(), tokenizer


def load_vae(folder: Path) -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(folder).eval()


def main() -> None:
    args = arguments(__doc__, shards=12, count=2048, first=0, what="pictures,states")
    folders = [(shard, args.work / "latents" / f"{shard:04d}") for shard in range(args.first, args.first + args.shards)]
    if "pictures" in args.what:
        encoder = Encoder(load_vae(args.work / "autoencoder" / "vae"))
        for shard, folder in folders:
            parts = [encode_rows(encoder, rows) for rows in shard_rows(shard, args.count)]
            for name in ARRAYS[1:]:
                save_array(folder, name, [part[name] for part in parts])
            print(f"{folder} pictures", flush=True)
    if "states" in args.what:
        student, tokenizer = load_student(args.work / "reasoner")
        for shard, folder in folders:
            save_array(
                folder, "states", [read_rows(student, tokenizer, rows) for rows in shard_rows(shard, args.count)]
            )
            print(f"{folder} states", flush=True)


if __name__ == "__main__":
    main()
