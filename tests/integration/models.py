"""Models for the server tests: GoT-Tiny broken in several ways, a LoRA for it, and a language model of zeros."""

import json
import pickle
import shutil
import struct
from pathlib import Path

import torch
from got.got_models.files.manifest import MANIFEST, REASONER, TINY, UNET
from safetensors import safe_open
from safetensors.torch import save_file

# What a pickle in place of a safetensors file would run, if anybody loaded it.
TRAP = Path("got-pickle-was-run")


# Normalizers with which the tokenizers library panics: when it reads the file, and when it reads a text.
PANICS = (
    {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
    {"type": "Replace", "pattern": {"String": ""}, "content": "x" * 1000},
)


class Trap:
    def __reduce__(self):
        return (Path.touch, (TRAP.absolute(),))


def broken_models(folder: Path):
    """no-reasoner: only the manifest. cut-short: half a UNet. pickled: a pickle with code under the UNet's name.

    panics-at-load, panics-in-use: the tokenizers library panics.
    """
    (folder / "no-reasoner").mkdir(parents=True)
    shutil.copy(TINY / MANIFEST, folder / "no-reasoner")
    whole = (TINY / UNET).read_bytes()
    for name, content in {"cut-short": whole[: len(whole) // 2], "pickled": pickle.dumps(Trap())}.items():
        shutil.copytree(TINY, folder / name)
        (folder / name / UNET).write_bytes(content)

    for name, normalizer in zip(("panics-at-load", "panics-in-use"), PANICS, strict=True):
        shutil.copytree(TINY, folder / name)
        path = folder / name / REASONER / "tokenizer.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"normalizer": normalizer}))


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


def language_model(path: Path):
    """The smallest model that ComfyUI 0.30 both loads with CLIPLoader and writes text with: Qwen3 0.6B.

    Its sizes are fixed in ComfyUI's code. All weights are zero, so every token is equally likely, and the file is a
    hole of 1.2 GB that takes 40 kB on the disk.
    """
    import comfy.ops
    from comfy.text_encoders.llama import Qwen3_06B

    network = Qwen3_06B({}, torch.bfloat16, "meta", comfy.ops.disable_weight_init)
    entries, size = {}, 0
    for name, tensor in network.state_dict().items():
        end = size + tensor.nbytes
        entries[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [size, end]}
        size = end
    header = json.dumps(entries).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + size)
