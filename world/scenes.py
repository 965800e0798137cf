"""The synthetic world: plain images of colored shapes, and the edits that turn one into another.

This module knows the content of a scene and how it looks; wording.py makes its texts. Everything follows from a seed.
Boxes are those of chains: (x0, y0, x1, y1) on a grid of 0..1000, x by width, y by height.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageColor, ImageDraw

SIZE = 128  # pixels, width and height
SHAPES = ("circle", "square", "triangle", "star")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black")
BACKGROUNDS = ("gray", "pink", "cyan", "brown")
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
EDITS = ("recolor", "remove", "replace", "add", "move", "background")
STEP = 25  # boxes have multiples of this as corners, unless a scene is off the grid
MARGIN = 25  # free space between objects, and to the edge of the image
SMALLEST, LARGEST = 225, 450  # sides of a box: 28.8 to 57.6 pixels
SLACK = 30  # how far a side of a loosened area may be off: a little more than STEP
OFF_GRID = 0.3  # share of scenes whose boxes are arbitrary whole numbers
SUPERSAMPLING = 8
EVERYWHERE = (0, 0, 998, 998)

# Outlines that touch all four sides of the unit box. The star's points are those of a regular five-pointed star.
_TRIANGLE = ((0.5, 0.0), (1.0, 1.0), (0.0, 1.0))
_STAR_RADII = (1.0, 0.42)


def _star() -> tuple:
    angles = [np.pi * (0.2 * i - 0.5) for i in range(10)]
    points = np.array([(_STAR_RADII[i % 2] * np.cos(a), _STAR_RADII[i % 2] * np.sin(a)) for i, a in enumerate(angles)])
    low, high = points.min(0), points.max(0)
    return tuple(map(tuple, ((points - low) / (high - low)).tolist()))


POLYGONS = {"triangle": _TRIANGLE, "star": _star()}


class Object(NamedTuple):
    shape: str
    color: str
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        return f"{self.color} {self.shape}"


@dataclass(frozen=True)
class Scene:
    background: str
    objects: tuple[Object, ...]
    relations: tuple[tuple[int, str, int], ...] = ()  # (i, relation, j): the relation of object i to object j

    @property
    def grouped(self) -> bool:
        """Do the relations hold between two groups, each of objects with one name?"""
        return len(self.relations) > 1 and len({obj.name for obj in self.objects}) == 2


@dataclass(frozen=True)
class Edit:
    kind: str
    source: Scene
    target: Scene
    area: tuple[int, int, int, int]
    subject: Object | None  # in the source; for "add" in the target; None for "background"
    result: Object | None  # the same object in the target; None if it is removed
    relation: str = ""  # add: relation to the anchor; move: the direction
    anchor: Object | None = None


# ---------------------------------------------------------------- images


def paint(pixels: np.ndarray, obj: Object) -> None:
    """Draw an object into pixels (H, W, 3) float, anti-aliased, to a fraction of a pixel."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (edge * side / 1000 for edge, side in zip(obj.box, (width, height) * 2))
    left, top, right, bottom = int(x0), int(y0), min(int(np.ceil(x1)), width), min(int(np.ceil(y1)), height)
    s = SUPERSAMPLING
    mask = Image.new("L", ((right - left) * s, (bottom - top) * s))
    pen = ImageDraw.Draw(mask)
    corner, span = ((x0 - left) * s, (y0 - top) * s), ((x1 - x0) * s - 1, (y1 - y0) * s - 1)
    outline = [corner, (corner[0] + span[0], corner[1] + span[1])]
    if obj.shape == "circle":
        pen.ellipse(outline, fill=255)
    elif obj.shape == "square":
        pen.rectangle(outline, fill=255)
    else:
        pen.polygon([(corner[0] + u * span[0], corner[1] + v * span[1]) for u, v in POLYGONS[obj.shape]], fill=255)
    cover = np.asarray(mask.reduce(s), dtype=np.float32)[..., None] / 255
    part = pixels[top:bottom, left:right]
    part += cover * (np.array(ImageColor.getrgb(obj.color), dtype=np.float32) - part)


def render(scene: Scene, width: int = SIZE, height: int = SIZE) -> np.ndarray:
    """The image of a scene: (height, width, 3) uint8."""
    pixels = np.empty((height, width, 3), dtype=np.float32)
    pixels[:] = ImageColor.getrgb(scene.background)
    for obj in scene.objects:
        paint(pixels, obj)
    return pixels.round().astype(np.uint8)


# ---------------------------------------------------------------- layouts


def holds(first: tuple, relation: str, second: tuple) -> bool:
    """Is the first box completely left of, right of, above or below the second, with a margin?"""
    if relation in ("right of", "below"):
        first, second = second, first
    axis = 0 if relation in ("left of", "right of") else 1
    return first[axis + 2] + MARGIN <= second[axis]


def apart(box: tuple, others) -> bool:
    """Is every other box at least the margin away?"""
    return all(any(holds(box, relation, other) for relation in RELATIONS) for other in others)


def _random_box(rng: Random, largest: int, step: int) -> tuple[int, int, int, int]:
    width = rng.randrange(SMALLEST, largest + 1, step)
    height = width
    if rng.random() >= 0.75:
        height = rng.randrange(max(SMALLEST, width - 100), min(largest, width + 100) + 1, step)
    x, y = (rng.randrange(MARGIN, 1000 - MARGIN - side + 1, step) for side in (width, height))
    return x, y, x + width, y + height


def place(rng: Random, count: int, relations=(), taken=(), step: int = STEP) -> list[tuple]:
    """Random boxes of `count` objects, apart from each other and from `taken`, that satisfy the relations."""
    largest = LARGEST if count + len(taken) < 3 else 350 if count + len(taken) == 3 else 300
    while True:
        boxes = []
        for _ in range(60):
            box = _random_box(rng, largest, step)
            here = len(boxes)
            fits = all(
                holds(*((box, r, boxes[j]) if i == here else (boxes[i], r, box)))
                for i, r, j in relations
                if max(i, j) == here
            )
            if fits and apart(box, [*boxes, *taken]):
                boxes.append(box)
            if len(boxes) == count:
                return boxes
        largest = max(SMALLEST, largest - STEP)


def all_related(first: int, relation: str, second: int) -> list[tuple[int, str, int]]:
    """The relations of every one of the first objects to every one of the second."""
    return [(i, relation, first + j) for i in range(first) for j in range(second)]


LOW, HIGH, MIDDLE = (25, 475), (525, 975), (275, 725)  # spans of slots along a side
THIRDS = ((25, 325), (350, 650), (675, 975))


def _group_slots(relations) -> list[tuple]:
    """Slots (x, y) for two groups of objects: one group in each half, side by side or one below the other."""
    counts = (len(set(numbers)) for numbers in list(zip(*relations))[::2])
    relation, halves = relations[0][1], (LOW, HIGH)
    lines = {1: (MIDDLE,), 2: (LOW, HIGH), 3: THIRDS}
    if relation in ("right of", "below"):
        halves = halves[::-1]
    slots = [(half, line) for half, count in zip(halves, counts) for line in lines[count]]
    return [slot[::-1] for slot in slots] if relation in ("above", "below") else slots


def _slots(count: int, relations) -> list[tuple]:
    """Slots (x, y) for `count` objects in a tidy image, in the order of the objects; x, y: spans (low, high).

    Pairs come first: objects 0 and 1, then 2 and 3. A pair takes a row or a column of a 2x2 grid; one of each needs
    three columns. Objects without a relation fill the rows from the top left, an odd one in the middle.
    """
    if len({number for pair in relations for number in pair[::2]}) < 2 * len(relations):
        return _group_slots(relations)
    if count == 1:
        return [((25, 975), (25, 975))]
    upright = [relation in ("above", "below") for _, relation, _ in relations]
    if len(set(upright)) == 2:  # a row of two beside a column of two
        first, second, third = THIRDS
        pairs = [[(first, MIDDLE), (second, MIDDLE)], [(third, LOW), (third, HIGH)]]
        if upright[0]:
            pairs = [[(first, LOW), (first, HIGH)], [(second, MIDDLE), (third, MIDDLE)]]
    else:
        pairs = [[(LOW, y), (HIGH, y)] for y in ((LOW, HIGH) if count > 2 else (MIDDLE,))]
        if count == 3:
            pairs[1] = [(MIDDLE, HIGH)]
        if any(upright):
            pairs = [[slot[::-1] for slot in pair] for pair in pairs]
    for number, (_, relation, _) in enumerate(relations):
        if relation in ("right of", "below"):
            pairs[number].reverse()
    return [slot for pair in pairs for slot in pair]


def arrange(rng: Random, count: int, relations=()) -> list[tuple]:
    """A tidy layout: large boxes, apart, in rows and columns, with a little variation.

    Most layouts have no variation: a planner that writes the most likely digits needs a most likely layout.
    """
    boxes = []
    for (x0, x1), (y0, y1) in _slots(count, relations):
        room = min(x1 - x0, y1 - y0, LARGEST)
        side = room - 50 if rng.random() < 0.8 else room - rng.choice((25, 75))
        left, top = ((low + high - side) // (2 * STEP) * STEP for low, high in ((x0, x1), (y0, y1)))
        if rng.random() < 0.2:
            left, top = left + rng.choice((-STEP, 0)), top + rng.choice((-STEP, 0))
        boxes.append((max(left, x0), max(top, y0), max(left, x0) + side, max(top, y0) + side))
    return boxes


def fill(count: int, relations, taken: list[tuple]) -> list[tuple]:
    """`taken`, the boxes of the first objects, and a box for each of the rest at the first free place in reading order.

    Empty if there is no free place.
    """
    boxes = list(taken)
    for here in range(len(taken), count):
        asked = [(i, r, j) for i, r, j in relations if max(i, j) == here]
        sides = (300, 250, SMALLEST)
        free = (
            box
            for side in sides
            for y in range(50, 1000 - MARGIN - side, 100)
            for x in range(50, 1000 - MARGIN - side, 100)
            if apart(box := (x, y, x + side, y + side), boxes)
            and all(holds(*((box, r, boxes[j]) if i == here else (boxes[i], r, box))) for i, r, j in asked)
        )
        box = next(free, None)
        if box is None:
            return []
        boxes.append(box)
    return boxes


def step_of(rng: Random) -> int:
    return 1 if rng.random() < OFF_GRID else STEP


def is_held_out(color: str, shape: str, relation: str) -> bool:
    """Is the combination held out? Every tenth is never trained on."""
    index = (COLORS.index(color) * len(SHAPES) + SHAPES.index(shape)) * len(RELATIONS) + RELATIONS.index(relation)
    return index % 10 == 7


def _relation_fits(rng: Random, first: tuple[str, str], held_out: bool) -> str | None:
    """A random relation that the first object may have in this split, or None."""
    fitting = [r for r in RELATIONS if is_held_out(*first, r) == held_out]
    return rng.choice(fitting) if fitting else None


def _kinds(rng: Random, count: int, distinct: bool) -> list[tuple[str, str]]:
    """Random (color, shape) pairs."""
    every = [(c, s) for c in COLORS for s in SHAPES]
    return rng.sample(every, count) if distinct else [rng.choice(every) for _ in range(count)]


def random_scene(rng: Random, held_out: bool = False, tidy: bool = False) -> Scene:
    """One to four objects: one alone, several alike, several different ones with or without relations, or two groups.

    tidy: laid out as a planner should do it, not at random.
    """
    sort = rng.choices(("one", "alike", "two", "related", "many", "groups"), (0.15, 0.15, 0.11, 0.31, 0.2, 0.08))[0]
    background, step, relations = rng.choice(BACKGROUNDS), step_of(rng), []
    if sort == "one":
        kinds = _kinds(rng, 1, True)
    elif sort == "alike":
        kinds = _kinds(rng, 1, True) * rng.choice((2, 2, 3, 4))
        if len(kinds) < 4 and rng.random() < 0.3:
            kinds += [k for k in _kinds(rng, 2, True) if k != kinds[0]][:1]
    elif sort == "groups":
        first, second = _kinds(rng, 2, True)
        counts = rng.choice(((2, 1), (1, 2), (2, 2), (3, 1), (1, 3)))
        kinds = [first] * counts[0] + [second] * counts[1]
    elif sort == "many":
        kinds = _kinds(rng, rng.choice((3, 3, 4)), True)
    else:
        kinds = _kinds(rng, 2 if sort == "two" or rng.random() < 0.6 else rng.choice((3, 4)), True)
    if sort == "groups":
        relation = _relation_fits(rng, first, held_out)
        if relation is None:
            return random_scene(rng, held_out, tidy)
        relations = all_related(counts[0], relation, counts[1])
    if sort == "related":
        for i in range(0, len(kinds) - 1, 2):
            relation = _relation_fits(rng, kinds[i], held_out)
            if relation is None:  # this object has no relation in this split: draw the scene again
                return random_scene(rng, held_out, tidy)
            relations.append((i, relation, i + 1))
    boxes = arrange(rng, len(kinds), relations) if tidy else place(rng, len(kinds), relations, step=step)
    return Scene(background, tuple(Object(s, c, b) for (c, s), b in zip(kinds, boxes)), tuple(relations))


def scattered(rng: Random, scene: Scene) -> Scene:
    """The scene with some boxes moved to any free place, as a person may drag them. Its relations need not hold.

    A box without room becomes smaller, down to half, or keeps its place.
    """
    objects = list(scene.objects)
    for number in rng.sample(range(len(objects)), rng.randint(1, len(objects))):
        taken = [obj.box for obj in objects]  # the old place too
        boxes = (_elsewhere(rng, objects[number].box, shrink) for shrink in (1.0, 0.8, 0.6, 0.5) for _ in range(20))
        free = next((box for box in boxes if apart(box, taken)), objects[number].box)
        objects[number] = objects[number]._replace(box=free)
    return replace(scene, objects=tuple(objects))


def _elsewhere(rng: Random, box: tuple, shrink: float) -> tuple[int, int, int, int]:
    width, height = (max(SMALLEST, int((box[axis + 2] - box[axis]) * shrink)) for axis in (0, 1))
    x, y = (rng.randrange(MARGIN, 1000 - MARGIN - side + 1, STEP) for side in (width, height))
    return x, y, x + width, y + height


def reading_order(objects) -> tuple[Object, ...]:
    """From left to right: the order in which an image is described."""
    return tuple(sorted(objects, key=lambda obj: obj.box))


# ---------------------------------------------------------------- edits


def _swap(scene: Scene, old: Object, new: Object | None) -> Scene:
    """The scene with `new`, or nothing, in the place of `old`. The others keep their order, which texts follow."""
    objects = [new if obj is old else obj for obj in scene.objects]
    return replace(scene, objects=tuple(obj for obj in objects if obj is not None))


def _moved(rng: Random, subject: Object, others) -> tuple[str, tuple, tuple] | None:
    """(direction, new box, area) of a move by the object's own length, or None. The area spans both places."""
    x0, y0, x1, y1 = subject.box
    moves = []
    for relation, axis, sign in (("left of", 0, -1), ("right of", 0, 1), ("above", 1, -1), ("below", 1, 1)):
        near, far = subject.box[axis], subject.box[axis + 2]
        room = near - MARGIN if sign < 0 else 1000 - MARGIN - far
        if far - near <= room:
            by = sign * (far - near)
            dx, dy = (by, 0) if axis == 0 else (0, by)
            new = (x0 + dx, y0 + dy, x1 + dx, y1 + dy)
            area = (min(x0, new[0]), min(y0, new[1]), max(x1, new[2]), max(y1, new[3]))
            if apart(area, [other.box for other in others]):
                moves.append((relation, new, area))
    return rng.choice(moves) if moves else None


def _beside(relation: str, anchor: tuple) -> tuple[int, int, int, int]:
    """A box of 250 next to the anchor's, with aligned middles, or as near to that as the image's edge allows."""
    last = 1000 - MARGIN - 250
    x, y = (min(max((anchor[axis] + anchor[axis + 2] - 250) // 2, MARGIN), last) for axis in (0, 1))
    x = {"left of": anchor[0] - MARGIN - 250, "right of": anchor[2] + MARGIN}.get(relation, x)
    y = {"above": anchor[1] - MARGIN - 250, "below": anchor[3] + MARGIN}.get(relation, y)
    return x, y, x + 250, y + 250


def _added(rng: Random, scene: Scene, held_out: bool) -> Edit | None:
    """An edit that adds an object next to one with room there, so that the place follows from words and image."""
    names = {obj.name for obj in scene.objects}
    color, shape = rng.choice([kind for kind in _kinds(rng, 8, True) if " ".join(kind) not in names])
    relation = _relation_fits(rng, (color, shape), held_out)
    for anchor in rng.sample(scene.objects, len(scene.objects)) if relation else ():
        box = _beside(relation, anchor.box)
        if min(box) >= MARGIN and max(box) <= 1000 - MARGIN and apart(box, [obj.box for obj in scene.objects]):
            new = Object(shape, color, box)
            return Edit("add", scene, replace(scene, objects=(*scene.objects, new)), box, new, new, relation, anchor)
    return None


def random_edit(rng: Random, held_out: bool = False, kind: str | None = None) -> Edit:
    """A scene of one to three different objects (four after adding one) and one change to it."""
    while True:
        step = step_of(rng)
        count = rng.choice((1, 2, 2, 3))
        kinds = _kinds(rng, count, True)
        objects = reading_order(Object(s, c, b) for (c, s), b in zip(kinds, place(rng, count, step=step)))
        edit = _change(rng, Scene(rng.choice(BACKGROUNDS), objects), kind or rng.choice(EDITS), held_out)
        if edit is not None:
            return edit


def random_change(rng: Random, scene: Scene, held_out: bool = False, tries: int = 20) -> Edit | None:
    """One change to a given scene, or None if no change was found that fits it."""
    edits = (_change(rng, scene, rng.choice(EDITS), held_out) for _ in range(tries))
    return next((edit for edit in edits if edit is not None), None)


def loosened(rng: Random, edit: Edit) -> Edit:
    """The edit with an imprecise area, as a person or a planner draws it: each side up to SLACK off.

    Objects of the source keep their places. An added object takes the new area, unless that hits another object.
    """
    if edit.kind == "background":
        return edit
    area = tuple(min(max(side + rng.randint(-SLACK, SLACK), 0), 999) for side in edit.area)
    if edit.kind != "add":
        return replace(edit, area=area)
    x0, y0, x1, y1 = area
    if any(x0 < box[2] and box[0] < x1 and y0 < box[3] and box[1] < y1 for box in (t.box for t in edit.source.objects)):
        return edit
    new = edit.result._replace(box=area)
    return replace(edit, target=_swap(edit.target, edit.result, new), area=area, subject=new, result=new)


def two_edits(rng: Random, held_out: bool = False) -> tuple[Edit, Edit]:
    """An edit, and an edit of its result, which has at most four objects."""
    while True:
        first = random_edit(rng, held_out)
        second = random_change(rng, first.target, held_out)
        if second is not None and len(second.target.objects) <= 4:
            return first, second


def _change(rng: Random, scene: Scene, kind: str, held_out: bool) -> Edit | None:
    subject = rng.choice(scene.objects)
    if kind == "background":
        new = rng.choice([b for b in BACKGROUNDS if b != scene.background])
        return Edit(kind, scene, replace(scene, background=new), EVERYWHERE, None, None)
    if kind == "add":
        return _added(rng, scene, held_out)
    if kind == "move":
        move = _moved(rng, subject, [t for t in scene.objects if t is not subject])
        if move is None:
            return None
        result = subject._replace(box=move[1])
        return Edit(kind, scene, _swap(scene, subject, result), move[2], subject, result, move[0])
    names = {obj.name for obj in scene.objects}
    if kind == "recolor":
        results = [subject._replace(color=c) for c in COLORS if f"{c} {subject.shape}" not in names]
    elif kind == "replace":
        results = [subject._replace(color=c, shape=s) for c in COLORS for s in SHAPES if s != subject.shape]
        results = [obj for obj in results if obj.name not in names]
    else:
        results = [None] if len(scene.objects) > 1 else []
    if not results:
        return None
    result = rng.choice(results)
    return Edit(kind, scene, _swap(scene, subject, result), subject.box, subject, result)
