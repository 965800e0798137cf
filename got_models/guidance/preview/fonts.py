"""Fonts of this system, by the letters that they have. Nothing is installed and no font is bundled.

The table of letters is `cmap` of OpenType, formats 4 and 12. It is read from the file, because Pillow cannot say
whether a font has a letter. Source: https://learn.microsoft.com/typography/opentype/spec/cmap
"""

import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

# Parts of file names, in lower case: fonts that have the letters of many languages, the plain ones first.
PREFERRED = (
    *("dejavusans.", "notosans-regular", "notosanscjk", "notosanssc", "notosansjp", "notosanskr", "notosansarabic"),
    *("notosanshebrew", "notosans", "segoeui.", "arialuni", "arial.", "msyh", "simhei", "simsun", "meiryo", "yugoth"),
    *("msgothic", "malgun", "pingfang", "hiragino", "applesdgothic", "applegothic", "stheiti", "geeza", "sourcehan"),
    *("wqy", "droidsansfallback", "unifont", "notocoloremoji", "seguiemj", "apple color emoji", "emoji"),
)
KINDS = (".ttf", ".otf", ".ttc", ".otc")
SECONDS = 0.5  # for all files of a system; what is not found until then counts as missing
LARGEST_TABLE = 4_000_000  # bytes


class FontFile(NamedTuple):
    """index: of the font in a collection."""

    path: str
    index: int
    letters: tuple[range, ...]

    def has(self, text: str) -> bool:
        """Whether the font has every letter of a text."""
        return all(any(ord(letter) in part for part in self.letters) for letter in text)


def font_folders() -> list[Path]:
    """Where Linux, macOS and Windows have their fonts."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home))
        return [Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts"), local / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [home / "Library" / "Fonts", Path("/Library/Fonts"), Path("/System/Library/Fonts")]
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    data = [os.environ.get("XDG_DATA_HOME") or home / ".local" / "share", *shared.split(":")]
    return [home / ".fonts", *(Path(folder, "fonts") for folder in data)]


def fonts_for(letters: set[str], check: Callable[[], None]) -> list[FontFile]:
    """Fonts that together have the letters, as far as this system has them, the preferred ones first.

    check: called before each file; it may raise to stop. The search ends after SECONDS.
    """
    end, found, missing = time.monotonic() + SECONDS, [], set(letters)
    for path in _files():
        if not missing or time.monotonic() > end:
            break
        check()
        for font in read_font_file(path):
            got = {letter for letter in missing if font.has(letter)}
            if got:
                found.append(font)
                missing -= got
    return found


def _files() -> list[str]:
    """The font files of this system, the preferred ones first, and regular before bold and italic."""
    walks = (walk for folder in font_folders() for walk in os.walk(folder))
    paths = [os.path.join(folder, name) for folder, _, names in walks for name in names if name.lower().endswith(KINDS)]
    return sorted(paths, key=_rank)


def _rank(path: str) -> tuple[int, bool, str]:
    name = os.path.basename(path).lower()
    place = next((place for place, part in enumerate(PREFERRED) if part in name), len(PREFERRED))
    return place, any(style in name for style in ("bold", "italic", "oblique", "light", "thin", "black")), name


def read_font_file(path: str) -> Iterator[FontFile]:
    """The fonts of a file, with their letters. None of a file that is not a readable font."""
    try:
        with open(path, "rb") as file:
            for index, start in enumerate(_starts(file)):
                yield FontFile(path, index, tuple(_letters(file, start)))
    except (OSError, struct.error, ValueError, OverflowError):
        return


def _starts(file) -> list[int]:
    """Where each font of the file begins."""
    kind, _, count = struct.unpack(">4sII", file.read(12))
    return list(struct.unpack(f">{count}I", file.read(4 * count))) if kind == b"ttcf" else [0]


def _letters(file, start: int) -> Iterator[range]:
    """The code points that a font has, as ranges."""
    file.seek(start + 4)
    (count,) = struct.unpack(">H6x", file.read(8))
    tables = [struct.unpack(">4s4xII", file.read(16)) for _ in range(count)]
    at, size = next(((offset, length) for name, offset, length in tables if name == b"cmap"), (0, 0))
    if not 4 <= size <= LARGEST_TABLE:
        return
    file.seek(at)
    table = file.read(size)
    (count,) = struct.unpack_from(">2xH", table)
    places = sorted(struct.unpack_from(">HHI", table, 4 + 8 * number) for number in range(count))
    unicode = [
        place for platform, encoding, place in places if platform == 0 or (platform == 3 and encoding in (1, 10))
    ]
    readers = {4: _segments, 12: _groups}
    tables = {struct.unpack_from(">H", table, place)[0]: place for place in unicode}
    best = max(readers.keys() & tables.keys(), default=None)
    if best is not None:
        yield from readers[best](table, tables[best])


def _segments(table: bytes, at: int) -> Iterator[range]:
    """Format 4: code points up to U+FFFF."""
    count = struct.unpack_from(">H", table, at + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", table, at + 14)
    begins = struct.unpack_from(f">{count}H", table, at + 16 + 2 * count)
    for begin, end in zip(begins, ends):
        if begin <= end < 0xFFFF:
            yield range(begin, end + 1)


def _groups(table: bytes, at: int) -> Iterator[range]:
    """Format 12: all code points."""
    (count,) = struct.unpack_from(">I", table, at + 12)
    for number in range(count):
        begin, end = struct.unpack_from(">II", table, at + 16 + 12 * number)
        if begin <= end <= sys.maxunicode:
            yield range(begin, end + 1)
