"""Color words and their values: the CSS color names, from Pillow's table.

A chain names the color of each box with one of these words. It is the color that the box is painted with for the model,
a marker. Pillow is the one import of this package beside the standard library; ComfyUI has it loaded already. Source of
the table: CSS Color Module Level 4, section 6.1.
"""

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from PIL import ImageColor

from .phrases import QUOTED

COLORS: dict[str, tuple[int, int, int]] = {word: ImageColor.getrgb(word) for word in sorted(ImageColor.colormap)}

# The colors of boxes without one, where the phrase names none, in this order: far apart to the eye and in the latents.
PALETTE = ("red", "green", "blue", "yellow", "purple", "orange", "cyan", "magenta", "lime", "pink", "teal", "brown")

CHINESE = {
    "red": "红紅赤", "orange": "橙", "yellow": "黄黃", "green": "绿綠緑", "cyan": "青", "blue": "蓝藍", "purple": "紫",
    "pink": "粉", "brown": "棕褐", "black": "黑", "white": "白", "gray": "灰", "gold": "金", "silver": "银銀",
}  # fmt: skip
_CHINESE = {sign: word for word, signs in CHINESE.items() for sign in signs}
# 青, 金, 粉 and others also mean other things: they name a color only before 色.
_CHINESE_WORD = re.compile(f"[{''.join(_CHINESE)}](?=色)|[红紅绿綠緑蓝藍黄黃紫白黑]")
_WORDS = re.compile(r"[A-Za-z]+|[^A-Za-z]+")
_MOST_WORDS = 3  # of a color: light sky blue
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


def nearest_words(word: str, likeness: float = 0.6) -> list[str]:
    """Up to three color words with a spelling close to `word`, for a message. likeness: at least, 0 to 1."""
    return difflib.get_close_matches(word.replace(" ", "").lower(), COLORS, n=3, cutoff=likeness)


def color_in(phrase: str) -> Color | None:
    """The color that a box with this phrase is painted with: the first color word of the phrase, or None.

    "a light blue cup": lightblue. "红色的杯子": red. Black is gray: the canvas is black, and a black box on it
    invisible.
    """
    words = _WORDS.findall(QUOTED.sub(" ", phrase))
    for start, word in enumerate(words):
        if word[0].isascii() and word[0].isalpha():
            color = _color_at(words, start)
        else:
            sign = _CHINESE_WORD.search(word)
            color = find_color(_CHINESE[sign[0]]) if sign else None
        if color:
            return find_color("gray") if color.rgb == (0, 0, 0) else color
    return None


def given_colors(boxes: Sequence[Color | str]) -> list[Color]:
    """The color of each box. boxes: the color that is written after a box, or the phrase of a box without one.

    Such a box takes the color word of its phrase, else the palette's next color that no box has. When all are taken,
    the palette begins again.
    """
    own = [box if isinstance(box, Color) else color_in(box) for box in boxes]
    used = {color.rgb for color in own if color}
    free = [word for word in PALETTE if COLORS[word] not in used]
    spare, missing = iter(free), 0
    for number, color in enumerate(own):
        if color is None:
            word = next(spare, PALETTE[missing % len(PALETTE)])
            own[number] = Color(word, *COLORS[word])
            missing += 1
    return own


def _color_at(words: list[str], start: int) -> Color | None:
    """The color that the longest run of words from `start` on names, words that a space or a hyphen joins; or None."""
    stop = start + 1
    while stop - start < 2 * _MOST_WORDS - 1 and stop + 1 < len(words) and words[stop] in (" ", "-"):
        stop += 2
    runs = ("".join(words[start:end:2]) for end in range(stop, start, -2))
    return next((color for color in map(find_color, runs) if color), None)
