"""Parse which clips are named, and where their outputs go."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.errors import UsageError


def names_several(clips: Sequence[Path]) -> bool:
    """Whether these arguments may stand for several clips: more than one, a folder, or a glob."""
    return len(clips) > 1 or any(os.path.isdir(path) or (glob.has_magic(str(path)) and not os.path.lexists(path))
                                 for path in clips)


def parse_output(text: str | None, several: bool) -> tuple[Path | None, bool]:
    """The output of one clip or `several`, and whether it is a folder; None where `text` is. Raises UsageError."""
    if text is None:
        return None, False
    folder = text.endswith(("/", os.sep)) or os.path.isdir(text)
    if several and not folder:
        raise UsageError(f"-o {text} is one file for several clips; give a folder, such as -o {text}/.")
    return Path(text), folder
