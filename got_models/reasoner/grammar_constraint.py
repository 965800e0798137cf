"""The grammar constraint: what may come next while a chain is written, so that it is always well formed."""

import re
from collections.abc import Callable

import regex  # for partial matching; transformers requires it

from ..chain.colors import COLORS
from .prompt import Vocabulary


class GrammarConstraint:
    """Keeps a chain well formed while it is written: every box, and every color after a box.

    A box is `(x0,y0),(x1,y1)`, 0..999, the first corner left of and above the second. Brackets right after a box hold a
    color word. The prose holds no boxes: plain numbers in the form of a box would be read as one. A token may
    hold several characters, so each candidate is tested as text, once for every beginning.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.start, self.end = vocabulary.box_start, vocabulary.box_end
        self.colors: dict[str, list[int]] = {}  # allowed ids by the text after the bracket; there are many to test
        self.length = 0  # of what was written, in ids
        self.marker, self.inside = None, ""  # the last box marker, and the text after it
        self.bracket = ""  # the prose from its last opening bracket on

    def allowed(self, written: list[int]) -> list[int] | None:
        """The ids that may come next inside a box or a color; None elsewhere, where all but those `forbidden` may.

        `written` must begin with that of the call before.
        """
        for number in written[self.length :]:
            self._follow(number)
        self.length = len(written)
        if self.marker == self.start:
            if is_box(self.inside):
                return [self.end]
            return _fitting(self.vocabulary.box_texts, self.inside, may_become_box)
        color = _OPEN_COLOR.fullmatch(self.inside) if self.marker else None
        if not color:
            return None
        if color[1] not in self.colors:
            self.colors[color[1]] = _fitting(self.vocabulary.color_texts, color[1], may_become_color)
        return self.colors[color[1]]

    def forbidden(self) -> tuple[int, ...]:
        """The ids that may not come next in the prose: a box's end, and after a pair of numbers another bracket."""
        return (self.end, *(self.vocabulary.opening if _NUMBER_PAIR.fullmatch(self.bracket) else ()))

    def _follow(self, number: int) -> None:
        """Note one more id. Text after a color is not needed and is not kept."""
        if number in (self.start, self.end):
            self.marker, self.inside, self.bracket = number, "", ""
            return
        text = self.vocabulary.token_text(number)
        bracket = self.bracket + text
        self.bracket = bracket[bracket.rfind("(") :] if "(" in bracket else ""
        may_be_color = self.marker and (not self.inside.strip() or _OPEN_COLOR.fullmatch(self.inside))
        if self.marker == self.start or may_be_color:
            self.inside += text


def _fitting(texts: dict[int, str], before: str, fits: Callable[[str], bool]) -> list[int]:
    return [number for number, text in texts.items() if fits(before + text)]


# What chain/grammar.py reads as the first corner of a plain box. A byte-level tokenizer writes a new line as U+010A.
_NUMBER_PAIR = re.compile(r"\(\s*[-+]?[\d.]+\s*,[^()]*\)[\s\u010a]*(?:,[\s\u010a]*)?")
_OPEN_COLOR = re.compile(r"\s*\(([A-Za-z ]*)")
_COLOR_PREFIXES = {color[:length] for color in COLORS for length in range(len(color) + 1)}


def may_become_color(text: str) -> bool:
    """Whether the text after an opening bracket is, or can still become, a color word and the closing bracket."""
    word, closed, _ = text.partition(")")
    return word.replace(" ", "").lower() in (COLORS if closed else _COLOR_PREFIXES)


_TO_998, _TO_999 = r"(?:0|[1-8]\d{0,2}|9(?:[0-8]\d?|9[0-8]?)?)", r"(?:0|[1-9]\d{0,2})"  # without leading zeros
_BOX = regex.compile(rf"\({_TO_998},{_TO_998}\),\({_TO_999},{_TO_999}\)")


def is_box(text: str) -> bool:
    """Whether `text` is a whole box with its corners in order."""
    return bool(_BOX.fullmatch(text)) and may_become_box(text)


def may_become_box(text: str) -> bool:
    """Whether `text` is the beginning of a box whose second corner can be right of and below the first."""
    if not _BOX.fullmatch(text, partial=True):
        return False
    numbers = re.findall(r"\d+", text)
    if text[-1:].isdigit() and numbers[-1] != "0":
        numbers[-1] = numbers[-1].ljust(3, "9")  # the greatest that it can become with more digits
    return all(int(first) < int(second) for first, second in zip(numbers, numbers[2:], strict=False))
