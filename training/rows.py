"""Rows of the reasoner's training: a conversation about a scene, its picture, and what the network should see in it.

prompt | chain | <|im_gen_start|> | 64 image tokens
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from PIL import Image

from ..got_models.chain import TEXT_TO_IMAGE, Chain, parse_regions
from ..got_models.editing import kept_text
from . import language, world
from .tokenizer import IMAGE_TOKENS, SYSTEM

LOOK = 112  # pixels: the side of the picture that the reasoner sees
PATCH, MERGE = 14, 2
CELLS = LOOK // PATCH  # patches a side
PADS = (CELLS // MERGE) ** 2  # image tokens of a picture that is shown
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), dtype=np.float32)
STD = np.array((0.26862954, 0.26130258, 0.27577711), dtype=np.float32)
# What a batch has only if some row calls for it.
OPTIONAL = (
    *("patches", "classes", "sights", "grounds", "shown"),
    *("drawn", "starts", "thumbnails", "cells", "kinds"),
    *("spots", "boxes"),
)
READING = 0.3  # share of rows whose chain does not follow from the prompt: only to be read, never to be written
KEEPING = 0.1  # share of text-to-image rows whose chain goes on from locked regions


@dataclass
class Row:
    task: str  # "text-to-image", "edit" or "describe"
    prompt: str
    chain: str
    written: bool  # is the chain what the prompt calls for?
    source: world.Scene | None  # the picture shown
    target: world.Scene | None  # the picture to be made
    kept: str = ""  # the chain's beginning, where it is given: what a person locked

    @property
    def start(self) -> str:
        return self.prompt + self.kept

    @property
    def boxes(self) -> list[tuple[int, int, int, int]]:
        return language.boxes_of(self.kept + self.chain)


def conversation(text: str, image: bool) -> str:
    shown = "<|vision_start|>" + "<|image_pad|>" * PADS + "<|vision_end|>" if image else ""
    return f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{shown}{text}<|im_end|>\n<|im_start|>assistant\n"


def text_to_image_row(rng: Random, read: bool) -> Row:
    """A chain that is written lays its things out tidily; one that is only read may be any that a person has made."""
    scene = world.random_scene(rng, tidy=not read or rng.random() < 0.3)
    said, colors = scene, None
    if read:
        said = world.random_scene(rng) if rng.random() < 0.4 else scene
        colors = language.other_colors(scene, rng) if rng.random() < 0.7 else None
    caption = rng.choice(language.VAGUE) if read and rng.random() < 0.3 else language.caption(said, rng)
    prompt = conversation(language.CAPTION + caption, image=False)
    return Row("text-to-image", prompt, language.chain(scene, rng, colors), not read, None, scene)


def kept_row(rng: Random) -> Row:
    """A chain that goes on from what a person locked in an earlier one, as got_models.editing.kept_text leaves it."""
    while True:
        scene = world.random_scene(rng, tidy=rng.random() < 0.3)
        every = range(len(scene.things))
        locked = sorted(rng.sample(every, rng.randint(1, min(2, len(every)))))
        order = [*locked, *(i for i in every if i not in locked)]
        again = {old: new for new, old in enumerate(order)}
        relations = [(again[i], relation, again[j]) for i, relation, j in scene.relations]
        boxes = world.fill(len(order), relations, [scene.things[i].box for i in locked])
        if boxes:
            break
    things = tuple(scene.things[i]._replace(box=box) for i, box in zip(order, boxes))
    prompt = conversation(language.CAPTION + language.caption(scene, rng), image=False)
    text = language.chain(scene, rng)
    earlier = Chain(TEXT_TO_IMAGE, "", text, parse_regions(text), kept=_numbers(scene, text, locked))
    kept = kept_text(earlier)
    opening = "" if kept.startswith(("The picture", "The background")) else f" The background is {scene.background}."
    ending = "" if kept.endswith(".") else "."
    target = world.Scene(scene.background, things)
    rest = language.sentence(things[len(locked) :])
    return Row("text-to-image", prompt, f"{ending}{opening}{rest and ' ' + rest}", True, None, target, kept)


def _numbers(scene: world.Scene, chain: str, things: list[int]) -> tuple[int, ...]:
    """The numbers of things' regions in a chain."""
    boxes = language.boxes_of(chain)
    return tuple(boxes.index(scene.things[i].box) for i in things)


def edit_row(rng: Random, read: bool) -> Row:
    edit = world.random_edit(rng, kind=rng.choice(world.EDITS))
    color, text = None, language.instruction(edit, rng)
    if read:
        color = rng.choice(world.COLORS) if rng.random() < 0.7 else None
        text = "edit the image" if rng.random() < 0.4 else text
    prompt = conversation(language.INSTRUCTION + text, image=True)
    return Row("edit", prompt, language.edit_chain(edit, color), not read, edit.source, edit.target)


def describe_row(rng: Random) -> Row:
    scene = world.random_scene(rng)
    scene = world.Scene(scene.background, world.reading_order(scene.things))
    prompt = conversation(language.DESCRIBE, image=True)
    return Row("describe", prompt, language.chain(scene, rng), True, scene, None)


def find_row(rng: Random) -> Row:
    """Some of a picture's things by name, in any order, and where they are."""
    scene = world.random_scene(rng)
    things = rng.sample(scene.things, rng.randint(1, len(scene.things)))
    things = [thing for thing in things if sum(other.name == thing.name for other in scene.things) == 1]
    if not things:
        return find_row(rng)
    prompt = conversation(language.FIND.format(names=language.listing([thing.name for thing in things])), image=True)
    return Row("describe", prompt, language.sentence(things), True, scene, None)


def random_row(rng: Random, shares=(0.45, 0.33, 0.08, 0.14)) -> Row:
    """shares: of text-to-image, edits, descriptions and findings."""
    task = rng.choices(("text-to-image", "edit", "describe", "find"), shares)[0]
    if task in ("describe", "find"):
        return (describe_row if task == "describe" else find_row)(rng)
    if task == "edit":
        return edit_row(rng, rng.random() < READING)
    return kept_row(rng) if rng.random() < KEEPING else text_to_image_row(rng, rng.random() < READING)


# ---------------------------------------------------------------- tensors


def patches(picture: np.ndarray) -> np.ndarray:
    """What Qwen's image processor makes of a picture (H, W, 3) uint8: (64, 3 * 2 * 14 * 14), as merged."""
    small = np.asarray(Image.fromarray(picture).resize((LOOK, LOOK), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    small = ((small - MEAN) / STD).reshape(CELLS // 2, 2, PATCH, CELLS // 2, 2, PATCH, 3)
    small = small.transpose(0, 3, 1, 4, 6, 2, 5)[:, :, :, :, :, None]  # rows, columns, 2, 2, C, 1, P, P
    return np.repeat(small, 2, axis=5).reshape(CELLS * CELLS, -1)


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """The picture at 32 x 32 in -1..1 as 8 x 8 parts of 4 x 4: (64, 48)."""
    small = np.asarray(Image.fromarray(picture).reduce(picture.shape[0] // 32), dtype=np.float32) / 127.5 - 1
    return small.reshape(8, 4, 8, 4, 3).transpose(0, 2, 1, 3, 4).reshape(64, 48)


def cells(scene: world.Scene) -> tuple[np.ndarray, np.ndarray]:
    """What lies at the centre of each of 8 x 8 cells: classes (8, 8) and boxes (8, 8, 4).

    A class is 0 for background, else 1 + colour * 4 + shape; a box is relative to the cell, in cells.
    """
    classes, boxes = np.zeros((CELLS, CELLS), dtype=np.int64), np.zeros((CELLS, CELLS, 4), dtype=np.float32)
    centers = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS * 1000
    for thing in scene.things:
        x0, y0, x1, y1 = thing.box
        inside = np.ix_((y0 <= centers) & (centers < y1), (x0 <= centers) & (centers < x1))
        classes[inside] = 1 + world.COLORS.index(thing.color) * 4 + world.SHAPES.index(thing.shape)
        here = np.stack([*np.meshgrid(centers, centers)] * 2, -1)  # (y, x, 4): x, y, x, y
        boxes[inside] = ((np.array(thing.box, dtype=np.float32) - here) * CELLS / 1000)[inside]
    return classes, boxes


def sights(scene: world.Scene) -> tuple[np.ndarray, np.ndarray]:
    """Classes (64,) and boxes (64, 4) of the cells, in the order of `patches`."""
    classes, boxes = cells(scene)
    order = (CELLS // 2, 2, CELLS // 2, 2)
    boxes = boxes.reshape(*order, 4).transpose(0, 2, 1, 3, 4).reshape(-1, 4)
    return classes.reshape(order).transpose(0, 2, 1, 3).reshape(-1), boxes


def kinds(scene: world.Scene) -> np.ndarray:
    """Which of the 32 pairs of colour and shape a scene has: (32,) of 0 and 1, place colour * 4 + shape."""
    found = np.zeros(len(world.COLORS) * len(world.SHAPES), dtype=np.float32)
    for thing in scene.things:
        found[world.COLORS.index(thing.color) * len(world.SHAPES) + world.SHAPES.index(thing.shape)] = 1
    return found


def positions(ids: np.ndarray, pad: int) -> np.ndarray:
    """Qwen's three-part positions (3, L) of a sequence with at most one picture."""
    places = np.flatnonzero(ids == pad)
    steps = np.ones(len(ids), dtype=np.int64)
    if len(places):
        steps[places] = 0
        steps[places[-1]] = CELLS // MERGE
    line = np.concatenate([[0], np.cumsum(steps)[:-1]])
    out = np.stack([line] * 3)
    if len(places):
        side = CELLS // MERGE
        out[1, places] += np.repeat(np.arange(side), side)
        out[2, places] += np.tile(np.arange(side), side)
    return out


def _tokens(row: Row, tokenizer) -> tuple[list[int], list[int]]:
    prompt, chain = tokenizer([row.start, row.chain], add_special_tokens=False)["input_ids"]
    ids = tokenizer.convert_tokens_to_ids
    if row.task == "describe":
        return prompt, [*chain, ids("<|im_end|>")]
    start = ids("<|im_gen_start|>")
    return prompt, [*chain, start, *range(start + 2, start + 2 + IMAGE_TOKENS)]


def collate(rows: list[Row], tokenizer) -> dict[str, torch.Tensor]:
    """One batch, padded on the right to a multiple of 32.

    ids, labels (B, L); positions (3, B, L); shown (I,): rows with a picture, patches (I, 64, 1176), classes (I, 64),
    sights (I, 64, 4), grounds (I,): numbers of the backgrounds; drawn (T,): rows with image tokens, starts (T,): where
    those begin, thumbnails (T, 64, 48), cells (T, 64): classes row by row, kinds (T, 32);
    spots (N, 2): row and place of each box that can be seen, boxes (N, 4): its corners in 0..1.
    """
    pad, box, gen = (tokenizer.convert_tokens_to_ids(t) for t in ("<|image_pad|>", "<|box_start|>", "<|im_gen_start|>"))
    tokens = [_tokens(row, tokenizer) for row in rows]
    length = -(-max(len(p) + len(c) for p, c in tokens) // 32) * 32
    ids = np.full((len(rows), length), tokenizer.pad_token_id, dtype=np.int64)
    labels = np.full((len(rows), length), -100, dtype=np.int64)
    place = np.zeros((3, len(rows), length), dtype=np.int64)
    found = {name: [] for name in OPTIONAL}
    for i, (row, (prompt, chain)) in enumerate(zip(rows, tokens)):
        whole = np.array(prompt + chain)
        ids[i, : len(whole)], place[:, i, : len(whole)] = whole, positions(whole, pad)
        written = chain if row.task == "describe" else chain[:-IMAGE_TOKENS]
        if row.written:
            labels[i, len(prompt) : len(prompt) + len(written)] = written
        if row.source is not None:
            classes, seen = sights(row.source)
            found["patches"].append(patches(world.render(row.source)))
            found["classes"].append(classes), found["sights"].append(seen), found["shown"].append(i)
            found["grounds"].append(world.BACKGROUNDS.index(row.source.background))
        if row.target is not None:
            found["drawn"].append(i), found["starts"].append(len(prompt) + chain.index(gen) + 1)
            found["thumbnails"].append(thumbnail(world.render(row.target)))
            found["cells"].append(cells(row.target)[0].reshape(-1)), found["kinds"].append(kinds(row.target))
        if row.written and row.source is not None:
            digits = row.boxes
            for spot, corners in zip(np.flatnonzero(whole == box), digits, strict=True):
                found["spots"].append((i, spot)), found["boxes"].append(np.array(corners, dtype=np.float32) / 1000)
    arrays = {name: np.stack(values) for name, values in found.items() if values}
    batch = {"ids": ids, "labels": labels, "positions": place, **arrays}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in batch.items()}
