"""The chain: prose in which a box follows each grounded phrase. This module reads chains and writes them back.

    A cup <|box_start|>(120,400),(380,760)<|box_end|> (red) on a table <|box_start|>(0,600),(998,998)<|box_end|> (blue).

Corners are whole numbers on a 0..999 grid over the image: (0,0) is top-left, x grows right, y grows down, top-left
corner first. The color word is the color in which the box is painted for the model. Three forms are read: GoT's
(above), GoT-R1's (`<|obj_start|>a cup<|obj_end|> <|box_start|>...`), and the plain one that people type
(`a cup (120,400),(380,760)`).
A chain's own text is always in GoT's form, with GoT-R1's tags around a phrase only where phrases.py would find another.
No tensors, no ComfyUI.

Source: arXiv 2503.10639 section 4 and its published chains; arXiv 2505.17022 for GoT-R1's form.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..errors import GoTError
from .colors import Color, find_color, given_colors, nearest_words
from .phrases import OBJECT_END, OBJECT_START, canonical_words, find_phrase, has_tags, has_words, without_tags

GRID = 1000  # steps of the grid, each way
TEXT_TO_IMAGE = "text-to-image"
EDIT = "edit"

# Texts may come from strangers, so every pattern below takes linear time. For that, no two neighboring parts of a
# pattern take the same characters.
BOX_START, BOX_END = "<|box_start|>", "<|box_end|>"
_NUMBER_PAIR = r"\(\s*[-+]?[\d.]+\s*,[^()<>]*\)"
_MARKED = r"<\|box_start\|>(?P<marked>.*?)(?P<end><\|box_end\|>|(?=<\|box_start\|>)|$)"
_BOX = re.compile(rf"{_MARKED}|(?P<plain>{_NUMBER_PAIR}\s*(?:,\s*)?\([^()<>]*\))|(?P<stray><\|box_end\|>)", re.DOTALL)
_CORNER = r"\s*\(\s*(\d{1,9})\s*,\s*(\d{1,9})\s*\)\s*"
_CORNERS = re.compile(f"{_CORNER},{_CORNER}")
_COLOR = re.compile(r"\s*\(\s*([A-Za-z][A-Za-z ]*(?![A-Za-z ])|#[0-9A-Fa-f]{6})\s*\)")
_MARKED_BOX = r"<\|box_start\|>[^<]*<\|box_end\|>"
_BOX_MARKER = re.compile(rf"(?P<kept>{_NUMBER_PAIR}\s*(?:,\s*)?{_MARKED_BOX})|<\|box_(?:start|end)\|>")
_MOST_PASSES = 9
AFTER_CHAIN = "<|im_gen_start|>"


class ChainError(GoTError):
    """A chain that cannot be drawn. The message names the box or word and says what to type instead."""


class Box(NamedTuple):
    """Corners on the 0..999 grid, x0 < x1 and y0 < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    def __str__(self) -> str:
        return f"({self.x0},{self.y0}),({self.x1},{self.y1})"


class Lora(NamedTuple):
    """A LoRA: its name as ComfyUI lists it, for example "styles/ink.safetensors", and its strength, -20 to 20."""

    name: str
    strength: float = 1.0


class Region(NamedTuple):
    """One grounded phrase.

    phrase_span, box_span: [start, stop) in the chain's text. box_span includes the color. A box without words has the
    phrase of the box before it, and its phrase_span is empty.
    strength, lora, off: how the region guides, set by a person and never part of the text. strength: 0 to 1, of the
    full guidance. lora: applies inside the box. off: the region stays in the text and does not guide.
    """

    phrase: str
    box: Box
    color: Color
    phrase_span: tuple[int, int]
    box_span: tuple[int, int]
    strength: float = 1.0
    lora: Lora | None = None
    off: bool = False


@dataclass(frozen=True)
class Chain:
    """A plan: the answer to a Request, or what a person or another node wrote. Immutable; `edited` makes another one.

    task: "text-to-image" or "edit". prompt: the caption or instruction. text: GoT's form.
    source: the image to edit, (1, height, width, 3) in 0..1; None for text-to-image.
    cut: the language model reached its token limit before it finished.
    earlier: the chain of the turn before, for an edit of an edit.
    semantics: what the reasoner that wrote the chain already knows of its meaning (see reasoner.Semantics), or None.
    locked: numbers of the regions, from 0, that a person locked: when the model rewrites the chain, they stay.
    size: width and height in pixels of the image that the chain was written for; None if nobody said.
    chosen_size: the width and height that a person chose for the image to draw; None for the model's own.
    image_features: the source as the reasoner's vision tower encoded it (see reasoner.ImageFeatures), or None.
    """

    task: str
    prompt: str
    text: str
    regions: tuple[Region, ...]
    source: Any = None
    cut: bool = False
    earlier: "Chain | None" = None
    semantics: Any = None
    locked: tuple[int, ...] = ()
    size: tuple[int, int] | None = None
    image_features: Any = None
    chosen_size: tuple[int, int] | None = None

    def edited(self, text: str) -> "Chain":
        """This chain with another text. Its semantics and locks are forgotten: they belong to the old text.

        How a region guides stays: in reading order if there are as many regions as before, else with phrase and box.
        """
        text = canonical_text(text)
        regions = guiding_like(self.regions, parse_regions(text))
        return replace(self, text=text, regions=regions, cut=False, semantics=None, locked=())


def read_chain(text: str, task: str = TEXT_TO_IMAGE, prompt: str = "", source: Any = None, **fields: Any) -> Chain:
    """A chain from text in any of the three forms. fields: Chain's other ones. ChainError as from `canonical_text`."""
    text = canonical_text(text)
    return Chain(task, prompt, text, parse_regions(text), source, **fields)


def parse_regions(text: str) -> tuple[Region, ...]:
    """The regions of a chain in GoT's form, in reading order. Raises ChainError as `canonical_text` does."""
    found = _found(text)
    phrases = _phrases(text, found)
    colors = given_colors([one.color or phrase for one, (phrase, _) in zip(found, phrases, strict=True)])
    return tuple(
        Region(phrase, one.box, color, span, one.box_span)
        for one, (phrase, span), color in zip(found, phrases, colors, strict=True)
    )


def canonical_text(text: str) -> str:
    """The chain in GoT's form: one space, box, one space, color word. Idempotent.

    A box without a color gets the color word of its phrase, else the palette's next color that the chain does not use.
    1000 is read as 999. Text after `<|im_gen_start|>` is not part of the chain and is left out.
    ChainError names an unknown color, or a box that cannot be drawn: it is not four whole numbers in 0..1000, is empty,
    has its corners in the wrong order, or is not closed.
    """
    text = well_formed(text)
    # A tag may split a box in two: `(1<|obj_end|>,2),(3,4)`. Brackets may be double: `[[a cup]] (1,2),(3,4)`.
    for _ in range(_MOST_PASSES if "]" in text or has_tags(text) else 1):
        before, text = text, _canonical_once(text)
        if text == before:
            break
    return text


def _canonical_once(text: str) -> str:
    text = text.partition(AFTER_CHAIN)[0].strip()
    found = _found(text)
    pieces, start = [], 0
    for one, color in zip(found, _colors(text, found), strict=True):
        first, stop = one.box_span
        pieces.append(canonical_words(text[start:first], start > 0, one.several).rstrip(" \t"))
        pieces.append(f" {format_box(one.box, color.word)}" if pieces[-1] or start else format_box(one.box, color.word))
        start = stop
    return "".join([*pieces, without_tags(text[start:])])


class _Found(NamedTuple):
    """A box as written. is_named: it is the first one, or there are words before it. several: the next one has none."""

    box: Box
    color: Color | None
    box_span: tuple[int, int]
    is_named: bool
    several: bool = False


def _found(text: str) -> list[_Found]:
    """Every box of a text. Raises ChainError as `canonical_text` does."""
    found, start = [], 0
    for number, match in enumerate(_BOX.finditer(text), 1):
        box = _box(match, number)
        color, stop = _color(text, match.end(), box, number)
        is_named = not found or has_words(text[start : match.start()])
        if not is_named:
            found[-1] = found[-1]._replace(several=True)
        found.append(_Found(box, color, (match.start(), stop), is_named))
        start = stop
    return found


def _phrases(text: str, found: list[_Found]) -> list[tuple[str, tuple[int, int]]]:
    """The phrase of each box and its span."""
    phrases, start = [], 0
    for one in found:
        first, stop = one.box_span
        phrase, span = phrases[-1][0] if phrases else "", (first, first)
        if one.is_named:
            phrase, at = find_phrase(text, start, first, start > 0, one.several)
            span = (at, at + len(phrase))
        phrases.append((phrase, span))
        start = stop
    return phrases


def _colors(text: str, found: list[_Found]) -> list[Color]:
    """The color of each box. Phrases are looked for only if a box has none."""
    colors = [one.color for one in found if one.color]
    if len(colors) == len(found):
        return colors
    return given_colors([one.color or phrase for one, (phrase, _) in zip(found, _phrases(text, found), strict=True)])


def well_formed(text: str) -> str:
    """A text without lone surrogates, which JSON can hold and no tokenizer reads: each becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def format_box(box: Box, color_word: str) -> str:
    """A box as GoT writes it: `<|box_start|>(x0,y0),(x1,y1)<|box_end|> (color)`."""
    return f"{BOX_START}{box}{BOX_END} ({color_word})"


def plain_text(text: str) -> str:
    """A chain in the form that people type, without GoT's markers. Inverse of `canonical_text`.

    A box right after two numbers in brackets keeps its markers: `the point (3,4) <|box_start|>(5,6),(7,8)<|box_end|>`.
    """
    text = _BOX_MARKER.sub(lambda match: match["kept"] or "", text)
    return text.replace(OBJECT_START, "[").replace(OBJECT_END, "]")


def mention(chain: Chain, number: int, before: str = "", after_box: bool = False) -> str:
    """A region as a text writes it after the words `before`: its phrase, with tags if it is not found, box and color.

    after_box: a box comes right before those words.
    """
    region = chain.regions[number]
    last, (box_start, stop) = region.phrase_span[1], region.box_span
    is_own = region.phrase_span[0] < box_start
    between = without_tags(chain.text[last:box_start]) if is_own or not region.phrase else " "
    words = f"{before}{OBJECT_START}{region.phrase}{OBJECT_END}{between}"
    return canonical_words(words, after_box) + chain.text[box_start:stop]


def guiding(chain: Chain) -> Chain:
    """The chain for what guides: without the boxes of regions that are switched off. Their words stay in its text."""
    if not any(region.off for region in chain.regions):
        return chain
    pieces, regions, start, removed, words = [], [], 0, 0, None
    for region in chain.regions:
        (first, last), (begin, end) = region.phrase_span, region.box_span
        words = (first - removed, last - removed) if first < last or words is None else words
        kept = chain.text[start : begin if region.off else end]
        pieces.append(kept.rstrip(" ") if region.off else kept)
        if region.off:
            removed += end - start - len(pieces[-1])
        else:
            span = (begin - removed, end - removed)
            regions.append(region._replace(phrase_span=words, box_span=span))
            words = None
        start = end
    text = "".join([*pieces, chain.text[start:]])
    return replace(chain, text=text, regions=tuple(regions), semantics=None, locked=())


def without_boxes(chain: Chain) -> str:
    """The chain's prose alone: neither boxes nor their colors."""
    pieces, start = [], 0
    for region in chain.regions:
        pieces.append(chain.text[start : region.box_span[0]].rstrip(" "))
        start = region.box_span[1]
    return without_tags("".join([*pieces, chain.text[start:]])).strip()


def got_r1_text(chain: Chain) -> str:
    """The chain in GoT-R1's form: objects marked, no colors."""
    pieces, start = [], 0
    for region in chain.regions:
        first, last = region.phrase_span
        pieces += [without_tags(chain.text[start:first]), f"{OBJECT_START}{region.phrase}{OBJECT_END}"]
        pieces.append(f"{without_tags(chain.text[last : region.box_span[0]])}{BOX_START}{region.box}{BOX_END}")
        start = region.box_span[1]
    return "".join([*pieces, chain.text[start:]])


def without_unfinished_box(text: str) -> str:
    """The text of a chain that was cut off, without the box in which it was cut."""
    start = text.rfind(BOX_START)
    unfinished = start >= 0 and BOX_END not in text[start:]
    return text[:start].rstrip() if unfinished else text


def guiding_like(before: Sequence[Region], regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Regions that guide as those they come from: by number if they are as many, else by phrase and box."""
    known = {(region.phrase, region.box): region for region in before}
    same = [known.get((region.phrase, region.box), region) for region in regions]
    pairs = zip(regions, before if len(before) == len(regions) else same, strict=True)
    return tuple(new._replace(strength=old.strength, lora=old.lora, off=old.off) for new, old in pairs)


def _box(match: re.Match, number: int) -> Box:
    """The box of a match, or a ChainError that quotes it."""
    shown = match["marked"] or match["plain"] or match["stray"] or ""
    name = f"Box {number} '{shown.strip()[:40]}'"
    how = "Write it as (left,top),(right,bottom), whole numbers from 0 to 999, for example (120,400),(380,760)."
    corners = _CORNERS.fullmatch(shown)
    if match["stray"] or (match["marked"] is not None and not match["end"]):
        raise ChainError(f"{name} has only one of its two markers {BOX_START} and {BOX_END}. {how}")
    if not corners:
        raise ChainError(f"{name} is not a box. {how}")
    numbers = [int(value) for value in corners.groups()]
    if max(numbers) > GRID:
        raise ChainError(f"{name} leaves the image: {max(numbers)} is more than 999. {how}")
    x0, y0, x1, y1 = (min(value, GRID - 1) for value in numbers)
    if x0 >= x1 or y0 >= y1:
        side = "left of" if x0 >= x1 else "above"
        raise ChainError(f"{name} is empty: its first corner is not {side} its second. {how}")
    return Box(x0, y0, x1, y1)


def _color(text: str, start: int, box: Box, number: int) -> tuple[Color | None, int]:
    """The color after a box, None if there is none, and the position where the box with its color ends."""
    match = _COLOR.match(text, start)
    if not match:
        return None, start
    color = find_color(match[1])
    if color is None:
        near = nearest_words(match[1])
        hint = f"Did you mean {' or '.join(near)}?" if near else "Use a CSS color name such as red, teal or gold."
        raise ChainError(f"Box {number} {box} has an unknown color '{match[1][:40]}'. {hint}")
    return color, match.end()
