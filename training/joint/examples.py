"""The row format, and from a row to an example: checked texts and images, or the reason why the row is unusable.

    {"prompt": "a red cup on a table", "chain": "A red cup (120,400),(380,760) (red) on ...", "picture": "cup.jpg"}
    {"prompt": "make the cup blue", "chain": "1. The image shows ...", "source": "cup.jpg", "picture": "blue.jpg"}

prompt   the caption or instruction ("instruction" is read too).
chain    the reasoning, with boxes in any form that got_models.chain.grammar reads.
picture  the image to make: a path within the folder of images, the bytes of an image file, or
         {"bytes": ..., "path": ...} as Parquet stores it.
source   the image to edit, in the same forms; a row without it is text-to-image.
task     "text-to-image" or "edit"; optional.
earlier  for an edit of an edit: the turns before, oldest first, each with prompt, chain and source.

This module knows no files of rows, tokens or networks.
"""

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, Chain, ChainError, read_chain
from ...got_models.errors import GoTError
from ...got_models.guidance.images import to_tensor, upright_rgb
from ...got_models.guidance.sizes import MIN_SIDE

MOST_TEXT = 8192  # characters of a prompt or a chain, ten times the usual; much more fits no memory
MOST_TURNS = 16  # before the last
SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which JSON can write and no tokenizer takes


class RowError(GoTError):
    """A row that cannot be trained on. `kind`: the fault in two words, for counting."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple:  # for pickling, from a worker process
        return RowError, (self.kind, str(self))


@dataclass(frozen=True)
class Example:
    """A chain with its prompt and source, and the image to make, uint8 (height, width, 3).

    weight: 1, or 0 for a blank in the place of a broken row, which no loss counts.
    """

    chain: Chain
    image: np.ndarray
    weight: float = 1.0


def blank() -> Example:
    """An example in the place of a broken row, so that every batch has the same number of rows."""
    chain = Chain(TEXT_TO_IMAGE, "-", "-", ())
    return Example(chain, np.zeros((MIN_SIDE, MIN_SIDE, 3), dtype=np.uint8), weight=0.0)


def read_example(row: dict[str, Any], folder: Path) -> Example:
    """An example from a row in the format above. Paths start from `folder`. Raises RowError."""
    earlier, turns = None, row.get("earlier") or []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns) or len(turns) > MOST_TURNS:
        raise RowError("bad earlier", f"its 'earlier' is not a list of at most {MOST_TURNS} turns")
    for turn in turns:
        earlier = _read_turn(turn, folder, earlier)
    chain = _read_turn(row, folder, earlier)
    return Example(chain, read_image(row, "picture", folder))


def _read_turn(row: dict[str, Any], folder: Path, earlier: Chain | None) -> Chain:
    prompt = _text(row, "prompt", "instruction")
    text = _text(row, "chain")
    task = row.get("task") or (EDIT if row.get("source") is not None else TEXT_TO_IMAGE)
    if task not in (TEXT_TO_IMAGE, EDIT):
        raise RowError("unknown task", f"its task is '{task}'; it must be '{TEXT_TO_IMAGE}' or '{EDIT}'")
    source = to_tensor(read_image(row, "source", folder)) if task == EDIT else None
    try:
        return read_chain(text, task, prompt, source, earlier=earlier)
    except (ChainError, ValueError) as error:  # ValueError: a number of thousands of digits
        kind = "unknown color" if "color" in str(error) else "bad box"
        raise RowError(kind, str(error)) from error


def _text(row: dict[str, Any], *names: str) -> str:
    text = next((row[name].strip() for name in names if isinstance(row.get(name), str) and row[name].strip()), "")
    if not text:
        raise RowError(f"no {names[0]}", f"it has no '{names[0]}', or an empty one")
    if len(text) > MOST_TEXT:
        raise RowError(f"long {names[0]}", f"its '{names[0]}' has {len(text)} characters; the most is {MOST_TEXT}")
    if SURROGATE.search(text):
        raise RowError(f"bad {names[0]}", f"its '{names[0]}' holds half a character (\\ud800 to \\udfff)")
    return text


def read_image(row: dict[str, Any], name: str, folder: Path) -> np.ndarray:
    """An image of a row as uint8 (H, W, 3), upright; transparent parts are white. Raises RowError."""
    value = row.get(name)
    data = value.get("bytes") if isinstance(value, dict) else value
    path = value.get("path") if isinstance(value, dict) else value
    if not isinstance(data, bytes) and not (isinstance(path, str) and path):
        raise RowError(f"no {name}", f"it has no '{name}'")
    file = io.BytesIO(data) if isinstance(data, bytes) else _file(folder, path, name)
    try:
        with Image.open(file) as opened:
            if opened.width * opened.height > Image.MAX_IMAGE_PIXELS:  # Pillow only warns up to twice as many
                raise ValueError(f"{opened.width}x{opened.height} pixels are too many")
            pixels = upright_rgb(opened)
    except Exception as error:  # decoders raise anything for a broken file
        raise RowError(f"unreadable {name}", f"its '{name}' cannot be read: {error}") from error
    if min(pixels.shape[:2]) < MIN_SIDE:
        height, width = pixels.shape[:2]
        raise RowError(f"tiny {name}", f"its '{name}' is {width}x{height} pixels; the least is {MIN_SIDE} a side")
    return pixels


def _file(folder: Path, path: str, name: str) -> Path:
    """The file that a row names. RowError if it is outside `folder`: rows of other people must not reach any file."""
    root = os.path.abspath(folder)
    file = Path(os.path.abspath(os.path.join(root, path)))
    if not file.is_relative_to(root):
        raise RowError(f"{name} elsewhere", f"{path} is outside of {root}; give the folder of all images with --images")
    if not os.path.isfile(file):
        raise RowError(f"missing {name}", f"there is no file {file}")
    return file
