"""A list of shots with mixed options, painted in processes that are killed on the way, each with the method of the negative.

    python tests/batch_runs.py --kills 5

prints as JSON what differs from a batch that nobody killed: nothing should.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch
from negative_method import Negative
from sequence_files import make_sequence
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.images import write_png
from vidstyle.painting.methods import METHODS
from vidstyle.run import pipeline
from vidstyle.run.resume import schedule
from vidstyle.video.write import segment

COLUMNS = ("clip", "style", "frames", "start", "end", "output", "strength", "color", "size", "codec", "crf", "output_size",
           "audio", "preroll")
ROWS: list[dict[str, Any]] = [
    {}, {"frames": "2-6"}, {"strength": 0.5}, {"color": "source"}, {"style": "b.png"}, {"style": "a.png:2;b.png"},
    {"codec": "ffv1", "output": "whole.mkv"}, {"crf": 30}, {"size": 32}, {"output_size": 48}, {"audio": "none"},
    {"start": 0.1, "end": 0.3}, {"output": "images/out.####.png"}, {"clip": "plates/shot.####.png"},
    {"preroll": 3, "frames": "1-3"},
    {"strength": 0}, {"codec": "vp9", "output": "deep/er/web.webm"}, {"clip": "cards/A001.mp4"}, {"style": "b.png", "crf": 9},
    {"color": "source", "strength": 0.3, "frames": 5},
]  # fmt: skip


def make_shots(folder: Path, count: int = len(ROWS)) -> Path:
    """The clips and the styles of a list of `count` shots, and the list."""
    for name, seed in (("a.png", 0), ("b.png", 1)):
        write_png(folder / name, torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(seed)))
    (folder / "plates").mkdir()
    make_sequence(folder / "plates", range(1, 9))
    (folder / "cards").mkdir()
    make_clip(folder / "cards/A001.mp4", frames=8, size=(64, 48))
    lines = [",".join(COLUMNS)]
    for number, row in enumerate(ROWS[:count]):
        values = {"clip": f"shot{number}.mp4", "style": "a.png"} | row
        if "plates" not in values["clip"] and "cards" not in values["clip"]:
            make_clip(folder / values["clip"], frames=8 + number % 5, size=(64, 48), sound=[("aac", None)])
        lines.append(",".join(str(values.get(column, "")) for column in COLUMNS))
    (folder / "shots.csv").write_text("\n".join(lines) + "\n")
    return folder / "shots.csv"


def command(shots: Path, *words: str) -> list[str]:
    """The command that paints the list by the negative."""
    config = shots.parent / "negative.toml"
    config.write_text('method = "negative"\ndevice = "cpu"\n')
    return ["batch", str(shots), "--config", str(config), "-o", f"{shots.parent / 'painted'}/", *words]


def negative_only(log: Path | None = None) -> None:
    """Make the negative a method, save after every frame, and write to `log` which outputs were begun and finished."""
    METHODS["negative"] = Negative()
    schedule.LEAST_SECONDS, schedule.MOST_SHARE, segment.LENGTH, segment.SHORTEST = 0.0, 1e9, 4, 2
    paint = pipeline.run

    def logged(plan: Any, **how: Any) -> Any:
        with log.open("a") as file:
            file.write(f"begin {plan.target}\n")
        result = paint(plan, **how)
        with log.open("a") as file:
            file.write(f"end {plan.target}\n")
        return result

    if log is not None:
        pipeline.run = logged


def in_a_child(job: Callable[[], int], said: Path) -> int:
    """Start `job` in a fork of this process, with its output in a file; its process id."""
    child = os.fork()
    if not child:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = 1
        try:
            code = job()
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file that the batch has written but the report and the manifests, which state times."""
    found = [path for part in ("painted", "images", "deep") for path in (folder / part).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in [*found, *folder.glob("whole.mkv*")]
            if not path.name.endswith(".vidstyle.json")}


def experiment(folder: Path, shots: int, kills: int, seed: int) -> dict[str, Any]:
    """Paint one list without a kill and the same with kills; see the module."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    (folder / "calm").mkdir()
    calm = make_shots(folder / "calm", shots)
    killed = Path(shutil.copytree(folder / "calm", folder / "killed")) / calm.name
    logs = [each.parent / "log.txt" for each in (calm, killed)]

    def job(shots: Path, log: Path) -> Callable[[], int]:
        def run() -> int:
            negative_only(log)
            return execute(command(shots))
        return run

    child = in_a_child(job(calm, logs[0]), folder / "calm.txt")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, (folder / "calm.txt").read_text()
    chance, codes = random.Random(seed), []
    logs[1].touch()
    for left in range(kills, -1, -1):
        events = len(logs[1].read_text().splitlines()) + chance.randint(1, max(1, 2 * shots // (kills + 2)))
        child = in_a_child(job(killed, logs[1]), folder / "killed.txt")
        if left:
            while len(logs[1].read_text().splitlines()) < events:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.5))
            os.kill(child, signal.SIGKILL)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    wanted, found = outputs(calm.parent), outputs(killed.parent)
    events = [line.split(" ", 1) for line in logs[1].read_text().splitlines()]
    ends = Counter(target for event, target in events if event == "end")
    finished: set[str] = set()
    again = []
    for event, target in events:
        again += [target] if event == "begin" and target in finished else []
        finished |= {target} if event == "end" else set()
    return {"codes": codes, "outputs": len(found), "differ": sorted(name for name in {*wanted, *found}
                                                                    if wanted.get(name) != found.get(name)),
            "twice": [target for target, count in ends.items() if count > 1] + again,
            "begun": sum(event == "begin" for event, _ in events),
            "work_folders": [path.name for path in killed.parent.rglob("*.vidstyle-work")],
            "report": json.loads((killed.parent / "shots_report/report.json").read_text())["counts"],
            "said": (folder / "killed.txt").read_text()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=int, default=len(ROWS))
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.folder is not None:
        asked.folder.mkdir(parents=True)
        print(json.dumps(experiment(asked.folder, asked.shots, asked.kills, asked.seed)))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            print(json.dumps(experiment(Path(temporary), asked.shots, asked.kills, asked.seed)))
