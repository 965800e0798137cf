"""Which noun phrase a box belongs to: the last clause before the box, from its first article or determiner on."""

import re

_VERBS = "and|with|is|are|while|where|has|have|shows?|portrays?|depicts?|features?|contains?"
# The end of a clause, or else a stretch that ends none. Linear in the length of any text: no two neighboring parts of
# the pattern take the same characters.
_CLAUSE = re.compile(rf"(?P<ends>[.,;:!?\n]+\s+|\n+|\s+(?:{_VERBS})\s+)|[.,;:!?]+|[^\S\n]+")
_DETERMINER = re.compile(r"\b(?:an?|the|one|two|three|four|some|several|its|his|her|their)\b", re.IGNORECASE)
_WORD = re.compile(r"\S+")
_LINKS = {"is", "are", "at", "in", "within", "of"}  # words between a phrase and its box: "the cup is at (1,2),(3,4)"


def find_phrase(text: str, start: int, stop: int) -> tuple[str, int]:
    """The noun phrase that ends where a box starts, and its position. [start, stop): the text between two boxes."""
    last = start + len(text[start:stop].rstrip())
    clauses = (match.end() for match in _CLAUSE.finditer(text, start, stop) if match["ends"])
    first = max((position for position in clauses if position < last), default=start)
    first += len(text[first:stop]) - len(text[first:stop].lstrip(" ,.;:\n"))
    determiner = _DETERMINER.search(text, first, stop)
    first = determiner.start() if determiner else first
    return _without_links(text[first:stop].strip()), first


def _without_links(phrase: str) -> str:
    """The phrase without linking words, commas and colons at its end. Its first word stays."""
    words = list(_WORD.finditer(phrase))
    while words:
        word = words.pop()
        shown = word[0].rstrip(",:")
        if shown and (shown not in _LINKS or not words):
            return phrase[: word.start() + len(shown)]
    return ""
