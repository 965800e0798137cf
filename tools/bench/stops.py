"""The seconds from Stop to the end of a run, while it reads files, loads weights, writes a chain or draws an image.

Stop is ComfyUI's own: another thread requests it, as the server does, and the running code checks for it.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import comfy.model_management as management
import torch

from .bench import BEGUN, PROMPT, SEED, Bench
from .machine import timed
from .ours import Ours

SHARES = (0.25, 0.5, 0.75)  # of a part's whole time: when Stop is requested


def stops(bench: Bench) -> list[dict]:
    """One row a part: its whole seconds, and the seconds from each Stop to its end. None: it had ended before Stop."""
    ours, side, made = bench.ours, bench.size.side, bench.made
    tokens, steps = min(bench.size.tokens, 100), min(bench.steps, 16)
    bench.turn(ours=True)
    return [  # each time from a new object, where the files or the weights must not be loaded yet
        _row(bench, "reading the files", lambda: partial(Ours, bench.folder, ours.strengths), (0.5,)),
        _row(bench, "onto the device", lambda: Ours(bench.folder, ours.strengths).load, (0.5,)),
        _row(bench, "chain", lambda: partial(ours.chain, PROMPT, BEGUN, tokens)),
        _row(bench, "spatial guidance", lambda: partial(ours.spatial, made["chain"], side)),
        _row(bench, "sampling", lambda: partial(ours.sample, *made["inputs"], side, steps, SEED)),
        _row(bench, "decode", lambda: partial(ours.decode, made["latents"])),
    ]


def _row(bench: Bench, name: str, prepare: Callable[[], Callable], shares: tuple[float, ...] = SHARES) -> dict:
    """prepare: returns the call to be stopped."""
    whole = timed(bench.device, prepare())[1].seconds
    seconds = [seconds_after_stop(bench.device, prepare(), share * whole) for share in shares]
    shown = ", ".join("(ended before)" if one is None else f"{one:.3f} s" for one in seconds)
    print(f"  {name:25} whole {whole:7.2f} s   after Stop {shown}", flush=True)
    return {"part": name, "whole_seconds": whole, "stop_seconds": seconds}


def seconds_after_stop(device: torch.device, call: Callable[[], Any], after: float) -> float | None:
    """Seconds from a Stop, requested `after` seconds, until the call has ended and the device is idle."""
    asked = []

    def ask() -> None:
        asked.append(time.perf_counter())
        management.interrupt_current_processing()

    def stopped() -> None:
        with contextlib.suppress(management.InterruptProcessingException):
            call()

    timer = threading.Timer(after, ask)
    timer.start()
    try:
        timed(device, stopped)
        now = time.perf_counter()
    finally:
        timer.cancel()
        timer.join()
        management.interrupt_current_processing(False)
    return now - asked[0] if asked and asked[0] < now else None
