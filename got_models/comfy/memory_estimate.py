"""GET /got/memory_estimate?model=NAME: what a model needs on ComfyUI's device, which GoT Loader shows before a run.

Written against ComfyUI 0.30.0: comfy.model_management's memory, VRAMState and loaded models; PromptServer's routes.
"""

import asyncio

import comfy.model_management as management
import comfy.supported_models
import torch
from aiohttp import web
from server import PromptServer

from ..errors import GoTError
from ..files.fp8 import quantized_layers
from ..files.manifest import REASONER, UNET
from ..files.memory_estimate import PARTS, fits, reasoner_need, unet_need
from ..files.weights import weights_of
from .files import model_folder
from .precision import reasoner_dtype, reasoner_stays, unet_dtype
from .routes import refusal, same_origin


def memory_estimate(name: str) -> dict[str, int | str]:
    """chain, image, free: bytes. fits: TOGETHER, TURNS or PARTS. GoTError if the model cannot be used."""
    folder, device = model_folder(name), management.get_torch_device()
    # ComfyUI reserves memory for any work on a card. On a CPU, where it loads everything whole, it reserves none.
    reserve = 0 if management.is_device_cpu(device) else round(management.minimum_inference_memory())
    chain = reasoner_need(folder, reasoner_dtype(), reasoner_stays(*weights_of(folder / REASONER)))
    supported = comfy.supported_models.SDXL.supported_inference_dtypes
    fp8 = bool(quantized_layers(folder / UNET))
    dtype = unet_dtype(*weights_of(folder / UNET), supported, fp8)
    computes = management.unet_manual_cast(dtype, device, supported) or dtype
    image, free = unet_need(folder, dtype, computes), _free(device)
    streams = management.vram_state == management.VRAMState.NO_VRAM
    return {
        "chain": chain.total(reserve),
        "image": image.total(reserve),
        "free": free,
        "fits": PARTS if streams else fits(chain, image, free, reserve),
    }


def _free(device: torch.device) -> int:
    """Bytes that are free on the device, or would be if ComfyUI unloaded every model that it holds there."""
    loaded = [entry for entry in list(management.current_loaded_models) if entry.device == device and entry.model]
    held = sum(entry.model_loaded_memory() for entry in loaded)
    return round(min(management.get_free_memory(device) + held, management.get_total_memory(device)))


def register_routes() -> None:
    """Add the route to ComfyUI's server, before it starts to answer."""
    PromptServer.instance.routes.get("/got/memory_estimate")(_answer)


async def _answer(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not ask.")
    try:
        return web.json_response(await asyncio.to_thread(memory_estimate, request.query.get("model", "")))
    except GoTError as error:  # an answer too: why this model cannot be used
        return web.json_response({"error": str(error)})
