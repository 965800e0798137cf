"""Several chains to be written at once: of a list of prompts, of pictures to change, each in variations."""

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
    """What to ask of the reasoner: a chain for each prompt; with pictures, an edit for each picture and instruction.

    texts: one prompt a line each; blank lines are left out. batches: pictures (N, H, W, 3) in 0..1, each of its own.
    One picture goes with all instructions and one instruction with all pictures; else there are as many of both.
    GoTError, naming the text or picture at fault, if one is empty or cannot be used, or if they do not go together.
    """
    if batches is None:
        return [Request(TEXT_TO_IMAGE, prompt) for prompt in prompts_of(texts, TEXT_TO_IMAGE)]
    prompts, pictures = prompts_of(texts, EDIT), pictures_of(batches)
    if len(prompts) != len(pictures) and 1 not in (len(prompts), len(pictures)):
        raise GoTError(
            f"There are {len(pictures)} pictures and {len(prompts)} instructions. Give one instruction for all "
            f"pictures, one picture for all instructions, or as many of both."
        )
    count = max(len(prompts), len(pictures))
    pairs = zip(prompts * (count // len(prompts)), pictures * (count // len(pictures)), strict=True)
    return [Request(EDIT, prompt, picture) for prompt, picture in pairs]


def prompts_of(texts: list[str], task: str) -> list[str]:
    """The lines of all texts that hold something. GoTError, naming it by its number, if a text has none."""
    prompts = []
    for number, text in enumerate(texts, 1):
        lines = [line.strip() for line in well_formed(text).splitlines() if line.strip()]
        if not lines and len(texts) > 1:
            raise GoTError(f"Prompt {number} of the {len(texts)} in the list is empty. Fill it, or leave it out.")
        prompts += lines or [checked_prompt(text, task)]
    return prompts


def pictures_of(batches: list[Tensor]) -> list[Tensor]:
    """Each picture (1, H, W, 3) by itself. GoTError, naming it by its number, if one cannot be edited."""
    pictures = [picture for batch in batches for picture in batch.split(1)]
    for number, picture in enumerate(pictures, 1):
        try:
            check_source(picture)
        except GoTError as error:
            raise GoTError(f"Picture {number} of {len(pictures)}: {error}") from error
    return pictures


def variations_of(requests: list[Request], sampling: Sampling, variations: int) -> tuple[list[Request], list[Sampling]]:
    """Each request as often as there are variations, one after the other, and the sampling of each.

    The seeds follow each other, and begin with the sampling's own for each request.
    """
    samplings = [replace(sampling, seed=(sampling.seed + number) % SEEDS) for number in range(variations)]
    return [request for request in requests for _ in samplings], samplings * len(requests)


def fault_of(error: GoTError, number: int, count: int, request: Request, sampling: Sampling) -> str:
    """What a person reads of one of `count` chains that cannot be drawn; number: from 1."""
    which = f"'{request.prompt[:60]}'" + (f", seed {sampling.seed}" if sampling.temperature else "")
    return f"Chain {number} of {count} ({which}) cannot be drawn, the others go on. {error}"
