"""How a model that was trained on it is asked what an image shows, and what its answer says of a thing.

    "Describe the given image with all its boxes."
    The background is gray. There is a red circle <box> (red) and a blue star <box> (blue).

The question is the user's whole part of the turn, after the image: a Request of the task LOOK. The answer is a chain of
all that is there, and ends with <|im_end|>. A thing that it does not name is not in the image. GoT-Tiny is asked for
all, because asked for one thing that is absent it finds something anyway. Works on texts.
"""

import re

from ..chain.grammar import Chain, Region

LOOK = "look"  # the task of a Request; dialects.py puts nothing around its question
DESCRIBE = "Describe the given image with all its boxes."


def find_in(description: Chain, thing: str) -> tuple[Region, ...]:
    """The regions of a description that show a thing, such as "red circle"; none if it is absent.

    Their phrases end with its name, in the singular or the plural.
    """
    wanted = _words(thing)
    return tuple(region for region in description.regions if _words(region.phrase)[-len(wanted) :] == wanted)


def _words(phrase: str) -> list[str]:
    """The words in small letters, the last one without the s of a plural."""
    words = re.findall(r"[^\W_]+", phrase.lower())
    return [*words[:-1], *(word[:-1] if len(word) > 2 and word.endswith("s") else word for word in words[-1:])]
