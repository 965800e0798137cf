"""A model folder as networks to train: Qwen2.5-VL whole or with LoRA, projectors, UNet, the frozen autoencoder.

A model folder has no diffusers configurations. They follow from the shapes of the weights.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from ...got_models.files.manifest import TINY, UNET, VAE
from ...got_models.files.weights import WeightsError, load_tensors
from ...got_models.reasoner.loading import load_reasoner
from ...got_models.reasoner.reasoner import Reasoner
from .config import Config

HEAD_CHANNELS = 64  # SDXL's
TIME_EMBED_DIM = 256  # of each of the six numbers in `time_ids`
SCALE = 0.13025  # SDXL's latents


class Networks(nn.Module):
    """All networks of a GoT as one module. reasoner: the language model with tokenizer and image processor."""

    def __init__(self, reasoner: Reasoner, unet: UNet2DConditionModel, vae: AutoencoderKL) -> None:
        super().__init__()
        network = reasoner.network
        self.reasoner = reasoner  # no module
        self.language_model, self.context, self.pooled = network.language_model, network.context, network.pooled
        self.unet, self.vae = unet, vae

    def trained(self) -> dict[str, nn.Parameter]:
        """The trained parameters by name."""
        return {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}


def start_folder(start: str) -> Path:
    return TINY if start == "tiny" else Path(start)


def load_networks(folder: Path, config: Config, frozen: torch.dtype = torch.float32) -> Networks:
    """The networks of a model folder, ready to train. frozen: data type of the weights that LoRA leaves untrained."""
    reasoner = load_reasoner(folder, frozen if config.language == "lora" else torch.float32)
    networks = Networks(reasoner, load_unet(folder / UNET), load_vae(folder / VAE))
    if config.fresh:
        renew(networks, config.seed)
    return prepare(networks, config)


def renew(networks: Networks, seed: int) -> None:
    """Random weights for everything but the autoencoder, as the libraries initialize them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        language_model, unet = networks.language_model, networks.unet
        language_model.load_state_dict(type(language_model)(language_model.config).state_dict())
        unet.load_state_dict(UNet2DConditionModel(**dict(unet.config)).state_dict())
        networks.context.reset_parameters()
        networks.pooled.reset_parameters()


def prepare(networks: Networks, config: Config) -> Networks:
    """Choose what is trained, in full precision, and freeze the rest."""
    networks.requires_grad_(False)
    if config.language == "lora":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            add_lora(networks.language_model, config)
    else:
        networks.language_model.requires_grad_(True)
    for part in (networks.context, networks.pooled, networks.unet):
        part.requires_grad_(True)
    for parameter in networks.trained().values():
        parameter.data = parameter.data.float()
    if config.gradient_checkpointing:
        networks.language_model.gradient_checkpointing_enable({"use_reentrant": False})
        networks.unet.enable_gradient_checkpointing()
    networks.train()
    networks.vae.eval()
    return networks


def add_lora(language_model: nn.Module, config: Config) -> None:
    """Add a LoRA to the modules that end in `target_modules`, also in the vision tower, and free `modules_to_save`."""
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(config.target_modules),
        modules_to_save=list(config.modules_to_save) or None,
    )
    get_peft_model(language_model, lora)  # works on the model itself


def time_ids(height: int, width: int, like: Tensor) -> Tensor:
    """SDXL's six numbers of size and crop, (B, 6): original size, crop at the top left corner, target size."""
    ids = torch.tensor([[height, width, 0, 0, height, width]], device=like.device, dtype=like.dtype)
    return ids.expand(len(like), -1)


def load_unet(path: Path) -> UNet2DConditionModel:
    """The UNet of a model folder, in full precision. WeightsError if it is not GoT's."""
    return _filled(UNet2DConditionModel, unet_config, path)


def load_vae(path: Path) -> AutoencoderKL:
    """The autoencoder of a model folder, in full precision: SDXL's overflows in half precision."""
    return _filled(AutoencoderKL, vae_config, path)


def _filled(kind: type, config_of: Callable[[dict], dict], path: Path) -> nn.Module:
    tensors = load_tensors(path)
    try:
        with torch.device("meta"):
            module = kind(**config_of(tensors))
        module.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    except (KeyError, IndexError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{path} is not the {kind.__name__} of a GoT model: {error}. Convert the model again."
        ) from error
    return module


def unet_config(tensors: dict[str, Tensor]) -> dict:
    """diffusers' configuration of an SDXL-type UNet, from the shapes of its weights."""
    keys = list(tensors)
    levels = range(_count(keys, "down_blocks."))
    widths = [tensors[f"down_blocks.{i}.resnets.0.conv1.weight"].shape[0] for i in levels]
    depths = [_count(keys, f"down_blocks.{i}.attentions.0.transformer_blocks.") for i in levels]
    attention = next(key for key in keys if key.endswith("transformer_blocks.0.attn2.to_k.weight"))
    kinds = [("CrossAttn" if depth else "", "Block2D") for depth in depths]
    return {
        "in_channels": tensors["conv_in.weight"].shape[1],
        "out_channels": tensors["conv_out.weight"].shape[0],
        "block_out_channels": widths,
        "layers_per_block": [_count(keys, f"down_blocks.{i}.resnets.") for i in levels],
        "down_block_types": [f"{kind}Down{end}" for kind, end in kinds],
        "up_block_types": [f"{kind}Up{end}" for kind, end in reversed(kinds)],
        "transformer_layers_per_block": [depth or 1 for depth in depths],
        "attention_head_dim": [width // HEAD_CHANNELS for width in widths],  # diffusers' name for the number of heads
        "cross_attention_dim": tensors[attention].shape[1],
        "use_linear_projection": tensors["mid_block.attentions.0.proj_in.weight"].ndim == 2,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": TIME_EMBED_DIM,
        "projection_class_embeddings_input_dim": tensors["add_embedding.linear_1.weight"].shape[1],
    }


def vae_config(tensors: dict[str, Tensor]) -> dict:
    """diffusers' configuration of an AutoencoderKL, from the shapes of the decoder's weights."""
    keys = list(tensors)
    blocks = range(_count(keys, "decoder.up_blocks."))
    widths = [tensors[f"decoder.up_blocks.{block}.resnets.0.conv1.weight"].shape[0] for block in reversed(blocks)]
    return {
        "block_out_channels": widths,
        "down_block_types": ["DownEncoderBlock2D" for _ in blocks],
        "up_block_types": ["UpDecoderBlock2D" for _ in blocks],
        "layers_per_block": _count(keys, "decoder.up_blocks.0.resnets.") - 1,
        "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
        "scaling_factor": SCALE,
    }


def _count(keys: list[str], prefix: str) -> int:
    """How many different numbers follow a prefix of the keys."""
    return len({key[len(prefix) :].split(".")[0] for key in keys if key.startswith(prefix)})
