"""The most memory that a run takes at once, in MB: its peak resident set, with the libraries.

    python -m benchmarks.memory run clip.mp4 --style style.jpg --size 1920 --method optimize --key-every auto

Everything after the module's name is given to `vidstyle`. What it prints is left out, and what it paints is thrown away.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def peak(arguments: list[str]) -> float:
    """The peak resident set in MB of `vidstyle` with these arguments. Raises SystemExit if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "painted.mp4"
        with subprocess.Popen([sys.executable, "-m", "vidstyle", *arguments, "-o", str(target)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = process.stderr.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(said)
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, KB elsewhere


if __name__ == "__main__":
    print(f"{peak(sys.argv[1:]):.0f} MB")
