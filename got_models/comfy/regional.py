"""Regional texts as ComfyUI's CONDITIONING.

Written against ComfyUI 0.30.0: comfy.sd.CLIP.encode_from_tokens_scheduled, and samplers.calc_cond_batch, which takes
the mean of the entries' predictions, weighted by their masks. A region's LoRA is a hook of its entry.
"""

from collections.abc import Sequence

import node_helpers
from comfy.sd import CLIP

from ..errors import GoTError
from ..guidance.regional import Part
from .loras import hooked, load_hooks


def regional_conditioning(clip: CLIP, parts: Sequence[Part]) -> list:
    """A CONDITIONING with one entry per part, from any text encoder. A text that occurs twice is encoded once.

    Each part's share, (1, SIDE, SIDE) in 0..1, becomes its entry's mask, which ComfyUI resizes to the latent. A part
    without a share applies everywhere. A part's LoRA changes its entry alone: its text and its prediction.
    GoTError if there is no CLIP, or a LoRA is missing.
    """
    check_clip(clip)
    hooks = load_hooks([part.lora for part in parts if part.lora])
    encoders = {None: clip} | {lora: hooked(clip, hook) for lora, hook in hooks.items()}
    encoded, entries = {}, []
    for text, share, lora in parts:
        key = text, lora if lora in hooks else None
        if key not in encoded:
            encoder = encoders[key[1]]
            encoded[key] = encoder.encode_from_tokens_scheduled(encoder.tokenize(text))
        values = {} if share is None else {"mask": share, "mask_strength": 1.0, "set_area_to_bounds": False}
        entries += node_helpers.conditioning_set_values(encoded[key], values)
    return entries


def check_clip(clip: CLIP | None) -> None:
    """GoTError if there is no CLIP, as a checkpoint without a text encoder gives none."""
    if clip is None:
        raise GoTError(
            "The clip input is empty: the checkpoint has no text encoder. Connect one, for example from 'Load CLIP'."
        )
