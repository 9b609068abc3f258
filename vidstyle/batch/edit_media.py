"""The media of an edit: which file each clip means, and which frame of it a time of the edit is."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from vidstyle.batch.edit_time import count_of
from vidstyle.core.errors import InputError
from vidstyle.video import MOVIE_SUFFIXES, Clip, ReadSettings, parse_pattern, pattern_of, probe

FILM = (".exr", ".dpx")
"""Extensions of images that an edit names for their whole sequence, and not as a still."""
_FILE_URL = re.compile(r"^file:(//(localhost)?(?=/))?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z]\w{1,4}$")
_DRIVE = re.compile(r"^/(?=[A-Za-z]:)")
_SPAN = re.compile(r"\[(\d+)-\d+\](?=\.\w+$)")  # shot.[1001-1100].exr, as Resolve and Nucoda name a sequence


class NotFound(Exception):
    """A clip's media is not there; the message says what was looked for, and where."""


@dataclass(frozen=True)
class Media:
    """A media file of an edit, probed."""

    clip: Clip
    rate: Fraction
    """Frames a second."""

    @property
    def by_time(self) -> bool:
        """Whether times of the edit are times of the clip, and not counts of its frames."""
        return self.clip.variable_rate

    @cached_property
    def timecode(self) -> int | None:
        """The timecode of the first frame as a count of frames; None where the clip has none."""
        return None if self.clip.timecode is None or self.by_time else count_of(self.clip.timecode, self.rate)

    @property
    def origin(self) -> int:
        """The first frame in the count that editing programs use: its timecode, or its number in a sequence, or 0."""
        return self.clip.numbering[0] if self.timecode is None else self.timecode

    def index(self, position: Fraction) -> int:
        """The frame shown at `position`, in frames from the clip's first; positions outside give the first or last frame."""
        if self.by_time:
            ticks = position / self.rate / self.clip.time_base + self.clip.pts[0]
            found = bisect_right(self.clip.pts, ticks) - 1
        else:
            found = int(position // 1)
        return min(max(found, 0), self.clip.frames - 1)

    def position(self, index: int) -> Fraction:
        """Where the frame `index` begins, in frames from the clip's first; another number than `index` at a variable rate."""
        return (self.clip.pts[index] - self.clip.pts[0]) * self.clip.time_base * self.rate if self.by_time else Fraction(index)

    @property
    def length(self) -> Fraction:
        """The clip's length in frames of `rate`."""
        return Fraction(self.clip.duration) * self.rate if self.by_time else Fraction(self.clip.frames)


@dataclass
class Finder:
    """Finds and probes media: where the edit says, beside the edit, and in the folder `media` and all below it."""

    edit: Path
    media: Path | None
    settings: ReadSettings
    _probed: dict[Path, Clip | InputError] = field(default_factory=dict)

    def open(self, urls: Sequence[str], names: Sequence[str], rate: Fraction | None) -> Media:
        """The media with one of `urls`, or with one of `names`. rate: of an image sequence that states none.

        Raises NotFound, with a sentence, where there is none, more than one, or one that cannot be read.
        """
        path = self._find(urls, names)
        if path not in self._probed:
            try:
                self._probed[path] = probe(path, self.settings)
            except InputError as error:
                self._probed[path] = error
        found = self._probed[path]
        if isinstance(found, InputError):
            raise NotFound(str(found))
        return Media(found, found.average_rate if found.timed or rate is None else rate)

    def _find(self, urls: Sequence[str], names: Sequence[str]) -> Path:
        for url in urls:
            for text in _paths(url):
                path = self.edit.parent / text
                if _exists(path):
                    return path
        wanted = list(dict.fromkeys(name for name in (*(_base(url) for url in urls), *names) if name))
        for matches in (_same_file, _same_stem):
            for name in wanted:
                for folder in (self._beside, self._below):
                    found = {path for known in folder for path in matches(name, known)}
                    if found:
                        return _closest(found, urls, name)
        looked = f"beside the edit and not in {self.media}" if self.media else "beside the edit"
        hint = "check --media" if self.media else "give --media FOLDER"
        raise NotFound(f"the media {' or '.join(wanted) or 'without a name'} is not {looked}; {hint}.")

    @cached_property
    def _beside(self) -> list[Path]:
        return sorted(path for path in self.edit.absolute().parent.iterdir() if path.is_file())

    @cached_property
    def _below(self) -> list[Path]:
        if self.media is None:
            return []
        return [Path(folder) / name for folder, _, names in sorted(os.walk(self.media)) for name in sorted(names)]


def _paths(url: str) -> Iterator[str]:
    """The paths that `url` may be: a path or a file URL, percent-encoded or not."""
    text = _DRIVE.sub("", _FILE_URL.sub("", url))
    pattern = parse_pattern(Path(text)) is not None  # in `shot.%04d.exr` the percent sign encodes nothing
    yield from dict.fromkeys((_sequence(text), _sequence(text if pattern else unquote(text))))


def _exists(path: Path) -> bool:
    pattern = parse_pattern(path)
    if pattern is None:
        return path.is_file()
    try:
        return bool(pattern.found())
    except InputError:
        return False


def _sequence(name: str) -> str:
    """The pattern of a sequence that is named as `shot.[1001-1100].exr`, or by an image of it; any other name as it is."""
    if _SPAN.search(name):
        return _SPAN.sub(lambda span: "#" * len(span[1]) if len(span[1]) > 1 else "%d", name)
    if name.lower().endswith(FILM) and not re.search(r"#|%0?\d*d", name):
        return str(pattern_of(Path(name)))
    return name


def _base(url: str) -> str:
    """The file name of a URL or path, also of one that was written on Windows."""
    return PureWindowsPath(list(_paths(url))[-1]).name


def _same_file(name: str, known: Path) -> Iterator[Path]:
    """`known`, or the sequence that it belongs to, if that has this name."""
    pattern = parse_pattern(known.parent / _sequence(name))
    if pattern is not None and known.name.startswith(pattern.head) and known.name.endswith(pattern.tail):
        number = known.name[len(pattern.head):len(known.name) - len(pattern.tail)]
        if number.isdecimal() and pattern.file(int(number)) == known:
            yield pattern.path
    elif known.name.lower() == name.lower() and known.suffix.lower() in MOVIE_SUFFIXES:
        yield known


def _same_stem(name: str, known: Path) -> Iterator[Path]:
    """`known` if it is a movie that `name` names without its extension, or with another one."""
    if known.suffix.lower() in MOVIE_SUFFIXES and known.stem.lower() in (name.lower(), _EXTENSION.sub("", name).lower()):
        yield known


def _closest(found: set[Path], urls: Sequence[str], name: str) -> Path:
    """The one of `found` whose folders are most like those of `urls`. Raises NotFound where two are equally close."""
    ways = [PureWindowsPath(text).parts[::-1] for url in urls for text in _paths(url)]

    def alike(path: Path) -> int:
        parts = [part.lower() for part in path.absolute().parts[-2::-1]]
        shared = [next((at for at, part in enumerate(way[1:]) if at >= len(parts) or parts[at] != part.lower()), len(way) - 1)
                  for way in ways]
        return max(shared, default=0)

    best = max(alike(path) for path in found)
    closest = sorted(path for path in found if alike(path) == best)
    if len(closest) > 1:
        raise NotFound(f"there are {len(closest)} files for {name}, such as {closest[0]} and {closest[1]}; "
                       "give a --media FOLDER that holds one of them.")
    return closest[0]
