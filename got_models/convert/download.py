"""The files that a conversion needs, in Hugging Face's cache: found there, or fetched with `--download`.

Only files that are read are fetched: of SDXL the UNet's config and the VAE, of Qwen2.5-VL the weights only if the
checkpoint lacks some. A broken download resumes with the next run. The SHA-256 of large files is verified.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import HfApi, constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from ..errors import GoTError
from ..files.weights import read_index
from .checkpoint import ENDINGS, STEMS, listed
from .sources import sha256_of
from .summary import size_text
from .writer import progress_bar

REPOSITORIES = {
    "got": "LucasFang/GoT-6B",
    "mllm": "Qwen/Qwen2.5-VL-3B-Instruct",
    "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
}
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json", "chat_template.*")
FILES = {  # role -> patterns of the small files, and the folder of the weights
    "got": (("adapter_config.json", "*/adapter_config.json", *TOKENIZER), ""),
    "mllm": (("config.json", "generation_config.json", *TOKENIZER), ""),
    "sdxl": (("unet/config.json", "vae/config.json"), "vae/"),
}
WEIGHTS = "its weights: model.safetensors or pytorch_model.bin, or their .index.json and the shards that it lists"
NEEDED = {  # role -> what a person has to get
    "got": f"{WEIGHTS}; adapter_config.json and tokenizer.json, if there are any",
    "mllm": "config.json, generation_config.json, tokenizer.json, tokenizer_config.json, preprocessor_config.json, "
    f"chat_template.json; only if the checkpoint lacks its tensors, {WEIGHTS}",
    "sdxl": "unet/config.json, vae/config.json, vae/diffusion_pytorch_model.safetensors",
}


class DownloadError(GoTError):
    """Files are missing, or could not be fetched."""


class Remote(NamedTuple):
    """A file of a repository. sha256: None for small files, which have none."""

    name: str
    size: int
    sha256: str | None


def snapshot_of(folder: Path) -> Path:
    """The files of a folder of Hugging Face's cache, models--ORGANIZATION--NAME. Other folders stay as they are.

    The snapshot is that of the branch main, or else the newest. DownloadError if there is none.
    """
    if not folder.name.startswith("models--") or not (folder / "snapshots").is_dir():
        return folder
    main = folder / "refs" / "main"
    if main.is_file() and (named := folder / "snapshots" / main.read_text(encoding="utf-8").strip()).is_dir():
        return named
    snapshots = sorted((folder / "snapshots").iterdir(), key=lambda path: path.stat().st_mtime)
    if not snapshots:
        raise DownloadError(f"{folder} is a cache folder without files. Download the model again.")
    return snapshots[-1]


def find(given: Mapping[str, Path | None]) -> dict[str, Path]:
    """The folder of each role, given or in the cache. DownloadError lists what is missing."""
    found = {role: snapshot_of(folder or cache_folder(role)) for role, folder in given.items()}
    missing = [role for role in REPOSITORIES if given[role] is None and not found[role].is_dir()]
    if missing:
        lines = [f"  --{role}: of {REPOSITORIES[role]}: {NEEDED[role]}" for role in missing]
        raise DownloadError(
            "These files are needed and are not in Hugging Face's cache:\n" + "\n".join(lines) + "\n"
            "Give the folders that hold them, or add --download to fetch just these files."
        )
    return found


def cache_folder(role: str) -> Path:
    """Where Hugging Face's cache has a role's repository."""
    return Path(constants.HF_HUB_CACHE) / f"models--{REPOSITORIES[role].replace('/', '--')}"


def fetch(
    given: Mapping[str, Path | None], lacks_weights: Callable[[Path, Path], bool], report: Callable[[str], None]
) -> dict[str, Path]:
    """Fetch what the cache lacks. Returns the folder of each role.

    lacks_weights: whether the checkpoint, a folder, needs the weights of the base model, a folder with its config.
    """
    found = {role: snapshot_of(folder) for role, folder in given.items() if folder}
    for role in REPOSITORIES:
        if role not in found:
            files = _remote_files(REPOSITORIES[role])
            patterns, weights = FILES[role]
            small = [file for file in files.values() if any(_matches(file.name, pattern) for pattern in patterns)]
            folder = _fetch(REPOSITORIES[role], small, report)
            if role != "mllm" or folder is None or lacks_weights(found["got"], folder):
                folder = _fetch_weights(REPOSITORIES[role], files, weights, report) or folder
            if folder is None:
                raise DownloadError(f"{REPOSITORIES[role]} holds no file that is needed. Give --{role}.")
            found[role] = folder
    return found


def _matches(name: str, pattern: str) -> bool:
    """Whether a path matches a pattern with as many folders."""
    return name.count("/") == pattern.count("/") and fnmatch(name, pattern)


def _remote_files(repository: str) -> dict[str, Remote]:
    try:
        siblings = HfApi().model_info(repository, files_metadata=True).siblings or []
    except Exception as error:  # the library and its transport raise many kinds
        raise DownloadError(
            f"The files of {repository} could not be listed: {error!s:.300}. "
            "Check the network connection, then run the same command again."
        ) from error
    return {
        file.rfilename: Remote(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None)
        for file in siblings
    }


def _fetch_weights(
    repository: str, files: Mapping[str, Remote], folder: str, report: Callable[[str], None]
) -> Path | None:
    """Fetch the weights in a folder ("" or "vae/"), chosen as `open_checkpoint` does. Returns the snapshot."""
    first = next((folder + stem + end for stem in STEMS for end in ENDINGS if folder + stem + end in files), None)
    if first is None:
        return None
    snapshot = _fetch(repository, [files[first]], report)
    if first.endswith(".index.json"):
        shards = [folder + name for name in sorted(set(read_index(snapshot / first).values()))]
        if lost := [name for name in shards if name not in files]:
            raise DownloadError(f"{repository} lacks files that {first} lists: {listed(lost)}. Give another copy.")
        _fetch(repository, [files[name] for name in shards], report)
    return snapshot


def _fetch(repository: str, files: Sequence[Remote], report: Callable[[str], None]) -> Path | None:
    """Fetch files into the cache. Returns the snapshot that holds them; None for no files."""
    missing = [file for file in files if not isinstance(try_to_load_from_cache(repository, file.name), str)]
    if missing:
        size = size_text(sum(file.size for file in missing))
        report(f"fetching {size} of {repository}: {listed([file.name for file in missing])}")
    snapshot = None
    for file in files:
        path = _fetch_file(repository, file, verify=file in missing)
        snapshot = path.parents[len(Path(file.name).parts) - 1]
    return snapshot


def _fetch_file(repository: str, file: Remote, verify: bool) -> Path:
    """The path of a file in the cache. verify: it is not there yet."""
    try:
        if verify and file.sha256:
            _fetch_blob(repository, file, file.sha256)
        return Path(hf_hub_download(repository, file.name))
    except DownloadError:
        raise
    except Exception as error:  # the library and its transport raise many kinds
        raise DownloadError(
            f"{file.name} of {repository} could not be fetched: {error!s:.300}. "
            f"Run the same command again: the download resumes."
        ) from error


def _fetch_blob(repository: str, file: Remote, sha256: str) -> None:
    """Fetch a large file to where the cache has it, after its checksum is verified.

    huggingface_hub itself resumes within one run only. Here a part that is left of an earlier run is continued.
    """
    blob = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "blobs" / sha256
    part = blob.with_name(f"{sha256}.got-part")
    blob.parent.mkdir(parents=True, exist_ok=True)
    with part.open("ab") as opened:
        start = min(part.stat().st_size, file.size)
        headers, url = build_hf_headers(), hf_hub_url(repository, file.name)
        http_get(url, opened, resume_size=start, headers=headers, expected_size=file.size, displayed_filename=file.name)
    with progress_bar(file.size, show=False) as progress:
        digest = sha256_of(part, progress)
    if digest != sha256:
        part.unlink()
        raise DownloadError(
            f"{file.name} of {repository} was damaged during the download, and was deleted. Run the same command again."
        )
    part.replace(blob)
