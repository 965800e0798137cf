"""ComfyUI-GoT: a language model plans the image, you change the plan, the image follows."""

from pathlib import Path

from comfy_api.latest import ComfyExtension, io

from .got_models.comfy import memory_estimate, pause, reading, routes
from .got_models.comfy.files import register_folder
from .nodes import chain, edit, editor, guidance, loader, reasoning, regional, request, sampling

WEB_DIRECTORY = "./web"


class GoTExtension(ComfyExtension):
    async def on_load(self) -> None:
        register_folder()
        routes.check_folder_name(Path(__file__).parent.name)
        pause.register_routes()
        memory_estimate.register_routes()
        reading.register_routes()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        modules = (loader, reasoning, request, chain, editor, guidance, sampling, regional, edit)
        return [node for module in modules for node in module.NODES]


async def comfy_entrypoint() -> GoTExtension:
    return GoTExtension()
