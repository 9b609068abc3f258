"""Which files may be read and written: plain files only, never outside a declared folder, never an input."""

from __future__ import annotations

import hashlib
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vidstyle.core.errors import InputError, UsageError, reason


def check_plain(path: Path, what: str) -> int:
    """Bytes in the file at `path`, which is `what` (`a video file`). Raises InputError for anything but a plain file.

    A pipe or a device may never end, and reading it may wait forever.
    """
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: is a folder; name {what}.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is not a plain file; name {what}.")
    if found.st_size == 0:
        raise InputError(f"{path}: is empty; export or copy it again.")
    return found.st_size


def inside(root: Path, name: str, named_by: str) -> Path:
    """The path of the file `name` in the folder `root`, out of which links and `..` may not lead.

    The command line may name any file. A config may come from somebody else, and so may only name files of its own folder.
    named_by: the file that holds the name, for the error. Raises UsageError where the path leads out of `root`.
    """
    path = root.absolute() / name
    try:
        within = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle; a name with a zero byte in it
        within = False
    if not within:
        raise UsageError(f"{named_by}: names {name!r}, which is not inside {root.absolute()}; "
                         "place the file there, or name it on the command line.")
    return path


def find_same(path: Path, inputs: Iterable[Path]) -> Path | None:
    """The first of `inputs` that is the same file as `path`, also through symbolic or hard links; None if none is."""
    wanted = file_id(path)
    return next((other for other in inputs if file_id(other) == wanted), None)


def file_id(path: Path) -> object:
    """A value that is the same for every name of one file, hard links included; the full path of a file that does not exist."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a name with a zero byte in it
        return path.absolute()
    return found.st_dev, found.st_ino


def sha256(path: Path) -> str:
    """SHA-256 of a file in hex; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def named_in_utf8(path: Path) -> Iterator[Path]:
    """`path`, or a link to it where its name is not UTF-8: safetensors opens no other names."""
    try:
        str(path).encode()
        plain = True
    except UnicodeEncodeError:
        plain = False
    if plain:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "link")
        link.symlink_to(path.absolute())
        yield link
