"""Notes on a node for what is no error, and Stop for nodes without a network.

A note is the event got.note for the browser that asked for the run: {prompt, node, text}. It replaces the node's note.
"""

from collections.abc import Sequence

import comfy.model_management
from comfy_execution.utils import get_executing_context
from server import PromptServer

from ..chain.grammar import Region
from ..chain.request import Request
from ..files.manifest import Manifest

MOST_WORDS = 5  # that a note names


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


def all_off(regions: Sequence[Region]) -> str:
    """That no box guides, as a note, if every region is switched off; "" else."""
    if not all(region.off for region in regions):
        return ""
    return (
        "All boxes of the chain are switched off, so the text of the whole image guides alone. "
        "Switch a box on in the GoT Chain Editor."
    )


def unknown_words(manifest: Manifest, request: Request) -> str:
    """Which words of a request a small model does not know, as a note; "" if it knows all, or is no small model."""
    unknown = manifest.world.unknown(f"{request.prompt} {request.wish}") if manifest.world else []
    if not unknown:
        return ""
    *first, last = (f"'{word}'" for word in unknown[:MOST_WORDS])
    listed = f"{', '.join(first)} and {last}" if first else last
    more = " and more" if len(unknown) > MOST_WORDS else ""
    return f"{manifest.name} knows {manifest.world.things} only. It does not know {listed}{more}."


def check_stop() -> None:
    """Raise ComfyUI's interruption if Stop was pressed."""
    comfy.model_management.throw_exception_if_processing_interrupted()
