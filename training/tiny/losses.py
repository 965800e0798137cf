"""The losses of the reasoner's training, as one table: where each is read, what it predicts, its weight.

Each loss but the chain's has a linear head, which only training uses. chain, the three at the image tokens and
name_class teach what the model must do. All others only speed up learning to locate objects.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...world import scenes
from .rendering import PATCHES

CLASSES = 1 + len(scenes.COLORS) * len(scenes.SHAPES)  # of rendering.class_of, with the background
PATCH_OUTPUTS = CLASSES + 4 + len(scenes.BACKGROUNDS)  # class, box, background of a patch
NAME_WEIGHT, DIGIT_WEIGHT = 4.0, 4.0  # of a token that names a color or a shape; of a digit of a box that can be seen
CHANGED_WEIGHT = 5.0  # of a cell that the edit changes
DIGITS, NO_DIGIT = 3, 10  # of a coordinate, at most; the class for "no further digit"
# Bins along a side. No linear map takes a coordinate to its digits, but one takes its bin to them, on the grid.
BINS = 1000 // scenes.STEP + 1

# What a loss reads: the output of a decoder layer, from 0, of the last one after its norm, or of the vision tower.
LAST, TOWER = "last", "vision tower"
# After PLACING the tokens of an image shown know where its objects are, which the vision tower cannot tell them. After
# SPELLING they know how the boxes are written.
PLACING, SPELLING = 1, 2
# A <|box_start|> knows after CHOOSING which object its box depends on, and after LOCATING where the box is. After
# WRITING every token of the box knows how it is written: alone, each would look for the object again, and sometimes
# find another. After NAMING the tokens before a name know the object: an article alone would be a guess, and the name
# would have to fit it.
CHOOSING, LOCATING, WRITING, NAMING = 2, 3, 4, 4


def bins_error(logits: Tensor, boxes: Tensor) -> Tensor:
    """Cross-entropy of (N, 4 * BINS) logits with boxes (N, 4), corners in 0..1, each shared by its two nearest bins."""
    at = boxes.float() * (BINS - 1)
    below = at.floor().clamp(max=BINS - 2)
    target = torch.zeros(*boxes.shape, BINS, device=boxes.device)  # (N, 4, BINS)
    target.scatter_(-1, below.long()[..., None], (1 - (at - below))[..., None])
    target.scatter_(-1, below.long()[..., None] + 1, (at - below)[..., None])
    return F.cross_entropy(logits.view(-1, BINS), target.flatten(0, 1))


def digits_of(numbers: Tensor) -> Tensor:
    """Integers (...,) of 0 to 999 -> (..., DIGITS): their digits from the left, then NO_DIGIT: 25 is 2, 5, NO_DIGIT."""
    padding = [torch.full_like(numbers, NO_DIGIT)] * 2
    digits = torch.stack([numbers // 100, numbers // 10 % 10, numbers % 10, *padding], -1)
    first = (numbers < 100).long() + (numbers < 10).long()
    return digits.gather(-1, first[..., None] + torch.arange(DIGITS, device=numbers.device))


def digit_error(logits: Tensor, boxes: Tensor) -> Tensor:
    """Cross-entropy of (N, 4 * DIGITS * (NO_DIGIT + 1)) logits with the digits of boxes (N, 4), corners in 0..1."""
    target = digits_of((boxes * 1000).round().long())
    return F.cross_entropy(logits.view(-1, NO_DIGIT + 1), target.flatten())


def box_error(found: Tensor, boxes: Tensor) -> Tensor:
    """Smooth L1 distance of (N, 4) corners in 0..1."""
    return F.smooth_l1_loss(found, boxes, beta=0.05)


def cells_error(logits: Tensor, cells: Tensor, changed: Tensor) -> Tensor:
    """Weighted mean of the cross-entropy of (N, CLASSES) logits with (N,) classes. changed (N,): the heavy ones."""
    weights = torch.where(changed, CHANGED_WEIGHT, 1.0)
    return (F.cross_entropy(logits, cells, reduction="none") * weights).sum() / weights.sum()


def _cell_class(out: Tensor, batch: dict) -> Tensor:
    return cells_error(out.flatten(0, 1), batch["cell_classes"].flatten(), batch["cell_changed"].flatten())


def _image_classes(out: Tensor, batch: dict) -> Tensor:
    target = batch["object_classes"][:, None].expand(-1, out.shape[1], -1)
    return F.binary_cross_entropy_with_logits(out, target)


def _patch_corners(out: Tensor, batch: dict) -> Tensor:
    on = batch["patch_classes"] > 0
    return box_error(out.view(-1, PATCHES * PATCHES, 4)[on], batch["patch_corners"][on])


def _token_object(out: Tensor, batch: dict) -> Tensor:
    classes, corners = out.split((CLASSES, 4), -1)
    on = batch["token_classes"] > 0
    found = F.cross_entropy(classes, batch["token_classes"])
    return 0.2 * found + box_error(corners[on], batch["token_corners"][on])


def _patch_parts(out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(I, 16, 4 * PATCH_OUTPUTS) -> (I, 64, ...) each: class, box, background of every patch."""
    out = out.unflatten(-1, (4, PATCH_OUTPUTS)).flatten(1, 2)
    return out.split((CLASSES, 4, len(scenes.BACKGROUNDS)), -1)


def _patch_class(out: Tensor, batch: dict) -> Tensor:
    classes, _, grounds = _patch_parts(out)
    background = batch["backgrounds"].repeat_interleave(grounds.shape[1])
    found = F.cross_entropy(classes.flatten(0, 1), batch["patch_classes"].flatten())
    return found + F.cross_entropy(grounds.flatten(0, 1), background)


def _patch_box(out: Tensor, batch: dict) -> Tensor:
    on = batch["patch_classes"] > 0
    return F.smooth_l1_loss(_patch_parts(out)[1][on], batch["patch_boxes"][on], beta=0.2)


def _span_boxes(batch: dict) -> Tensor:
    """The box of each of box_tokens."""
    return batch["boxes"][batch["box_tokens"][:, 2]]


class Loss(NamedTuple):
    """One loss: a linear head reads hidden states, and its outputs are compared with the batch."""

    layer: int | str  # where the states come from
    tokens: str  # which states: a key of the batch, see ReasonerWithHeads.read
    weight: float  # in the sum of all losses
    outputs: int  # of the head; 0: it has no head of its own
    error: Callable[[Tensor, dict], Tensor] | None  # of the head's outputs, float32, and the batch
    head: str = ""  # the loss whose head it shares


FOUR_BINS, FOUR_DIGITS = 4 * BINS, 4 * DIGITS * (NO_DIGIT + 1)
# The order is that of the heads' random initial weights.
LOSSES = {
    # the next token of the chain; ReasonerWithHeads.chain_error
    "chain": Loss(LAST, "labels", 4.0, 0, None),
    # image token i: part i of a thumbnail of the target
    "thumbnail": Loss(LAST, "image_rows", 1.0, 48, lambda out, batch: F.mse_loss(out, batch["thumbnails"])),
    # every image token: the classes in the target, which a thumbnail hardly shows
    "image_classes": Loss(LAST, "image_rows", 2.0, CLASSES - 1, _image_classes),
    # image token i: the class at the center of cell i
    "cell_class": Loss(LAST, "image_rows", 1.0, CLASSES, _cell_class),
    # <|box_start|> whose box can be seen: its corners
    "box_corners": Loss(LAST, "box_starts", 4.0, 4, lambda out, batch: box_error(out, batch["boxes"])),
    # the same, earlier: the class of the object that the box depends on, then the corners and their bins
    "target_class": Loss(
        CHOOSING, "box_starts", 1.0, CLASSES, lambda out, batch: F.cross_entropy(out, batch["box_objects"])
    ),
    "box_l1": Loss(LOCATING, "box_starts", 4.0, 4, lambda out, batch: box_error(out, batch["boxes"])),
    "box_bins": Loss(LOCATING, "box_starts", 1.0, FOUR_BINS, lambda out, batch: bins_error(out, batch["boxes"])),
    # every token of such a box: the bins and digits of its corners
    "span_bins": Loss(WRITING, "box_tokens", 1.0, FOUR_BINS, lambda out, batch: bins_error(out, _span_boxes(batch))),
    "box_digits": Loss(
        WRITING, "box_tokens", 1.0, FOUR_DIGITS, lambda out, batch: digit_error(out, _span_boxes(batch))
    ),
    # the tokens before an object's article, color and shape: its class
    "name_class": Loss(
        NAMING, "name_tokens", 1.0, CLASSES, lambda out, batch: F.cross_entropy(out, batch["name_tokens"][:, 2])
    ),
    # the tokens of an image shown: the corners of what is in each of their four patches
    "patch_corners": Loss(PLACING, "patches", 4.0, 16, _patch_corners),
    # the same: class and corners of the object that has most of the four patches, since a name can find one object
    "token_object": Loss(PLACING, "patches", 4.0, CLASSES + 4, _token_object),
    # those with an object: the bins and digits of its corners
    "patch_bins": Loss(SPELLING, "objects", 0.5, FOUR_BINS, lambda out, batch: bins_error(out, batch["objects"])),
    "patch_digits": Loss(SPELLING, "objects", 0.5, FOUR_DIGITS, lambda out, batch: digit_error(out, batch["objects"])),
    # the vision tower's merged tokens: class, background and box of each of their four patches
    "patch_class": Loss(TOWER, "patches", 0.4, 4 * PATCH_OUTPUTS, _patch_class),
    "patch_box": Loss(TOWER, "patches", 0.4, 0, _patch_box, head="patch_class"),
}


def total(losses: dict[str, Tensor]) -> Tensor:
    """The weighted sum of losses by name."""
    return sum(LOSSES[name].weight * loss for name, loss in losses.items())


def patch_centers() -> Tensor:
    """(64, 4): x, y, x, y of each patch's center in cells, in the order of `Renderer.patches`."""
    grid = torch.stack(torch.meshgrid(torch.arange(PATCHES), torch.arange(PATCHES), indexing="ij")[::-1], -1) + 0.5
    return grid.view(PATCHES // 2, 2, PATCHES // 2, 2, 2).transpose(1, 2).reshape(-1, 2).repeat(1, 2)


def token_objects(classes: Tensor, corners: Tensor) -> tuple[Tensor, Tensor]:
    """Class (N,) and corners (N, 4) of the object that has most of each token's four patches, from all patches."""
    classes, corners = classes.view(-1, 4), corners.view(-1, 4, 4)  # a row a token
    alike = (classes[:, :, None] == classes[:, None]).sum(-1) * (classes > 0)
    most = alike.argmax(-1)
    rows = torch.arange(len(most), device=most.device)
    return classes[rows, most], corners[rows, most]


def patch_targets(batch: dict) -> dict[str, Tensor]:
    """What the losses at an image's tokens need: patch_corners (I, 64, 4), token_classes, token_corners, objects."""
    corners = (batch["patch_boxes"] + patch_centers().to(batch["patch_boxes"])) / PATCHES
    classes, boxes = token_objects(batch["patch_classes"], corners)
    return {
        "patch_corners": corners,
        "token_classes": classes,  # (I * 16,)
        "token_corners": boxes,  # (I * 16, 4)
        "objects": boxes[classes > 0],  # (K, 4)
    }
