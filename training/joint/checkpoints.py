"""Checkpoints: everything that a broken-off run needs to go on exactly, and nothing that the model folder has already.

    checkpoints/step-000100/trained.safetensors    what is trained
                            average.safetensors    its moving average, if there is one
                            optimizer.pt           the optimizer's moments
                            state.json             the step, the place in the data, the configuration, the broken rows

Random states need no place: every draw follows from the seed and a row's number. A folder gets its name when it is
complete.
"""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...got_models.files.atomic import atomic_folder
from .config import Config, ConfigError, as_json

TRAINED, AVERAGE, OPTIMIZER, STATE = "trained.safetensors", "average.safetensors", "optimizer.pt", "state.json"
# What may be another in the second half of a run; all else would make it a different run.
FREE = {"steps", "micro_batch", "precision", "checkpointing", "encode", "report", "save", "keep", "sample", "samples"}
FREE |= {"name", "export_dtype", "workers"}


def save_checkpoint(
    folder: Path, state: dict, trained: dict[str, Tensor], average: dict[str, Tensor], optimizer: dict, keep: int
) -> None:
    """state: what JSON can hold, the step among it. keep: how many checkpoints stay."""
    with atomic_folder(folder / f"step-{state['step']:06}", replace=True) as part:
        save_file({name: tensor.detach().contiguous() for name, tensor in trained.items()}, part / TRAINED)
        if average:
            save_file({name: tensor.contiguous() for name, tensor in average.items()}, part / AVERAGE)
        torch.save(optimizer, part / OPTIMIZER)
        (part / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    found = (path for path in folder.glob("step-*") if path.suffix != ".unfinished")
    return sorted(found, key=lambda path: (len(path.name), path.name))  # from a million on there is one more digit


def read_state(checkpoint: Path, config: Config) -> dict:
    """The state of a checkpoint. Raises ConfigError if the run was begun with another configuration."""
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    mine = as_json(config)
    other = sorted(key for key in mine if key not in FREE and mine[key] != state["config"].get(key))
    if other:
        raise ConfigError(
            f"The run in {checkpoint.parent.parent} was begun with another '{other[0]}': "
            f"{state['config'].get(other[0])}, not {mine[other[0]]}. Give it back, or another --out."
        )
    return state


def load_tensors_into(checkpoint: Path, name: str, parameters: dict[str, Tensor]) -> None:
    values = load_file(checkpoint / name)
    with torch.no_grad():
        for key, parameter in parameters.items():
            parameter.copy_(values[key])


def load_optimizer(checkpoint: Path) -> dict:
    return torch.load(checkpoint / OPTIMIZER, map_location="cpu", weights_only=True)
