"""Freely worded captions: a scene and a text with one meaning, made together from constructions.py.

Each function of MAKERS draws objects, chooses a construction, and lays the scene out so that the text is true of it.
"""

from random import Random
from typing import NamedTuple

from .. import scenes
from ..asked import Asked, Claim
from ..scenes import Object, Scene
from . import constructions as table
from .templates import PLACES
from .words import NUMBERS, a, capital, listing

SIDE = 400  # of an object without a size
SIZES = {"big": ("big", "large", "huge"), "small": ("small", "little", "tiny")}
SIDES = {"big": 450, "small": 225}
BESIDE_SIZED = 325  # the side of an object without a size next to one that has one
MORE = (("bigger", "smaller", "big"), ("larger", "smaller", "big"), ("smaller", "bigger", "small"))
# Of each relation: where the first object is from the second, its side of the image, and the other side.
ITS = {
    "left of": ("to its left", "on its left", "to the left of it", "left of it"),
    "right of": ("to its right", "on its right", "to the right of it", "right of it"),
    "above": ("above it", "over it", "just above it"),
    "below": ("below it", "under it", "underneath it", "just below it"),
}
HERE = {
    "left of": ("on the left", "at the left", "to the left"),
    "right of": ("on the right", "at the right", "to the right"),
    "above": ("at the top", "at the very top", "up top"),
    "below": ("at the bottom", "at the very bottom", "down at the bottom"),
}
ALONG = {
    "row": ("from left to right", "going from left to right"),
    "column": ("from top to bottom", "going from top to bottom"),
}
CELLS = {  # places of the image: columns and rows of a grid of three
    "top left": (0, 0),
    "top": (1, 0),
    "top right": (2, 0),
    "left": (0, 1),
    "center": (1, 1),
    "right": (2, 1),
    "bottom left": (0, 2),
    "bottom": (1, 2),
    "bottom right": (2, 2),
}
STRANGERS = ("cat", "dog", "tree", "house", "car", "bird", "boat", "flower", "cloud", "person", "table", "moon", "fish")
STRANGE = 0.02  # share of training's lists with a thing that the world does not have: it is not drawn
FILLERS = ("nice", "pretty", "simple", "plain", "bright", "lovely", "perfect", "solid")
FILLED = 0.03  # share of training's objects with a filler


class Speaker(NamedTuple):
    """Chooses constructions and words."""

    rng: Random
    held_out: bool

    def pick(self, forms: table.Forms) -> str:
        """A random construction of the split."""
        return self.rng.choice(forms.held_out if self.held_out else forms.trained)

    def relation(self, relation: str) -> str:
        """Words for a relation. The templates' held-out ones are never used."""
        return self.rng.choice(PLACES[relation][:-2])

    def name(self, color: str, shape: str) -> str:
        """An object with an article."""
        if not self.held_out and self.rng.random() < FILLED:
            return a(f"{self.rng.choice(FILLERS)} {color} {shape}")
        return self.pick(table.OBJECTS).format(**words(color, shape))

    def kinds(self, count: int) -> list[tuple[str, str]]:
        """Different (color, shape) pairs."""
        return self.rng.sample([(c, s) for c in scenes.COLORS for s in scenes.SHAPES], count)

    def related(self, relations=scenes.RELATIONS) -> tuple[str, str, str]:
        """color, shape and relation, of the split."""
        while True:
            (color, shape), relation = self.kinds(1)[0], self.rng.choice(relations)
            if scenes.is_held_out(color, shape, relation) == self.held_out:
                return color, shape, relation


class Draft(NamedTuple):
    """kinds: (color, shape) of each object. text: without wish and background."""

    text: str
    kinds: list[tuple[str, str]]
    boxes: list[tuple]
    relations: tuple = ()
    claims: tuple[Claim, ...] = ()
    plural: bool = False


def words(color: str, shape: str) -> dict[str, str]:
    """The fields of a text that name an object: its color, its shape and both, also with an article."""
    return {"c": color, "s": shape, "cs": f"{color} {shape}", "a_c": a(color), "a_cs": a(f"{color} {shape}")}


def both(count: int) -> tuple[str, ...]:
    """Words for all of `count` objects."""
    return ("both",) if count == 2 else ("all", "all of them")


def _one(by: Speaker) -> Draft:
    kinds = by.kinds(1)
    text = by.name(*kinds[0])
    if by.rng.random() < 0.6:
        text = by.pick(table.ALONE).format(x=text)
    return Draft(text, kinds, scenes.arrange(by.rng, 1))


def _alike(by: Speaker) -> Draft:
    count, [kind] = by.rng.choice((2, 2, 3, 4)), by.kinds(1)
    number = by.rng.choice((NUMBERS[count], NUMBERS[count], str(count)))
    text = by.pick(table.ALIKE).format(n=number, both=by.rng.choice(both(count)), **words(*kind))
    return Draft(text, [kind] * count, scenes.arrange(by.rng, count), plural=True)


def _one_color(by: Speaker) -> Draft:
    color, shapes = by.rng.choice(scenes.COLORS), by.rng.sample(scenes.SHAPES, by.rng.choice((2, 2, 3)))
    listed = listing([a(shape) for shape in shapes])
    text = by.pick(table.ONE_COLOR).format(shapes=listed, c=color, both=by.rng.choice(both(len(shapes))))
    return Draft(text, [(color, shape) for shape in shapes], scenes.arrange(by.rng, len(shapes)))


def _one_shape(by: Speaker) -> Draft:
    shape, (first, second) = by.rng.choice(scenes.SHAPES), by.rng.sample(scenes.COLORS, 2)
    text = by.pick(table.ONE_SHAPE).format(d=second, a_d=a(second), **words(first, shape))
    plural = text.startswith("two")
    return Draft(text, [(first, shape), (second, shape)], scenes.arrange(by.rng, 2), plural=plural)


def _listed(by: Speaker) -> Draft:
    kinds = by.kinds(by.rng.choice((2, 2, 3, 3, 4)))
    names = [by.name(*kind) for kind in kinds]
    if len(kinds) < 4 and by.rng.random() < 0.3:  # two of one of them
        number = by.rng.randrange(len(kinds))
        names[number] = by.pick(table.ALIKE).format(n="two", both="both", **words(*kinds[number])).replace(",", "")
        kinds.insert(number, kinds[number])
    if not by.held_out and by.rng.random() < STRANGE:
        names.insert(by.rng.randrange(len(names) + 1), a(by.rng.choice(STRANGERS)))
    text = by.pick(table.LISTS).format(first=", ".join(names[:-1]), last=names[-1])
    return Draft(text, kinds, scenes.arrange(by.rng, len(kinds)))


def apart_by(first: tuple[str, str], second: tuple[str, str]) -> list[str]:
    """The two objects by what tells them apart."""
    by_shape = first[1] != second[1]
    return [f"the {kind[1]}" if by_shape else f"the {kind[0]} one" for kind in (first, second)]


def _pair(by: Speaker) -> Draft:
    color, shape, relation = by.related()
    other = by.kinds(1)[0]
    if other == (color, shape):
        return _pair(by)
    kinds = [(color, shape), other]
    forms = table.PAIRS
    if shape == other[1] and by.rng.random() < 0.7:
        forms = table.SHAPE_PAIRS
    names, opposite = [by.name(*kind) for kind in kinds], scenes.OPPOSITE[relation]
    ordered = names if relation in ("left of", "above") else names[::-1]
    line = "row" if relation in ("left of", "right of") else "column"
    told = dict(zip(("ra", "rb"), apart_by(*kinds)))
    text = by.pick(forms).format(
        **(words(*kinds[0]) | {"A": names[0], "B": names[1], "d": other[0], "a_d": a(other[0])}),
        **told,
        rel=by.relation(relation),
        its=by.rng.choice(ITS[relation]),
        here=by.rng.choice(HERE[relation]),
        there=by.rng.choice(HERE[opposite]),
        along=by.rng.choice(ALONG[line]),
        first=ordered[0],
        second=ordered[1],
    )
    relations = ((0, relation, 1),)
    return Draft(text, kinds, scenes.arrange(by.rng, 2, relations), relations)


def _three_in_line(line: str) -> list[tuple]:
    """Boxes of three objects in a row or a column."""
    spans = [(low + 25, low + 275) for low, _ in scenes.THIRDS]
    boxes = [(low, 375, high, 625) for low, high in spans]
    return boxes if line == "row" else [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes]


def _between(by: Speaker) -> Draft:
    """In the order from left to right: the object in the middle is the second."""
    middle, first, last = by.kinds(3)
    if not by.held_out and scenes.is_held_out(*first, "left of"):
        return _between(by)
    if by.rng.random() < 0.5:
        last = first
        text = by.pick(table.BETWEEN_ALIKE).format(A=by.name(*middle), Bs=f"{first[0]} {first[1]}s", B=by.name(*first))
    else:
        text = by.pick(table.BETWEEN).format(A=by.name(*middle), B=by.name(*first), C=by.name(*last))
    boxes, relations, claims = _three_in_line("row"), ((0, "left of", 1),), (Claim("between", (1, 0, 2)),)
    return Draft(text, [first, middle, last], boxes, relations, claims, text.startswith("two"))


def _row(by: Speaker) -> Draft:
    line, kinds = by.rng.choice(("row", "row", "column")), by.kinds(3)
    names = dict(zip("ABC", (by.name(*kind) for kind in kinds)))
    text = by.pick(table.ROWS).format(**names, line=line, along=by.rng.choice(ALONG[line]))
    relation = "left of" if line == "row" else "above"
    if "from" not in text:  # in any order
        return Draft(text, kinds, _three_in_line(line), claims=(Claim("line", (0, 1, 2), relation),))
    claims = tuple(Claim("relation", (i, i + 1), relation) for i in range(2))
    return Draft(text, kinds, _three_in_line(line), claims=claims)


def _steps(by: Speaker) -> Draft:
    """Two relations that share an object, one across and one down, so that the three fill corners of a square."""
    color, shape, relation = by.related()
    across = relation in ("left of", "right of")
    second, third = by.kinds(2)
    if len({(color, shape), second, third}) < 3:
        return _steps(by)
    step = by.rng.choice(("above", "below") if across else ("left of", "right of"))
    kinds = [(color, shape), second, third]
    again = f"the {second[1]}" if len({kind[1] for kind in kinds}) == 3 else f"the {' '.join(second)}"
    text = by.pick(table.STEPS).format(
        **dict(zip("ABC", (by.name(*kind) for kind in kinds))),
        rel=by.relation(relation),
        rel2=by.relation(step),
        opposite2=by.relation(scenes.OPPOSITE[step]),
        B_again=again,
    )
    low, high = (50, 450), (550, 950)
    spans = {"left of": (low, high), "above": (low, high), "right of": (high, low), "below": (high, low)}
    (a0, b0), (b1, c1) = spans[relation], spans[step]
    places = [(a0, b1), (b0, b1), (b0, c1)] if across else [(b1, a0), (b1, b0), (c1, b0)]
    boxes = [(x[0], y[0], x[1], y[1]) for x, y in places]
    return Draft(text, kinds, boxes, ((0, relation, 1),), (Claim("relation", (1, 2), step),))


def _cell_box(cell: str) -> tuple[int, int, int, int]:
    (x0, x1), (y0, y1) = (scenes.THIRDS[number] for number in CELLS[cell])
    return x0, y0, x1, y1


def _place_words(by: Speaker, cell: str) -> str:
    if cell == "center":
        return by.pick(table.CENTERS)
    if " " in cell:
        up, side = cell.split()
        corner = by.rng.choice((cell, f"{ {'top': 'upper', 'bottom': 'lower'}[up] } {side}", f"{up}-{side}"))
        return by.pick(table.CORNERS).format(corner=corner)
    at = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}[cell]
    return by.pick(table.EDGES).format(side=cell, at=at)


def _placed(by: Speaker) -> Draft:
    count = by.rng.choice((1, 1, 2, 2, 3))
    kinds, cells = by.kinds(count), by.rng.sample(sorted(CELLS), count)
    parts = [
        by.pick(table.PLACED).format(A=by.name(*kind), p=_place_words(by, cell)) for kind, cell in zip(kinds, cells)
    ]
    text = by.rng.choice((" and ", ", ")).join(parts)
    claims = tuple(Claim("place", (number,), cell) for number, cell in enumerate(cells))
    return Draft(text, kinds, [_cell_box(cell) for cell in cells], claims=claims)


def _centered(slots: list[tuple], sides: list[int]) -> list[tuple]:
    """Boxes of given sides in the middle of slots (x span, y span)."""
    boxes = []
    for ((x0, x1), (y0, y1)), side in zip(slots, sides):
        left, top = ((low + high - side) // (2 * scenes.STEP) * scenes.STEP for low, high in ((x0, x1), (y0, y1)))
        boxes.append((left, top, left + side, top + side))
    return boxes


def _sized(by: Speaker) -> Draft:
    """One or two objects with sizes, or one bigger than another."""
    count = by.rng.choice((1, 2, 2))
    kinds, slots = by.kinds(count), [(scenes.LOW, scenes.MIDDLE), (scenes.HIGH, scenes.MIDDLE)]
    if count == 2 and by.rng.random() < 0.3:
        told, words_of = apart_by(*kinds), dict(zip("AB", (by.name(*kind) for kind in kinds)))
        more, less, word = by.rng.choice(MORE)
        text = by.pick(table.COMPARED).format(**words_of, ra=told[0], rb=told[1], more=more, less=less)
        sides = [SIDES["big"], SIDES["small"]] if word == "big" else [SIDES["small"], SIDES["big"]]
        return Draft(text, kinds, _centered(slots, sides), claims=(Claim("size", (0, 1), word),))
    sizes = [by.rng.choice(("big", "small"))]
    if count == 2:
        sizes = by.rng.choice(
            (["big", "small"], ["small", "big"], ["big", ""], ["small", ""], ["", "big"], ["", "small"])
        )
    names = [
        by.pick(table.SIZED).format(z=by.rng.choice(SIZES[size]), **words(*kind)) if size else by.name(*kind)
        for kind, size in zip(kinds, sizes)
    ]
    sides, relations, claims = [SIDES.get(size, BESIDE_SIZED) for size in sizes], (), []
    claims += [Claim("size", (number,), size) for number, size in enumerate(sizes) if size]
    if count == 1:
        return Draft(names[0], kinds, _centered([((25, 975), (25, 975))], sides), claims=tuple(claims))
    claims += [Claim("size", (n, 1 - n), size) for n, size in enumerate(sizes) if size]
    relation = by.rng.choice(("left of", "right of"))
    text = by.pick(table.LISTS).format(first=names[0], last=names[1])
    if by.rng.random() < 0.5 and scenes.is_held_out(*kinds[0], relation) == by.held_out:
        text, relations = f"{names[0]} {by.relation(relation)} {names[1]}", ((0, relation, 1),)
        slots = slots if relation == "left of" else slots[::-1]
    return Draft(text, kinds, _centered(slots, sides), relations, tuple(claims))


def _near(by: Speaker) -> Draft:
    kinds = by.kinds(2)
    text = by.pick(table.NEAR).format(A=by.name(*kinds[0]), B=by.name(*kinds[1]))
    return Draft(text, kinds, scenes.arrange(by.rng, 2), claims=(Claim("near", (0, 1)),))


MAKERS = {
    "one": (_one, 0.06),
    "alike": (_alike, 0.08),
    "one color": (_one_color, 0.07),
    "one shape": (_one_shape, 0.07),
    "list": (_listed, 0.11),
    "pair": (_pair, 0.18),
    "between": (_between, 0.09),
    "row": (_row, 0.06),
    "steps": (_steps, 0.07),
    "place": (_placed, 0.09),
    "size": (_sized, 0.08),
    "near": (_near, 0.04),
}


def free_caption(rng: Random, held_out: bool = False, construction: str = "") -> Asked:
    """A freely worded caption and what it asks for. construction: a key of MAKERS; by default any.

    The scene is laid out as a planner should do it. Where the text names no background, it is any.
    """
    kind = construction or rng.choices(list(MAKERS), [share for _, share in MAKERS.values()])[0]
    by = Speaker(rng, held_out)
    draft, background = MAKERS[kind][0](by), rng.choice(scenes.BACKGROUNDS)
    objects = tuple(Object(shape, color, box) for (color, shape), box in zip(draft.kinds, draft.boxes, strict=True))
    text = by.pick(table.WISHES)
    text = text.format(x=draft.text, be="are" if draft.plural else "is")
    if rng.random() < 0.6:
        text = by.pick(table.GROUNDS).format(x=text, b=background)
    return Asked(Scene(background, objects, tuple(draft.relations)), typed(text, rng), kind, draft.claims)


def typed(text: str, rng: Random) -> str:
    """As people type: with or without capitals, commas and a mark at the end."""
    style = rng.random()
    if style < 0.5:
        text = capital(text)
    if 0.3 < style < 0.5:
        text = ". ".join(capital(part) for part in text.split(". ")).replace(" i ", " I ").replace(" i'", " I'")
    if rng.random() < 0.1:
        text = text.replace(",", "")
    asks = text.lower().startswith(("can ", "could ", "would ", "will "))
    return text + rng.choice(("", "", "", ".", "?" if asks else ".", "!"))
