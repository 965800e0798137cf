"""Images of the world as tensors: many scenes drawn at once, on the training device.

A scene is a row of integers, so that worker processes send little data. The images are those of scenes.render but for
rounding: a shape's cover of a pixel is exact along x, and a mean over SCAN_LINES along y.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ImageColor
from torch import Tensor

from ...world import scenes

VISION_SIZE = 112  # pixels a side of the image that the reasoner sees
PATCH, MERGE = 14, 2
PATCHES = VISION_SIZE // PATCH  # patches a side
VISION_TOKENS = (PATCHES // MERGE) ** 2  # of an image that the reasoner sees
MEAN = np.array((0.48145466, 0.4578275, 0.40821073), dtype=np.float32)
STD = np.array((0.26862954, 0.26130258, 0.27577711), dtype=np.float32)
MAX_OBJECTS = 4  # of a packed scene
SCAN_LINES = 4  # scan lines through a pixel
TABLE = 4096  # heights at which an outline is tabulated
BOX_NUMBERS = 3 + 4  # of a painted box: color, corners

# N: images, T: MAX_OBJECTS, S: pixels a side; colors are 0..255


def packed_scene(scene: scenes.Scene) -> np.ndarray:
    """(1 + 6 T,) int16: the background's number, then shape, color and box of each object. Shape -1: no object."""
    numbers = np.full((MAX_OBJECTS, 6), -1, dtype=np.int16)
    for place, obj in zip(numbers, scene.objects, strict=False):
        place[:] = scenes.SHAPES.index(obj.shape), scenes.COLORS.index(obj.color), *obj.box
    return np.concatenate([[scenes.BACKGROUNDS.index(scene.background)], numbers.reshape(-1)]).astype(np.int16)


def class_of(obj: scenes.Object) -> int:
    """The class of an object's color and shape, 1 to 32. 0 is the background."""
    return 1 + scenes.COLORS.index(obj.color) * len(scenes.SHAPES) + scenes.SHAPES.index(obj.shape)


def _colors(names: tuple[str, ...]) -> Tensor:
    return torch.tensor([ImageColor.getrgb(name) for name in names], dtype=torch.float32)


def _crossings() -> Tensor:
    """(shapes, TABLE, 4, 2): x where an outline in the unit box crosses each line, and the direction, 1 or -1."""
    heights = (np.arange(TABLE) + 0.5) / TABLE
    table = np.zeros((len(scenes.SHAPES), TABLE, 4, 2), dtype=np.float32)
    half = np.sqrt(0.25 - (heights - 0.5) ** 2)
    table[scenes.SHAPES.index("circle"), :, :2, 0] = np.stack([0.5 - half, 0.5 + half], 1)
    table[scenes.SHAPES.index("square"), :, 1, 0] = 1
    for shape in ("circle", "square"):
        table[scenes.SHAPES.index(shape), :, :2, 1] = 1, -1
    for shape, points in scenes.POLYGONS.items():
        edges = list(zip(points, (*points[1:], points[0]), strict=True))
        for line, height in enumerate(heights):
            found = [
                ((a[0] + (height - a[1]) / (b[1] - a[1]) * (b[0] - a[0])), 1.0 if b[1] < a[1] else -1.0)
                for a, b in edges
                if (a[1] <= height) != (b[1] <= height)
            ]
            table[scenes.SHAPES.index(shape), line, : len(found)] = found
    return torch.from_numpy(table)


class Renderer:
    """Draws on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.crossings = _crossings().to(device)
        self.colors, self.grounds = (_colors(names).to(device) for names in (scenes.COLORS, scenes.BACKGROUNDS))
        self.mean, self.std = (torch.from_numpy(values).to(device)[:, None, None] for values in (MEAN, STD))

    def draw(self, packed_scenes: Tensor) -> Tensor:
        """(N, 1 + 6 T) -> (N, 3, S, S), whole numbers."""
        packed_scenes = packed_scenes.to(self.device).long()
        pixels = self.grounds[packed_scenes[:, 0]][:, :, None, None].expand(-1, -1, scenes.SIZE, scenes.SIZE)
        for shape, color, *box in packed_scenes[:, 1:].unflatten(1, (MAX_OBJECTS, 6)).permute(1, 2, 0):
            cover = self._cover(shape, torch.stack(box, -1) / 1000 * scenes.SIZE)[:, None]
            pixels = pixels + cover * (self.colors[color.clamp(min=0)][:, :, None, None] - pixels)
        return pixels.round()

    def _cover(self, shape: Tensor, box: Tensor) -> Tensor:
        """The share of each pixel that shapes (N,) in boxes (N, 4), in pixels, cover: (N, S, S), 0 for shape -1."""
        left, top, right, bottom = box[:, :, None].unbind(1)  # (N, 1) each
        lines = (torch.arange(scenes.SIZE * SCAN_LINES, device=self.device) + 0.5) / SCAN_LINES
        height = (lines - top) / (bottom - top)  # (N, S * LINES), 0..1 inside
        inside = (height >= 0) & (height < 1) & (shape >= 0)[:, None]
        place = (height * TABLE).long().clamp(0, TABLE - 1)
        x, sign = self.crossings[shape.clamp(min=0)[:, None], place].unbind(-1)  # (N, S * LINES, 4)
        x, sign = left[..., None] + x * (right - left)[..., None], sign * inside[..., None]
        ends = torch.arange(1, scenes.SIZE + 1, device=self.device)
        cover = torch.zeros(len(shape), len(lines), scenes.SIZE, device=self.device)
        for k in range(x.shape[-1]):
            right = (ends - x[..., k, None]).clamp_(0, 1)  # the part of a pixel right of a crossing
            cover.addcmul_(sign[..., k, None], right)
        return cover.unflatten(1, (scenes.SIZE, SCAN_LINES)).mean(2)

    def paint(self, canvases: Tensor) -> Tensor:
        """(N, BOX_NUMBERS) -> (N, 3, S, S): one box each on black, both edges included."""
        canvases = canvases.to(self.device).long()
        left, top, right, bottom = (canvases[:, 3:] * scenes.SIZE // 1000)[:, :, None].unbind(1)
        line = torch.arange(scenes.SIZE, device=self.device)
        across, down = (left <= line) & (line <= right), (top <= line) & (line <= bottom)
        return (down[:, :, None] & across[:, None])[:, None] * canvases[:, :3, None, None].float()

    def patches(self, images: Tensor) -> Tensor:
        """Qwen's image processor on images (N, 3, S, S), to one level of 255: (N, 64, 3 * 2 * 14 * 14)."""
        small = images
        for size in ((scenes.SIZE, VISION_SIZE), (VISION_SIZE, VISION_SIZE)):  # as Pillow: x first, rounded after each
            small = F.interpolate(small, size, mode="bicubic", antialias=True).clamp(0, 255).round()
        half, count = PATCHES // 2, len(images)
        small = ((small / 255 - self.mean) / self.std).view(count, 3, half, 2, PATCH, half, 2, PATCH)
        small = small.permute(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None]  # rows, columns, 2, 2, C, 1, P, P
        return small.expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(count, PATCHES * PATCHES, -1)

    def thumbnails(self, images: Tensor) -> Tensor:
        """Images (N, 3, S, S) at 32x32 in -1..1, as 8x8 parts of 4x4: (N, 64, 48)."""
        small = F.avg_pool2d(images, scenes.SIZE // 32).round() / 127.5 - 1
        return small.unflatten(3, (8, 4)).unflatten(2, (8, 4)).permute(0, 2, 4, 3, 5, 1).reshape(len(images), 64, 48)

    def cells(self, packed_scenes: Tensor) -> tuple[Tensor, Tensor]:
        """What is at the centers of 8x8 cells of scenes (N, 1 + 6 T): classes (N, 8, 8) and boxes (N, 8, 8, 4).

        A class is 0 for background, or that of class_of. A box is relative to the center, in cells.
        """
        objects = packed_scenes[:, 1:].long().view(-1, MAX_OBJECTS, 6)
        centers = (torch.arange(PATCHES, device=self.device) + 0.5) / PATCHES * 1000
        classes = torch.zeros(len(packed_scenes), PATCHES, PATCHES, dtype=torch.long, device=self.device)
        boxes = torch.zeros(*classes.shape, 4, device=self.device)
        here = torch.stack([*torch.meshgrid(centers, centers, indexing="xy")] * 2, -1)  # (y, x, 4): x, y, x, y
        for shape, color, *box in objects.permute(1, 2, 0):
            left, top, right, bottom = (edge[:, None] for edge in box)
            across, down = (left <= centers) & (centers < right), (top <= centers) & (centers < bottom)
            inside = down[:, :, None] & across[:, None] & (shape >= 0)[:, None, None]
            classes = torch.where(inside, (1 + color * len(scenes.SHAPES) + shape)[:, None, None], classes)
            offset = (torch.stack(box, -1)[:, None, None] - here) * PATCHES / 1000
            boxes = torch.where(inside[..., None], offset, boxes)
        return classes, boxes

    def object_classes(self, packed_scenes: Tensor) -> Tensor:
        """Which of the 32 classes are in scenes: (N, 32) of 0 and 1, at color * 4 + shape."""
        shapes, colors = packed_scenes[:, 1:].long().view(-1, MAX_OBJECTS, 6)[..., :2].unbind(-1)
        found = torch.zeros(len(packed_scenes), 1 + len(scenes.COLORS) * len(scenes.SHAPES), device=self.device)
        places = torch.where(shapes >= 0, 1 + colors * len(scenes.SHAPES) + shapes, 0)
        return found.scatter_(1, places, 1.0)[:, 1:]

    def complete(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """A batch of rows.collate on the device, with what its scenes show. More keys:

        | key | shape | what it is |
        |---|---|---|
        | patches | (I, 64, 1176) | the sources for the vision tower |
        | patch_classes, patch_boxes | (I, 64), (I, 64, 4) | `cells` of the sources, in the order of the patches |
        | backgrounds | (I,) | numbers of the sources' backgrounds |
        | thumbnails | (T, 64, 48) | the targets |
        | object_classes | (T, 32) | classes in the targets |
        | cell_classes | (T, 64) | `cells` of the targets, row by row |
        | cell_changed | (T, 64) | is the class another than before? |
        """
        batch = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        if "sources" in batch:
            sources = batch["sources"]
            batch["patches"], batch["backgrounds"] = self.patches(self.draw(sources)), sources[:, 0].long()
            batch["patch_classes"], batch["patch_boxes"] = map(merged, self.cells(sources))
        if "targets" in batch:
            targets = batch["targets"]
            batch["thumbnails"] = self.thumbnails(self.draw(targets))
            batch["object_classes"] = self.object_classes(targets)
            batch["cell_classes"], before = (self.cells(shown)[0].flatten(1) for shown in (targets, batch["before"]))
            batch["cell_changed"] = batch["cell_classes"] != before
        return batch


def merged(cells: Tensor) -> Tensor:
    """Cells (N, 8, 8, ...) in the order of the patches, 2x2 blocks together: (N, 64, ...)."""
    half = PATCHES // MERGE
    return cells.unflatten(2, (half, MERGE)).unflatten(1, (half, MERGE)).transpose(2, 3).flatten(1, 4)
