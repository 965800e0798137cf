"""Waiting for a person in the browser: nodes that stand still until their chain comes back, or Stop, or a time-out.

A wait lives exactly as long as the call of `wait_for_person`; the routes answer for such waits and for nothing else.
Written against ComfyUI 0.30.0: PromptServer's routes, send_sync, and sockets_metadata with the features that each
client named when it connected; interruption as a flag to be polled.
"""

import asyncio
import time
from dataclasses import dataclass, field

import comfy.model_management
from aiohttp import web
from server import PromptServer

from ..chain.edits import MAX_SIZE, Edits, read_answer, read_object
from ..errors import GoTError
from .requests import refusal, same_origin

_SECONDS_BETWEEN_LOOKS = 0.1  # for an answer and for Stop
_FEATURE = "got_waits"  # named by web/: this client shows waits to a person, who can answer


@dataclass
class _Wait:
    """One node that waits. about: what the browser is told; end: by time.monotonic(), or None; answer: what came."""

    about: dict
    end: float | None
    answer: Edits | None = field(default=None)

    def told(self) -> dict:
        """What the browser is told, with the seconds that are left."""
        return {**self.about, "seconds": None if self.end is None else max(0.0, self.end - time.monotonic())}


_waits: dict[tuple[str, str], _Wait] = {}  # by prompt and node id; each is taken out by the call that put it in


async def wait_for_person(prompt: str, node: str, about: dict, seconds: float) -> Edits | None:
    """Wait until the browser sends a text for this node; None after `seconds` (0: no limit) or without a browser.

    about: what the browser is to know, beside the two ids. Raises ComfyUI's interruption on Stop.
    """
    if not _somebody_can_answer():
        return None
    key = (prompt, node)
    while key in _waits:  # the node runs for a list of chains: one after the other
        await _look()
    wait = _Wait({"prompt": prompt, "node": node, **about}, time.monotonic() + seconds if seconds else None)
    _waits[key] = wait
    try:
        PromptServer.instance.send_sync("got.wait", wait.told())
        while wait.answer is None and (wait.end is None or time.monotonic() < wait.end):
            await _look()
        return wait.answer
    finally:
        del _waits[key]
        PromptServer.instance.send_sync("got.wait.end", {"prompt": prompt, "node": node})


def _somebody_can_answer() -> bool:
    """Whether some client is connected that shows waits: a page with the chain editor, not a script."""
    named = [metadata["feature_flags"] for metadata in list(PromptServer.instance.sockets_metadata.values())]
    return any(isinstance(features, dict) and features.get(_FEATURE) is True for features in named)


async def _look() -> None:
    comfy.model_management.throw_exception_if_processing_interrupted()
    await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def register_routes() -> None:
    """Add the routes to ComfyUI's server, before it starts to answer. ComfyUI serves them under /api as well."""
    PromptServer.instance.routes.get("/got/wait")(_list_waits)
    PromptServer.instance.routes.post("/got/wait/{prompt}/{node}")(_answer_wait)


async def _list_waits(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not ask.")
    return web.json_response({"waiting": [wait.told() for wait in list(_waits.values())]})


async def _answer_wait(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not answer.")
    wait = _waits.get((request.match_info["prompt"], request.match_info["node"]))
    if wait is None or wait.answer is not None:
        return refusal(404, "No chain is waiting here any more: the run went on, or was stopped.")
    body = await _body(request)
    if body is None:
        return refusal(413, f"The answer is larger than {MAX_SIZE // 1000} kB.")
    try:
        wait.answer = read_answer(read_object(body))
    except GoTError as error:
        return refusal(400, str(error))
    return web.json_response({})


async def _body(request: web.Request) -> bytes | None:
    """The body of a request, or None if it is larger than MAX_SIZE; no more than that is read."""
    body = b""
    async for part in request.content.iter_any():
        body += part
        if len(body) > MAX_SIZE:
            return None
    return body
