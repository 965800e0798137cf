"""What is asked of a reasoner. The answer is a Chain. Standard library only."""

from dataclasses import dataclass, replace
from typing import Any

from .grammar import Chain


@dataclass(frozen=True, eq=False)
class Request:
    """A chain to write. Immutable. Two requests are equal only if they are the same object.

    task: "text-to-image" or "edit". prompt: the caption or instruction.
    source: the image to edit, (1, height, width, 3) in 0..1; None for text-to-image.
    earlier: the chain of the turn before, for an edit of an edit.
    text: the beginning of the answer, in GoT's form. The regions in it are locked.
    lookup_text: a text that the answer may resemble, for prompt lookup decoding. It saves time and changes nothing.
    image_features: the source as the reasoner's vision tower encoded it (see reasoner.ImageFeatures), or None.
    wish: how to change `plan`, in words; "" for none. A reasoner without instructions for it reads `with_wish`.
    plan: the chain that the answer changes or rewrites, with its locks; None if the answer is a first one.
    """

    task: str
    prompt: str
    source: Any = None
    earlier: Chain | None = None
    text: str = ""
    lookup_text: str = ""
    image_features: Any = None
    wish: str = ""
    plan: Chain | None = None


def with_wish(request: Request) -> Request:
    """The request with its wish at the end of its prompt, as one caption. Without a wish the request itself."""
    if not request.wish:
        return request
    prompt = request.prompt if request.prompt.endswith((".", "!", "?", "。", "！", "？")) else f"{request.prompt}."
    return replace(request, prompt=f"{prompt} {request.wish}", wish="")
