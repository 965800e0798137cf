"""Rows of the published GoT sets, in the row format of examples.py.

The sets hold texts. Their images come from LAION-Aesthetics, JourneyDB and OmniEdit, as paths or as joined columns.
What is known of the columns, and from where:

    omniedit-got   `got`: a chain with placeholders; `coord`: a JSON text {placeholder: box}; `omni_edit_id`: the row of
                   OmniEdit. Source: public code that reads the set. `src_img`, `edited_img` and `edited_prompt_list`
                   (the first text is taken) are OmniEdit's columns, from its card. The defaults are for both joined.
    lahr-got,      A prompt and one paragraph with boxes, from the paper's section 3 and the cards' statistics. Their
    journeydb-got  column names are not verified: `prompt`, `got` and `image` or `img_path` are assumed.

`columns` of a source gives other names. The units of `coord` are not verified either: `units` is "grid" (0..1000, as in
the published chains), "pixels" of the source image, or "fractions".
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...got_models.chain.grammar import BOX_END, BOX_START, GRID
from .config import Source
from .examples import Example, RowError, read_example, read_image

COLUMNS = {
    "rows": {},
    "omniedit-got": {
        "prompt": "edited_prompt_list",
        "chain": "got",
        "coord": "coord",
        "source": "src_img",
        "picture": "edited_img",
    },
    "lahr-got": {"prompt": "prompt", "chain": "got", "picture": "image"},
    "journeydb-got": {"prompt": "prompt", "chain": "got", "picture": "img_path"},
}
Scale = Callable[[list[float]], list[float]]


def read_published(row: dict[str, Any], source: Source, folder: Path) -> Example:
    """An example from a row of a source's files. Raises RowError."""
    if source.kind == "rows" and not source.columns:
        return read_example(row, folder)
    columns = {**COLUMNS[source.kind], **source.columns}
    found = {name: row.get(column) for name, column in columns.items()}
    if isinstance(found.get("prompt"), list):
        found["prompt"] = next(iter(found["prompt"]), "")
    if "coord" in found and isinstance(found["chain"], str):
        found["chain"] = with_boxes(found["chain"], found["coord"], _scale(found, source, folder))
    return read_example({**row, **found} if source.kind == "rows" else found, folder)


def with_boxes(chain: str, coord: Any, scale: Scale) -> str:
    """The chain with boxes in place of its placeholders. coord: a JSON text or its content. Raises RowError.

    A value is four numbers, two corners, a list of such boxes, or a text that is inserted unchanged.
    """
    try:
        table = json.loads(coord) if isinstance(coord, str) else coord or {}
        texts = {key: _written(value, scale) for key, value in table.items() if value is not None}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise RowError("bad coord", f"its 'coord' cannot be read: {error}") from error
    if not texts:
        return chain
    pattern = "|".join(re.escape(key) for key in sorted(texts, key=len, reverse=True))  # <box_10> before <box_1
    return re.sub(pattern, lambda match: texts[match[0]], chain)


def _written(value: Any, scale: Scale) -> str:
    if isinstance(value, str):
        return value
    numbers = _numbers(value)
    if not numbers or len(numbers) % 4:
        raise ValueError(f"a box has {len(numbers)} numbers, not four")
    boxes = [scale(numbers[start : start + 4]) for start in range(0, len(numbers), 4)]
    return " ".join(f"{BOX_START}({x0:.0f},{y0:.0f}),({x1:.0f},{y1:.0f}){BOX_END}" for x0, y0, x1, y1 in boxes)


def _numbers(value: Any) -> list[float]:
    """All numbers of nested lists, in order."""
    return [number for item in value for number in _numbers(item)] if isinstance(value, list) else [float(value)]


def _scale(found: dict[str, Any], source: Source, folder: Path) -> Scale:
    """From the source's units to the chain's grid."""
    if source.units == "grid":
        return lambda box: box
    if source.units == "fractions":
        return lambda box: [number * GRID for number in box]
    height, width = read_image(found, "source" if found.get("source") is not None else "picture", folder).shape[:2]
    return lambda box: [number * GRID / side for number, side in zip(box, (width, height) * 2)]
