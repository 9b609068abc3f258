"""Which files may be read and written: plain files only, never outside a declared folder, never an input."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from vidstyle.core.errors import InputError, UsageError


def check_plain(path: Path, what: str) -> int:
    """Bytes in the file at `path`, which is `what` (`a video file`). Raises InputError for anything but a plain file.

    A pipe or a device would never end, and would be waited for.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason.lower()}); check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: is a folder; name {what}.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is not a plain file; name {what}.")
    if found.st_size == 0:
        raise InputError(f"{path}: is empty; export or copy it again.")
    return found.st_size


def inside(root: Path, name: str, told_by: str) -> Path:
    """`name`, as `told_by` writes it, under the folder `root`: links and `..` may not lead out of it.

    Who runs a command names files on it knowingly; a list or a config may come from somebody else.
    Raises UsageError where it leads elsewhere.
    """
    path = root.absolute() / name
    try:
        within = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle; a name with a zero byte in it
        within = False
    if not within:
        raise UsageError(f"{told_by}: names {name!r}, which is not inside {root.absolute()}; "
                         "place the file there, or name it on the command line.")
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all, and through no link. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)  # left by a run that was killed, or a link that leads elsewhere
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def is_one_of(path: Path, inputs: Iterable[Path]) -> Path | None:
    """The first of `inputs` that is the very file `path`, by any name: symbolic and hard links included."""
    for other in inputs:
        try:
            if os.path.samefile(path, other):
                return other
        except (OSError, ValueError):
            if path.absolute() == other.absolute():  # neither is there yet
                return other
    return None
