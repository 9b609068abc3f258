"""How to install the packages that only some commands need."""

from __future__ import annotations

import shlex
import sys


def pip_install(*packages: str) -> str:
    """The command that installs `packages` for the Python that this program runs in, whichever `pip` is first in PATH."""
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])
