"""Tables and markup: Markdown tables, CSV, YAML, XML, HTML and SVG, as chat models and annotation tools write them."""

import csv
import itertools
import re
from typing import Any

from ..grammar import ChainError
from . import keys
from .color_words import color_word
from .entries import has_letters
from .loose_json import read_json
from .objects import rows_of
from .plan import FRACTIONS, LTRB, LTWH, Found, Plan, Settings, listed
from .values import number, numbers_in, numbers_of

# --------------------------------------------------------------------------------------------------- Markdown and CSV


_CELLS = re.compile(r"<t[dh]\b[^<>]{0,200}>", re.IGNORECASE)
_ROWS = re.compile(r"</?tr\b[^<>]{0,200}>", re.IGNORECASE)


def read_table(text: str, settings: Settings) -> Plan | None:
    """A Markdown table with a column for the words and one, or four, for the box."""
    if "<td" in text.lower():
        text = re.sub(r"</?\w{1,10}[^<>]{0,200}>", "", _ROWS.sub("\n", _CELLS.sub("|", text)))
    lines = [line.strip() for line in text.replace("│", "|").splitlines()]
    lines = [line for line in lines if "<|" not in line and (line.startswith("|") or line.count(" | ") >= 1)]
    cells = [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in lines]
    cells = [row for row in cells if not all(re.fullmatch(r":?-{1,60}:?", cell) for cell in row)]
    rows, cut = _of_cells(cells)
    return listed("", rows, "", cut) if rows and all(row.label for row in rows) else None


_VALUE = r"[ \t]{1,9}(\d{1,6}(?:\.\d{1,6})?)"
_BLANKS = re.compile(rf"^\s{{0,9}}(?:[-*•]\s)?([^\d,;|]{{2,80}}?):?{_VALUE}{_VALUE}{_VALUE}{_VALUE}\s{{0,9}}$")


def read_csv(text: str, settings: Settings) -> Plan | None:
    """Lines of a label and four numbers, with commas, semicolons, tabs or blanks. A first line may name the columns."""
    if re.search(r"[(\[{<]", text) or not re.search(r"\d", text):
        return None
    lines = [line for line in text.splitlines() if line.strip() and len(line) < 1000]
    cells = [_cells(line) for line in lines]
    rows, cut = _of_cells([row for row in cells if len(row) >= 4])
    if not rows:
        rows = [found for line in lines if (match := _BLANKS.match(line)) for found in _of_row([*match.groups()], [])]
        rows = [row for row in rows if max(row.numbers) <= 1 or sum(value >= 10 for value in row.numbers) >= 2]
    cut = cut or (bool(rows) and bool(re.search(r"[,;\t ]\d", lines[-1])) and not _of_row(cells[-1], []))
    return listed("", rows, "", cut) if rows and all(row.label for row in rows) else None


def _cells(line: str) -> list[str]:
    """The cells of a line of CSV. A quoted cell may hold the sign that parts them."""
    sign = next((sign for sign in "\t;" if sign in line), ",")
    return [cell.strip(" \"'") for cell in next(csv.reader([line], delimiter=sign, skipinitialspace=True), [])]


def _of_cells(cells: list[list[str]]) -> tuple[list[Found], bool]:
    """The boxes of all rows, and whether the last row was cut off. ChainError for another row with half a box."""
    if not cells:
        return [], False
    names = [re.sub(r"\W+", "_", cell.lower()).strip("_") for cell in cells[0]]
    has_names = not any(number(cell) is not None or numbers_in(cell) for cell in cells[0])
    boxes = [_of_row(row, names if has_names else []) for row in cells[has_names:]]
    halves = [row for row, found in zip(cells[has_names:], boxes, strict=True) if not found and _has_numbers(row)]
    if any(boxes) and any(row is not cells[-1] for row in halves):
        raise ChainError(f"The row '{', '.join(halves[0])[:60]}' has no whole box. It needs four numbers.")
    return [found for row in boxes for found in row], any(boxes) and bool(halves)


def _has_numbers(row: list[str]) -> bool:
    in_brackets = any(re.fullmatch(r"[(\[]\s?\d[^()\[\]]{1,60}\d\s?[)\]]", cell) for cell in row)
    return in_brackets or sum(number(cell) is not None for cell in row) >= 3


_LABEL_NAME = re.compile(r"^(?:label|object|name|物体|物體)\s?[:：]\s?", re.IGNORECASE)


def _of_row(row: list[str], names: list[str]) -> list[Found]:
    """The boxes of one row of a table."""
    row = [re.sub(r"^(?:\d{1,3}[.)]|[-*•])\s{1,3}", "", row[0]), *row[1:]] if row else row
    entries = dict(zip(names, row, strict=False))
    color = next((entries[name] for name in ("color", "colour", "颜色") if name in entries), "")
    color = color or (row[-1] if len(row) > 5 and color_word(row[-1]) else "")
    boxes = [cell for cell in row if re.search(r"\d\D{1,9}\d", cell) and numbers_in(cell)]
    values = [(at, value) for at, cell in enumerate(row) if (value := number(cell)) is not None]
    sides = {name: entries[name] for name in names if name in keys.SIDES and name in entries}
    numbers = numbers_of(sides) or [box for cell in boxes for box in numbers_in(cell)]
    if not numbers and len(values) == 4:
        numbers = numbers_in(",".join(row[at] for at, _ in values))
    corners = [cell for cell in row if re.fullmatch(r"[(\[][^()\[\]]{3,40}[)\]]", cell)]
    if not numbers and len(corners) == 2 and not any(re.search("size|dim|cent", name) for name in names):
        numbers = numbers_in(",".join(corner[1:-1] for corner in corners))
        boxes = corners
    others = [cell for cell in row if cell not in (*boxes, color) and number(cell) is None]
    words = [cell for cell in others if has_letters(cell)]
    first = row.index(words[0]) if words else 0
    more = itertools.takewhile(lambda cell: cell in words, row[first:])  # "a red cup, chipped" without quotes
    label = next((entries[name] for name in keys.COLUMNS if entries.get(name) in words), ", ".join(more))
    label = _LABEL_NAME.sub("", label)
    color = color or next((cell for cell in row[1:] if cell[:5].lower() == "color" and color_word(cell)), "")
    return [Found(label, box.values, box.order, "", color, "order" if box.is_named else "") for box in numbers]


# ---------------------------------------------------------------------------------------------------------------- YAML

_YAML_BOX = re.compile(
    r"^\s{0,40}(?:- )?['\"]?(?:bbox\w{0,9}|box\w{0,9}|bounding_?box|coordinates|coords|xyxy|position|x|x_?min|x1|x0"
    r"|left|cx|坐标|座標|位置)['\"]?\s{0,3}:",
    re.MULTILINE | re.IGNORECASE,
)
_YAML_LINE = re.compile(
    r"^(?P<dash>\s{0,40}- )?\s{0,40}['\"]?(?P<key>[^\W\d][\w ]{0,40})['\"]?\s{0,3}:\s{0,9}(?P<value>[^\n]*)$"
)
_YAML_NUMBER = re.compile(r"^\s{0,40}- ([-\d.]{1,14})\s*$")


def read_yaml(text: str, settings: Settings) -> Plan | None:
    """Items of `label: a cup` and `bbox: [120, 400, 380, 760]`, or with a line for each side."""
    text = text.replace("：", ":")
    if not _YAML_BOX.search(text):
        return None
    items: list[dict[str, Any]] = [{}]
    last = ""
    for line in text.splitlines():
        value = _YAML_NUMBER.match(line)
        match = None if value else _YAML_LINE.match(line)
        if value and isinstance(items[-1].get(last), list):
            items[-1][last].append(number(value[1]))
        if not match:
            continue
        if match["dash"] or match["key"] in items[-1]:
            items.append({})
        last = match["key"]
        items[-1][last] = _yaml_value(match["value"].strip())
    rows = rows_of(items, settings)
    return listed("", rows) if rows and all(row.label for row in rows) else None


def _yaml_value(text: str) -> Any:
    if not text:
        return []
    if numbers := numbers_in(text):
        return list(numbers[0].values) if len(numbers) == 1 and not numbers[0].is_named else text
    if text[0] in "[{" and text[-1] in "]}":
        return next(iter(read_json(text).values), text)
    value = number(text)
    return text.strip("'\"") if value is None else value


# -------------------------------------------------------------------------------------------------------------- markup

_TAG = re.compile(r"<(?P<name>\w{1,30})(?P<attributes>\s[^<>]{1,800}?)?/?>(?P<inner>[^<]{0,400})")
_ATTRIBUTE = re.compile(r"([\w:-]{1,40})\s{0,3}=\s{0,3}(?:\"([^\"]{0,400})\"|'([^']{0,400})')")
_STYLE = re.compile(r"\b(left|top|width|height)\s{0,3}:\s{0,3}(-?[\d.]{1,12}\s{0,3}(?:%|px)?)")


def read_markup(text: str, settings: Settings) -> Plan | None:
    """Elements whose attributes or parts are a box: `<rect x=".." y=".." width=".." height=".." id="cup"/>`.

    The size of an SVG image, or of an annotated one, tells what the numbers count.
    """
    rows: list[Found] = []
    label, waiting = "", []
    extent: tuple[float, float] | None = None
    sides: dict[str, float] = {}
    for tag in _TAG.finditer(text):
        name, inner = tag["name"].lower(), " ".join(tag["inner"].split())
        attributes = {key.lower(): one or other for key, one, other in _ATTRIBUTE.findall(tag["attributes"] or "")}
        if name in ("svg", "image", "size") and (attributes or name == "size"):
            extent = _extent(attributes) or extent
            continue
        has_own = any(has_letters(attributes.get(key, "")) for key in keys.ATTRIBUTES)
        boxes = _of_attributes(attributes) or (numbers_in(inner) if name in keys.BOX_TAGS or has_own else [])
        own = next((attributes[key] for key in keys.ATTRIBUTES if has_letters(attributes.get(key, ""))), "")
        if name in keys.SIDES and (value := number(inner)) is not None:
            sides[name] = value
            boxes = numbers_of(sides)
            if not boxes and sides.keys() == {"width", "height"}:
                extent = (sides["width"], sides["height"])
            sides = {} if boxes or sides.keys() == {"width", "height"} else sides
        elif name in keys.COLUMNS and not boxes and has_letters(inner):
            label = inner
            rows += [found._replace(label=label) for found in waiting]
            waiting = []
        if name in keys.COLOR and rows and not rows[-1].color:
            rows[-1] = rows[-1]._replace(color=inner)
        for box in boxes:
            said = own or (inner if has_letters(inner) and (name not in keys.BOX_TAGS or attributes) else "") or label
            found = Found(said, box.values, box.order, "", attributes.get("fill", attributes.get("color", "")), "order")
            (rows if said else waiting).append(found)
    rows += waiting
    if extent and min(extent) > 0:
        rows = [_of_extent(row, extent) for row in rows]
    return listed("", rows) if rows and all(row.label for row in rows) else None


def _of_attributes(attributes: dict[str, str]) -> list[Any]:
    style = dict(_STYLE.findall(attributes.get("style", "")))
    sides = {key: value for key, value in attributes.items() if key in keys.SIDES}
    text = next((attributes[key] for key in (*keys.BOX_TAGS, "data-bbox") if key in attributes), "")
    numbers = numbers_of(sides) or numbers_of(style) or numbers_in(text)
    if not numbers and len(re.findall(r"\d+", text)) >= 2:
        raise ChainError(f"The box '{text[:40]}' is not whole. It must be four numbers.")
    return numbers


def _extent(attributes: dict[str, str]) -> tuple[float, float] | None:
    view = [float(value) for value in re.findall(r"\d{1,6}(?:\.\d{1,6})?", attributes.get("viewbox", ""))]
    sides = view[2:] if len(view) == 4 else [number(attributes.get(key, "")) for key in ("width", "height")]
    return (sides[0], sides[1]) if all(sides) and len(sides) == 2 and min(sides) > 1 else None


def _of_extent(row: Found, extent: tuple[float, float]) -> Found:
    """A row in fractions of an image whose size is known."""
    if max(row.numbers) <= 1.02 and any(value != int(value) for value in row.numbers):
        return row
    width, height = extent
    a, b, c, d = row.numbers
    numbers = (a / width, b / height, c / width, d / height)
    return row._replace(numbers=numbers, units=FRACTIONS, fixed="all", order=LTWH if row.order == LTWH else LTRB)
