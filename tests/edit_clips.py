"""Clips whose frames show their own number, and edits of them: what a written edit shows is read from the pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import opentimelineio as otio

from vidstyle.batch.edits.edit import Edit
from vidstyle.batch.shot import Shot
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run import pipeline

_OPENED: list[Any] = []
BITS, SIZE = 10, (80, 32)
UNPAINTED = Options(strength=0.0, crf=4)
"""Writes the source's own pictures, so that the numbers in them stay."""


def numbered_clip(path: Path, frames: int, *, rate: Fraction = Fraction(25), timecode: str | None = None,
                  codec: str = "libx264", start: int = 0, pix_fmt: str = "yuv420p", pts: Sequence[int] | None = None) -> Path:
    """A movie whose frame n shows the number `start` + n, as white bars for the bits that are set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options={"crf": "4", "threads": "1"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pix_fmt
        stream.codec_context.time_base = stream.time_base = 1 / rate
        if timecode is not None:
            stream.metadata["timecode"] = timecode
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(start + index), "rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = (pts[index] if pts else index), 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def picture(number: int) -> np.ndarray[Any, Any]:
    """(32, 80, 3) uint8."""
    bits = [255 if number >> bit & 1 else 0 for bit in range(BITS)]
    return np.repeat(np.repeat(np.array(bits, np.uint8), SIZE[0] // BITS)[None, :, None], SIZE[1], 0).repeat(3, 2)


def number_of(image: np.ndarray[Any, Any]) -> int:
    bars = image.mean((0, 2)).reshape(BITS, -1).mean(1)
    return sum(1 << bit for bit, value in enumerate(bars) if value > 128)


def decoded(path: Path) -> list[np.ndarray[Any, Any]]:
    """Every frame of a movie, (H, W, 3) uint8."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def numbers(path: Path) -> list[int]:
    """What the frames of a movie show."""
    return [number_of(image) for image in decoded(path)]


def hashes(path: Path) -> list[str]:
    return [hashlib.sha256(image.tobytes()).hexdigest() for image in decoded(path)]


def base(folder: Path, options: Options = UNPAINTED) -> Shot:
    """How the shots of an edit in `folder` are painted; by default, not at all."""
    style = folder / "monet.png"
    cv2.imwrite(str(style), picture(0b1010101010))
    return Shot(Path(), (Style(style),), options)


def paint(edit: Edit) -> list[Path]:
    """Paint the shots of an edit; what a batch does, without its lists and reports."""
    return [pipeline.run(shot.plan()).plan.target for shot in edit.shots]


def opened(path: Path) -> Any:
    """An OTIO, kept until the tests end: an item of an edit that was freed crashes the interpreter."""
    _OPENED.append(otio.adapters.read_from_file(str(path)))
    return _OPENED[-1]


def shown(path: Path, of: Callable[[Path], list[Any]] = numbers) -> list[list[Any]]:
    """What each clip with painted media shows in an OTIO, by its own references alone: the numbers in its frames, in order.

    of: what a movie's frames are known by.

    Reads the file as an editing program does: the media must exist, and the frame of a time is its distance from the
    start of the available range.
    """
    edit = opened(path)
    found, cache = [], dict[str, list[Any]]()
    for track in edit.video_tracks():
        for clip in track.find_clips():
            reference = clip.media_reference
            if "vidstyle" not in reference.metadata:
                continue
            url = reference.target_url
            cache.setdefault(url, of(Path(url)))
            span, zero = clip.source_range, reference.available_range.start_time
            assert reference.available_range.duration.value == len(cache[url])
            first = (span.start_time - zero).rescaled_to(zero.rate).value
            assert first == round(first)
            assert first >= 0
            found.append(cache[url][int(first):int(first) + round(span.duration.rescaled_to(zero.rate).value)])
    return found
