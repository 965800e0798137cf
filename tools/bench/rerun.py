"""The second run: what it computes again after a box was moved, and when a chain is written with prompt lookup."""

from .bench import BEGUN, PROMPT, Bench, differing_tokens
from .machine import timed
from .report import print_pairs


def again(bench: Bench) -> dict[str, float]:
    """Seconds and tokens, by name."""
    ours, side, tokens = bench.ours, bench.size.side, min(bench.size.tokens, 150)
    bench.turn(ours=True)
    chain, _ = ours.chain(PROMPT, BEGUN, tokens)
    moved = chain.edited(chain.text.replace("(120,300)", "(220,300)"))
    written = []
    watch = ours.reasoner.reasoner.qwen.lm_head.register_forward_hook(lambda *_: written.append(1))
    _, taken = timed(bench.device, lambda: (ours.hidden(moved), ours.spatial(moved, side)))
    watch.remove()
    (_, after), plain = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens))
    (rewritten, then), lookup = timed(bench.device, lambda: ours.chain(PROMPT, BEGUN, tokens, chain.text))
    return print_pairs(
        {
            "a box moved: tokens written": float(len(written)),
            "a box moved: seconds to the new guidance": taken.seconds,
            "a chain written again: seconds": plain.seconds - after,
            "the same with prompt lookup: seconds": lookup.seconds - then,
            "the same with prompt lookup: tokens that differ": differing_tokens(chain.text, rewritten.text),
        }
    )
