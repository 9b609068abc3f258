"""What a clip holds beside its frames: its tracks, its side data, and how the painted stream is stored."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_CODEC = "unknown"
"""The codec of a track that neither FFmpeg nor the file names."""


@dataclass(frozen=True)
class Track:
    """One stream of the source other than the video that is painted."""

    index: int
    """Number of the stream in the file, counted from 0."""
    kind: str
    """`audio`, `subtitle`, `video` (a cover image or a second camera), `data` or `attachment`."""
    codec: str
    language: str | None = None
    title: str | None = None
    rate: int | None = None
    """Samples a second, for sound."""
    channels: int | None = None
    disposition: tuple[str, ...] = ()
    """What the stream is for: `default`, `forced`, `attached_pic`, ..."""

    def __str__(self) -> str:
        kind = "cover image" if "attached_pic" in self.disposition else self.kind
        words = [f"stream {self.index}:", kind, *([] if self.codec == UNKNOWN_CODEC else [self.codec])]
        if self.rate and self.channels:
            words.append(f"{self.rate} Hz, {self.channels} channel{'s' if self.channels != 1 else ''}")
        words += [text for text in (self.language, self.title) if text and text != "und"]
        return " ".join(words)


@dataclass(frozen=True)
class SideData:
    """What a clip states beside its pictures and what no other field of `Clip` holds."""

    kind: str
    """`captions`, `spherical`, `stereo`, `cropping`, or FFmpeg's own name in lower case."""
    text: str = ""
    """What it states, in FFmpeg's words: `equirectangular`, `side by side`."""


BARE_FORMATS = ("av1", "cavsvideo", "dirac", "dnxhd", "h261", "h263", "h264", "hevc", "m4v", "mjpeg", "mpegvideo", "obu", "vc1",
                "vvc")
"""FFmpeg's names of video streams without a container."""


@dataclass(frozen=True)
class Coding:
    """How the frames that are painted are stored."""

    container: str
    """FFmpeg's name of the file format, such as `mov,mp4,m4a,3gp,3g2,mj2`; `sequence` for a sequence of images."""
    stream: int
    """Number of the painted video stream in the file."""
    codec: str
    width: int
    """Pixels across as stored, before the orientation is applied."""
    height: int
    """Pixels down as stored, before the orientation is applied."""
    pix_fmt: str
    depth: int
    """Bits of one sample."""

    @property
    def bare(self) -> bool:
        """Whether it is a stream without a container, which states its frame rate at most, and no times."""
        return self.container in BARE_FORMATS
