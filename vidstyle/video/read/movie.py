"""A movie file as a source of frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from av import FFmpegError, VideoFormat, VideoFrame
from av.container import InputContainer

from vidstyle.core.errors import InputError
from vidstyle.core.frame import Frame
from vidstyle.video.clip import Clip
from vidstyle.video.images.pattern import Pattern
from vidstyle.video.packets import CodedPacket
from vidstyle.video.pixels.hdr import hdr_to_sdr_range, tone_map
from vidstyle.video.pixels.planes import is_rgb, read_alpha, read_image
from vidstyle.video.read.container import open_container
from vidstyle.video.read.decode import MovieDecoder
from vidstyle.video.read.deinterlace import Deinterlacing, can_weave
from vidstyle.video.read.interlace import RUN, Look, choose, needs_look, places
from vidstyle.video.read.probe import probe_movie
from vidstyle.video.read.sound import ReplacementSound
from vidstyle.video.settings import ReadSettings
from vidstyle.video.tracks import Track


@dataclass(frozen=True)
class MovieSource:
    """A movie, probed once, whose frames are read as the settings say; see `interfaces.Source`."""

    clip: Clip
    settings: ReadSettings
    doubts: tuple[str, ...]
    """What seems damaged, in sentences."""
    first_packets: Mapping[int, tuple[CodedPacket, ...]]
    replacement: ReplacementSound | None = None
    """The sound of `settings.sound`."""
    images: tuple[Path, ...] = ()
    pattern: Pattern | None = None

    @classmethod
    def open(cls, path: Path, settings: ReadSettings) -> MovieSource:
        """Probe the movie at `path`. Raises InputError, in one sentence, where it cannot be read."""
        probed = probe_movie(path, settings)
        sound = None if settings.sound is None else ReplacementSound.open(settings.sound)
        return cls(probed.clip, settings, probed.scan.doubts, probed.scan.first_packets, sound)

    @property
    def refusal(self) -> str | None:
        """Why the clip cannot be painted with these settings, in a sentence."""
        path, transfer, pix_fmt = self.clip.path, self.clip.colour.hdr, self.clip.coding.pix_fmt
        if self.settings.deinterlace == "telecine" and not can_weave(pix_fmt):
            return (f"{path}: has {pix_fmt} samples, and --deinterlace telecine takes YUV without alpha; give "
                    "--deinterlace force, or undo the pulldown first.")
        if transfer is not None and self.settings.hdr == "refuse":
            return (f"{path}: is HDR ({transfer.upper()}); --hdr passthrough paints it as HDR, "
                    "--hdr tonemap as ordinary video.")
        return None

    @cached_property
    def deinterlacing(self) -> tuple[Deinterlacing, str]:
        """What is done to interlaced frames, and a sentence about it. A few frames are decoded to find out."""
        look, clip = Look(), self.clip
        if needs_look(clip, self.settings.deinterlace):
            # Damage is reported when the frame is painted; a format that cannot be looked at is none of interlaced video.
            with (suppress(InputError, FFmpegError, ValueError),
                  MovieDecoder(clip, self.settings, Deinterlacing("none")) as decoder):
                # With damage allowed, every place is reached by decoding from the beginning.
                for run in decoder.runs(places(clip) if self.settings.on_damage == "fail" else [0], RUN):
                    look.add([frame for _, frame, _ in run])
        return choose(clip, self.settings.deinterlace, look)

    @property
    def viewing_format(self) -> str | None:
        return "yuv420p" if is_rgb(VideoFormat(self.clip.coding.pix_fmt)) else None

    @property
    def label(self) -> str:
        return f"stream {self.clip.coding.stream}: video {self.clip.coding.codec}"

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.clip.path,) if self.settings.sound is None else (self.clip.path, self.settings.sound)

    @property
    def soundtracks(self) -> tuple[Track, ...]:
        return self.clip.audio if self.replacement is None else self.replacement.tracks

    @property
    def sound_packets(self) -> Mapping[int, tuple[CodedPacket, ...]]:
        return self.first_packets if self.replacement is None else self.replacement.first_packets

    @property
    def warnings(self) -> tuple[str, ...]:
        found, hdr, assumed = list(self.doubts), self.clip.hdr, self.clip.colour.assumed
        if self.deinterlacing[1]:
            found.append(self.deinterlacing[1])
        if hdr is not None and self.settings.hdr == "tonemap":
            found.append(f"The clip is HDR ({hdr.transfer.upper()}, up to {hdr.peak:g} cd/m²) and becomes ordinary video, "
                         "BT.709; light above diffuse white is compressed below it.")
        if assumed:
            found.append(f"The file does not state its colours; assumed {' and '.join(assumed)}.")
        if self.settings.fps is not None and not self.clip.coding.bare:
            found.append("--fps is for what states no times itself; the movie keeps its own.")
        return tuple(found)

    def open_streams(self) -> AbstractContextManager[InputContainer | None]:
        return open_container(self.clip.path)

    def decode(self, first: int = 0, last: int | None = None, *, clamp: bool = True) -> Iterator[Frame]:
        """Frames `first` to `last` (both included; None is the end) in display order, one at a time.

        Images are (3, H, W) float32 RGB in [0, 1], upright, on the CPU. A range is bit for bit a slice of the whole.
        Without `clamp`, codes below black and above white lie outside [0, 1], and writing returns every code of the source.
        Raises InputError where a frame is damaged or missing: there are as many frames as `clip` states, or an error. With
        `on_damage` `hold` or `keep` there are as many in any case, and `Frame.damage` marks the damaged ones.
        """
        last = self.clip.frames - 1 if last is None else last
        if first > last:
            return
        with (MovieDecoder(self.clip, self.settings, self.deinterlacing[0]) as decoder,
              closing(decoder.frames(first, last)) as found):
            for index, frame, damage in found:
                yield self._frame(index, frame, damage, clamp)

    def sample(self, positions: Sequence[int], run: int = 2) -> Iterator[list[Frame]]:
        """For each of `positions`, a list of the `run` consecutive frames that start there (fewer at the clip's end).

        Skips the frames between them by seeking where a keyframe lies between, and by decoding where none does.
        """
        with MovieDecoder(self.clip, self.settings, self.deinterlacing[0]) as decoder:
            for frames in decoder.runs(positions, run):
                yield [self._frame(*found) for found in frames]

    def _frame(self, index: int, frame: VideoFrame, damage: str, clamp: bool = True) -> Frame:
        clip = self.clip
        image, alpha = clip.orientation.apply(read_image(frame, clip.colour, clamp)), read_alpha(frame)
        if clip.hdr is not None:
            image = (tone_map if self.settings.hdr == "tonemap" else hdr_to_sdr_range)(image, clip.hdr)
        return Frame(image, clip.pts[index], clip.time_base, index, clip.durations[index], damage,
                     None if alpha is None else clip.orientation.apply(alpha))
