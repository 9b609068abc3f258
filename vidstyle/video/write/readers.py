"""The opened files of a source, for copying its other streams and its sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

from vidstyle.video.interfaces import Source
from vidstyle.video.read.container import open_container
from vidstyle.video.write.extras import How


@dataclass(frozen=True)
class Readers:
    """The containers that streams are copied from."""

    movie: InputContainer | None
    """None for a sequence of images."""
    sound: InputContainer | None
    """The movie itself, unless another file's sound replaces its own; None where there is no sound."""

    def soundtracks(self, indices: Sequence[int]) -> list[AudioStream]:
        """The sound streams with these numbers."""
        return [] if self.sound is None else [stream for stream in self.sound.streams.audio if stream.index in indices]

    def extras(self, planned: Sequence[tuple[int, How]]) -> list[tuple[Stream, How]]:
        """The other streams of the movie with these numbers, each with how it is written."""
        return [] if self.movie is None else [(self.movie.streams[index], how) for index, how in planned]


@contextmanager
def open_readers(source: Source) -> Iterator[Readers]:
    """The source's files, each opened once."""
    with ExitStack() as stack:
        movie = stack.enter_context(source.open_streams())
        replacement = source.settings.sound
        yield Readers(movie, movie if replacement is None else stack.enter_context(open_container(replacement)))
