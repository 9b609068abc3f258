"""Reading frames: one after the other, upright, with the source's own times, from any frame on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction

import av
from av import VideoFrame

from vidstyle.core.errors import InputError
from vidstyle.core.frame import Frame
from vidstyle.video.clip import Clip
from vidstyle.video.images.sequence import read_frames
from vidstyle.video.pixels.hdr import to_painter
from vidstyle.video.pixels.planes import read_alpha, read_image
from vidstyle.video.read.alpha import decoded
from vidstyle.video.read.container import open_source, picture_stream
from vidstyle.video.read.damage import OUT_OF_STEP, REMEDY, fits, mended
from vidstyle.video.read.deinterlace import deinterlaced


def decode(clip: Clip, first: int = 0, last: int | None = None, *, clamp: bool = True) -> Iterator[Frame]:
    """Frames `first` to `last` (both included; None is the end) in order of showing, one at a time.

    Images are (3, H, W) float32 RGB in [0, 1], upright, on the CPU. A range is bit for bit a slice of the whole.
    Without `clamp`, codes beyond black and white lie outside [0, 1], and encoding brings back every code of the source.
    Raises InputError when a frame is damaged or missing: there are as many frames as `clip` says, or an error. Where
    the clip was probed to `hold` or `keep` damage, there are as many in any case, and `Frame.damage` marks them.
    """
    last = clip.frames - 1 if last is None else last
    if clip.files:
        yield from read_frames(clip, first, last)
        return
    with closing(_pictures(clip, first, last)) as pictures:
        for index, picture, damage in pictures:
            yield _frame(clip, index, picture, damage, clamp)


def sample(clip: Clip, positions: Sequence[int], run: int = 2) -> Iterator[list[Frame]]:
    """For each of `positions`, a list of the `run` consecutive frames that start there (fewer at the clip's end).

    Skips what lies between by seeking where a frame to start from lies between, and by decoding on where not.
    """
    if clip.files:
        yield from (list(read_frames(clip, at, min(at + run, clip.frames) - 1)) for at in positions)
        return
    pictures = _pictures(clip, 0, -1)
    at, kept = 0, list[Frame]()
    for position in positions:
        stop = min(position + run, clip.frames)
        kept = [frame for frame in kept if position <= frame.index < stop]
        if kept and kept[0].index != position:
            kept = []
        start = kept[-1].index + 1 if kept else position
        # What a missing picture repeats is only known to who has read all before it.
        if start < at or (_keyframe(clip, start) > at and clip.on_damage == "fail") or not at:
            pictures.close()
            pictures, at = _pictures(clip, start, clip.frames - 1), start
        while at < stop:
            index, picture, damage = next(pictures)
            at = index + 1
            if index >= start:
                kept.append(_frame(clip, index, picture, damage))
        yield list(kept)
    pictures.close()


def _keyframe(clip: Clip, index: int) -> int:
    """The last frame at or before `index` that decoding can start from."""
    at = bisect_right(clip.keyframes, index)
    return clip.keyframes[at - 1] if at else 0


def _frame(clip: Clip, index: int, picture: VideoFrame, damage: str, clamp: bool = True) -> Frame:
    image, alpha = clip.orientation.apply(read_image(picture, clip.colour, clamp)), read_alpha(picture)
    if clip.hdr is not None:
        image = to_painter(image, clip.hdr)
    return Frame(image, clip.pts[index], clip.time_base, index, clip.durations[index], damage,
                 None if alpha is None else clip.orientation.apply(alpha))


def _pictures(clip: Clip, first: int, last: int) -> Generator[tuple[int, VideoFrame, str], None, None]:
    """Index, picture and mark of damage of frames `first` to `last`, made whole where that was asked for."""
    if not clip.deinterlace or first > last:
        for found in _coded(clip, first, last):
            if found[1].interlaced_frame:
                raise InputError(f"{clip.path}: frame {found[0]} is interlaced, unlike the first; --deinterlace bwdif makes "
                                 "such pictures whole and leaves the others as they are.")
            yield found
        return
    around = _coded(clip, max(0, first - 1), min(last + 1, clip.frames - 1))
    with closing(around):
        yield from (found for found in deinterlaced(around) if first <= found[0] <= last)


def _coded(clip: Clip, first: int, last: int) -> Generator[tuple[int, VideoFrame, str], None, None]:
    """Index, decoded picture and mark of damage of frames `first` to `last`.

    Seeking alone is not exact: with open groups of pictures or in transport streams it may land late. So the landing
    is checked, and where it is late we step back by 1, 2, 4, ... seconds, and at last start from the beginning.
    """
    if first > last:
        return
    if clip.on_damage != "fail":
        yield from mended(clip, first, last)
        return
    back = Fraction(0)
    while True:
        target = clip.pts[_keyframe(clip, first)] - back / clip.time_base
        from_start = target <= clip.pts[0]
        landed = _decode_from(clip, first, last, None if from_start else int(target))
        begin = next(landed, None)
        if begin is not None:
            yield begin
            yield from landed
            return
        assert not from_start, "decoding from the start raises or yields"
        back = max(2 * back, Fraction(1))


def _decode_from(clip: Clip, first: int, last: int, seek: int | None) -> Iterator[tuple[int, VideoFrame, str]]:
    """Frames `first` to `last` after a seek to time `seek`; nothing at all if that landed behind `first`."""
    numbers = {time: index for index, time in enumerate(clip.pts)}
    with open_source(clip.path) as container:
        stream = picture_stream(container, clip.path, clip.stream)
        if seek is not None:
            try:
                container.seek(seek, stream=stream)
            except av.FFmpegError:
                return
        index = None if seek is not None else 0
        strange: set[int] = set()
        late = 0
        pictures = decoded(container, stream)
        while (picture := _next(clip, pictures, index or 0)) is not None:
            time = picture.pts
            if seek is None and index == 0 and time is not None and time < clip.pts[0]:
                continue  # the probe left these out, too
            if index is None:
                index = numbers.get(time) if time is not None else None
                if index is None:
                    continue  # a broken picture right after a seek
                if index > first:
                    return
            if index >= clip.frames:
                raise InputError(f"{clip.path}: holds more frames than its packets promise ({clip.frames}); remux it.")
            # Some files state times that contradict the decoder's order by a few frames; players show the decoder's.
            if time is not None:
                strange ^= {time} ^ {clip.pts[index]}
            late = late + 1 if strange else 0
            if late > OUT_OF_STEP:
                raise InputError(f"{clip.path}: a frame before frame {index} cannot be decoded; "
                                 f"{index - late + 1} of {clip.frames} frames were read; {REMEDY}.")
            if index >= first:
                if picture.is_corrupt:
                    raise InputError(f"{clip.path}: frame {index} is damaged; "
                                     f"{index} of {clip.frames} frames were read; {REMEDY}.")
                _check_layout(clip, picture, index)
                yield index, picture, ""
            index += 1
            if index > last:
                return
        if seek is None or (index is not None and index > first):
            raise InputError(f"{clip.path}: breaks off; {index or 0} of {clip.frames} frames were read; {REMEDY}.")


def _next(clip: Clip, pictures: Iterator[VideoFrame], read: int) -> VideoFrame | None:
    """The next picture, None at the end; the decoder's errors told in a sentence."""
    try:
        return next(pictures, None)
    except av.FFmpegError as error:
        raise InputError(f"{clip.path}: is damaged ({(error.strerror or str(error)).lower()}); "
                         f"{read} of {clip.frames} frames were read; {REMEDY}.") from error


def _check_layout(clip: Clip, picture: VideoFrame, index: int) -> None:
    if not fits(clip, picture):
        raise InputError(f"{clip.path}: changes from {clip.coded_width}x{clip.coded_height} {clip.pix_fmt} to "
                         f"{picture.width}x{picture.height} {picture.format.name} at frame {index}; split it there.")
