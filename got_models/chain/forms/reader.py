"""Reads a plan in whatever form it is written. A text with signs of boxes never becomes a chain without boxes."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ..colors import nearest_words
from ..grammar import BOX_START, TEXT_TO_IMAGE, Chain, ChainError, read_chain
from ..phrases import QUOTED
from . import keys
from .building import chain_text, clean_label, without_box
from .cleaning import answer_of, half_width, without_markdown
from .declared import as_declared, check_size_is_clear, declared
from .layouts import read_assignments, read_layoutgpt, read_lmd, read_omost, read_replan, read_rpg
from .objects import read_objects
from .plan import ORDERS, UNITS, Found, Plan, Settings
from .prose import read_prose
from .scaling import grid_boxes, known_boxes
from .tables import read_csv, read_markup, read_table, read_yaml
from .tokens import NO_POINTS, read_florence, read_kosmos, read_minigpt, read_paligemma, read_points
from .values import boxes_in


class Form(NamedTuple):
    """signs: a text in this form holds one of them. read: its plan, or None if it is in another form after all."""

    name: str
    signs: tuple[str, ...]
    read: Callable[[str, Settings], Plan | None]


PROSE = "text"
# The first form that has a sign in the text and reads it is the text's. Prose, in any spelling of boxes, is the last.
FORMS = (
    Form("Molmo", ("<point ", "<points "), read_points),
    Form("Kosmos-2", ("<patch_index_",), read_kosmos),
    Form("PaliGemma", ("<loc",), read_paligemma),
    Form("Florence-2", ("<loc_",), read_florence),
    Form("MiniGPT-v2", ("{<",), read_minigpt),
    Form("Omost", ("add_local_description",), read_omost),
    Form("RPG", ("split ratio",), read_rpg),
    Form("LayoutGPT", ("px", "%"), read_layoutgpt),
    Form("CreatiLayout", ("= [", "=["), read_assignments),
    Form("LMD", ("objects:", "objects :"), read_lmd),
    Form("RePlan", ("<region>",), read_replan),
    Form("JSON", ("{", "[", "(", "｛", "［"), read_objects),
    Form("XML", ("<",), read_markup),
    Form("Markdown table", ("|", "│", "<td"), read_table),
    Form("YAML", (":", "："), read_yaml),
    Form("CSV", (" ", ",", ";", "\t"), read_csv),
)

_POINTS = re.compile(r"<points?\b|\bpoint_2d\b|<\|point_start\|>", re.IGNORECASE)
_PLACES = re.compile(
    r"[(\[]\s?x_?1\s?,\s?y_?1\b|<(?:coord|bbox|box|loc)_?\d{0,3}(?:_placeholder)?>|\[(?:bbox|box|coord)_?\d{0,3}\]",
    re.IGNORECASE,
)
_NUMBER = r"\s{0,9}[-+]?\d{1,9}(?:\.\d{0,9})?\s{0,3}%?\s{0,9}"
_SIGNS = re.compile(
    rf"[(\[{{<⟨]{_NUMBER}[,; ]{_NUMBER}[,; ]{_NUMBER}[,; ]{_NUMBER}"
    rf"|[(\[]{_NUMBER}[,;]{_NUMBER}[)\]](?:(?:\D|[a-z]\d){{0,80}}[(\[]{_NUMBER}[,;]{_NUMBER}[)\]]|[^\w]{{0,9}}[(\[]{_NUMBER})"
    rf"|[(\[]{_NUMBER}[,;]{_NUMBER}[)\]][^\d\n]{{0,60}}\d{{2,5}}\s?(?:[x×*]\s?\d\d|(?:px |pixels )?(?:wide|tall|high))"
    rf"|[(\[]{_NUMBER}[,;]{_NUMBER}[)\]][^\d\n]{{0,60}}(?:size|width|height|breite|largeur|宽|高)[^\d\n]{{0,9}}\d"
    rf"|\d{{1,3}}\s?%\s?(?:to|-|–|bis|à)\s?\d[^\n]{{0,60}}\d\s?%\s?(?:to|-|–|bis|à)\s?\d"
    rf"|[(\[]{_NUMBER}[,;]{_NUMBER}[)\]],{_NUMBER},{_NUMBER}|[(\[]\s?\d{{1,5}}\s?/\s?\d{{1,5}}\s?,"
    rf"|(?:(?:top|upper)[- ]?left|左上|coordinates?|坐标)[^\d\n]{{0,12}}{_NUMBER},{_NUMBER}"
    rf"|\d\s?% (?:from|of) the (?:left|top)|\bx\W{{1,3}}\d{{1,4}}\s?[-–→]\s?\d"
    rf"|≤\s?[xy]\s?≤|\b[xy]\s?∈|\d\.\.\d[^\n]{{0,20}}\d\.\.\d"
    rf"|^[\s(\[]{{0,9}}\d{{1,4}}(?:,\s?\d{{1,4}}){{3}}\b"
    rf"|[:=>|│&]{_NUMBER}(?:[;,|│&]{_NUMBER}){{3}}"
    rf"|^[\s(\[]{{0,9}}\d{{1,4}}(?:\.\d{{1,9}})?(?:[,;\s]{{1,9}}\d{{1,4}}(?:\.\d{{1,9}})?){{3,5}}[\s)\]]{{0,9}}$"
    r"|\b(?:xmin|ymin|x_min|y_min|x1|y1)\W{1,4}\d|\b(?:left|top)\W{1,4}\d{1,4}\D{1,9}(?:left|top|right|bottom|width)\W{1,4}\d"
    r"|\d{1,6}\s?:\s?\d{1,6}\s?,\s?\d{1,6}\s?:\s?\d"
    r"|\bx\s?[:=]\s?\d[^\n]{0,60}\by\s?[:=]\s?\d|^[^\n\d]{1,60}(?:[,;\t|]\s{0,9}\d{1,4}(?:\.\d{1,6})?\s{0,9}){4}",
    re.IGNORECASE | re.MULTILINE,
)
# In prose that has boxes: brackets of two or more numbers, four numbers, two ranges.
_REST = re.compile(
    rf"(?<![a-z])[(\[]{_NUMBER}(?:[,;]{_NUMBER}){{1,9}},?\s?[)\]]"
    rf"|(?<![\d.])\d{{1,4}}(?:[ ,;]\s?\d{{1,4}}){{3}}(?![\d.])"
    r"|\d{1,4}\s?[-–]\s?\d{1,4},\s?\d{1,4}\s?[-–]\s?\d"
)
_SCALE_ENDS = re.compile(
    r"[(\[]\s?(?:0(?:\.0)?\s?,\s?(?:0(?:\.0)?|1|1\.0|100|999|1000)|(?:1|1\.0|100|999|1000)\s?,\s?(?:1|1\.0|100|999|1000))\s?[)\]]"
)
_AFTER_BOX = re.compile(r"\s{0,9}\(\s{0,9}([A-Za-z]{3,20})\s{0,9}\)")
_DIGIT = re.compile(r"\d")
_TOKENS = re.compile(
    r"\bbbox|box_2d|bounding[ _]?box(?:es)?\W{1,9}\d|<\|?/?(?:box|det|quad|seg|patch_index|loc|begin_of_box)[_|>\d]"
    r"|add_local_description|split ratio",
    re.IGNORECASE,
)
_POSSIBLE = ("<", "point", "box", "coord", "add_local", "split ratio")  # without one of them there is no sign
_BOX_WORDS = {*keys.BOX, *keys.BOX_LISTS, "whose", "left", "at", "in", "from"} - {"to"}
_CODE = re.compile(r"<[A-Za-z/!]|['\"]\s?:|=\s?['\"]|[{}|]")
_HOW = "Write each box after its words, for example: a red cup (120,400),(380,760)."


class Reading(NamedTuple):
    """A chain, and how its plan was understood. form: its name in FORMS, or PROSE.

    order, units: those of its boxes; "" if they differ, or if there is no box.
    """

    chain: Chain
    form: str
    order: str
    units: str


def read_plan(
    text: str,
    order: str = "auto",
    units: str = "auto",
    width: int = 0,
    height: int = 0,
    task: str = TEXT_TO_IMAGE,
    prompt: str = "",
    source: Any = None,
) -> Chain:
    """A chain from a plan in any form that is known here.

    order, units: see plan.py; "auto": what the form's own documents say. width, height: pixels of the image that the
    numbers count; 0 if unknown. The chain is marked `cut` if the text ends within the plan; whole boxes are kept.
    ChainError says what was found and what to set, if numbers cannot be understood or a box was not read.
    """
    return understand(text, Settings(order, units, width, height), task, prompt, source).chain


def understand(
    text: str, settings: Settings, task: str = TEXT_TO_IMAGE, prompt: str = "", source: Any = None
) -> Reading:
    """As `read_plan`, with what the form is and how its numbers were taken. SettingError names settings to give."""
    if settings.order not in ORDERS or settings.units not in UNITS:
        raise ChainError(
            f"Order is '{settings.order}' and units '{settings.units}'. Use {', '.join(ORDERS)}; {', '.join(UNITS)}."
        )
    answer = answer_of(text)
    form, plan = plan_of(answer, settings)
    if plan.boxes:
        if BOX_START not in answer:  # with tokens, other numbers are no boxes
            _check_rest(plan)
        said = declared(answer)
        plan = as_declared(plan, said, settings)
        settings = (
            settings
            if settings.has_size or not said.size
            else settings._replace(width=said.size[0], height=said.size[1])
        )
        known = known_boxes(plan, settings)
        check_size_is_clear(plan, known, said, settings)
    else:
        _check_no_signs(answer)
        known = []
    boxes = grid_boxes(known, settings, plan.no_size)
    size = (settings.width, settings.height) if settings.has_size else None
    chain = read_chain(chain_text(plan, boxes), task, prompt, source, cut=plan.cut, size=size)
    _check_regions(chain, plan, answer)
    orders, units = {found.order for found in known}, {found.units for found in known}
    return Reading(chain, form, *(one.pop() if len(one) == 1 else "" for one in (orders, units)))


def note_of(chain: Chain) -> str:
    """What a person should know of a chain that was read; "" if there is nothing."""
    if not chain.regions:
        return f"The text has no box. It begins: {beginning(chain.text)}"
    notes = ["The text ends within its plan. The boxes that are whole were kept."] if chain.cut else []
    return " ".join([*notes, *_no_colors(chain)])


def _no_colors(chain: Chain) -> list[str]:
    """Notes on words in brackets after a box that look like a color and are none, at most three."""
    notes = []
    for number, region in enumerate(chain.regions, 1):
        word = _AFTER_BOX.match(chain.text, region.box_span[1])
        near = nearest_words(word[1], 0.7) if word else []
        if near and len(notes) < 3:
            notes.append(
                f"Box {number} is followed by '({word[1]})', which is no color, so it is part of the text. "
                f"The box color is {region.color.word}. Did you mean {' or '.join(near)}?"
            )
    return notes


def beginning(text: str) -> str:
    """The first 80 characters of a text, on one line."""
    return " ".join(text[:400].split())[:80]


def plan_of(answer: str, settings: Settings) -> tuple[str, Plan]:
    """The form of a cleaned answer, and its plan, still in the form's own numbers."""
    small = answer.lower()
    for form in FORMS:
        plan = form.read(answer, settings) if any(sign in small for sign in form.signs) else None
        if plan is not None:
            _check_one_form(form, plan)
            return form.name, replace(plan, pieces=[_prose(piece) for piece in plan.pieces])
    return PROSE, read_prose(answer, settings)


def _check_one_form(form: Form, plan: Plan) -> None:
    """ChainError if the prose of a plan holds further boxes, in another form."""
    prose = [] if plan.is_prose or not plan.boxes else [piece for piece in plan.pieces if isinstance(piece, str)]
    other = next((piece[places[0][0] :] for piece in prose if (places := boxes_in(half_width(piece)))), "")
    if other:
        raise ChainError(
            f"The text has boxes in the form of {form.name}, and others in its prose ('{' '.join(other.split())[:40]}'"
            f"). Use one of the two forms."
        )


def _prose(piece: str | Found) -> str | Found:
    return without_box(without_markdown(piece)) if isinstance(piece, str) else piece


def _check_rest(plan: Plan) -> None:
    """ChainError if what is left of prose between its boxes looks as if it had another one."""
    for piece in plan.pieces if plan.is_prose else []:
        if not isinstance(piece, str) or not _DIGIT.search(piece):
            continue
        piece = _SCALE_ENDS.sub("", QUOTED.sub("", half_width(piece)))
        sign = _SIGNS.search(piece) or _REST.search(piece)
        if sign:
            shown = " ".join(piece[sign.start() : sign.start() + 40].split())
            raise ChainError(f"The text has a box that could not be read ('{shown}'). {_HOW}")


def _check_no_signs(answer: str) -> None:
    """ChainError if a text of which no box was read looks as if it had one."""
    answer = half_width(answer)
    small = answer.lower()
    if not _DIGIT.search(answer) and not any(sign in small for sign in _POSSIBLE):
        return
    if _POINTS.search(answer):
        raise ChainError(NO_POINTS)
    place = _PLACES.search(answer)
    if place:
        raise ChainError(f"The text has places for boxes ('{place[0]}'), but not their numbers. {_HOW}")
    sign = (_DIGIT.search(answer) and _SIGNS.search(answer)) or _TOKENS.search(answer)
    if sign:
        shown = " ".join(answer[sign.start() : sign.start() + 40].split())
        raise ChainError(f"The text looks like a plan with boxes ('{shown}'), but no box could be read. {_HOW}")


def _check_regions(chain: Chain, plan: Plan, answer: str) -> None:
    """ChainError if a box was lost on the way, or has no words though its form has a place for them."""
    if len(chain.regions) != len(plan.boxes):
        raise ChainError(
            f"The plan has {len(plan.boxes)} boxes, but {len(chain.regions)} could be placed in its text. {_HOW}"
        )
    given = [clean_label(found.label) for found in plan.boxes]
    named = [_says(region.phrase, label) for region, label in zip(chain.regions, given, strict=True)]
    bare = named.index(False) + 1 if not all(named) else 0
    if bare and not (plan.is_prose and _is_plain_chain(answer)):
        raise ChainError(f"Box {bare} {chain.regions[bare - 1].box} has no words that say what it holds. {_HOW}")


def _says(phrase: str, label: str = "") -> bool:
    """Whether a phrase names something: "Region 1", "bbox", a sign, and code or markup that was not read do not.

    label: what the form itself gives as the box's label. Then "area" names something, too.
    """
    if not any(letter.isalnum() for letter in phrase) or _CODE.search(phrase) or phrase.count("(") > phrase.count(")"):
        return False
    return phrase == label or keys.plain(re.sub(r"[\d#\s]{0,9}$", "", phrase)) not in _BOX_WORDS


def _is_plain_chain(answer: str) -> bool:
    """Whether the text is a chain as it is. A chain may have boxes without words."""
    try:
        return bool(read_chain(answer).regions)
    except ChainError:
        return False
