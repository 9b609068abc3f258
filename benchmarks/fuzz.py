"""Mutated clips through probing, decoding and whole runs: each must end in time, with all frames or with an error message.

    python benchmarks/fuzz.py --count 5000 --jobs 2            the figures of the changelog
    python benchmarks/fuzz.py --only 1234 --keep bad.mp4       one case again, its file kept
    python benchmarks/fuzz.py --count 500 --trace              every file that is opened, as the kernel sees it (needs strace)

Each case is made from a seed: one of a dozen small clips, changed in one of eight ways, under one of the three `--on-damage`.
Workers are processes of their own, so that a hang or a crash in native code is seen and counted and costs one case.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECONDS = 60.0
"""For one case: a hundred times what an unchanged clip takes, and a run on a busy machine still ends in time."""
MEMORY = 12 << 30
"""Bytes of address space for a worker; PyTorch and FFmpeg map some 4 GB before any work."""
RUNS = 10
"""One case in so many goes through a whole run with `--strength 0`, all through probing and decoding."""
POLICIES = ("fail", "hold", "keep")

# name, video codec, pixel format, size, sound codec, options of the encoder, options of the container
SOURCES = [
    ("h264.mp4", "libx264", "yuv420p", (96, 64), "aac", {"bf": "2", "g": "8"}, {}),
    ("faststart.mp4", "libx264", "yuv420p", (96, 64), "aac", {"bf": "0", "g": "6"}, {"movflags": "faststart"}),
    ("fragments.mp4", "libx264", "yuv422p", (64, 48), "aac", {"g": "5"}, {"movflags": "frag_keyframe+empty_moov"}),
    ("hevc.mov", "libx265", "yuv420p10le", (96, 64), "pcm_s16le", {"x265-params": "log-level=error:keyint=8"}, {}),
    ("prores.mov", "prores_ks", "yuv422p10le", (64, 48), "pcm_s16le", {}, {}),
    ("h264.mkv", "libx264", "yuv420p", (96, 64), "flac", {"bf": "2", "g": "8"}, {}),
    ("ffv1.mkv", "ffv1", "yuv444p", (48, 32), "libopus", {"level": "3", "slicecrc": "1"}, {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", (67, 45), "libopus", {"g": "8", "cpu-used": "8"}, {}),
    ("av1.webm", "libsvtav1", "yuv420p", (96, 64), None, {"preset": "12"}, {}),
    ("mpeg4.avi", "mpeg4", "yuv420p", (96, 64), "mp2", {"g": "6"}, {}),
    ("mjpeg.avi", "mjpeg", "yuvj420p", (48, 32), "pcm_s16le", {}, {}),
    ("h264.ts", "libx264", "yuv420p", (96, 64), "mp2", {"bf": "2", "g": "8"}, {}),
    ("mpeg2.ts", "mpeg2video", "yuv420p", (96, 64), "mp2", {"g": "6"}, {}),
    ("palette.gif", "gif", "rgb8", (48, 32), None, {}, {}),
]
FRAMES = 24
_EXTREMES = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\x7f",
             b"\1\0\0\0", b"\xff\xff", b"\0\0", b"\xff" * 8, b"\0" * 8]


def make_sources(folder: Path) -> list[Path]:
    """The small clips that are mutated: other containers, codecs, pixel formats, and sound."""
    return [_make_source(folder / name, *rest) for name, *rest in SOURCES]


def _make_source(path: Path, codec: str, pix_fmt: str, size: tuple[int, int], sound: str | None,
                 options: dict[str, str], container_options: dict[str, str]) -> Path:
    tick = Fraction(1, 100) if codec == "gif" else Fraction(1, 25)
    with av.open(str(path), "w", container_options=container_options) as sink:
        stream = sink.add_stream(codec, rate=25, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = stream.time_base = tick
        track = sink.add_stream(sound, rate=48000, layout="stereo") if sound else None
        y, x = np.mgrid[0:size[1], 0:size[0]]
        for index in range(FRAMES):
            image = np.stack([128 + 100 * np.sin((a + 3 * index) / b) for a, b in ((x, 9), (y, 7), (x + y, 11))], -1)
            frame = av.VideoFrame.from_ndarray(image.astype(np.uint8), "rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(index / 25 / tick), tick
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
        if track:
            wave = (8000 * np.sin(np.arange(1152) / 9)).astype(np.int16)
            for block in range(FRAMES * 1920 // 1152):
                frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], "s16", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = 48000, block * 1152, Fraction(1, 48000)
                sink.mux(track.encode(frame))
            sink.mux(track.encode(None))
    return path


def mutate(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """The name of a kind of damage, and `data` damaged so."""
    kind = rng.choice(["flips", "bytes", "cut", "remove", "insert", "repeat", "zeros", "extremes"])
    out, at = bytearray(data), rng.randrange(len(data))
    length = min(len(data) - at, int(2 ** rng.uniform(0, 12)))
    if kind == "flips":
        for _ in range(int(2 ** rng.uniform(0, 8))):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == "bytes":
        for _ in range(int(2 ** rng.uniform(0, 6))):
            out[rng.randrange(len(out))] = rng.randrange(256)
    elif kind == "cut":
        del out[max(1, at):]
    elif kind == "remove":
        del out[at:at + length]
    elif kind == "insert":
        out[at:at] = rng.randbytes(length)
    elif kind == "repeat":
        out[at:at] = data[at:at + length]
    elif kind == "zeros":
        out[at:at + length] = bytes(length)
    else:  # where the numbers are: at the beginning, at the end, and inside MP4's table of contents
        table = data.find(b"moov")
        for _ in range(rng.choice([1, 1, 2, 4])):
            spots = [(0, min(1000, len(data))), (max(0, len(data) - 1500), len(data))]
            spots += [(table, min(table + 2000, len(data)))] * 2 if table > 0 else []
            begin, end = rng.choice(spots)
            value, place = rng.choice(_EXTREMES), rng.randrange(begin, end)
            out[place:place + len(value)] = value
    return kind, bytes(out) or b"\0"


@dataclass(frozen=True)
class Case:
    """One mutated clip and what is tried with it; made from its number and the seed alone."""

    number: int
    source: Path
    kind: str
    policy: str
    whole: bool
    content: bytes


def case(number: int, seed: int, sources: list[Path]) -> Case:
    """Case `number` of the series `seed`."""
    rng = random.Random(f"{seed}/{number}")
    source = rng.choice(sources)
    kind, content = mutate(source.read_bytes(), rng)
    return Case(number, source, kind, POLICIES[number % 3], number % RUNS == 0, content)


def work() -> None:
    """A worker: reads one JSON line per case, answers with one."""
    import torch

    from vidstyle.painting.feedforward.network import PaintNetwork
    from vidstyle.painting.feedforward.network_file import save_network

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
        outcome, text = _try(path, asked["policy"], asked["whole"], network, style)
        left = [other.name for other in path.parent.iterdir() if other != path and
                not other.name.endswith(".vidstyle-work")]  # the folder of an unfinished run
        if left and outcome != "painted":
            outcome, text = "left behind", f"{left}, {outcome}: {text}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(json.dumps({"outcome": outcome, "text": text, "peak_mb": peak}), file=replies, flush=True)


def _try(path: Path, policy: str, whole: bool, network: Path, style: Path) -> tuple[str, str]:
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
        if not whole:
            return "decoded", ""
        target = path.with_name("out.mkv")
        options = Options(method="feedforward", network=network, strength=0.0, size=32, device="cpu", on_damage=policy,
                          codec="ffv1")
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
        path = self.folder / "case" / f"clip{tried.source.suffix}"
        path.write_bytes(tried.content)
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"path": str(path), "policy": tried.policy, "whole": tried.whole}) + "\n")
        self._process.stdin.flush()
        reply = self._read(SECONDS)
        if reply is None:
            died = self._process.poll() is not None or self._wait(1)
            outcome, text = ("died", f"exit {self._process.returncode}") if died else ("hang", f"over {SECONDS:g} s")
            self.stop()
            return {"outcome": outcome, "text": text}
        return json.loads(reply)

    def _start(self) -> None:
        command = [*self._prefix, sys.executable, str(Path(__file__).resolve()), "--worker", str(self.folder)]
        root = str(Path(__file__).resolve().parent.parent)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                         text=True, env=os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"})
        if self._read(120) is None:
            raise RuntimeError("a worker does not start; run this file with --worker FOLDER to see why")

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
    parser.add_argument("--keep", type=Path, help="with --only: where to keep its file")
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
                asked.keep.write_bytes(tried.content)
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
