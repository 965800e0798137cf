"""The batches of a run, step after step: what this process has to compute, made one step ahead in the background."""

from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

from .batches import Batch, Batcher
from .config import Config, ConfigError
from .examples import Example, RowError, blank
from .report import BrokenRows
from .sources import Mixture, Place

READERS = 4  # threads that open pictures


class Step(NamedTuple):
    """This process's share of a step. position, broken: the place in the data and the report right after it."""

    batches: list[Batch]
    position: dict
    broken: dict


class Steps:
    """An endless iterator of steps. A broken row is counted, and a blank stands in its place."""

    def __init__(
        self, mixture: Mixture, batcher: Batcher, broken: BrokenRows, config: Config, process: int, processes: int
    ) -> None:
        """Raises ConfigError if the rows of a step cannot be shared out evenly."""
        if config.batch % (config.micro_batch * processes):
            raise ConfigError(
                f"'batch' is {config.batch}, which {processes} processes cannot share out in parts of 'micro_batch' "
                f"{config.micro_batch}. Make it a multiple of {config.micro_batch * processes}."
            )
        self.mixture, self.batcher, self.broken, self.config = mixture, batcher, broken, config
        self.process, self.processes = process, processes
        self.readers, self.maker = ThreadPoolExecutor(READERS), ThreadPoolExecutor(1)
        self.coming: Future[Step] = self.maker.submit(self._make)

    def __iter__(self) -> "Steps":
        return self

    def __next__(self) -> Step:
        step = self.coming.result()
        self.coming = self.maker.submit(self._make)
        return step

    def close(self) -> None:
        self.coming.cancel()
        self.maker.shutdown()
        self.readers.shutdown()

    def _make(self) -> Step:
        places, size = list(islice(self.mixture, self.config.batch)), self.config.micro_batch
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        batches = [self._batch(part) for part in parts[self.process :: self.processes]]
        return Step(batches, self.mixture.state_dict(), self.broken.state_dict())

    def _batch(self, places: list[Place]) -> Batch:
        examples = [self._sorted_out(place, found) for place, found in zip(places, self.readers.map(_read, places))]
        return self.batcher(examples, [place.number for place in places])

    def _sorted_out(self, place: Place, found: Example | RowError) -> Example:
        self.broken.seen += 1
        if isinstance(found, Example):
            return found
        self.broken.add(place.name, found)
        return blank()


def _read(place: Place) -> Example | RowError:
    try:
        return place.read()
    except RowError as error:
        return error
