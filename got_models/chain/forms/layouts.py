"""Texts that language models write for layout-to-image programs.

LMD, LayoutGPT, Omost, RPG, CreatiLayout and RePlan. Source: each program's own parser; nothing is executed.
"""

import difflib
import re
from typing import Any

from ..grammar import ChainError
from .loose_json import read_json
from .objects import plan_of_data, rows_of
from .plan import FRACTIONS, LTRB, PIXELS, THOUSANDTHS, Found, Plan, Settings, listed, sentence

# ------------------------------------------------------------------------------------------------------------------ LMD

# Rows are pairs. "The requested objects: [{..}]" is prose before another form's data.
_LMD_OBJECTS = re.compile(r"Objects\s{0,3}:\s{0,9}(?=\[\s{0,9}(?:[(\[]\s{0,9}[^\s\d]|\]))", re.IGNORECASE)
_LMD_BACKGROUND = re.compile(r"^\s*Background prompt\s{0,3}:(.*)$", re.IGNORECASE | re.MULTILINE)
_LMD_CAPTION = re.compile(r"^\s*Caption\s{0,3}:(.*)$", re.IGNORECASE | re.MULTILINE)
LMD_SIDE = 512


def read_lmd(text: str, settings: Settings) -> Plan | None:
    """`Objects: [('a green car', [21, 281, 211, 159])]`: left, top, width, height of 512, and a background prompt."""
    begins = _LMD_OBJECTS.search(text)
    if not begins:
        return None
    loose = read_json(text[begins.end() :])
    rows = []
    for row in rows_of(loose.values[:1], settings):
        left, top, width, height = (number * 1000 / LMD_SIDE for number in row.numbers)
        rows.append(Found(row.label, (left, top, left + width, top + height), LTRB, THOUSANDTHS, "", "all"))
    background, caption = _LMD_BACKGROUND.search(text), _LMD_CAPTION.search(text)
    lead, tail = (match[1].strip().strip("'\"") if match else "" for match in (caption, background))
    return listed(lead, rows, tail, loose.cut) if rows or tail else None


# ------------------------------------------------------------------------------------------------------------ LayoutGPT

_CSS = re.compile(r"(?P<label>[^{};\n]{1,80})\{(?P<sides>[^{}]{1,200})\}?")
_CSS_SIDE = re.compile(r"\b(width|height|left|top)\s{0,3}:\s{0,3}(-?\d{1,6}(?:\.\d{1,6})?)\s{0,3}(px|%)", re.IGNORECASE)
_NO_CANVAS = "LayoutGPT's boxes are pixels of its own canvas. Set width and height to those of that canvas: 64 or 256."


def read_layoutgpt(text: str, settings: Settings) -> Plan | None:
    """`cup {width: 20px; height: 30px; left: 5px; top: 10px; }`: pixels of its own canvas."""
    rows, cut = [], False
    for rule in _CSS.finditer(text):
        sides = {name.lower(): float(value) for name, value, _ in _CSS_SIDE.findall(rule["sides"])}
        units = {unit for *_, unit in _CSS_SIDE.findall(rule["sides"])}
        if len(sides) == 4 and len(units) == 1:
            left, top = sides["left"], sides["top"]
            numbers = (left, top, left + sides["width"], top + sides["height"])
            numbers = tuple(side * 10 for side in numbers) if units == {"%"} else numbers
            label = rule["label"].strip(" \t.#:-*").replace("-", " ")
            rows.append(Found(label, numbers, LTRB, THOUSANDTHS if units == {"%"} else PIXELS, "", "all"))
        else:
            cut = cut or not rule[0].endswith("}")
    return listed("", rows, "", cut, no_size=_NO_CANVAS) if rows else None


# ---------------------------------------------------------------------------------------------------------------- Omost

LOCATIONS = {  # center, in ninetieths
    "in the center": (45, 45), "on the left": (15, 45), "on the right": (75, 45), "on the top": (45, 15),
    "on the bottom": (45, 75), "on the top-left": (15, 15), "on the top-right": (75, 15),
    "on the bottom-left": (15, 75), "on the bottom-right": (75, 75),
}  # fmt: skip
OFFSETS = {
    "no offset": (0, 0), "slightly to the left": (-10, 0), "slightly to the right": (10, 0),
    "slightly to the upper": (0, -10), "slightly to the lower": (0, 10), "slightly to the upper-left": (-10, -10),
    "slightly to the upper-right": (10, -10), "slightly to the lower-left": (-10, 10),
    "slightly to the lower-right": (10, 10),
}  # fmt: skip
AREAS = {  # width, height
    "a small square area": (50, 50), "a small vertical area": (40, 60), "a small horizontal area": (60, 40),
    "a medium-sized square area": (60, 60), "a medium-sized vertical area": (50, 80),
    "a medium-sized horizontal area": (80, 50), "a large square area": (70, 70), "a large vertical area": (60, 90),
    "a large horizontal area": (90, 60),
}  # fmt: skip
OMOST_SIDE = 90
_CALL = re.compile(r"(set_global_description|add_local_description)\s{0,3}\(")
_ARGUMENT = re.compile(r"(\w{1,40})\s{0,3}=\s{0,3}(?=[\"'\[\d])")


def read_omost(text: str, settings: Settings) -> Plan | None:
    """`canvas.add_local_description(location='on the left', offset=.., area=.., description='a cup', ..)`."""
    calls = list(_CALL.finditer(text))
    if not any(call[1] == "add_local_description" for call in calls):
        return None
    ends = [*(call.start() for call in calls[1:]), len(text)]
    lead, rows, details, cut = "", [], [], False
    for call, end in zip(calls, ends, strict=True):
        arguments, is_cut = _arguments(text[call.end() : end])
        is_cut = is_cut or (end == len(text) and not text.rstrip().endswith(")"))
        description = arguments.get("description")
        if call[1] == "set_global_description":
            lead = description if isinstance(description, str) else ""
        elif is_cut and not {"location", "area", "description"} <= arguments.keys():
            cut = True
        else:
            rows.append(_omost_row(arguments))
            said = arguments.get("detailed_descriptions")
            details += [line for line in said if isinstance(line, str)] if isinstance(said, list) else []
    return listed(lead, rows, "".join(sentence(line) for line in details), cut)


def _arguments(call: str) -> tuple[dict[str, Any], bool]:
    """The arguments of a call by name, read as data, and whether the text ends within it."""
    loose = read_json("{" + call.rstrip().removesuffix("canvas.").rstrip().removesuffix(")") + "}")
    entries = loose.values[0] if loose.values and isinstance(loose.values[0], dict) else {}
    return entries, loose.cut


def _omost_row(arguments: dict[str, Any]) -> Found:
    x, y = _omost_word("location", arguments.get("location"), LOCATIONS)
    dx, dy = _omost_word("offset", arguments.get("offset", "no offset"), OFFSETS)
    width, height = _omost_word("area", arguments.get("area"), AREAS)
    sides = (x + dx - width // 2, y + dy - height // 2, x + dx + width // 2, y + dy + height // 2)
    box = tuple(max(0, min(OMOST_SIDE, side)) * 1000 / OMOST_SIDE for side in sides)
    label = str(arguments.get("description") or "").strip(" .,")
    return Found(label, box, LTRB, THOUSANDTHS, str(arguments.get("HTML_web_color_name") or ""), "all")


def _omost_word(what: str, word: Any, known: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """The numbers of one of Omost's words. It may be spelled a little differently, as Omost itself allows."""
    shown = str(word or "")[:60].lower()
    near = difflib.get_close_matches(shown, known, n=1, cutoff=0.8)
    if not near:
        raise ChainError(f"Omost's {what} '{shown[:40]}' is unknown. Use one of: {', '.join(known)}.")
    return known[near[0]]


# ------------------------------------------------------------------------------------------------------------------ RPG

_RATIO = re.compile(r"split ratio\s{0,3}[:=]\W{0,5}(?P<ratio>[\d.,;/ \n]{1,400})", re.IGNORECASE)
_REGIONAL = re.compile(r"Regional Prompt\w{0,3}\W{0,4}:?", re.IGNORECASE)


def read_rpg(text: str, settings: Settings) -> Plan | None:
    """`Final split ratio: 1,1,1;1,1` with `Regional Prompt: a BREAK b BREAK c`.

    Rows are parted by semicolons: in each the height and then the widths. One row alone holds widths only.
    """
    ratios = list(_RATIO.finditer(text))
    begins = next(reversed([*_REGIONAL.finditer(text)]), None)
    if not ratios:
        return None
    if not begins:
        raise ChainError("The text has a split ratio and no Regional Prompt, so its regions have no words. Add it.")
    boxes = _split(ratios[-1]["ratio"])
    regional = text[begins.end() :].split("Final split ratio")[0].strip(' \n"*')
    parts = [" ".join(part.split()).strip(' .,"') for part in re.split(r"\s*\bBREAK\b\s*", regional)]
    parts = [part for part in parts if part]
    if len(boxes) != len(parts):
        raise ChainError(
            f"The split ratio has {len(boxes)} regions, and the Regional Prompt has {len(parts)} parts. "
            f"Write one part for each region."
        )
    rows = [Found(part, box, LTRB, FRACTIONS, "", "all") for part, box in zip(parts, boxes, strict=True)]
    pieces: list[str | Found] = []
    for row in rows:
        pieces += [row, ". "]
    return Plan([*pieces[:-1], "."])


def _split(ratio: str) -> list[tuple[float, ...]]:
    lines = ratio.strip(" ;\n").split(";")
    rows = [[float(value) for value in re.findall(r"\d{1,6}(?:\.\d{0,6})?", line)] for line in lines]
    if not all(rows) or not all(value > 0 for row in rows for value in row):
        raise ChainError(f"The split ratio '{ratio.strip()[:40]}' is not numbers above 0. Write for example 1,1,1;1,1.")
    if len(rows) == 1:
        rows = [[1.0, *rows[0]]]
    boxes, top, total = [], 0.0, sum(row[0] for row in rows)
    for height, *widths in rows:
        widths = widths or [1.0]
        bottom, left = top + height / total, 0.0
        for width in widths:
            right = left + width / sum(widths)
            boxes.append((left, top, min(right, 1.0), min(bottom, 1.0)))
            left = right
        top = bottom
    return boxes


# --------------------------------------------------------------------------------------------- CreatiLayout and RePlan

_ASSIGNMENT = re.compile(r"^[ \t]{0,9}([A-Za-z_]\w{0,60})[ \t]{0,3}=[ \t]{0,3}(?=[\[({\"'])", re.MULTILINE)


def read_assignments(text: str, settings: Settings) -> Plan | None:
    """`region_caption_list = [..]` and `region_bboxes_list = [[0.05, ..]]`: left, top, right, bottom."""
    found = list(_ASSIGNMENT.finditer(text))
    if len(found) < 2:
        return None
    ends = [*(match.start() for match in found[1:]), len(text)]
    parts = [read_json(f"[{text[match.end() : end]}]") for match, end in zip(found, ends, strict=True)]
    items: list[dict[str, Any]] = [{}]
    for match, loose in zip(found, parts, strict=True):
        items += [{}] if match[1] in items[-1] else []
        items[-1] |= {match[1]: loose.values[0][0]} if any(loose.values) else {}
    plan = plan_of_data(items, settings, any(loose.cut for loose in parts))
    return plan if plan and all(row.label for row in plan.boxes) else None


_REGION = re.compile(r"<region>(.*?)(?:</region>|$)", re.DOTALL | re.IGNORECASE)
_GLOBAL_EDIT = re.compile(r"<gen_image>(.*?)</gen_image>", re.DOTALL | re.IGNORECASE)
_NOTHING_ELSE = "keep remaining part of image unchanged"


def read_replan(text: str, settings: Settings) -> Plan | None:
    """`<gen_image>..</gen_image><region>[{"bbox_2d": [..], "hint": ".."}]</region>`: pixels of the source image."""
    region = _REGION.search(text)
    if not region:
        return None
    loose = read_json(region[1])
    rows = [row._replace(units=PIXELS if max(row.numbers) > 1.02 else "") for row in rows_of(loose.values, settings)]
    asked = _GLOBAL_EDIT.search(text)
    lead = " ".join(asked[1].split()) if asked else ""
    lead = "" if lead.lower().strip(" .") == _NOTHING_ELSE else lead
    if not rows and not lead:
        return None
    return listed(lead, rows, "", loose.cut or (bool(rows) and "</region>" not in text.lower()))
