"""The metrics. One function each, on a chain's text and on what a detector sees in an image.

Planning: the chain alone.
    parse         the chain can be read, and each object that it names has a box
    plan          it has exactly the prompt's objects, with the right counts, and all of the prompt's relations:
                  completely beside or above each other, with a margin
Drawing: the image against the prompt, as in GenEval, arXiv 2310.11513. The plan is not used.
    every column  exactly the prompt's objects are seen, none missing, none too many
    single_object, two_objects   only the shapes count; colors belong to the next two
    colors, attribute_binding   the same prompts, but each object must have its color too
    counting      two to four objects of one color and shape
    position      two objects in their colors, each with its middle beyond the other's edge, on the side of the relation
Obedience: the image against the plan.
    iou           intersection over union of each planned box with the best object of its color and shape; 0 without one
    moved         after a box was moved by hand: an object of its color and shape fits the new place (iou above 0.5),
                  none has its middle in the old one, and there are no more of them than planned
    reworded      after a color or noun was changed in the chain: the new object is seen there, and the rest is as
                  before: the same background, the same objects at the same places (iou above 0.5), no more
Editing: the image against the edit.
    box_found     the chain's first box overlaps the true area by 0.7 or more. To add an object, many places are right:
                  the box must be in the right relation and touch no object
    change_made   exactly the objects of the edited scene are seen, each in its place, on its background. A new object
                  must be in the right relation
    psnr_outside  dB between source and result outside both the true area and the planned one; only outside the true
                  one, if nothing is left. If the background changes, it is measured inside the objects
Free wording: prompts and edits in constructions that no training has.
    plan, drawn   the plan, or the image, has exactly the prompt's objects, and all that the prompt says of them is true
                  (world/asked.py): in the plan with a margin, in the image as in position
    edit_plan     every word of the chain is right, and the area is, as in box_found
    edit_made     as change_made
Looking: rendered scenes of one to four objects.
    described     of each object: the description has it, in its color and shape, at its place (iou above 0.5)
    iou           its box with the described one; 0 without one
    complete      every object is described, and nothing else
    present       looked for a thing that is there: as many boxes as there are such things, each overlapping one by 0.7
    absent        looked for a thing that is not there: no box
"""

import re
from collections.abc import Callable, Iterable

import numpy as np

from ..got_models.chain.grammar import ChainError, read_chain
from ..got_models.reasoner.looking import find_in
from ..world import scenes, wording
from ..world.detector import Seen, View, overlap
from ..world.scenes import Edit, Object, Scene

_NAME = rf"({'|'.join(scenes.COLORS)}) ({'|'.join(scenes.SHAPES)})"
NAMED = re.compile(rf"{_NAME}\b")  # one object; "two red circles" does not match
MENTION = re.compile(rf"{_NAME}s? <\|box_start\|>")
FITS = 0.5  # intersection over union above which two boxes are the same place
FOUND = 0.7  # the same for the area of an edit, at least
MOST_DB = 60.0  # of equal images


# ---------------------------------------------------------------- planning


def planned(chain: str) -> list[Object]:
    """The objects of a text-to-image chain, by the words right before each box; none if a box lacks such words."""
    names = [match.groups() for match in MENTION.finditer(chain)]
    boxes = wording.boxes_of(chain)
    if len(names) != len(boxes):
        return []
    return [Object(shape, color, box) for (color, shape), box in zip(names, boxes)]


def parses(chain: str) -> bool:
    """Whether the chain can be read and each object that it names has a box."""
    try:
        regions = read_chain(chain).regions
    except ChainError:
        return False
    return len(regions) == len(planned(chain)) == len(NAMED.findall(chain)) > 0


def fulfilled(chain: str, scene: Scene) -> bool:
    """Whether the plan has the prompt's objects in the right places."""
    plan = planned(chain)
    if names(plan) != names(scene.objects):
        return False
    return related(scenes.holds, scene, [(obj.name, obj.box) for obj in plan])


# ---------------------------------------------------------------- drawing


def as_asked(kind: str, scene: Scene, view: View) -> bool:
    """Whether the image shows what a prompt of this kind requires."""
    if kind in ("single_object", "two_objects"):
        return sorted(obj.shape for obj in scene.objects) == sorted(seen.shape for seen in view.objects)
    if names(scene.objects) != names(view.objects):
        return False
    return related(beyond, scene, [(name_of(seen), seen.box) for seen in view.objects])


def related(holds: Callable, scene: Scene, places: list[tuple[str, tuple]]) -> bool:
    """Whether the scene's relations hold between all boxes of the names that they relate."""
    asked = {(scene.objects[i].name, relation, scene.objects[j].name) for i, relation, j in scene.relations}
    boxes = [[[box for name, box in places if name == known] for known in pair[::2]] for pair in asked]
    return all(
        holds(first, relation, second)
        for (_, relation, _), (firsts, seconds) in zip(asked, boxes, strict=True)
        for first in firsts
        for second in seconds
    )


def name_of(obj: Object | Seen) -> str:
    return f"{obj.color} {obj.shape}"


def names(objects: Iterable[Object | Seen]) -> list[str]:
    return sorted(name_of(obj) for obj in objects)


def middle(box: tuple) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def inside(point: tuple[float, float], box: tuple) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def beyond(first: tuple, relation: str, second: tuple) -> bool:
    """Whether each box has its middle beyond the other's edge, on the side of the relation."""
    if relation in ("right of", "below"):
        first, second = second, first
    axis = 0 if relation in ("left of", "right of") else 1
    return middle(first)[axis] < second[axis] and first[axis + 2] < middle(second)[axis]


# ---------------------------------------------------------------- obedience


def fit(obj: Object, view: View) -> float:
    """Intersection over union of an object's box with the best seen object of its color and shape."""
    return max((overlap(obj.box, seen.box) for seen in view.objects if name_of(seen) == obj.name), default=0.0)


def drawn(obj: Object, view: View) -> bool:
    """Whether an object of this color and shape is seen with its middle in the box, or overlapping it well."""
    for seen in view.objects:
        shared = overlap(obj.box, seen.box)
        if name_of(seen) == obj.name and (shared > FITS or (shared > 0.3 and inside(middle(seen.box), obj.box))):
            return True
    return False


def followed(before: Object, after: Object, chain: str, view: View) -> bool:
    """Whether the object follows its moved box. chain: the plan with the moved box."""
    alike = [seen for seen in view.objects if name_of(seen) == before.name]
    stayed = any(inside(middle(seen.box), before.box) for seen in alike)
    wanted = sum(obj.name == before.name for obj in planned(chain))
    return fit(after, view) > FITS and not stayed and len(alike) <= wanted


def changed_only_there(before: Object, after: Object, old: View, new: View) -> bool:
    """Whether the new object is seen at its place, and everything else as in the old image."""
    rest, still = ([seen for seen in view.objects if not inside(middle(seen.box), before.box)] for view in (old, new))
    same = names(rest) == names(still) and all(fit(Object(*seen[:3]), new) > FITS for seen in rest)
    return drawn(after, new) and same and old.background == new.background


# ---------------------------------------------------------------- editing


def area_of(chain: str) -> tuple[int, int, int, int] | None:
    """The area that an edit's chain plans: its first box; None without a box."""
    return next(iter(wording.boxes_of(chain)), None)


def area_found(edit: Edit, chain: str) -> bool:
    """Whether the planned area is a right one."""
    area = area_of(chain)
    if area is None:
        return False
    if edit.kind != "add":
        return overlap(area, edit.area) >= FOUND
    free = all(overlap(area, obj.box) == 0 for obj in edit.source.objects)
    return free and beyond(area, edit.relation, edit.anchor.box)


def change_made(edit: Edit, view: View) -> bool:
    """Whether the image shows the edited scene."""
    right = names(edit.target.objects) == names(view.objects) and view.background == edit.target.background
    if not right or edit.kind != "add":
        return right and all(drawn(obj, view) for obj in edit.target.objects)
    added = next(seen for seen in view.objects if name_of(seen) == edit.result.name)
    stays = [obj for obj in edit.target.objects if obj != edit.result]
    return all(drawn(obj, view) for obj in stays) and beyond(added.box, edit.relation, edit.anchor.box)


def edit_planned(edit: Edit, chain: str) -> bool:
    """Whether an edit's chain is the right one but for the numbers of its area, which area_found judges."""
    numbers = re.compile(r"\(\d+,\d+\),\(\d+,\d+\)")
    return numbers.sub("", wording.edit_chain(edit)) == numbers.sub("", chain)


def left_alone(edit: Edit, chain: str) -> np.ndarray:
    """The pixels that the edit must not change: a mask (128, 128)."""
    if edit.kind == "background":
        objects = np.ones((scenes.SIZE, scenes.SIZE), dtype=bool)
        objects[(scenes.render(edit.source) != scenes.render(edit.target)).any(-1)] = False
        return objects
    area = area_of(chain)
    planned_too = _outside(edit.area) & (_outside(area) if area else True)
    return planned_too if planned_too.any() else _outside(edit.area)


# ---------------------------------------------------------------- looking


def described(scene: Scene, chain: str) -> list[float]:
    """The overlap of each object of a scene with a described one of its name, of which each counts once."""
    left, fits = planned(chain), []
    for obj in scene.objects:
        alike = [other for other in left if other.name == obj.name]
        best = max(alike, key=lambda other: overlap(obj.box, other.box), default=None)
        fits.append(overlap(obj.box, best.box) if best else 0.0)
        if best:
            left.remove(best)
    return fits


def names_only(scene: Scene, chain: str) -> bool:
    """Whether a description has the scene's objects and no others."""
    return names(planned(chain)) == names(scene.objects)


def things_found(chain: str, thing: str, boxes: list[tuple]) -> bool:
    """Whether a description has one box for each box of a thing in the image, at its place; none if there is none."""
    found = [tuple(region.box) for region in find_in(read_chain(chain), thing)]
    placed = [any(overlap(box, right) >= FOUND for box in found) for right in boxes]
    return len(found) == len(boxes) and all(placed)


def _outside(box: tuple) -> np.ndarray:
    x0, y0, x1, y1 = (edge * scenes.SIZE / 1000 for edge in box)
    mask = np.ones((scenes.SIZE, scenes.SIZE), dtype=bool)
    mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = False
    return mask


def psnr(first: np.ndarray, second: np.ndarray, mask: np.ndarray) -> float:
    """PSNR in dB between two images (H, W, 3) uint8 where the mask (H, W) is true, at most 60."""
    error = np.square(first[mask].astype(np.float64) - second[mask]).mean()
    return min(MOST_DB, 10 * float(np.log10(255**2 / max(error, 1e-9))))
