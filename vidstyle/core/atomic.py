"""Output files: checked before any work, written under a temporary name, and renamed once they are complete."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from vidstyle.core.errors import OutputError, reason
from vidstyle.core.files import file_id

_LONGEST_ADDITION = ".vidstyle.json.part"
"""What is added to the name of an output for its manifest while that is written: no other file beside it has a longer name."""
_MOST_BYTES_OF_NAME = 255
"""Of a file name on the usual file systems of Linux, macOS and (as UTF-16 units) Windows."""


Inputs = Mapping[str, Iterable[Path]]
"""The files that a command reads, by what they are: `the clip`, `a style picture`."""


def check_target(target: Path, inputs: Inputs, overwrite: bool = False) -> None:
    """Raise OutputError, in one sentence, if `target` cannot be written or must not be. Writes nothing.

    The folders of `target` need not exist yet; `PartFile` makes them. It may not be one of the inputs, see `check_not_read`.
    """
    check_folder(target)
    check_name(target)
    if os.path.isdir(target):
        raise OutputError(f"{target}: is a folder; name a file.")
    check_not_read([target], inputs)
    if os.path.lexists(target) and not overwrite:
        raise OutputError(f"{target}: exists already; name another output or use --overwrite.")


def check_not_read(targets: Iterable[Path], inputs: Inputs) -> None:
    """Raise OutputError where a target, or its temporary name (see `PartFile`), is one of the inputs by any name or link."""
    known = dict[object, tuple[str, Path]]()
    for what, files in inputs.items():
        for file in files:
            known.setdefault(file_id(file), (what, file))
    for target in targets:
        for name, file in (("is", target), ("has a temporary name that is", part_path(target))):
            if (found := known.get(file_id(file))) is not None:
                what, read = found
                link = "" if read.absolute() == file.absolute() else f" ({read})"
                raise OutputError(f"{target}: {name} {what}{link}, and what is read is never written to; name another output.")


def check_name(target: Path, option: str = "-o") -> None:
    """Raise OutputError where the name of `target` leaves no room for those of the files beside it. option: that states it."""
    if beyond := _beyond(target.name + _LONGEST_ADDITION):
        raise OutputError(f"{target}: the name is {beyond} too long for those of the files beside it; give a shorter name with "
                          f"{option}.")


def check_folder(target: Path) -> None:
    """Raise OutputError unless a file can be added to the folder of `target`, or that folder can be made."""
    folder = target.absolute().parent
    while not os.path.lexists(folder):
        if beyond := _beyond(folder.name):
            raise OutputError(f"{target}: the name of the folder {folder.name} is {beyond} too long; give a shorter one.")
        folder = folder.parent
    if not os.path.isdir(folder):
        raise OutputError(f"{target}: {folder} is no folder; name an output elsewhere.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: the folder {folder} is read-only; name an output elsewhere.")


def _beyond(name: str) -> str:
    """By how much a name is too long: `3 bytes`; empty where it is not."""
    count = len(os.fsencode(name)) - _MOST_BYTES_OF_NAME
    return "" if count <= 0 else f"{count} byte{'s' if count > 1 else ''}"


def write_failed(target: Path, error: Exception) -> OutputError:
    """The error to raise for `error`, which was raised while `target` was written."""
    return OutputError(f"{target}: cannot be written ({reason(error)}); nothing was left there, check the disk and try again.")


def part_path(target: Path) -> Path:
    """The temporary name of `target`, in the same folder, until it is whole."""
    return target.with_name(f"{target.name}.part")


class PartFile:
    """`target` under its temporary name, for a file that other code writes piece by piece."""

    def __init__(self, target: Path) -> None:
        self.target, self.path = target, part_path(target)

    def create(self) -> None:
        """Make sure that the file can be written, before any work is spent on it; its folders are made. Raises OutputError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _create(self.path)
        except OSError as error:
            raise write_failed(self.target, error) from error

    def finish(self) -> None:
        """Give the file its name, once its contents are safe on the disk. Raises OutputError."""
        try:
            _publish(self.path, self.target)
        except OSError as error:
            self.discard()
            raise write_failed(self.target, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        self.path.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> str:
    """Write a file that appears whole or not at all, also after a power cut; returns its SHA-256 in hex. Raises OSError."""
    part = part_path(path)
    try:
        _create(part)
        part.write_bytes(content)
        _publish(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


def fsync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are safe on the disk."""
    folder = os.path.isdir(path)
    if sys.platform == "win32" and folder:
        return  # Windows opens no folders, and needs no such step
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)  # Windows syncs only what may be written
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _create(part: Path) -> None:
    part.unlink(missing_ok=True)  # left by a run that was killed, or a link that leads elsewhere
    part.touch(exist_ok=False)


def _publish(part: Path, target: Path) -> None:
    fsync(part)
    os.replace(part, target)
    fsync(target.absolute().parent)
