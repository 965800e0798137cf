"""Which phrase a box belongs to.

It is the last clause before the box, from its first article or determiner on. Where that is not what is meant, the
phrase has GoT-R1's tags, or in the plain form square brackets: `[a cup with a lid] (120,400),(380,760)`. A quoted text,
which is drawn as text, belongs to one clause: `a sign that reads "OPEN"`.
"""

import re

_VERBS = "and|with|is|are|while|where|has|have|shows?|portrays?|depicts?|features?|contains?"
# The end of a clause, or else a stretch that ends none. Linear in the length of any text: no two neighboring parts of
# the pattern take the same characters.
_CLAUSE = re.compile(rf"(?P<ends>[.,;:!?\n]+\s+|\n+|\s+(?:{_VERBS})\s+)|[.,;:!?]+|[^\S\n]+")
# Both cases are spelled out: ignoring case would also match letters such as a dotless i, in JavaScript other ones.
_ARTICLES = re.sub(
    "[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", "an?|the|one|two|three|four|some|several"
)
_ARTICLES += re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", "|its|his|her|their")
_DETERMINER = re.compile(rf"\b(?:{_ARTICLES})\b")
_BETWEEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + ",.;:"  # white space and marks
_LEAD = re.compile(r"[\s,.;:]*")  # what is before a phrase
_WORD = re.compile(r"\S+")
_LINKS = {"is", "are", "at", "in", "within", "of"}  # words between a phrase and its box: "the cup is at (1,2),(3,4)"
OBJECT_START, OBJECT_END = "<|obj_start|>", "<|obj_end|>"
_TAG = re.compile(r"<\|obj(?:ect_ref)?_(?:start|end)\|>")
_TAGGED = r"<\|obj(?:ect_ref)?_start\|>(?P<tagged>(?:(?!<\|obj)[^][])*)<\|obj(?:ect_ref)?_end\|>"
_NAMED = re.compile(rf"(?:{_TAGGED}|\[(?P<bracketed>[^][]*)\])\s*$")
QUOTED = re.compile(r'(?<![\w"])"[^"\s][^"]*"(?!\w)|“[^“”]*”')  # no inches: 5" screen
_CONNECTIVES = {"", "and", "or", "plus", "和", "与", "及"}


def find_phrase(text: str, start: int, stop: int) -> tuple[str, int]:
    """The phrase that ends where a box starts, and its position. [start, stop): the text between two boxes."""
    named = _NAMED.search(text, start, stop)
    if named:
        first, last = named.span("tagged" if named["tagged"] is not None else "bracketed")
        phrase = text[first:last].strip()
        return phrase, text.index(phrase, first)
    words = QUOTED.sub(lambda quoted: '"' * len(quoted[0]), text[start:stop])
    last = len(words.rstrip())
    clauses = (match.end() for match in _CLAUSE.finditer(words) if match["ends"])
    first = max((position for position in clauses if position < last), default=0)
    first = _LEAD.match(words, first).end()
    determiner = _DETERMINER.search(words, first)
    first = start + (determiner.start() if determiner else first)
    return _without_links(text[first:stop].strip()), first


def has_words(text: str) -> bool:
    """Whether the text between two boxes names something, or only connects the boxes."""
    return text.strip(_BETWEEN).lower() not in _CONNECTIVES


def canonical_words(text: str) -> str:
    """The words before a box in GoT's form. A phrase keeps its tags only if it is not found without them."""
    named = _NAMED.search(text)
    if not named:
        return without_tags(text)
    lead, phrase = without_tags(text[: named.start()]), (named["tagged"] or named["bracketed"] or "").strip()
    words = lead + phrase
    is_found = not phrase or find_phrase(words, 0, len(words)) == (phrase, len(lead))
    return words if is_found else f"{lead}{OBJECT_START}{phrase}{OBJECT_END}"


def has_tags(text: str) -> bool:
    """Whether a text has a tag around an object."""
    return _TAG.search(text) is not None


def without_tags(text: str) -> str:
    """A text without the tags around its objects, as GoT's reasoner reads it."""
    return _TAG.sub("", text)


def _without_links(phrase: str) -> str:
    """The phrase without linking words, commas and colons at its end. Its first word stays."""
    words = list(_WORD.finditer(phrase))
    while words:
        word = words.pop()
        shown = word[0].rstrip(",:")
        if shown and (shown not in _LINKS or not words):
            return phrase[: word.start() + len(shown)]
    return ""
