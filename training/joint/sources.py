"""Mixtures of endless sources. Row n of the stream follows from the seed alone.

Files are streamed through `datasets` in windows of `shuffle_buffer` rows, and each window is shuffled. A position is
the reader's state at the start of a window and an index in it, so a run can resume in the middle of a window.
Every process reads the whole stream, but opens only the images of its own rows.
"""

import glob
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import datasets.config
import pyarrow.parquet
from datasets import Features, IterableDataset, load_dataset
from datasets.table import table_cast

from .config import Config, ConfigError, Source
from .examples import Example, RowError
from .published import read_published
from .report import BrokenRows
from .worlds import world_example

datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # reading local files makes no request to a server
MOST_TRIED, TRIED = 10_000, 100  # rows that are read, at most and at a time, to find one that can be used
READERS = {
    ".jsonl": "text",
    ".json": "text",
    ".parquet": "parquet",
}  # a bad JSON line is one broken row


class Place(NamedTuple):
    """Place `number` of the stream: the row's name, and `read`, which returns its example or raises RowError.

    It can be sent to another process.
    """

    number: int
    name: str
    read: Callable[[], Example]


class Mixture:
    """The stream of a configuration's sources. `state_dict` is the position in it."""

    def __init__(self, config: Config) -> None:
        self.seed, self.sources = config.seed, config.sources
        self.number = 0
        self.files = {
            index: Rows(source, config.shuffle_buffer, config.seed)
            for index, source in enumerate(config.sources)
            if source.kind != "world"
        }

    def __iter__(self) -> Iterator[Place]:
        return self

    def __next__(self) -> Place:
        number, self.number = self.number, self.number + 1
        rng = Random(f"{self.seed}:{number}")
        index = rng.choices(range(len(self.sources)), [source.share for source in self.sources])[0]
        if index not in self.files:
            return Place(number, f"the world, row {number}", partial(world_example, rng))
        rows = self.files[index]
        name, row = next(rows)
        return Place(number, name, partial(example_of, row, rows.source, rows.folder))

    def state_dict(self) -> dict:
        return {"number": self.number, "files": {str(index): rows.state_dict() for index, rows in self.files.items()}}

    def load_state_dict(self, state: dict) -> None:
        self.number = state["number"]
        for index, rows in self.files.items():
            rows.load_state_dict(state["files"][str(index)])


class Rows:
    """The rows of one source's files, epoch after epoch, shuffled within windows."""

    def __init__(self, source: Source, window: int, seed: int) -> None:
        """Raises ConfigError if no file matches, or one of them cannot be read."""
        self.source, self.size, self.seed = source, window, seed
        paths = sorted(path for path in map(Path, glob.glob(source.files)) if path.is_file())
        kinds = {READERS.get(path.suffix) for path in paths}
        if len(kinds) != 1 or None in kinds:
            what = "neither JSONL nor Parquet" if kinds else "no such file"
            raise ConfigError(f"The data '{source.files}' cannot be read: {what}. Give a JSONL or Parquet file.")
        self.folder = Path(source.images) if source.images else paths[0].parent
        if kinds == {"parquet"}:
            _check_columns(paths)
        self.paths, self.dataset = paths, _streamed(paths)
        self.epoch, self.first, self.place, self.begin = 0, 0, 0, None
        self.window: list[Any] = []
        self.order: list[int] = []
        self.reading: Iterator[dict] | None = None

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return self

    def __next__(self) -> tuple[str, Any]:
        """The next row's name, with its number from 1, and the row."""
        if self.place == len(self.window):
            self._next_window()
        index = self.order[self.place]
        self.place += 1
        return f"{self.source.files}, row {self.first + index + 1}", self.window[index]

    def _next_window(self) -> None:
        self.first, self.place = self.first + len(self.window), 0
        self._read_window()
        if not self.window:  # the end of the files
            if self.first == 0:
                raise ConfigError(f"The data '{self.source.files}' has no rows.")
            self.epoch, self.first, self.reading = self.epoch + 1, 0, None
            self._read_window()

    def _read_window(self) -> None:
        if self.reading is None:
            self.begin = None
            self._open()
        else:
            self.begin = self.dataset.state_dict()
        self._fill()

    def _fill(self) -> None:
        try:
            self.window = list(islice(self.reading, self.size))
        except Exception as error:  # the file is broken inside, and its reader cannot continue
            where = f"The data '{self.source.files}' cannot be read after row {self.first}"
            raise ConfigError(f"{where}: {error}. Repair the file, or leave it out.") from error
        self.order = list(range(len(self.window)))
        Random(f"{self.seed}:{self.epoch}:{self.first}").shuffle(self.order)

    def _open(self) -> None:
        """Start at the state `begin`, with a new dataset: one that has loaded a state starts there at every epoch."""
        self.dataset = _streamed(self.paths)
        if self.begin is not None:
            self.dataset.load_state_dict(self.begin)
        self.reading = (row["text"] if row.keys() == {"text"} else row for row in self.dataset)

    def state_dict(self) -> dict:
        return {"epoch": self.epoch, "first": self.first, "place": self.place, "begin": self.begin}

    def load_state_dict(self, state: dict) -> None:
        self.epoch, self.first, self.place, self.begin = (state[key] for key in ("epoch", "first", "place", "begin"))
        self._open()
        self._fill()


def refuse_unusable(config: Config) -> None:
    """Raise ConfigError, with the faults counted, if none of a source's first MOST_TRIED rows can be used."""
    for source in config.sources:
        if source.kind != "world" and (broken := _unusable(Rows(source, TRIED, config.seed))):
            raise ConfigError(
                f"The data '{source.files}' cannot be trained on: none of the {broken.seen} rows read can be used. "
                f"Correct the rows, or name their columns in the configuration.\n" + "\n".join(broken.lines()[1:])
            )


def _unusable(rows: Rows) -> BrokenRows | None:
    """What is wrong with the first rows; None as soon as one can be used."""
    broken = BrokenRows()
    for name, row in islice(rows, MOST_TRIED):
        if rows.epoch:  # all rows were read
            break
        broken.seen += 1
        try:
            example_of(row, rows.source, rows.folder)
        except RowError as error:
            broken.add(name, error)
        else:
            return None
    return broken


def example_of(row: Any, source: Source, folder: Path) -> Example:
    """An example from a row as Rows gives it. Raises RowError."""
    return read_published(_parsed(row) if isinstance(row, str) else row, source, folder)


def _streamed(paths: list[Path]) -> IterableDataset:
    reader = READERS[paths[0].suffix]
    # Without batch_size, the first row group of a Parquet file sets it, and that may have no rows.
    options = {"batch_size": 256} if reader == "parquet" else {"encoding": "utf-8-sig", "encoding_errors": "replace"}
    dataset = load_dataset(reader, data_files=[str(path) for path in paths], split="train", streaming=True, **options)
    return dataset.decode(False) if reader == "parquet" else dataset


def _check_columns(paths: list[Path]) -> None:
    """ConfigError if a Parquet file is cut off, or its columns do not match those of the first."""
    features = None
    for path in paths:
        try:
            schema = pyarrow.parquet.read_schema(path)
            features = features or Features.from_arrow_schema(schema)
            table_cast(schema.empty_table(), features.arrow_schema)
        except (OSError, ValueError, TypeError, NotImplementedError) as error:
            what = " ".join(str(error).split()).rstrip(".")
            raise ConfigError(f"The data '{path}' cannot be read: {what}. Repair the file, or leave it out.") from error


def _parsed(line: str) -> dict:
    if "\ufffd" in line:  # the replacement for bytes that are not UTF-8
        raise RowError("not UTF-8", "it is not UTF-8 text")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RowError("not JSON", f"it is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise RowError("not JSON", "it is not a JSON object")
    return row
