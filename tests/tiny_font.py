"""A font file for tests: TrueType, made of boxes, with the letters that a test asks for. Each letter has its width."""

import struct

EM = 1000  # units


def tiny_font(letters: str, width: int = 600, height: int = 700) -> bytes:
    """The file's bytes. Each letter is a filled box of width x height units; others are a box of 100 x 100.

    Source: https://learn.microsoft.com/typography/opentype/spec/otff
    """
    glyphs = [_box(100, 100)] + [_box(width, height)] * len(letters)
    places = [sum(map(len, glyphs[:number])) for number in range(len(glyphs) + 1)]
    count = len(glyphs)
    advances = b"".join(struct.pack(">Hh", width + 100, 0) for _ in glyphs)
    tables = {
        b"cmap": _cmap(letters),
        b"glyf": b"".join(glyphs),
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, EM, 0, 0, 0, 0, width, height, 0, 8, 2, 1, 0
        ),
        b"hhea": struct.pack(">IhhhHhhhhhh8xhH", 0x10000, 800, -200, 0, width + 100, 0, 0, width, 1, 0, 0, 0, count),
        b"hmtx": advances,
        b"loca": struct.pack(f">{count + 1}I", *places),
        b"maxp": struct.pack(">IH13H", 0x10000, count, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    return _file(tables)


def _box(width: int, height: int) -> bytes:
    """A glyph: four points that are all on the curve."""
    steps = [(0, 0), (0, height), (width, 0), (0, -height)]
    xs, ys = (struct.pack(">4h", *(step[axis] for step in steps)) for axis in (0, 1))
    return struct.pack(">hhhhhHH", 1, 0, 0, width, height, 3, 0) + bytes([1] * 4) + xs + ys + b"\0\0"


def _cmap(letters: str) -> bytes:
    """Format 12: one group a letter."""
    pairs = sorted((ord(letter), number) for number, letter in enumerate(letters, 1))
    groups = b"".join(struct.pack(">III", code, code, glyph) for code, glyph in pairs)
    table = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, len(pairs)) + groups
    return struct.pack(">HHHHI", 0, 1, 3, 10, 12) + table


def _file(tables: dict[bytes, bytes]) -> bytes:
    head = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, len(tables) * 16 - 64)
    at, directory, body = 12 + 16 * len(tables), b"", b""
    for name, table in sorted(tables.items()):
        padded = table + bytes(-len(table) % 4)
        total = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        directory += struct.pack(">4sIII", name, total, at + len(body), len(table))
        body += padded
    return head + directory + body
