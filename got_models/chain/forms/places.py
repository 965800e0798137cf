"""Places in words, for models that read prose alone: "a red cup in front on the left"."""

import re

from ..grammar import GRID, Box, Chain
from ..phrases import has_words, without_tags

_NEAR, _FAR = 0.375, 0.625  # a center between them is in the middle
_SPANS = 0.8  # a box as wide as this part of the image spans it
_OVERLAPS, _INSIDE = 0.1, 0.8  # parts of the smaller of two boxes
_LOWER = 0.05  # of the height: the lower of two things that overlap is nearer
_LINKS = re.compile(r"[\s,:]*(?:\b(?:at|in|within|of)\b)?[\s,:]*$", re.IGNORECASE)
_CHINESE_TEXT = re.compile(r"[\u4e00-\u9fff]")

_ENGLISH = {
    (-1, -1): "at the top left", (0, -1): "at the top", (1, -1): "at the top right", (-1, 0): "on the left",
    (0, 0): "in the center", (1, 0): "on the right", (-1, 1): "at the bottom left", (0, 1): "at the bottom",
    (1, 1): "at the bottom right", "top": "across the top", "middle": "across the middle",
    "bottom": "across the bottom", "whole": "across the whole image", "front": "in front",
}  # fmt: skip
_CHINESE = {
    (-1, -1): "左上方", (0, -1): "上方", (1, -1): "右上方", (-1, 0): "左侧", (0, 0): "中央", (1, 0): "右侧",
    (-1, 1): "左下方", (0, 1): "下方", (1, 1): "右下方", "top": "横贯上方", "middle": "横贯中央", "bottom": "横贯下方",
    "whole": "占满画面", "front": "前景",
}  # fmt: skip


def with_places(chain: Chain) -> str:
    """The chain's prose, each phrase followed by its place. Chinese prose has the place in Chinese, in brackets."""
    is_chinese = bool(_CHINESE_TEXT.search(chain.text))
    boxes = [region.box for region in chain.regions]
    pieces, start = [], 0
    for region in chain.regions:
        words = without_tags(chain.text[start : region.box_span[0]])
        is_repeated = start > 0 and not has_words(words)
        words = _LINKS.sub("", words) if not is_repeated else f" {words.strip()}" if words.strip(" ,") else " and"
        place = _place(region.box, boxes, _CHINESE if is_chinese else _ENGLISH, is_chinese)
        pieces.append(f"{words}（{place}）" if is_chinese else f"{words} {place}")
        start = region.box_span[1]
    return "".join([*pieces, without_tags(chain.text[start:])]).strip()


def _place(box: Box, boxes: list[Box], words: dict, is_chinese: bool) -> str:
    place = words[_where(box)]
    if not any(_is_before(box, other) for other in boxes):
        return place
    return f"{place}，{words['front']}" if is_chinese else f"{words['front']} {place}"


def _where(box: Box) -> tuple[int, int] | str:
    """The third of the image that holds the box's center, each way; a word for a box that spans the image."""
    x, y = _third((box.x0 + box.x1) / 2 / GRID), _third((box.y0 + box.y1) / 2 / GRID)
    is_wide, is_tall = box.x1 - box.x0 >= _SPANS * GRID, box.y1 - box.y0 >= _SPANS * GRID
    if is_wide:
        return "whole" if is_tall else ("top", "middle", "bottom")[y + 1]
    return (x, 0) if is_tall else (x, y)


def _third(center: float) -> int:
    return -1 if center < _NEAR else 1 if center > _FAR else 0


def _is_before(box: Box, other: Box) -> bool:
    """Whether a box is in front of another: they overlap, neither is inside the other, and its bottom is lower."""
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    if width <= 0 or height <= 0 or box.y1 - other.y1 < _LOWER * GRID:
        return False
    smaller = min((one.x1 - one.x0) * (one.y1 - one.y0) for one in (box, other))
    return _OVERLAPS * smaller <= width * height <= _INSIDE * smaller
