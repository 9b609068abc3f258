"""Opening a clip: the facts of a movie or of images, and a source of its frames."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidstyle.core.errors import InputError
from vidstyle.core.images import count_pictures
from vidstyle.video.clip import Clip
from vidstyle.video.images.pattern import IMAGE_SUFFIXES, PICTURE_SUFFIXES, images_of, parse_pattern, pattern_of
from vidstyle.video.images.source import ImageSequenceSource
from vidstyle.video.interfaces import Source
from vidstyle.video.read.movie import MovieSource
from vidstyle.video.read.sound import ReplacementSound
from vidstyle.video.settings import ReadSettings
from vidstyle.video.write.codecs import CODECS, CONTAINERS, choose_codec, default_suffix
from vidstyle.video.write.readers import open_readers
from vidstyle.video.write.side_data import lost_side_data
from vidstyle.video.write.streams import plan_streams

_DEFAULTS = ReadSettings()


def probe(path: Path, settings: ReadSettings = _DEFAULTS) -> Clip:
    """The facts of the movie, of the sequence of images, or of the one image, at `path`.

    HDR and interlaced clips are probed whatever the settings. Raises InputError, in one sentence, for what cannot be
    read, for damage unless `on_damage` allows it, and for missing images unless `gaps` does.
    """
    return _open(Path(path), settings).clip


def open_source(path: Path, settings: ReadSettings = _DEFAULTS) -> Source:
    """The clip at `path`, probed once, to be read as `settings` say.

    Raises InputError, in one sentence, where `probe` does, and for what cannot be painted without another setting: an HDR
    clip without `hdr`, an interlaced clip without `deinterlace`.
    """
    source = _open(Path(path), settings)
    if source.refusal is not None:
        raise InputError(source.refusal)
    return source


def describe(path: Path, settings: ReadSettings = _DEFAULTS) -> dict[str, Any]:
    """The facts of the clip at `path` in types that JSON has, with `streams`, one line for each stream that says what
    an output of the clip's own format would hold of it, and `warnings`, also of what only frames state.

    Raises InputError where `probe` does.
    """
    source = _open(Path(path), settings)
    suffix = default_suffix(source.clip)
    container, encoder = CONTAINERS[suffix], CODECS[choose_codec(Path(f"output{suffix}"), "auto")].encoder
    with open_readers(source) as readers:
        streams = plan_streams(source, readers, source.clip.path.suffix)
    warnings = [*source.warnings, *lost_side_data(source.clip, container, encoder)]
    return source.clip.as_dict() | {"streams": list(streams.lines), "warnings": warnings}


def _alone(path: Path) -> list[str]:
    """A sentence where an image is one of a sequence, which its name stands for in other programs."""
    every = parse_pattern(pattern_of(path))
    count = 0 if every is None else len(every.fitted().numbers_there())
    return [f"{path.name} is painted alone; {pattern_of(path).name} names it and {count - 1} others."] if count > 1 else []


def _open(path: Path, settings: ReadSettings) -> MovieSource | ImageSequenceSource:
    pattern = parse_pattern(path)
    if pattern is None:
        if path.suffix.lower() not in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES):
            return MovieSource.open(path, settings)
        if os.path.isfile(path) and (pictures := count_pictures(path)) > 1:
            if path.suffix.lower() == ".png":
                return MovieSource.open(path, settings)
            raise InputError(f"{path}: holds {pictures} images; save each to a file of its own, and name them as in "
                             f"{path.stem}.####.png.")
    images = ImageSequenceSource.open(path, pattern or images_of(path), settings)
    if pattern is None:
        images = replace(images, warnings=(*images.warnings, *_alone(path)))
    if settings.sound is None:
        return images
    sound = ReplacementSound.open(settings.sound)
    return replace(images, soundtracks=sound.tracks, sound_packets=sound.first_packets)
