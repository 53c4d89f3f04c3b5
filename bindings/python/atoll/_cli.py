"""The command `atoll`, which lies in the package."""
from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Becomes the command."""
    command = Path(__file__).resolve().parent / "_bin" / "atoll"
    os.execv(str(command), ["atoll", *sys.argv[1:]])
