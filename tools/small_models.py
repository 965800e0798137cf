"""Models of other families with random weights, of any size, made of ComfyUI's own classes."""

import comfy.model_patcher
import torch
from comfy.model_patcher import ModelPatcher


def small_model(
    config_class: type,
    sizes: dict,
    head_channels: int | None = None,
    device: torch.device | str = "cpu",
    text_scale: float = 1.0,
) -> ModelPatcher:
    """A MODEL in fp32, the same at every call.

    config_class: of comfy.supported_models. sizes: what its network is called with. head_channels: of a UNet, where
    the class has a fixed number. text_scale: factor on the layers that texts pass through, for a greater effect.
    """
    config = config_class(sizes)
    if head_channels is not None:
        config.unet_config["num_head_channels"] = head_channels
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, device="cpu").eval()
    random = torch.Generator().manual_seed(5)
    for name, weight in model.diffusion_model.named_parameters():
        scale = weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.1
        weight.data = torch.randn(weight.shape, generator=random) * scale
        if "attn2.to_v" in name or "attn2.to_out" in name or name.startswith(("txt_in", "context_embedder")):
            weight.data *= text_scale
    for buffer in model.diffusion_model.buffers():  # SD 3's positions, which come with the weights
        buffer.data = torch.randn(buffer.shape, generator=random) * 0.1
    model.to(device)
    return comfy.model_patcher.ModelPatcher(model, torch.device(device), torch.device("cpu"))
