"""Model folders for the server tests: GoT-Tiny broken in several ways, and a LoRA for it."""

import pickle
import shutil
from pathlib import Path

import torch
from got.got_models.files.manifest import MANIFEST, TINY, UNET
from safetensors import safe_open
from safetensors.torch import save_file

# What a pickle in place of a safetensors file would run, if anybody loaded it.
TRAP = Path("got-pickle-was-run")


class Trap:
    def __reduce__(self):
        return (Path.touch, (TRAP.absolute(),))


def broken_models(folder: Path):
    """no-reasoner: only the manifest. cut-short: half a UNet. pickled: a pickle with code under the UNet's name."""
    (folder / "no-reasoner").mkdir(parents=True)
    shutil.copy(TINY / MANIFEST, folder / "no-reasoner")
    whole = (TINY / UNET).read_bytes()
    for name, content in {"cut-short": whole[: len(whole) // 2], "pickled": pickle.dumps(Trap())}.items():
        shutil.copytree(TINY, folder / name)
        (folder / name / UNET).write_bytes(content)


def random_lora(path: Path):
    """A LoRA of rank 2 with random weights, in diffusers' names, for the queries and values of GoT-Tiny's UNet."""
    torch.manual_seed(0)
    tensors = {}
    with safe_open(TINY / UNET, "pt") as unet:
        for key in unet.keys():  # noqa: SIM118 - safetensors' handle has no iterator
            if key.endswith((".to_q.weight", ".to_v.weight")):
                rows, columns = unet.get_slice(key).get_shape()
                name = "lora_unet_" + key.removesuffix(".weight").replace(".", "_")
                tensors[f"{name}.lora_up.weight"] = torch.randn(rows, 2)
                tensors[f"{name}.lora_down.weight"] = torch.randn(2, columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
