"""Requests for a batch of chains: a list of prompts or of images to edit, each in variations."""

from dataclasses import replace

from torch import Tensor

from ..chain.grammar import EDIT, TEXT_TO_IMAGE, well_formed
from ..chain.request import Request
from ..errors import GoTError
from ..guidance.sizes import check_source
from .prompt import checked_prompt
from .sampling import Sampling

SEEDS = 2**64


def requests_of(texts: list[str], batches: list[Tensor] | None) -> list[Request]:
    """A request for each prompt; with images, an edit request for each pair of image and instruction.

    texts: one prompt per line; blank lines are left out. batches: images (N, H, W, 3) in 0..1, of any sizes.
    One image is paired with all instructions, and one instruction with all images; else there must be as many of both.
    GoTError if their numbers differ, or if a text or image, named by its number, cannot be used.
    """
    if batches is None:
        return [Request(TEXT_TO_IMAGE, prompt) for prompt in prompts_of(texts, TEXT_TO_IMAGE)]
    prompts, images = prompts_of(texts, EDIT), images_of(batches)
    if len(prompts) != len(images) and 1 not in (len(prompts), len(images)):
        raise GoTError(
            f"There are {len(images)} images and {len(prompts)} instructions. Give one instruction for all images, "
            f"one image for all instructions, or as many of both."
        )
    count = max(len(prompts), len(images))
    pairs = zip(prompts * (count // len(prompts)), images * (count // len(images)), strict=True)
    return [Request(EDIT, prompt, image) for prompt, image in pairs]


def prompts_of(texts: list[str], task: str) -> list[str]:
    """The lines of all texts that are not blank. GoTError names a text without one by its number."""
    prompts = []
    for number, text in enumerate(texts, 1):
        lines = [line.strip() for line in well_formed(text).splitlines() if line.strip()]
        if not lines and len(texts) > 1:
            raise GoTError(f"Prompt {number} of the {len(texts)} in the list is empty. Fill it in, or remove it.")
        prompts += lines or [checked_prompt(text, task)]
    return prompts


def images_of(batches: list[Tensor]) -> list[Tensor]:
    """Each image of all batches, (1, H, W, 3). GoTError names one that cannot be edited by its number."""
    images = [image for batch in batches for image in batch.split(1)]
    for number, image in enumerate(images, 1):
        try:
            check_source(image)
        except GoTError as error:
            raise GoTError(f"Image {number} of {len(images)}: {error}") from error
    return images


def variations_of(requests: list[Request], sampling: Sampling, variations: int) -> tuple[list[Request], list[Sampling]]:
    """Each request as often as there are variations, and the sampling of each.

    For every request, the seeds count up from the sampling's own.
    """
    samplings = [replace(sampling, seed=(sampling.seed + number) % SEEDS) for number in range(variations)]
    return [request for request in requests for _ in samplings], samplings * len(requests)


def error_message(error: GoTError, number: int, count: int, request: Request, sampling: Sampling) -> str:
    """The message for one of `count` chains that cannot be drawn. number: from 1."""
    which = f"'{request.prompt[:60]}'" + (f", seed {sampling.seed}" if sampling.temperature else "")
    return f"Chain {number} of {count} ({which}) cannot be drawn. The other chains continue. {error}"
