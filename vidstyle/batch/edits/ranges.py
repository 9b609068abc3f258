"""Which frames of its media each clip of an edit needs, transitions and retimes included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from pathlib import Path, PureWindowsPath
from typing import Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from vidstyle.batch.edits.files import Loaded
from vidstyle.batch.edits.media import Finder, Media, NotFound
from vidstyle.batch.edits.time import count_of, exact_rate, frames_of, timecode_of
from vidstyle.video import parse_pattern

_SOUND = (".wav", ".aif", ".aiff", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".caf")
_STILLS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".psd", ".bmp", ".gif", ".tga", ".heic", ".webp", ".svg")
_NONSENSE = (ValueError, ArithmeticError)
"""What numbers that are no times or rates raise."""
_NEARLY = Fraction(1, 100)  # of a frame: times are floating-point numbers


class _Left(Exception):
    """A clip that is left as it is; the message says why."""


@dataclass(frozen=True)
class Use:
    """A clip of the edit and the frames of its media that it needs."""

    number: int
    """Where it comes among all clips of the edit, counted from 0."""
    place: str
    """The clip in words, for messages."""
    media: Media
    start: Fraction
    """Where its source_range starts in the media, in frames from the first."""
    first: int
    last: int
    """Indices of the first and last frame that may be shown, both included, without handles."""


@dataclass(frozen=True)
class Uses:
    """What an edit uses."""

    uses: list[Use]
    missing: list[tuple[str, str, str]]
    """Name, place and reason of each clip whose media was not found, or is not the media that the edit means."""
    left: list[str]
    """One sentence for each clip that cannot be painted."""


def media_rates(root: Any, finder: Finder) -> list[Fraction]:
    """The rates of the media of an edit, the most frequent first."""
    rates = Counter[Fraction]()
    for clip in root.find_clips():
        if not isinstance(clip.media_reference, otio.schema.GeneratorReference):
            with suppress(NotFound, _Left, *_NONSENSE):
                rates[exact_rate(_media(clip, finder).rate)] += 1
    return [rate for rate, _ in rates.most_common()]


def find_uses(loaded: Loaded, finder: Finder) -> Uses:
    """The clips of the edit that show moving pictures, in its order, with what they need. Clips of sound are passed over."""
    found = Uses([], [], [])
    for number, clip in enumerate(loaded.root.find_clips()):
        if _is_sound(clip):
            continue
        place = _place(loaded, clip, number)
        try:
            found.uses.append(_use(clip, number, place, loaded, finder))
        except NotFound as error:
            found.missing.append((clip.name, place, str(error)))
        except _Left as error:
            found.left.append(f"{place}: {error}; it stays as it is.")
        except (otio.exceptions.OTIOError, *_NONSENSE) as error:
            found.left.append(f"{place}: has times that cannot be read ({error}); it stays as it is.")
    return found


def merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of frames as few that hold the same frames: those that overlap or touch become one."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _use(clip: Any, number: int, place: str, loaded: Loaded, finder: Finder) -> Use:
    if not all(getattr(each, "enabled", True) for each in (clip, *_parents(clip))):
        raise _Left("is disabled")
    speed = _speed(clip)
    media = _media(clip, finder)
    if clip.source_range is None:
        whole = TimeRange(RationalTime(media.origin, float(media.rate)), RationalTime(float(media.length), float(media.rate)))
        clip.source_range = getattr(clip.media_reference, "available_range", None) or whole
    shown = clip.source_range
    length = _frames(shown.duration, media)
    start = _start(clip, media, loaded, length * max(speed, Fraction(0)))
    visible = _visible(clip)
    head = _frames(visible.start_time - shown.start_time, media)
    tail = _frames(visible.end_time_exclusive() - shown.start_time, media)
    if speed > 0:
        begin, end = start + head * speed, start + tail * speed
    elif speed == 0:
        begin, end = start, start + 1
    else:
        # Programs disagree on whether source_range starts at the first frame that is shown or at the lowest: both are covered.
        most = max(abs(head), abs(tail), abs(tail - head)) * -speed
        begin, end = start - most, start + most + 1
    first = media.index(begin + _NEARLY)
    return Use(number, place, media, start, first, max(first, media.index(end - _NEARLY)))


def _media(clip: Any, finder: Finder) -> Media:
    """The media of a clip. Raises _Left for what is no movie or sequence, NotFound where it is not there."""
    reference = clip.media_reference
    if isinstance(reference, otio.schema.GeneratorReference):
        raise _Left(f"is made by a generator ({reference.generator_kind or reference.name or 'unnamed'})")
    stated = clip.metadata.get("cmx_3600", {})
    files = [comment.partition(":")[2].strip() for comment in stated.get("comments", []) if comment.startswith("SOURCE FILE")]
    names = [getattr(reference, "name", ""), *files, clip.name, stated.get("reel", "")]
    rate = None
    if isinstance(reference, otio.schema.ImageSequenceReference):
        number = f"%0{reference.frame_zero_padding or 1}d"
        urls = [str(Path(reference.target_url_base) / f"{reference.name_prefix}{number}{reference.name_suffix}")]
        rate = exact_rate(reference.rate)
    else:
        urls = [url.strip()] if (url := getattr(reference, "target_url", "")) else []
    if rate is None and clip.source_range is not None:
        rate = exact_rate(clip.source_range.duration.rate)
    for name in (*urls, *names):
        suffix = PureWindowsPath(name).suffix.lower()
        if suffix in _SOUND:
            raise _Left(f"{PureWindowsPath(name).name} is sound")
        if suffix in _STILLS and parse_pattern(Path(name)) is None and "[" not in name:
            raise _Left(f"{PureWindowsPath(name).name} is a still")
    return finder.open(urls, names, rate)


def _start(clip: Any, media: Media, loaded: Loaded, length: Fraction) -> Fraction:
    """Where the clip's source_range starts in its media, in frames from the first.

    Edits count from the start that the media reference states, from the media's timecode, from the number of its first image,
    or from 0: the first of these that puts all `length` frames inside the media is right. Raises NotFound where none does.
    """
    reference, time = clip.media_reference, clip.source_range.start_time
    value = _frames(time, media)
    counts = []
    if (stated := getattr(reference, "available_range", None)) is not None:
        counts.append(value - _frames(stated.start_time, media) + _first_number(reference, media))
    if media.timecode is not None:
        if loaded.is_edl and media.clip.timecode is not None and exact_rate(time.rate) == exact_rate(media.rate):
            # In an EDL, a source time is a timecode of the media, even where the edit itself counts another way.
            label = timecode_of(value, media.rate, drop=bool(loaded.drop))
            dropping = media.clip.timecode[-3] in ";."
            read = count_of(f"{label[:8]}{';' if dropping else ':'}{label[9:]}", media.rate)
            counts.append(Fraction(read if read is not None else value) - media.timecode)
        counts.append(value - media.timecode)
    counts += [value - media.clip.numbering[0], value]
    # Where the rates differ, a duration in the edit's frames is rounded.
    length = max(length, Fraction(1))
    slack = _NEARLY if exact_rate(time.rate) == exact_rate(media.rate) else 1 + _NEARLY
    for start in counts:
        if start >= -_NEARLY and start + length <= media.length + slack:
            return start
    raise NotFound(f"{media.clip.path}: holds the frames {media.origin}-{media.origin + media.clip.frames - 1}, and the edit "
                   f"shows {float(value):g}-{float(value + length - 1):g}; check whether it is the right file.")


def _first_number(reference: Any, media: Media) -> Fraction:
    """Where the first image of a reference to images lies in the sequence that was found."""
    if not isinstance(reference, otio.schema.ImageSequenceReference):
        return Fraction(0)
    first, step = media.clip.numbering
    return Fraction(reference.start_frame - first, step)


def _speed(clip: Any) -> Fraction:
    """Frames of media for each frame of the edit; negative if the clip runs backwards. Raises _Left for changing speeds."""
    warps = [effect for effect in clip.effects if isinstance(effect, otio.schema.TimeEffect)]
    if not all(isinstance(effect, otio.schema.LinearTimeWarp) for effect in warps):
        raise _Left("changes its speed within the clip")
    return prod((Fraction(effect.time_scalar).limit_denominator(10**6) for effect in warps), start=Fraction(1))


def _visible(clip: Any) -> Any:
    """What may be seen of a clip, on its own clock: with its transitions, and within the nested clip that holds it."""
    visible = clip.visible_range()
    for parent in _parents(clip):
        held = isinstance(parent, otio.schema.Stack) and parent.source_range is not None and parent.parent() is not None
        if held and not clip.effects and not any(isinstance(effect, otio.schema.TimeEffect) for effect in parent.effects):
            window = parent.transformed_time_range(parent.visible_range(), clip)
            start = max(visible.start_time, window.start_time)
            end = min(visible.end_time_exclusive(), window.end_time_exclusive())
            if end <= start:
                raise _Left("is not shown by the nested clip that holds it")
            visible = otio.opentime.range_from_start_end_time(start, end)
    return visible


def _place(loaded: Loaded, clip: Any, number: int) -> str:
    """`clip 3 (A001) at 01:00:04:00`; without the time where it is not known how the edit counts 29.97 frames a second."""
    place = f"clip {number + 1} ({clip.name})" if clip.name else f"clip {number + 1}"
    *_, top = _parents(clip)
    with suppress(otio.exceptions.OTIOError, *_NONSENSE):
        time = clip.transformed_time(clip.trimmed_range().start_time, top)
        if isinstance(loaded.root, otio.schema.Timeline) and loaded.root.global_start_time is not None:
            time += loaded.root.global_start_time
        rate = exact_rate(time.rate)
        if loaded.drop is not None or rate.denominator == 1 or round(rate) % 30:
            place += f" at {timecode_of(frames_of(time, rate), rate, drop=bool(loaded.drop))}"
    return place


def _frames(time: Any, media: Media) -> Fraction:
    return frames_of(time, media.rate, by_time=media.by_time)


def _parents(clip: Any) -> Iterator[Any]:
    parent = clip.parent()
    while parent is not None:
        yield parent
        parent = parent.parent()


def _is_sound(clip: Any) -> bool:
    tracks = (parent for parent in _parents(clip) if isinstance(parent, otio.schema.Track))
    return any(track.kind == otio.schema.TrackKind.Audio for track in tracks)

