"""The clips in a folder, and those that a pattern such as `shots/*.mp4` finds."""

from __future__ import annotations

import glob
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from vidstyle.core.errors import InputError
from vidstyle.run.manifest_file import manifest_path
from vidstyle.video import IMAGE_SUFFIXES, MOVIE_SUFFIXES, PICTURE_SUFFIXES, parse_pattern, pattern_of

_NUMBER = re.compile(r"\d+(?=\D*$)")


def find_clips(path: Path) -> list[Path]:
    """The clips that `path` names, in the order of their names and numbers: itself, or those in a folder or of a glob.

    Of images in a folder, those that differ in their number are one clip. Paintings, which have a manifest beside them, are
    left out. Raises InputError for a folder or a glob without clips.
    """
    if os.path.isdir(path):
        found = _clips_among(path.iterdir())
    elif os.path.lexists(path) or not glob.has_magic(str(path)) or parse_pattern(path) is not None:
        return [path]
    else:
        matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
        images = path.suffix.lower() in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES)
        found = _clips_among((match for match in matches if os.path.isfile(match)), images=images)
        for folder in sorted((match for match in matches if os.path.isdir(match)), key=_natural):
            found += [clip for clip in _clips_among(folder.iterdir()) if clip not in found]
    if not found:
        raise InputError(f"{path}: {'holds' if os.path.isdir(path) else 'finds'} no clips, or only paintings; check the path.")
    return found


def _clips_among(files: Iterable[Path], *, images: bool = False) -> list[Path]:
    """The movies and the sequences of images among `files`, without paintings.

    images: take every image; else photographs (.jpg) and lone images are left out, which lie beside clips as styles or stills.
    """
    clips, sequences = list[Path](), defaultdict[Path, list[Path]](list)
    for file in files:
        if not os.path.isfile(file) or file.name.startswith("."):
            continue
        if file.suffix.lower() in MOVIE_SUFFIXES:
            clips.append(file)
        elif file.suffix.lower() in (*IMAGE_SUFFIXES, *(PICTURE_SUFFIXES if images else ())):
            sequences[file.with_name(_NUMBER.sub("#", file.stem) + file.suffix)].append(file)
    # The shortest name tells whether the numbers are padded: 8 and 10 are not, 08 and 10 are.
    clips += [pattern_of(min(found, key=lambda file: (len(file.name), file.name)))
              for found in sequences.values() if len(found) > 1]
    clips += [file for found in sequences.values() if len(found) == 1 and images for file in found]
    return sorted((clip for clip in clips if not os.path.exists(manifest_path(clip))), key=_natural)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """A key to sort by, in which shot2 comes before shot10."""
    parts = re.findall(r"\d+|\D+", str(path))
    return [(0, int(part)) if part.isdecimal() else (1, part.casefold()) for part in parts]
