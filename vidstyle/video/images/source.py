"""A sequence of images as a source of frames: finding the files, and reading them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import torch

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError
from vidstyle.core.frame import Frame, Original
from vidstyle.video import limits
from vidstyle.video.clip import Clip
from vidstyle.video.images import image_file
from vidstyle.video.images.facts import ImageFacts, read_facts
from vidstyle.video.images.pattern import Pattern, number_list
from vidstyle.video.packets import CodedPacket
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.orientation import Orientation
from vidstyle.video.settings import ReadSettings
from vidstyle.video.tracks import Coding, Track

ASSUMED_RATE = Fraction(24)
"""Frames a second where nothing states them; times computed from it are never written."""

_SRGB = Colour(0, 2, 1, 13, "rgb", True)
_GAPS = {"hold": "repeat the image before them", "black": "are black"}


@dataclass(frozen=True)
class ImageSequenceSource:
    """The files of a pattern, whose images are read as the settings say; see `interfaces.Source`."""

    clip: Clip
    settings: ReadSettings
    pattern: Pattern
    frame_files: tuple[Path | None, ...]
    """The file of each frame; None for a black frame."""
    warnings: tuple[str, ...]
    soundtracks: tuple[Track, ...] = ()
    sound_packets: Mapping[int, tuple[CodedPacket, ...]] = field(default_factory=dict)
    first_packets: Mapping[int, tuple[CodedPacket, ...]] = field(default_factory=dict)
    viewing_format: str | None = "yuv420p"
    refusal: str | None = None

    @classmethod
    def open(cls, path: Path, pattern: Pattern, settings: ReadSettings) -> ImageSequenceSource:
        """Find the files of `pattern`, which `path` is, without sound. Raises InputError, in one sentence."""
        pattern = pattern.fitted()
        found = pattern.found()
        numbers = pattern.numbers or range(min(found), max(found) + 1)
        if len(numbers) > limits.MOST_IMAGES:
            raise InputError(f"{path}: runs from {numbers[0]} to {numbers[-1]}, more than {limits.MOST_IMAGES} images; move "
                             "the stray file away, or name the range as in shot.1001-1100#.exr.")
        missing = [number for number in numbers if number not in found]
        if missing and settings.gaps == "error":
            one = len(missing) == 1
            raise InputError(f"{path}: {'image' if one else 'images'} {number_list(missing)} {'is' if one else 'are'} missing; "
                             "render them again, or paint on with --gaps hold or --gaps black.")
        files: list[Path | None] = []
        for number in numbers:
            before = files[-1] if files else found[min(found)]  # nothing comes before the first
            files.append(found.get(number, before if settings.gaps == "hold" else None))
        first, facts = _first_facts(found.values(), settings.on_damage)
        _check_sizes(found.values(), facts.size, first, settings.on_damage)
        warnings = list(facts.doubts)
        if missing:
            warnings.append(f"Images {number_list(missing)} are missing and {_GAPS[settings.gaps]}.")
        return cls(_clip(path, facts, numbers, settings.fps or facts.rate), settings, pattern, tuple(files), tuple(warnings))

    @property
    def label(self) -> str:
        return f"images: {self.clip.coding.codec}"

    @property
    def images(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(file for file in self.frame_files if file is not None))

    @property
    def files(self) -> tuple[Path, ...]:
        return self.images if self.settings.sound is None else (*self.images, self.settings.sound)

    def open_streams(self) -> AbstractContextManager[None]:
        return nullcontext()

    def decode(self, first: int = 0, last: int | None = None, *, clamp: bool = True) -> Iterator[Frame]:
        """Frames `first` to `last`, both included, one at a time; `clamp` changes nothing, as all values are in [0, 1].

        An image that cannot be read raises InputError or, where `on_damage` allows it, repeats the one before it
        (before the first good image, that one is repeated): no part of a damaged image is used.
        """
        for index in range(first, self.clip.frames if last is None else last + 1):
            try:
                yield self._frame(index)
            except InputError as error:
                if self.settings.on_damage == "fail":
                    raise
                yield self._held(index, error)

    def sample(self, positions: Sequence[int], run: int = 2) -> Iterator[list[Frame]]:
        """For each of `positions`, a list of the `run` consecutive frames that start there (fewer at the clip's end)."""
        return (list(self.decode(at, min(at + run, self.clip.frames) - 1)) for at in positions)

    def _frame(self, index: int) -> Frame:
        """Frame `index`. Raises InputError where its image is damaged, or was replaced since the clip was opened."""
        clip, file = self.clip, self.frame_files[index]
        if file is None:
            image, alpha = torch.zeros(3, clip.height, clip.width), None
            original = Original(image)
        else:
            image, alpha, original = image_file.read(file)
            if tuple(image.shape[1:]) != (clip.height, clip.width):
                raise InputError(f"{file}: is {image.shape[2]}x{image.shape[1]} and the sequence is "
                                 f"{clip.width}x{clip.height}; it was replaced while it was read.")
        return Frame(image, clip.pts[index], clip.time_base, index, clip.durations[index], alpha=alpha, original=original)

    def _held(self, index: int, error: InputError) -> Frame:
        for other in (*range(index - 1, -1, -1), *range(index + 1, self.clip.frames)):
            try:
                good = self._frame(other)
            except InputError:
                continue
            return replace(good, pts=self.clip.pts[index], index=index, damage="held")
        raise error


def _clip(path: Path, facts: ImageFacts, numbers: range, rate: Fraction | None) -> Clip:
    """rate: frames a second, where known."""
    ticks, count, (width, height) = rate or ASSUMED_RATE, len(numbers), facts.size
    codec = {"tiff": "tif", "jpeg": "jpg"}.get(path.suffix.lower()[1:], path.suffix.lower()[1:])
    pix_fmt = ("gbrap" if facts.alpha else "gbrp") + ("" if facts.depth == 8 else "16le")
    return Clip(
        path=path, coding=Coding("sequence", 0, codec, width, height, pix_fmt, facts.depth), width=width, height=height,
        orientation=Orientation(), sample_aspect_ratio=facts.pixel_aspect, colour=_SRGB,
        time_base=Fraction(1, ticks.numerator), pts=tuple(index * ticks.denominator for index in range(count)),
        durations=(ticks.denominator,) * count, keyframes=tuple(range(count)), timecode=facts.timecode,
        numbering=(numbers[0], numbers.step), timed=rate is not None)


def _first_facts(found: Iterable[Path], on_damage: OnDamage) -> tuple[Path, ImageFacts]:
    """The first image that can be read, and its facts; with `on_damage` `fail`, InputError if the first image is damaged."""
    failed: InputError | None = None
    for file in found:
        try:
            return file, read_facts(file, closely=True)
        except InputError as error:
            if on_damage == "fail":
                raise
            failed = failed or error
    assert failed is not None, "a pattern that was found has files"
    raise failed


def _check_sizes(found: Iterable[Path], size: tuple[int, int], first: Path, on_damage: OnDamage) -> None:
    """Raise InputError for the first image that is not as large as the first one."""
    for file in found:
        try:
            other = read_facts(file).size
        except InputError:
            if on_damage == "fail":
                raise
            continue
        if other != size:
            raise InputError(f"{file}: is {other[0]}x{other[1]} and {first.name} is {size[0]}x{size[1]}; "
                             "all images of a sequence must be of one size.")
