"""Start a ComfyUI server on 127.0.0.1, with chosen packs only, in a base folder. No other folder is changed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

PACK = Path(__file__).resolve().parent.parent
PACK_NAME = "ComfyUI-GoT"  # the folder name in custom_nodes, which is also part of the URLs of web/
OWN = ".comfyui-got"  # subfolder for our files: the log, and ComfyUI's temporary files, which it deletes at start
MADE = "made"  # file in it: the base folder was empty, so the links in it are ours too
COPY = ".comfyui-got-copy"  # file in a folder that was copied because it could not be linked

# Turns off what covers the page on a first visit: the template browser, tips, the minimap.
BROWSER_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.EnableTooltips": False,
    "Comfy.Locale": "en",
}


class ServerError(RuntimeError):
    """The server did not start, or refused a request. The message says why."""


class Server:
    """One ComfyUI process. Use it as a context: it runs and answers inside, and is stopped afterwards."""

    def __init__(
        self,
        base: Path,
        port: int | None = None,
        packs: dict[str, Path] | None = None,
        models: dict[str, Path] | None = None,
        flags: tuple[str, ...] = (),
    ):
        """base: the base folder (custom_nodes, models, input, output, user); port: None for a free one.

        packs, models: folders to link into custom_nodes and models/got, by name. flags: more arguments for ComfyUI.
        """
        self.base = Path(base).resolve()  # ComfyUI itself runs in another folder
        self.port = port or free_port()
        self.packs = {PACK_NAME: PACK} | (packs or {})
        self.models = models or {}
        self.flags = flags
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.base / OWN / "server.log"
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self, timeout: float = 180):
        """Start ComfyUI and return when it answers. timeout: seconds.

        ServerError if the port is taken, if a link's place is occupied, or if ComfyUI does not start.
        """
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise ServerError(f"Another server is on port {self.port}: stop it, or choose another port.")
        self._fill_base()
        comfyui = Path(os.environ["COMFYUI_PATH"])
        with open(self.log, "w", encoding="utf-8") as log:
            command = [sys.executable, str(comfyui / "main.py"), *self._arguments()]
            self.process = subprocess.Popen(command, cwd=comfyui, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + timeout
        try:
            while not self._answers():
                if self.process.poll() is not None:
                    raise ServerError(f"ComfyUI ended while it started:\n{self.last_lines()}")
                if time.monotonic() > end:
                    raise ServerError(f"ComfyUI did not answer within {timeout:.0f} s:\n{self.last_lines()}")
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def last_lines(self, count: int = 12) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])

    def _arguments(self) -> list[str]:
        return [
            *("--listen", "127.0.0.1", "--port", str(self.port), "--base-directory", str(self.base)),
            *("--temp-directory", str(self.base / OWN)),
            *("--database-url", "sqlite:///:memory:", "--disable-api-nodes", "--disable-auto-launch"),
            *("--disable-all-custom-nodes", "--whitelist-custom-nodes", *self.packs),
            *(() if has_accelerator() else ("--cpu",)),
            *self.flags,
        ]

    def _fill_base(self):
        made = not self.base.exists() or not any(self.base.iterdir())
        for name in (OWN, "custom_nodes", "models/got", "input", "output", "user/default"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        mark = self.base / OWN / MADE
        if made:
            mark.touch()
        for place, folders in (("custom_nodes", self.packs), ("models/got", self.models)):
            for name, folder in folders.items():
                link(folder, self.base / place / name, replace=mark.exists())
        example = Path(os.environ["COMFYUI_PATH"], "input", "example.png")  # the image that every new ComfyUI has
        if example.exists() and not (self.base / "input" / example.name).exists():
            shutil.copy(example, self.base / "input")
        settings = self.base / "user" / "default" / "comfy.settings.json"
        if not settings.exists():
            settings.write_text(json.dumps(BROWSER_SETTINGS))

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/system_stats", timeout=5).ok
        except requests.RequestException:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_accelerator() -> bool:
    """Whether ComfyUI can run without --cpu."""
    import torch

    return torch.cuda.is_available() or torch.backends.mps.is_available()


def link(folder: Path, place: Path, replace: bool):
    """Link a folder to a place. On Windows, where symbolic links need rights, by a junction, else by a copy.

    replace: whether another link there is ours and may be replaced. Apart from it, only an old copy of ours is removed.
    ServerError if anything else is there.
    """
    if place.is_symlink() or place.exists():
        if place.resolve() == folder.resolve():
            return
        if replace and place.is_symlink():
            place.unlink()
        elif (place / COPY).is_file():
            shutil.rmtree(place)
        else:
            raise ServerError(f"{place} is there already and is not {folder}. Move it, or choose another folder.")
    try:
        place.symlink_to(folder, target_is_directory=True)
    except OSError:
        if subprocess.run(["cmd", "/c", "mklink", "/J", str(place), str(folder)], capture_output=True).returncode:
            shutil.copytree(folder, place, ignore=shutil.ignore_patterns(".git", "__pycache__"))
            (place / COPY).touch()
