"""What frames are read from and written to: a movie and a sequence of images behind the same interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from av.container import InputContainer

from vidstyle.core.frame import Frame
from vidstyle.video.clip import Clip
from vidstyle.video.images.pattern import Pattern
from vidstyle.video.packets import CodedPacket
from vidstyle.video.settings import ReadSettings
from vidstyle.video.tracks import Track


class Source(Protocol):
    """A clip that was probed once, and its frames."""

    @property
    def clip(self) -> Clip: ...

    @property
    def settings(self) -> ReadSettings: ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know about how the clip is read, in sentences."""

    @property
    def refusal(self) -> str | None:
        """Why the clip cannot be painted with these settings, in a sentence; None where it can."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read, sound included."""

    @property
    def images(self) -> tuple[Path, ...]:
        """The files of a sequence in order; () for a movie."""

    @property
    def pattern(self) -> Pattern | None:
        """The pattern of a sequence; None for a movie."""

    @property
    def label(self) -> str:
        """The painted stream in words: `stream 0: video h264`, or `images: png`."""

    @property
    def viewing_format(self) -> str | None:
        """Pixel format for codecs made for viewing; None is the clip's own.

        Images and movies of RGB are so, some with 16 bits; most players cannot show the 4:4:4 video that would keep them.
        """

    @property
    def soundtracks(self) -> tuple[Track, ...]:
        """The sound tracks for the output: the clip's own, or those of `settings.sound`."""

    @property
    def sound_packets(self) -> Mapping[int, tuple[CodedPacket, ...]]:
        """The first packets of each of `soundtracks`, by the stream's number."""

    @property
    def first_packets(self) -> Mapping[int, tuple[CodedPacket, ...]]:
        """The first packets of each stream of the movie that is not painted, by the stream's number; of text subtitles, all."""

    def open_streams(self) -> AbstractContextManager[InputContainer | None]:
        """The opened movie, for copying its other streams and its metadata; None for a sequence."""

    def decode(self, first: int = 0, last: int | None = None, *, clamp: bool = True) -> Iterator[Frame]:
        """Frames `first` to `last` (both included; None is the end) in display order; a slice of the whole, bit for bit.

        Images are (3, H, W) float32 sRGB in [0, 1], upright, on the CPU; without `clamp` also beyond [0, 1], where the
        clip's codes are beyond black and white. Raises InputError where a frame cannot be read.
        """

    def sample(self, positions: Sequence[int], run: int = 2) -> Iterator[list[Frame]]:
        """For each of `positions`, a list of the `run` consecutive frames that start there (fewer at the clip's end)."""


@dataclass(frozen=True)
class Written:
    """What has to be saved of a written frame, so that it is not painted again after a stop."""

    samples: bytes = b""
    """The frame as the encoder received it; see `Sink.restore`."""
    segment: bytes | None = None
    """Where the frame ends a segment, the whole segment in coded form, in place of the samples of its frames."""
    file: Path | None = None
    """Where each frame is a file, the frame's own, which is complete."""
    samples_only: bool = False
    """Whether no segment will take the place of the samples since the last segment, and none are added to them."""


class Sink(Protocol):
    """Writes the frames of a plan, in order; a context manager, which leaves no unfinished file on an exception."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None: ...

    def write(self, frame: Frame) -> Written:
        """Write the next frame, (3, H, W) in [0, 1] in the planned size. Raises OutputError for the disk and the codec."""

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Continue where an earlier sink stopped: segments are files with `Written.segment` (or `Written.file`), samples
        the `Written.samples` of the frames after the last segment."""

    def close(self) -> Path | None:
        """Finish the output after its last frame. Returns the temporary file of a movie, which gets its own name when the
        context is left; None for images. Raises VidstyleError where frames are missing."""


class OutputPlan(Protocol):
    """How a source is written to a target, after everything was tried in memory."""

    @property
    def target(self) -> Path: ...

    @property
    def size(self) -> tuple[int, int]:
        """Width and height written, in pixels."""

    @property
    def streams(self) -> tuple[str, ...]:
        """One line for each stream of the source: what becomes of it."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What differs between output and source, one sentence each."""

    @property
    def lost(self) -> tuple[str, ...]:
        """Those of `warnings` that name something that will be missing."""

    def describe(self) -> str:
        """The format in words: `h264, crf 16`, or `EXR images, 16-bit floats`."""

    def record(self) -> dict[str, Any]:
        """The format as a table for the manifest."""

    def open_part(self, frames: tuple[int, int]) -> Sink:
        """A sink for some of the frames alone (indices of the first and last), which may run beside those for the others.

        Of a movie it writes no file. What its `write` returned is given to the sink of `open`, part by part in order, by
        `Sink.restore`, and makes the same file as if that sink had written all frames. Images are written as by `open`.
        """

    def open(self, *, overwrite: bool = False) -> Sink:
        """The sink that writes so. Raises OutputError where the target exists, unless `overwrite`, or is a file that is
        read."""
