"""Sample images of a run: for a few rows the plan that the model writes, the image it draws, the target image."""

from itertools import islice
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from ...got_models.chain.grammar import Chain
from ...got_models.chain.request import Request
from ...got_models.guidance.canvas import reference_latents, spatial_latents
from ...got_models.guidance.formula import BRANCHES, Strengths, combine
from ...got_models.guidance.images import bicubic, to_pil
from ...got_models.guidance.preview import plan_image
from ...got_models.reasoner.sampling import Sampling
from ..schedule import SDXL_SCHEDULE
from .batches import KEPT, NO_BOXES, NO_CHAIN, NOTHING
from .config import Config, changed
from .examples import Example, RowError
from .objective import Objective
from .sources import Mixture

MOST_TOKENS = 512  # of a chain
MOST_STEPS = 20


def sample_rows(config: Config) -> list[Example]:
    """The first usable rows of the data with another seed."""
    found, places = [], Mixture(changed(config, {"seed": config.seed + 1, "shuffle_buffer": 4 * config.samples}))
    for place in islice(places, 4 * config.samples):
        try:
            found.append(place.read())
        except RowError:
            continue
    return found[: config.samples]


@torch.no_grad()
def sample_sheet(objective: Objective, rows: list[Example], path: Path) -> None:
    """Save an image with a line for each row: plan, drawn image, target image. The networks must be in eval mode."""
    lines = [np.concatenate(_line(objective, row), 1) for row in rows]
    to_pil(np.concatenate(lines)).save(path)


def _line(objective: Objective, row: Example) -> list[np.ndarray]:
    size = objective.config.width, objective.config.height
    given = row.chain
    request = Request(given.task, given.prompt, given.source, given.earlier)
    chain = objective.networks.reasoner.write(request, Sampling(), max_tokens=MOST_TOKENS)
    drawn = draw(objective, chain, seed=objective.config.seed)
    plan = plan_image(chain, given.source, *size)
    return [np.array(bicubic(image, size)) for image in (plan, drawn, row.image)]


def draw(objective: Objective, chain: Chain, seed: int) -> Tensor:
    """The image (1, H, W, 3) of a chain, sampled by DDPM with the manifest's strengths for its task."""
    networks, config = objective.networks, objective.config
    device, defaults = objective.alphas.device, networks.reasoner.manifest.defaults[chain.task]
    size = config.width, config.height
    hidden = networks.reasoner.semantics(chain).hidden.to(device).expand(4, -1, -1)
    encode = lambda images: objective.encode((images * 255).round().to(device))
    reference = reference_latents(chain.source, encode, *size).expand(4, -1, -1, -1)
    spatial = spatial_latents(chain.regions, encode, *size).expand(4, -1, -1, -1)
    dropped = torch.tensor([KEPT, NO_BOXES, NO_CHAIN, NOTHING], device=device)  # in the order of BRANCHES
    strengths = Strengths(defaults.text, defaults.spatial, defaults.reference)
    schedule, generator = DDPMScheduler(**SDXL_SCHEDULE), torch.Generator().manual_seed(seed)
    schedule.set_timesteps(min(MOST_STEPS, defaults.steps))
    latents = torch.randn(spatial[:1].shape, generator=generator)
    for step in schedule.timesteps:
        noisy = latents.to(device).expand(4, -1, -1, -1)
        noise = objective.predict(noisy, step.expand(4).to(device), hidden, reference, spatial, dropped).float().cpu()
        guided = combine(dict(zip(BRANCHES, noise.split(1))), strengths)
        latents = schedule.step(guided, step, latents, generator=generator).prev_sample
    pixels = networks.vae.decode(latents.to(device) / networks.vae.config.scaling_factor).sample
    return (pixels / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu()
