"""POST /got/plan: reads a plan in any form for the chain editor. The body is the plan's text, in UTF-8.

The query may hold order, units, width and height, as in GoT Chain From Text. The answer holds the chain in the plain
form, and how it was understood; or an error, and the settings that may help.
Written against ComfyUI 0.30.0: PromptServer's routes.
"""

import asyncio
from collections.abc import Mapping

from aiohttp import web
from server import PromptServer

from ..chain.edits import MAX_SIZE
from ..chain.forms.plan import Settings
from ..chain.forms.reader import note_of, understand
from ..chain.forms.scaling import SettingError
from ..chain.grammar import ChainError, plain_text
from .routes import body_of, refusal, same_origin

MOST_READ = 1_000_000  # bytes of a plan in the form of any model
MOST_SAVED = MAX_SIZE * 2 // 5  # bytes of a chain that the editor can save twice: as it came, and as it was changed
LARGEST_SIDE = 16384  # pixels, as in GoT Chain From Text


def register_routes() -> None:
    """Add the route to ComfyUI's server, before it starts to answer."""
    PromptServer.instance.routes.post("/got/plan")(_read)


async def _read(request: web.Request) -> web.Response:
    if not same_origin(request):
        return refusal(403, "This page may not ask.")
    body = await body_of(request, MOST_READ)
    if body is None:
        return refusal(413, f"The plan is larger than {MOST_READ // 1000} kB.")
    try:
        text, settings = body.decode(), settings_of(request.query)
    except ValueError:  # UnicodeDecodeError too
        return refusal(400, "The plan is not a text in UTF-8, or its width or height is no whole number in range.")
    return web.json_response(await asyncio.to_thread(reading, text, settings))


def settings_of(query: Mapping[str, str]) -> Settings:
    """The settings in a query. ValueError if a size is not a whole number from 0 to LARGEST_SIDE."""
    width, height = (int(query.get(side) or 0) for side in ("width", "height"))
    if not (0 <= width <= LARGEST_SIDE and 0 <= height <= LARGEST_SIDE):
        raise ValueError(f"The size {width}x{height} is out of range.")
    return Settings(query.get("order", "auto"), query.get("units", "auto"), width, height)


def reading(text: str, settings: Settings) -> dict:
    """What the editor shows of a plan before it replaces another."""
    try:
        chain, form, order, units = understand(text, settings)
    except ChainError as error:
        return {"error": str(error), "settings": list(error.settings) if isinstance(error, SettingError) else []}
    plain = plain_text(chain.text)
    if len(plain.encode()) > MOST_SAVED:
        error = f"The chain has {len(plain.encode()) // 1000} kB, and the editor saves at most {MOST_SAVED // 1000} kB."
        return {"error": error, "settings": []}
    return {"text": plain, "form": form, "order": order, "units": units, "note": note_of(chain)}
