"""A tokenizer from a model's folder, whose errors never end the process."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GoTError
from ..files.manifest import FolderError
from ..files.planner import TOKENIZER

if TYPE_CHECKING:  # importing it takes seconds
    from transformers import PreTrainedTokenizerFast

# Qwen2's, which Qwen2.5-VL, GoT and GoT-Tiny have. Source: transformers' Qwen2 tokenizer.
KNOWN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_MOST_PATTERN = 100  # characters of a pattern in a message


class GuardedTokenizer:
    """A transformers tokenizer of which every error is a FolderError that names the folder.

    The tokenizers library panics on some files that it accepts at first. Its PanicException is no Exception, so it
    would end ComfyUI's worker thread, and all later prompts would wait forever.
    """

    def __init__(self, load: Callable[[], "PreTrainedTokenizerFast"], name: str, remedy: str) -> None:
        """name: of the folder, for messages. remedy: what to do about its files."""
        self._name, self._remedy = name, remedy
        with self._errors("cannot be read"):
            self._tokenizer = load()

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        value = getattr(self._tokenizer, attribute)
        return self._guarded(value) if callable(value) else value

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self._guarded(self._tokenizer)(*inputs, **options)

    def _guarded(self, function: Callable) -> Callable:
        @wraps(function)
        def call(*inputs: Any, **options: Any) -> Any:
            with self._errors("cannot be used"):
                return function(*inputs, **options)

        return call

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if isinstance(error, GoTError) or not (isinstance(error, Exception) or _is_panic(error)):
                raise  # for example KeyboardInterrupt
            raise FolderError(
                f"The tokenizer in '{self._name}' {what}: {error!s:.300}. It is not Qwen2.5-VL's. {self._remedy}"
            ) from error


def _is_panic(error: BaseException) -> bool:
    """Whether Rust code panicked. PyO3 gives its exception's class no place from which to import it."""
    return type(error).__name__ == "PanicException"


def load_tokenizer(folder: Path, name: str, remedy: str) -> GuardedTokenizer:
    """The tokenizer of a folder, from tokenizer.json, or from vocab.json and merges.txt. name, remedy: for messages."""
    from transformers import PreTrainedTokenizerFast, Qwen2TokenizerFast

    whole = (folder / TOKENIZER).is_file()
    kind = PreTrainedTokenizerFast if whole else Qwen2TokenizerFast
    if whole and (pattern := _unknown_pattern(folder / TOKENIZER)) is not None:
        raise FolderError(
            f"The tokenizer in '{name}' splits text by the pattern '{pattern:.{_MOST_PATTERN}}', not by Qwen2.5-VL's. "
            f"A pattern can run without end, and Stop cannot end it. {remedy}"
        )
    return GuardedTokenizer(lambda: kind.from_pretrained(folder, local_files_only=True), name, remedy)


def _unknown_pattern(path: Path) -> str | None:
    """The first regular expression of a tokenizer.json that is not Qwen2's; None if there is none.

    The tokenizers library runs patterns with backtracking, which takes exponential time for some of them.
    """
    try:
        parts = [json.loads(path.read_bytes())]
    except (OSError, ValueError, RecursionError):
        return None  # loading it says what is wrong
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            pattern = part.get("Regex", KNOWN_PATTERN)
            if isinstance(pattern, str) and pattern != KNOWN_PATTERN:
                return pattern
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return None
