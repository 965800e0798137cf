"""Which phrase a box belongs to: its span in the text before the box.

The phrase is the noun phrase at the end of that text (rules: noun_phrase.py, chinese_phrase.py). Where another one is
meant, it has GoT-R1's tags, or in the plain form square brackets: `[The cat] lies on a sofa (120,400),(380,760)`. A
quoted text, which is drawn as text, belongs to one noun phrase: `a sign that reads "OPEN. NOW"`.
"""

import re
from typing import NamedTuple

from .chinese_phrase import HAN, chinese_phrase
from .noun_phrase import noun_phrase

# The end of a sentence or of what comes before a colon. Linear in the length of any text, as all patterns here: no two
# neighboring parts of a pattern take the same characters.
_END = re.compile(r"(?P<ends>[.;:!?]+\s+|\n\s*|[。；：！？]+\s*)|[.;:!?]+")
_ABBREVIATION = re.compile(r"(?:^|[^A-Za-z])(?:Mr|Mrs|Ms|Dr|St|Jr|Prof)\Z")
_BETWEEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + ",.;:，。；：、"  # white space and marks
_LEADING = "*_~`-–—•>.,;:，。；：、"  # marks at the ends of a phrase that do not belong to it
_TRAILING = "*_~`-–—•.,;:!?，。；：、！？"
OBJECT_START, OBJECT_END = "<|obj_start|>", "<|obj_end|>"
_TAG = re.compile(r"<\|obj(?:ect_ref)?_(?:start|end)\|>")
_TAGGED = r"<\|obj(?:ect_ref)?_start\|>(?P<tagged>(?:(?!<\|obj)[^][])*)<\|obj(?:ect_ref)?_end\|>"
_NAMED = re.compile(rf"{_TAGGED}|\[(?P<bracketed>(?:(?!<\|obj)[^][])*)\]")
QUOTED = re.compile(r'(?<![\w"])"[^"\s][^"]*"(?!\w)|“[^“”]*”')  # no inches: 5" screen
_WORD = re.compile(r"[^\W\d_]{2}|[\u3040-\u9fff\uac00-\ud7a3]")
_ASIDE = re.compile(r"\([^()]*\)")
_CONNECTIVES = {"", "and", "or", "plus", "和", "与", "及"}


def find_phrase(text: str, start: int, stop: int, after_box: bool = False, several: bool = False) -> tuple[str, int]:
    """The phrase of the box that starts at `stop`, and its position. [start, stop): the text before it.

    after_box: a box comes right before the text. several: more boxes come after this one, without words between.
    """
    words = text[start:stop]
    named = _named(words)
    first, last = (named.first, named.last) if named else _found(words, after_box, several)
    return words[first:last], start + first


def has_words(text: str) -> bool:
    """Whether the text between two boxes names something, or only connects the boxes."""
    return text.strip(_BETWEEN).lower() not in _CONNECTIVES


def canonical_words(text: str, after_box: bool = False, several: bool = False) -> str:
    """The words before a box in GoT's form. A phrase keeps its tags only if it is not found without them."""
    named = _named(text)
    if not named:
        return without_tags(text)
    lead, phrase, rest = (
        without_tags(text[: named.start]), text[named.first : named.last], without_tags(text[named.stop :]),
    )  # fmt: skip
    words = lead + phrase + rest
    is_named = not after_box or has_words(words)
    is_found = is_named and find_phrase(words, 0, len(words), after_box, several) == (phrase, len(lead))
    return words if is_found else f"{lead}{OBJECT_START}{phrase}{OBJECT_END}{rest}"


def has_tags(text: str) -> bool:
    """Whether a text has a tag around an object."""
    return _TAG.search(text) is not None


def without_tags(text: str) -> str:
    """A text without the tags around its objects, as GoT's reasoner reads it."""
    return _TAG.sub("", text)


class _Named(NamedTuple):
    """[first, last) of a phrase in tags or brackets, [start, stop) with them."""

    start: int
    first: int
    last: int
    stop: int


def _named(text: str) -> _Named | None:
    """The last phrase in tags or brackets, in the sentence that the text ends in; None if there is none.

    If they are not right before the box, they must hold a word: `[1] a cup` has none.
    """
    if "]" not in text and "_end|>" not in text:
        return None
    found, end = None, len(text.rstrip())
    for match in _NAMED.finditer(text):
        kind = "bracketed" if match["tagged"] is None else "tagged"
        phrase = match[kind].strip()
        if phrase and (match.end() == end or _WORD.search(phrase)):
            first = text.index(phrase, match.start(kind))
            found = _Named(match.start(), first, first + len(phrase), match.end())
    return found if found and not _last_start(text[found.stop : end], end - found.stop) else None


def _found(text: str, after_box: bool, several: bool) -> tuple[int, int]:
    """[first, last) of the noun phrase at the end of a text."""
    words = _TAG.sub(_blank, text)
    words = QUOTED.sub(_one_word, words) if '"' in words or "“" in words else words
    words = _ASIDE.sub(_one_word, words) if "(" in words else words
    stop = len(words.rstrip())
    start = _last_start(words, stop)
    first, last = start, stop
    if HAN.search(words, start, stop):
        first, last = chinese_phrase(words, start, stop, several)
    elif start < stop:
        first, last = noun_phrase(words, start, stop, after_box and not start, several)
    return _without_marks(words, first, last)


def _last_start(words: str, stop: int) -> int:
    """Where the last sentence, or what comes after its last colon, begins."""
    start = 0
    for match in _END.finditer(words, 0, stop):
        before = words[max(0, match.start() - 5) : match.start()]
        is_end = match["ends"] and not (match[0].startswith(".") and _ABBREVIATION.search(before))
        if is_end and match.end() < stop:
            start = match.end()
    return start


def _without_marks(words: str, first: int, last: int) -> tuple[int, int]:
    """[first, last) without white space and marks at its ends, if anything is left."""
    start, stop = first, last
    while start < stop and (words[start] in _LEADING or words[start].isspace()):
        start += 1
    while start < stop and (words[stop - 1] in _TRAILING or words[stop - 1].isspace()):
        stop -= 1
    return (start, stop) if start < stop else (first, last)


def _blank(match: re.Match) -> str:
    return " " * len(match[0])


def _one_word(match: re.Match) -> str:
    return "x" * len(match[0])
