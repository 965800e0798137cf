"""JSON and Python data: what vision models answer with, what ComfyUI's nodes pass on, and layouts for painters.

    bbox_2d                     Qwen2.5-VL, Qwen3-VL: left, top, right, bottom
    box_2d                      Gemini: top, left, bottom, right
    bboxes, labels              Florence-2's data, in pixels
    x, y, width, height         ComfyUI's pixel boxes
    type, bbox, desc            ComfyUI's elements and Ideogram's caption: top, left, bottom, right
    id, bbox, desc              FLUX 3's layout, which a caption cites by <id>; src_bbox, tgt_bbox: its edits
    bbox_coord_space            MOSS-Image's layout: top, left, bottom, right, in pixels from the center
    coordinates                 Ming-Image's layout: center and size in words
    rect, prefixes              Omost's canvas: top, bottom, left, right of 90

Chat models make up others; any object with a label and four numbers is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..grammar import ChainError
from ..phrases import OBJECT_END, OBJECT_START
from . import keys
from .cleaning import half_width
from .entries import color_of, has_letters, label_of, words_of
from .loose_json import AGAIN, Loose, read_json
from .moves import NEW_PLACE, new_place
from .plan import FRACTIONS, LTRB, LTWH, PIXELS, THOUSANDTHS, TLBR, Found, Plan, Settings, listed, sentence
from .prose import read_prose
from .scaling import pixel_range
from .tokens import NO_POINTS
from .values import Numbers, boxes_in, number, numbers_of, outline_of

_CITED = re.compile(r"\s{0,9}<([A-Za-z]\w{0,40})>")
_NO_NOUN = re.compile(  # a caption that ends so has not named the object: "a photo of <chef_1> plating <dish_1>"
    r"\b(of|with|and|or|by|on|in|at|to|near|beside|behind|under|above|below|over|between|from|\w{2,30}ing)$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"(?:\b[Ii]n\s)?<ref_image_\d{1,3}>,?\s?")
_ANY_KEY = re.compile(r"""[{,\n]\s{0,200}(?:\\?["'“][^"'”\n]{1,80}["'”]|\w{1,40})\s{0,9}[:：=]""")

_KEY_FIRST = re.compile(r'"?\w{1,20}"\s{0,3}:\s{0,3}["\[{]')  # the text begins within an object

_NO_MOSS_SIZE = (
    "A MOSS layout counts pixels from the center of the canvas. Set width and height to those of the canvas that it "
    "was made for."
)

_NUMBERS = re.compile(r"(?<![\w.])\d{1,9}(?:\.\d{1,9})?")
_LIKE_BOX = re.compile(r"box|loc|pos|coord|xy|rect|area|region|bound|frame")
_NO_LABELS = {*keys.WRAPPERS, *keys.BOX, *keys.LEAD}
_USED = {*keys.BOX, *keys.LABEL, *keys.COLOR, *keys.BOX_LISTS, *keys.LABEL_LISTS, "metadata", "prefixes"}
_Entry = tuple[Any, str, dict]  # a value, the key above it, and the MOSS layout around it


class _Row(NamedTuple):
    found: Found
    name: str  # the id by which a caption cites it; "" if it has none
    is_place: bool = False  # the new place of the row before it


@dataclass
class _Read:
    """What a walk through data has found."""

    rows: list[_Row] = field(default_factory=list)
    lead: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    halves: list[tuple[str, int]] = field(default_factory=list)  # objects with half a box, and the rows before each
    has_objects: bool = False
    has_points: bool = False
    categories: dict = field(default_factory=dict)  # COCO's names by id


def read_objects(text: str, settings: Settings) -> Plan | None:
    """The plan of a text with JSON or Python data; None if it has none, or if its prose holds the boxes."""
    if not any(sign in text for sign in ":=：\"'"):
        return None
    text = half_width(text) if "｛" in text or "［" in text else text
    text = '{"' + text.lstrip('"') if _KEY_FIRST.match(text) else text
    if not _ANY_KEY.search(text) and not (
        "[" in text and re.search(r"[\[(]\s{0,9}[\"']|[\])]\s?,\s?[\"'][^\"'\n]{1,80}[\"']\s?[\])]", text)
    ):
        return None
    loose, read = _read_all(text, settings)
    if not read.rows and '\\"' in text:  # a text of JSON that was printed as a JSON text itself
        text = text.replace('\\"', '"')
        loose, read = _read_all(text, settings)
    if read.rows and '"' not in text and not any(row.found.label for row in read.rows):
        return None  # a cup => {x1: 120, ...}
    if read.rows:
        outside = _outside(text, loose.spans)
        _check_halves(read, loose.cut)
        _check_outside(outside, read.rows)
        return _plan(read, loose.cut, outside)
    if not read.has_objects:
        return None
    if boxes_in(_outside(text, loose.spans)):
        return None
    with_boxes = [text for text in read.texts if boxes_in(text)]
    if with_boxes:
        return read_prose("\n".join(with_boxes), settings)
    if read.has_points:
        raise ChainError(NO_POINTS)
    what = " that was cut off" if loose.cut else ""
    raise ChainError(
        f"The text is JSON{what} without a box. A box is four numbers under bbox_2d, box_2d or bbox, with a label."
    )


def _read_all(text: str, settings: Settings) -> tuple[Loose, _Read]:
    loose, read = read_json(text), _Read()
    for value in loose.values:
        _walk(value, read, settings)
    return loose, read


def plan_of_data(data: Any, settings: Settings, cut: bool = False) -> Plan | None:
    """The plan of data that is already read; None if it has no box."""
    read = _Read()
    _walk(data, read, settings)
    _check_halves(read, cut)
    return _plan(read, cut, "") if read.rows else None


def rows_of(data: Any, settings: Settings) -> list[Found]:
    """The boxes of data that is already read, such as a list of elements."""
    read = _Read()
    _walk(data, read, settings)
    _check_halves(read, cut=False)
    return [row.found for row in read.rows]


def _check_outside(outside: str, rows: list[_Row]) -> None:
    """ChainError if the prose around the data has a box that the data lacks, and that is not the whole image."""
    known = {row.found.numbers for row in rows}
    for start, stop, numbers in boxes_in(half_width(outside)):
        if any(box.values not in known and box.values[:2] != (0, 0) for box in numbers):
            raise ChainError(
                f"The text has boxes as JSON, and others in its prose "
                f"('{outside[start:stop][:40]}'). Use one of the two."
            )


def _outside(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, done = [], 0
    for start, stop in spans:
        pieces.append(text[done:start])
        done = stop
    return " ".join([*pieces, text[done:]])


# ------------------------------------------------------------------------------------------------- walking through data


def _walk(data: Any, read: _Read, settings: Settings) -> None:
    """Find rows in document order."""
    todo: list[_Entry] = [(data, "", {})]
    unpacked = 0
    while todo:
        value, above, frame = todo.pop()
        if isinstance(value, list):
            pair = _pair(value)
            if pair:
                read.rows.append(_Row(pair, ""))
                continue
            if len(value) == 2 and isinstance(value[0], str) and _has_half({"box": value[1]}):
                read.halves.append((value[0], len(read.rows)))
            todo += [(entry, above, frame) for entry in reversed(value) if isinstance(entry, dict | list | str)]
        elif isinstance(value, dict):
            read.has_objects = True
            todo += reversed(_read_object(value, above, frame, read, settings))
        elif isinstance(value, str):
            if unpacked < 9 and re.search(r"[{\[]\s{0,9}[{\"']", value[:2000]) and _ANY_KEY.search(value[:4000]):
                unpacked += 1
                todo += [(entry, above, frame) for entry in reversed(read_json(value).values)]
            else:
                read.texts.append(value)


def _pair(value: list) -> Found | None:
    """A row of the form ["a cup", [120, 400, 380, 760]] or ["a cup", 120, 400, 380, 760], in either order."""
    if len(value) == 5 and sum(isinstance(entry, str) for entry in (value[0], value[-1])) == 1:
        value = [value[0], value[1:]] if isinstance(value[0], str) else [value[-1], value[:-1]]
    if len(value) != 2:
        return None
    label, box = value if isinstance(value[0], str) else reversed(value)
    if not isinstance(label, str) or not has_letters(label) or not isinstance(box, list | dict):
        return None
    numbers = numbers_of(box)
    return _found(label, numbers[0]) if len(numbers) == 1 else None


def _read_object(entries: dict, above: str, frame: dict, read: _Read, settings: Settings) -> list[_Entry]:
    """Take the rows of an object. What is to be walked through next."""
    small = {}
    for key, entry in entries.items():
        small.setdefault(keys.plain(key), entry)
    if "shape_type" in small and "points" in small:  # LabelMe's
        small["polygon"] = small.pop("points")
    read.has_points = read.has_points or any(key in small for key in keys.POINTS)
    if "bbox_coord_space" in small:
        frame = small
    for category in small["categories"] if isinstance(small.get("categories"), list) else []:
        if isinstance(category, dict):
            read.categories[str(category.get("id"))] = words_of(category.get("name"))
    rows = _omost_row(small, read)
    if rows is None and (rows := _parallel(small)) is not None:
        _take_prose(small, read)
    if rows is None:
        rows = _own_rows(small, above, frame, read, settings)
    if rows is not None:
        read.rows += rows
        rest = ((key, entry) for key, entry in small.items() if isinstance(entry, dict | list))
        return [(entry, "", frame) for key, entry in rest if key not in _USED and not numbers_of(entry)]
    _take_prose(small, read)
    parts = [key for key, entry in small.items() if isinstance(entry, dict | list) and key not in keys.COLOR]
    own = label_of(small, {}) if len(parts) == 1 else ""
    below = []
    for key, entry in entries.items():
        name, key = keys.plain(key), key.partition(AGAIN)[0].strip()
        is_label = name not in _NO_LABELS and not name.endswith("_list")
        is_plain = isinstance(entry, list) and not any(isinstance(part, dict) for part in entry)
        if is_plain and name not in keys.POINTS and (numbers := numbers_of(entry)):
            label = key if is_label and has_letters(key) else ""
            read.rows += [_Row(_found(label, box), "") for box in numbers]
        elif isinstance(entry, str) and is_label and has_letters(key) and (numbers := numbers_of(entry)):
            read.rows += [_Row(_found(key, box), "") for box in numbers]
        elif isinstance(entry, dict | list) or (isinstance(entry, str) and name not in (*keys.LEAD, "background")):
            inherited = key if is_label else above if isinstance(entry, list) else ""
            below.append((entry, own or inherited, frame))
    return below


def _omost_row(small: dict, read: _Read) -> list[_Row] | None:
    """The row of Omost's canvas: rect is top, bottom, left, right of 90."""
    rect, prefixes = small.get("rect"), small.get("prefixes")
    if not isinstance(rect, list) or not isinstance(prefixes, list) or len(rect) != 4:
        return None
    label = next((text for text in reversed(prefixes) if isinstance(text, str)), "").rstrip(". ")
    numbers = numbers_of(rect)
    if not numbers:
        return None
    top, bottom, left, right = (side * 1000 / 90 for side in numbers[0].values)
    if rect == [0, 90, 0, 90]:
        read.lead.append(label)
        return []
    return [_Row(Found(label, (left, top, right, bottom), LTRB, THOUSANDTHS, color_of(small), "all"), "")]


def _parallel(small: dict) -> list[_Row] | None:
    """Rows of two lists of the same length, boxes and labels: Florence-2's data counts pixels."""
    boxes = next((key for key in keys.BOX_LISTS if isinstance(small.get(key), list)), None)
    labels = next((key for key in keys.LABEL_LISTS if isinstance(small.get(key), list)), None)
    if not boxes or not labels or not all(isinstance(label, str) for label in small[labels]):
        return None
    boxes_of = outline_of if boxes in keys.POLYGONS else numbers_of
    numbers = [box for entry in small[boxes] for box in boxes_of(entry)]
    if not numbers:
        return None
    names = small[labels] * len(numbers) if len(small[labels]) == 1 else small[labels]
    if len(numbers) != len(names):
        raise ChainError(
            f"The text has {len(numbers)} boxes and {len(names)} labels. It needs one label for each box, in order."
        )
    is_florence = boxes in ("bboxes", "quad_boxes", "polygons") and labels in ("labels", "bboxes_labels")
    units = PIXELS if is_florence and max(max(box.values) for box in numbers) > 1.02 else ""
    return [_Row(_found(name, box)._replace(units=units), "") for name, box in zip(names, numbers, strict=True)]


def _own_rows(small: dict, above: str, frame: dict, read: _Read, settings: Settings) -> list[_Row] | None:
    """The rows of an object that holds its own box or boxes; None if it has none."""
    is_coco = "category_id" in small
    label = label_of(small, frame) or (read.categories.get(str(small["category_id"]), "") if is_coco else "")
    label = label or (above if has_letters(above) else "")
    if move := _move(small, label):
        return move
    key, numbers = _box_of(small)
    if not numbers:
        if label and _has_half(small):
            read.halves.append((label, len(read.rows)))
        return None
    if not label and key and key not in keys.BOX:  # an object whose keys are all unknown
        label = next((words for value in small.values() if isinstance(value, str) and (words := words_of(value))), "")
    name = small.get("id") if isinstance(small.get("id"), str) else ""
    color = color_of(small)
    rows = []
    for box in numbers:
        found = _found(label, box, color)
        if frame:
            found = _centered(found, frame, settings)
        elif key == "coordinates" and box.is_named and max(box.values) <= 1.02:  # Ming-Image's layers
            found = found._replace(units=FRACTIONS, fixed="all")
        elif key in ("tgt_bbox", "src_bbox", "box_2d") or (key == "bbox" and _is_element(small)):
            units = THOUSANDTHS if max(box.values) > 1.02 else ""
            found = found if box.is_named else found._replace(order=TLBR, units=units)
        elif key == "bbox" and is_coco:
            found = found._replace(order=LTWH, units=PIXELS, fixed="order")
        elif not key and box.order == LTWH and "width" in small:
            found = _of_pixels(found, isinstance(small.get("metadata"), dict), settings)
        rows.append(_Row(found, name))
    return rows


def _move(small: dict, label: str) -> list[_Row] | None:
    """Two rows of a thing that FLUX 3's edit moves, with its old box and its new place; None if it is no move."""
    boxes = [numbers_of(small.get(key)) for key in ("src_bbox", "tgt_bbox")]
    if not all(boxes) or boxes[0] == boxes[1]:
        return None
    rows, name = [], small.get("id") if isinstance(small.get("id"), str) else ""
    for (box, *_), words in zip(boxes, (label, NEW_PLACE), strict=True):
        units = THOUSANDTHS if max(box.values) > 1.02 else ""
        found = _found(words, box, color_of(small))
        found = found if box.is_named else found._replace(order=TLBR, units=units)
        rows.append(_Row(found, name, is_place=words == NEW_PLACE))
    return rows


def _of_pixels(found: Found, has_metadata: bool, settings: Settings) -> Found:
    """ComfyUI's pixel box. One with metadata is a chain's or the canvas's, whose last column and row are inside."""
    if max(found.numbers) <= 1.02:
        return found
    whole = [round(number) for number in found.numbers]
    if not has_metadata or not settings.has_size or min(whole[2:]) < 1:
        return found._replace(units=PIXELS)
    x0, x1 = pixel_range(whole[0], whole[0] + whole[2] - 1, settings.width)
    y0, y1 = pixel_range(whole[1], whole[1] + whole[3] - 1, settings.height)
    return found._replace(numbers=(x0, y0, x1, y1), order=LTRB, units=THOUSANDTHS, fixed="all")


def _box_of(small: dict) -> tuple[str, list[Numbers]]:
    """The key of an object's box, "" if the object itself has its sides, and the numbers."""
    for key in keys.BOX:
        value = small.get(key)
        numbers = outline_of(value) if key in keys.POLYGONS else numbers_of(value)
        if numbers:
            return key, numbers
        if key in ("bbox_2d", "box_2d", "bbox") and isinstance(value, list) and value:
            shown = str(value)[:40]
            raise ChainError(f"The {key} of '{label_of(small, {})[:40]}' is {shown}. It must be four numbers.")
    sides = {key: value for key, value in small.items() if not isinstance(value, list | dict)}
    for key, names in (("position", "xy"), ("size", "wh"), ("dimensions", "wh"), ("center", ("cx", "cy"))):
        part = small.get(key)
        if isinstance(part, dict):
            sides |= {f"c{name}": value for name, value in part.items()} if key == "center" else part
        elif isinstance(part, list) and len(part) == 2:
            sides |= dict(zip(names, part, strict=True))
    numbers = numbers_of(sides) or numbers_of([small.get(key) for key in keys.CORNERS if key in small])
    if numbers:
        return "", numbers
    skipped = {*keys.COLOR, *keys.POINTS, *keys.WRAPPERS, *keys.LABEL, "metadata"}
    others = {key: found for key, value in small.items() if key not in skipped and (found := numbers_of(value))}
    (key, numbers), *more = others.items() or [("", [])]
    if numbers and not more and (label_of(small, {}) or _LIKE_BOX.search(key)):
        return key, numbers
    return "", []


def _has_half(small: dict) -> bool:
    """Whether an object has numbers where its box should be, but no whole box."""
    sides = [key for key in keys.SIDES if number(small.get(key)) is not None]
    boxes = [small[key] for key in keys.BOX if isinstance(small.get(key), list | dict | str)]
    plain = (box for box in boxes if not isinstance(box, list) or not any(isinstance(part, dict) for part in box))
    return len(sides) >= 3 or any(len(_NUMBERS.findall(str(box)[:400])) >= 2 for box in plain)


def _check_halves(read: _Read, cut: bool) -> None:
    """ChainError if an object beside the rows has half a box. The last one may be cut off."""
    last = len(read.rows)
    half = next((label for label, before in read.halves if last and not (cut and before == last)), "")
    if half:
        raise ChainError(f"The box of '{half[:40]}' is not whole. It must be four numbers.")


def _found(label: str, box: Numbers, color: str = "") -> Found:
    return Found(label, box.values, box.order, "", color, "order" if box.is_named else "")


def _is_element(small: dict) -> bool:
    """Core's and Ideogram's elements have a type, FLUX 3's rows an id and a description."""
    return small.get("type") in ("obj", "text") or ("id" in small and "desc" in small)


def _centered(found: Found, frame: dict, settings: Settings) -> Found:
    """A MOSS box: pixels from the center of the canvas, top first unless bbox_format says something else."""
    a, b, c, d = found.numbers
    x0, y0, x1, y1 = (a, b, c, d) if frame.get("bbox_format") == "xyxy" else (b, a, d, c)
    is_centered = "central" in str(frame.get("bbox_coord_space"))
    dx, dy = (settings.width / 2, settings.height / 2) if is_centered else (0, 0)
    return found._replace(numbers=(x0 + dx, y0 + dy, x1 + dx, y1 + dy), order=LTRB, units=PIXELS, fixed="all")


def _take_prose(small: dict, read: _Read) -> None:
    """The sentences of an object that is no row: what it describes, its background and style."""
    is_unplaced = small.get("type") in ("obj", "text") or (small.keys() & {"bbox", "bbox_2d", "box_2d"})
    if is_unplaced and (label := label_of(small, {})):
        read.lead.append(label)
        return
    read.lead += [words for key in keys.LEAD if (words := words_of(small.get(key)))]
    read.tail += [words for key in ("background",) if (words := words_of(small.get(key)))]
    style = small.get("style_description")
    if isinstance(style, dict):
        read.tail += [words for value in style.values() if (words := words_of(value) if isinstance(value, str) else "")]


# ------------------------------------------------------------------------------------------------------- a plan of rows


def _plan(read: _Read, cut: bool, outside: str) -> Plan:
    rows = read.rows
    if cut and rows and not rows[-1].found.label and len(rows) > 1:
        rows = rows[:-1]  # its label was cut off
    cited = set(_CITED.findall(outside)) & {row.name for row in rows if row.name}
    no_size = _NO_MOSS_SIZE if any(row.found.fixed == "all" and row.found.units == PIXELS for row in rows) else ""
    if cited:
        return Plan(list(_cited_pieces(_REFERENCE.sub("", outside), rows)), cut, no_size)
    lead = "".join(sentence(text) for text in dict.fromkeys(read.lead))
    tail = "".join(sentence(text) for text in dict.fromkeys(read.tail))
    return listed(lead, [row.found for row in rows], tail, cut, no_size=no_size)


def _unnamed(words: str, label: str, name: str) -> bool:
    """Whether words end before a noun, so that the row's own label has to name the object."""
    last = _NO_NOUN.search(words[-80:])
    return bool(last and label and not (last[1].endswith("ing") and last[1].lower() in f"{label} {name}".lower()))


def _last(label: str, words: str) -> int:
    """Where a label last occurs in whole words of the last sentence; -1 if it does not."""
    places = [match.start() for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", words, re.I)] if label else []
    return places[-1] if places and not re.search(r"[.!?。！？\n]", words[places[-1] + len(label) :]) else -1


def _cited_pieces(caption: str, rows: list[_Row]) -> Iterator[str | Found]:
    """A caption in which each row's box takes the place of its id, and then the rows that it does not cite."""
    waiting = {row.name: row.found for row in rows if row.name and not row.is_place}
    places = {row.name: row.found for row in rows if row.name and row.is_place}
    rest = [row.found for row in rows if not row.name]
    done = 0
    for match in _CITED.finditer(caption):
        before = caption[done : match.start()]
        done = match.end()
        found = waiting.pop(match[1], None)
        if found is None:
            yield before + (match[0] if match[1] not in {row.name for row in rows} else "")
            continue
        words = before.rstrip()
        if found.label and words.lower().endswith(found.label.lower()):
            yield words[: -len(found.label)]
            yield found._replace(label=words[len(words) - len(found.label) :])
        elif (at := _last(found.label, words)) >= 0:
            stop = at + len(found.label)
            yield f"{words[:at]}{OBJECT_START}{words[at:stop]}{OBJECT_END}{words[stop:]} "
            yield found._replace(label="")
        elif re.search(r"\w", words.rpartition(">")[2][-80:]) and not _unnamed(words, found.label, match[1]):
            yield words + " "
            yield found._replace(label="")
        else:
            yield words + " "
            yield found
        if place := places.pop(match[1], None):
            said = new_place(caption, done)
            yield caption[done : said.start()] if said else " moves to "
            yield place._replace(label=said[0]) if said else place
            done = said.end() if said else done
    rest = [found for name, first in waiting.items() for found in (first, places.get(name)) if found] + rest
    last = caption[done:].rstrip()
    yield sentence(last) if rest and last else last
    for at, found in enumerate(rest):
        yield from (found, "." if at == len(rest) - 1 else ", ")
