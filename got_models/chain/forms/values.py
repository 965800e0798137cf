"""Numbers, sides and boxes as they are written, in prose and in data.

Every pattern takes at most a few hundred characters from where it starts, so that a search takes linear time.
"""

import re
from typing import Any, NamedTuple

from .corners import SECOND_CORNER, TO
from .plan import LTRB, LTWH

SPACE = r"\s{0,40}"
_DIGITS = r"(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_PERCENT = r"\d{1,3}(?:\.\d{0,9})?\s?%"
_NAME = r"[A-Za-z][A-Za-zö_ -]{0,14}\d?(?:\s{0,9}[=:]\s{0,9}|(?<=[a-z]{3})\s)"
_UNIT = r"(?:\s{0,3}(?:%|px\b))?"
_ENTRY = rf"(?:{_NAME})?[-+−]?{_DIGITS}{_UNIT}"
_NEXT = rf"(?:{SPACE}[,;]{SPACE}|\s{{1,40}})"
_OPEN, _CLOSE = r"[(\[{<\ue000]", r"[)\]}>\ue001]"
_PAIR = rf"{_OPEN}{SPACE}{_ENTRY}{_NEXT}{_ENTRY}{SPACE}{_CLOSE}"
_FOUR = rf"{_ENTRY}(?:{_NEXT}{_ENTRY}){{3}}"
_BETWEEN = rf"{SPACE}(?:[,;~/–—:→x×\-]|->|=>|{TO})?{SPACE}(?:{SECOND_CORNER}{SPACE})?"
_PAIRS = rf"{_PAIR}{_BETWEEN}{_PAIR}|(?:(?<=between )|(?<=corners )){_PAIR} and {_PAIR}"
_IN_BRACKETS = re.compile(
    rf"(?P<outer>(?:{_OPEN}{SPACE}){{0,4}}?)"
    rf"(?:{_PAIRS}|{_OPEN}{SPACE}{_FOUR}(?:{SPACE};{SPACE}{_FOUR}){{0,40}}{SPACE}{_CLOSE})",
    re.IGNORECASE,
)
_SIDE = (
    r"\b(?:[xy][_ -]?(?:min|max|cent(?:er|re)|[012])?|(?:min|max|cent(?:er|re))[_ -]?[xy]|left|top|right|bottom|c[xy]"
    r"|[wh]|width|height"
    r"|links|oben|rechts|unten|breite|höhe|gauche|haut|droite|bas|largeur|hauteur|izquierda|arriba|derecha|abajo|ancho|alto)"
)
_NAMED_SIDE = rf"{_SIDE}['\"]?(?:\s{{0,9}}[=:]\s{{0,9}}|(?<=[a-z]{{3}})\s)['\"]?[-+−]?{_DIGITS}{_UNIT}['\"]?"
_AND = rf"(?:[,;]?{SPACE}(?:and\s{{1,9}})?['\"]?)"
_RANGE = (
    rf"\b[xy]\s{{0,9}}[=:]?\s{{0,9}}(?:from\s{{1,9}})?{_DIGITS}{_UNIT}\s{{0,9}}(?:-|–|—|to\b|\.\.){SPACE}"
    rf"(?:[xy]\s{{0,9}}[=:]\s{{0,9}})?{_DIGITS}{_UNIT}"
)
_NAMED_SIDES = re.compile(rf"{_NAMED_SIDE}(?:{_AND}{_NAMED_SIDE}){{3}}", re.IGNORECASE)
_RANGES = re.compile(rf"{_RANGE}{_AND}{_RANGE}", re.IGNORECASE)
_BARE = re.compile(
    rf"{_DIGITS}{_UNIT}(?:,\s{{0,3}}{_DIGITS}{_UNIT}){{3}}(?![\d,.%]*\d)|{_PERCENT}(?:[,\s]\s?{_PERCENT}){{3}}"
)
_BEFORE_BARE = re.compile(r"[=:]\s{0,3}(?=\d)|at\s{1,3}(?=\d)")
_PERCENTS = re.compile(rf"{_PERCENT}[,\s]")
_STARTS = re.compile(_OPEN)
_NAMED_STARTS = re.compile(rf"{_SIDE}(?=['\"]?\s{{0,9}}(?:[=:]|from\s|\d))", re.IGNORECASE)
_CLOSED = re.compile(rf"{SPACE}{_CLOSE}")
_EACH = re.compile(rf"(?P<name>{_NAME})?(?P<sign>[-+−]?)(?P<digits>{_DIGITS})\s{{0,3}}(?P<unit>%|px\b)?", re.IGNORECASE)

_NAMES = {
    "x0": ["xmin", "xmin0", "x1min", "x0", "left", "links", "gauche", "izquierda", "minx", "l", "startx", "xstart"],
    "y0": ["ymin", "y0", "top", "oben", "haut", "arriba", "miny", "t", "starty", "ystart"],
    "x1": ["xmax", "right", "rechts", "droite", "derecha", "maxx", "r", "endx", "xend"],
    "y1": ["ymax", "bottom", "unten", "bas", "abajo", "maxy", "b", "endy", "yend"],
    "cx": ["cx", "xcenter", "centerx", "xc"],
    "cy": ["cy", "ycenter", "centery", "yc"],
    "w": ["w", "width", "breite", "largeur", "ancho"],
    "h": ["h", "height", "höhe", "hauteur", "alto"],
    "x": ["x"],
    "y": ["y"],
}
_SIDE_WORDS = {"x1", "y1", "x2", "y2", "px", "min", "max", "center", "to", "from"}
_SIDES = {name: side for side, names in _NAMES.items() for name in names}


class Numbers(NamedTuple):
    """Four numbers and their order. is_named: their names gave the order."""

    values: tuple[float, ...]
    order: str = LTRB
    is_named: bool = False


def boxes_in(text: str) -> list[tuple[int, int, list[Numbers]]]:
    """Where boxes are written in a text, and their numbers. Brackets around a box or a list of boxes belong to it."""
    found, done, depth = [], 0, 0
    for start in _possible_starts(text):
        if start < done:
            continue
        kinds = (_IN_BRACKETS, _NAMED_SIDES, _RANGES, _BARE)
        match = next((match for kind in kinds if (match := kind.match(text, start))), None)
        numbers = numbers_in(match[0]) if match else []
        if not numbers:
            continue
        is_apart = any(letter.isalnum() for letter in text[done:start])
        outer = match.groupdict().get("outer") or ""
        depth = (0 if is_apart else depth) + len(_STARTS.findall(outer))
        stop = match.end()
        while depth and (closed := _CLOSED.match(text, stop)):
            stop, depth = closed.end(), depth - 1
        found.append((start, stop, numbers))
        done = stop
    return found


def _possible_starts(text: str) -> list[int]:
    starts = [match.start() for match in _STARTS.finditer(text)]
    if any(sign in text for sign in ("=", ":", " from ", "x ", "X ", "eft ", "op ")):
        starts += [match.start() for match in _NAMED_STARTS.finditer(text)]
    starts += [match.end() for match in _BEFORE_BARE.finditer(text)]
    starts += [match.start() for match in _PERCENTS.finditer(text)] if "%" in text else []
    return sorted(starts)


def numbers_in(text: str) -> list[Numbers]:
    """The boxes of a text that holds nothing else; none if its numbers do not come in fours."""
    text = text[:8000].replace('"', "").replace("'", "")
    entries = list(_EACH.finditer(text))
    if _RANGES.fullmatch(text.strip()) and len(entries) == 4:
        a, b, c, d = (abs(_value(entry)) for entry in entries)
        return [Numbers((c, a, d, b) if text.lstrip()[0] in "yY" else (a, c, b, d), LTRB, True)]
    if not entries or len(entries) % 4:
        return []
    found = []
    for at in range(0, len(entries), 4):
        four = entries[at : at + 4]
        sides = {side_of(entry["name"] or ""): _value(entry) for entry in four}
        found.append(_named(sides) or Numbers(tuple(_value(entry) for entry in four)))
    return found


def numbers_of(value: Any, depth: int = 3) -> list[Numbers]:
    """The boxes that a value of data holds: four numbers, two corners, named sides, a text with them, or a list."""
    if isinstance(value, str):
        return numbers_in(value) if len(value) < 400 and _names_sides(value) else []
    if isinstance(value, dict):
        named = _named({side_of(str(key)): number(entry) for key, entry in value.items() if number(entry) is not None})
        return [named] if named else _of_corners(list(value.values()))
    if not isinstance(value, list) or not value:
        return []
    numbers = [number(entry) for entry in value]
    if None not in numbers:
        if len(numbers) == 8 and len(value) == 8:
            return [_around(numbers)]
        return [Numbers(tuple(numbers))] if len(numbers) == 4 else []
    corners = _of_corners(value)
    if corners or not depth or not all(isinstance(entry, list | dict | str) for entry in value):
        return corners
    return [box for entry in value for box in numbers_of(entry, depth - 1)]


def outline_of(value: Any) -> list[Numbers]:
    """The box around a polygon, or around several: lists of numbers, of [x, y], or of {x, y}, nested in any way."""
    numbers, todo = [], [value]
    while todo:
        value = todo.pop()
        if isinstance(value, list | dict):
            todo += reversed(list(value.values() if isinstance(value, dict) else value))
        elif number(value) is not None:
            numbers.append(number(value))
    return [_around(numbers)] if len(numbers) >= 4 and len(numbers) % 2 == 0 else []


def _names_sides(text: str) -> bool:
    """Whether the words of a text are names of sides and units alone."""
    return all(word.lower() in _SIDES or word.lower() in _SIDE_WORDS for word in re.findall(r"[^\W\d_]+\d?", text))


def number(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if -(10**12) < value < 10**12 else None
    match = _EACH.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 40 else None
    return _value(match) if match and not match["name"] else None


def _of_corners(value: list[Any]) -> list[Numbers]:
    """A box from two corners, [[x, y], [x, y]], or from the four of a polygon."""
    points = [list(point.values()) if isinstance(point, dict) else point for point in value[:9]]
    if len(points) not in (2, 4) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        return []
    numbers = [number(entry) for point in points for entry in point]
    if None in numbers:
        return []
    return [Numbers(tuple(numbers))] if len(numbers) == 4 else [_around(numbers)]


def _around(numbers: list[float]) -> Numbers:
    """The box around a polygon."""
    xs, ys = numbers[::2], numbers[1::2]
    return Numbers((min(xs), min(ys), max(xs), max(ys)))


def _value(match: re.Match) -> float:
    value = float(match["digits"]) if "." in match["digits"] else int(match["digits"])
    value = -value if match["sign"] in ("-", "−") else value
    return value / 100 if match["unit"] == "%" else value


def side_of(name: str) -> str:
    """The side that a name means; the name itself, in small letters, for one that is none."""
    letters = re.sub(r"[\W_]+", "", name.lower())
    return _SIDES.get(letters, letters)


def _named(sides: dict[str, float]) -> Numbers | None:
    """The box of named sides: two corners, corner and size, or center and size. None if sides are missing."""
    if "x1" in sides and "x2" in sides:  # x1, y1 are then the first corner
        sides = sides | {"x0": sides["x1"], "x1": sides["x2"], "y0": sides.get("y1"), "y1": sides.get("y2")}
        sides = {name: value for name, value in sides.items() if value is not None}
    elif "x2" in sides and "y2" in sides:
        sides = sides | {"x1": sides["x2"], "y1": sides["y2"]}
    left, top = sides.get("x0", sides.get("x")), sides.get("y0", sides.get("y"))
    if {"cx", "cy", "w", "h"} <= sides.keys():
        cx, cy, w, h = (sides[name] for name in ("cx", "cy", "w", "h"))
        return Numbers((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), LTRB, True)
    if left is None or top is None:
        return None
    if "x1" in sides and "y1" in sides:
        return Numbers((left, top, sides["x1"], sides["y1"]), LTRB, True)
    if "w" in sides and "h" in sides:
        return Numbers((left, top, sides["w"], sides["h"]), LTWH, True)
    return None
