"""The media of an edit: which file each clip means, and which frame of it a time of the edit is."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

from vidstyle.batch.edits.time import count_of
from vidstyle.core.errors import InputError
from vidstyle.core.files import file_id
from vidstyle.video import MOVIE_SUFFIXES, Clip, ReadSettings, canonical_path, parse_pattern, pattern_of, probe

FILM = (".exr", ".dpx")
"""Extensions of images that an edit names for their whole sequence, and not as a still."""
_FILE_URL = re.compile(r"^file:(//(localhost)?(?=/))?", re.IGNORECASE)
_EXTENSION = re.compile(r"\.[A-Za-z]\w{1,4}$")
_DRIVE = re.compile(r"^/(?=[A-Za-z]:)")
_SPAN = re.compile(r"\[(\d+)-\d+\](?=\.\w+$)")  # shot.[1001-1100].exr, as Resolve and Nucoda name a sequence


class NotFound(Exception):
    """A clip's media is not there, or not the right one; the message says what was looked for, and where."""


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
    _found: dict[tuple[tuple[str, ...], tuple[str, ...]], Path | NotFound] = field(default_factory=dict)
    _known: dict[object, Path] = field(default_factory=dict)
    """The first path of each file, so that a file with two names is one."""
    _probed: dict[Path, Clip | InputError] = field(default_factory=dict)

    def open(self, urls: Sequence[str], names: Sequence[str], rate: Fraction | None) -> Media:
        """The media with one of `urls`, or with one of `names`. rate: of an image sequence that states none.

        Raises NotFound, with a sentence, where there is none, more than one, or one that cannot be read.
        """
        asked = tuple(urls), tuple(names)
        if asked not in self._found:
            try:
                path = self._find(urls, names)
                self._found[asked] = self._known.setdefault(file_id(canonical_path(path)), path)
            except NotFound as error:
                self._found[asked] = error
        found = self._found[asked]
        if isinstance(found, NotFound):
            raise found
        if found not in self._probed:
            try:
                self._probed[found] = probe(found, self.settings)
            except InputError as error:
                self._probed[found] = error
        clip = self._probed[found]
        if isinstance(clip, InputError):
            raise NotFound(str(clip))
        return Media(clip, clip.average_rate if clip.timed or rate is None else rate)

    def _find(self, urls: Sequence[str], names: Sequence[str]) -> Path:
        for url in urls:
            for text in _paths(url):
                path = self.edit.parent / text
                if _exists(path):
                    return path
        wanted = list(dict.fromkeys(name for name in (*(_base(url) for url in urls), *names) if name))
        for look in (_Folder.file, _Folder.stem):
            for name in wanted:
                for folder in (self._beside, self._below):
                    if found := look(folder, name):
                        return _closest(found, urls, name)
        looked = f"neither beside the edit nor in {self.media}; check" if self.media else "not beside the edit; give"
        named = " or ".join(wanted) or "a file without a name"
        raise NotFound(f"{named} is {looked} --media{'' if self.media else ' FOLDER'}.")

    @cached_property
    def _beside(self) -> _Folder:
        return _Folder([path for path in self.edit.parent.iterdir() if os.path.isfile(path)])

    @cached_property
    def _below(self) -> _Folder:
        if self.media is None:
            return _Folder([])
        return _Folder([Path(folder) / name for folder, _, names in os.walk(self.media) for name in names])


class _Folder:
    """Files, by their names."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files, self._names, self._stems = files, defaultdict[str, list[Path]](list), defaultdict[str, list[Path]](list)
        for file in files:
            if file.suffix.lower() in MOVIE_SUFFIXES:
                self._names[file.name.lower()].append(file)
                self._stems[file.stem.lower()].append(file)

    def file(self, name: str) -> list[Path]:
        """The movies, or the sequences of images, with this name."""
        wanted = parse_pattern(Path(_sequence(name)))
        if wanted is None:
            return self._names.get(name.lower(), [])
        folders = {file.parent for file in self._files if file.name.startswith(wanted.head) and file.name.endswith(wanted.tail)}
        return [folder / wanted.path.name for folder in sorted(folders) if _exists(folder / wanted.path.name)]

    def stem(self, name: str) -> list[Path]:
        """The movies that `name` names without their extension, or with another one."""
        return self._stems.get(name.lower(), []) or self._stems.get(_EXTENSION.sub("", name).lower(), [])


def _paths(url: str) -> Iterator[str]:
    """The paths that `url` may be: a path or a file URL, percent-encoded or not."""
    text = _DRIVE.sub("", _FILE_URL.sub("", url))
    pattern = parse_pattern(Path(text)) is not None  # in `shot.%04d.exr` the percent sign encodes nothing
    yield from dict.fromkeys((_sequence(text), _sequence(text if pattern else unquote(text))))


def _exists(path: Path) -> bool:
    pattern = parse_pattern(path)
    if pattern is None:
        return os.path.isfile(path)
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


def _closest(found: Sequence[Path], urls: Sequence[str], name: str) -> Path:
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
        raise NotFound(f"{name} may be {closest[0]} or {closest[1]}; "
                       "give a --media FOLDER that holds one of them.")
    return closest[0]
