"""What a freely worded prompt asks for: a scene, and what must hold of its boxes whatever their order.

A plan or an image may place objects in many right ways. So a claim is checked on boxes, never on one layout.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations

from . import scenes
from .scenes import Scene

NEAR = 250  # the widest gap of objects that are next to each other
BIG, SMALL = 430, 300  # the least and the greatest side of an object that is big, or small
CONTRAST = 1.3  # how many times larger in area a big object is than another, and another than a small one
FAR = 400  # how far the middle of an object at a side may be from that side
CENTRAL = (340, 660)  # where the middle of an object in the center may be

Box = tuple[int, int, int, int]
Holds = Callable[[Box, str, Box], bool]


@dataclass(frozen=True)
class Claim:
    """kind: a key of CLAIMS. objects: numbers of the scene's objects. word: a relation, a place or a size."""

    kind: str
    objects: tuple[int, ...]
    word: str = ""


@dataclass(frozen=True)
class Asked:
    """scene: laid out as a planner should do it. construction: the name of the wording. claims: beside relations."""

    scene: Scene
    text: str
    construction: str
    claims: tuple[Claim, ...] = ()

    def satisfied(self, found: Sequence[tuple[str, Box]], holds: Holds = scenes.holds) -> bool:
        """Do objects, (name, box) each, have the scene's names, and satisfy all claims and relations in some order?"""
        names = [obj.name for obj in self.scene.objects]
        if sorted(names) != sorted(name for name, _ in found):
            return False
        orders = permutations(found)
        return any(
            names == [name for name, _ in order] and self._fits([b for _, b in order], holds) for order in orders
        )

    def _fits(self, boxes: list[Box], holds: Holds) -> bool:
        related = all(holds(boxes[i], relation, boxes[j]) for i, relation, j in self.scene.relations)
        return related and all(CLAIMS[claim.kind](claim, boxes, holds) for claim in self.claims)


def _relation(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    first, second = claim.objects
    return holds(boxes[first], claim.word, boxes[second])


def _between(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    """The first object has the two others on opposite sides."""
    middle, *sides = (boxes[number] for number in claim.objects)
    return any(
        holds(first, relation, middle) and holds(middle, relation, second)
        for relation in ("left of", "above")
        for first, second in (sides, sides[::-1])
    )


def _line(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    """The objects are one after another in the direction, in any order."""
    axis = 0 if claim.word == "left of" else 1
    line = sorted((boxes[number] for number in claim.objects), key=lambda box: box[axis])
    return all(holds(first, claim.word, second) for first, second in pairwise(line))


def _near(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    first, second = (boxes[number] for number in claim.objects)
    gaps = [max(first[axis] - second[axis + 2], second[axis] - first[axis + 2]) for axis in (0, 1)]
    return min(gaps) < 0 <= max(gaps) <= NEAR


def _place(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    x0, y0, x1, y1 = boxes[claim.objects[0]]
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    if claim.word == "center":
        return all(CENTRAL[0] <= middle <= CENTRAL[1] for middle in (x, y))
    sides = {"left": x <= FAR, "right": x >= 1000 - FAR, "top": y <= FAR, "bottom": y >= 1000 - FAR}
    return all(sides[word] for word in claim.word.split())


def _size(claim: Claim, boxes: list[Box], holds: Holds) -> bool:
    """Of one object by its sides; of two, the first is bigger or smaller than the second."""
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (boxes[number] for number in claim.objects)]
    if len(areas) == 2:
        return areas[0] >= CONTRAST * areas[1] if claim.word == "big" else CONTRAST * areas[0] <= areas[1]
    side = areas[0] ** 0.5
    return side >= BIG if claim.word == "big" else side <= SMALL


CLAIMS = {"relation": _relation, "line": _line, "between": _between, "near": _near, "place": _place, "size": _size}
