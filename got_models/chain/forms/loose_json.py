"""JSON as language models write it: in prose, in several parts, cut off, with comments, in Python's spelling.

Reads without recursion and in linear time. What cannot be read is left out; the reader never fails.
"""

import re
from typing import Any, NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<skip>[\s,，]+|//[^\n]*|/\*(?:.*?\*/|.*)|\#[^\n]*)
    |(?P<open>[\[{(])
    |(?P<close>[\]})])
    |(?P<colon>[:=：])
    |(?P<quote>["'“‘”])
    |(?P<number>[-+]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,3})?\s{0,3}(?P<unit>%|px\b)?)
    |(?P<word>[^\W\d]\w{0,60})
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONSTANTS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_BARE_WORDS = re.compile(r"[^\n,，;}\]\[{(\"“]{1,80}")
_CLOSING = {
    opening: re.compile(rf"\\.|[{closing}]", re.DOTALL)
    for opening, closing in {'"': '"', "'": "'", "“": '"”', "”": '"”', "‘": "'’"}.items()
}
_AFTER_STRING = re.compile(
    r"\s{0,200}(?:[,，:：\]})]|//|/\*|#|$|\n\s{0,200}[\"'“]|[\"'“][\w ]{1,40}[\"'”]\s{0,9}[:：])"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\n", "b": " ", "f": " "}
_NAMED = re.compile(r"\s{0,9}[a-z_]\w{0,40}\s?=\s?[\"'\[(\d-]", re.IGNORECASE)  # Python's named arguments
_OPENS = re.compile(r"[{\[]|(?<=\w)\((?=\s{0,9}[a-z_]\w{0,40}\s?=\s?[\"'])", re.IGNORECASE)
_BEGINS = re.compile(r"[{\[(]\s{0,200}(?:[{\[(\"'“‘\]}]|[-+.\d]|//|/\*|#|\w{1,40}\s{0,9}[:：=])")
MAX_DEPTH = 64
AGAIN = "\x1f"  # between a key and a number, if an object has the key already


class Loose(NamedTuple):
    """values: the objects and lists at the top, in order. cut: the text ends within one. spans: their places."""

    values: list[Any]
    cut: bool
    spans: list[tuple[int, int]]


class _Open:
    """A container that is being read. key: the one whose value comes next in an object; None if a key comes next."""

    def __init__(self, is_object: bool, start: int, is_call: bool = False) -> None:
        self.is_object, self.start, self.is_call = is_object, start, is_call
        self.value: Any = {} if is_object else []
        self.key: str | None = None

    def add(self, value: Any, is_text: bool = False) -> None:
        if not self.is_object:
            self.value.append(value)
        elif self.key is not None:
            key = f"{self.key}{AGAIN}{len(self.value)}" if self.key in self.value else self.key
            self.value[key], self.key = value, None
        elif is_text:
            self.key = value


def read_json(text: str) -> Loose:
    """All JSON in a text, with as much of damaged JSON as is whole."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.stack: list[_Open] = []
        self.values: list[Any] = []
        self.spans: list[tuple[int, int]] = []
        self.too_deep = 0  # containers open below MAX_DEPTH, which are left out
        self.last, self.is_broken = "", False

    def read(self) -> Loose:
        while self.at < len(self.text):
            if not self.stack and not self._skip_prose():
                break
            match = _TOKEN.match(self.text, self.at)
            kind, self.at = match.lastgroup, match.end()
            kind = "number" if kind == "unit" else kind
            if kind == "skip":
                self.last = "," if "," in match[0] else self.last
                continue
            getattr(self, f"_{kind}")(match)
            self.last = kind
        return Loose(self.values, self._end(), self.spans)

    def _skip_prose(self) -> bool:
        """Move on to where a container begins. False if there is none."""
        while match := _OPENS.search(self.text, self.at):
            self.at = match.start()
            if _BEGINS.match(self.text, self.at):
                return True
            self.at += 1
        return False

    def _open(self, match: re.Match) -> None:
        if self.too_deep or len(self.stack) >= MAX_DEPTH:
            self.too_deep += 1
            return
        if match[0] == "{" and self.stack and self.stack[-1].is_object and self.stack[-1].key is None:
            self._finish()  # the object before it was not closed
        is_call = match[0] == "(" and bool(_NAMED.match(self.text, match.end()))
        self.stack.append(_Open(match[0] == "{" or is_call, match.start(), is_call))

    def _close(self, match: re.Match) -> None:
        if self.too_deep:
            self.too_deep -= 1
            return
        is_object = match[0] == "}" or (match[0] == ")" and any(container.is_call for container in self.stack[-1:]))
        if not any(container.is_object == is_object for container in self.stack):
            return
        while self.stack[-1].is_object != is_object:
            self._finish()
        self._finish()

    def _finish(self) -> None:
        container = self.stack.pop()
        if self.stack:
            self.stack[-1].add(container.value)
        else:
            self.values.append(container.value)
            self.spans.append((container.start, self.at))

    def _colon(self, match: re.Match) -> None:
        pass

    def _quote(self, match: re.Match) -> None:
        start = self.at
        while found := _CLOSING[match[0]].search(self.text, self.at):
            self.at = found.end()
            if found[0][0] != "\\" and _AFTER_STRING.match(self.text, self.at):
                self._add(_unescaped(self.text[start : self.at - 1]), is_text=True)
                return
        self.at, self.is_broken = len(self.text), True

    def _number(self, match: re.Match) -> None:
        digits = match["number"].removesuffix(match["unit"] or "").strip()
        value = float(digits) if re.search(r"[.eE]", digits) else int(digits)
        self._add(value / 100 if match["unit"] == "%" else value)

    def _word(self, match: re.Match) -> None:
        if self.stack[-1].is_object and self.stack[-1].key is None:
            self._add(match[0], is_text=True)
        elif self.stack[-1].is_object and match[0] not in _CONSTANTS:
            words = _BARE_WORDS.match(self.text, match.start())  # YAML's {label: red cup}
            self.at = words.end()
            self._add(words[0].strip())
        else:
            self._add(_CONSTANTS.get(match[0]))

    def _other(self, match: re.Match) -> None:
        pass

    def _add(self, value: Any, is_text: bool = False) -> None:
        if not self.too_deep and self.stack:
            self.stack[-1].add(value, is_text)

    def _end(self) -> bool:
        """Close what is open at the end of the text, without what is not whole. Whether something was cut off."""
        cut = self.is_broken or (bool(self.stack) and self.last in (",", "colon", "number"))
        if self.stack and self.stack[-1].is_object:
            if self.last == "number" and self.stack[-1].value:
                self.stack[-1].value.popitem()  # its last digits may be missing
        elif self.stack and all(not isinstance(entry, dict | list) for entry in self.stack[-1].value):
            cut = True
            self.stack.pop()
            if self.stack:
                self.stack[-1].key = None
        while self.stack:
            cut = cut or self.stack[-1].is_object
            self._finish()
        return cut


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPES.get(found[2], found[2]), text)
