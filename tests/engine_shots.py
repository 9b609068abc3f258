"""Shots for the engines: small clips with cuts, and what one process makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from three_shots import shots
from video_clips import make_clip

from vidstyle.batch.conduct import Engine, Outcome, Planned, in_turn
from vidstyle.batch.shot import Shot
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run.resume.folder import work_folder

FRAMES = 46
CLIPS = ("long.mp4", "b.mp4", "c.mp4")
QUICK = Options(size=48, strokes=0.0, forms=0.0, device="cpu")


def make_media(folder: Path) -> None:
    """A clip of three shots, two short ones, a style picture, and in `whole` what one process makes of the clips."""
    make_clip(folder / "long.mp4", frames=FRAMES, size=(64, 48), picture=shots, sound=[("aac", "eng")])
    for name in ("b", "c"):
        make_clip(folder / f"{name}.mp4", frames=8, size=(64, 48))
    write_png(folder / "style.png", torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0)))
    (folder / "whole").mkdir()
    paint(in_turn(lambda shot, step: None), planned(folder, CLIPS, folder / "whole"))


def planned(media: Path, names: Iterable[str], folder: Path, options: Options = QUICK) -> list[Planned]:
    """The clips of these names, each painted to a file of the same name in `folder`."""
    found = [Shot(media / name, (Style(media / "style.png"),), options, target=folder / name) for name in names]
    return [Planned(shot, shot.plan()) for shot in found]


def paint(engine: Engine, todo: list[Planned]) -> dict[str, Outcome]:
    """The outcome of each shot by the name of its clip."""
    return {outcome.shot.clip.name: outcome for outcome in engine(todo)}


def painter_of(target: Path) -> int:
    """The process that paints the part of `target` that was begun last."""
    holder = max(work_folder(target).glob("part-*/holder"), key=lambda path: path.stat().st_mtime)
    return int(holder.read_text().split()[1])


@dataclass
class Steps:
    """A listener for shots that notes the steps, and calls `act` once, when a shot has painted `at` frames."""

    name: str = ""
    at: int = 0
    act: Callable[[], None] | None = None
    found: list[tuple[str, Progress]] = field(default_factory=list)

    def __call__(self, shot: Planned, step: Progress) -> None:
        self.found.append((shot.plan.clip.path.name, step))
        if self.act is not None and self.found[-1][0] == self.name and step.stage == "paint" and step.done >= self.at:
            act, self.act = self.act, None
            act()

    def painted(self, name: str) -> list[int]:
        """Frames of a shot painted at each step."""
        return [step.done for clip, step in self.found if clip == name and step.stage == "paint"]
