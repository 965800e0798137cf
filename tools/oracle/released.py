"""A random GoT checkpoint in the released layout, of any size, made by the libraries that made the real one.

    release = make_release(folder, sizes=Sizes())

It makes folder/got, folder/mllm and folder/sdxl, and returns the networks saved in them. `got` holds one state dict in
pickled shards with an index: the language model as peft names it, two projectors, the 12-channel UNet and the
autoencoder. `mllm` is laid out as Qwen2.5-VL-3B-Instruct was published: tied embeddings, flat config, a tokenizer
without GoT's tokens. `sdxl` is laid out as Stable Diffusion XL's diffusers folder.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from got.tools.oracle.qwen import GOT_TOKENS, Sizes, lively, old_name, write_mllm_folder
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessor

COMPONENTS = ("mllm", "output_projector", "output_projector_add", "unet", "vae")
RELEASED_RANK = 32  # with alpha 32; another one needs an adapter_config.json
LORA_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SAVED_MODULES = ["embed_tokens", "lm_head", "input_layernorm", "post_attention_layernorm"]


@dataclass
class Release:
    """The three folders, and the networks saved in them (in `dtype`, in eval mode).

    mllm_model: the peft-wrapped language model; context, pooled: the projectors output_projector and
    output_projector_add; tokenizer: the base folder's with GoT's 66 tokens added; image_processor: the base folder's.
    """

    got: Path
    mllm: Path
    sdxl: Path
    mllm_model: PeftModel
    context: nn.Linear
    pooled: nn.Linear
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    tokenizer: PreTrainedTokenizerFast
    image_processor: Qwen2VLImageProcessor


def make_release(
    folder: Path,
    *,
    sizes: Sizes,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    names: str = "old",
    saved_modules: bool = True,
    components: Iterable[str] = COMPONENTS,
    adapter: dict | None = None,
    prefix: str = "",
    shards: int = 3,
) -> Release:
    """Make the checkpoint and its base folders below `folder`.

    names: "old" for Qwen2.5-VL's tensor names in transformers 4.49, "new" for those in 5. saved_modules: also train
    SAVED_MODULES. components: of the checkpoint. prefix: before each of its keys. adapter: changes to peft's
    LoraConfig. Without changes, and with the released rank, the checkpoint has no adapter_config.json.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        tokenizer = write_mllm_folder(folder / "mllm", sizes, dtype)
        base_vae = write_sdxl_folder(folder / "sdxl", sizes, dtype)
        network = GoT(_tuned(folder / "mllm", sizes, saved_modules, adapter or {}), sizes).to(dtype).eval()
    tensors = {key: tensor for key, tensor in network.state_dict().items() if key.split(".")[0] in components}
    renamed = {prefix + (old_name(key) if names == "old" else key): tensor for key, tensor in tensors.items()}
    write_shards(folder / "got", renamed, shards)
    if adapter is not None or sizes.rank != RELEASED_RANK:
        network.mllm.peft_config["default"].save_pretrained(str(folder / "got"))
    tokenizer.add_special_tokens({"additional_special_tokens": list(GOT_TOKENS)})
    vae = network.vae if "vae" in components else base_vae
    projectors = network.output_projector.projector, network.output_projector_add.projector
    return Release(
        *(folder / "got", folder / "mllm", folder / "sdxl"),
        network.mllm,
        *projectors,
        network.unet,
        vae,
        tokenizer,
        Qwen2VLImageProcessor.from_pretrained(folder / "mllm"),
    )


class _Projector(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.projector = nn.Linear(width, out)


class GoT(nn.Module):
    """The whole model as one module, so that its state dict has the released names."""

    def __init__(self, mllm: PeftModel, sizes: Sizes) -> None:
        super().__init__()
        self.mllm = mllm
        self.output_projector = _Projector(sizes.hidden, sizes.context)
        self.output_projector_add = _Projector(sizes.hidden, sizes.pooled)
        self.unet, self.vae = make_unet(sizes, channels=12), make_vae(sizes)


def make_unet(sizes: Sizes, channels: int) -> UNet2DConditionModel:
    """An SDXL-type UNet: 64-channel heads, text-and-time embedding of 256 channels per number."""
    config = {
        "sample_size": 16,
        "in_channels": channels,
        "block_out_channels": (64, 128),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 1),
        "attention_head_dim": (1, 2),  # diffusers' name for the number of heads
        "cross_attention_dim": sizes.context,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": sizes.pooled + 6 * 256,
    }
    return lively(UNet2DConditionModel(**(config | sizes.unet)))


def make_vae(sizes: Sizes) -> AutoencoderKL:
    """An autoencoder of four blocks (8 times smaller latents) with SDXL's scaling factor."""
    config = {
        "block_out_channels": (32, 32, 64, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
        "sample_size": 128,
        "scaling_factor": 0.13025,
    }
    return lively(AutoencoderKL(**(config | sizes.vae)))


def write_sdxl_folder(folder: Path, sizes: Sizes, dtype: torch.dtype) -> AutoencoderKL:
    """The parts of Stable Diffusion XL's folder that GoT needs: a 4-channel UNet and the autoencoder (returned)."""
    vae = make_vae(sizes).to(dtype).eval()
    make_unet(sizes, channels=4).to(dtype).save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    return vae


def write_shards(folder: Path, tensors: dict[str, Tensor], shards: int) -> None:
    """Pickled shards with about as many tensors each, and their index."""
    folder.mkdir(parents=True)
    keys, table = list(tensors), {}
    length = -(-len(keys) // shards)
    for number in range(shards):
        file = f"pytorch_model-{number + 1:05}-of-{shards:05}.bin"
        part = keys[number * length : (number + 1) * length]
        torch.save({key: tensors[key].clone() for key in part}, folder / file)
        table |= dict.fromkeys(part, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": table}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2))


def adapted(base: nn.Module, sizes: Sizes, saved_modules: bool, adapter: dict) -> PeftModel:
    """A Qwen2.5-VL with GoT's peft configuration. adapter: changes to that configuration."""
    options = {"r": sizes.rank, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": LORA_TARGETS}
    saved = SAVED_MODULES if saved_modules else None
    return get_peft_model(base, LoraConfig(**(options | {"modules_to_save": saved} | adapter)))


def _tuned(folder: Path, sizes: Sizes, saved_modules: bool, adapter: dict) -> PeftModel:
    """The folder's model with GoT's peft configuration, every trained tensor changed at random."""
    base = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    model = adapted(base, sizes, saved_modules, adapter)
    for _, parameter in _trained(model):
        parameter += torch.randn_like(parameter) * (0.1 if parameter.ndim == 1 else 0.1 / parameter.shape[-1] ** 0.5)
    return model.eval()


def _trained(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad)
