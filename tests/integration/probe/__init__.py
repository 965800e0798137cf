"""A custom node pack for tests: a route that lists the networks in memory, and a model of another kind than ours."""

import gc

import comfy.model_management
import comfy.model_patcher
import psutil
import torch
from aiohttp import web
from server import PromptServer

gc.freeze()  # no network is loaded yet: the route need not search what is imported, which takes a second
OURS = {"Qwen2_5_VLForConditionalGeneration", "UNetModel", "AutoencoderKL"}


@PromptServer.instance.routes.get("/got_probe/memory")
async def memory(request):
    """loaded: networks that ComfyUI counts as loaded; alive: ours that exist anywhere; bytes: of the process."""
    gc.collect()
    loaded = [type(entry.model.model).__name__ for entry in comfy.model_management.current_loaded_models if entry.model]
    alive = [name for name in (type(value).__name__ for value in gc.get_objects()) if name in OURS]
    return web.json_response({"loaded": loaded, "alive": alive, "bytes": psutil.Process().memory_info().rss})


class OtherModel:
    """A MODEL of another kind, as a loader of SD or Flux would give."""

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "make"
    CATEGORY = "tests"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def make(self):
        device = torch.device("cpu")
        return (comfy.model_patcher.ModelPatcher(torch.nn.Linear(1, 1), device, device),)


class FourChannels:
    """An IMAGE with an alpha channel, of any size."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "make"
    CATEGORY = "tests"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"side": ("INT", {"default": 64})}}

    def make(self, side):
        return (torch.zeros(1, side, side, 4),)


NODE_CLASS_MAPPINGS = {"GotProbeOtherModel": OtherModel, "GotProbeFourChannels": FourChannels}
