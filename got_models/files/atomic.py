"""Folders and files that appear only when they are complete. Standard library only.

Each is written beside its final place, under a name with `.unfinished`, and renamed at the end. An error or a stop
removes it. What a killed process left of a folder is removed by the next run: it has a lock file of this module that
no living process holds. Nothing else is removed, whatever its name.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import GoTError

LOCK = "got.lock"


class OutputError(GoTError):
    """An output cannot be written."""


@contextmanager
def atomic_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder to write into; it is renamed to `path` when the block ends without an error.

    replace: what `path` holds by then is removed. Otherwise it must be missing or an empty folder, else OutputError.
    A link is followed. If the last step fails, the complete folder is kept, and OutputError says where.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_killed(path)
    unfinished, lock = _locked_folder(path)
    kept = False
    try:
        made = unfinished / path.name
        made.mkdir()
        yield made
        try:
            _put(made, path, unfinished, replace)
        except OSError as error:
            kept = True
            raise OutputError(
                f"{path} could not be made: {error.strerror or error}. The complete result is in {made}."
            ) from error
    finally:
        lock.close()
        (unfinished / LOCK).unlink(missing_ok=True)
        if not kept:
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


def _put(made: Path, path: Path, unfinished: Path, replace: bool) -> None:
    """Rename the folder to its final place. Its earlier content, if it is replaced, is removed with `unfinished`."""
    if replace and path.exists():
        path.rename(unfinished / "replaced")
    elif path.is_dir():
        path.rmdir()
    try:
        made.rename(path)
    except OSError:
        if (unfinished / "replaced").exists():
            (unfinished / "replaced").rename(path)
        raise


def _locked_folder(path: Path) -> tuple[Path, BinaryIO]:
    """A new folder beside `path` and its lock file, open and locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{path.name}.unfinished-", dir=path.parent))
        lock = (folder / LOCK).open("wb")
        if _try_lock(lock) is not False and (folder / LOCK).exists():
            return folder, lock
        lock.close()  # another run took it for a killed one's


def _clear_killed(path: Path) -> None:
    """Remove what killed processes left beside `path`. OutputError if a living process is making `path`."""
    for folder in path.parent.glob(f"{_literal(path.name)}.unfinished-*"):
        if not (folder / LOCK).is_file():
            continue
        try:
            lock = (folder / LOCK).open("r+b")
        except OSError:  # another user's, or just removed
            continue
        with lock:
            free = _try_lock(lock)
            if free is False:
                raise OutputError(
                    f"Another run is making {path}. Wait until it has finished, or choose another folder."
                )
            if free:  # removed while it is locked; Windows removes the lock file only when it is closed
                shutil.rmtree(folder, ignore_errors=True)
        if free:
            shutil.rmtree(folder, ignore_errors=True)


def _literal(name: str) -> str:
    """A name as a pattern that only this name matches."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _try_lock(file: BinaryIO) -> bool | None:
    """Lock a file until it is closed. False if another process has locked it; None where files cannot be locked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True
