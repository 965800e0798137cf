"""Endless rows of the synthetic world: text-to-image, edits, and edits in two turns. Each follows from its seed.

Two turns come in the two forms that a model meets: as a conversation, where the first turn's chain is behind it, and as
one chain for an instruction with two parts, whose steps begin with "For the first step". Source: arXiv 2503.10639
figure 11 for the second form.
"""

from random import Random

from ...got_models.chain import EDIT, TEXT_TO_IMAGE, Chain, read_chain
from .. import language, world
from .examples import Example, as_tensor

SHARES = {"text-to-image": 0.4, "edit": 0.4, "conversation": 0.1, "two parts": 0.1}
ORDER = ("first", "second")


def world_example(rng: Random, kind: str | None = None, held_out: bool = False) -> Example:
    """A row of a kind of SHARES, by default a random one. held_out: of what is never trained on."""
    kind = kind or rng.choices(list(SHARES), SHARES.values())[0]
    makers = {"text-to-image": _picture, "edit": _edit, "conversation": _conversation, "two parts": _two_parts}
    return makers[kind](rng, held_out)


def _picture(rng: Random, held_out: bool) -> Example:
    scene = world.random_scene(rng, held_out, tidy=True)
    caption = language.caption(scene, rng, held_out)
    return Example(read_chain(language.chain(scene, rng), TEXT_TO_IMAGE, caption), world.render(scene))


def _turn(edit: world.Edit, rng: Random, held_out: bool, earlier: Chain | None = None) -> Chain:
    text, source = language.edit_chain(edit), as_tensor(world.render(edit.source))
    return read_chain(text, EDIT, language.instruction(edit, rng, held_out), source, earlier=earlier)


def _edit(rng: Random, held_out: bool) -> Example:
    edit = world.random_edit(rng, held_out)
    return Example(_turn(edit, rng, held_out), world.render(edit.target))


def _conversation(rng: Random, held_out: bool) -> Example:
    first, second = two_edits(rng, held_out)
    chain = _turn(second, rng, held_out, earlier=_turn(first, rng, held_out))
    return Example(chain, world.render(second.target))


def _two_parts(rng: Random, held_out: bool) -> Example:
    edits = two_edits(rng, held_out)
    parts = [language.instruction(edit, rng, held_out).rstrip(".") for edit in edits]
    prompt = f"{parts[0]}, then {parts[1][0].lower()}{parts[1][1:]}"
    chain = read_chain(two_step_chain(*edits), EDIT, prompt, as_tensor(world.render(edits[0].source)))
    return Example(chain, world.render(edits[1].target))


def two_edits(rng: Random, held_out: bool = False) -> tuple[world.Edit, world.Edit]:
    """An edit, and another of its result."""
    while True:
        first = world.random_edit(rng, held_out)
        second = world.random_change(rng, first.target, held_out)
        if second is not None:
            return first, second


def two_step_chain(*edits: world.Edit) -> str:
    """One chain for several edits: the source, a step for each edit, the final picture."""
    steps = [[line.split(". ", 1)[1] for line in language.edit_chain(edit).split("\n")] for edit in edits]
    middle = [
        f"For the {word} step, {own[1][0].lower()}{own[1][1:]} {own[2]} {own[3]}" for word, own in zip(ORDER, steps)
    ]
    return "\n".join(f"{number}. {text}" for number, text in enumerate([steps[0][0], *middle, steps[-1][4]], 1))
