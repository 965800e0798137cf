"""Rows of the reasoner's training: a conversation about a scene, its image, and what the network should learn from it.

prompt | chain | <|im_gen_start|> | 64 image tokens
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import NamedTuple

import numpy as np
import torch

from ...got_models.chain.edits import locked_text
from ...got_models.chain.grammar import TEXT_TO_IMAGE, Chain, parse_regions
from ...got_models.reasoner.looking import DESCRIBE
from ...got_models.reasoner.network import mrope_position_ids
from ...world import scenes, wording
from .rendering import MERGE, PATCHES, VISION_TOKENS, class_of, packed_scene
from .tokenizer import IMAGE_TOKENS, SYSTEM

IGNORED = -100  # label of a token that no loss counts, as in PyTorch
READ_ONLY = 0.3  # share of rows whose chain does not follow from the prompt: the network reads it, but never writes it
MOVED = 0.7  # share of those, when the prompt is the chain's own, whose boxes are anywhere
LOOSE = 0.6  # share of edits with a read-only chain whose area is a little off
LOCKED = 0.1  # share of text-to-image rows whose chain continues locked regions
EDIT_SHARES = (1.0, 1.0, 1.0, 1.7, 1.5, 0.5)  # of scenes.EDITS: adding and moving are the hardest to learn
TURNS, PARTS = 0.15, 0.1  # shares of edits that are second turns of a conversation, or ask for two changes at once
FREE = 0.75  # share of prompts in free wording; the others are in templates
FIND = "Where in the given image is the {names}?"  # of things that are there: it helps to locate what is described
DRAWING = "<|im_gen_start|>" + "".join(f"<|im_gen_{number:04}|>" for number in range(IMAGE_TOKENS))


@dataclass
class Row:
    task: str  # "text-to-image", "edit" or "describe"
    prompt: str
    chain: str
    supervised: bool  # does the chain follow from the prompt, so that the network learns to write it?
    source: scenes.Scene | None  # the image shown
    target: scenes.Scene | None  # the image to make; None: the row ends with its chain
    locked: str = ""  # the beginning of the chain, given because a person locked it
    earlier: tuple[scenes.Scene, ...] = ()  # the images shown in the turns before
    box_objects: tuple[scenes.Object | None, ...] = ()  # with an image shown: the object that each box depends on
    template: str = ""  # the prompt in the wording of a template; empty if it has that

    @property
    def start(self) -> str:
        return self.prompt + self.locked

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        return wording.boxes_of(self.locked + self.chain)


def conversation(text: str, image: bool) -> str:
    return f"<|im_start|>system\n{SYSTEM}<|im_end|>\n{_question(text, image)}"


def _question(text: str, image: bool) -> str:
    shown = "<|vision_start|>" + "<|image_pad|>" * VISION_TOKENS + "<|vision_end|>" if image else ""
    return f"<|im_start|>user\n{shown}{text}<|im_end|>\n<|im_start|>assistant\n"


def second_turn(prompt: str, chain: str, text: str) -> str:
    """The conversation after a first turn with its chain and image, and a further instruction."""
    return f"{prompt}{chain}{DRAWING}<|im_gen_end|><|im_end|>\n{_question(text, True)}"


def text_to_image_row(rng: Random, read_only: bool) -> Row:
    """A supervised chain has a tidy layout. A read-only one may be any that a person has made."""
    scene = scenes.random_scene(rng, tidy=not read_only or rng.random() < 0.3)
    said, colors = scene, None
    if read_only:
        if rng.random() < 0.4:
            said = scenes.random_scene(rng)
        elif rng.random() < MOVED:
            scene = scenes.scattered(rng, scene)
        colors = wording.other_colors(scene, rng) if rng.random() < 0.7 else None
    caption = rng.choice(wording.VAGUE) if read_only and rng.random() < 0.3 else wording.caption(said, rng)
    prompt = conversation(wording.CAPTION + caption, image=False)
    return Row("text-to-image", prompt, wording.chain(scene, rng, colors), not read_only, None, scene)


def free_row(rng: Random, read_only: bool) -> Row:
    """A freely worded caption. A read-only chain has boxes that a person has moved."""
    asked, colors = wording.free_caption(rng), None
    scene = asked.scene
    template = conversation(wording.CAPTION + wording.caption(scene, rng), image=False)
    if read_only:
        scene, colors = scenes.scattered(rng, scene), wording.other_colors(scene, rng) if rng.random() < 0.7 else None
    prompt, chain = conversation(wording.CAPTION + asked.text, image=False), wording.chain(scene, rng, colors)
    return Row("text-to-image", prompt, chain, not read_only, None, scene, template=template)


def locked_row(rng: Random) -> Row:
    """A chain that continues what a person locked in an earlier one, as chain/edits.py, locked_text, leaves it."""
    while True:
        scene = scenes.random_scene(rng, tidy=rng.random() < 0.3)
        every = range(len(scene.objects))
        locked = sorted(rng.sample(every, rng.randint(1, min(2, len(every)))))
        order = [*locked, *(i for i in every if i not in locked)]
        place = {old: new for new, old in enumerate(order)}
        relations = [(place[i], relation, place[j]) for i, relation, j in scene.relations]
        boxes = scenes.fill(len(order), relations, [scene.objects[i].box for i in locked])
        if boxes:
            break
    objects = tuple(scene.objects[i]._replace(box=box) for i, box in zip(order, boxes))
    prompt = conversation(wording.CAPTION + wording.caption(scene, rng), image=False)
    text = wording.chain(scene, rng)
    earlier = Chain(TEXT_TO_IMAGE, "", text, parse_regions(text), locked=_numbers(scene, text, locked))
    begin = locked_text(earlier)
    opening = "" if begin.startswith(("The picture", "The background")) else f" The background is {scene.background}."
    ending = "" if begin.endswith(".") else "."
    target = scenes.Scene(scene.background, objects)
    rest = wording.sentence(objects[len(locked) :])
    return Row("text-to-image", prompt, f"{ending}{opening}{rest and ' ' + rest}", True, None, target, begin)


def _numbers(scene: scenes.Scene, chain: str, objects: list[int]) -> tuple[int, ...]:
    """The numbers of objects' regions in a chain."""
    boxes = wording.boxes_of(chain)
    return tuple(boxes.index(scene.objects[i].box) for i in objects)


def edit_row(rng: Random, read_only: bool, free: bool = False) -> Row:
    edit = scenes.random_edit(rng, kind=rng.choices(scenes.EDITS, EDIT_SHARES)[0])
    color, text, template = None, wording.instruction(edit, rng), ""
    if free:
        text, template = wording.free_instruction(edit, rng), conversation(wording.INSTRUCTION + text, image=True)
    if read_only:
        edit = scenes.loosened(rng, edit) if rng.random() < LOOSE else edit
        color = rng.choice(scenes.COLORS) if rng.random() < 0.7 else None
        text = "edit the image" if not free and rng.random() < 0.4 else text
    prompt = conversation(wording.INSTRUCTION + text, image=True)
    chain, objects = wording.edit_chain(edit, color), (area_object(edit),)
    more = {"box_objects": objects, "template": template}
    return Row("edit", prompt, chain, not read_only, edit.source, edit.target, **more)


def area_object(edit: scenes.Edit) -> scenes.Object | None:
    """The object of the source that an edit's area depends on."""
    return edit.anchor or edit.subject


def turn_row(rng: Random, free: bool = False) -> Row:
    """The second turn of a conversation about an image."""
    first, second = scenes.two_edits(rng)
    before = conversation(wording.INSTRUCTION + wording.instruction(first, rng), image=True)
    texts = [wording.instruction(second, rng), *([wording.free_instruction(second, rng)] if free else [])]
    prompts = [second_turn(before, wording.edit_chain(first), wording.INSTRUCTION + text) for text in texts]
    more = {"earlier": (first.source,), "box_objects": (area_object(second),), "template": prompts[0] if free else ""}
    return Row("edit", prompts[-1], wording.edit_chain(second), True, second.source, second.target, **more)


def parts_row(rng: Random, free: bool = False) -> Row:
    """One instruction with two changes."""
    edits = scenes.two_edits(rng)
    texts = [
        wording.two_part_instruction(edits, rng),
        *([wording.free_two_part_instruction(edits, rng)] if free else []),
    ]
    prompts = [conversation(wording.INSTRUCTION + text, image=True) for text in texts]
    chain, objects = wording.two_step_chain(*edits), tuple(map(area_object, edits))
    more = {"box_objects": objects, "template": prompts[0] if free else ""}
    return Row("edit", prompts[-1], chain, True, edits[0].source, edits[1].target, **more)


def describe_row(rng: Random) -> Row:
    """All objects of an image, from left to right, those of one name together."""
    scene = scenes.random_scene(rng)
    objects = scenes.reading_order(scene.objects)
    names = [obj.name for obj in objects]
    scene = scenes.Scene(scene.background, tuple(sorted(objects, key=lambda obj: names.index(obj.name))))
    prompt = conversation(DESCRIBE, image=True)
    chain, owners = wording.chain(scene, rng), {obj.box: obj for obj in scene.objects}
    objects = tuple(owners[box] for box in wording.boxes_of(chain))
    return Row("describe", prompt, chain, True, scene, None, box_objects=objects)


def find_row(rng: Random) -> Row:
    """Some of an image's objects by name, in any order, with their boxes."""
    scene = scenes.random_scene(rng)
    objects = rng.sample(scene.objects, rng.randint(1, len(scene.objects)))
    objects = [obj for obj in objects if sum(other.name == obj.name for other in scene.objects) == 1]
    if not objects:
        return find_row(rng)
    prompt = conversation(FIND.format(names=wording.listing([obj.name for obj in objects])), image=True)
    return Row("describe", prompt, wording.sentence(objects), True, scene, None, box_objects=tuple(objects))


def random_row(rng: Random, shares=(0.22, 0.58, 0.04, 0.16), read_only: float = READ_ONLY, turns: float = TURNS) -> Row:
    """shares: of text-to-image, edits, descriptions and findings. read_only: share of read-only chains.

    turns: share of edits that are second turns.
    """
    task = rng.choices(("text-to-image", "edit", "describe", "find"), shares)[0]
    if task in ("describe", "find"):
        return (describe_row if task == "describe" else find_row)(rng)
    free = rng.random() < FREE
    if task == "edit":
        kind = rng.random()
        if kind < turns + PARTS:
            return (turn_row if kind < turns else parts_row)(rng, free)
        return edit_row(rng, rng.random() < read_only, free)
    if free:
        return free_row(rng, rng.random() < read_only)
    return locked_row(rng) if rng.random() < LOCKED else text_to_image_row(rng, rng.random() < read_only)


# ---------------------------------------------------------------- tensors


class TokenizedRow(NamedTuple):
    """A row with its number in the batch and its tokens. chain: with <|im_gen_start|> and image tokens, or <|im_end|>.

    A row without a target has no image tokens.
    """

    number: int
    row: Row
    prompt: list[int]
    chain: list[int]

    @property
    def written(self) -> list[int]:
        """What the network writes: the chain up to <|im_gen_start|> or <|im_end|>."""
        return self.chain if self.row.target is None else self.chain[:-IMAGE_TOKENS]

    @property
    def shown(self) -> list[scenes.Scene]:
        """The images shown, the source last."""
        return [*self.row.earlier, *([self.row.source] if self.row.source else [])]


def tokens_of(rows: list[Row], tokenizer) -> list[TokenizedRow]:
    end, start = map(tokenizer.convert_tokens_to_ids, ("<|im_end|>", "<|im_gen_start|>"))
    drawing = [start, *range(start + 2, start + 2 + IMAGE_TOKENS)]
    texts = [text for row in rows for text in (row.start, row.chain)]
    reader = tokenizer.backend_tokenizer
    reader.encode_special_tokens = False  # they are tokens, not text; another call may have changed this
    ids = [found.ids for found in reader.encode_batch_fast(texts, add_special_tokens=False)]

    def ending(row: Row) -> list[int]:
        if row.task == "describe":
            return [end]
        return drawing if row.target is not None else drawing[:1]

    return [
        TokenizedRow(number, row, prompt, [*chain, *ending(row)])
        for number, (row, prompt, chain) in enumerate(zip(rows, ids[::2], ids[1::2], strict=True))
    ]


def name_classes(tokenizer) -> dict[tuple[int, int], int]:
    """(color token, shape token) -> class of the object that they name."""
    objects = [scenes.Object(shape, color, None) for color in scenes.COLORS for shape in scenes.SHAPES]
    return {
        tuple(tokenizer.convert_tokens_to_ids([f"Ġ{obj.color}", f"Ġ{obj.shape}{ending}"])): class_of(obj)
        for obj in objects
        for ending in ("", "s")
    }


def collate(rows: list[Row], tokenizer) -> dict[str, torch.Tensor]:
    """One batch. Keys whose arrays would be empty are missing.

    | key | shape | what it is |
    |---|---|---|
    | ids, labels | (B, L) | tokens and targets, padded on the right to a multiple of 32 |
    | positions | (3, B, L) | M-RoPE position ids |
    | has_image | (B,) | does the row show an image? |
    | sources | (I, 25) | the images shown, as rendering.packed_scene has them |
    | image_rows, image_starts | (T,) | rows with image tokens, and where those begin |
    | targets | (T, 25) | the scenes to draw |
    | before | (T, 25) | the scenes before the edit, or empty backgrounds |
    | box_starts | (N, 2) | row and place of each <|box_start|> whose box is in an image shown |
    | boxes | (N, 4) | its corners in 0..1 |
    | box_objects | (N,) | class of the object that it depends on (rendering.class_of), or 0 |
    | box_tokens | (M, 3) | row, place, number of the box, for each token before one of a box |
    | name_tokens | (K, 3) | row, place, class of the object, for each token before its article, color or shape |
    """
    tokens, found = tokens_of(rows, tokenizer), defaultdict(list)
    for kind in (_name_tokens(tokens, name_classes(tokenizer)), _images(tokens, tokenizer), _boxes(tokens, tokenizer)):
        for name, value in kind:
            found[name].append(value)
    arrays = {name: np.stack(values) for name, values in found.items()}
    has_image = np.array([row.source is not None for row in rows])
    arrays = {**_sequences(tokens, tokenizer), **arrays, "has_image": has_image}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _sequences(tokens: list[TokenizedRow], tokenizer) -> dict[str, np.ndarray]:
    """ids, labels and positions."""
    pad = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    length = -(-max(len(each.prompt) + len(each.chain) for each in tokens) // 32) * 32
    ids = np.full((len(tokens), length), tokenizer.pad_token_id, dtype=np.int64)
    labels = np.full((len(tokens), length), IGNORED, dtype=np.int64)
    positions = np.zeros((3, len(tokens), length), dtype=np.int64)
    for each in tokens:
        whole, start, grids = each.prompt + each.chain, len(each.prompt), [(1, PATCHES, PATCHES)] * len(each.shown)
        ids[each.number, : len(whole)] = whole
        line = mrope_position_ids(whole, pad, grids, MERGE)[:, 0] if grids else np.arange(len(whole))
        positions[:, each.number, : len(whole)] = line
        if each.row.supervised:
            labels[each.number, start : start + len(each.written)] = each.written
    return {"ids": ids, "labels": labels, "positions": positions}


def _name_tokens(tokens: list[TokenizedRow], classes: dict) -> Iterator[tuple[str, np.ndarray]]:
    for each in tokens:
        pairs = enumerate(pairwise(each.written), len(each.prompt)) if each.row.supervised else ()
        for at, pair in pairs:
            if pair in classes:
                yield from (("name_tokens", np.array((each.number, at - back, classes[pair]))) for back in range(3))


def _images(tokens: list[TokenizedRow], tokenizer) -> Iterator[tuple[str, np.ndarray | int]]:
    """sources; image_rows, image_starts, targets, before."""
    start = tokenizer.convert_tokens_to_ids("<|im_gen_start|>")
    for each in tokens:
        yield from (("sources", packed_scene(scene)) for scene in each.shown)
        if (target := each.row.target) is not None:
            yield "image_rows", each.number
            yield "image_starts", len(each.prompt) + each.chain.index(start) + 1
            yield "targets", packed_scene(target)
            yield "before", packed_scene(each.row.source or scenes.Scene(target.background, ()))


def _boxes(tokens: list[TokenizedRow], tokenizer) -> Iterator[tuple[str, np.ndarray | int]]:
    """box_starts, boxes, box_objects, box_tokens: of the boxes of supervised rows that show an image."""
    opening, closing = map(tokenizer.convert_tokens_to_ids, ("<|box_start|>", "<|box_end|>"))
    count = 0
    for each in tokens:
        if not each.row.supervised or each.row.source is None:
            continue
        begin = len(each.prompt)
        starts = [begin + at for at, token in enumerate(each.chain) if token == opening]
        for start, corners, obj in zip(starts, each.row.boxes, each.row.box_objects, strict=True):
            yield "box_starts", (each.number, start)
            yield "boxes", np.array(corners, dtype=np.float32) / 1000
            yield "box_objects", 0 if obj is None else class_of(obj)
            end = begin + each.chain.index(closing, start - begin)
            yield from (("box_tokens", np.array((each.number, at, count))) for at in range(start, end))
            count += 1
