"""The output file: checked before any painting, written under another name, and there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.errors import OutputError
from vidstyle.core.files import is_one_of


def check_target(target: Path, source: Path, overwrite: bool = False, inputs: Sequence[Path] = ()) -> None:
    """Raise OutputError, in one sentence, if `target` cannot be written or must not be. Writes nothing.

    inputs: the other files that are read; none of them is written to, by whatever name or link it goes, and neither is
    the passing name that a file has until it is whole.
    """
    folder = target.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"{target}: the folder {folder} does not exist; create it first.")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; name a file.")
    for file in (target, PartFile(target).path):
        if (read := is_one_of(file, [source, *inputs])) is not None:
            what = "the source itself" if read == source else f"{read}, which is read too"
            passing = "" if file == target else " while it is written goes by a name that"
            raise OutputError(f"{target}:{passing} is {what} and never written to; name another output.")
    if os.path.lexists(target) and not overwrite:
        raise OutputError(f"{target}: exists already; name another output or use --overwrite.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: the folder {folder} is read-only; name an output elsewhere.")


def write_failed(target: Path, error: Exception) -> OutputError:
    """The sentence for an error while writing."""
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
    return OutputError(f"{target}: cannot be written ({reason}); nothing was left there, check the disk and try again.")


class PartFile:
    """`target` under a passing name in the same folder, until it is whole."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")

    def create(self) -> None:
        """Make sure that the file can be written, before any work is spent on it. Raises OutputError."""
        try:
            self.path.unlink(missing_ok=True)  # left by a run that was killed
            self.path.touch(exist_ok=False)
        except OSError as error:
            raise write_failed(self.target, error) from error

    def finish(self) -> None:
        """Give the file its name, once its contents and then the name itself are safe on the disk."""
        try:
            _sync(self.path)
            os.replace(self.path, self.target)
            _sync(self.target.absolute().parent)
        except OSError as error:
            self.discard()
            raise write_failed(self.target, error) from error

    def discard(self) -> None:
        """Leave nothing behind."""
        self.path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
