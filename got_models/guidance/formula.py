"""The guidance formula: how the predictions of up to four branches become one. Tensors in, tensors out.

Source: arXiv 2503.10639 section 4.3, and the released inference code for what the paper leaves open.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from ..files.manifest import Defaults

BRANCHES = ("cond", "text", "image", "uncond")


class Strengths(NamedTuple):
    """Guidance strengths: text (semantic), spatial (boxes) and reference (the source image)."""

    text: float
    spatial: float
    reference: float


class Interval(NamedTuple):
    """The part of the sampling in which guidance applies, as fractions: 0 is pure noise, 1 the finished image.

    Outside it only the cond branch runs, as at strengths (1, 1, 1). Source: arXiv 2404.07724.
    """

    start: float = 0.0
    end: float = 1.0


PLAIN = Strengths(1, 1, 1)  # no guidance: the cond branch alone
ALWAYS = Interval()


@dataclass(frozen=True)
class Guidance:
    """All that guides the UNet, for one chain.

    context, null_context: (1, T, C), text conditions with and without the chain. pooled: (1, P), used in all branches.
    spatial, reference: (1, 4, h, w), unscaled latents of the painted boxes and of the source image.
    width, height: pixels of the image to generate. defaults: the model's own settings for the chain's task.
    """

    context: Tensor
    null_context: Tensor
    pooled: Tensor
    spatial: Tensor
    reference: Tensor
    width: int
    height: int
    defaults: Defaults


def branch_weights(strengths: Strengths) -> dict[str, float]:
    """The weight of each branch's prediction. The weights sum to 1; a branch of weight zero need not run.

        uncond + a_t (text - image) + a_s (cond - text) + a_r (image - uncond)

    a_t, a_s, a_r are the strengths text, spatial and reference. cond sees chain, boxes and source; text sees no boxes;
    image sees the source alone; uncond sees nothing. At (1, 1, 1) the result is cond, at (0, 0, 0) uncond. Because the
    weights sum to 1, the formula is the same for noise and for denoised images. Source: arXiv 2503.10639 section 4.3.
    """
    text, spatial, reference = strengths
    return {"cond": spatial, "text": text - spatial, "image": reference - text, "uncond": 1 - reference}


def combine(predictions: dict[str, Tensor], strengths: Strengths) -> Tensor:
    """The weighted sum of the branches' predictions (B, C, H, W). Branches of weight zero may be absent."""
    weights = branch_weights(strengths)
    return sum(weight * predictions[name] for name, weight in weights.items() if weight != 0)


def as_plain_guidance(predictions: dict[str, Tensor], strengths: Strengths) -> tuple[Tensor, Tensor, float]:
    """The same sum as (with, without, scale) of classifier-free guidance: without + scale (with - without).

    For code that knows only classifier-free guidance. `with` is cond, `without` the weighted mean of the other
    branches, `scale` the spatial strength. Within 0.01 of spatial strength 1 those weights cancel and rounding would
    show. There `with` is the whole result, `without` the last of BRANCHES that ran, and `scale` 1.
    """
    weights = branch_weights(strengths)
    scale = strengths.spatial
    if abs(scale - 1) < 0.01:
        least = next(name for name in reversed(BRANCHES) if name in predictions)
        return combine(predictions, strengths), predictions[least], 1.0
    others = [weight / (1 - scale) * predictions[name] for name, weight in weights.items() if weight and name != "cond"]
    without = sum(others)
    return predictions.get("cond", without), without, scale


def at_scale(strengths: Strengths, scale: float) -> Strengths:
    """The strengths whose `as_plain_guidance` has the same `with` and `without`, and another scale.

    Scale 1 is no guidance. At spatial strength 1, which has no scale to change, boxes and text get `scale` together.
    """
    text, spatial, reference = strengths
    if scale == 1:
        return PLAIN
    if abs(spatial - 1) < 0.01:
        return Strengths(text - spatial + scale, scale, reference)
    factor = (1 - scale) / (1 - spatial)
    return Strengths(scale + (text - spatial) * factor, scale, 1 - (1 - reference) * factor)
