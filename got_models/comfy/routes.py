"""What the pack's HTTP routes share: they refuse pages of other sites, and answer an error with one sentence.

Written against ComfyUI 0.30.0: --enable-cors-header.
"""

import logging
from urllib.parse import urlsplit

from aiohttp import web
from comfy.cli_args import args
from yarl import URL


def is_served(name: str) -> bool:
    """Whether ComfyUI serves the scripts of a pack in a folder of this name.

    aiohttp compares the decoded path of a request with the encoded prefix of a static route. They must be equal.
    """
    return URL.build(path=f"/{name}").raw_path == f"/{name}"


def check_folder_name(name: str) -> None:
    """Write a warning to the log if ComfyUI cannot serve the pack's scripts from a folder of this name."""
    if not is_served(name):
        logging.warning(
            "ComfyUI-GoT: ComfyUI serves no scripts from the folder '%s', so the chain editor is missing. Rename the "
            "folder to ComfyUI-GoT, without spaces and accents, and restart ComfyUI.",
            name,
        )


def refusal(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


def same_origin(request: web.Request) -> bool:
    """Whether a request comes from ComfyUI's own page, from no page, or from one that --enable-cors-header allows.

    ComfyUI compares Origin and Host only where the host is this machine. Here they are compared for every host, because
    browsers send no Sec-Fetch-Site over plain HTTP in a local network.
    """
    origin = request.headers.get("Origin")
    if origin is not None and args.enable_cors_header in ("*", origin):
        return True
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("same-origin", "none")
    return origin is None or urlsplit(origin).netloc.lower() == request.headers.get("Host", "").lower()


async def body_of(request: web.Request, most: int) -> bytes | None:
    """The body of a request, or None if it is larger than `most` bytes; no more than that is read."""
    body = b""
    async for part in request.content.iter_any():
        body += part
        if len(body) > most:
            return None
    return body
