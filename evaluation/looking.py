"""What a model says that an image shows: its reasoner is asked on the CPU. See got_models/reasoner/looking.py."""

from pathlib import Path

import numpy as np
import torch

from ..got_models.chain.grammar import ChainError
from ..got_models.chain.request import Request
from ..got_models.guidance.images import to_tensor
from ..got_models.reasoner.loading import load_reasoner
from ..got_models.reasoner.looking import DESCRIBE, LOOK
from ..got_models.reasoner.sampling import Sampling
from .answers import Answer

MOST_TOKENS = 300


class Looker:
    """A model folder's reasoner."""

    def __init__(self, folder: Path):
        self.reasoner = load_reasoner(folder, torch.float32)

    @torch.inference_mode()
    def describe(self, image: np.ndarray) -> Answer:
        """image (H, W, 3) uint8 -> a chain of all that it shows."""
        request = Request(LOOK, DESCRIBE, to_tensor(image))
        try:
            return Answer(self.reasoner.write(request, Sampling(), MOST_TOKENS).text, "")
        except ChainError as error:
            return Answer("", "", str(error))
