"""Paint a small clip in a process that is killed again and again, or finds its disk full, until it gets through.

    python tests/killed_runs.py --method every-frame --kills 50
    python tests/killed_runs.py --output 'out.####.exr' --kills 50

prints as JSON how often that was and in which stage, and what differs from a run that nobody killed: nothing should.
On a file system with less than 200 MB free (a small tmpfs, given by --folder) the disk is really filled; elsewhere files
are kept from growing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import torch
from video_clips import make_clip

from vidstyle.core.errors import OutputError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.resume import schedule
from vidstyle.run.resume.folder import JOURNAL, work_folder
from vidstyle.run.resume.journal import Journal
from vidstyle.run.resume.records import FRAMES as FRAMES_WRITTEN
from vidstyle.video.write import segment

FRAMES, SIZE = 40, (96, 64)
OPTIONS = {"fit_steps": 5, "optimize_steps": 10, "follow_steps": 8, "size": 80, "device": "cpu", "references": (1, 2)}
PAINTED_BY = {"key-frames": {}, "every-frame": {"key_every": 1, "strokes": 0}, "feedforward": {"method": "feedforward"}}
FULL = 44
"""Exit code of a run that ended with a sentence about its disk."""


def in_a_child(job: Callable[[], object]) -> int:
    """Start `job` in a fork of this process, which has loaded the libraries but never used them; its process id."""
    child = os.fork()
    if not child:
        try:
            job()
        except OutputError:
            os._exit(FULL)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stage(target: Path) -> str:
    """What the journal says that a run has saved last."""
    records = Journal(work_folder(target) / JOURNAL).read()
    if len(records) < 2:
        return "begin"
    if records[-1]["kind"] != FRAMES_WRITTEN:
        return str(records[-1]["kind"])
    return "end" if sum(len(record.get("facts", ())) for record in records) == FRAMES else "paint"


def written(target: Path) -> dict[str, bytes]:
    """The files under the final names of an output: a movie, or each image of a sequence."""
    return {path.name: path.read_bytes() for path in sorted(target.parent.glob(f"out*{target.suffix}"))}


def experiment(folder: Path, method: str, kills: int, seed: int, output: str = "out.mp4") -> dict[str, object]:
    """Make the clip, paint it once without a kill, then again and again with kills; see the module."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    schedule.LEAST_SECONDS, schedule.MOST_SHARE, segment.LENGTH, segment.SHORTEST = 0.05, 1.0, 12, 4
    clip = make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, sound=[("aac", "eng")])
    picture = folder / "style.png"
    write_png(picture, torch.rand(3, 80, 64, generator=torch.Generator().manual_seed(0)))
    options = Options(**PAINTED_BY[method], **OPTIONS)
    calm, target = folder / "calm" / output, folder / "shot" / output

    def paint(to: Path, most: int = resource.RLIM_INFINITY) -> Callable[[], object]:
        def job() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            stylize_video(clip, [Style(picture)], to, options)
        return job

    for to in (calm, target):
        to.parent.mkdir()
    began = time.monotonic()
    assert ended(in_a_child(paint(calm))) == 0
    whole, wanted = time.monotonic() - began, written(calm)

    chance, killed, full = random.Random(seed), Counter[str](), Counter[str]()
    small = shutil.disk_usage(folder).free < 200e6
    left = kills
    while True:
        starve = left > 0 and chance.random() < 0.2
        ballast = folder / "ballast"
        if starve and small:
            ballast.write_bytes(bytes(max(0, shutil.disk_usage(folder).free - chance.randrange(400_000))))
        child = in_a_child(paint(target, int(10 ** chance.uniform(3, 7)) if starve and not small else resource.RLIM_INFINITY))
        if left and not starve:
            time.sleep(whole * chance.random())
            os.kill(child, signal.SIGKILL)
        code = ended(child)
        ballast.unlink(missing_ok=True)
        found = written(target)
        assert found.items() <= wanted.items(), "a file under a final name is not whole"
        if code == FULL:
            full[stage(target)] += 1
            assert not target.exists()
            continue
        assert code in (0, -signal.SIGKILL), f"the run failed with exit code {code}"
        if code:
            killed[stage(target)] += 1
            left -= 1
        if code == 0 or (found == wanted and stage(target) == "begin"):  # the kill came when all was done
            assert found == wanted, "a run that got through left a file out"
            if code == 0 and left == 0:
                break
            for name in (*found, manifest_path(target).name):
                (target.parent / name).unlink()
    hashes = [json.loads(manifest_path(to).read_text())["frame_sha256"] for to in (calm, target)]
    return {"method": method, "killed": killed, "full": full, "left_over": sorted(set(os.listdir(target.parent)) - set(found)),
            "frames_differ": sum(one != other for one, other in zip(*hashes, strict=True)),
            "same_bytes": found == wanted}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=PAINTED_BY, default="key-frames", help="key-frames is the default of vidstyle run")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--output", default="out.mp4", help="a movie, or a pattern of pictures")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        print(json.dumps(experiment(Path(temporary), asked.method, asked.kills, asked.seed, asked.output)))
