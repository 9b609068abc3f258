"""Mutated clips through probing, decoding and whole runs: each must end in time, with all frames or with an error message.

    python benchmarks/fuzz.py --count 5000 --jobs 2            the figures of the changelog
    python benchmarks/fuzz.py --only 1234 --keep FOLDER        one case again, its files kept
    python benchmarks/fuzz.py --count 500 --trace              every file that is opened, as the kernel sees it (needs strace)

Each case is made from a seed: one of the small clips of `fuzz_clips.py`, changed in one of eight ways, under one of the three
`--on-damage`. Workers are processes of their own, so that a hang or a crash in native code is seen and counted and costs one
case. What every thread of a hanging worker does is printed, by Python's faulthandler and by gdb where that is installed.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` is not installed

from benchmarks.fuzz_clips import Case, case, make_sources

SECONDS = 60.0
"""For one case: a hundred times what an unchanged clip takes, and a run on a busy machine still ends in time."""
MEMORY = 12 << 30
"""Bytes of address space for a worker; PyTorch and FFmpeg map some 4 GB before any work."""


def work() -> None:
    """A worker: reads one JSON line per case, answers with one."""
    import torch

    from vidstyle.painting.feedforward.network import PaintNetwork
    from vidstyle.painting.feedforward.network_file import save_network

    faulthandler.register(signal.SIGUSR1, all_threads=True)
    torch.set_num_threads(1)
    av.logging.set_level(None)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not look like a reply
    folder = Path(sys.argv[2])
    network, style = folder / "net.safetensors", folder / "style.png"
    save_network(PaintNetwork(width=8, blocks=1), network, {})
    import cv2

    cv2.imwrite(str(style), np.arange(48 * 48 * 3, dtype=np.uint32).astype(np.uint8).reshape(48, 48, 3))
    print("ready", file=replies, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        path = Path(asked["path"])
        outcome, text = _try(path, asked["policy"], asked["target"], network, style)
        left = [other.name for other in path.parent.iterdir() if other.name not in asked["files"] and
                not other.name.endswith(".vidstyle-work")]  # the folder of an unfinished run
        if left and outcome != "painted":
            outcome, text = "left behind", f"{left}, {outcome}: {text}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(json.dumps({"outcome": outcome, "text": text, "peak_mb": peak}), file=replies, flush=True)


def _try(path: Path, policy: str, name: str, network: Path, style: Path) -> tuple[str, str]:
    from vidstyle.core.errors import VidstyleError
    from vidstyle.core.options import Options
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.pipeline import stylize_video
    from vidstyle.video import ReadSettings, open_source

    try:
        source = open_source(path, ReadSettings(policy))
        clip = source.clip
        pts = [frame.pts for frame in source.decode()]
        if pts != list(clip.pts):
            return "short", f"{len(pts)} of {clip.frames} frames"
        if not name:
            return "decoded", ""
        target = path.with_name(name)
        options = Options(method="feedforward", network=network, strength=0.0, size=32, device="cpu", on_damage=policy,
                          codec="ffv1" if name == "out.mkv" else "auto", fps=None if clip.timed else Fraction(24))
        result = stylize_video(path, [Style(style)], target, options)
        written = open_source(target).clip
        if not result.frames == written.frames == clip.frames:
            return "short", f"{written.frames} of {clip.frames} frames written"
        return "painted", ""
    except VidstyleError as error:
        sentence = str(error)
        whole_sentence = sentence.endswith(".") and "\n" not in sentence and 20 < len(sentence) < 600
        return ("refused" if whole_sentence else "no sentence"), sentence
    except Exception as error:  # what the command line reports as our bug
        return "crash", f"{error!r} {traceback.format_exc()[-1500:]}"


class Worker:
    """A process that tries one case after the other, and is replaced where it hangs or dies."""

    def __init__(self, folder: Path, prefix: tuple[str, ...] = ()) -> None:
        self.folder, self._prefix = folder, prefix
        (folder / "case").mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[str] | None = None

    def try_case(self, tried: Case) -> dict[str, str]:
        """The result of the case: `outcome`, `text`."""
        for old in (self.folder / "case").iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        for name, content in tried.files:
            (self.folder / "case" / name).write_bytes(content)
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        asked = {"path": str(self.folder / "case" / tried.clip), "files": [name for name, _ in tried.files],
                 "policy": tried.policy, "target": tried.target}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        reply = self._read(SECONDS)
        if reply is None:
            died = self._process.poll() is not None or self._wait(1)
            outcome, text = (("died", f"exit {self._process.returncode}; {self._log()}") if died else
                             ("hang", f"over {SECONDS:g} s\n{self._threads()}"))
            self.stop()
            return {"outcome": outcome, "text": text}
        return json.loads(reply)

    def _start(self) -> None:
        command = [*self._prefix, sys.executable, str(Path(__file__).resolve()), "--worker", str(self.folder)]
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=(self.folder / "log").open("wb"),
                                         text=True, env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"})
        if self._read(120) is None:
            raise RuntimeError("a worker does not start; run this file with --worker FOLDER to see why")

    def _threads(self) -> str:
        """What each thread of a hanging process does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        native = ""
        if shutil.which("gdb"):
            command = ["gdb", "-p", str(self._process.pid), "-batch", "-ex", "thread apply all backtrace 14"]
            with suppress(subprocess.TimeoutExpired):
                native = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout[-12_000:]
        return f"{self._log()}\n{native}"

    def _log(self) -> str:
        """The end of what the process printed on stderr."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def _read(self, seconds: float) -> str | None:
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return (self._process.stdout.readline() or None) if ready else None

    def _wait(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


TRACER = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=open,openat,connect", "-o")


def opened_elsewhere(trace: str, folder: str) -> list[str]:
    """Files and addresses outside `folder` that were opened after the first case, except those of Python and the system."""
    after = trace[trace.index(f"{folder}/0/case/"):]
    names = re.findall(r'(?:open|openat)\(.*?"((?:[^"\\]|\\.)*)"', after) + re.findall(r"connect\(.*", after)
    root = str(Path(__file__).resolve().parent.parent)
    known = (folder, root, sys.prefix, sys.base_prefix, "/usr/", "/lib", "/etc/", "/proc/", "/sys/", "/dev/")
    return sorted({name for name in names if not name.startswith(known)})


GOOD = ("decoded", "painted", "refused")
"""Outcomes that are correct."""


def run(numbers: list[int], seed: int, folder: Path, jobs: int = 1,
        prefix: tuple[str, ...] = ()) -> Iterator[tuple[Case, dict[str, str]]]:
    """Try these cases and yield each with its outcome, `jobs` at a time."""
    (folder / "sources").mkdir()
    sources = make_sources(folder / "sources")

    def share(job: int) -> list[tuple[Case, dict[str, str]]]:
        worker = Worker(folder / str(job), prefix)
        try:
            return [(tried, worker.try_case(tried)) for tried in (case(n, seed, sources) for n in numbers[job::jobs])]
        finally:
            worker.stop()

    with ThreadPoolExecutor(jobs) as pool:
        for done in pool.map(share, range(jobs)):
            yield from done


def main() -> None:
    """Run the series and print the outcomes; exit code 1 if any is not in GOOD."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", type=int, help="one case")
    parser.add_argument("--keep", type=Path, help="with --only: a folder in which its files are kept")
    parser.add_argument("--trace", action="store_true", help="one worker under strace; list what it opens elsewhere")
    asked = parser.parse_args()
    numbers = [asked.only] if asked.only is not None else list(range(asked.first, asked.first + asked.count))
    began, outcomes, peak = time.monotonic(), Counter[tuple[str, str]](), 0
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "trace"
        prefix = (*TRACER, str(log)) if asked.trace else ()
        for tried, found in run(numbers, asked.seed, Path(folder), 1 if asked.trace else min(asked.jobs, len(numbers)), prefix):
            outcomes[tried.policy, found["outcome"]] += 1
            peak = max(peak, int(found.get("peak_mb", 0)))
            if found["outcome"] not in GOOD or asked.only is not None:
                print(f"case {tried.number} ({tried.source.name}, {tried.kind}, {tried.policy}): "
                      f"{found['outcome']}: {found['text']}", flush=True)
            if asked.keep is not None:
                asked.keep.mkdir(parents=True, exist_ok=True)
                for name, content in tried.files:
                    (asked.keep / name).write_bytes(content)
        if asked.trace:
            elsewhere = opened_elsewhere(log.read_text(errors="replace"), folder)
            print(f"files opened elsewhere, once the worker was ready: {elsewhere or 'none'}")
    for (policy, outcome), count in sorted(outcomes.items()):
        print(f"{policy:5} {outcome:12} {count}")
    print(f"{len(numbers)} files in {time.monotonic() - began:.0f} s, at most {peak} MB of memory")
    raise SystemExit(any(outcome not in GOOD for _, outcome in outcomes))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--worker":
        work()
    else:
        main()
