"""How long after Stop a run ends: while files are read, weights go to the device, a chain is written, a picture drawn.

Stop is ComfyUI's own: another thread asks for it, as the server does, and the code at work looks for it.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import comfy.model_management as management

from .machine import timed
from .ours import Ours
from .speed import BEGUN, PROMPT, SEED, Bench

SHARES = (0.25, 0.5, 0.75)  # of the whole time: when Stop is asked for


def stops(bench: Bench) -> list[dict]:
    """A row a part of the run: its whole seconds, and the seconds from each Stop to its end, whether it came early or
    nothing looked for Stop any more. None: the part had ended before.
    """
    ours, side, made = bench.ours, bench.size.side, bench.made
    tokens, steps = min(bench.size.tokens, 100), min(bench.steps, 16)

    parts: dict[
        str, tuple[Callable[[], Callable], tuple[float, ...]]
    ] = {  # what makes the call to be stopped, and when
        "reading the files": (lambda: partial(Ours, bench.folder, ours.strengths), (0.5,)),
        "onto the device": (lambda: Ours(bench.folder, ours.strengths).load, (0.5,)),
        "chain": (lambda: partial(ours.chain, PROMPT, BEGUN, tokens), SHARES),
        "spatial guidance": (lambda: partial(ours.spatial, made["chain"], side), SHARES),
        "sampling": (lambda: partial(ours.sample, *made["inputs"], side, steps, SEED), SHARES),
        "decode": (lambda: partial(ours.decode, made["latents"]), SHARES),
    }
    bench.turn(ours=True)
    return [_row(bench, name, prepared, shares) for name, (prepared, shares) in parts.items()]


def _row(bench: Bench, name: str, prepared: Callable[[], Callable], shares: tuple[float, ...]) -> dict:
    whole = timed(bench.device, prepared())[1].seconds
    seconds = [_stopped(bench, prepared(), share * whole) for share in shares]
    told = ", ".join("(ended before)" if one is None else f"{one:.3f} s" for one in seconds)
    print(f"  {name:25} whole {whole:7.2f} s   after Stop {told}", flush=True)
    return {"part": name, "whole_seconds": whole, "stop_seconds": seconds}


def _stopped(bench: Bench, call: Callable[[], Any], after: float) -> float | None:
    """Seconds from a Stop, asked for `after` seconds, until the call has ended and the device is at rest."""
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
        timed(bench.device, stopped)
        now = time.perf_counter()
    finally:
        timer.cancel()
        timer.join()
        management.interrupt_current_processing(False)
    return now - asked[0] if asked and asked[0] < now else None
