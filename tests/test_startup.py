"""ComfyUI's start with the pack: importing it brings no module that is slow to import, such as transformers' models."""

import json
import os
import subprocess
import sys

import pytest
from got.tools.server import PACK

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
