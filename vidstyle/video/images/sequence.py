"""A sequence of pictures as a clip: which files are there, what is missing, and one picture after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import torch

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame, Original
from vidstyle.video.clip import Clip
from vidstyle.video.images import still
from vidstyle.video.images.pattern import Pattern, listed
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.orientation import Orientation
from vidstyle.video.write.formats import CONTAINERS

ASSUMED_RATE = Fraction(24)
"""Frames a second where nothing says so; what is made of it is never written."""

MOST_PICTURES = 1_000_000
"""Of one sequence, missing ones included: eleven hours at 24 a second. A longer one has a stray number in it."""

_SRGB = Colour(0, 2, 1, 13, "rgb", True)
_HOLES = {"hold": "repeat the picture before them", "black": "are black"}


def probe_sequence(path: Path, pattern: Pattern, on_damage: str = "fail", *, fps: Fraction | None = None,
                   gaps: str = "error") -> Clip:
    """The clip that the files of `pattern` are; on_damage: see `Options`. Raises InputError, in one sentence.

    fps: frames a second; None is what the first picture says, if it does. gaps: what becomes of numbers that are
    missing between the first and the last: `error`, `hold` repeats the picture before, `black`.
    """
    found = pattern.found()
    numbers = pattern.numbers or range(min(found), max(found) + 1)
    if len(numbers) > MOST_PICTURES:
        raise InputError(f"{path}: runs from {numbers[0]} to {numbers[-1]}, more than {MOST_PICTURES} pictures; move the stray "
                         "file away, or name the range as in shot.1001-1100#.exr.")
    missing = [number for number in numbers if number not in found]
    if missing and gaps == "error":
        one = len(missing) == 1
        raise InputError(f"{path}: {'picture' if one else 'pictures'} {listed(missing)} {'is' if one else 'are'} missing; "
                         "render them again, or paint on with --gaps hold or --gaps black.")
    files: list[Path | None] = []
    for number in numbers:
        before = files[-1] if files else found[min(found)]  # nothing comes before the first
        files.append(found.get(number, before if gaps == "hold" else None))
    first, facts = _first(found.values(), on_damage)
    _check_sizes(found.values(), facts.size, first, on_damage)
    warnings = list(facts.doubts)
    if missing:
        warnings.append(f"Pictures {listed(missing)} are missing and {_HOLES[gaps]}.")
    rate = fps or facts.rate
    ticks = rate or ASSUMED_RATE
    width, height = facts.size
    kind = path.suffix.lower()[1:].replace("tiff", "tif")
    return Clip(
        path=path, container="sequence", stream=0, codec=kind, coded_width=width, coded_height=height, width=width,
        height=height, orientation=Orientation(), sample_aspect_ratio=facts.pixel_aspect,
        pix_fmt=("gbrap" if facts.alpha else "gbrp") + ("" if facts.depth == 8 else "16le"), depth=facts.depth, colour=_SRGB,
        time_base=Fraction(1, ticks.numerator), pts=tuple(index * ticks.denominator for index in range(len(files))),
        durations=(ticks.denominator,) * len(files), keyframes=tuple(range(len(files))),
        kept=(f"pictures: {kind} -> painted",), warnings=tuple(warnings), files=tuple(files),
        numbering=(numbers[0], numbers.step), timed=rate is not None,
        timecode=facts.timecode, on_damage=on_damage)


def _first(found: Iterable[Path], on_damage: str) -> tuple[Path, still.Facts]:
    """The first picture that can be read, and what it says; where damage fails, the first one of all."""
    failed: InputError | None = None
    for file in found:
        try:
            return file, still.look(file, closely=True)
        except InputError as error:
            if on_damage == "fail":
                raise
            failed = failed or error
    assert failed is not None
    raise failed


def _check_sizes(found: Iterable[Path], size: tuple[int, int], first: Path, on_damage: str) -> None:
    """Raise InputError for the first picture that is not as large as the first one."""
    for file in found:
        try:
            other = still.look(file).size
        except InputError:
            if on_damage == "fail":
                raise
            continue
        if other != size:
            raise InputError(f"{file}: is {other[0]}x{other[1]} and {first.name} is {size[0]}x{size[1]}; "
                             "all pictures of a sequence must be of one size.")


def read_frame(clip: Clip, index: int) -> Frame:
    """Frame `index` of a sequence. Raises InputError where its picture is damaged or no longer as it was found."""
    file = clip.files[index]
    if file is None:
        image, alpha = torch.zeros(3, clip.height, clip.width), None
        original = Original(image)
    else:
        image, alpha, original = still.read(file)
        if tuple(image.shape[1:]) != (clip.height, clip.width):
            raise InputError(f"{file}: is {image.shape[2]}x{image.shape[1]} and the sequence is {clip.width}x{clip.height}; "
                             "it was replaced while it was read.")
    return Frame(image, clip.pts[index], clip.time_base, index, clip.durations[index], alpha=alpha, original=original)


def read_frames(clip: Clip, first: int, last: int) -> Iterator[Frame]:
    """Frames `first` to `last` of a sequence, both included, one at a time.

    Where the clip was probed to go on past damage, a picture that cannot be read is the one before it, or, before the
    first good one, that; a still picture has no half that could be kept.
    """
    for index in range(first, last + 1):
        try:
            yield read_frame(clip, index)
        except InputError as error:
            if clip.on_damage == "fail":
                raise
            yield _held(clip, index, error)


def _held(clip: Clip, index: int, error: InputError) -> Frame:
    for other in (*range(index - 1, -1, -1), *range(index + 1, clip.frames)):
        try:
            good = read_frame(clip, other)
        except InputError:
            continue
        return replace(good, pts=clip.pts[index], index=index, damage="held")
    raise error


def inputs(clip: Clip) -> Iterator[Path]:
    """Every file that the clip is read from."""
    yield from dict.fromkeys(file for file in clip.files if file is not None) if clip.files else [clip.path]
    if clip.sound is not None:
        yield clip.sound


def needs_rate(clip: Clip, target: Path) -> None:
    """Raise UsageError where `target` is a movie and nothing says how fast the clip's pictures follow each other."""
    if not clip.timed and target.suffix.lower() in CONTAINERS:
        raise UsageError(f"{target}: a movie of pictures needs to know how many are shown a second; "
                         f"give --fps, such as --fps 24 or --fps 24000/1001.")
