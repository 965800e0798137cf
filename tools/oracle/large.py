"""A random checkpoint in the released layout, of any size, written tensor by tensor.

    python dev.py run tools.oracle.large OUT

The same folders as by tools/oracle/released.py, from networks on the meta device. Only one shard at a time is in
memory. `--size real` has Qwen2.5-VL-3B's and SDXL's sizes: 28 GB in bf16, with every tensor of the published one.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import ModelMixin
from got.got_models.convert.reasoner_files import read_config, reasoner_files
from got.got_models.convert.writer import DTYPES, header, progress_bar, size_of, split_shards, write_file, write_shards
from got.got_models.files.manifest import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from got.tools.oracle.qwen import Sizes, flat_config, make_tokenizer, old_name, write_mllm_files
from got.tools.oracle.released import RELEASED_RANK, GoT, adapted, make_unet, make_vae
from torch import Tensor, nn
from tqdm import tqdm
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

LARGEST_SHARD = 2_000_000_000  # bytes that are in memory at a time
BLOCK = 1 << 24  # random numbers per tensor; longer tensors repeat them

MID = Sizes(
    hidden=512,
    context=512,
    pooled=256,
    language={
        "intermediate_size": 2048,
        "num_hidden_layers": 12,
        "num_attention_heads": 8,
        "rope_scaling": {"type": "mrope", "mrope_section": [8, 12, 12]},
    },
    vision={"depth": 4, "hidden_size": 256, "intermediate_size": 512, "num_heads": 4, "fullatt_block_indexes": [1, 3]},
    unet={"block_out_channels": (128, 256), "attention_head_dim": (2, 4), "transformer_layers_per_block": (1, 4)},
    vae={"block_out_channels": (64, 64, 128, 128)},
    rank=32,
    vocabulary=32000,
)
REAL = Sizes(  # of Qwen2.5-VL-3B-Instruct and stable-diffusion-xl-base-1.0
    hidden=2048,
    context=2048,
    pooled=1280,
    language={
        "intermediate_size": 11008,
        "max_position_embeddings": 128000,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    },
    vision={
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
    unet={
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
    },
    vae={"block_out_channels": (128, 256, 512, 512), "sample_size": 1024},
    rank=32,
    vocabulary=151936,
)
SIZES = {"tiny": Sizes(), "mid": MID, "real": REAL}


@dataclass(frozen=True)
class RandomTensor:
    """A tensor to write, in place of convert.plan.TensorPlan. Its values follow from its name."""

    name: str
    shape: tuple[int, ...]
    fp8: bool = False

    def make(self, dtype: torch.dtype) -> Tensor:
        """Random values: norms around 1, biases around 0, weights scaled to keep the variance through a layer."""
        count, fan_in = torch.Size(self.shape).numel(), torch.Size(self.shape[1:]).numel()
        generator = torch.Generator().manual_seed(zlib.crc32(self.name.encode()))
        drawn = torch.randn(min(count, BLOCK), generator=generator)
        values = (drawn * (0.1 if len(self.shape) == 1 else fan_in**-0.5)).to(dtype)
        if len(self.shape) == 1 and self.name.endswith("weight"):
            values += 1
        return values.repeat(-(-count // BLOCK))[:count].clone().reshape(self.shape)  # torch.save keeps whole storages


def write_release(
    folder: Path,
    sizes: Sizes,
    *,
    dtype: str = "bf16",
    names: str = "old",
    saved_modules: bool = True,
    adapter: dict | None = None,
    shard: int = LARGEST_SHARD,
    show: bool = False,
) -> None:
    """Make folder/got, folder/mllm and folder/sdxl.

    dtype: "bf16", "fp16" or "fp32". shard: bytes. show: print the progress. The others: see oracle/released.py.
    """
    rename = old_name if names == "old" else str
    network = _network(sizes, saved_modules, adapter or {})
    got = [RandomTensor(rename(name), shape) for name, shape in _shapes(network).items()]
    base = [RandomTensor(old_name(name), shape) for name, shape in _shapes(_language_model(sizes)).items()]
    base = [tensor for tensor in base if tensor.name != "lm_head.weight"]  # tied, as published
    with torch.device("meta"):
        parts = {"unet": make_unet(sizes, channels=4), "vae": make_vae(sizes)}
    write_mllm_files(folder / "mllm", sizes)
    total = [size_of(plans, dtype) for plans in (got, base, *map(_plans, parts.values()))]
    with progress_bar(sum(total), show) as progress:
        write_shards(folder / "mllm", base, dtype, progress)
        for name, part in parts.items():
            _write_part(folder / "sdxl" / name, part, dtype, progress)
        _write_pickled(folder / "got", got, dtype, shard, progress)
    if adapter is not None or sizes.rank != RELEASED_RANK:
        network.mllm.peft_config["default"].save_pretrained(str(folder / "got"))


def write_hollow_model(folder: Path, sizes: Sizes) -> None:
    """A model folder as by `convert` in bf16, with all weights zero: sparse files, which take no disk space."""
    write_mllm_files(folder / REASONER, sizes)
    config = read_config(folder / REASONER) | {"tie_word_embeddings": False}
    for name, text in reasoner_files(folder / REASONER, folder / REASONER, config, sizes.vocabulary).items():
        (folder / REASONER / name).write_text(text, encoding="utf-8")
    with torch.device("meta"):
        unet, vae = make_unet(sizes, channels=12), make_vae(sizes)
    shapes = {"context": (sizes.context, sizes.hidden), "pooled": (sizes.pooled, sizes.hidden)}
    projectors = {f"{name}.weight": shape for name, shape in shapes.items()}
    projectors |= {f"{name}.bias": shape[:1] for name, shape in shapes.items()}
    reasoner = {old_name(name): shape for name, shape in _shapes(_language_model(sizes)).items()}
    _write_hollow(folder / REASONER / "model.safetensors", reasoner)
    _write_hollow(folder / PROJECTORS, projectors)
    _write_hollow(folder / UNET, _shapes(unet))
    _write_hollow(folder / VAE, _shapes(vae))
    write_manifest(folder, published_manifest(folder.name))


def _write_hollow(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    plans = [RandomTensor(name, shape) for name, shape in shapes.items()]
    with path.open("wb") as file:
        file.write(header(plans, "bf16"))
        file.truncate(file.tell() + size_of(plans, "bf16"))


def _network(sizes: Sizes, saved_modules: bool, adapter: dict) -> GoT:
    with torch.device("meta"):
        return GoT(adapted(_language_model(sizes), sizes, saved_modules, adapter), sizes)


def _language_model(sizes: Sizes) -> Qwen2_5_VLForConditionalGeneration:
    with torch.device("meta"):
        return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig.from_dict(flat_config(sizes, make_tokenizer())))


def _shapes(network: nn.Module) -> Mapping[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _plans(network: nn.Module) -> list[RandomTensor]:
    return [RandomTensor(name, shape) for name, shape in _shapes(network).items()]


def _write_part(folder: Path, part: ModelMixin, dtype: str, progress: tqdm) -> None:
    """A diffusers folder."""
    part.save_config(folder)
    write_file(folder / "diffusion_pytorch_model.safetensors", _plans(part), dtype, progress)


def _write_pickled(folder: Path, plans: list[RandomTensor], dtype: str, shard: int, progress: tqdm) -> None:
    """Shards of at most `shard` bytes as torch.save writes them, and their index."""
    folder.mkdir(parents=True)
    groups = split_shards(plans, dtype, shard)
    table = {}
    for number, group in enumerate(groups, 1):
        file = f"pytorch_model-{number:05}-of-{len(groups):05}.bin"
        torch.save({plan.name: plan.make(DTYPES[dtype][0]) for plan in group}, folder / file)
        table |= dict.fromkeys((plan.name for plan in group), file)
        progress.update(size_of(group, dtype))
    index = {"metadata": {"total_size": size_of(plans, dtype)}, "weight_map": table}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2))


def main() -> None:
    parser = argparse.ArgumentParser(
        "tools.oracle.large", description="Make a random checkpoint in the released layout."
    )
    parser.add_argument("out", type=Path, help="folder in which got, mllm and sdxl are made")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--dtype", choices=("bf16", "fp16", "fp32"), default="bf16")
    parser.add_argument("--names", choices=("old", "new"), default="old", help="Qwen2.5-VL's key names")
    parser.add_argument("--without-saved-modules", action="store_true", help="train LoRAs only")
    options = parser.parse_args()
    write_release(
        options.out,
        SIZES[options.size],
        dtype=options.dtype,
        names=options.names,
        saved_modules=not options.without_saved_modules,
        show=True,
    )


if __name__ == "__main__":
    sys.exit(main())
