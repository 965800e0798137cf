"""Where models are: folders in models/got, in each `got` of extra_model_paths.yaml, and the bundled one.

Written against ComfyUI 0.30.0: folder_paths.
"""

import os
from pathlib import Path

import folder_paths

from ..errors import GoTError
from ..files.manifest import MANIFEST, TINY

FOLDER = "got"
BUNDLED = "GoT-Tiny (bundled)"


def register_folder() -> None:
    """Register models/got with ComfyUI, which knows the folders of extra_model_paths.yaml already."""
    folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))


def model_names() -> list[str]:
    """Names of the models found, the bundled one first. A model in a subfolder is named subfolder/name."""
    found = {
        Path(folder).relative_to(root).as_posix()
        for root in _roots()
        for folder, _, files in os.walk(root, followlinks=True)  # people link their models
        if MANIFEST in files
    }
    return [BUNDLED, *sorted(found - {"."})]


def model_folder(name: str) -> Path:
    """The folder of a model that `model_names` lists. GoTError if it is not listed."""
    if name == BUNDLED:
        return TINY
    names = model_names()  # only listed names are used: another name, such as ../x, could lead anywhere
    folders = [root / name for root in _roots() if name in names and (root / name / MANIFEST).is_file()]
    if not folders:
        raise GoTError(
            f"There is no GoT model '{name[:100]}'. Found: {', '.join(names)}. Put its folder into "
            f"{' or '.join(map(str, _roots()))}, press R to refresh the list, and choose it again."
        )
    return folders[0]


def _roots() -> list[Path]:
    return [Path(root) for root in folder_paths.get_folder_paths(FOLDER)]
