"""Forms that write a box in tokens of their own: Florence-2, PaliGemma, Kosmos-2, MiniGPT-v2."""

import re

from ..grammar import ChainError
from .plan import LTRB, THOUSANDTHS, TLBR, Found, Plan, Settings, listed

_FLORENCE = re.compile(r"(?:<loc_\d{1,4}>\s?){4,400}")
_PALIGEMMA = re.compile(r"((?:<loc\d{4}>\s?){4})((?:<seg\d{3}>\s?){0,16})([^;<]{0,400})")
_KOSMOS = re.compile(
    r"(?:<phrase>(?P<phrase>[^<]{0,400})</phrase>)?\s?"
    r"<object>(?P<cells>(?:<patch_index_\d{1,4}>|</delimiter_of_multi_objects/>|\s){1,200})</object>"
)
_CELLS = re.compile(r"<patch_index_(\d{1,4})>\s?<patch_index_(\d{1,4})>")
_MINIGPT = re.compile(r"(?:<p>(?P<phrase>[^<]{0,400})</p>)?\s?(?P<boxes>(?:\{(?:<\d{1,3}>){4}\}(?:<delim>)?\s?){1,50})")
_NUMBERS = re.compile(r"\d+")
LEADING_LINK = re.compile(
    r"^\s*(?:(?:and|or|on|in|at|of|with|near|under|over|above|below|behind|beside|by|to|from|next|front)\s+){1,4}"
    r"(?=(?:an?|the|one|two|three|four|some|several|its|his|her|their)\s)",
    re.IGNORECASE,
)
_TAGS = re.compile(r"</?(?:phrase|object|p|delim|grounding)>")
SIDE = 32  # cells of Kosmos-2's grid, each way


def read_florence(text: str, settings: Settings) -> Plan | None:
    """`a cup<loc_120><loc_400><loc_380><loc_760>`: left, top, right, bottom of 0..999, the label before it.

    Eight numbers that are no two boxes are the corners of a text. Source: transformers, Florence-2's processor.
    """
    pieces: list[str | Found] = []
    done = 0
    for match in _FLORENCE.finditer(text):
        numbers = [min(int(number), 999) for number in _NUMBERS.findall(match[0])]
        words = text[done : match.start()].strip(" ,;.\n")
        link = LEADING_LINK.match(words) if done else None
        lead, label = (words[: link.end()], words[link.end() :]) if link else ("", words)
        pieces += [" " + lead] if lead else [", "] if done else []
        for number, box in enumerate(_florence_boxes(numbers)):
            pieces += [" "] * bool(number)
            pieces.append(Found("" if number else label, box, LTRB, THOUSANDTHS, "", "all", label))
        done = match.end()
    return _captioned(pieces, text[done:], "<loc_") if done else None


def _florence_boxes(numbers: list[int]) -> list[tuple[int, ...]]:
    fours = [tuple(numbers[at : at + 4]) for at in range(0, len(numbers) - 3, 4)]
    if len(numbers) > 4 and len(numbers) % 2 == 0 and not all(a < c and b < d for a, b, c, d in fours):
        xs, ys = numbers[::2], numbers[1::2]
        return [(min(xs), min(ys), max(xs), max(ys))]
    return fours


def read_paligemma(text: str, settings: Settings) -> Plan | None:
    """`<loc0400><loc0120><loc0760><loc0380> cup ; ...`: top, left, bottom, right of 1024 bins, the label after it."""
    rows, done = [], 0
    for match in _PALIGEMMA.finditer(text):
        numbers = tuple(int(number) * 1000 / 1024 for number in _NUMBERS.findall(match[1]))
        rows.append(Found(" ".join(match[3].split()).strip(" ,."), numbers, TLBR, THOUSANDTHS, "", "all"))
        done = match.end()
    return listed("", rows, "", "<loc" in text[done:]) if rows else None


def read_kosmos(text: str, settings: Settings) -> Plan | None:
    """`<phrase>a cup</phrase><object><patch_index_0387><patch_index_0780></object>`: two cells of a 32x32 grid.

    The corners are the centers of the two cells, or their outer corners if the cells share a row or a column.
    Source: transformers, Kosmos-2's processor.
    """
    pieces: list[str | Found] = []
    done = 0
    for match in _KOSMOS.finditer(text):
        pieces.append(text[done : match.start()])
        label = " ".join((match["phrase"] or "").split())
        for number, cells in enumerate(_CELLS.finditer(match["cells"])):
            pieces += [" "] * bool(number)
            box = _between_cells(*map(int, cells.groups()))
            pieces.append(Found("" if number else label, box, LTRB, THOUSANDTHS, "", "all", label))
        done = match.end()
    return _captioned(pieces, text[done:], "<object>") if done else None


def _between_cells(first: int, last: int) -> tuple[float, ...]:
    (y0, x0), (y1, x1) = divmod(first, SIDE), divmod(last, SIDE)
    near, far = (0, 1) if x0 == x1 or y0 == y1 else (0.5, 0.5)
    return tuple(cell * 1000 / SIDE for cell in (x0 + near, y0 + near, x1 + far, y1 + far))


def read_minigpt(text: str, settings: Settings) -> Plan | None:
    """`<p>a cup</p> {<12><40><38><76>}`: left, top, right, bottom of 0..100. Source: MiniGPT-v2's README."""
    pieces: list[str | Found] = []
    done = 0
    for match in _MINIGPT.finditer(text):
        pieces.append(text[done : match.start()])
        label = " ".join((match["phrase"] or "").split())
        numbers = [int(number) * 10 for number in _NUMBERS.findall(match["boxes"])]
        for at in range(0, len(numbers), 4):
            pieces += [" "] * bool(at)
            pieces.append(Found("" if at else label, tuple(numbers[at : at + 4]), LTRB, THOUSANDTHS, "", "all", label))
        done = match.end()
    return _captioned(pieces, text[done:], "{<") if done else None


def _captioned(pieces: list[str | Found], rest: str, sign: str) -> Plan:
    """A plan of a caption and what follows its last box. A further sign of a box means that the text was cut off."""
    before, cut, _ = rest.partition(sign)
    return Plan([_TAGS.sub(" ", piece) if isinstance(piece, str) else piece for piece in [*pieces, before]], bool(cut))


NO_POINTS = "The text holds points, and a chain needs boxes. Ask the model for boxes: 'a red cup (120,400),(380,760)'."


def read_points(text: str, settings: Settings) -> Plan | None:
    """`<point x="24.5" y="57.2" alt="a cup">`: points are no boxes. Source: Molmo's model card."""
    raise ChainError(NO_POINTS)
