"""What one object of data says of its box: label, text to be drawn, color."""

import re
from typing import Any

from ..phrases import QUOTED
from . import keys

_KINDS = {"obj", "object", "text", "bbox", "box", "rect", "rectangle", "polygon", "region"}  # a type that says no more


def label_of(small: dict, frame: dict) -> str:
    """What an object says of itself: a text to be drawn, or the first of its entries that holds words.

    frame: the MOSS layout around the object, {} if there is none. There, `label` is a class and `caption` the words.
    """
    names = [key for key in (("caption",) if frame else ()) + keys.LABEL if key not in ("type", "id")]
    for entries in (small, inner_of(small)):
        text = entries.get("text") if "text" in (entries.get("type"), entries.get("label") if frame else None) else None
        is_text = isinstance(text, str) and bool(text.strip())
        described = next(
            (words for key in names if (words := words_of(entries.get(key))) and not (is_text and key == "text")), ""
        )
        if is_text:
            return text_label(described if described not in (text.strip(), "text") else "", text)
        if described:
            return described
    rest = (words_of(small.get(key)) for key in ("type", "id"))
    return next((words for words in rest if words and words not in _KINDS), "")


def inner_of(small: dict) -> dict:
    """The metadata of an object, as ComfyUI's own boxes have it."""
    metadata = small.get("metadata")
    return {str(key).lower(): value for key, value in metadata.items()} if isinstance(metadata, dict) else {}


def text_label(description: str, text: str) -> str:
    """The phrase of a text that is to be drawn: `a sign that reads "OPEN"`. A line break is written as \\n."""
    text = "\\n".join(line.strip() for line in text.strip().replace('"', "'").splitlines())
    quoted = f'"{text}"'
    for other in (f"'{text}'", f"‘{text}’", f"“{text}”"):
        description = description.replace(other, quoted)
    if quoted in description or _same(quoted_text(description), text):
        return description
    description = description.replace('"', "'")
    return f"{description} that reads {quoted}" if description else f"the text {quoted}"


def _same(one: str, other: str) -> bool:
    """Whether two texts differ in white space alone, or in how line breaks are written."""
    first, second = (" ".join(text.replace("\\n", " ").split()) for text in (one, other))
    return bool(first) and first == second


def quoted_text(phrase: str) -> str:
    """The text that a phrase says is to be drawn, its first quoted one, with real line breaks; "" if there is none."""
    quoted = QUOTED.search(phrase)
    return quoted[0][1:-1].replace("\\n", "\n") if quoted else ""


def color_of(small: dict) -> str:
    """The first color that an object gives, as it is written, in one text."""
    for entries in (small, *(part for part in small.values() if isinstance(part, dict))):
        said = [key for key in entries if isinstance(key, str) and re.search("colou?r", key.lower())]
        for key in (*keys.COLOR, *said):
            value = entries.get(key)
            value = list(value.values()) if isinstance(value, dict) else value
            if isinstance(value, list) and value and not isinstance(value[0], int | float):
                value = value[0]
            if isinstance(value, list) and len(value) in (3, 4):
                return ",".join(str(part) for part in value[:3])
            if isinstance(value, str) and value.strip():
                return value
    return ""


def words_of(value: Any) -> str:
    """A text that holds words, in one line; of a list of texts the first."""
    if isinstance(value, list):
        value = next((entry for entry in value if isinstance(entry, str)), "")
    if not isinstance(value, str) or not has_letters(value):
        return ""
    return " ".join(value.split())


def has_letters(text: str) -> bool:
    return any(letter.isalpha() for letter in text)
