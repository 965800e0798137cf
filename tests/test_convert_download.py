"""What a conversion needs of the hub: which files, fetched from a hub on loopback with breaks, and its cache."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import torch
from got.got_models.convert.download import DownloadError, find, snapshot_of
from got.got_models.convert.release import convert, main
from got.got_models.convert.unet_shapes import unet_shapes
from got.got_models.files.manifest import read_manifest
from got.got_models.files.weights import load_tensors
from got.tools.oracle.large import MID, REAL
from got.tools.oracle.qwen import Sizes
from got.tools.oracle.released import make_release, make_unet
from safetensors.torch import save_file

RUN = Path(__file__).parent.parent / "tools" / "run.py"
SIZES = Sizes(unet={"layers_per_block": 1}, vae={"layers_per_block": 1, "block_out_channels": (32, 32, 32, 32)})
COMMIT = "c0ffee" + "0" * 34
REPOSITORIES = {
    "LucasFang/GoT-6B": "got",
    "Qwen/Qwen2.5-VL-3B-Instruct": "mllm",
    "stabilityai/stable-diffusion-xl-base-1.0": "sdxl",
}
pytestmark = pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("release"), sizes=SIZES)


class Hub(ThreadingHTTPServer):
    """Serves the folders got, mllm and sdxl as Hugging Face does.

    cut: names of files whose next answer ends early. refused: whose next answer is an error. flipped: whose
    next answer has one byte changed. served: (method, file, first byte) of all requests.
    """

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Requests)
        self.folder, self.served = folder, []
        self.cut, self.refused, self.flipped = set(), set(), set()

    def files(self, repository):
        root = self.folder / REPOSITORIES[repository]
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def is_large(name):
    return name.endswith((".bin", ".safetensors"))


def taken(names, name):
    """Whether a name is in a set. It is removed from it."""
    found = name in names
    names.discard(name)
    return found


class Requests(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        path = unquote(urlsplit(self.path).path).strip("/")
        if path.startswith("api/models/"):
            return self.listing("/".join(path.split("/")[2:4]))
        repository, _, rest = path.partition("/resolve/")
        name = rest.partition("/")[2]
        data = self.server.files(repository).get(name) if repository in REPOSITORIES else None
        if data is None:
            return self.send_error(404)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.server.served.append((self.command, name, start))
        if self.command == "GET" and start and taken(self.server.refused, name):
            return self.send_error(500)
        digest = hashlib.sha256(data).hexdigest() if is_large(name) else hashlib.sha1(data).hexdigest()
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{digest}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            self.body(name, data, start)

    def body(self, name, data, start):
        if taken(self.server.flipped, name):
            data = data[:-1] + bytes([data[-1] ^ 1])
        end = len(data) * 9 // 10 if taken(self.server.cut, name) else len(data)
        self.wfile.write(data[start:end])
        self.close_connection = True

    def listing(self, repository):
        siblings = []
        for name, data in self.server.files(repository).items():
            digest = hashlib.sha256(data).hexdigest()
            lfs = {"lfs": {"sha256": digest, "size": len(data), "pointerSize": 99}} if is_large(name) else {}
            siblings.append({"rfilename": name, "size": len(data), "blobId": digest[:40], **lfs})
        body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings, "private": False}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def hub(release, tmp_path):
    """The release with what is in the real repositories too and is not needed."""
    folder = tmp_path / "hub"
    for name in ("got", "mllm", "sdxl"):
        shutil.copytree(getattr(release, name), folder / name)
    (folder / "got" / "examples").mkdir()
    for extra in ("got/README.md", "got/examples/cat.png", "mllm/LICENSE", "sdxl/sd_xl_base_1.0.safetensors"):
        (folder / extra).write_bytes(b"not needed")
    vae = folder / "sdxl" / "vae" / "diffusion_pytorch_model"
    save_file({"x": torch.ones(1)}, f"{vae}.fp16.safetensors")
    server = Hub(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def command(hub, tmp_path, *arguments):
    """A run of the command against the hub, with a cache of its own."""
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    environment.pop("HF_HUB_CACHE", None)
    line = [sys.executable, str(RUN), "got_models.convert.release", f"--out={tmp_path / 'out'}", *arguments]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.slow  # it starts processes
def test_download_fetches_just_what_is_needed_through_breaks(hub, release, tmp_path):
    shard, other = "pytorch_model-00002-of-00003.bin", "pytorch_model-00003-of-00003.bin"
    missing = command(hub, tmp_path)
    assert missing.returncode == 1 and hub.served == []
    assert all(part in missing.stderr for part in ("LucasFang/GoT-6B", "vae/config.json", "add --download"))

    hub.cut.add(shard)
    hub.refused.add(shard)
    broken = command(hub, tmp_path, "--download")
    assert broken.returncode == 1, (broken.stderr, [served for served in hub.served if served[1] == shard])
    assert "Run the same command again: the download resumes" in broken.stderr

    hub.flipped.add(other)
    damaged = command(hub, tmp_path, "--download")
    assert damaged.returncode == 1 and f"{other} of LucasFang/GoT-6B was damaged during the download" in damaged.stderr
    starts = [start for method, name, start in hub.served if (method, name) == ("GET", shard)]
    assert starts[0] == 0 < starts[1] and starts[1:] == [starts[1]] * 2  # the second was refused; the third resumed

    done = command(hub, tmp_path, "--download", "--dtype=fp32")
    assert done.returncode == 0, done.stderr
    assert read_manifest(tmp_path / "out").name == "out"
    fetched = {name for method, name, _ in hub.served if method == "GET"}
    needed = {path.name for path in release.got.iterdir()}
    needed |= {path.name for path in release.mllm.iterdir() if not is_large(path.name)}
    needed |= {f"{part}/config.json" for part in ("unet", "vae")} | {"vae/diffusion_pytorch_model.safetensors"}
    assert fetched == needed

    again = command(hub, tmp_path, "--dtype=fp32", f"--out={tmp_path / 'again'}")  # from the cache, without the hub
    assert again.returncode == 0 and {name for method, name, _ in hub.served if method == "GET"} == fetched


@pytest.mark.slow  # it starts processes
def test_download_fetches_the_base_model_only_if_the_checkpoint_lacks_it(hub, tmp_path):
    tensors = {}
    for shard in sorted((hub.folder / "got").glob("*.bin")):
        tensors |= torch.load(shard, weights_only=True)
        shard.unlink()
    (hub.folder / "got" / "pytorch_model.bin.index.json").unlink()
    kept = {key: t for key, t in tensors.items() if not key.startswith("mllm.") or "lora_" in key or "to_save" in key}
    torch.save(kept, hub.folder / "got" / "pytorch_model.bin")
    done = command(hub, tmp_path, "--download")
    assert done.returncode == 0, done.stderr
    assert ("GET", "model.safetensors", 0) in hub.served
    sources = json.loads((tmp_path / "out" / "got.json").read_text())["sources"]
    assert {"got/pytorch_model.bin", "mllm/model.safetensors"} <= set(sources)


# --------------------------------------------------------------------------------------------------------- the cache


def as_cache(folder, cache, main=True):
    """A folder as the cache has it."""
    commit = cache / "snapshots" / COMMIT
    shutil.copytree(folder, commit)
    if main:
        (cache / "refs").mkdir()
        (cache / "refs" / "main").write_text(COMMIT)
    return cache


@pytest.mark.parametrize("main_branch", [True, False])
def test_folders_of_the_cache_are_understood(release, tmp_path, main_branch):
    got = as_cache(release.got, tmp_path / "models--LucasFang--GoT-6B", main_branch)
    sdxl = as_cache(release.sdxl, tmp_path / "models--stabilityai--stable-diffusion-xl-base-1.0", main_branch)
    convert(got, release.mllm, sdxl, tmp_path / "out", "fp32")
    sources = json.loads((tmp_path / "out" / "got.json").read_text())["sources"]
    assert set(sources) == {f"got/{file.name}" for file in release.got.glob("*.bin")}


def test_cache_folder_without_a_snapshot(tmp_path):
    (tmp_path / "models--A--B" / "snapshots").mkdir(parents=True)
    with pytest.raises(DownloadError, match="without files"):
        snapshot_of(tmp_path / "models--A--B")
    assert snapshot_of(tmp_path) == tmp_path


def test_only_what_is_not_given_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))
    with pytest.raises(DownloadError) as error:
        find({"got": tmp_path, "mllm": None, "sdxl": tmp_path})
    assert "--mllm: of Qwen/Qwen2.5-VL-3B-Instruct: config.json" in str(error.value)
    assert "--got" not in str(error.value) and "--sdxl" not in str(error.value)


def test_an_incomplete_cache_says_how_to_complete_it(release, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    got = as_cache(release.got, tmp_path / "models--LucasFang--GoT-6B")
    next((got / "snapshots" / COMMIT).glob("*.bin")).unlink()
    assert main([f"--mllm={release.mllm}", f"--sdxl={release.sdxl}", f"--out={tmp_path / 'out'}"]) == 1
    message = capsys.readouterr().err
    assert "1 of the 3 files" in message and "With --download, missing files are fetched" in message


def test_configs_and_the_vae_are_enough_of_the_base_folders(release, tmp_path):
    """The checkpoint holds every tensor of the language model, so its base is not opened."""
    for name in ("mllm", "sdxl"):
        shutil.copytree(getattr(release, name), tmp_path / name)
    (tmp_path / "mllm" / "model.safetensors").unlink()
    (tmp_path / "sdxl" / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    convert(release.got, tmp_path / "mllm", tmp_path / "sdxl", tmp_path / "out", "fp32")
    actual, expected = load_tensors(tmp_path / "out" / "unet.safetensors"), release.unet.state_dict()
    assert actual.keys() == expected.keys() and all(torch.equal(actual[name], expected[name]) for name in expected)


# ----------------------------------------------------------------------------------------------- the UNet's shapes


@pytest.mark.parametrize("sizes", [SIZES, Sizes(), MID, REAL], ids=["small", "tiny", "mid", "real"])
def test_shapes_of_a_unet_follow_from_its_config(sizes):
    with torch.device("meta"):
        unet = make_unet(sizes, channels=4)
    assert unet_shapes(unet.config) == {name: tuple(tensor.shape) for name, tensor in unet.state_dict().items()}


@pytest.mark.parametrize("change", [{"addition_embed_type": None}, {"use_linear_projection": False}])
def test_config_of_another_kind_of_unet(change):
    with torch.device("meta"):
        config = {**make_unet(SIZES, channels=4).config, **change}
    with pytest.raises(ValueError):
        unet_shapes(config)
