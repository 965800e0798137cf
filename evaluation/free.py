"""The cases of free wording, and of looking: what a model says that an image shows. Held out from training.

A freely worded prompt or instruction has held-out constructions only (world/wording/constructions.py). An image to look
at is a rendered scene. A case depends on its number and the seed alone.
"""

from dataclasses import dataclass
from random import Random

from ..world import scenes, wording
from ..world.asked import Asked
from ..world.scenes import Edit, Scene

CONSTRUCTIONS = tuple(wording.MAKERS)
THINGS = 4  # that each looking case looks for: half of them are not there


@dataclass(frozen=True)
class FreeCase:
    """seed: of the image's noise."""

    number: int
    asked: Asked
    seed: int

    @property
    def text(self) -> str:
        return self.asked.text

    @property
    def kind(self) -> str:
        return self.asked.construction

    @property
    def key(self) -> str:
        return f"free-{self.number:04}"


@dataclass(frozen=True)
class FreeEditCase:
    """An edit and its instruction. seed: of the image's noise."""

    number: int
    edit: Edit
    text: str
    seed: int

    @property
    def kind(self) -> str:
        return self.edit.kind

    @property
    def key(self) -> str:
        return f"free-edit-{self.number:04}"


@dataclass(frozen=True)
class LookCase:
    """things: names to look for in the description. Some have the color or the shape of an object in the scene."""

    number: int
    scene: Scene
    things: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"look-{self.number:04}"


def free_case(number: int, seed: int) -> FreeCase:
    """Prompt `number`. The constructions alternate."""
    rng = Random(f"{seed} free prompt {number}")
    asked = wording.free_caption(rng, held_out=True, construction=CONSTRUCTIONS[number % len(CONSTRUCTIONS)])
    return FreeCase(number, asked, rng.randrange(2**32))


def free_edit_case(number: int, seed: int) -> FreeEditCase:
    """Edit `number`. The kinds of edits alternate."""
    rng = Random(f"{seed} free edit {number}")
    edit = scenes.random_edit(rng, held_out=True, kind=scenes.EDITS[number % len(scenes.EDITS)])
    return FreeEditCase(number, edit, wording.free_instruction(edit, rng, held_out=True), rng.randrange(2**32))


def look_case(number: int, seed: int) -> LookCase:
    """A scene of one to four objects, and things of which the first half is there and the others are not."""
    rng = Random(f"{seed} look {number}")
    count = 1 + number % 4
    scene = scenes.random_scene(rng)
    while len(scene.objects) != count:
        scene = scenes.random_scene(rng)
    shown = sorted({obj.name for obj in scene.objects})
    there = [rng.choice(shown) for _ in range(THINGS // 2)]
    obj = rng.choice(scene.objects)
    near = [f"{color} {obj.shape}" for color in scenes.COLORS] + [f"{obj.color} {shape}" for shape in scenes.SHAPES]
    missing = rng.sample([name for name in near if name not in shown], THINGS // 2)
    return LookCase(number, scene, tuple(dict.fromkeys([*there, *missing])))
