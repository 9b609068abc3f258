"""The manifest beside an output: its name, and whether it says that the output may be replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from vidstyle.core.files import sha256
from vidstyle.video import canonical_path, parse_pattern

SUFFIX = ".vidstyle.json"


def manifest_path(target: Path) -> Path:
    """Path of the manifest of an output: `a.mp4.vidstyle.json`, or `shot.vidstyle.json` of images `shot.####.exr`.

    Images keep a manifest under their whole name, `shot.####.exr.vidstyle.json`, where earlier versions have written one, and
    where the shorter name is that of other images, `shot.####.png`.
    """
    whole, pattern = target.with_name(target.name + SUFFIX), parse_pattern(target)
    if pattern is None or os.path.exists(whole):
        return whole
    short = target.with_name(pattern.stem() + SUFFIX)
    stated = _read(short, "path")
    is_others = isinstance(stated, str) and canonical_path(target.parent / stated) != canonical_path(target)
    return whole if is_others else short


def is_earlier_preview(target: Path) -> bool:
    """Whether the movie `target` is one that `vidstyle preview` has written and nobody has changed, or is gone."""
    path = manifest_path(target)
    return _read(path, "sheet") is not None and (not os.path.exists(target) or _read(path, "sha256") == sha256(target))


def _read(path: Path, key: str) -> Any:
    """What the manifest at `path` states about its output; None where it states nothing or there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))["output"].get(key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
