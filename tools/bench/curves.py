"""How cost grows: with boxes, image size, images or chains in a batch, and chain length."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ...got_models.chain.grammar import TEXT_TO_IMAGE, read_chain
from ...got_models.chain.request import Request
from ...got_models.reasoner.sampling import Sampling
from .bench import PROMPT, SEED, Bench
from .machine import timed


def curve(values: tuple, at: Callable) -> Callable[["Bench"], list[dict]]:
    """A function that measures and prints every point: seconds of both sides, or of ours where only we do it."""

    def points(bench: Bench) -> list[dict]:
        found = []
        for value in values:
            found.append(at(bench, value))
            shown = (f"{key} {value if isinstance(value, str) else f'{value:.4g}'}" for key, value in found[-1].items())
            print("  " + "   ".join(shown), flush=True)
        return found

    return points


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
    """One sampling step at a share of the image's side, rounded to a multiple of 64."""
    size = max(round(bench.size.side * share / 64), 1) * 64
    inputs = _inputs(bench, size)
    return _both(
        bench,
        {"side": size},
        lambda: bench.reference.sample(*inputs, size, 1, SEED),
        lambda: bench.ours.sample(*inputs, size, 1, SEED),
    )


def images(bench: Bench, count: int) -> dict:
    """One sampling step of a batch."""
    inputs, size = _inputs(bench, bench.size.side), bench.size.side
    seconds = _best(bench, bench.time_ours, lambda: bench.ours.sample(*inputs, size, 1, SEED, count))
    return {"images": count, "our_seconds": seconds, "seconds an image": seconds / count}


def chains(bench: Bench, count: int) -> dict:
    """Chains of one prompt from different seeds, decoded as one batch; on a card also by eager steps alone."""
    bench.turn(ours=True)
    bench.ours.chain(PROMPT, "", 1)  # loads the weights
    reasoner = bench.ours.reasoner.reasoner
    samplings = [Sampling(temperature=0.7, seed=seed) for seed in range(count)]
    request = Request(TEXT_TO_IMAGE, PROMPT)
    tokens, found = bench.size.tokens // 4, {"chains": count}
    for name, reasoner.use_cuda_graph in (("", True), ("eager ", False))[: 2 if bench.device.type == "cuda" else 1]:
        _, taken = timed(bench.device, lambda: reasoner.write_all([request] * count, samplings, tokens))
        found |= {f"{name}our_seconds": taken.seconds, f"{name}tokens a second": count * tokens / taken.seconds}
    reasoner.use_cuda_graph = True
    return found


def length(bench: Bench, share: float) -> dict:
    """A chain of a share of the usual length. Ours includes its hidden states."""
    tokens = round(bench.size.tokens * share)
    return _both(
        bench,
        {"tokens": tokens},
        lambda: bench.reference.chain(PROMPT, "", tokens),
        lambda: bench.ours.chain(PROMPT, "", tokens),
    )


def attention(bench: Bench, cudnn: bool) -> dict:
    """A chain with and without cuDNN's attention among those that PyTorch chooses from. Its default is with."""
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(cudnn)
    try:
        return {"cuDNN": int(cudnn), **length(bench, 0.25)}
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)


def network(bench: Bench, point: tuple[int, str]) -> dict:
    """One forward of the UNet alone. point: rows, and "as it is", "autotuned" (by cuDNN) or "channels last"."""
    rows, way = point
    sizes, size, like = bench.size.networks, bench.size.side // 8, {"device": bench.device, "dtype": bench.dtype}
    x, context = torch.zeros(rows, 12, size, size, **like), torch.zeros(rows, 64, sizes.context, **like)
    pooled, ids, step = torch.zeros(rows, sizes.pooled, **like), torch.zeros(rows, 6, **like), torch.zeros(rows, **like)
    vector = torch.zeros(rows, sizes.pooled + 6 * 256, **like)
    theirs, mine = bench.reference.networks.unet, bench.ours.model.model.diffusion_model
    known = {"text_embeds": pooled, "time_ids": ids}
    with _set(way, bench, theirs, mine):
        found = _both(
            bench,
            {"rows": rows},
            lambda: theirs(x, step, context, added_cond_kwargs=known),
            lambda: mine(x, step, context=context, y=vector),
        )
    return {**found, "way": way}


@contextmanager
def _set(way: str, bench: Bench, *networks: nn.Module) -> Iterator[None]:
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = way == "autotuned"
    bench.turn(ours=True)
    bench.ours.load()
    if way == "channels last":
        for each in networks:
            each.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
        for each in networks:
            each.to(memory_format=torch.contiguous_format)


def _both(bench: Bench, point: dict, by_reference: Callable[[], Any], by_us: Callable[[], Any]) -> dict:
    reference, ours = _best(bench, bench.time_reference, by_reference), _best(bench, bench.time_ours, by_us)
    return {**point, "reference_seconds": reference, "our_seconds": ours, "ratio": reference / ours}


def _best(bench: Bench, time: Callable, call: Callable[[], Any]) -> float:
    """Seconds. On a card the faster of two runs, because the first one chooses kernels for the new shapes."""
    return min(time(call)[1].seconds for _ in range(2 if bench.device.type == "cuda" else 1))


def _inputs(bench: Bench, size: int) -> tuple:
    """Conditions and latents of zeros; their values do not change the cost."""
    sizes, like = bench.size.networks, {"device": bench.device, "dtype": bench.dtype}
    shapes = (1, 64, sizes.context), (1, 64, sizes.context), (1, sizes.pooled)
    latent = torch.zeros(1, 4, size // 8, size // 8, **like)
    return tuple(torch.zeros(shape, **like) for shape in shapes), latent, latent


CURVES = {
    "one forward": curve(
        ((1, "as it is"), (3, "as it is"), (4, "as it is"), (3, "autotuned"), (3, "channels last")), network
    ),
    "boxes": curve((1, 4, 16, 64), boxes),
    "side": curve((0.5, 1.0, 1.5), side),
    "images in a batch": curve((1, 2, 4), images),
    "chains in a batch": curve((1, 2, 4, 8), chains),
    "chain length": curve((0.125, 0.25, 0.5), length),
    "cuDNN's attention": curve((True, False), attention),
}
