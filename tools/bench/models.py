"""Random networks of a given size: a model folder for the pack, and the same weights for the reference script.

The language model's head can only write letters: the rows of every other token are zero. So a chain never ends early
and never opens a box; both sides write exactly as many tokens as they may.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor

from ...got_models.files.manifest import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from ...got_models.reasoner.prompt import NEW_TOKENS
from ..oracle.large import REAL
from ..oracle.qwen import Sizes, flat_config, lively, make_tokenizer
from ..oracle.released import make_unet, make_vae

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Size:
    """networks: their sizes. side: pixels of the square image. tokens: of a chain. steps: of sampling."""

    networks: Sizes
    side: int
    tokens: int
    steps: int


SIZES = {
    "tiny": Size(
        Sizes(
            language={"tie_word_embeddings": False},
            unet={
                "block_out_channels": (64,),
                "down_block_types": ("CrossAttnDownBlock2D",),
                "up_block_types": ("CrossAttnUpBlock2D",),
                "transformer_layers_per_block": (1,),
                "attention_head_dim": (1,),
                "layers_per_block": 1,
            },
            vae={"block_out_channels": (128, 128, 128, 128), "layers_per_block": 1},
        ),
        side=64,
        tokens=24,
        steps=3,
    ),
    "mid": Size(
        Sizes(
            hidden=768,
            context=768,
            pooled=512,
            vocabulary=16384,
            language={
                "intermediate_size": 4096,
                "num_attention_heads": 12,
                "num_hidden_layers": 12,
                "num_key_value_heads": 2,
                "rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]},
                "tie_word_embeddings": False,
            },
            vision={"depth": 4, "hidden_size": 256, "intermediate_size": 768, "num_heads": 4},
            unet={
                "block_out_channels": (64, 128, 256),
                "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
                "transformer_layers_per_block": (1, 2, 4),
                "attention_head_dim": (1, 2, 4),
            },
            vae={"block_out_channels": (128, 128, 256, 256), "layers_per_block": 1},
        ),
        side=384,
        tokens=240,
        steps=20,
    ),
    "real": Size(
        replace(REAL, language={**REAL.language, "tie_word_embeddings": False}),
        side=1024,
        tokens=300,
        steps=50,
    ),
}


def make_models(folder: Path, size: Size, device: torch.device, dtype: torch.dtype) -> SimpleNamespace:
    """Fill a model folder, and return the saved networks on the device, as the reference script takes them."""
    sizes = size.networks
    (folder / REASONER).mkdir()
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(NEW_TOKENS)})
    config = flat_config(sizes, tokenizer) | {"torch_dtype": str(dtype).removeprefix("torch.")}
    (folder / REASONER / "config.json").write_text(json.dumps(config))
    tokenizer.save_pretrained(folder / REASONER)
    processor = Qwen2VLImageProcessor()
    processor.save_pretrained(folder / REASONER)
    torch.manual_seed(0)
    with torch.inference_mode(False), torch.no_grad(), torch.device(device):
        networks = SimpleNamespace(
            mllm_model=_language_model(folder / REASONER, tokenizer, dtype),
            context=nn.Linear(sizes.hidden, sizes.context, dtype=dtype),
            pooled=nn.Linear(sizes.hidden, sizes.pooled, dtype=dtype),
            unet=make_unet(sizes, channels=12).to(dtype).eval(),
            vae=make_vae(sizes).to(dtype).eval(),
            tokenizer=tokenizer,
            image_processor=processor,
        )
    for network in (networks.mllm_model, networks.context, networks.pooled, networks.unet, networks.vae):
        network.requires_grad_(False)
    _save(folder, networks)
    write_manifest(folder, published_manifest("random"))
    return networks


def _language_model(folder: Path, tokenizer, dtype: torch.dtype) -> nn.Module:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)  # avoids a copy of a large model in full precision
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_pretrained(folder)).eval()
    torch.set_default_dtype(before)
    lively(model, scale=2)
    letters = tokenizer.convert_tokens_to_ids(list(LETTERS))
    rows = model.lm_head.weight[letters].clone()
    model.lm_head.weight.zero_()
    model.lm_head.weight[letters] = rows
    return model


def _save(folder: Path, networks: SimpleNamespace) -> None:
    parts = {"context": networks.context, "pooled": networks.pooled}
    projectors = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    save_file(projectors, folder / PROJECTORS)
    save_file(networks.mllm_model.state_dict(), folder / REASONER / "model.safetensors", metadata={"format": "pt"})
    save_file(networks.unet.state_dict(), folder / UNET)
    save_file(networks.vae.state_dict(), folder / VAE)
