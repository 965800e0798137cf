"""Export to a model folder for models/got: LoRA merged, published names, one precision."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch import Tensor, nn

from ...got_models.convert.writer import DTYPES
from ...got_models.files.atomic import atomic_folder
from ...got_models.files.manifest import PROJECTORS, REASONER, UNET, VAE, read_manifest, write_manifest
from ...got_models.files.weights import INDEX, SINGLE, published_key
from .config import Config
from .networks import Networks

WEIGHTS = (".safetensors", ".bin")


def export(networks: Networks, start: Path, out: Path, config: Config) -> None:
    """Make the model folder `out`; tokenizer, image processor and sizes are those of the folder it started from.

    A small model's list of known words stays only if it was trained on its own world alone.
    """
    dtype = DTYPES[config.export_dtype][0]
    projectors = {f"context.{name}": value for name, value in networks.context.state_dict().items()}
    projectors |= {f"pooled.{name}": value for name, value in networks.pooled.state_dict().items()}
    files = {
        f"{REASONER}/{SINGLE}": plain_tensors(networks.language_model),
        PROJECTORS: projectors,
        UNET: networks.unet.state_dict(),
        VAE: networks.vae.state_dict(),
    }
    with atomic_folder(out, replace=True) as folder:
        _copy_reasoner(start / REASONER, folder / REASONER, dtype)
        for name, tensors in files.items():
            save_file({key: _stored(value, dtype) for key, value in tensors.items()}, folder / name, {"format": "pt"})
        manifest = read_manifest(start)
        world = manifest.world if all(source.kind == "world" for source in config.sources) else None
        write_manifest(folder, replace(manifest, name=config.name, world=world))


def plain_tensors(language_model: nn.Module) -> dict[str, Tensor]:
    """The language model's tensors by their published names. Weights with a LoRA are merged, in full precision."""
    tensors = {}
    for name, tensor in language_model.state_dict().items():
        if ".lora_" not in name and ".original_module." not in name:
            plain = name.replace(".base_layer.", ".").replace(".modules_to_save.default.", ".")
            tensors[published_key(plain)] = tensor
    for name, module in language_model.named_modules():
        if isinstance(module, LoraLayer):
            key = f"{published_key(name)}.weight"
            tensors[key] = tensors[key].float() + module.get_delta_weight("default").float()
    return tensors


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A separate copy on the CPU, so that tied embeddings are stored twice, as GoT's are."""
    return tensor.detach().to("cpu", dtype, copy=True).contiguous()


def _copy_reasoner(start: Path, out: Path, dtype: torch.dtype) -> None:
    """Copy a transformers folder without its weights."""
    out.mkdir(parents=True)
    for path in start.iterdir():
        if path.is_file() and path.suffix not in WEIGHTS and path.name != INDEX:
            shutil.copy(path, out / path.name)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    config |= {"torch_dtype": str(dtype).removeprefix("torch."), "tie_word_embeddings": False}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
