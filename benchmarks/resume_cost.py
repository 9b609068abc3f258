"""The cost of making runs resumable: time spent on saving and hashing, as a share of the whole run.

    python -m benchmarks.resume_cost samples/harbour.mp4 samples/styles/night.jpg --network NET.safetensors --size 640

The clip is painted twice by `--method feedforward`: once without a stop, and once with a stop half-way. The time of both halves
together is compared with that of the run without a stop, which shows what else is done twice, such as probing the clip. Each
function that only serves resuming, or the manifest, is timed; a call from inside another such call counts once. On a busy
machine the share of processor time is more reliable than that of elapsed time, but it leaves out waiting for the disk.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run import paint, pipeline
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.video.write import sink

CALLS = [(pipeline, "describe_run"), (paint, "frame_hash"), (pipeline, "write_manifest"), (sink, "pack_samples"),
         (RunFolder, "__enter__"), (RunFolder, "__exit__"), (FitCheckpoint, "state"), (FitCheckpoint, "save"),
         (FitCheckpoint, "save_network"), (FrameLog, "restore"), (FrameLog, "append"), (FrameLog, "save"),
         (FrameLog, "__exit__")]
spent: defaultdict[str, float] = defaultdict(float)
computed = [0.0]
inside = [False]


def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    # Only `restore` uses other threads, those of the encoder, and while it lasts nothing else runs.
    processor = time.process_time if name == "FrameLog.restore" else time.thread_time

    @functools.wraps(call)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if inside[0]:
            return call(*args, **kwargs)
        inside[0], began, cpu = True, time.perf_counter(), processor()
        try:
            return call(*args, **kwargs)
        finally:
            inside[0] = False
            spent[name] += time.perf_counter() - began
            computed[0] += processor() - cpu
    return wrapper


def measure(what: str, run: Callable[[], object]) -> tuple[float, float, float, float]:
    """Elapsed seconds of `run` and of what only serves resuming, then processor seconds of both; prints them."""
    spent.clear()
    computed[0], began, cpu = 0.0, time.perf_counter(), time.process_time()
    with suppress(KeyboardInterrupt):
        run()
    whole, busy = time.perf_counter() - began, time.process_time() - cpu
    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in spent.items())
    print(f"{what}: {whole:.1f} s, of it {sum(spent.values()):.2f} s ({sum(spent.values()) / whole:.2%}); "
          f"processor {busy:.1f} s, of it {computed[0]:.2f} s ({computed[0] / busy:.2%}): {parts}")
    return whole, sum(spent.values()), busy, computed[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--network", type=Path)
    parser.add_argument("--size", type=int, default=640)
    asked = parser.parse_args()
    options = Options(method="feedforward", network=asked.network, size=asked.size, device="cpu")
    for home, name in CALLS:
        setattr(home, name, timed(f"{home.__name__.rpartition('.')[2]}.{name}", getattr(home, name)))

    with tempfile.TemporaryDirectory() as folder:
        def paint(name: str, stop: float = 2.0) -> None:
            def listen(step: Progress) -> None:
                if step.stage == "paint" and step.total and step.done >= stop * step.total:
                    raise KeyboardInterrupt
            stylize_video(asked.clip, [Style(asked.style)], Path(folder) / name, options, listen=listen)

        once = measure("without a stop", lambda: paint("whole.mp4"))
        halves = measure("first half", lambda: paint("halves.mp4", 0.5)), measure("second half", lambda: paint("halves.mp4"))
        whole, serving, busy, counted = (one + other for one, other in zip(*halves, strict=True))
        print(f"both halves: {whole:.1f} s ({whole / once[0] - 1:+.1%}), of it {serving:.2f} s ({serving / whole:.2%}); "
              f"processor {busy:.1f} s ({busy / once[2] - 1:+.1%}), of it {counted:.2f} s ({counted / busy:.2%})")
        same = (Path(folder) / "whole.mp4").read_bytes() == (Path(folder) / "halves.mp4").read_bytes()
        print("the two files are the same" if same else "the two files DIFFER")


if __name__ == "__main__":
    main()
