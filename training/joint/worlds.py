"""Endless rows of the synthetic world: text-to-image, edits, and edits in two turns. Each follows from its seed.

Two turns come in two forms. A conversation has the first turn's chain before the second instruction. An instruction
with two parts has one chain, whose steps begin with "For the first step" (source: arXiv 2503.10639, figure 11).
"""

from random import Random

from ...got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, Chain, read_chain
from ...got_models.guidance.images import to_tensor
from ...world import scenes, wording
from .examples import Example

SHARES = {"text-to-image": 0.4, "edit": 0.4, "conversation": 0.1, "two parts": 0.1}


def world_example(rng: Random, kind: str | None = None, held_out: bool = False) -> Example:
    """A row of one kind of SHARES, by default a random one. held_out: from the split that is never trained on."""
    kind = kind or rng.choices(list(SHARES), SHARES.values())[0]
    makers = {"text-to-image": _text_to_image, "edit": _edit, "conversation": _conversation, "two parts": _two_parts}
    return makers[kind](rng, held_out)


def _text_to_image(rng: Random, held_out: bool) -> Example:
    scene = scenes.random_scene(rng, held_out, tidy=True)
    caption = wording.caption(scene, rng, held_out)
    return Example(read_chain(wording.chain(scene, rng), TEXT_TO_IMAGE, caption), scenes.render(scene))


def _turn(edit: scenes.Edit, rng: Random, held_out: bool, earlier: Chain | None = None) -> Chain:
    text, source = wording.edit_chain(edit), to_tensor(scenes.render(edit.source))
    return read_chain(text, EDIT, wording.instruction(edit, rng, held_out), source, earlier=earlier)


def _edit(rng: Random, held_out: bool) -> Example:
    edit = scenes.random_edit(rng, held_out)
    return Example(_turn(edit, rng, held_out), scenes.render(edit.target))


def _conversation(rng: Random, held_out: bool) -> Example:
    first, second = scenes.two_edits(rng, held_out)
    chain = _turn(second, rng, held_out, earlier=_turn(first, rng, held_out))
    return Example(chain, scenes.render(second.target))


def _two_parts(rng: Random, held_out: bool) -> Example:
    edits = scenes.two_edits(rng, held_out)
    prompt, image = wording.two_part_instruction(edits, rng, held_out), scenes.render(edits[0].source)
    chain = read_chain(wording.two_step_chain(*edits), EDIT, prompt, to_tensor(image))
    return Example(chain, scenes.render(edits[1].target))
