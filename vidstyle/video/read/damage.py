"""Reading damaged clips: decoding continues after errors, and a missing frame repeats another one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError, reason
from vidstyle.video.clip import Clip
from vidstyle.video.read.alpha import alpha_decoder
from vidstyle.video.read.container import demuxed

OUT_OF_STEP = 16
"""Frames for which a decoder's order and its times may disagree; longer than any codec reorders."""
REMEDY = "copy or export it again, or paint what is there with --on-damage hold"
_MOST_FAILURES = 8  # in a row, after which reading ends


def packets(container: InputContainer, streams: Sequence[Stream], on_damage: OnDamage,
            faults: list[str] | None = None) -> Iterator[Packet[Stream]]:
    """Every packet of these streams; unless `on_damage` is `fail`, reading continues after a part that cannot be read.

    faults: gets the reason for each such part.
    """
    failures, before = 0, -1
    count = 0
    while True:
        try:
            for packet in demuxed(container, streams):
                count += 1
                yield packet
            return
        except av.FFmpegError as error:
            failures = failures + 1 if count == before else 1
            before = count
            if on_damage == "fail":
                raise
            if faults is not None:
                faults.append(reason(error))
            if failures == _MOST_FAILURES:
                return


def decodable(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that the decoder returns, also if it fails on others; damaged ones are marked `is_corrupt`."""
    own = alpha_decoder(stream)
    # Threads that decode slices in parallel return different frames of the same damaged data from run to run.
    (own or stream.codec_context).thread_count = 1
    for packet in packets(container, [stream], "keep"):
        try:
            found = packet.decode() if own is None else own.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        yield from (frame for frame in found if isinstance(frame, VideoFrame))


def every_frame(clip: Clip, found: Iterator[VideoFrame], on_damage: OnDamage, first: int,
                last: int) -> Iterator[tuple[int, VideoFrame, str]]:
    """Index, frame and mark (see `Frame.damage`) of frames `first` to `last`, all of them, in order.

    found: `decodable` from the clip's beginning, whatever the range, because the frame that a missing one repeats may lie
    anywhere before it. Raises InputError where not one frame can be used.
    """
    good: VideoFrame | None = None
    at = 0
    for index, frame in _indexed(clip, found):
        damaged = frame.is_corrupt
        if (damaged and on_damage == "hold") or not has_layout(clip, frame):
            continue
        for missing in range(max(at, first), min(index, last + 1)):
            yield missing, good or frame, "held"  # before the first good frame, that one is repeated
        if first <= index <= last:
            yield index, frame, "damaged" if damaged else ""
        good, at = frame, index + 1
        if at > last:
            return
    if good is None:
        raise InputError(f"{clip.path}: not one of its {clip.frames} frames can be decoded; copy or export it again.")
    for missing in range(max(at, first), last + 1):
        yield missing, good, "held"


def has_layout(clip: Clip, frame: VideoFrame) -> bool:
    """Whether the frame has the size and pixel format of the clip's first frame."""
    return (frame.width, frame.height, frame.format.name) == (clip.coding.width, clip.coding.height, clip.coding.pix_fmt)


def _indexed(clip: Clip, found: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
    """Each decoded frame with its index, in order; frames without an index are left out.

    Some files state times that contradict the decoder's order by a few frames: as long as the same times come, the
    decoder's order holds. Where one is missing, the others are found by their times.
    """
    indices = {time: index for index, time in enumerate(clip.pts)}
    ahead: deque[VideoFrame] = deque()
    at = 0
    while at < clip.frames:
        unmatched: set[int] = set()
        step = 0
        for step in range(1, OUT_OF_STEP + 1):
            if len(ahead) < step and (frame := next(found, None)) is not None:
                ahead.append(frame)
            if len(ahead) < step or at + step > clip.frames:
                step = 0
                break
            if (time := ahead[step - 1].pts) is not None:
                unmatched ^= {time} ^ {clip.pts[at + step - 1]}
            if not unmatched:
                break
        if not ahead:
            return
        if step and not unmatched:
            yield from ((at + k, ahead.popleft()) for k in range(step))
            at += step
            continue
        frame = ahead.popleft()
        index = at if frame.pts is None else indices.get(frame.pts, -1)
        if index >= at:
            yield index, frame
            at = index + 1
