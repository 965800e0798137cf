"""Folders and files that appear only when they are complete. Standard library only.

Each is written beside its final place, under a name with `.unfinished`, and renamed at the end. An error or a stop
removes it. What a killed process left is removed by the next run.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder to write into; it is renamed to `path` when the block ends without an error.

    replace: what `path` holds by then is removed. Otherwise it must be missing or an empty folder, else OSError.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if replace:
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir():
            path.rmdir()
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; that file replaces `path` when the block ends without an error. The suffix is kept."""
    unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
