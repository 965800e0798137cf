"""The batches of a run, step after step: this process's share, made ahead by worker processes."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from torch.utils.data import DataLoader, Dataset

from .batches import Batch, Batcher
from .config import Config, ConfigError
from .examples import RowError, blank
from .report import BrokenRows
from .sources import Mixture, Place


class Step(NamedTuple):
    """This process's share of a step. position, broken: position in the data and broken rows after the step."""

    batches: list[Batch]
    position: dict
    broken: dict


@dataclass
class MicroBatch:
    """A worker's result for some places: a batch with a blank for each broken row, and rows by name.

    broken: rows that could not be used. unboxed: rows that are used and have no box.
    """

    batch: Batch
    read: int
    broken: list[tuple[str, RowError]]
    unboxed: list[str]


class MicroBatches(Dataset):
    """Makes a MicroBatch of a list of places."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher

    def __getitem__(self, places: list[Place]) -> MicroBatch:
        examples, broken, unboxed = [], [], []
        for place in places:
            try:
                examples.append(place.read())
                if not examples[-1].chain.regions:
                    unboxed.append(place.name)
            except RowError as error:
                examples.append(blank())
                broken.append((place.name, error))
        batch = self.batcher(examples, [place.number for place in places])
        return MicroBatch(batch, len(places), broken, unboxed)


class Steps:
    """An endless iterator of steps. A broken row is counted and replaced by a blank.

    `config.workers` processes make the batches ahead. With 0, each is made when it is needed.
    """

    def __init__(
        self, mixture: Mixture, batcher: Batcher, broken: BrokenRows, config: Config, process: int, processes: int
    ) -> None:
        """Raises ConfigError if the rows of a step cannot be split evenly."""
        if config.batch % (config.micro_batch * processes):
            raise ConfigError(
                f"'batch' is {config.batch}. With 'micro_batch' {config.micro_batch} and {processes} processes "
                f"it must be a multiple of {config.micro_batch * processes}."
            )
        self.mixture, self.broken, self.config = mixture, broken, config
        self.process, self.processes = process, processes
        self.positions: deque[dict] = deque()  # after each step that is in the making
        self.loader = DataLoader(
            *(MicroBatches(batcher), None),
            sampler=self._places(),
            num_workers=config.workers,
            worker_init_fn=_start_worker if config.workers else None,
        )
        self.parts: Iterator[MicroBatch] | None = None

    def __iter__(self) -> "Steps":
        return self

    def __next__(self) -> Step:
        if self.parts is None:
            self.parts = iter(self.loader)
        count = self.config.batch // (self.config.micro_batch * self.processes)
        parts = list(islice(self.parts, count))
        for part in parts:
            self.broken.seen += part.read
            for name, error in part.broken:
                self.broken.add(name, error)
            for name in part.unboxed:
                self.broken.add_unboxed(name)
        return Step([part.batch for part in parts], self.positions.popleft(), self.broken.state_dict())

    def close(self) -> None:
        """End the workers."""
        self.parts = None

    def _places(self) -> Iterator[list[Place]]:
        """This process's micro-batches of all steps, in the order in which the workers get them."""
        while True:
            places, size = list(islice(self.mixture, self.config.batch)), self.config.micro_batch
            parts = [places[start : start + size] for start in range(0, len(places), size)]
            self.positions.append(self.mixture.state_dict())
            yield from parts[self.process :: self.processes]


def _start_worker(number: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not survive a fork, and it would warn
