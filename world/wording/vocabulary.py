"""The words of the world: all that its prompts are made of."""

import re
from collections.abc import Iterator

from .. import scenes
from . import constructions, free, orders, templates, words

THINGS = "circles, squares, triangles and stars"


def known_words() -> list[str]:
    """Every word of a template or a construction, in small letters and alphabetical order.

    Not the strangers, which stand for things that the world does not have.
    """
    tables = [vars(module) for module in (constructions, free, orders, templates, words)]
    values = [value for table in tables for name, value in table.items() if name.isupper() and name not in NOT_SAID]
    values += [scenes.COLORS, scenes.BACKGROUNDS, scenes.SHAPES, [f"{shape}s" for shape in scenes.SHAPES]]
    values += [FILLED_IN]
    found = {word for text in _texts(values) for word in re.findall(r"[a-z]+(?:'[a-z]+)?", _spoken(text))}
    return sorted(found)


FILLED_IN = ("a", "an", "both", "all of them", "upper", "lower", "leftmost", "rightmost")
NOT_SAID = ("STRANGERS", "CAPTION", "INSTRUCTION")


def _spoken(text: str) -> str:
    return re.sub(r"\{\w+\}", " ", text.lower())


def _texts(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _texts(part)
