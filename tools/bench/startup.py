"""Measure the pack's import at ComfyUI's start: what the log says under "Import times for custom nodes", at most 0.2 s.

The first start compiles the modules and is not counted, because a user meets it once.
"""

import os
import re
import tempfile
from pathlib import Path

from ..server import PACK_NAME, Server
from .editor import row

STARTS = 3
IMPORT_TIME = re.compile(rf"([\d.]+) seconds: .*{re.escape(PACK_NAME)}$", re.MULTILINE)


def import_ms() -> float:
    """The import time of one start in ms; the log rounds it to 100 ms."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, Server(Path(folder)) as server:
        return 1000 * float(IMPORT_TIME.search(server.log.read_text(encoding="utf-8"))[1])


def startup_rows() -> list[dict]:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return [row("import at ComfyUI's start", [import_ms() for _ in range(1 + STARTS)][1:])]
