"""A paused run: a node waits until the browser sends its chain back, until Stop, or until a time limit.

A pause exists exactly as long as the call of `pause_for_edits`. The routes answer for such pauses and for nothing else.
Written against ComfyUI 0.30.0: PromptServer's routes, send_sync, and sockets_metadata with the feature flags that each
client sent when it connected; interruption as a flag to be polled.
"""

import asyncio
import time
from dataclasses import dataclass, field

import comfy.model_management
from aiohttp import web
from server import PromptServer

from ..chain.edits import MAX_SIZE, Edits, read_answer, read_object
from ..errors import GoTError
from .loras import check_edits
from .routes import body_of, refusal, same_origin

_POLL_SECONDS = 0.1  # between two checks for an answer and for Stop
_FEATURE = "got_pause"  # sent by web/: this client shows pauses to a person, who can resume the run


@dataclass
class _Pause:
    """One node that is paused. plan: what the browser shows; end: by time.monotonic(), or None; answer: what came."""

    plan: dict
    end: float | None
    answer: Edits | None = field(default=None)

    def message(self) -> dict:
        """The pause message for the browser: the plan, and the seconds that are left (None: no limit)."""
        return {**self.plan, "seconds": None if self.end is None else max(0.0, self.end - time.monotonic())}


_pauses: dict[tuple[str, str], _Pause] = {}  # by prompt and node id; each is removed by the call that added it


async def pause_for_edits(prompt: str, node: str, plan: dict, seconds: float) -> Edits | None:
    """Pause a node until the browser sends its chain. None after `seconds` (0: no limit), or if no editor is connected.

    plan: the fields of the pause message besides the two ids. Raises ComfyUI's interruption on Stop.
    """
    if not _editor_is_connected():
        return None
    key = (prompt, node)
    while key in _pauses:  # the node runs for a list of chains: one after the other
        await _poll()
    pause = _Pause({"prompt": prompt, "node": node, **plan}, time.monotonic() + seconds if seconds else None)
    _pauses[key] = pause
    try:
        PromptServer.instance.send_sync("got.pause", pause.message())
        while pause.answer is None and (pause.end is None or time.monotonic() < pause.end):
            await _poll()
        return pause.answer
    finally:
        del _pauses[key]
        PromptServer.instance.send_sync("got.pause.end", {"prompt": prompt, "node": node})


def _editor_is_connected() -> bool:
    """Whether some client can show a pause: a page with the chain editor, not a script."""
    flags = [metadata["feature_flags"] for metadata in list(PromptServer.instance.sockets_metadata.values())]
    return any(isinstance(features, dict) and features.get(_FEATURE) is True for features in flags)


async def _poll() -> None:
    comfy.model_management.throw_exception_if_processing_interrupted()
    await asyncio.sleep(_POLL_SECONDS)


def register_routes() -> None:
    """Add the routes to ComfyUI's server, before it starts to answer. ComfyUI serves them under /api as well."""
    PromptServer.instance.routes.get("/got/pause")(_list_pauses)
    PromptServer.instance.routes.post("/got/pause/{prompt}/{node}")(_resume)


async def _list_pauses(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not ask.")
    return web.json_response({"pauses": [pause.message() for pause in list(_pauses.values())]})


async def _resume(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not answer.")
    pause = _pauses.get((request.match_info["prompt"], request.match_info["node"]))
    if pause is None or pause.answer is not None:
        return refusal(404, "No run is paused here any more: it was resumed or stopped.")
    body = await body_of(request, MAX_SIZE)
    if body is None:
        return refusal(413, f"The answer is larger than {MAX_SIZE // 1000} kB.")
    try:
        answer = await asyncio.to_thread(lambda: read_answer(read_object(body)))  # a long one takes half a second
        check_edits(answer)
    except GoTError as error:
        return refusal(400, str(error))
    if pause.answer is not None:
        return refusal(404, "No run is paused here any more: it was resumed or stopped.")
    pause.answer = answer
    return web.json_response({})
