"""Checkpoints: what a stopped run needs to resume exactly, without what the model folder has already.

    checkpoints/step-000100/trained.safetensors    the trained parameters
                            ema.safetensors        their moving average, if there is one
                            optimizer.pt           Adam's moments
                            state.json             step, position in the data, configuration, broken rows

Random states are not kept: every draw follows from the seed and a row's number. A folder appears when it is complete.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...got_models.files.atomic import atomic_folder
from .config import Config, ConfigError, as_json

TRAINED, EMA_FILE, OPTIMIZER, STATE = "trained.safetensors", "ema.safetensors", "optimizer.pt", "state.json"
# Keys that may change when a run is resumed. Any other key would make it a different run.
CHANGEABLE = {"steps", "micro_batch", "precision", "gradient_checkpointing", "vae_batch", "workers"}
CHANGEABLE |= {"report", "save", "keep", "sample", "samples", "name", "export_dtype"}


def save_checkpoint(
    folder: Path, state: dict, trained: dict[str, Tensor], ema: dict[str, Tensor], optimizer: dict, keep: int
) -> None:
    """state: JSON with the step in it. keep: how many checkpoints stay."""
    with atomic_folder(folder / f"step-{state['step']:06}", replace=True) as part:
        save_file({name: tensor.detach().contiguous() for name, tensor in trained.items()}, part / TRAINED)
        if ema:
            save_file({name: tensor.contiguous() for name, tensor in ema.items()}, part / EMA_FILE)
        torch.save(optimizer, part / OPTIMIZER)
        (part / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    found = (path for path in folder.glob("step-*") if not path.suffix.startswith(".unfinished"))
    return sorted(found, key=lambda path: (len(path.name), path.name))  # step 1000000 has one more digit


def read_state(checkpoint: Path, config: Config) -> dict:
    """The state of a checkpoint. Raises ConfigError if the run was started with another configuration."""
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    mine = as_json(config)
    other = sorted(key for key in mine if key not in CHANGEABLE and mine[key] != state["config"].get(key))
    if other:
        raise ConfigError(
            f"The run in {checkpoint.parent.parent} was started with another '{other[0]}': "
            f"{state['config'].get(other[0])}, not {mine[other[0]]}. Use that value, or another --out."
        )
    return state


def load_tensors_into(checkpoint: Path, name: str, parameters: dict[str, Tensor]) -> None:
    values = load_file(checkpoint / name)
    with torch.no_grad():
        for key, parameter in parameters.items():
            parameter.copy_(values[key])


def load_optimizer(checkpoint: Path) -> dict:
    return torch.load(checkpoint / OPTIMIZER, map_location="cpu", weights_only=True)
