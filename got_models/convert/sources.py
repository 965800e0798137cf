"""The files that a conversion reads: whole, before anything is written. Their checksums are kept in got.json.

A damaged byte is found where a checksum is known: every record of a file by torch.save has a CRC-32, and Hugging Face's
download folders know the SHA-256 of large files. Other files are recorded only.
"""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tqdm import tqdm

from ..files.weights import WeightsError
from .checkpoint import Checkpoint

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 22  # bytes read at a time


def name_sources(checkpoints: Iterable[Checkpoint], roles: Mapping[str, Path]) -> dict[str, Path]:
    """The checkpoints' files by role and path: "got/pytorch_model.bin". roles: "got", "mllm", "sdxl" -> folder."""
    files = {file for checkpoint in checkpoints for file in checkpoint.files}
    return {
        f"{role}/{file.relative_to(folder).as_posix()}": file
        for role, folder in roles.items()
        for file in sorted(files)
        if file.is_relative_to(folder)
    }


def bytes_to_check(files: Iterable[Path]) -> int:
    """How many bytes `check_sources` reads."""
    return sum(file.stat().st_size * (2 if zipfile.is_zipfile(file) else 1) for file in files)


def check_sources(files: Mapping[str, Path], progress: tqdm) -> dict[str, str]:
    """Read all files. Returns name -> SHA-256. WeightsError names a file that differs from its known checksum."""
    sums = {}
    for name, file in files.items():
        if zipfile.is_zipfile(file):
            _check_records(file, progress)
        sums[name], known = sha256_of(file, progress), known_sha256(file)
        if known not in (None, sums[name]):
            raise WeightsError(
                f"{file} is damaged: its SHA-256 is {sums[name][:12]}..., but {known[:12]}... was published. "
                f"Delete {file.resolve()} and get the file again."
            )
    return sums


def sha256_of(file: Path, progress: tqdm) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
            progress.update(len(block))
    return digest.hexdigest()


def known_sha256(file: Path) -> str | None:
    """The SHA-256 by which Hugging Face's cache names a large file, or that a download into a folder noted."""
    blob = file.resolve()
    if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name):
        return blob.name
    for folder in list(file.parents)[:3]:
        note = folder / ".cache" / "huggingface" / "download" / f"{file.relative_to(folder)}.metadata"
        if note.is_file():
            lines = note.read_text(encoding="utf-8", errors="replace").split("\n")
            etag = lines[1].strip() if len(lines) > 1 else ""
            return etag if _SHA256.fullmatch(etag) else None
    return None


def _check_records(file: Path, progress: tqdm) -> None:
    """Compare every record of a zip file with its CRC-32. WeightsError if one differs."""
    done = 0
    try:
        with zipfile.ZipFile(file) as records:
            for record in records.infolist():
                with records.open(record) as opened:
                    while block := opened.read(_BLOCK):
                        progress.update(len(block))
                        done += len(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{file} is damaged: {error!s:.200}. Get the file again.") from error
    progress.update(file.stat().st_size - done)  # names and padding
