"""Seconds and peak memory of whole commands, in turns, beside a trained network that paints the same frames.

    python -m benchmarks.cost clip.mp4 style.jpg --frames 0-239 --size 640 --peer mosaic --run "" --run "--preset draft"
    python -m benchmarks.cost clip.mp4 style.jpg --frames 0-23 --run "--size 1920" --run "--size 640" --rounds 1

Each `--run` is `vidstyle run CLIP --style STYLE` with these options, in a process of its own: start-up, reading, flow,
painting and encoding are counted. A peer (`benchmarks/peer_networks.py`, weights in VIDSTYLE_DATA) reads the same frames,
paints each on its own and encodes them, in a process too. Prints the median seconds of `--rounds` rounds with the least and
the most, the seconds' ratio to the peer's, and the largest peak resident set in MB, libraries included. On threads as torch
has them (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.peer_networks import PEERS, load_peer
from vidstyle.core.images import read_image
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.sampling import at_paint_size


def cost(command: Sequence[str]) -> tuple[float, float]:
    """The seconds of a command and the peak resident set of its process in MB. Raises SystemExit if it fails."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(said)
    return time.monotonic() - began, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, KB elsewhere


def paint_by_peer(name: str, data: Path, clip: Path, style: Path, frames: tuple[int, int], size: int, target: Path) -> None:
    """Paint the frames of a clip with a published network, and write them as `vidstyle run` would."""
    options = Options(size=size, output_size=size, device="cpu")
    plan = plan_video(clip, [Style(style)], target, options, Selection(frames=frames), overwrite=True)
    paint = load_peer(name, data / "weights", read_image(style))
    with plan.output.open(overwrite=True) as sink:
        for frame in plan.source.decode(*frames, clamp=False):
            small = at_paint_size(frame, plan)
            sink.write(replace(frame, image=paint(small.image).clamp(0, 1)))
        sink.close()


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--frames", default="0-239", help="first and last, both painted")
    parser.add_argument("--size", type=int, default=640, help="longest side that the peer paints, in pixels")
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--run", action="append", default=[], help="options of one run; may be repeated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA") or None)
    parser.add_argument("--only-peer", type=Path, metavar="OUT", help="paint by the peer to this file, and print nothing")
    args = parser.parse_args(argv)
    first, last = map(int, args.frames.split("-"))
    if args.only_peer:
        paint_by_peer(args.peer, args.data, args.clip, args.style, (first, last), args.size, args.only_peer)
        return
    start, clip = [sys.executable, "-m"], [str(args.clip), str(args.style), "--frames", args.frames]
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "painted.mp4")
        commands = {f"run {options}": [*start, "vidstyle", "run", clip[0], "--style", *clip[1:], *shlex.split(options),
                                       "-o", target, "--overwrite"] for options in args.run}
        if args.peer:
            commands = {args.peer: [*start, "benchmarks.cost", *clip, "--size", str(args.size), "--peer", args.peer,
                                    *(["--data", str(args.data)] if args.data else []), "--only-peer", target], **commands}
        for _ in range(args.rounds):
            for name, command in commands.items():
                found.setdefault(name, []).append(cost(command))
    print(f"{args.clip.name}, {args.style.name}, frames {args.frames}, {args.rounds} rounds")
    medians = {name: statistics.median(seconds for seconds, _ in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        times = [seconds for seconds, _ in rounds]
        ratio = f"{medians[name] / medians[args.peer]:6.2f} x" if args.peer else ""
        memory = max(megabytes for _, megabytes in rounds)
        print(f"{name:40} {medians[name]:7.1f} s ({min(times):.1f}-{max(times):.1f}) {ratio} {memory:6.0f} MB")


if __name__ == "__main__":
    main()
