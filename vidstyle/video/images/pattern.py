"""Patterns, one name for the many files of a sequence: `shot.####.exr`, `shot.%04d.exr`, `shot.1001-1100x2#.exr`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from vidstyle.core.errors import InputError, reason

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".exr", ".dpx")
"""Extensions of the images that are read and written."""
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".webp", ".bmp", ".tga", ".avif", ".jp2")
"""Extensions of the images that are only read: they hold 8 bits, some with loss."""

_FIELD = re.compile(r"(?:(?P<first>\d+)-(?P<last>\d+)(?:x(?P<step>\d+))?)?(?P<hashes>#+)|%0?(?P<digits>\d*)d")
_ALONE = 4  # digits that a single # stands for, as in most programs; several stand for one digit each


_STILL = range(1)  # the numbers of one image, which is frame 0


@dataclass(frozen=True)
class Pattern:
    """The name of a sequence, split at its number, or of one image."""

    folder: Path
    head: str
    """What comes before the number."""
    field: str
    """The number as it is written in the pattern, such as `####` or `%04d`; empty where the name is that of one image."""
    digits: int
    """Digits of the number at least; shorter numbers have zeros in front."""
    tail: str
    """What comes behind the number, with the extension."""
    numbers: range | None = None
    """Numbers of the images, where the pattern states them; None means all that are there."""

    @property
    def path(self) -> Path:
        """The pattern without a range, as a path; the same for two patterns of the same files."""
        field = "" if not self.field else "#" * self.digits if self.digits > 1 else "%d"
        return self.folder / f"{self.head}{field}{self.tail}"

    def file(self, number: int) -> Path:
        """The file of one image."""
        return self.folder / f"{self.head}{number:0{self.digits}d}{self.tail}" if self.field else self.path

    def stem(self, tag: str = "") -> str:
        """The name without its number and extension, `tag` behind it; `shot` for `shot.####.exr`."""
        return (self.head.rstrip("._- ") + tag).strip("_") or "sequence"

    def tagged(self, tag: str) -> Path:
        """The pattern of an output with `tag` in its name: `shot_night.####.exr` for `shot.####.exr`.

        That of images which are only read is `.png`.
        """
        separator = (self.head[len(self.head.rstrip("._- ")):] or ".") if self.field else ""
        field = self.field if self.numbers is None or not self.field else "#" * self.digits
        stem = self.stem(tag) if self.field else re.sub("[#%]", "_", self.stem(tag))  # a file's name may look like a pattern
        path = self.folder / f"{stem}{separator}{field}{self.tail}"
        return path.with_suffix(".png") if path.suffix.lower() in PICTURE_SUFFIXES else path

    def fitted(self) -> Pattern:
        """The pattern as the files need it: a single `#` also stands for numbers without zeros in front.

        Raises InputError where the folder cannot be read.
        """
        if self.field.count("#") != 1:
            return self
        return max(self, replace(self, digits=1), key=lambda pattern: len(pattern.numbers_there()))

    def found(self) -> dict[int, Path]:
        """The files that are there, by number, in order. Raises InputError where the folder cannot be read."""
        numbers = self.numbers_there() if self.field else list(_STILL)
        if not numbers:
            others = [match[1] for match in self._matches()]
            name = self.folder / (self.head + self.field + self.tail)
            raise InputError(f"{name}: no such images are there; " + (
                f"there is {self.head}{min(others)}{self.tail}, so write {self.head}{_field_of(others)}{self.tail}." if others
                else "check the path."))
        return {number: self.file(number) for number in numbers}

    def numbers_there(self) -> list[int]:
        """The numbers of the files that are there, in order. Raises InputError where the folder cannot be read."""
        numbers = sorted(int(match[1]) for match in self._matches() if match[0] == self.file(int(match[1])).name)
        return numbers if self.numbers is None else [number for number in numbers if number in self.numbers]

    def _matches(self) -> list[re.Match[str]]:
        """The names of the folder that differ from the pattern in the number alone, however many digits that has."""
        shape = re.compile(rf"{re.escape(self.head)}(\d+){re.escape(self.tail)}")
        try:
            names = os.listdir(self.folder)
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be read ({reason(error)}); check the path.") from error
        return [match for name in names if (match := shape.fullmatch(name))]


def _field_of(numbers: Sequence[str]) -> str:
    """The field for numbers as they are written: `####` for 1001 and 1002 or 0008, `%d` for 8 and 12."""
    lengths = {len(number) for number in numbers}
    padded = (len(lengths) == 1 and (lengths != {1})) or any(number[0] == "0" for number in numbers)
    return "#" * min(lengths) if padded else "%d"


def parse_pattern(path: Path) -> Pattern | None:
    """The pattern that `path` is; None if it is the name of one file, which may contain `#` too."""
    if path.suffix.lower() not in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES) or os.path.isfile(path):
        return None
    fields = list(_FIELD.finditer(path.name))
    if not fields:
        return None
    field = fields[-1]
    hashes = len(field["hashes"] or "")
    digits = int(field["digits"] or 1) if not hashes else _ALONE if hashes == 1 else hashes
    numbers = None
    if field["first"]:
        numbers = range(int(field["first"]), int(field["last"]) + 1, max(1, int(field["step"] or 1)))
    return Pattern(path.parent, path.name[:field.start()], field[0], max(1, digits), path.name[field.end():], numbers)


def images_of(path: Path) -> Pattern:
    """The pattern that `path` is, or that of one image of this name."""
    return parse_pattern(path) or Pattern(path.parent, path.stem, "", 0, path.suffix, _STILL)


def canonical_path(path: Path) -> Path:
    """The same path for all notations of a pattern, `%04d` and `####`; `path` itself where it is no pattern."""
    pattern = parse_pattern(path)
    return path if pattern is None else pattern.path


def pattern_of(path: Path) -> Path:
    """The pattern that the file `path` would belong to: `shot.####.exr` for `shot.1001.exr`, and for `shot.exr`."""
    runs = list(re.finditer(r"\d+", path.stem))
    if not runs:
        return path.with_name(f"{path.stem}.####{path.suffix}")
    run = runs[-1]
    padded = len(run[0]) > 1  # 1001 may be padded or not; with four digits both read the same
    return path.with_name(f"{path.name[:run.start()]}{'#' * len(run[0]) if padded else '%d'}{path.name[run.end():]}")


def number_list(numbers: Iterable[int]) -> str:
    """Numbers as people write them, at most five runs: `1004, 1010-1012, 1020 and 7 more`."""
    ordered = sorted(numbers)
    starts = [0, *(at for at, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1), len(ordered)]
    runs = [(ordered[a], ordered[b - 1]) for a, b in pairwise(starts)]
    words = ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs[:5])
    rest = sum(b - a + 1 for a, b in runs[5:])
    return words + (f" and {rest} more" if rest else "")
