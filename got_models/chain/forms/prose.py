"""Prose in which a box follows its words, in every spelling, with the tokens of many models around words and boxes.

GoT and GoT-R1, Qwen-VL and Qwen2-VL, InternVL, DeepSeek-VL2, GLM, UI-TARS, CogVLM, Shikra, Ferret, chat models.
Source of the tokens: the models' READMEs and processors; of the numbers: see values.py.
"""

import difflib
import re
from functools import lru_cache

from ..colors import COLORS
from ..grammar import ChainError
from ..phrases import OBJECT_END, OBJECT_START, find_phrase, has_words
from .cleaning import half_width, without_chatter, without_markdown
from .color_words import color_after
from .corners import LINK, with_sides
from .entries import has_letters
from .plan import THOUSANDTHS, Found, Plan, Settings, listed
from .tokens import LEADING_LINK
from .values import Numbers, boxes_in

_START, _END = "\ue000", "\ue001"  # around a box, for the tokens of any model
_OBJECT_STARTS = re.compile(r"<\|(?:obj|object_ref)_start\|>|<ref>|<\|ref\|>|<p>|<phrase>|<obj>", re.IGNORECASE)
_OBJECT_ENDS = re.compile(
    r"[.,;]?(?:<\|(?:obj|object_ref)_end\|>|</ref>|<\|/ref\|>|</p>|</phrase>|</obj>)", re.IGNORECASE
)
_BOX_STARTS = re.compile(r"<\|box_start\|>|<box>|<bbox>|<\|det\|>|<\|begin_of_box\|>", re.IGNORECASE)
_BOX_ENDS = re.compile(r"<\|box_end\|>|</box>|</bbox>|<\|/det\|>|<\|end_of_box\|>", re.IGNORECASE)
_OTHER_TOKENS = re.compile(r"<\|(?!obj_)[a-z_/]{1,30}\|>|<image>", re.IGNORECASE)
_IN_BRACKETS = re.compile(
    r"\s{0,9}\(\s?(?:at|in|located at|position|bbox|box|bounding box|coordinates)?\s?:?\s?$", re.IGNORECASE
)
_AFTER_OBJECT = re.compile(r"[\s:,–—-]*(?:(?:is|are|at|in|located|found|shown|here)\b[\s:,–—-]*)*")
_FIRST_HALF = r"(?:[(\[]\s{0,9}[-\d., ]{1,60}[)\]]\s{0,9},?\s{0,9})?"
_UNFINISHED = re.compile(rf"(?:{_START}\s{{0,9}})?{_FIRST_HALF}[(\[{_START}][^][(){{}}]{{0,80}}$")
_QUOTED_LABEL = re.compile(r"(?<![\w'])(['\"])([^'\"\n]{1,80})\1(\s{0,3}[:=]\s{0,3}(?=[(\[{\d]))")
_ELEMENT = re.compile(r"<([A-Za-z][\w -]{0,40})>(\s{0,9}[(\[][^<>]{1,200})</\1>")
_LISTED = re.compile(
    r"(?:^|\n)\s{0,9}(?:[,;]\s?)?(?:and\s)?(?:(?:\d{1,3}|[A-Za-z])[.)]\s{1,3})?([^\n.!?:;]{2,80})(?<!\s)\s{0,3}(?:[:–—]|\s-)\s{0,3}[(\[]?$"
)
_VERB = re.compile(r"\b(?:is|are|was|has|have|there|shows?|depicts?|contains?|features?|portrays?)\b", re.IGNORECASE)
_COMMA = re.compile(r"^[，、；：。]")
_ONE_WORD = re.compile(r"\s{0,9}\(\s{0,9}([A-Za-z]{5,20})\s{0,9}\)")
_THIRD_CORNER = re.compile(r"\s{0,3},\s{0,3}\(\s{0,3}\d{1,6}\s{0,3},\s{0,3}\d{1,6}\s{0,3}\)")
_SCALE = re.compile(
    r"\b(?:coordinates?|range|ranges|grid|scale|system|canvas|normali[sz]ed|origin)\b[^.\n]{0,50}$", re.I
)
_WHOLE = [(0, 0, end, end) for end in (1, 100, 999, 1000)]
_HOW = "Write it as (left,top),(right,bottom), whole numbers from 0 to 999, for example (120,400),(380,760)."


def read_prose(text: str, settings: Settings) -> Plan:
    """The plan of any prose. It has no boxes if the prose has none."""
    text = with_sides(_unquoted(with_common_tokens(without_chatter(without_markdown(text)))))
    shadow = half_width(text)
    places = boxes_in(shadow)
    after = _labels_after(text, shadow, places)
    if after:
        return after
    pieces: list[str | Found] = []
    done, values, name = 0, [], ""
    for start, stop, numbers in places:
        words = text[done:start]
        if _SCALE.search(words[-80:]) and all(box.values in _WHOLE for box in numbers):
            pieces.append(words.rstrip() + " ")  # "coordinates from (0,0) to (999,999)"
            done = stop
            continue
        color, stop = color_after(shadow, stop)
        if not color:
            _check_after(shadow, stop, len(values) // 4 + len(numbers))
        label = _label_before_colon(words)
        words, stop = _trimmed(words, shadow, stop)
        name = find_phrase(words, 0, len(words), done > 0)[0] if has_words(words) else name
        if label and label != name and label in words:
            words, name = words[: words.rindex(label)], label
        else:
            label = ""
        pieces.append(_COMMA.sub(", ", words) if done else words)
        for number, box in enumerate(numbers):
            fixed = "order" if box.is_named else ""
            one = Found("" if number else label, box.values, box.order, "", color, fixed, name)
            pieces += [" "] * bool(number) + [one]
            values += box.values
        done = stop
    rest, cut = _without_unfinished(text[done:], bool(pieces))
    pieces.append(rest)
    _check_tokens(pieces)
    if values and max(values) <= 1 and all(isinstance(value, int) for value in values):
        pieces = [piece if isinstance(piece, str) else piece._replace(units=THOUSANDTHS) for piece in pieces]
    return Plan(pieces, cut, is_prose=True)


def _unquoted(text: str) -> str:
    """The text without quotes and elements around a label: `'a cup': (..)`, `<cup>(..)</cup>`."""
    text = _QUOTED_LABEL.sub(r"\2\3", text) if "'" in text or '"' in text else text
    return _ELEMENT.sub(r"\1 \2 ", text) if "</" in text else text


def _labels_after(text: str, shadow: str, places: list[tuple[int, int, list[Numbers]]]) -> Plan | None:
    """The plan of lines with the box first: `(120,400),(380,760): a red cup`. None if the words come before it."""
    if not places or has_words(
        re.sub(
            r"[\d.)\s#*]|\b(?:bbox|box|region|object|item|element)\s?\d*\b",
            "",
            text[: places[0][0]],
            flags=re.IGNORECASE,
        )
    ):
        return None
    rows = []
    for (_, stop, numbers), following in zip(places, [*places[1:], (len(text), 0, [])], strict=True):
        color, stop = color_after(shadow, stop)
        label = text[stop : following[0]].strip(" \t\n:–—-=,|*").split("\n")[0].strip(" \t,;.|-")
        if not has_words(label) or not has_letters(label):
            return None
        rows += [Found(label, box.values, box.order, "", color, "order" if box.is_named else "") for box in numbers]
    return listed("", rows)


def _check_after(shadow: str, stop: int, number: int) -> None:
    """ChainError for a misspelled color after a box, and for a third corner."""
    word = _ONE_WORD.match(shadow, stop)
    near = _color_like(word[1].lower()) if word else ""
    if near:
        raise ChainError(f"Box {number} has an unknown color '{word[1]}'. Did you mean {near}?")
    if _THIRD_CORNER.match(shadow, stop):
        raise ChainError(f"Box {number} has more than two corners. {_HOW}")


@lru_cache(maxsize=256)
def _color_like(word: str) -> str:
    """A color word that is spelled much like `word`, or ""."""
    return next(iter(difflib.get_close_matches(word, COLORS, n=1, cutoff=0.76)), "")


def with_common_tokens(text: str) -> str:
    """The text with GoT-R1's tags around words and private characters around boxes, for the tokens of any model."""
    if "<" not in text:
        return text
    text = _BOX_ENDS.sub(_END, _BOX_STARTS.sub(_START, text))
    text = _OBJECT_ENDS.sub(OBJECT_END, _OBJECT_STARTS.sub(OBJECT_START, text))
    return _OTHER_TOKENS.sub("", text)


def _label_before_colon(words: str) -> str:
    """The label of a list's line, "1. a man with a hat: (..)", which names the object as a whole; "" if it is prose."""
    line = _LISTED.search(words[-140:])
    return "" if not line or _VERB.search(line[1]) else LEADING_LINK.sub("", line[1].strip(), count=1)


def _trimmed(words: str, shadow: str, stop: int) -> tuple[str, int]:
    """The words before a box without what only links them to it, and where the box ends with its round brackets."""
    tail = words[-100:]
    opened = _IN_BRACKETS.search(tail)
    closed = re.compile(r"\s{0,9}\)").match(shadow, stop)
    if opened and closed:
        words, stop = words[: len(words) - len(tail) + opened.start()], closed.end()
        tail = words[-100:]
    link = LINK.search(tail)
    if link:
        words = words[: len(words) - len(tail) + link.start()]
    words = words.rstrip("; ") if words.endswith((";", "; ")) else words
    before, end, after = words.rpartition(OBJECT_END)
    if end and _AFTER_OBJECT.fullmatch(after[:100]):
        words = before + end
    return words, stop


def _without_unfinished(rest: str, has_boxes: bool) -> tuple[str, bool]:
    """The text after the last box, without a box that it was cut off in, and whether it was."""
    tail = rest[-200:]
    unfinished = _UNFINISHED.search(half_width(tail))
    if not unfinished or not has_boxes or not re.search(rf"[\d{_START}]", unfinished[0]):
        return rest, False
    return rest[: len(rest) - len(tail) + unfinished.start()].rstrip(), True


def _check_tokens(pieces: list[str | Found]) -> None:
    """ChainError if a token of a box is left in the prose: what it marks was not read."""
    count = 1
    for piece in pieces:
        if not isinstance(piece, str):
            count += 1
            continue
        at = min((at for at in (piece.find(_START), piece.find(_END)) if at >= 0), default=-1)
        if at >= 0:
            shown = re.split(_END, piece[at + 1 : at + 60].strip() or piece[max(0, at - 40) : at].strip())[0][:40]
            raise ChainError(f"Box {count} '{shown}' is not a box. {_HOW}")
