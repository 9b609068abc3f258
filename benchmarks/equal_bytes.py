"""Whether each codec makes the same bytes of the same frames: five times, at two sizes, as a table.

    python -m benchmarks.equal_bytes samples/harbour.mp4

Each time is a process of its own whose fresh memory is filled with another value, because otherwise an encoder that
reads uninitialised memory (x264 with mbtree, at 480x270 and not at 640x360) may give equal files by chance.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from vidstyle.core.images import resize
from vidstyle.video import WriteSettings, default_suffix, open_source, plan_output
from vidstyle.video.write.codecs import CODECS

SIZES = ((480, 270), (640, 360))
TIMES, FRAMES = 5, 24


def once(path: Path) -> dict[str, str]:
    """A hash of the coded packets for each codec and size."""
    torch.set_num_threads(1)
    source, found = open_source(path), {}
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            frames = [replace(frame, image=resize(frame.image, (height, width))) for frame in source.decode(0, FRAMES - 1)]
            for codec in CODECS:
                target = Path(folder) / f"{codec}{width}{default_suffix(source.clip, codec)}"
                settings = WriteSettings(codec, audio="none", size=(width, height))
                with plan_output(target, source, (0, FRAMES - 1), settings).open() as sink:
                    coded = [sink.write(frame).segment for frame in frames]
                assert coded[-1] is not None
                found[f"{codec} {width}x{height}"] = hashlib.sha256(coded[-1]).hexdigest()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--once", action="store_true", help="print the hashes of one time")
    asked = parser.parse_args()
    if asked.once:
        print(json.dumps(once(asked.clip)))
        return
    command = [sys.executable, "-m", "benchmarks.equal_bytes", str(asked.clip), "--once"]
    every = [json.loads(subprocess.run(command, env=os.environ | {"MALLOC_PERTURB_": str(51 * time)}, capture_output=True,
                                       check=True, text=True).stdout.splitlines()[-1]) for time in range(TIMES)]
    print("| codec and size | different files of five |\n|---|---|")
    for name in every[0]:
        print(f"| {name} | {len({found[name] for found in every})} |")


if __name__ == "__main__":
    main()
