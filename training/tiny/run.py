"""One training run: its folder, log, checkpoints and clock. Knows no network."""

import argparse
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from ...got_models.files.atomic import atomic_file
from ..schedule import cosine

WORK = Path.home() / ".cache" / "comfyui-got" / "training"


def arguments(description: str, given: list[str] | None = None, **defaults) -> argparse.Namespace:
    """Parse --work, --threads and the stage's own options. given: replaces the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--work", type=Path, default=WORK, help="folder of checkpoints, logs and data")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    for name, value in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    args = parser.parse_args(given)
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    return args


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def loader(dataset: Dataset, order: Iterable[int]) -> DataLoader:
    """The items of a dataset from worker processes: one if a CPU trains, all but two cores if a GPU does."""
    torch.multiprocessing.set_sharing_strategy("file_system")  # else every waiting tensor is an open file
    gpu = torch.cuda.is_available()
    count = max(1, os.cpu_count() - 2) if gpu else 1
    return DataLoader(dataset, None, sampler=order, num_workers=count, prefetch_factor=2, pin_memory=gpu)


def mixed_precision() -> torch.autocast:
    """bfloat16 where the hardware has units for it. A CPU without is hundreds of times slower with it."""
    kind = device().type
    return torch.autocast(kind, torch.bfloat16, kind == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Run:
    """Counts steps, sets the learning rate, logs means, saves everything that a resumed run needs.

    parts: name -> object with state_dict and load_state_dict, such as networks.
    minutes: if not 0, the run ends after them with any number of steps, and the learning rate follows the clock. The
    time before a stop counts: resumed after all its minutes, a run makes no more steps.
    """

    def __init__(
        self, folder: Path, parts: dict, optimizer, steps: int, rate: float, minutes: float = 0, warmup: int = 30
    ):
        self.folder, self.parts, self.optimizer = folder, {**parts, "optimizer": optimizer}, optimizer
        self.steps, self.rate, self.warmup, self.step = 10**9 if minutes else steps, rate, warmup, 0
        self.started, self.seconds = time.time(), 60 * minutes
        self.sums, self.count, self.clock, self.saved = {}, 0, time.time(), time.time()
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "checkpoint.pt"
        if self.path.exists():
            self.load()

    def load(self) -> None:
        state = torch.load(self.path, map_location="cpu", weights_only=True)
        self.step = state.pop("step")
        torch.set_rng_state(state.pop("random"))
        spent = state.pop("spent", 0.0)
        self.started -= spent
        if self.seconds and spent >= self.seconds:
            self.steps = self.step
        for name, part in self.parts.items():
            if name in state:
                part.load_state_dict(state[name])
        self.note(f"resumed at step {self.step}")

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts.items()}
        spent = max(self.spent, self.seconds) if self.over else self.spent  # the last step may end a little early
        state |= {"step": self.step, "spent": spent, "random": torch.get_rng_state()}
        with atomic_file(self.path) as file:
            torch.save(state, file)
        self.saved = time.time()

    def note(self, text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')} {text}"
        print(line, flush=True)
        with open(self.folder / "log.txt", "a") as log:
            log.write(line + "\n")

    @property
    def spent(self) -> float:
        """Seconds of work on this run, also before it was resumed."""
        return time.time() - self.started

    @property
    def progress(self) -> float:
        """The share of the run that is done, 0 to 1, by the clock if that ends it."""
        return self.spent / self.seconds if self.seconds else self.step / self.steps

    @property
    def over(self) -> bool:
        return self.step >= self.steps

    def begin_step(self) -> None:
        if self.seconds and self.step:  # as many steps as there will have been
            self.steps = max(self.step + 1, round(self.step * self.seconds / self.spent))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group.get("factor", 1.0) * cosine(self.step, self.steps, self.warmup)

    def end_step(self, every: int = 100, save_seconds: float = 180, **losses) -> bool:
        """Count the step and its losses. True if a log line was due, which is also the time for samples."""
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value  # a number on the device: nothing waits for it
        self.step, self.count = self.step + 1, self.count + 1
        due = self.step % every == 0 or self.step == self.steps
        if due:
            means = {name: round(float(total) / self.count, 5) for name, total in self.sums.items()}
            speed = self.count / (time.time() - self.clock)
            left = max(0, self.seconds - self.spent if self.seconds else (self.steps - self.step) / speed) / 60
            self.note(f"step {self.step}/{self.steps} {json.dumps(means)} {speed:.2f} steps/s, {left:.0f} min left")
            self.sums, self.count, self.clock = {}, 0, time.time()
        if self.step == self.steps or time.time() - self.saved > save_seconds:
            self.save()
        return due
