"""ComfyUI-GoT: a language model plans the picture, you change the plan, the picture follows."""

from comfy_api.latest import ComfyExtension, io

from .got_models.comfy.files import register_folder
from .nodes import chain, guidance, loader, reasoning, sampling


class GoTExtension(ComfyExtension):
    async def on_load(self) -> None:
        register_folder()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [*loader.NODES, *reasoning.NODES, *chain.NODES, *guidance.NODES, *sampling.NODES]


async def comfy_entrypoint() -> GoTExtension:
    return GoTExtension()
