"""Small random models for the tests of joint training, made from base folders as in a real run."""

from dataclasses import replace
from pathlib import Path

import torch
from got.got_models.files.manifest import EDIT, TEXT_TO_IMAGE, Defaults, read_manifest, write_manifest
from got.tools.oracle.qwen import Sizes, write_mllm_folder
from got.tools.oracle.released import make_unet, make_vae, write_sdxl_folder
from got.training.joint.config import Config, make_config
from got.training.joint.start import make_start
from torch import nn

SIDE = 64  # pixels of the images to be made
SMALL = Sizes(
    unet={"block_out_channels": (64, 64), "attention_head_dim": (1, 1)}, vae={"block_out_channels": (32,) * 4}
)


def base_folders(folder: Path, sizes: Sizes = SMALL) -> tuple[Path, Path]:
    """Folders as Qwen2.5-VL and SDXL were published, small and random."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        write_mllm_folder(folder / "mllm", sizes, torch.float32)
        write_sdxl_folder(folder / "sdxl", sizes, torch.float32)
    return folder / "mllm", folder / "sdxl"


def start_folder(folder: Path, vision_size: int = 56) -> Path:
    """A model folder made of base folders. vision_size: pixels a side of the images that the language model sees."""
    made = folder / "start"
    make_start(*base_folders(folder), made, seed=0, report=lambda line: None)
    strengths = Defaults(2.0, 1.5, 1.0, steps=2, width=SIDE, height=SIDE)
    manifest = replace(
        read_manifest(made),
        reasoner_image_size=(vision_size, vision_size),
        defaults={TEXT_TO_IMAGE: strengths, EDIT: strengths},
    )
    write_manifest(made, manifest)
    return made


def config_of(start: Path, **changes) -> Config:
    plain = {
        "start": str(start),
        "sources": [{"kind": "world"}],
        "width": SIDE,
        "height": SIDE,
        "lora_rank": 4,
        "gradient_checkpointing": False,
        "precision": "fp32",
        "warmup_steps": 2,
        "ema_decay": 0.9,
        "export_dtype": "fp32",
    }
    return make_config({**plain, **changes})


def perturbed(module: nn.Module) -> nn.Module:
    """Move every trained tensor away from its start, so that no lost one goes unnoticed."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += torch.randn_like(parameter) * 0.1 / max(1, parameter[0].numel()) ** 0.5
    return module


def plain_unet(channels: int):
    return make_unet(SMALL, channels)


def plain_vae():
    return make_vae(SMALL)
