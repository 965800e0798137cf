"""Color words and their values: the CSS color names, from Pillow's table.

A chain names the color of each box with one of these words. Pillow is the one import of this package beside the
standard library; ComfyUI has it loaded already. Source of the table: CSS Color Module Level 4, section 6.1.
"""

import difflib
import re
from typing import NamedTuple

from PIL import ImageColor

COLORS: dict[str, tuple[int, int, int]] = {word: ImageColor.getrgb(word) for word in sorted(ImageColor.colormap)}

# The colors of boxes without one, in this order: far apart to the eye and in the latents.
PALETTE = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "magenta", "lime", "pink", "teal", "brown")

_HEX = re.compile(r"#[0-9a-f]{6}")


class Color(NamedTuple):
    """A color word as the chain writes it, with red, green and blue in 0..255."""

    word: str
    red: int
    green: int
    blue: int

    @property
    def rgb(self) -> tuple[int, int, int]:
        return self[1:]


def find_color(word: str) -> Color | None:
    """The color that `word` names ("blue", "Light Blue", "#ff8800"), or None."""
    key = word.replace(" ", "").lower()
    if _HEX.fullmatch(key):
        return Color(key, *bytes.fromhex(key[1:]))
    return Color(key, *COLORS[key]) if key in COLORS else None


def named(color: Color) -> Color:
    """The same color under its CSS word, preferably the palette's; unchanged if no CSS word has its values."""
    words = (word for word in (*PALETTE, *COLORS) if COLORS[word] == color.rgb)
    return color._replace(word=next(words, color.word))


def nearest_words(word: str) -> list[str]:
    """Up to three color words with a spelling close to `word`, for an error message."""
    return difflib.get_close_matches(word.replace(" ", "").lower(), COLORS, n=3)


def next_color(used: set[str], count: int) -> Color:
    """The first palette color not in `used`; if all are used, the `count`-th, modulo the palette's length."""
    word = next((word for word in PALETTE if word not in used), PALETTE[count % len(PALETTE)])
    return Color(word, *COLORS[word])
