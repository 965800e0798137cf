"""What a picture costs as it grows: more boxes, a larger side, more pictures or chains at once, longer chains."""

from collections.abc import Callable
from typing import Any

import torch

from ...got_models.chain import TEXT_TO_IMAGE, Chain, read_chain
from ...got_models.decoding import Sampling
from .machine import timed
from .speed import PROMPT, SEED, Bench

BOXES, BATCHES, CHAINS = (1, 4, 16, 64), (1, 2, 4), (1, 2, 4, 8)


def curves(bench: Bench) -> dict[str, list[dict]]:
    """Each curve as a list of points; seconds of both sides, or of ours where the plain script does one at a time."""
    found = {
        "boxes": [boxes(bench, count) for count in BOXES],
        "side": [side(bench, share) for share in (0.5, 1.0, 1.5)],
        "pictures at once": [pictures(bench, count) for count in BATCHES],
        "chains at once": [chains(bench, count) for count in CHAINS],
        "chain length": [length(bench, share) for share in (0.5, 1.0, 2.0)],
    }
    for name, points in found.items():
        print(f"\nCost against {name}")
        for point in points:
            print("  " + "   ".join(f"{key} {value:.4g}" for key, value in point.items()), flush=True)
    return found


def boxes(bench: Bench, count: int) -> dict:
    """The spatial guidance of a chain of `count` different boxes."""
    spots = [(x, y) for y in range(0, 960, 120) for x in range(0, 960, 120)][:count]
    chain = read_chain(" ".join(f"A cup ({x},{y}),({x + 100},{y + 100}) (red)." for x, y in spots))
    size = bench.size.side
    return _both(
        bench,
        {"boxes": count},
        lambda: bench.reference.spatial(chain.text, size),
        lambda: bench.ours.spatial(chain, size),
    )


def side(bench: Bench, share: float) -> dict:
    """One step of sampling at a share of the picture's side, rounded to what the networks take."""
    size = max(round(bench.size.side * share / 64), 1) * 64
    inputs = _inputs(bench, size)
    return _both(
        bench,
        {"side": size},
        lambda: bench.reference.sample(*inputs, size, 1, SEED),
        lambda: bench.ours.sample(*inputs, size, 1, SEED),
    )


def pictures(bench: Bench, count: int) -> dict:
    """One step of sampling of a batch."""
    inputs, size = _inputs(bench, bench.size.side), bench.size.side
    seconds = bench.time_ours(lambda: bench.ours.sample(*inputs, size, 1, SEED, count))[1].seconds
    return {"pictures": count, "our_seconds": seconds, "seconds a picture": seconds / count}


def chains(bench: Bench, count: int) -> dict:
    """Chains of one prompt from different seeds, written together."""
    bench.turn(ours=True)
    bench.ours.load()
    reasoner = bench.ours.reasoner.reasoner
    samplings = [Sampling(temperature=0.7, seed=seed) for seed in range(count)]
    request = Chain(TEXT_TO_IMAGE, PROMPT, "", ())
    tokens = bench.size.tokens // 2
    _, taken = timed(bench.device, lambda: reasoner.write_all([request] * count, samplings, tokens))
    return {"chains": count, "our_seconds": taken.seconds, "tokens a second": count * tokens / taken.seconds}


def length(bench: Bench, share: float) -> dict:
    """A chain of a share of the usual length, its hidden states included for ours."""
    tokens = round(bench.size.tokens * share)
    return _both(
        bench,
        {"tokens": tokens},
        lambda: bench.reference.chain(PROMPT, "", tokens),
        lambda: bench.ours.chain(PROMPT, "", tokens),
    )


def _both(bench: Bench, point: dict, by_plain: Callable[[], Any], by_us: Callable[[], Any]) -> dict:
    plain, ours = bench.time_reference(by_plain)[1].seconds, bench.time_ours(by_us)[1].seconds
    return {**point, "reference_seconds": plain, "our_seconds": ours, "ratio": plain / ours}


def _inputs(bench: Bench, size: int) -> tuple:
    """Conditions and latents of zeros: what they hold does not change what they cost."""
    sizes, like = bench.size.networks, {"device": bench.device, "dtype": bench.dtype}
    shapes = (1, 64, sizes.context), (1, 64, sizes.context), (1, sizes.pooled)
    latent = torch.zeros(1, 4, size // 8, size // 8, **like)
    return tuple(torch.zeros(shape, **like) for shape in shapes), latent, latent
