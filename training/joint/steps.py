"""The batches of a run, step after step: what this process has to compute, made ahead by processes of their own."""

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
    """This process's share of a step. position, broken: the place in the data and the report right after it."""

    batches: list[Batch]
    position: dict
    broken: dict


@dataclass
class Part:
    """What a worker makes of some places: a batch, with a blank for each broken row, and where those stand."""

    batch: Batch
    read: int
    broken: list[tuple[str, RowError]]


class Parts(Dataset):
    """Makes a Part of a list of places."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher

    def __getitem__(self, places: list[Place]) -> Part:
        examples, broken = [], []
        for place in places:
            try:
                examples.append(place.read())
            except RowError as error:
                examples.append(blank())
                broken.append((place.name, error))
        return Part(self.batcher(examples, [place.number for place in places]), len(places), broken)


class Steps:
    """An endless iterator of steps. A broken row is counted, and a blank stands in its place.

    `config.workers` processes make them ahead; with 0 each is made when it is asked for.
    """

    def __init__(
        self, mixture: Mixture, batcher: Batcher, broken: BrokenRows, config: Config, process: int, processes: int
    ) -> None:
        """Raises ConfigError if the rows of a step cannot be shared out evenly."""
        if config.batch % (config.micro_batch * processes):
            raise ConfigError(
                f"'batch' is {config.batch}, which {processes} processes cannot share out in parts of 'micro_batch' "
                f"{config.micro_batch}. Make it a multiple of {config.micro_batch * processes}."
            )
        self.mixture, self.broken, self.config = mixture, broken, config
        self.process, self.processes = process, processes
        self.positions: deque[dict] = deque()  # after each step that is being made
        self.loader = DataLoader(
            *(Parts(batcher), None),
            sampler=self._places(),
            num_workers=config.workers,
            worker_init_fn=_begin_worker if config.workers else None,
        )
        self.parts: Iterator[Part] | None = None

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
        return Step([part.batch for part in parts], self.positions.popleft(), self.broken.state_dict())

    def close(self) -> None:
        """End the workers."""
        self.parts = None

    def _places(self) -> Iterator[list[Place]]:
        """This process's parts of all steps, as they are handed to the workers."""
        while True:
            places, size = list(islice(self.mixture, self.config.batch)), self.config.micro_batch
            parts = [places[start : start + size] for start in range(0, len(places), size)]
            self.positions.append(self.mixture.state_dict())
            yield from parts[self.process :: self.processes]


def _begin_worker(number: int) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # its threads do not outlive a fork; it would warn of that
