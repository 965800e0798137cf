"""What nodes without a network need of a run: notes under a node for what is no error, and Stop."""

import comfy.model_management
from comfy_execution.utils import get_executing_context
from server import PromptServer


def show_note(text: str) -> None:
    """Show a text under the node that is running, in the browser that asked for the run; "" shows nothing."""
    context, server = get_executing_context(), getattr(PromptServer, "instance", None)
    if text and context is not None and server is not None and server.client_id is not None:
        server.send_progress_text(text, context.node_id, server.client_id)


def check_stop() -> None:
    """Raise ComfyUI's interruption if Stop was pressed."""
    comfy.model_management.throw_exception_if_processing_interrupted()
