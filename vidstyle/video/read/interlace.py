"""Whether the pictures of a clip are interlaced: what its frames state, and what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from av import VideoFrame

from vidstyle.core.choices import Deinterlace
from vidstyle.video.clip import Clip, evenly_spaced
from vidstyle.video.read.deinterlace import Deinterlacing, Field, can_weave

PLACES, RUN = 3, 12
"""Places in a clip that are looked at, and neighbouring frames at each: two cycles of 2:3 pulldown and both ends."""
_TALLEST = 1088
"""Most lines of interlaced video; in taller clips, and those of 720 lines, only what the frames state counts."""

_MOTION, _LEAST_MOTION = 8, 0.002  # 8-bit codes by which a pixel changes that moves, and share of the pixels that must

_COMBED = ("tff", "bff")

Luma = np.ndarray[Any, np.dtype[np.int16]]
Kind = Literal["tff", "bff", "progressive", "undetermined"]


@dataclass
class Look:
    """What is seen in runs of neighbouring frames."""

    runs: list[list[Kind]] = field(default_factory=list)
    flagged: bool = False
    """Whether any of the frames states that it is interlaced."""

    def add(self, frames: Sequence[VideoFrame]) -> None:
        """Look at a run of neighbouring frames. Its ends, which lack a neighbour, do not count."""
        self.flagged = self.flagged or any(frame.interlaced_frame for frame in frames)
        self.runs.append(list(_kinds(frames)))

    @property
    def field(self) -> Field:
        """The field that is displayed first, where frames are combed."""
        top, bottom = self._count("tff"), self._count("bff")
        return "auto" if top == bottom else "tff" if top > bottom else "bff"

    @property
    def whole(self) -> bool:
        """Whether the pictures are whole: there is motion, and it is not combed."""
        return self._count("progressive") > 0 and not self.mixed

    @property
    def combed(self) -> bool:
        """Whether motion is combed, with one field first, in most frames that show any."""
        first = max(self._count("tff"), self._count("bff"))
        return first >= 4 and first >= 0.9 * self._combed and self._combed >= 0.6 * self._judged

    @property
    def mixed(self) -> bool:
        """Whether some of the frames that show motion are combed."""
        return self._combed > 0.1 * self._judged

    @property
    def pulldown(self) -> bool:
        """Whether two of five frames are combed, next to each other, as after 2:3 pulldown."""
        cycles = [_is_cycle(run) for run in self.runs if any(kind in _COMBED for kind in run)]
        return bool(cycles) and sum(cycles) > len(cycles) / 2  # a cut between two films may lie in one of them

    def _count(self, kind: Kind) -> int:
        return sum(run.count(kind) for run in self.runs)

    @property
    def _combed(self) -> int:
        return self._count("tff") + self._count("bff")

    @property
    def _judged(self) -> int:
        return self._combed + self._count("progressive")


def needs_look(clip: Clip, asked: Deinterlace) -> bool:
    """Whether the frames must be looked at before it is known how to deinterlace them."""
    tall = clip.coding.height > _TALLEST or clip.coding.height == 720
    return asked != "off" and clip.frames > 2 and (clip.interlaced or not tall)


def places(clip: Clip) -> list[int]:
    """Where to look: the first of `RUN` frames each."""
    return evenly_spaced(max(1, clip.frames - RUN), PLACES)


def choose(clip: Clip, asked: Deinterlace, look: Look) -> tuple[Deinterlacing, str]:
    """What is done to the frames, and a sentence about it; empty where there is nothing to say."""
    flagged = clip.interlaced or look.flagged
    order: Field = "auto" if flagged else look.field
    if asked == "off":
        return Deinterlacing("none"), ""
    if asked == "force":
        return Deinterlacing("all", order), ""
    if asked == "telecine":
        return Deinterlacing("telecine", order), "" if look.pulldown else (
            "No 2:3 pulldown is seen where the clip was looked at; --deinterlace telecine leaves whole frames as they are.")
    off = "--deinterlace off leaves them as they are"
    if look.pulldown and can_weave(clip.coding.pix_fmt):
        return Deinterlacing("telecine", order), ("The clip is film with 2:3 pulldown; its frames are made whole again, and "
                                                  f"every fifth repeats another; {off}.")
    if flagged and look.whole:
        return Deinterlacing("none"), ("The frames state that they are interlaced, but are whole, and are painted as they are; "
                                       "--deinterlace force deinterlaces them.")
    if flagged:
        return Deinterlacing("flagged"), f"The frames are interlaced and are deinterlaced; {off}."
    if look.combed:
        return Deinterlacing("all", order), ("The frames are interlaced, which they do not state, and are deinterlaced; "
                                             f"{off}.")
    return Deinterlacing("flagged"), ("Some frames look interlaced and do not state it; they are painted as they are; "
                                      "--deinterlace force deinterlaces all.") if look.mixed else ""


def _is_cycle(run: Sequence[Kind]) -> bool:
    """Whether of each five neighbours the same two, next to each other, are combed, and the others are not."""
    for phase in range(5):
        expected = [(place - phase) % 5 < 2 for place in range(len(run))]
        judged = [(kind in _COMBED) == combed for kind, combed in zip(run, expected, strict=True) if kind != "undetermined"]
        if len(judged) >= 5 and sum(judged) >= 0.9 * len(judged):
            return True
    return False


def _kinds(frames: Sequence[VideoFrame]) -> Iterator[Kind]:
    """What the frames of a run are, but for the first and the last one, by their neighbours."""
    lumas = [frame.reformat(format="gray").to_ndarray()[:, :: max(1, frame.width // 480)].astype(np.int16) for frame in frames]
    yield from (_kind(*three) for three in zip(lumas, lumas[1:], lumas[2:], strict=False))


def _kind(before: Luma, this: Luma, after: Luma) -> Kind:
    """What one frame is; the images are (H, W), in 8-bit codes. The sums are those of FFmpeg's filter idet.

    Its lines are woven with the other lines of its neighbours. Whole frames match themselves best. Of an interlaced frame, one
    of the two ways to weave shows fields that follow each other, as the frame itself does, and the other fields that are three
    steps apart.
    """
    moves = (abs(this - before) > _MOTION) | (abs(after - this) > _MOTION)
    if moves.mean() < _LEAST_MOTION:
        return "undetermined"
    around = this[:-2] + this[2:]
    own, last, next_ = ((abs(around - 2 * image[1:-1]) * moves[1:-1]).sum(1) for image in (this, before, after))
    # The first of these lines is the second of the picture, which belongs to its bottom field.
    top_first = float(last[0::2].sum() + next_[1::2].sum())
    bottom_first = float(last[1::2].sum() + next_[0::2].sum())
    combed, least, most = float(own.sum()), min(top_first, bottom_first), max(top_first, bottom_first)
    if least > 1.25 * combed:
        return "progressive"
    if most > 1.15 * least:
        return "tff" if bottom_first > top_first else "bff"
    return "undetermined"
