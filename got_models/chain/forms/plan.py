"""What every form is read into: prose with boxes in it, still in the form's own numbers."""

from dataclasses import dataclass
from typing import NamedTuple

LTRB, TLBR, LTWH = "left top right bottom", "top left bottom right", "left top width height"
THOUSANDTHS, FRACTIONS, PIXELS = "thousandths", "fractions", "pixels"
ORDERS = ("auto", LTRB, TLBR, LTWH)
UNITS = ("auto", THOUSANDTHS, FRACTIONS, PIXELS)


class Settings(NamedTuple):
    """What the user knows of the numbers. width, height: pixels of the image that they count; 0 if unknown."""

    order: str = "auto"
    units: str = "auto"
    width: int = 0
    height: int = 0

    @property
    def has_size(self) -> bool:
        return self.width > 0 and self.height > 0


class Found(NamedTuple):
    """A box as its form writes it.

    label: what the box holds; "" if the words before it in the prose say so, which are then its `name` in messages.
    numbers: four, in `order` and `units`. units "": unknown. color: in any spelling; "" if none.
    fixed: what the form itself says, so that the user's settings do not apply: "", "order" or "all".
    """

    label: str
    numbers: tuple[float, ...]
    order: str = LTRB
    units: str = ""
    color: str = ""
    fixed: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        return "(" + ",".join(f"{number:.6g}" for number in self.numbers) + ")"


@dataclass(frozen=True)
class Plan:
    """pieces: prose and boxes, in order. cut: the text ends within the plan. no_size: the error without a size.

    is_prose: the boxes were found in prose, and may lack words as in any chain.
    """

    pieces: list[str | Found]
    cut: bool = False
    no_size: str = ""
    is_prose: bool = False

    @property
    def boxes(self) -> list[Found]:
        return [piece for piece in self.pieces if isinstance(piece, Found)]


def listed(lead: str, rows: list[Found], tail: str = "", cut: bool = False, **more: str) -> Plan:
    """A plan of rows that each have a label: prose first, the rows in one sentence, then more prose."""
    pieces: list[str | Found] = [sentence(lead)] if lead.strip() else []
    for row in rows:
        pieces += [row, ", "]
    if rows:
        pieces[-1] = ". " if tail.strip() else "."
    if tail.strip():
        pieces.append(sentence(tail))
    return Plan(pieces, cut, **more)


def sentence(text: str) -> str:
    """A text that ends as a sentence does, and a space."""
    text = " ".join(text.split())
    return f"{text} " if text.endswith((".", "!", "?", "。", "！", "？", '"', "”")) else f"{text.rstrip(',;: ')}. "
