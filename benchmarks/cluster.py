"""How much faster a Ray cluster of nodes with one core each paints a long clip than one core, and what a lost node costs.

    python benchmarks/cluster.py A.mp4 B.mp4 C.mp4 D.mp4 --style monet.jpg --size 160 --nodes 2

joins the first frames of the clips to one clip with cuts, paints it by one process on one core, by a cluster on this machine,
by a cluster one of whose nodes is killed on the way, and by --jobs; and prints as JSON the seconds of each, when the last step
of each stage came, and whether the output has the bytes of the first. Other options are those of `vidstyle run`. The machine
should have a core for each node, and be idle.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2

PORT = 6391
RAY = Path(sys.executable).with_name("ray")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def join(clips: Sequence[Path], frames: int, target: Path) -> Path:
    """The first `frames` frames of each clip, 640x360, one after another at 25 a second."""
    with av.open(str(target), "w") as sink:
        stream = sink.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        index = 0
        for clip in clips:
            with av.open(str(clip)) as source:
                for _, frame in zip(range(frames), source.decode(video=0), strict=False):
                    image = cv2.resize(frame.to_ndarray(format="rgb24"), (640, 360), interpolation=cv2.INTER_AREA)
                    made = av.VideoFrame.from_ndarray(image, "rgb24")
                    made.pts, made.time_base = index, Fraction(1, 25)
                    sink.mux(stream.encode(made))
                    index += 1
        sink.mux(stream.encode(None))
    return target


@contextmanager
def cluster(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A head without processors and `count` nodes of one each, as `ray start` makes them."""
    running = list[subprocess.Popen[bytes]]()

    def start(*arguments: str) -> None:
        command = [str(RAY), "start", *arguments, "--object-store-memory", "80000000", "--block"]
        running.append(subprocess.Popen(command, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL))

    def wait(nodes: int) -> None:
        command = [str(RAY), "status", "--address", f"127.0.0.1:{PORT}"]
        while subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False).stdout.count(b" 1 node_") < nodes:
            time.sleep(1)

    try:
        start("--head", "--num-cpus", "0", "--port", str(PORT), "--include-dashboard=false")
        wait(1)
        for number in range(count):  # one after another: of two that start at the same time on one machine, one fails
            start("--address", f"127.0.0.1:{PORT}", "--num-cpus", "1")
            wait(number + 2)
        yield running[1:]
    finally:
        for process in running:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill all processes of a node at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def paint(clip: Path, style: Path, size: int, target: Path, *how: str, at: int = 0,
          lose: subprocess.Popen[bytes] | None = None) -> dict[str, object]:
    """Run the command; when `at` frames are painted, the node `lose` is killed."""
    command = [sys.executable, "-m", "vidstyle", "run", str(clip), "--style", str(style), "--size", str(size),
               "-o", str(target), "--json", *how]
    began, first = time.monotonic(), None
    stages = dict[str, float]()
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "start":
                first = time.monotonic()
            if event["event"] == "progress":
                stages[event["stage"]] = round(time.monotonic() - began, 1)
                if lose is not None and event["stage"] == "paint" and event["done"] >= at:
                    kill(lose)
                    lose = None
    assert process.returncode == 0, f"{how} ended with {process.returncode}"
    assert first is not None, "the command states its plan"
    return {"seconds": round(time.monotonic() - began, 1), "after_planning": round(time.monotonic() - first, 1),
            "last_step_of_stage_at": stages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--frames", type=int, default=120, help="of each clip")
    parser.add_argument("--nodes", type=int, default=2)
    asked, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clip = join(asked.clips, asked.frames, folder / "clip.mp4")
        found = {"one core": paint(clip, asked.style, asked.size, folder / "one.mp4", *more)}
        address = ("--cluster", f"127.0.0.1:{PORT}")
        with cluster(asked.nodes):
            found[f"{asked.nodes} nodes"] = paint(clip, asked.style, asked.size, folder / "nodes.mp4", *address, *more)
        with cluster(asked.nodes) as nodes:
            found["a node killed"] = paint(clip, asked.style, asked.size, folder / "killed.mp4", *address, *more,
                                           at=asked.frames, lose=nodes[0])
        jobs = ("--jobs", str(asked.nodes))
        found[" ".join(jobs)] = paint(clip, asked.style, asked.size, folder / "jobs.mp4", *jobs, *more)
        whole = (folder / "one.mp4").read_bytes()
        for name, file in zip(list(found)[1:], ("nodes", "killed", "jobs"), strict=True):
            found[name] |= {"same_bytes": (folder / f"{file}.mp4").read_bytes() == whole,
                            "speed_up": round(found["one core"]["seconds"] / found[name]["seconds"], 2)}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
