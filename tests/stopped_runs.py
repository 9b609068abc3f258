"""Runs of a small clip that are stopped on the way, and what they leave on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.result import Result
from vidstyle.run.resume import schedule
from vidstyle.video.write import segment

QUICK = Options(method="feedforward", fit_steps=3, size=48, device="cpu")
FRAMES, STOP = 29, 21


def save_often(patch: pytest.MonkeyPatch) -> None:
    """Make runs save after each frame, in segments of 8 frames."""
    patch.setattr(segment, "LENGTH", 8)
    patch.setattr(segment, "SHORTEST", 2)
    patch.setattr(schedule, "LEAST_SECONDS", 0.0)
    patch.setattr(schedule, "MOST_SHARE", 1e9)


def make_stopped(folder: Path) -> None:
    """Make a clip, a style image, the whole output `whole.mp4`, and what a run of `out.mp4` leaves that stops at STOP."""
    make_clip(folder / "clip.mp4", frames=FRAMES, sound=[("aac", "eng")])
    write_png(folder / "style.png", torch.rand(3, 80, 64, generator=torch.Generator().manual_seed(0)))
    paint(folder, "whole.mp4")
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "out.mp4", listen=until(STOP))
    assert stop.value.__notes__ == [f"give the same command again and it goes on after {STOP} of {FRAMES} frames"]


def until(frame: int) -> Callable[[Progress], None]:
    """A listener that stops the run when it has painted `frame` frames."""

    def listen(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done == frame:
            raise KeyboardInterrupt

    return listen


def paint(folder: Path, name: str, options: Options = QUICK, **more: object) -> Result:
    return stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options, **more)


def is_whole(folder: Path) -> bool:
    """Whether `out.mp4` has the frames and the bytes of `whole.mp4`."""
    stated = [json.loads((folder / f"{name}.vidstyle.json").read_text())["frame_sha256"] for name in ("whole.mp4", "out.mp4")]
    return stated[0] == stated[1] and (folder / "whole.mp4").read_bytes() == (folder / "out.mp4").read_bytes()
