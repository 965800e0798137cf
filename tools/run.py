"""Run a module of the pack: python tools/run.py MODULE arguments.

The pack's folder must not be on sys.path, where our nodes/ would hide ComfyUI's nodes.py; so the pack gets the alias
`got`, and its modules are reached through that. `python dev.py run` calls this inside the environment.
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from types import ModuleType


def main():
    here = Path(__file__).resolve().parent
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != here]  # not there in ComfyUI's own Python
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a character that a pipe on Windows has not must end nothing
    if comfyui := os.environ.get("COMFYUI_PATH"):
        sys.path.insert(0, comfyui)
    pack = ModuleType("got")
    pack.__path__ = [str(here.parent)]
    sys.modules["got"] = pack
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that lets servers and files be closed
    sys.argv = sys.argv[1:]
    runpy.run_module(f"got.{sys.argv[0]}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
