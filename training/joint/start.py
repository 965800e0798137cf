"""A model folder to start from, made of the base folders: Qwen2.5-VL with GoT's tokens, SDXL with a wider input.

The UNet's first layer takes 12 channels instead of 4. The weights of the new ones are zeros, so that the UNet starts as
SDXL's. The projectors are new. Only one tensor is in memory at a time.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ...got_models.convert.adapter import embedding_rows, plan_merge, read_adapter
from ...got_models.convert.checkpoint import Checkpoint, open_checkpoint
from ...got_models.convert.plan import TensorPlan
from ...got_models.convert.reasoner_files import read_config, reasoner_files
from ...got_models.convert.release import UNET_CHANNELS, reasoner_shapes
from ...got_models.convert.writer import DTYPES, progress_bar, size_of, write_file, write_shards
from ...got_models.files.atomic import atomic_folder
from ...got_models.files.manifest import PROJECTORS, REASONER, UNET, VAE, published_manifest, write_manifest
from ...got_models.files.weights import WeightsError
from .networks import TIME_EMBED_DIM

CONV_IN = "conv_in.weight"


class MemoryCheckpoint:
    """Tensors made here, with the interface of a Checkpoint."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.folder, self.tensors = Path("."), tensors
        self.shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def plans(self) -> list[TensorPlan]:
        return [TensorPlan(name, self, name) for name in self.shapes]


def make_start(mllm: Path, sdxl: Path, out: Path, seed: int, report: Callable[[str], None]) -> None:
    """Make the model folder `out` from the published folders of Qwen2.5-VL-3B-Instruct and SDXL.

    seed: of the new projectors. Raises WeightsError if a folder holds another model.
    """
    language, texts = plan_language_model(mllm)
    unet, vae = open_checkpoint(sdxl / "unet"), open_checkpoint(sdxl / "vae")
    files = {UNET: plan_unet(unet), VAE: [TensorPlan(name, vae, name) for name in vae.shapes]}
    files[PROJECTORS] = new_projectors(language, unet, seed)
    report(f"making {out} of {mllm} and {sdxl}")
    everything = (language, *files.values())
    size = sum(size_of(plans, stored_as(plans)) for plans in everything)
    with atomic_folder(out, replace=True) as folder, progress_bar(size) as progress:
        (folder / REASONER).mkdir()
        for name, text in texts.items():
            (folder / REASONER / name).write_text(text, encoding="utf-8")
        write_shards(folder / REASONER, language, stored_as(language), progress)
        for name, plans in files.items():
            write_file(folder / name, plans, stored_as(plans), progress)
        write_manifest(folder, published_manifest(out.name))


def plan_language_model(mllm: Path) -> tuple[list[TensorPlan], dict[str, str]]:
    """The tensors of a plain Qwen2.5-VL with untied embeddings, and the texts of its other files."""
    config, base = read_config(mllm), open_checkpoint(mllm)
    adapter = read_adapter({key: key for key in base.shapes})
    rows = embedding_rows(adapter, base, base) or config["vocab_size"]
    config |= {"vocab_size": rows, "tie_word_embeddings": False}
    plans = plan_merge(adapter, base, base, reasoner_shapes(config), scaling=lambda rank: 1.0)
    return plans, reasoner_files(mllm, mllm, config, rows)


def plan_unet(unet: Checkpoint) -> list[TensorPlan]:
    """SDXL's UNet with its first layer widened. WeightsError if the UNet is not SDXL's."""
    if CONV_IN not in unet.shapes or unet.shapes[CONV_IN][1] != 4:
        raise WeightsError(f"{unet.folder} is not SDXL's UNet: its {CONV_IN} takes not 4 channels. Give SDXL's folder.")
    wide = MemoryCheckpoint({CONV_IN: widened(unet[CONV_IN])})
    return [TensorPlan(name, wide if name == CONV_IN else unet, name) for name in unet.shapes]


def widened(weight: Tensor) -> Tensor:
    """(C, 4, 3, 3) -> (C, 12, 3, 3), with zeros for the reference and the spatial latents."""
    extra = weight.new_zeros(weight.shape[0], UNET_CHANNELS - weight.shape[1], *weight.shape[2:])
    return torch.cat([weight, extra], 1)


def new_projectors(language: list[TensorPlan], unet: Checkpoint, seed: int) -> list[TensorPlan]:
    """Linear layers with torch's initial weights, from the language model's width to the UNet's two."""
    hidden = next(plan.shape[1] for plan in language if plan.name == "model.embed_tokens.weight")
    context = next(shape[1] for name, shape in unet.shapes.items() if name.endswith("attn2.to_k.weight"))
    pooled = unet.shapes["add_embedding.linear_1.weight"][1] - 6 * TIME_EMBED_DIM
    tensors = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, width in (("context", context), ("pooled", pooled)):
            layer = nn.Linear(hidden, width)
            tensors |= {f"{name}.weight": layer.weight.detach(), f"{name}.bias": layer.bias.detach()}
    return MemoryCheckpoint(tensors).plans()


def stored_as(plans: list[TensorPlan]) -> str:
    """The precision that a component's weights are stored in; it is kept."""
    dtype = plans[0].source[plans[0].key].dtype
    return next(name for name, (kind, _) in DTYPES.items() if kind == dtype)
