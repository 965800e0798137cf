"""Start a real ComfyUI with this pack, for the browser: python dev.py serve [--port N]."""

import argparse
import os
import sys
import time
from pathlib import Path

from .server import Server, ServerError


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py serve", description=__doc__, epilog="Other arguments go to ComfyUI.", allow_abbrev=False
    )
    parser.add_argument("--port", type=int, default=8188, help="port on 127.0.0.1 (default: 8188)")
    parser.add_argument("--base", type=Path, help="folder of models, input and output (default: in the cache folder)")
    options, flags = parser.parse_known_args()
    base = options.base or Path(os.environ["COMFYUI_GOT_CACHE"], "serve")
    print(f"starting ComfyUI ({base})", flush=True)
    server = Server(base, port=options.port, flags=tuple(flags))
    try:
        with server:
            print(f"{server.url}  (Ctrl-C stops it; its log is {server.log})", flush=True)
            while server.process.poll() is None:
                time.sleep(0.5)
    except KeyboardInterrupt:
        print("stopped")
        return 0
    except ServerError as error:
        sys.exit(f"serve: {error}")
    sys.exit(f"serve: ComfyUI ended:\n{server.last_lines()}")


if __name__ == "__main__":
    main()
