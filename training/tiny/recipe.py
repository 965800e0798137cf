"""GoT-Tiny in one command: every stage for its share of the time, then the model folder.

    python dev.py run training.tiny.recipe --minutes 8 --start got_models/tiny --out FOLDER

On a GPU; on CPU cores the same stages take hours. The autoencoder is not trained again: it is that of --start.
"""

import time
from pathlib import Path

from diffusers import AutoencoderKL
from safetensors.torch import load_file

from ...got_models.files.manifest import TINY, VAE
from . import autoencoder, export, latents, reasoner, unet
from .run import arguments

SHARES = {"reasoner": 0.55, "latents": 0.1, "unet": 0.35}


def main(given: list[str] | None = None) -> None:
    sizes = dict(batch=256, passes=1, shard=1024, reasoner_rate=1.5e-3, unet_rate=8e-4, compile=0)
    args = arguments(__doc__, given, minutes=8.0, start=TINY, out=Path("tiny"), **sizes)
    started, common = time.time(), ["--work", str(args.work), "--threads", str(args.threads)]
    folder = args.work / "autoencoder"
    folder.mkdir(parents=True, exist_ok=True)
    vae = AutoencoderKL(**autoencoder.CONFIG)
    vae.load_state_dict(load_file(args.start / VAE))
    autoencoder.save(vae, folder)
    stage = [*common, "--start", str(args.start), "--batch", str(args.batch), "--compile", str(args.compile)]
    reasoner.main([*stage, "--rate", str(args.reasoner_rate), "--passes", str(args.passes), *_time(args, "reasoner")])
    sizes = ["--shards", str(10**4), "--count", str(args.shard), "--batch", str(args.batch // 2)]
    latents.main([*common, *sizes, *_time(args, "latents")])
    unet.main([*stage, "--rate", str(args.unet_rate), *_time(args, "unet")])
    export.main([*common, "--out", str(args.out)])
    print(f"{(time.time() - started) / 60:.1f} minutes in total", flush=True)


def _time(args, stage: str) -> list[str]:
    return ["--minutes", str(SHARES[stage] * args.minutes)]


if __name__ == "__main__":
    main()
