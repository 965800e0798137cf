"""What nodes without a network need of a run: notes under a node for what is no error, and Stop."""

from collections.abc import Sequence

import comfy.model_management
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..chain.grammar import Region


def show_note(text: str) -> None:
    """Show a text under the node that is running, in the browser that asked for the run; "" shows nothing."""
    context, server = get_executing_context(), getattr(PromptServer, "instance", None)
    if text and context is not None and server is not None and server.client_id is not None:
        server.send_progress_text(text, context.node_id, server.client_id)


def unused(regions: Sequence[Region], options: Sequence[str] = ("strength", "lora")) -> str:
    """Which of these options a person set and a node does not use, as a note; "" if none is set."""
    parts = []
    for option in options:
        default = Region._field_defaults[option]
        numbers = [n for n, region in enumerate(regions, 1) if not region.off and getattr(region, option) != default]
        if numbers:
            name = "LoRA" if option == "lora" else option
            parts.append(f"{name} of region{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}")
    return f"Not used by this node: {'; '.join(parts)}." if parts else ""


def check_stop() -> None:
    """Raise ComfyUI's interruption if Stop was pressed."""
    comfy.model_management.throw_exception_if_processing_interrupted()
