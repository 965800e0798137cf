"""Rows of the reasoner's training: a conversation about a scene, its picture, and what the network should see in it.

prompt | chain | <|im_gen_start|> | 64 image tokens
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
import torch

from ...got_models.chain.edits import locked_text
from ...got_models.chain.grammar import TEXT_TO_IMAGE, Chain, parse_regions
from ...got_models.reasoner.network import mrope_position_ids
from ...world import scenes, wording
from .pictures import CELLS, MERGE, PADS, class_of, packed
from .tokenizer import IMAGE_TOKENS, SYSTEM

# What a batch has only if some row calls for it.
OPTIONAL = ("sources", "targets", "befores", "drawn", "starts", "spots", "boxes", "meant", "spans", "names")
READING = 0.3  # share of rows whose chain does not follow from the prompt: only to be read, never to be written
MOVED = 0.7  # share of those, when the prompt is the chain's own, whose boxes lie anywhere
LOOSE = 0.6  # share of edits whose chain is only read that have their area not quite where it belongs
KEEPING = 0.1  # share of text-to-image rows whose chain goes on from locked regions
EDIT_SHARES = (1.0, 1.0, 1.0, 1.7, 1.5, 0.5)  # of scenes.EDITS: adding and moving are the hardest to learn
TURNS, PARTS = 0.15, 0.1  # shares of edits that are second turns of a conversation, or ask for two changes at once
DRAWING = "<|im_gen_start|>" + "".join(f"<|im_gen_{number:04}|>" for number in range(IMAGE_TOKENS))


@dataclass
class Row:
    task: str  # "text-to-image", "edit" or "describe"
    prompt: str
    chain: str
    written: bool  # is the chain what the prompt calls for?
    source: scenes.Scene | None  # the picture shown
    target: scenes.Scene | None  # the picture to be made
    kept: str = ""  # the chain's beginning, where it is given: what a person locked
    earlier: tuple[scenes.Scene, ...] = ()  # the pictures shown in the turns before
    meant: tuple[scenes.Object | None, ...] = ()  # with a picture shown: the object that each box depends on

    @property
    def start(self) -> str:
        return self.prompt + self.kept

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        return wording.boxes_of(self.kept + self.chain)


def conversation(text: str, image: bool) -> str:
    return f"<|im_start|>system\n{SYSTEM}<|im_end|>\n{_question(text, image)}"


def _question(text: str, image: bool) -> str:
    shown = "<|vision_start|>" + "<|image_pad|>" * PADS + "<|vision_end|>" if image else ""
    return f"<|im_start|>user\n{shown}{text}<|im_end|>\n<|im_start|>assistant\n"


def second_turn(prompt: str, chain: str, text: str) -> str:
    """The conversation after a first turn, its chain and its picture, and a further instruction."""
    return f"{prompt}{chain}{DRAWING}<|im_gen_end|><|im_end|>\n{_question(text, True)}"


def text_to_image_row(rng: Random, read: bool) -> Row:
    """A chain that is written lays its objects out tidily; one that is only read may be any that a person has made."""
    scene = scenes.random_scene(rng, tidy=not read or rng.random() < 0.3)
    said, colors = scene, None
    if read:
        if rng.random() < 0.4:
            said = scenes.random_scene(rng)
        elif rng.random() < MOVED:
            scene = scenes.scattered(rng, scene)
        colors = wording.other_colors(scene, rng) if rng.random() < 0.7 else None
    caption = rng.choice(wording.VAGUE) if read and rng.random() < 0.3 else wording.caption(said, rng)
    prompt = conversation(wording.CAPTION + caption, image=False)
    return Row("text-to-image", prompt, wording.chain(scene, rng, colors), not read, None, scene)


def kept_row(rng: Random) -> Row:
    """A chain that goes on from what a person locked in an earlier one, as chain/edits.py, locked_text, leaves it."""
    while True:
        scene = scenes.random_scene(rng, tidy=rng.random() < 0.3)
        every = range(len(scene.objects))
        locked = sorted(rng.sample(every, rng.randint(1, min(2, len(every)))))
        order = [*locked, *(i for i in every if i not in locked)]
        again = {old: new for new, old in enumerate(order)}
        relations = [(again[i], relation, again[j]) for i, relation, j in scene.relations]
        boxes = scenes.fill(len(order), relations, [scene.objects[i].box for i in locked])
        if boxes:
            break
    objects = tuple(scene.objects[i]._replace(box=box) for i, box in zip(order, boxes))
    prompt = conversation(wording.CAPTION + wording.caption(scene, rng), image=False)
    text = wording.chain(scene, rng)
    earlier = Chain(TEXT_TO_IMAGE, "", text, parse_regions(text), locked=_numbers(scene, text, locked))
    kept = locked_text(earlier)
    opening = "" if kept.startswith(("The picture", "The background")) else f" The background is {scene.background}."
    ending = "" if kept.endswith(".") else "."
    target = scenes.Scene(scene.background, objects)
    rest = wording.sentence(objects[len(locked) :])
    return Row("text-to-image", prompt, f"{ending}{opening}{rest and ' ' + rest}", True, None, target, kept)


def _numbers(scene: scenes.Scene, chain: str, objects: list[int]) -> tuple[int, ...]:
    """The numbers of objects' regions in a chain."""
    boxes = wording.boxes_of(chain)
    return tuple(boxes.index(scene.objects[i].box) for i in objects)


def edit_row(rng: Random, read: bool) -> Row:
    edit = scenes.random_edit(rng, kind=rng.choices(scenes.EDITS, EDIT_SHARES)[0])
    color, text = None, wording.instruction(edit, rng)
    if read:
        edit = scenes.loosened(rng, edit) if rng.random() < LOOSE else edit
        color = rng.choice(scenes.COLORS) if rng.random() < 0.7 else None
        text = "edit the image" if rng.random() < 0.4 else text
    prompt = conversation(wording.INSTRUCTION + text, image=True)
    chain = wording.edit_chain(edit, color)
    return Row("edit", prompt, chain, not read, edit.source, edit.target, meant=(meant(edit),))


def meant(edit: scenes.Edit) -> scenes.Object | None:
    """The object of the picture shown that an edit's area depends on."""
    return edit.anchor or edit.subject


def turn_row(rng: Random) -> Row:
    """The second turn of a conversation about a picture."""
    first, second = scenes.two_edits(rng)
    prompt = conversation(wording.INSTRUCTION + wording.instruction(first, rng), image=True)
    text = wording.INSTRUCTION + wording.instruction(second, rng)
    prompt = second_turn(prompt, wording.edit_chain(first), text)
    chain, shown = wording.edit_chain(second), (first.source,)
    return Row("edit", prompt, chain, True, second.source, second.target, earlier=shown, meant=(meant(second),))


def parts_row(rng: Random) -> Row:
    """One instruction with two changes."""
    edits = scenes.two_edits(rng)
    prompt = conversation(wording.INSTRUCTION + wording.two_part_instruction(edits, rng), image=True)
    chain, objects = wording.two_step_chain(*edits), tuple(map(meant, edits))
    return Row("edit", prompt, chain, True, edits[0].source, edits[1].target, meant=objects)


def describe_row(rng: Random) -> Row:
    """All that a picture shows, from left to right, objects alike together."""
    scene = scenes.random_scene(rng)
    objects = scenes.reading_order(scene.objects)
    names = [obj.name for obj in objects]
    scene = scenes.Scene(scene.background, tuple(sorted(objects, key=lambda obj: names.index(obj.name))))
    prompt = conversation(wording.DESCRIBE, image=True)
    chain, owners = wording.chain(scene, rng), {obj.box: obj for obj in scene.objects}
    objects = tuple(owners[box] for box in wording.boxes_of(chain))
    return Row("describe", prompt, chain, True, scene, None, meant=objects)


def find_row(rng: Random) -> Row:
    """Some of a picture's objects by name, in any order, and where they are."""
    scene = scenes.random_scene(rng)
    objects = rng.sample(scene.objects, rng.randint(1, len(scene.objects)))
    objects = [obj for obj in objects if sum(other.name == obj.name for other in scene.objects) == 1]
    if not objects:
        return find_row(rng)
    prompt = conversation(wording.FIND.format(names=wording.listing([obj.name for obj in objects])), image=True)
    return Row("describe", prompt, wording.sentence(objects), True, scene, None, meant=tuple(objects))


def random_row(rng: Random, shares=(0.22, 0.58, 0.04, 0.16), reading: float = READING) -> Row:
    """shares: of text-to-image, edits, descriptions and findings; reading: of chains that are only read."""
    task = rng.choices(("text-to-image", "edit", "describe", "find"), shares)[0]
    if task in ("describe", "find"):
        return (describe_row if task == "describe" else find_row)(rng)
    if task == "edit":
        kind = rng.random()
        if kind < TURNS + PARTS:
            return (turn_row if kind < TURNS else parts_row)(rng)
        return edit_row(rng, rng.random() < reading)
    return kept_row(rng) if rng.random() < KEEPING else text_to_image_row(rng, rng.random() < reading)


# ---------------------------------------------------------------- tensors


def tokens_of(rows: list[Row], tokenizer) -> list[tuple[list[int], list[int]]]:
    """Ids of what is given and of what is to be written, the image tokens among it, of each row."""
    end, start = map(tokenizer.convert_tokens_to_ids, ("<|im_end|>", "<|im_gen_start|>"))
    drawing = [start, *range(start + 2, start + 2 + IMAGE_TOKENS)]
    texts = [text for row in rows for text in (row.start, row.chain)]
    reader = tokenizer.backend_tokenizer
    reader.encode_special_tokens = False  # they are tokens, not text; a call that asks otherwise leaves its mark
    ids = [found.ids for found in reader.encode_batch_fast(texts, add_special_tokens=False)]
    return [
        (prompt, [*chain, *([end] if row.task == "describe" else drawing)])
        for row, prompt, chain in zip(rows, ids[::2], ids[1::2], strict=True)
    ]


def named(tokenizer) -> dict[tuple[int, int], int]:
    """The class of the object that two tokens, a color and a shape, name."""
    objects = [scenes.Object(shape, color, None) for color in scenes.COLORS for shape in scenes.SHAPES]
    return {
        tuple(tokenizer.convert_tokens_to_ids([f"Ġ{obj.color}", f"Ġ{obj.shape}{ending}"])): class_of(obj)
        for obj in objects
        for ending in ("", "s")
    }


def collate(rows: list[Row], tokenizer) -> dict[str, torch.Tensor]:
    """One batch, padded on the right to a multiple of 32.

    ids, labels (B, L); positions (3, B, L); looking (B,): does the row show a picture?
    sources (I, 25): the pictures shown, as scenes in pictures.packed's form;
    of the rows with image tokens: drawn (T,): which they are, starts (T,): where those begin, targets (T, 25): scenes,
    befores (T, 25): what they were before the edit, or their empty backgrounds;
    spots (N, 2): row and place of each box that can be seen, boxes (N, 4): its corners in 0..1, meant (N,): the class
    of the object that it depends on, as pictures.class_of has it, or 0;
    spans (M, 3): row, place and number of the box, of each token whose next belongs to a box: its <|box_start|> to its
    last bracket;
    names (K, 3): row, place and class of the object, of each of the three tokens before the next is its article, its
    color and its shape, in what is to be written.
    """
    names = ("<|image_pad|>", "<|box_start|>", "<|box_end|>", "<|im_gen_start|>")
    pad, box, closing, gen = map(tokenizer.convert_tokens_to_ids, names)
    tokens, classes = tokens_of(rows, tokenizer), named(tokenizer)
    length = -(-max(len(p) + len(c) for p, c in tokens) // 32) * 32
    ids = np.full((len(rows), length), tokenizer.pad_token_id, dtype=np.int64)
    labels = np.full((len(rows), length), -100, dtype=np.int64)
    place = np.zeros((3, len(rows), length), dtype=np.int64)
    found = {name: [] for name in OPTIONAL}
    for i, (row, (prompt, chain)) in enumerate(zip(rows, tokens)):
        whole, shown = prompt + chain, [*row.earlier, *([row.source] if row.source else [])]
        grids = [(1, CELLS, CELLS)] * len(shown)
        line = mrope_position_ids(whole, pad, grids, MERGE)[:, 0] if shown else np.arange(len(whole))
        ids[i, : len(whole)], place[:, i, : len(whole)] = whole, line
        written = chain if row.task == "describe" else chain[:-IMAGE_TOKENS]
        if row.written:
            labels[i, len(prompt) : len(prompt) + len(written)] = written
            for at, pair in enumerate(pairwise(written), len(prompt)):
                found["names"] += [np.array((i, at - back, classes[pair])) for back in range(3) if pair in classes]
        found["sources"] += map(packed, shown)
        if row.target is not None:
            found["drawn"].append(i), found["starts"].append(len(prompt) + chain.index(gen) + 1)
            found["targets"].append(packed(row.target))
            found["befores"].append(packed(row.source or scenes.Scene(row.target.background, ())))
        if row.written and row.source is not None:
            spots = [len(prompt) + at for at, token in enumerate(chain) if token == box]
            for spot, corners, obj in zip(spots, row.boxes, row.meant, strict=True):
                found["spots"].append((i, spot)), found["boxes"].append(np.array(corners, dtype=np.float32) / 1000)
                found["meant"].append(0 if obj is None else class_of(obj))
                ends, number = whole.index(closing, spot), len(found["spots"]) - 1
                found["spans"] += [np.array((i, at, number)) for at in range(spot, ends)]
    found["looking"] = [row.source is not None for row in rows]
    arrays = {name: np.stack(values) for name, values in found.items() if values}
    batch = {"ids": ids, "labels": labels, "positions": place, **arrays}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}
