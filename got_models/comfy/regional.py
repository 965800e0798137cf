"""Regional texts as ComfyUI's CONDITIONING.

Written against ComfyUI 0.30.0: comfy.sd.CLIP.encode_from_tokens_scheduled, and samplers.calc_cond_batch, which takes
the mean of the entries' predictions, weighted by their masks.
"""

from collections.abc import Sequence

import node_helpers
from comfy.sd import CLIP

from ..errors import GoTError
from ..guidance.regional import Part


def regional_conditioning(clip: CLIP, parts: Sequence[Part]) -> list:
    """A CONDITIONING with one entry per part, from any text encoder. A text that occurs twice is encoded once.

    Each part's share, (1, SIDE, SIDE) in 0..1, becomes its entry's mask, which ComfyUI resizes to the latent. A part
    without a share applies everywhere. GoTError if there is no CLIP.
    """
    if clip is None:
        raise GoTError(
            "The clip input is empty: the checkpoint has no text encoder. Connect one, for example from 'Load CLIP'."
        )
    encoded = {
        text: clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in dict.fromkeys(p.text for p in parts)
    }
    entries = []
    for text, share in parts:
        values = {} if share is None else {"mask": share, "mask_strength": 1.0, "set_area_to_bounds": False}
        entries += node_helpers.conditioning_set_values(encoded[text], values)
    return entries
