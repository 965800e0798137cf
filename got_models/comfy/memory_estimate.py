"""GET /got/memory_estimate?model=NAME: what a model needs on ComfyUI's device, which its loader shows before a run.

?planner=NAME: the same of a plain Qwen2.5-VL.
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
from ..files.memory_estimate import PARTS, fits, fits_alone, planner_need, reasoner_need, unet_need
from ..files.planner import read_planner
from ..files.weights import weights_of
from .files import model_folder, planner_path
from .precision import reasoner_dtype, reasoner_stays, unet_dtype
from .routes import refusal, same_origin


def memory_estimate(name: str) -> dict[str, int | str]:
    """chain, image, free: bytes. fits: TOGETHER, TURNS or PARTS. GoTError if the model cannot be used."""
    folder, device = model_folder(name), management.get_torch_device()
    reserve = _reserve(device)
    chain = reasoner_need(folder, reasoner_dtype(), reasoner_stays(*weights_of(folder / REASONER)))
    supported = comfy.supported_models.SDXL.supported_inference_dtypes
    fp8 = bool(quantized_layers(folder / UNET))
    dtype = unet_dtype(*weights_of(folder / UNET), supported, fp8)
    computes = management.unet_manual_cast(dtype, device, supported) or dtype
    image, free = unet_need(folder, dtype, computes), _free(device)
    return {
        "chain": chain.total(reserve),
        "image": image.total(reserve),
        "free": free,
        "fits": PARTS if _streams() else fits(chain, image, free, reserve),
    }


def planner_estimate(name: str) -> dict[str, int | str]:
    """chain, free: bytes. fits: TOGETHER or PARTS. GoTError if the planner cannot be used."""
    path, device = planner_path(name), management.get_torch_device()
    read_planner(path)  # refuses another model before its weights are counted
    chain = planner_need(path, reasoner_dtype(), reasoner_stays(*weights_of(path)))
    free, reserve = _free(device), _reserve(device)
    fit = PARTS if _streams() else fits_alone(chain, free, reserve)
    return {"chain": chain.total(reserve), "free": free, "fits": fit}


def _streams() -> bool:
    return management.vram_state == management.VRAMState.NO_VRAM


def _reserve(device: torch.device) -> int:
    """Bytes that ComfyUI keeps for any work on a card. On a CPU, where it loads everything whole, it keeps none."""
    return 0 if management.is_device_cpu(device) else round(management.minimum_inference_memory())


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
    estimate, key = (planner_estimate, "planner") if "planner" in request.query else (memory_estimate, "model")
    try:
        return web.json_response(await asyncio.to_thread(estimate, request.query.get(key, "")))
    except GoTError as error:  # an answer too: why this model cannot be used
        return web.json_response({"error": str(error)})
