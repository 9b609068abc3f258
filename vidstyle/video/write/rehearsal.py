"""Writing all sound and other streams to nowhere, before any painting: what the output will not take is left out and named."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction

import av
from av import AudioFrame, Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError
from vidstyle.video.clip import ROUNDING
from vidstyle.video.packets import with_decoding_times
from vidstyle.video.read.container import open_container
from vidstyle.video.read.faults import PacketCount, sound_fault
from vidstyle.video.read.tracks import track_of
from vidstyle.video.write import extras, sound
from vidstyle.video.write.extras import ExtrasWriter
from vidstyle.video.write.feed import Order, Refused, read
from vidstyle.video.write.layout import MovieLayout
from vidstyle.video.write.recode import is_loudness, sample_bits, samples_of
from vidstyle.video.write.sound import EDIT_LISTS, SoundWriter


def rehearse(layout: MovieLayout) -> list[str]:
    """Sentences for what will be missing of the sound and the other streams; the packets are added to `layout.streams`.

    Sound that is copied and other streams go through the muxer, each on its own; sound that is encoded anew is decoded.
    """
    source, streams = layout.source, layout.streams
    of_movie = {index: how for index, how in streams.extras if how != "attach"}
    replacement, found = source.settings.sound, list[str]()
    with ExitStack() as stack:
        if of_movie or (streams.audio and replacement is None):
            movie = stack.enter_context(open_container(source.clip.path))
            heard = streams.audio if replacement is None else []
            tried = _streams(layout, movie, heard, of_movie, stack)
            _read(movie, tried, source.settings.on_damage)
            found += _noted(layout, tried)
        if replacement is not None and streams.audio:
            other, faults = stack.enter_context(open_container(replacement)), list[str]()
            tried = _streams(layout, other, streams.audio, {}, stack)
            counts = _read(other, tried, layout.sound_damage, faults)
            if faults:
                found.append(f"{replacement.name} cannot be read in {len(faults)} place{'s' * (len(faults) > 1)} "
                             f"({faults[0]}), and is silent there.")
            found += [f"The sound of {replacement.name}, {track_of(stream)}, {fault}." for stream in other.streams.audio
                      if stream.index in counts and (fault := sound_fault(stream, counts[stream.index], other))]
            found += _noted(layout, tried)
    return found


def _streams(layout: MovieLayout, container: InputContainer, heard: Sequence[int], others: Mapping[int, extras.How],
             stack: ExitStack) -> dict[int, _Rehearsed | _Decoded]:
    """How each stream of a file is tried, by its number."""
    tried: dict[int, _Rehearsed | _Decoded] = {}
    for stream in container.streams.audio:
        if stream.index in heard:
            recoded = stream.index in layout.streams.recoded
            tried[stream.index] = _Decoded(stream) if recoded else _Rehearsed(layout, stream, stack, how=None)
    return tried | {index: _Rehearsed(layout, container.streams[index], stack, how=how) for index, how in others.items()}


def _read(container: InputContainer, tried: Mapping[int, _Rehearsed | _Decoded], on_damage: OnDamage,
          faults: list[str] | None = None) -> dict[int, PacketCount]:
    """Give every packet of the file to what it is tried with; the packets of each stream, counted."""
    counts = {index: PacketCount() for index in tried}
    packets = read(container, [container.streams[index] for index in tried], on_damage, faults)
    for packet in with_decoding_times(_timed(packets)):
        counts[packet.stream.index].add(packet)
        tried[packet.stream.index].add(packet)
    for one in tried.values():
        one.add(None)
    return counts


def _timed(packets: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    """The packets that have a time, as their writers take them."""
    for packet in packets:
        yield from (sound if packet.stream.type == "audio" else extras).timed(iter([packet]))


def _noted(layout: MovieLayout, tried: Mapping[int, _Rehearsed | _Decoded]) -> list[str]:
    """What is missing, in sentences; what is refused is added to the layout's streams."""
    for index, one in tried.items():
        if isinstance(one, _Rehearsed) and one.places:
            into = layout.streams.refused_sound if one.stream.type == "audio" else layout.streams.refused_extras
            into[index] = one.places
        if isinstance(one, _Rehearsed) and one.has_gaps:
            _fill_gaps(layout, one.stream)
    return [sentence for one in tried.values() for sentence in one.sentences()]


def _fill_gaps(layout: MovieLayout, stream: Stream) -> None:
    """Plan that PCM is written anew, with silence where it has gaps."""
    streams, name = layout.streams, str(track_of(stream))
    streams.recoded[stream.index] = track_of(stream).codec
    why = f"with {track_of(stream).codec}, as it has gaps, which {layout.target.suffix} cannot state; they are silent"
    streams.lines = tuple(line.replace("-> copied", f"-> re-encoded {why}") if f"{name} ->" in line else line
                          for line in streams.lines)
    streams.warnings.append(f"Sound is re-encoded without loss: {name}, {why}.")


def _close(sink: OutputContainer) -> None:
    """Close a file, of which the trial has shown that the format holds its stream."""
    with suppress(av.FFmpegError, ValueError):
        sink.close()


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing but its length."""

    def __init__(self) -> None:
        self._at = self._size = 0

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        length = memoryview(data).nbytes  # type: ignore[arg-type]
        self._at += length
        self._size = max(self._size, self._at)
        return length

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


class _Rehearsed:
    """One stream, written to a file of its own, so that an error is known to be its."""

    def __init__(self, layout: MovieLayout, stream: Stream, stack: ExitStack, *, how: extras.How | None) -> None:
        """how: None for sound."""
        sink = av.open(_Nowhere(), "w", format=layout.format.container)
        stack.callback(_close, sink)
        self._seen, self._order, self.stream, self._suffix = Refused(), Order(), stream, layout.target.suffix
        self.places: set[int] = set()
        """Places of the packets that were refused."""
        self.has_gaps = False
        """Whether it is PCM in which sound is missing, which MOV cannot state: what follows would be early."""
        self._bits = sample_bits(track_of(stream).codec) if layout.format.container in EDIT_LISTS else 0
        self._next: Fraction | None = None  # seconds at which the next packet is expected
        assert stream.time_base, "FFmpeg gives every stream a time base"
        ticks = stream.time_base.denominator
        if isinstance(stream, AudioStream):
            ticks = stream.codec_context.sample_rate or ticks
        self._longest = Fraction(2**31, ticks) if layout.format.container in EDIT_LISTS else None  # seconds between packets
        self._last: Fraction | None = None  # seconds at which the packet before is decoded
        low, high = layout.span if how else layout.sound_span
        origin = layout.origin if how else layout.origin - layout.sound_delay
        if how is None:
            assert isinstance(stream, AudioStream), "sound is in sound streams"
            self._writer: SoundWriter | ExtrasWriter = SoundWriter(sink, [stream], iter(()), {}, origin=origin, begin=low,
                                                                   end=high, refused=self._seen)
        else:
            self._writer = ExtrasWriter(sink, [(stream, how)], iter(()), {}, origin=origin, begin=low, end=high,
                                        refused=self._seen)
        sink.start_encoding()

    def add(self, packet: Packet[Stream] | None) -> None:
        """Write the next packet; None is the end."""
        for one in self._order.rest() if packet is None else self._order.admit(packet):
            if self._is_too_late(one):
                self._seen.admits(self.stream)
                self.places.add(self._seen.seen(self.stream) - 1)
                continue
            if self._bits:
                self._follow(one)
            try:
                self._writer.write(one)
            except (av.FFmpegError, ValueError, InputError):
                self.places.add(self._seen.seen(self.stream) - 1)

    def _is_too_late(self, packet: Packet[Stream]) -> bool:
        """Whether the packet follows the one before by more ticks than MP4 has bits for."""
        time, before = Fraction(packet.dts or 0) * packet.time_base, self._last
        if self._longest is not None and before is not None and time - before >= self._longest:
            return True
        self._last = time
        return False

    def _follow(self, packet: Packet[Stream]) -> None:
        """Note whether the packet begins where the samples before it end."""
        assert isinstance(self.stream, AudioStream), "only sound is PCM"
        begin, context = Fraction(packet.pts or 0) * packet.time_base, self.stream.codec_context
        self.has_gaps = self.has_gaps or (self._next is not None and abs(begin - self._next) > ROUNDING)
        end = begin if self._next is None or self.has_gaps else self._next
        self._next = end + Fraction(packet.size * 8, self._bits * context.channels * context.sample_rate)

    def sentences(self) -> Iterator[str]:
        """What will be missing."""
        if self.places:
            count = self._seen.seen(self.stream)
            yield (f"{len(self.places)} of {count} packets of {track_of(self.stream)} are damaged, cannot be written to "
                   f"{self._suffix}, and are left out.")


class _Decoded:
    """One sound stream that will be encoded anew, decoded."""

    def __init__(self, stream: AudioStream) -> None:
        self.stream = stream
        self._packets = self._failed = 0
        self._without = False  # whether samples are no numbers

    def add(self, packet: Packet[Stream] | None) -> None:
        """Decode the next packet."""
        if packet is None:
            return
        self._packets += 1
        try:
            frames = self.stream.decode(packet)
        except av.FFmpegError:
            self._failed += 1
            return
        if not self._without:
            self._without = any(isinstance(frame, AudioFrame) and frame.format.name[:3] in ("flt", "dbl")
                                and not is_loudness(samples_of(frame)).all() for frame in frames)

    def sentences(self) -> Iterator[str]:
        """What will be silent."""
        track = track_of(self.stream)
        if self._failed:
            yield (f"The sound of {track} is damaged: {self._failed} of {self._packets} packets cannot be decoded, and are "
                   "silent.")
        if self._without:
            yield (f"The sound of {track} is damaged: it has samples that are no loudness (not a number, or endless), and are "
                   "silent.")
