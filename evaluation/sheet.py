"""The contact sheet: plan and result side by side. A green frame means judged right, a red one judged wrong."""

from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..got_models.chain.grammar import read_chain
from ..got_models.guidance.images import bicubic, to_pil, to_tensor
from ..got_models.guidance.preview import plan_image
from ..world import scenes, wording
from . import scores
from .answers import Answers
from .cases import EditCase, PromptCase
from .free import FreeCase, FreeEditCase
from .run import CHANGES, EDITED, PLAN, PROMPT_ONLY, SECOND, Questions, change

TILE, GAP, LINE = 160, 8, 16  # pixels
MOST_PROMPTS, MOST_CURVES, MOST_EDITS, MOST_FREE = 21, 5, 30, 12  # of the last each, prompts and edits
PAPER, INK, FAINT, RIGHT, WRONG = "white", "black", "dimgray", "limegreen", "red"
FRAME = 3  # pixels
LEGEND = "Green frames: judged right. Red frames: judged wrong. No frame: not judged."


class Tile(NamedTuple):
    """right: how the image was judged; None: not judged."""

    title: str
    image: Image.Image
    right: bool | None = None


class Strip(NamedTuple):
    """The tiles of one case, in a row."""

    title: str
    tiles: list[Tile]


def contact_sheet(questions: Questions, answers: Answers) -> Image.Image:
    """Prompts on the left, edits on the right, below each those in free wording.

    Below the prompts in templates, some of them at each spatial strength.
    """
    asked = [case for case in questions.prompt_cases if f"{case.key}/{PLAN}" in answers]
    changed = [case for case in asked if any(f"{case.key}/{name}" in answers for name in CHANGES)]
    prompts = [_prompt_strip(case, answers) for case in (changed or asked)[:MOST_PROMPTS]]
    curves = [strip for case in asked if (strip := _curve_strip(case, answers)).tiles]
    edits = [case for case in questions.edit_cases if f"{case.key}/{EDITED}" in answers]
    free = [case for case in questions.free_cases if f"{case.key}/{PLAN}" in answers][:MOST_FREE]
    free_edits = [case for case in questions.free_edit_cases if f"{case.key}/{EDITED}" in answers][:MOST_FREE]
    left = [*prompts, *curves[:MOST_CURVES], *(_free_strip(case, answers) for case in free)]
    right = [*_with_second_first(edits, answers), *free_edits]
    return _page(left, [_edit_strip(case, answers) for case in right])


def _with_second_first(cases: list[EditCase], answers: Answers) -> list[EditCase]:
    """The first MOST_EDITS cases, those with a second turn preferred, in their order."""
    second = [case for case in cases if f"{case.key}/{SECOND}" in answers]
    rest = [case for case in cases if case not in second]
    return sorted([*second, *rest][:MOST_EDITS], key=lambda case: case.number)


# ---------------------------------------------------------------- strips


def _prompt_strip(case: PromptCase, answers: Answers) -> Strip:
    key = f"{case.key}/{PLAN}"
    chain, view = answers.chain(key), answers.view(key)
    tiles = [
        Tile("plan", _plan(chain), scores.fulfilled(chain, case.scene)),
        Tile("image", _shown(answers, key), scores.as_asked(case.kind, case.scene, view)),
    ]
    for name in CHANGES:
        if f"{case.key}/{name}" in answers:
            tiles += _change_tiles(case, answers, name)
    return Strip(f"{case.kind}: {case.text}", tiles)


def _free_strip(case: FreeCase, answers: Answers) -> Strip:
    key = f"{case.key}/{PLAN}"
    plan = [(obj.name, obj.box) for obj in scores.planned(answers.chain(key))]
    seen = [(scores.name_of(obj), obj.box) for obj in answers.view(key).objects]
    tiles = [
        Tile("plan", _plan(answers.chain(key)), case.asked.satisfied(plan)),
        Tile("image", _shown(answers, key), case.asked.satisfied(seen, scores.beyond)),
    ]
    return Strip(f"{case.kind}: {case.text}", tiles)


def _change_tiles(case: PromptCase, answers: Answers, name: str) -> list[Tile]:
    changed, key = change(case, answers, name), f"{case.key}/{name}"
    before, after, new = changed.before, changed.after, answers.view(key)
    if name == "moved":
        title, right = f"{before.name} moved", scores.followed(before, after, changed.chain, new)
    else:
        title = f"now {wording.a(after.name)}"
        right = scores.changed_only_there(before, after, answers.view(f"{case.key}/{PLAN}"), new)
    return [Tile(title, _plan(changed.chain)), Tile("image", _shown(answers, key), right)]


def _curve_strip(case: PromptCase, answers: Answers) -> Strip:
    """The image of the prompt only, then of each spatial strength."""
    start = f"{case.key}/spatial-"
    keys = sorted((key for key in answers.found if key.startswith(start)), key=lambda key: float(key[len(start) :]))
    keys = [f"{case.key}/{PROMPT_ONLY}", *keys]
    if len(keys) < 4 or keys[0] not in answers:
        return Strip(case.text, [])
    titles = ["prompt only", *(f"spatial {key[len(start) :]}" for key in keys[1:])]
    right = [scores.as_asked(case.kind, case.scene, answers.view(key)) for key in keys]
    tiles = [Tile(title, _shown(answers, key), ok) for title, key, ok in zip(titles, keys, right)]
    return Strip(f"{case.kind}: {case.text}", tiles)


def _edit_strip(case: EditCase | FreeEditCase, answers: Answers) -> Strip:
    first, second = f"{case.key}/{EDITED}", f"{case.key}/{SECOND}"
    chain, source = answers.chain(first), scenes.render(case.edit.source)
    tiles = [
        Tile("source", _tile(source)),
        Tile("plan", _plan(chain, source), scores.area_found(case.edit, chain)),
        Tile("result", _shown(answers, first), scores.change_made(case.edit, answers.view(first))),
        Tile("as it should be", _tile(scenes.render(case.edit.target))),
    ]
    if second not in answers:
        return Strip(f"{case.edit.kind}: {case.text}", tiles)
    found = scores.area_found(case.second, answers.chain(second))
    tiles += [
        Tile("second plan", _plan(answers.chain(second), answers.picture(first)), found),
        Tile("second result", _shown(answers, second), scores.change_made(case.second, answers.view(second))),
    ]
    return Strip(f"{case.edit.kind}: {case.text} / then {case.second.kind}: {case.second_text}", tiles)


def _plan(chain: str, background: np.ndarray | None = None) -> Image.Image:
    """A chain's boxes as the pack shows them, on dark gray or on an image (H, W, 3)."""
    image = None if background is None else to_tensor(_tile(background))
    return to_pil(plan_image(read_chain(chain), image, TILE, TILE))


def _shown(answers: Answers, key: str) -> Image.Image:
    return _tile(answers.picture(key))


def _tile(picture: np.ndarray) -> Image.Image:
    return bicubic(picture, (TILE, TILE))


# ---------------------------------------------------------------- the page


def _page(left: list[Strip], right: list[Strip]) -> Image.Image:
    """Two columns of strips."""
    widths = [max((len(strip.tiles) for strip in column), default=0) * (TILE + GAP) + GAP for column in (left, right)]
    row = 2 * LINE + TILE + GAP
    head = LINE + GAP
    page = Image.new("RGB", (max(sum(widths), 4 * TILE), head + max(len(left), len(right)) * row + GAP), PAPER)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    pen.text((GAP, GAP), LEGEND, FAINT, font=font)
    for number, pair in enumerate(zip_longest(left, right)):
        for strip, x in zip(pair, (GAP, widths[0] + GAP)):
            if strip is not None:
                _draw(page, pen, font, strip, x, head + GAP + number * row)
    return page


def _draw(page: Image.Image, pen: ImageDraw.ImageDraw, font, strip: Strip, x: int, y: int) -> None:
    pen.text((x, y), strip.title, INK, font=font)
    for tile in strip.tiles:
        pen.text((x, y + LINE), tile.title, FAINT, font=font)
        page.paste(tile.image, (x, y + 2 * LINE))
        if tile.right is not None:
            corners = (x - FRAME, y + 2 * LINE - FRAME, x + TILE + FRAME - 1, y + 2 * LINE + TILE + FRAME - 1)
            pen.rectangle(corners, outline=RIGHT if tile.right else WRONG, width=FRAME)
        x += TILE + GAP
