"""Make the pack importable as `got` without running its __init__.py, and ComfyUI importable beside it."""

import gc
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent

pack = ModuleType("got")
pack.__path__ = [str(TESTS.parent)]
sys.modules["got"] = pack

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")


def pytest_configure(config):
    """Set ComfyUI up before the tests import it. A process that only distributes tests to others needs none."""
    comfyui = os.environ.get("COMFYUI_PATH")
    if comfyui is None:
        raise pytest.UsageError("The tests need a ComfyUI: run `python dev.py test`, or set COMFYUI_PATH.")
    if config.getoption("dist", "no") != "no":
        return
    # The tests' networks are so small that a second thread costs more than it saves. Servers inherit this.
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, comfyui)
    import torch
    from comfy.cli_args import args

    args.cpu = not torch.cuda.is_available()


def pytest_collection_modifyitems(items):
    """Mark the tests in folders as slow: they need a server. Run the files with slow tests first."""
    for item in items:
        if item.path.parent != TESTS:
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Leave what is imported out of every later garbage collection: that saves a tenth of the time."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _never_skipped_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _never_skipped_in_ci((yield))


def _never_skipped_in_ci(report):
    """In CI everything is installed, so a skipped test counts as failed."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {reason}"
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running ComfyUI with the pack and the probe, shared by all tests of a process."""
    from got.tests.integration.models import broken_models, language_model
    from got.tools.server import Server

    base = tmp_path_factory.mktemp("comfyui")
    broken_models(base / "models" / "got")
    language_model(base / "models" / "text_encoders" / "qwen3vl_4b_fp8_scaled.safetensors")
    frontend = os.environ.get("COMFYUI_GOT_FRONTEND")
    flags = ("--front-end-root", frontend) if frontend else ()
    with Server(base, packs={"got_probe": TESTS / "integration" / "probe"}, flags=flags) as running:
        yield running


@pytest.fixture
def client(server):
    from got.tools.client import Client

    with Client(server.url) as connected:
        yield connected
        if not connected.is_idle(30):
            connected.stop_all()
            pytest.fail("The test left a run in the queue, for example a paused one.")


@pytest.fixture(scope="session")
def random_models(tmp_path_factory):
    """Folders with one random model, by type: "bf16" and "fp8". Tests must not change them."""
    from got.got_models.convert.release import convert
    from got.tools.oracle.qwen import Sizes
    from got.tools.oracle.released import make_release

    base = tmp_path_factory.mktemp("random-models")
    sizes = Sizes(vae={"layers_per_block": 1, "block_out_channels": (32, 32, 32, 32)})
    release = make_release(base / "release", sizes=sizes)
    for dtype in ("bf16", "fp8"):
        convert(release.got, release.mllm, release.sdxl, base / dtype, dtype)
    return {dtype: base / dtype for dtype in ("bf16", "fp8")}
