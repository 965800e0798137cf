"""The label of a region as a small image: its number, and its phrase in the fonts that have its letters.

Fonts that have most of a phrase are used first. Pillow's raqm, where it is there, joins letters and orders Arabic and
Hebrew. Letters without a font are written in Latin where Unicode names them by their sound. Else the label is the
region's number and color word.
"""

import re
import unicodedata
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from .fonts import FontFile, fonts_for

LONGEST = 120  # characters of a phrase; the rest is cut
LINES = 3
LEAST_ROOM = 3  # times the letters' height, for a phrase
BACKING, INK = (0, 0, 0, 190), (255, 255, 255, 255)
BITMAP_SIZES = (109, 136, 160, 128, 96, 64)  # pixels in which fonts of color bitmaps come
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # they change the letter before them
# Joined or reordered scripts: without raqm they would be wrong.
COMPLEX = re.compile("[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufeff]")
SOUND = re.compile(r"(?:HANGUL SYLLABLE|(?:HIRAGANA|KATAKANA|GREEK|CYRILLIC)(?: CAPITAL| SMALL)* LETTER) (\w+)")
PLAIN = re.compile(r"[\x20-\x7e]*")  # what Pillow's own font has for certain

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Run = tuple[str, Font]


class Labels:
    """Makes labels in one size. Fonts are searched once for all phrases."""

    def __init__(self, phrases: list[str], size: int, check: Callable[[], None] = lambda: None, brief: bool = False):
        """size: height of the letters in pixels. check: may raise to stop. brief: phrases of one line only."""
        self.brief = brief
        from PIL import features  # not needed at ComfyUI's start

        self.size, self.shaped = size, bool(features.check("raqm"))
        self.plain = ImageFont.load_default(size)
        rare = {letter for phrase in phrases for letter in phrase[:LONGEST] if not PLAIN.fullmatch(letter)}
        self.fonts = fonts_for({letter for letter in rare if letter not in JOINERS and not letter.isspace()}, check)
        self.loaded: dict[FontFile, Font] = {}

    def draw(self, number: int, phrase: str, color: tuple[str, tuple[int, int, int]], width: int) -> Image.Image:
        """The label (RGBA), at most `width` pixels wide. color: the region's word and RGB.

        Only the number, if hardly a word fits into the width, or if the label must be brief and the phrase is not.
        """
        word, rgb = color
        chip = self._chip(str(number), rgb)
        text = " ".join(phrase[:LONGEST].split()) + ("…" if len(phrase) > LONGEST else "")
        pad = max(1, self.size // 6)
        room = width - chip.width - 2 * pad
        if room < LEAST_ROOM * self.size:
            return chip
        runs = self._runs(text) or [(f"({word})", self.plain)]
        wrapped = self._wrapped(runs, room)
        if self.brief and len(wrapped) > 1:
            return chip
        lines = [_line(line, self.size) for line in wrapped]
        tall = max(chip.height, sum(line.height for line in lines) + pad)
        wide = chip.width + max(line.width for line in lines) + 2 * pad
        label = Image.new("RGBA", (min(wide, width), tall), BACKING)
        label.paste(chip, (0, 0))
        top = pad // 2
        for line in lines:
            label.alpha_composite(line.crop((0, 0, min(room, line.width), line.height)), (chip.width + pad, top))
            top += line.height
        return label

    def _chip(self, number: str, rgb: tuple[int, int, int]) -> Image.Image:
        """The number on the region's color."""
        bright = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140
        text = _line([(number, self.plain)], self.size, (0, 0, 0, 255) if bright else INK)
        chip = Image.new(
            "RGBA", (text.width + max(2, self.size // 2), text.height + max(1, self.size // 6)), (*rgb, 255)
        )
        chip.alpha_composite(text, ((chip.width - text.width) // 2, (chip.height - text.height) // 2))
        return chip

    # ------------------------------------------------------------------------------------------------ fonts

    def _runs(self, text: str) -> list[Run]:
        """The text in pieces of one font each, in reading order; [] if most of it has no font."""
        if self._font_of(text) is not None:  # one font has it all: raqm may order the whole
            return [(text, self._font_of(text))]
        runs: list[Run] = []
        for letter in text:
            if letter in JOINERS and runs:
                runs[-1] = (runs[-1][0] + letter, runs[-1][1])
                continue
            piece, font = letter, self._font_of(letter)
            if letter.isspace() and runs:
                font = runs[-1][1]
            elif font is None:
                piece, font = _by_sound(letter), self.plain
                if not piece:
                    return []
            if runs and runs[-1][1] is font:
                runs[-1] = (runs[-1][0] + piece, font)
            else:
                runs.append((piece, font))
        return runs

    def _font_of(self, text: str) -> Font | None:
        """A font that has all letters of a text."""
        if PLAIN.fullmatch(text.replace("…", "")) and text != "…":
            return self.plain
        if not self.shaped and COMPLEX.search(text):
            return None
        needed = "".join(letter for letter in text if letter not in JOINERS and not letter.isspace())
        font = next((font for font in self.fonts if font.has(needed)), None)
        return font and self._load(font)

    def _load(self, file: FontFile) -> Font | None:
        if file not in self.loaded:
            self.loaded[file] = load(file, self.size)
        return self.loaded[file]

    # ------------------------------------------------------------------------------------------------ lines

    def _wrapped(self, runs: list[Run], width: int) -> list[list[Run]]:
        """The runs in at most LINES lines of a width in pixels. What remains ends in '...'."""
        lines, line, room = [], [], width
        for text, font in runs:
            while text:
                fits = _fitting(text, font, self.size, room)
                if fits == len(text):
                    line.append((text, font))
                    room -= _width(text, font, self.size)
                    break
                at = _break(text, fits) if fits else 0
                if not at and not line:
                    at = max(1, fits)
                if at:
                    line.append((text[:at].rstrip(), font))
                lines.append(line)
                if len(lines) == LINES:
                    return [*lines[:-1], [*lines[-1], ("...", self.plain)]]
                text, line, room = text[at:].lstrip(), [], width
        return [*lines, line] if line else lines


def load(file: FontFile, size: int) -> Font | None:
    """The font in a size of pixels, or in a size that it has; None if Pillow cannot use it."""
    for pixels in (size, *BITMAP_SIZES):
        try:
            return ImageFont.truetype(file.path, pixels, index=file.index)
        except OSError:
            continue
    return None


def _by_sound(letter: str) -> str:
    """A letter in Latin: without its accents, or by the name that Unicode gives its sound; "" if there is neither."""
    plain = unicodedata.normalize("NFKD", letter)
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    if plain and PLAIN.fullmatch(plain):
        return plain
    name = unicodedata.name(letter, "")
    if found := SOUND.match(name):
        return found[1].lower()
    if unicodedata.category(letter) == "So" and name:
        return f"[{name.lower()}]"
    return ""


def _line(runs: list[Run], size: int, ink: tuple[int, int, int, int] = INK) -> Image.Image:
    """One line of text (RGBA, transparent). A text that begins from right to left has its runs in that order."""
    first = next((unicodedata.bidirectional(letter) for text, _ in runs for letter in text if letter.isalpha()), "L")
    pieces = [_piece(text, font, size, ink) for text, font in (runs[::-1] if first in ("R", "AL") else runs)]
    line = Image.new("RGBA", (max(1, sum(piece.width for piece in pieces)), round(size * 1.35)))
    left = 0
    for piece in pieces:
        line.alpha_composite(piece, (left, 0))
        left += piece.width
    return line


def _piece(text: str, font: Font, size: int, ink: tuple[int, int, int, int]) -> Image.Image:
    """A text of one font, in a line's height. A font that has only larger bitmaps is scaled."""
    own = getattr(font, "size", size)
    image = Image.new("RGBA", (max(1, round(font.getlength(text))), round(own * 1.35)))
    ImageDraw.Draw(image).text((0, round(own * 1.05)), text, fill=ink, font=font, anchor="ls", embedded_color=True)
    if own != size:
        image = image.resize((max(1, round(image.width * size / own)), round(size * 1.35)), Image.Resampling.BILINEAR)
    return image


def _width(text: str, font: Font, size: int) -> int:
    return round(font.getlength(text) * size / getattr(font, "size", size))


def _fitting(text: str, font: Font, size: int, room: int) -> int:
    """How many letters of a text fit into a room of pixels."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _width(text[:middle], font, size) <= room else (low, middle - 1)
    return low


def _break(text: str, fits: int) -> int:
    """Where to break a text of which so many letters fit: after a space, or at once in scripts without spaces."""
    if fits >= len(text) or text[fits].isspace() or unicodedata.east_asian_width(text[fits]) in "WF":
        return fits
    return text.rfind(" ", 0, fits) + 1
