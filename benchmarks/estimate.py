"""How far `--dry-run` is from the truth: its estimate of time and memory beside the run itself, in processes of their own.

    python -m benchmarks.estimate clip.mp4 style.jpg --run "--size 480 --frames 0-71" --run "--method feedforward --size 320"

Each `--run` is `vidstyle run CLIP --style STYLE` with these options: first with --dry-run, then for real. Prints for each the
estimated and the measured seconds and memory (peak resident set, libraries included), their ratio, the key frames expected, and
what the estimate itself took. On threads as torch has them (OMP_NUM_THREADS). Exits with 1 if a ratio is not
within `--limit`.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def measured(command: Sequence[str]) -> tuple[dict[str, Any], float, float]:
    """The last JSON line of a command, its seconds, and the peak resident set of its process in MB. Raises SystemExit."""
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-m", "vidstyle", *command, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(lines[-1] if lines else f"{shlex.join(command)} failed")
    return json.loads(lines[-1]), time.monotonic() - began, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--run", action="append", default=[], help="options of one run; may be repeated")
    parser.add_argument("--limit", type=float, default=1.5, help="largest ratio between estimate and truth, either way")
    args = parser.parse_args(argv)
    worst = 1.0
    print(f"{args.clip.name}, {args.style.name}")
    for options in args.run or [""]:
        with tempfile.TemporaryDirectory() as folder:
            command = ["run", str(args.clip), "--style", str(args.style), "-o", f"{folder}/painted.mp4", *shlex.split(options)]
            found, cost, _ = measured([*command, "--dry-run"])
            _, seconds, memory = measured(command)
            size = Path(folder, "painted.mp4").stat().st_size
        expected = found["plans"][0]["estimate"]
        told = expected["memory"] / 1e6
        worst = max([worst, *(max(a / b, b / a) for a, b in ((expected["seconds"], seconds), (told, memory)))])
        print(f"run {options}\n"
              f"  time    estimated {expected['seconds']:7.1f} s   measured {seconds:7.1f} s   "
              f"{expected['seconds'] / seconds:5.2f} x\n"
              f"  memory  estimated {told:7.0f} MB  measured {memory:7.0f} MB  {told / memory:5.2f} x\n"
              f"  output  estimated {expected['output_bytes'] / 1e6:7.2f} MB  measured {size / 1e6:7.2f} MB\n"
              f"  key frames expected {expected['key_frames']}; the estimate took {cost:.1f} s", flush=True)
    print(f"largest ratio {worst:.2f}")
    if worst > args.limit:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
