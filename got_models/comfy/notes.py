"""Notes on a node for what is no error, and Stop for nodes without a network.

A note is the event got.note for the browser that asked for the run: {prompt, node, text}. It replaces the node's note.
"""

from collections.abc import Sequence

import comfy.model_management
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..chain.grammar import Region


def show_note(text: str) -> None:
    """Show a note on the node that is running; "" removes it."""
    context = get_executing_context()
    if context is not None:
        send_note(context.prompt_id, context.node_id, text)


def send_note(prompt: str | None, node: str, text: str) -> None:
    """Show a note on a node of a run; "" removes it."""
    server = getattr(PromptServer, "instance", None)
    if server is not None and server.client_id is not None:
        server.send_sync("got.note", {"prompt": prompt, "node": node, "text": text}, server.client_id)


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
