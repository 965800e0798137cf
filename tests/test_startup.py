"""ComfyUI's start with the pack: importing it brings no module that is slow to import, such as transformers' models."""

import json
import os
import subprocess
import sys

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from got.got_models.comfy.routes import check_folder_name, is_served
from got.tests.coroutines import result_of
from got.tools.server import PACK
from yarl import URL

# Loads an empty pack, which brings what ComfyUI itself needs, and then this pack.
SCRIPT = """
import asyncio, json, sys
from comfy.cli_args import args
args.cpu = True
import nodes, server
async def load():
    server.PromptServer(asyncio.get_running_loop())
    assert await nodes.load_custom_node(sys.argv[1])
    before = set(sys.modules)
    assert await nodes.load_custom_node(sys.argv[2])
    print(json.dumps({"new": sorted(set(sys.modules) - before), "nodes": sorted(nodes.NODE_CLASS_MAPPINGS)}))
asyncio.run(load())
"""


@pytest.mark.slow  # it starts a process
def test_importing_the_pack_imports_its_own_modules_and_no_library(tmp_path):
    (tmp_path / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(PACK)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=os.environ["COMFYUI_PATH"], check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert "GoTLoader" in found["nodes"]
    libraries = {name.partition(".")[0] for name in found["new"] if not name.startswith(str(PACK))}
    assert libraries - sys.stdlib_module_names == set()


FOLDERS = ("ComfyUI-GoT", "got_v2.1", "got+1@x", "My GoT", "GoT-模型", "a[1]")


async def served(folder, name):
    """Whether aiohttp serves a file as ComfyUI asks it to, for a browser's address."""
    app = web.Application()
    app.add_routes([web.static(f"/extensions/{name}", folder)])
    async with TestClient(TestServer(app)) as client:
        return (await client.get(URL.build(path=f"/extensions/{name}/got.js"))).status == 200


@pytest.mark.parametrize("name, expected", zip(FOLDERS, [True] * 3 + [False] * 3, strict=True))
def test_a_folder_whose_scripts_are_not_served_is_named_in_the_log(tmp_path, caplog, name, expected):
    (tmp_path / "got.js").write_text("")
    assert result_of(served(tmp_path, name)) == is_served(name) == expected
    check_folder_name(name)
    assert (f"'{name}'" in caplog.text) == (not expected)
