"""Where models are: folders in models/got, in each `got` of extra_model_paths.yaml, and the bundled one.

Planners are also in `LLM` and `text_encoders`, as folders or single files.
Written against ComfyUI 0.30.0: folder_paths, comfy/text_encoders/qwen25_tokenizer.
"""

import os
import re
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import comfy.text_encoders
import folder_paths

from ..errors import GoTError
from ..files.manifest import MANIFEST, TINY
from ..files.planner import CONFIG, is_listed

FOLDER, LANGUAGE_MODELS = "got", "LLM"
PLANNER_FOLDERS = (LANGUAGE_MODELS, "text_encoders", FOLDER)
BUNDLED = "GoT-Tiny (bundled)"
_MOST_VISITS = 10
_SINGLE_FILE = re.compile(r"qwen.*2.?5.*vl.*\.safetensors", re.IGNORECASE)


def register_folder() -> None:
    """Register models/got and models/LLM with ComfyUI, which knows those of extra_model_paths.yaml already."""
    for name in (FOLDER, LANGUAGE_MODELS):
        folder_paths.add_model_folder_path(name, os.path.join(folder_paths.models_dir, name))


def model_names() -> list[str]:
    """Names of the models found, the bundled one first. A model in a subfolder is named subfolder/name."""
    found = {
        Path(folder).relative_to(root).as_posix()
        for root in _roots()
        for folder, files in _walk(root)
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


def planner_names() -> list[str]:
    """Names of the folders and files that may be a plain Qwen2.5-VL, relative to the folder that they are in."""
    return sorted({path.relative_to(root).as_posix() for root, path in _planners()})


def planner_path(name: str) -> Path:
    """The folder or file of a name that `planner_names` lists. GoTError if it is not listed."""
    paths = [path for root, path in _planners() if path.relative_to(root).as_posix() == name]
    if not paths:
        where = " or ".join(f"models/{folder}" for folder in PLANNER_FOLDERS)
        raise GoTError(
            f"There is no language model '{name[:100]}'. Put the folder of Qwen2.5-VL-3B-Instruct or "
            f"Qwen2.5-VL-7B-Instruct into {where}, press R to refresh the list, and choose it again."
        )
    return paths[0]


def comfyui_tokenizer() -> Path:
    """The folder of Qwen2.5's tokenizer, which ComfyUI has for its text encoders."""
    return Path(comfy.text_encoders.__path__[0]) / "qwen25_tokenizer"


def _planners() -> Iterator[tuple[Path, Path]]:
    """Each planner with the root that it is in. The files of a folder with a config are no single files."""
    for root in (root for name in PLANNER_FOLDERS for root in _roots(name)):
        for folder, files in _walk(root):
            if CONFIG not in files:
                yield from ((root, folder / name) for name in files if _SINGLE_FILE.fullmatch(name))
            elif folder != root and is_listed(folder):
                yield root, folder


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder in a root, with the names of its files. Links are followed, for people link their models.

    Short paths come first. A link to a folder that it is in is left out, and a folder that many links lead to is
    searched _MOST_VISITS times.
    """
    waiting, visits = deque([(os.fspath(root), ())]), Counter()  # each with the real folders that it is in
    while waiting:
        folder, above = waiting.popleft()
        place = os.path.realpath(folder)
        visits[place] += 1
        if place in above or visits[place] > _MOST_VISITS:
            continue
        try:
            names = os.listdir(folder)
        except OSError:  # not there, or not for us to read
            continue
        folders = {name for name in names if os.path.isdir(os.path.join(folder, name))}
        waiting += [(os.path.join(folder, name), (*above, place)) for name in sorted(folders)]
        yield Path(folder), [name for name in names if name not in folders]


def _roots(name: str = FOLDER) -> list[Path]:
    return [Path(root) for root in folder_paths.get_folder_paths(name)]
