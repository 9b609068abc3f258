"""Painted key frames: which frames an artist has painted, checked before anything is painted, and their shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from vidstyle.core.errors import UsageError
from vidstyle.core.images import read_pixels
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.cuts import Range, find_shots
from vidstyle.temporal.intervals import KeyedShot
from vidstyle.video import Clip, Source, parse_pattern

STYLES = 4
"""Paintings that are the style where no style is given, at most, spread over all of them: a network is fitted to no more."""
_CHUNK = 48  # frames read at once in search of the begin or the end of a shot


@dataclass(frozen=True)
class PaintedKey:
    """A frame that an artist has painted."""

    index: int
    """Of the frame, see `Frame.index`."""
    number: int
    """Of the frame, as a user counts."""
    path: Path
    """The painting."""
    size: tuple[int, int]
    """Width and height of the painting, in pixels."""


def find_keys(options: Options, clip: Clip, size: tuple[int, int]) -> tuple[PaintedKey, ...]:
    """The painted key frames that the options name, in order. size: width and height painted.

    Every painting is read once. Raises UsageError or InputError, in one sentence, for a frame that the clip does not have or
    that is named twice, and for a painting that cannot be read, shows nothing or has another shape than the clip.
    """
    keys = sorted((PaintedKey(index, clip.number(index), path, (0, 0)) for index, path in _named(options, clip)),
                  key=lambda key: key.index)
    for one, other in pairwise(keys):
        if one.index == other.index:
            raise UsageError(f"Frame {one.number} has two painted key frames, {one.path} and {other.path}; leave one out.")
    return tuple(PaintedKey(key.index, key.number, key.path, _size(key.path, clip, size)) for key in keys)


def _named(options: Options, clip: Clip) -> Iterator[tuple[int, Path]]:
    for key in options.key:
        yield clip.index_at(key.at, f"--key {key.path}"), key.path
    if options.keys is not None:
        pattern = parse_pattern(options.keys)
        if pattern is None:
            raise UsageError(f"--keys {options.keys} has no place for a number; give a pattern such as 'keys/clip_####.png', "
                             f"or one painting with --key FRAME={options.keys}.")
        for number, path in pattern.fitted().found().items():
            yield clip.index_at(number, f"--keys {path}"), path


def _size(path: Path, clip: Clip, painted: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a painting. Raises UsageError for one that is transparent everywhere, or of another shape.

    Its shape is that of the clip as it is seen, or that of `painted` (width, height).
    """
    pixels = read_pixels(path)
    height, width = pixels.shape[1:]
    if len(pixels) == 4 and not pixels[3].any():
        raise UsageError(f"{path}: is transparent everywhere, so that nothing of it is seen; paint it, or leave it out.")
    # Sizes are rounded to whole pixels: so many of the painting's may be missing or too many, and few of a small one's.
    shapes = ((float(clip.width * clip.sample_aspect_ratio), clip.height), painted)
    if all(abs(width - height * wide / tall) > min(1 + max(1.0, width / wide), width / 10) for wide, tall in shapes):
        raise UsageError(f"{path}: is {width}x{height}, another shape than the clip, which is painted at "
                         f"{painted[0]}x{painted[1]}; paint over a frame that `vidstyle keys` writes, and do not crop it.")
    return width, height


def find_keyed_shots(source: Source, keys: Sequence[PaintedKey], first: int, last: int,
                     size: tuple[int, int]) -> tuple[list[KeyedShot], list[Range]]:
    """Of the shots that hold the frames from `first` to `last`: those with painted key frames, and the others.

    A shot is followed beyond these frames as far as the next painted key frame or the next cut, since both decide how the
    frames are painted; so the same comes out for a range as for the whole clip. size: width and height painted. Reads
    every frame.
    """
    indices = [key.index for key in keys]
    behind = max((index for index in indices if index <= first), default=0)
    ahead = min((index for index in indices if index >= last), default=source.clip.frames - 1)
    begin, end = first, last
    while begin > behind:
        earlier = max(behind, begin - _CHUNK)
        begin = find_shots(source, earlier, begin, size)[-1][0]
        if begin > earlier:
            break
    while end < ahead:
        later = min(ahead, end + _CHUNK)
        end = find_shots(source, end, later, size)[0][1]
        if end < later:
            break
    shots = find_shots(source, first, last, size)
    shots[0] = (begin, shots[0][1])
    shots[-1] = (shots[-1][0], end)
    keyed, others = list[KeyedShot](), list[Range]()
    for shot in shots:
        inside = tuple(index for index in indices if shot[0] <= index <= shot[1])
        if inside:
            keyed.append(KeyedShot(*shot, inside))
        else:
            others.append(shot)
    return keyed, others


def as_styles(keys: Sequence[PaintedKey]) -> list[Style]:
    """The paintings that are the style where no style is given."""
    step = max(1, -(-len(keys) // STYLES))
    return [Style(key.path) for key in keys[::step]]


def size_warnings(keys: Sequence[PaintedKey], size: tuple[int, int]) -> list[str]:
    """A sentence if paintings have more pixels than the painted `size`, as (width, height)."""
    largest = max((max(key.size) for key in keys), default=0)
    if largest <= max(size) + 1:
        return []
    return [f"The painted key frames are up to {largest} pixels long and lose detail at the painted size {size[0]}x{size[1]}; "
            f"a larger --size keeps it, up to the size of the clip."]
