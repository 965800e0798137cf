"""Colors as language models write them, into the words that chains use."""

import re
from typing import Any

from ..colors import CHINESE, Color, find_color, named

_HEX = re.compile(r"#?(?:[0-9a-f]{3}|[0-9a-f]{6})(?:ff)?", re.IGNORECASE)
_PART = r"(\d{1,3})\s{0,9}[, ]\s{0,9}"
_RGB = re.compile(rf"(?:rgba?)?\W{{0,9}}{_PART}{_PART}(\d{{1,3}})\W{{0,3}}", re.IGNORECASE)
_LABEL = re.compile(r"\s*(?:colou?r|hex|颜色|顏色)\s*(?:is|is:|[:=：]|code)?\s*", re.IGNORECASE)
_CHINESE_SHADES = {"深": "dark", "暗": "dark", "浅": "light", "淺": "light", "淡": "light", "亮": "light", "天": "sky"}
_SHADES = {
    "light", "dark", "bright", "pale", "deep", "vivid", "warm", "cool", "soft", "medium", "off", "pure", "rich",
    "matte", "burnt", "dusty", "neon", "muted", "pastel", "brick", "emerald", "charcoal", "cream", "mint",
    "royal", "baby",
}  # fmt: skip
_ADJECTIVES = re.compile(r"(?<=gol)den$|(?<=silver)y$|d?ish$")  # golden, silvery, reddish, bluish
_BRACKETED = re.compile(r"\s{0,9}[(\[{<]\s{0,9}([^][(){}<>\n]{1,60}(?:\([^()\n]{1,30}\))?)\s{0,9}[)\]}>]")
_AFTER_COLON = re.compile(
    r"(?:\s{0,20}(?=colou?r\s?:)|\s{0,3}[:,;]?\s{0,3})(?:colou?r(?:ed)?\s{0,3}[:=]?|[:=])\s{0,3}"
    r"(#?\w[\w-]{2,30}(?: \w{3,20})?)(?=\s{0,3}(?:[,.;|\n]|$))",
    re.IGNORECASE,
)


def color_word(value: Any) -> str:
    """The chain's word for a color in any spelling (dark-blue, #00f, rgb(0, 0, 255), 蓝色, [0, 0, 255]), or ""."""
    if isinstance(value, list | tuple):
        if len(value) in (3, 4) and all(type(part) is int and 0 <= part <= 255 for part in value):
            return _of_values(value[:3])
        return next((word for word in map(color_word, value[:8]) if word), "")
    if not isinstance(value, str):
        return ""
    text = value[:80]
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    text = text.strip(" \t\n:;,.*'\"`")
    found = find_color(re.sub(r"[-_\s]+", "", text))
    if found:
        return named(found).word if found.word.startswith("#") else found.word
    if re.fullmatch(_HEX, text) and (text.startswith("#") or (len(text) == 6 and not text.isalpha())):
        return _of_hex(text.lstrip("#"))
    values = _RGB.fullmatch(text)
    if values and max(parts := [int(part) for part in values.groups()]) <= 255:
        return _of_values(parts)
    return _of_chinese(text) or _of_shade(text)


def color_after(text: str, start: int) -> tuple[str, int]:
    """The color that is written after a box, and where it ends; "" and start if there is none."""
    for pattern in (_BRACKETED, _AFTER_COLON):
        match = pattern.match(text, start)
        word = color_word(match[1]) if match else ""
        if word:
            return word, match.end()
    return "", start


def _of_hex(digits: str) -> str:
    digits = "".join(digit * 2 for digit in digits) if len(digits) in (3, 5) else digits
    return _of_values(bytes.fromhex(digits[:6]))


def _of_values(values: Any) -> str:
    red, green, blue = values
    return named(Color(f"#{red:02x}{green:02x}{blue:02x}", red, green, blue)).word


def _of_chinese(text: str) -> str:
    word = text.removesuffix("色")
    shade, rest = (_CHINESE_SHADES[word[0]], word[1:]) if word[:1] in _CHINESE_SHADES and len(word) == 2 else ("", word)
    plain = next((color for color, signs in CHINESE.items() if rest and rest in signs), "")
    return (shade + plain if find_color(shade + plain) else plain) if plain else ""


def _of_shade(text: str) -> str:
    """The color of "bright red" or "off-white", which have no word of their own."""
    words = re.findall(r"[a-z]+", text.lower())
    words = [_ADJECTIVES.sub("", word) for word in words]
    if len(words) == 2 and all(map(find_color, words)):  # navy blue
        return words[0]
    is_color = len(words) in (1, 2, 3) and all(word in _SHADES for word in words[:-1]) and find_color(words[-1])
    return words[-1] if is_color else ""
