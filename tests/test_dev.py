"""dev.py: what it reads and installs; a failed set-up ends with one sentence and leaves nothing."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from got import dev


def test_extras_are_read_from_pyproject():
    assert "pytest==9.2.0" in dev.extra("test")
    assert set(dev.extra("train")) < set(dev.extra("test"))


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("COMFYUI_GOT_CACHE", str(tmp_path))
    assert dev.cache_folder() == tmp_path.resolve()


def test_the_cache_folder_is_outside_the_checkout_by_default(monkeypatch):
    monkeypatch.delenv("COMFYUI_GOT_CACHE", raising=False)
    assert dev.ROOT not in dev.cache_folder().parents


def test_a_folder_that_fails_halfway_leaves_nothing(tmp_path):
    with pytest.raises(OSError), dev.new_folder(tmp_path / "new") as part:
        (part / "half").touch()
        raise OSError("broken off")
    assert not list(tmp_path.iterdir())


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with dev.new_folder(tmp_path / "new") as part:
        (part / "whole").touch()
        assert not (tmp_path / "new").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "whole"]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write", "not enough space"),
        ("npm error code ECONNREFUSED\nnpm error errno ECONNREFUSED", "network connection"),
        ("npm error code ETARGET\nnpm error No matching version.\nnpm error A log is in x", "No matching version"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "not enough space"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'", "network connection"),
        ("noise\nERROR: No matching distribution found for torch==0\n", "No matching distribution found for torch==0"),
        ("Killed", "stopped early"),
    ],
)
def test_a_failed_installation_becomes_one_sentence(tmp_path, output, words):
    sentence = dev.why_it_failed("pip", output, tmp_path, tmp_path / "setup.log")
    assert words in sentence and "\n" not in sentence


@pytest.mark.slow  # it makes an environment
def test_without_a_network_the_set_up_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1"}
    for name, value in (offline | {"PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": ""}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("COMFYUI_PATH")
    monkeypatch.setattr(dev, "SPACE_NEEDED", 0)
    with pytest.raises(dev.SetupError, match="could not be downloaded"):
        dev.set_up_environment(tmp_path, ())
    assert [path.name for path in tmp_path.iterdir()] == ["setup.log"]


def test_without_a_network_the_type_checker_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    offline = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_cache": str(tmp_path / "npm")}
    for name, value in (offline | {"npm_config_fetch_retries": "0", "COMFYUI_GOT_CACHE": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(dev.SetupError, match="could not be downloaded"):
        dev.node_package(dev.TYPESCRIPT, Path(sys.executable))
    assert {path.name for path in tmp_path.iterdir()} <= {"setup.log", "lock", "npm"}


def test_a_machine_without_node_is_told_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dev.SetupError, match=r"Node.js 18 or newer with npm"):
        dev.node_tool("npm", tmp_path / "python")


def test_the_environments_node_comes_before_the_machines(tmp_path, monkeypatch):
    name = "node.exe" if dev.WINDOWS else "node"
    places = [tmp_path / place for place in ("environment", "machine")]
    for place in places:
        place.mkdir()
        (place / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(places[1]))
    assert Path(dev.node_tool("node", places[0] / "python")) == places[0] / name


def test_a_full_disk_is_noticed_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(dev, "SPACE_NEEDED", 1e18)
    with pytest.raises(dev.SetupError, match="not enough space on the disk"):
        dev.set_up_environment(tmp_path, ())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("files", [["pyvenv.cfg", "bin/python", "Scripts/python.exe"], ["pyvenv.cfg"]])
def test_an_environment_of_a_persons_is_neither_used_nor_removed(tmp_path, files):
    for name in files:
        (tmp_path / "venv" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "venv" / name).touch()
    with pytest.raises(dev.SetupError, match="COMFYUI_GOT_CACHE"):
        dev.set_up_environment(tmp_path, ())
    assert all((tmp_path / "venv" / name).exists() for name in files)


def test_a_wrong_comfyui_path_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(dev.SetupError, match=f"COMFYUI_PATH is {tmp_path}"):
        dev.comfyui_sources(tmp_path, Path(sys.executable))


def test_with_comfyuis_own_python_nothing_is_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_GOT_CACHE", str(tmp_path))
    monkeypatch.setenv("COMFYUI_PYTHON", os.path.relpath(sys.executable))
    python, variables = dev.set_up("train")
    assert python == Path(os.path.abspath(sys.executable)) and variables["COMFYUI_PATH"] == os.environ["COMFYUI_PATH"]
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_wrong_comfyui_python_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COMFYUI_GOT_CACHE", str(tmp_path))
    monkeypatch.setenv("COMFYUI_PYTHON", str(tmp_path / "python"))
    with pytest.raises(dev.SetupError, match=f"COMFYUI_PYTHON is {tmp_path}"):
        dev.set_up()


JUNIT = """<?xml version="1.0"?><testsuites><testsuite><testcase/><testcase><failure/></testcase>
<testcase><skipped/></testcase><testcase><error/></testcase></testsuite></testsuites>"""
TAP = "ok 1 - a\n# tests 5\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 0\n"


@pytest.mark.parametrize(("results", "passed", "failed"), [(JUNIT, 1, 2), (TAP, 3, 2), ("TAP version 13\n", 0, 0)])
def test_results_are_counted(results, passed, failed):
    assert dev.count(results) == (passed, failed)


def test_fast_leaves_out_only_slow_tests_the_second_transformers_and_the_second_frontend(monkeypatch, capsys):
    def run_check(name, command, *_):
        checks[name] = command
        return 2, 0

    checks = {}
    monkeypatch.setattr(dev, "node_tool", lambda *_: "node")
    monkeypatch.setattr(dev, "node_package", lambda *_: Path())
    for name, made in {"set_up": ("python", {}), "oldest_transformers": "oldest", "newest_frontend": "newest"}.items():
        monkeypatch.setattr(dev, name, lambda *_, made=made: made)
    monkeypatch.setattr(dev, "run_check", run_check)
    assert dev.test(["--fast"]) == 0 and capsys.readouterr().out == "10 passed, 0 failed\n"
    fast = dict(checks)
    assert dev.test([]) == 0 and capsys.readouterr().out == "14 passed, 0 failed\n"
    assert fast["pytest"] == [*checks["pytest"], "-m", "not slow"]
    assert checks.keys() - fast.keys() == {"pytest with the oldest transformers", "pytest with the newest frontend"}


@pytest.mark.slow
def test_the_demo_prints_one_json_object_and_an_image_with_its_chain(tmp_path):
    image = tmp_path / "image.png"
    command = [sys.executable, dev.ROOT / "tools" / "run.py", "tools.demo", "--json", "--steps", "2"]
    ended = subprocess.run([*command, "--seed", "7", "--out", image], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report.keys() == {"prompt", "chain", "regions", "seconds", "image"}
    assert Path(report["image"]) == image
    assert report["seconds"].keys() >= {"server start", "chain", "guidance", "sampling", "decoding", "total"}
    assert_describes_itself(image, report["chain"], seed=7)


def assert_describes_itself(image: Path, chain: str, seed: int):
    """The PNG opens as the workflow that made it, seed included, and carries the chain."""
    from PIL import Image

    texts = Image.open(image).text
    assert texts["got_chain"] == chain
    assert f'"seed": {seed}' in texts["prompt"]
    sampler = next(node for node in json.loads(texts["workflow"])["nodes"] if node["type"] == "GoTSampler")
    assert sampler["widgets_values"][:3] == [seed, "fixed", 2]


def run(*arguments, **environment):
    command = [sys.executable, dev.ROOT / "tools" / "run.py", *arguments]
    return subprocess.run(command, capture_output=True, env=os.environ | environment)


def test_a_python_that_leaves_our_folder_out_of_its_path_loses_no_other(tmp_path):
    """As the one that comes with ComfyUI on Windows does."""
    (tmp_path / "tarfile.py").write_text("raise SystemExit('found')")  # a module that dev.py imports
    assert b"found" in run("dev", PYTHONSAFEPATH="1", PYTHONPATH=str(tmp_path)).stderr


def test_a_character_that_a_pipe_has_not_is_written_in_another_way(tmp_path):
    with socket.socket() as other:  # a taken port: the server does not start
        other.bind(("127.0.0.1", 0))
        other.listen()
        arguments = ("--port", str(other.getsockname()[1]), "--base", str(tmp_path / "\u732b"))
        ended = run("tools.serve", *arguments, PYTHONIOENCODING="ascii:strict")
    assert rb"\u732b" in ended.stdout and b"Another server is on port" in ended.stderr


def test_every_command_has_its_module():
    for module, *extras in dev.MODULES.values():
        path = dev.ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
        assert set(extras) <= {"train", "test"}


@pytest.mark.parametrize("module", ["evaluation", "tools.bench"])
def test_what_releases_leave_out_is_asked_for_in_a_sentence(monkeypatch, tmp_path, module):
    left_out = (dev.ROOT / ".comfyignore").read_text().split()
    assert any(f"{module.replace('.', '/')}/".startswith(folder) for folder in left_out)
    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    with pytest.raises(dev.SetupError, match="clone the repository"):
        dev.run_module(module, [])
