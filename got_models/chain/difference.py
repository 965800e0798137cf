"""What differs between two plans: regions that are added, removed, moved, recolored or reworded. Standard library only.

tests/differences.json has cases for this module and for a version of it in the browser.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .grammar import Box, Region

ADDED, REMOVED, MOVED, RECOLORED, REWORDED = "added", "removed", "moved", "recolored", "reworded"
_ALIKE = 0.5  # share of words or of area that makes two regions the same object, of 1
_PAIRS = 40_000  # most pairs that are compared, 200 regions with 200; of more, what has no equal is new
_WORD = re.compile("[\u3400-\u9fff]|[^\\W_\u3400-\u9fff]+")  # a Chinese character counts as a word
_ARTICLES = {"a", "an", "the"}


class Change(NamedTuple):
    """One region that differs. before, after: its number in each plan, from 0; None in the plan that lacks it.

    kinds: "added" or "removed" alone, else one or more of "moved" (also for another size), "recolored", "reworded".
    """

    before: int | None
    after: int | None
    kinds: tuple[str, ...]


def difference(before: Sequence[Region], after: Sequence[Region]) -> list[Change]:
    """The regions that differ, in the order of the plan after, with those that were removed last."""
    partner = {new: old for old, new in _pairs(before, after)}
    changes = []
    for number, region in enumerate(after):
        old = partner.get(number)
        kinds = (ADDED,) if old is None else _kinds(before[old], region)
        if kinds:
            changes.append(Change(old, number, kinds))
    kept = set(partner.values())
    return changes + [Change(number, None, (REMOVED,)) for number in range(len(before)) if number not in kept]


def _kinds(old: Region, new: Region) -> tuple[str, ...]:
    """How a region changed; nothing if it stayed."""
    differs = {
        MOVED: old.box != new.box,
        RECOLORED: old.color.rgb != new.color.rgb,
        REWORDED: _phrase(old) != _phrase(new),
    }
    return tuple(kind for kind, is_so in differs.items() if is_so)


def _pairs(before: Sequence[Region], after: Sequence[Region]) -> list[tuple[int, int]]:
    """The numbers of regions that are the same object: equal ones, then equal words, then equal boxes, then alike."""
    olds, news = dict(enumerate(before)), dict(enumerate(after))
    pairs: list[tuple[int, int]] = []

    def take(found: Iterable[tuple[int, int]]) -> None:
        for old, new in found:
            if old in olds and new in news:
                pairs.append((old, new))
                del olds[old], news[new]

    take(_equal(olds, news, lambda region: (_phrase(region), region.box)))
    take(_likeliest(olds, news, lambda old, new: _phrase(old) == _phrase(new) and 1 + _overlap(old.box, new.box)))
    take(_equal(olds, news, _phrase))  # of more regions than can be compared
    take(_equal(olds, news, lambda region: region.box))
    take(_likeliest(olds, news, _likeness))
    return pairs


def _equal(olds: dict[int, Region], news: dict[int, Region], key: Callable) -> list[tuple[int, int]]:
    """Pairs with an equal key, first with first."""
    waiting: dict = {}
    for number, region in reversed(olds.items()):
        waiting.setdefault(key(region), []).append(number)
    found = [(waiting.get(key(region), []), number) for number, region in news.items()]
    return [(numbers.pop(), number) for numbers, number in found if numbers]


def _likeliest(olds: dict[int, Region], news: dict[int, Region], likeness: Callable) -> list[tuple[int, int]]:
    """Pairs with a likeness above 0, the highest first; a region may be in several."""
    if len(olds) * len(news) > _PAIRS:
        return []
    scores = [(likeness(old, new), i, j) for i, old in olds.items() for j, new in news.items()]
    return [(i, j) for score, i, j in sorted(scores, key=lambda one: (-one[0], *one[1:])) if score > 0]


def _likeness(old: Region, new: Region) -> float:
    """0 for two objects, else their share of common words plus that of common area, at most 2."""
    words, others = _words(old), _words(new)
    common = 2 * len(words & others) / max(len(words) + len(others), 1)
    overlap = _overlap(old.box, new.box)
    return common + overlap if max(common, overlap) >= _ALIKE else 0.0


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    common = max(width, 0) * max(height, 0)
    areas = [(box.x1 - box.x0) * (box.y1 - box.y0) for box in (one, other)]
    return common / (sum(areas) - common)


def _phrase(region: Region) -> str:
    """A phrase without what is no difference: capitals, spaces, and its article."""
    words = region.phrase.lower().split()
    return " ".join(words[1:] if words[:1] and words[0] in _ARTICLES and words[1:] else words)


def _words(region: Region) -> set[str]:
    return set(_WORD.findall(region.phrase.lower())) - _ARTICLES
