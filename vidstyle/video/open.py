"""Opening a clip: the facts of a movie or a sequence of images, and a source of its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Clip
from vidstyle.video.images.pattern import IMAGE_SUFFIXES, PICTURE_SUFFIXES, parse_pattern, pattern_of
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
    """The facts of the movie, or of the sequence of images, at `path`.

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


def _open(path: Path, settings: ReadSettings) -> MovieSource | ImageSequenceSource:
    pattern = parse_pattern(path)
    if pattern is None:
        if path.suffix.lower() in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES) and path.is_file():
            raise InputError(f"{path}: is one image; name a sequence of them, such as {pattern_of(path).name}.")
        return MovieSource.open(path, settings)
    images = ImageSequenceSource.open(path, pattern, settings)
    if settings.sound is None:
        return images
    sound = ReplacementSound.open(settings.sound)
    return replace(images, soundtracks=sound.tracks, sound_packets=sound.first_packets)
