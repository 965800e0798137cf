"""A person's edits of a chain: how they are saved, when they apply, and what a locked region keeps.

Edits are saved as a JSON text, "" for none:

    {"version": 1, "plan": TEXT, "text": TEXT, "regions": [{"locked": bool, "hidden": bool, ...}, ...], "order": [...],
     "size": [width, height]}

    plan     the chain that the person edited
    text     the chain as edited; both in any form that chains are read in
    regions  the state of each region of text, in reading order; may be missing. Where a person set how a region guides,
             also "strength": 0 to 1, "lora": {"name": TEXT, "strength": -20 to 20}, and "off": bool
    order    the regions' numbers from back to front, as the editor draws them; may be missing
    size     of the image to draw, in pixels, as a person chose it; may be missing

Edits apply only to the chain on which they were made. The size applies to every chain.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..errors import GoTError
from .colors import PALETTE
from .grammar import (
    BOX_END,
    BOX_START,
    TEXT_TO_IMAGE,
    Chain,
    ChainError,
    Lora,
    Region,
    canonical_text,
    mention,
    parse_regions,
    well_formed,
)
from .phrases import OBJECT_START, without_tags
from .request import Request

VERSION = 1
MAX_SIZE = 200_000  # bytes of saved edits, and of an answer from the browser
LORA_STRENGTH = 20.0  # the largest, either way: the range of ComfyUI's Create Hook LoRA
SIZE_STEP, SMALLEST, LARGEST = 8, 64, 8192  # pixels of a chosen side: as Semantic-Spatial Guidance takes them
_LONGEST_NAME = 1000  # letters of a LoRA's name
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_HOW = "Press 'Back to the model's plan' in the chain editor to start again from the plan."


class Edits(NamedTuple):
    """plan, text: the chain before and after the edits, both in GoT's form. locked: numbers of regions, from 0.

    guides: of each region, the fields strength, lora and off of Region that a person set; () if none are known.
    size: of the image, as a person chose it; None for the model's own.
    """

    plan: str
    text: str
    locked: tuple[int, ...]
    guides: tuple[dict[str, Any], ...] = ()
    size: tuple[int, int] | None = None


def read_edits(value: str | None) -> Edits | None:
    """Saved edits, or None if there are none. GoTError if they are damaged or the text has a malformed box."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _damaged("they are not a text")
    if not value.strip():
        return None
    saved = read_object(value)
    version = saved.get("version")
    if type(version) is int and version > VERSION:
        raise GoTError(
            f"The edits of this chain were made with a newer ComfyUI-GoT: their version is {version}, this one reads "
            f"{VERSION}. Update ComfyUI-GoT, or press 'Back to the model's plan' in the chain editor."
        )
    if type(version) is not int or version != VERSION:
        raise _damaged(f"their version is {json.dumps(version)[:40]} and not {VERSION}")
    try:
        plan = canonical_text(_text(saved, "plan"))
    except ChainError as error:
        raise _damaged(f"the plan in them cannot be read ({error})") from error
    return read_answer(saved)._replace(plan=plan)


def read_object(value: str | bytes) -> dict:
    """A JSON object of at most MAX_SIZE bytes. GoTError if it is something else."""
    if len(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value) > MAX_SIZE:
        raise _damaged(f"they are larger than {MAX_SIZE // 1000} kB")
    try:
        saved = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"they are not JSON ({error})") from error
    if not isinstance(saved, dict):
        raise _damaged("they are not a JSON object")
    return saved


def read_answer(saved: dict) -> Edits:
    """Edits without their plan, from an object with text and, optionally, regions, order and size.

    GoTError if a part has the wrong type or count. ChainError names the box if the text cannot be drawn.
    """
    try:
        text = canonical_text(_text(saved, "text"))
    except ChainError as error:
        raise ChainError(f"The text in the chain editor cannot be drawn. {error}") from error
    count = len(parse_regions(text))
    regions = saved.get("regions", [{}] * count)
    if not isinstance(regions, list) or len(regions) != count or not all(_is_state(region) for region in regions):
        raise _damaged(
            f"'regions' is not a list of {count} entries with 'locked' and 'hidden', one per box of the text"
        )
    order = saved.get("order", list(range(count)))
    if not isinstance(order, list) or any(type(number) is not int for number in order):
        raise _damaged("'order' is not a list of integers")
    if sorted(order) != list(range(count)):
        raise _damaged(f"'order' does not hold each number from 0 to {count - 1} once")
    locked = tuple(number for number, region in enumerate(regions) if region.get("locked"))
    guides = tuple(_guides(region, number) for number, region in enumerate(regions, 1))
    return Edits("", text, locked, guides, _size(saved))


def made_on(edits: Edits | None, chain: Chain) -> bool:
    """Whether the edits were made on this chain. Then they apply, and the person has seen the chain."""
    return edits is not None and is_same_plan(edits.plan, chain.text)


def is_same_plan(saved: str, text: str) -> bool:
    """Whether two texts in GoT's form are the same plan, also if an earlier version of this pack read the first one.

    Tags around phrases make no difference. Up to version 0.1, boxes without a color got the palette's next ones,
    whatever their phrases say.
    """
    saved, text = without_tags(saved), without_tags(text)
    if saved == text:
        return True
    old, new = parse_regions(saved), parse_regions(text)
    given = [number for number, (one, other) in enumerate(zip(old, new, strict=False)) if one.color != other.color]
    if len(old) != len(new) or not given or _with_colors(saved, old, {}) != _with_colors(text, new, {}):
        return False
    every = range(len(new))
    return any(_was_read(text, new, colors, saved) for colors in (given, every))


def _was_read(text: str, regions: tuple[Region, ...], without: Sequence[int], saved: str) -> bool:
    """Whether `text` and `saved` are the present and the earlier reading of one text: these regions have no color."""
    rest = {number: f" ({region.color.word})" for number, region in enumerate(regions)}
    for number in without:
        del rest[number]
    if canonical_text(_with_colors(text, regions, rest)) != text:
        return False
    used = {regions[number].color.word for number in rest}
    free = iter([word for word in PALETTE if word not in used])
    given = {one: f" ({next(free, PALETTE[count % len(PALETTE)])})" for count, one in enumerate(without)}
    return _with_colors(text, regions, rest | given) == saved


def _with_colors(text: str, regions: tuple[Region, ...], colors: dict[int, str]) -> str:
    """The text with these colors, in brackets, after the boxes of `regions`; none where none is given."""
    pieces, start = [], 0
    for number, region in enumerate(regions):
        first, stop = region.box_span
        pieces += [text[start:first], f"{BOX_START}{region.box}{BOX_END}{colors.get(number, '')}"]
        start = stop
    return "".join([*pieces, text[start:]])


def with_edits(chain: Chain, edits: Edits | None) -> Chain:
    """The chain as edited, and for the chosen size. Where the text stays the same, the chain keeps its semantics."""
    if edits is not None and edits.size is not None:
        chain = replace(chain, size=edits.size, chosen_size=edits.size)
    if not made_on(edits, chain):
        return chain
    edited = chain if edits.text == chain.text else chain.edited(edits.text)
    if any(edits.guides):
        pairs = zip(edited.regions, edits.guides, strict=True)
        edited = replace(edited, regions=tuple(region._replace(**fields) for region, fields in pairs))
    return edited if edited.locked == edits.locked else replace(edited, locked=edits.locked)


def rewriting(earlier: Chain, prompt: str, wish: str = "") -> Request:
    """A request to rewrite a chain around its locked regions. Its text holds them, and the model continues from there.

    wish: how to change the chain, in words. GoTError if nothing is locked and there is no wish, or the chain is an
    edit's.
    """
    if earlier.task != TEXT_TO_IMAGE:
        raise GoTError(
            "The earlier chain belongs to an image edit. Reasoning Chain rewrites text-to-image chains. Connect such a "
            "chain, or use Edit Chain."
        )
    check_rewriting(earlier, wish)
    return Request(
        *(TEXT_TO_IMAGE, prompt), text=locked_text(earlier), lookup_text=earlier.text, wish=wish, plan=earlier
    )


def checked_wish(wish: str, earlier: Chain | None) -> str:
    """The wish, well formed and without white space around it. GoTError if there is one and no chain to change."""
    wish = well_formed(wish).strip()
    if wish and earlier is None:
        raise GoTError(
            "There is a wish and no earlier chain. A wish says how to change a chain: connect that chain, or clear the "
            "wish and write what you want into the prompt."
        )
    return wish


def check_rewriting(earlier: Chain, wish: str) -> None:
    """Raise GoTError if there is neither a wish nor a locked region: then nothing says what to keep or change."""
    if not wish and not earlier.locked:
        raise GoTError(
            "No region of the earlier chain is locked, so there is nothing to keep. Lock at least one region in its "
            "GoT Chain Editor, write a wish that says what to change, or disconnect the earlier chain."
        )


def locked_text(chain: Chain) -> str:
    """The sentences that hold locked regions, word for word and in order.

    Of a sentence with other regions too, the words before its first region and the locked phrases with their boxes are
    kept. If it is the last sentence, it stays without a full stop, and the model continues it.
    """
    pieces, keep, number = [], set(chain.locked), 0
    for start, stop in _sentences(chain):
        inside = []
        while number < len(chain.regions) and chain.regions[number].box_span[0] < stop:
            inside.append(number)
            number += 1
        locked = [number for number in inside if number in keep]
        if pieces and locked and not pieces[-1].endswith((".", "!", "?")):
            pieces[-1] += "."
        if locked and locked == inside:
            pieces.append(chain.text[start:stop])
        elif locked:
            lead = chain.text[start : chain.regions[inside[0]].phrase_span[0]].removesuffix(OBJECT_START)
            pieces.append(mention(chain, locked[0], lead))
            pieces[-1] += "".join(mention(chain, number, ", ", after_box=True) for number in locked[1:])
    return " ".join(pieces)


def _sentences(chain: Chain) -> list[tuple[int, int]]:
    """[start, stop) of each sentence, without the whitespace between them. None ends inside a phrase."""
    pieces, done = [], 0
    for region in chain.regions:
        first, last = region.phrase_span
        pieces += [chain.text[done:first], "_" * (last - first)]
        done = last
    words = "".join([*pieces, chain.text[done:]])
    ends = [(match.start(), match.end()) for match in _SENTENCE.finditer(words)]
    starts, stops = [0, *(end for _, end in ends)], [*(start for start, _ in ends), len(words)]
    return list(zip(starts, stops, strict=True))


def _text(saved: dict, name: str) -> str:
    if not isinstance(saved.get(name), str):
        raise _damaged(f"'{name}' is not a text")
    return saved[name]


def _size(saved: dict) -> tuple[int, int] | None:
    """The chosen width and height. GoTError if they are no size that an image can have."""
    size = saved.get("size")
    if size is None:
        return None
    if not isinstance(size, list) or len(size) != 2 or not all(map(_is_side, size)):
        raise _damaged(f"'size' is not a width and a height, multiples of {SIZE_STEP} from {SMALLEST} to {LARGEST}")
    return tuple(size)


def _is_side(side: Any) -> bool:
    return type(side) is int and side % SIZE_STEP == 0 and SMALLEST <= side <= LARGEST


def _is_state(region: Any) -> bool:
    """Whether this is an entry of 'regions'."""
    return isinstance(region, dict) and all(isinstance(region.get(flag, False), bool) for flag in ("locked", "hidden"))


def _guides(region: dict, number: int) -> dict[str, Any]:
    """How a person set an entry of 'regions' to guide, as fields of Region."""
    fields = {}
    if "strength" in region:
        fields["strength"] = _number(region["strength"], 0, 1, f"'strength' of region {number}")
    if "off" in region:
        if not isinstance(region["off"], bool):
            raise _damaged(f"'off' of region {number} is not true or false")
        fields["off"] = region["off"]
    if region.get("lora") is not None:
        lora = region["lora"] if isinstance(region["lora"], dict) else {}
        name = lora.get("name")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise _damaged(f"'lora' of region {number} has no name")
        strength = lora.get("strength", 1.0)
        limit = LORA_STRENGTH
        fields["lora"] = Lora(name, _number(strength, -limit, limit, f"the strength of region {number}'s LoRA"))
    return fields


def _number(value: Any, least: float, most: float, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _damaged(f"{what} is not a number from {least:g} to {most:g}")
    return float(value)


def _damaged(what: str) -> GoTError:
    return GoTError(f"The edits of this chain cannot be read: {what}. {_HOW}")
