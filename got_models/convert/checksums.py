"""checksums.sha256 of a model folder, in the form of `sha256sum`: written and verified."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..files.weights import WeightsError
from .checkpoint import listed
from .sources import sha256_of
from .summary import size_text
from .writer import progress_bar

CHECKSUMS = "checksums.sha256"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def write_checksums(folder: Path, sums: Mapping[str, str]) -> None:
    """sums: path of a file, relative to the folder -> its SHA-256."""
    (folder / CHECKSUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()), encoding="utf-8")


def verify(folder: Path, report: Callable[[str], None]) -> None:
    """Read every file of a model folder. WeightsError names the files that are missing or damaged."""
    sums = _read_checksums(folder / CHECKSUMS)
    lost = [name for name in sums if not (folder / name).is_file()]
    present = {name: digest for name, digest in sums.items() if name not in lost}
    size = sum((folder / name).stat().st_size for name in present)
    with progress_bar(size) as progress:
        damaged = [name for name, digest in present.items() if sha256_of(folder / name, progress) != digest]
    found = {"Missing": lost, "Damaged": damaged}
    if problems := " ".join(f"{what}: {listed(names)}." for what, names in found.items() if names):
        raise WeightsError(f"{folder} is not as it was made. {problems} Convert the model again, or copy it again.")
    report(f"{folder}: {len(sums)} files are as they were made, {size_text(size)}")


def _read_checksums(path: Path) -> dict[str, str]:
    """File -> SHA-256. WeightsError if there is no list of checksums."""
    if not path.is_file():
        raise WeightsError(f"{path.parent} has no {path.name}. Give a folder made by `python dev.py convert`.")
    matches = [_LINE.fullmatch(line) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    if not matches or not all(matches):
        raise WeightsError(f"{path} is not a list of checksums. Convert the model again.")
    return {match[2]: match[1] for match in matches}
