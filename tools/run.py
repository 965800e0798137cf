"""Run a module of the pack: python tools/run.py MODULE arguments.

On sys.path, our nodes/ would hide ComfyUI's nodes.py. So the pack's folder is not there, and its modules are imported
through the alias `got`. `python dev.py run` calls this in the environment.
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from types import ModuleType


def main():
    here = Path(__file__).resolve().parent
    sys.path[:] = [
        place for place in sys.path if Path(place).resolve() != here
    ]  # ComfyUI's own Python may lack it already
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a pipe on Windows may lack a character
    if comfyui := os.environ.get("COMFYUI_PATH"):
        sys.path.insert(0, comfyui)
    pack = ModuleType("got")
    pack.__path__ = [str(here.parent)]
    sys.modules["got"] = pack
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit that closes servers and files
    sys.argv = sys.argv[1:]
    runpy.run_module(f"got.{sys.argv[0]}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
