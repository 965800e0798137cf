"""GoT's UNet as a ComfyUI MODEL: SDXL of any size with eight more input channels.

Written against ComfyUI 0.30.0: comfy.model_base.SDXL, comfy.supported_models.SDXL, comfy.utils.unet_to_diffusers.
ComfyUI's own loader takes a 12-channel UNet for an inpainting model, so its configuration is derived here.
"""

import re
from pathlib import Path

import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.supported_models
import comfy.utils
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_detection import count_blocks
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from ..errors import GoTError
from ..files.fp8 import as_bytes, quantized_layers
from ..files.weights import WeightsError, load_tensors, weights_of
from .precision import unet_dtype

REFERENCE, SPATIAL = "got_reference", "got_spatial"  # conditioning keys of unscaled latents (1, 4, h, w)
INPUT_CHANNELS = 12  # 4 noisy | 4 reference | 4 spatial
HEAD_CHANNELS = 64  # SDXL's


class NotForGoTError(GoTError, AttributeError):
    """Raised where a node for another kind of model asks for what GoT's model lacks."""


class _NoNoiseOfFlows:
    """A model sampling that says why nodes for flow-matching models cannot work with it."""

    def __getattr__(self, name: str):
        if name in ("set_parameters", "set_noise_scale", "shift", "multiplier"):
            raise NotForGoTError(
                f"This node is for flow-matching models: it asks for '{name}'. GoT's UNet predicts noise, as SDXL "
                f"does. Remove the node from the model's wire."
            )
        return super().__getattr__(name)


class GoTModel(comfy.model_base.SDXL):
    """SDXL whose input is the noisy, the reference and the spatial latent. The last two are never scaled."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        kind = type(self.model_sampling)
        self.model_sampling.__class__ = type(kind.__name__, (_NoNoiseOfFlows, kind), {})

    def concat_cond(self, **kwargs) -> Tensor:
        """The eight extra channels (B, 8, h, w). A conditioning without them gets zeros, the null condition."""
        noise, device = kwargs["noise"], kwargs["device"]
        return torch.cat([_latent(kwargs.get(key), noise, device) for key in (REFERENCE, SPATIAL)], dim=1)


class GoTConfig(comfy.supported_models.SDXL):
    """SDXL's settings for a UNet of any size. Made here; ComfyUI's model detection does not know it."""

    unet_config = {}

    def get_model(self, state_dict: dict, prefix: str = "", device: torch.device | None = None) -> GoTModel:
        return GoTModel(self, model_type=comfy.model_base.ModelType.EPS, device=device)


def load_unet(path: Path, model_options: dict | None = None, disable_dynamic: bool = False) -> ModelPatcher:
    """A MODEL from a safetensors file with diffusers' names. WeightsError if it is not a complete GoT UNet.

    model_options, disable_dynamic: as in ComfyUI's own loaders. ComfyUI's hooks reload a model with them.
    """
    management = comfy.model_management
    tensors = load_tensors(path, management.throw_exception_if_processing_interrupted)
    _check(tensors, path)
    layers = quantized_layers(path)
    settings, network = _network_of(tensors, path)
    config, named = GoTConfig(settings), _named(tensors, layers, settings, network, path)
    config.quant_config = {"mixed_ops": True} if layers else None
    device, offload_device = management.get_torch_device(), management.unet_offload_device()
    given, supported = (model_options or {}).get("dtype"), config.supported_inference_dtypes
    dtype = given or unet_dtype(*weights_of(path), supported, fp8=bool(layers))
    cast = management.unet_manual_cast(dtype, device, supported)
    config.set_inference_dtype(dtype, cast or (dtype if layers else None), device=device)
    patcher_class = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = patcher_class(config.get_model({}), load_device=device, offload_device=offload_device)
    _fill(patcher, named, dtype)
    patcher.model.to(offload_device)
    patcher.cached_patcher_init = (load_unet, (path, model_options))
    return patcher


def check_model(model: ModelPatcher) -> None:
    """Raise GoTError unless a MODEL is GoT's."""
    if not isinstance(model.model, GoTModel):
        raise GoTError(
            f"The model connected here is not a GoT model but {type(model.model).__name__}. Connect the model of "
            f"'GoT Loader'. LoRAs and model patches can come between."
        )


def unet_config(tensors: dict[str, Tensor]) -> dict:
    """ComfyUI's configuration of an SDXL-type UNet, derived from the shapes of its weights, by diffusers' names."""
    keys = list(tensors)
    levels = range(count_blocks(keys, "down_blocks.{}."))
    width = tensors["conv_in.weight"].shape[0]
    attention = next(key for key in keys if key.endswith("transformer_blocks.0.attn2.to_k.weight"))
    resnets = [count_blocks(keys, f"down_blocks.{level}.resnets.{{}}.") for level in levels]
    return {
        "use_checkpoint": False,
        "image_size": 32,
        "use_spatial_transformer": True,
        "legacy": False,
        "num_classes": "sequential",
        "adm_in_channels": tensors["add_embedding.linear_1.weight"].shape[1],
        "in_channels": tensors["conv_in.weight"].shape[1],
        "out_channels": tensors["conv_out.weight"].shape[0],
        "model_channels": width,
        "num_res_blocks": resnets,
        "channel_mult": [tensors[f"down_blocks.{level}.resnets.0.conv1.weight"].shape[0] // width for level in levels],
        "transformer_depth": [_depth(keys, f"down_blocks.{i}", j) for i in levels for j in range(resnets[i])],
        # In encoder order; ComfyUI takes them from the end. Up block n mirrors down block (levels - 1 - n).
        "transformer_depth_output": [
            _depth(keys, f"up_blocks.{len(levels) - 1 - i}", j) for i in levels for j in reversed(range(resnets[i] + 1))
        ],
        "transformer_depth_middle": _depth(keys, "mid_block", 0),
        "use_linear_in_transformer": tensors["mid_block.attentions.0.proj_in.weight"].ndim == 2,
        "context_dim": tensors[attention].shape[1],
        "num_head_channels": HEAD_CHANNELS,
        "use_temporal_attention": False,
        "use_temporal_resblock": False,
    }


def _depth(keys: list[str], block: str, index: int) -> int:
    """The number of transformer layers after residual block number `index` of a block."""
    return count_blocks(keys, f"{block}.attentions.{index}.transformer_blocks.{{}}.")


def _latent(latent: Tensor | None, noise: Tensor, device: torch.device) -> Tensor:
    if latent is None:
        return torch.zeros_like(noise, device=device)
    if latent.shape[-2:] != noise.shape[-2:]:
        made_for, asked = ([side * 8 for side in reversed(shape)] for shape in (latent.shape[-2:], noise.shape[-2:]))
        raise GoTError(
            f"The guidance was made for {made_for[0]}x{made_for[1]} pixels, the latent is {asked[0]}x{asked[1]}. "
            f"Use the latent that 'Semantic-Spatial Guidance' gives, or set its size to the latent's."
        )
    return comfy.utils.resize_to_batch_size(latent.to(device, noise.dtype), noise.shape[0])


def _check(tensors: dict[str, Tensor], path: Path) -> None:
    if "conv_in.weight" not in tensors:
        raise WeightsError(
            f"{path} is not an SDXL-type UNet with diffusers' names: it has no conv_in.weight, but {len(tensors)} "
            f"weights such as {next(iter(tensors), 'none')}. Make it with `python dev.py convert`."
        )
    channels = tensors["conv_in.weight"].shape[1:2].numel()
    if channels != INPUT_CHANNELS:
        raise WeightsError(
            f"{path} takes {channels} input channels; GoT's UNet takes {INPUT_CHANNELS}. It belongs to another model. "
            f"Make GoT's with `python dev.py convert`."
        )


class _Plain(comfy.ops.disable_weight_init):
    """Layers that have weights from the start. ComfyUI's own may have none until they are filled."""

    Linear, Conv2d, GroupNorm, LayerNorm = nn.Linear, nn.Conv2d, nn.GroupNorm, nn.LayerNorm


def _network_of(tensors: dict[str, Tensor], path: Path) -> tuple[dict, nn.Module]:
    """ComfyUI's configuration of the UNet with such weights, and that UNet on the meta device."""
    try:
        settings = unet_config(tensors)
        with torch.device("meta"):
            return settings, UNetModel(**settings, operations=_Plain)
    except KeyError as error:
        raise WeightsError(f"{path} lacks {error.args[0]}. Get the file again.") from error
    except Exception as error:  # weights that no UNet has raise many kinds of error
        raise WeightsError(
            f"{path} does not fit together: no SDXL-type UNet has such weights ({error!r:.100}). Get the file again."
        ) from error


def _named(
    tensors: dict[str, Tensor], layers: dict[str, dict], settings: dict, network: nn.Module, path: Path
) -> dict[str, Tensor]:
    """The weights by ComfyUI's names, with what it needs for fp8 layers. WeightsError unless network has just these."""
    pairs = comfy.utils.unet_to_diffusers(settings).items()
    # ComfyUI's table has one embedding twice. SDXL's is the add_embedding.
    names = {key: name for key, name in pairs if not key.startswith("class_embedding.")}
    scales = {f"{layer}.weight_scale" for layer in layers}
    weights = {names.get(key, key): tensor for key, tensor in tensors.items() if key not in scales}
    try:
        network.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        keys = {name: key for key, name in names.items()}
        report = re.sub(r"[\w.]+", lambda name: keys.get(name[0], name[0]), str(error).partition("\n\t")[2])
        raise WeightsError(f"{path} does not fit together: {report:.200} Get the file again.") from error
    if lost := scales - tensors.keys():
        raise WeightsError(
            f"{path} lacks {len(lost)} scales of its fp8 weights, such as {min(lost)}. Convert it again."
        )
    for layer, about in layers.items():
        name = names[f"{layer}.weight"].removesuffix("weight")
        weights |= {f"{name}weight_scale": tensors[f"{layer}.weight_scale"], f"{name}comfy_quant": as_bytes(about)}
    return weights


def _fill(patcher: ModelPatcher, tensors: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Put the weights into ComfyUI's UNet. Those of its dtype stay memory-mapped, the others are cast to it.

    Dynamic loading casts later. The tensors of fp8 layers keep their dtypes.
    """
    fp8 = {name.removesuffix("comfy_quant") for name in tensors if name.endswith("comfy_quant")}
    for name, tensor in tensors.items():
        comfy.model_management.throw_exception_if_processing_interrupted()
        layer, _, attribute = name.rpartition(".")
        if not patcher.is_dynamic() and (attribute == "bias" or f"{layer}." not in fp8):
            tensors[name] = tensor.to(dtype)
    patcher.model.load_model_weights(tensors, "", assign=True)
    patcher.model.requires_grad_(False)
    if comfy.model_management.force_channels_last():
        patcher.model.diffusion_model.to(memory_format=torch.channels_last)
