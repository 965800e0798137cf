"""The grammar constraint: what may come next while a chain is written, so that it is always well formed."""

import re
from collections.abc import Callable
from functools import partial

import regex  # for partial matching; transformers requires it

from ..chain.colors import COLORS
from ..chain.grammar import GRID
from .dialects import ON_GRID, Coordinates
from .prompt import Vocabulary


class GrammarConstraint:
    """Keeps a chain well formed while it is written: every box, and every color after a box.

    A box is `(x0,y0),(x1,y1)`, the first corner left of and above the second on the chain's grid. Brackets right after
    a box hold a color word. Boxes are between tokens, or plain ones if the dialect writes such: then a bracket with a
    digit begins a box. The prose holds no other boxes. A token may hold several characters, so each candidate is tested
    as text, once for every beginning.
    """

    def __init__(self, vocabulary: Vocabulary, coordinates: Coordinates = ON_GRID) -> None:
        self.vocabulary, self.coordinates = vocabulary, coordinates
        self.start, self.end = vocabulary.box_start, vocabulary.box_end
        self.colors: dict[str, list[int]] = {}  # allowed ids by the text after the bracket; there are many to test
        self.length = 0  # of what was written, in ids
        self.box: str | None = None  # the text of an open box
        self.is_marked = False  # whether a token opened that box
        self.after: str | None = None  # the text after the last box, as long as it may become a color
        self.bracket = ""  # the prose from its last opening bracket on

    def allowed(self, written: list[int]) -> list[int] | None:
        """The ids that may come next inside a box or a color; None elsewhere, where all but those `forbidden` may.

        `written` must begin with that of the call before.
        """
        for number in written[self.length :]:
            self._follow(number)
        self.length = len(written)
        if self.box is not None:
            if is_box(self.box, self.coordinates):
                return [self.end]
            return _fitting(self.vocabulary.box_texts, self.box, partial(may_become_box, coordinates=self.coordinates))
        color = _OPEN_COLOR.fullmatch(self.after or "")
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
            self.box, self.after = ("", None) if number == self.start else (None, "")
            self.is_marked, self.bracket = number == self.start, ""
        elif self.box is not None:
            self.box += self.vocabulary.token_text(number)
            if not self.is_marked:
                self._close_plain_box()
        else:
            self._follow_prose(self.vocabulary.token_text(number))

    def _close_plain_box(self) -> None:
        """End an open plain box if it is whole, or, in a text that was given, if it is no box after all."""
        whole = _BOX.match(self.box)
        if whole:
            self.box, self.after, self.bracket = None, self.box[whole.end() :], ""
        elif not may_become_box(self.box, self.coordinates):
            self.box, self.bracket = None, self.box

    def _follow_prose(self, text: str) -> None:
        bracket = self.bracket + text
        self.bracket = bracket[bracket.rfind("(") :] if "(" in bracket else ""
        if self.after is not None:
            may_be_color = not self.after.strip() or _OPEN_COLOR.fullmatch(self.after)
            self.after = self.after + text if may_be_color else None
        opens = self.vocabulary.dialect.plain_boxes and self.bracket[1:2].isdigit()
        if opens and may_become_box(self.bracket, self.coordinates):
            self.box, self.after, self.is_marked = self.bracket, None, False


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


_NUMBER = r"(?:0|[1-9]\d*)"  # without leading zeros
_BOX = regex.compile(rf"\({_NUMBER},{_NUMBER}\),\({_NUMBER},{_NUMBER}\)")


def is_box(text: str, coordinates: Coordinates = ON_GRID) -> bool:
    """Whether `text` is a whole box with its corners in order."""
    return bool(_BOX.fullmatch(text)) and may_become_box(text, coordinates)


def may_become_box(text: str, coordinates: Coordinates = ON_GRID) -> bool:
    """Whether `text` is the beginning of a box whose second corner can be right of and below the first.

    The corners are compared on the chain's grid, on which two numbers of other coordinates may be the same.
    """
    if not _BOX.fullmatch(text, partial=True):
        return False
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    mosts = (coordinates.right, coordinates.bottom) * 2
    if any(number > most for number, most in zip(numbers, mosts, strict=False)):
        return False
    if len(numbers) > 2 and text[-1].isdigit():
        numbers[-1] = _greatest(numbers[-1], mosts[len(numbers) - 1])
    on_grid = [coordinates.on_grid(number, at % 2) for at, number in enumerate(numbers)]
    ends = [*on_grid[2:], GRID - 1, GRID - 1][:2]  # what is not written yet can be the edge of the image
    return all(first < second for first, second in zip(on_grid, ends, strict=False))


def _greatest(number: int, most: int) -> int:
    """The greatest number up to `most` that `number` can become with more digits."""
    greatest, power = number, 10
    while number and number * power <= most:
        greatest, power = min(most, number * power + power - 1), power * 10
    return greatest
