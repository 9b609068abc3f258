"""The codecs and containers that are written, and which codec fits which container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vidstyle.core.errors import UsageError
from vidstyle.video.clip import Clip

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's name of the format for each file extension that is written."""

_HOLDS = {"mp4": ("h264", "hevc", "vp9", "av1"), "mov": ("h264", "hevc", "prores", "dnxhr"),
          "matroska": ("h264", "hevc", "vp9", "av1", "prores", "ffv1"), "webm": ("vp9", "av1")}
"""Codecs of each format, the best known first."""
_DEFAULT = "h264"
"""The codec for `auto`; a format that does not hold it takes its own first one."""


@dataclass(frozen=True)
class VideoCodec:
    """One codec and the encoder that writes it."""

    encoder: str
    """FFmpeg's name of the encoder."""
    chroma: tuple[str, ...]
    """Chroma formats it writes, the poorest first."""
    depths: tuple[int, ...]
    """Bits of one sample."""
    odd: bool
    """Whether it writes odd sizes in any chroma format; otherwise they are written as 4:4:4."""
    most_crf: int | None
    """The highest `crf`; None where the codec has no such scale."""
    alpha: bool = False
    """Whether it writes alpha in a form that players read."""
    options: tuple[tuple[str, str], ...] = ()
    alpha_depths: tuple[int, ...] = ()
    """Bits of one sample next to alpha, in forms that players read; () is `depths`."""


CODECS = {
    # Without mbtree=0, x264 reads uninitialised memory at some widths, and the same frames give different files.
    "h264": VideoCodec("libx264", ("420", "422", "444"), (8, 10), False, 51, False, (("x264-params", "mbtree=0"),)),
    "hevc": VideoCodec("libx265", ("420", "422", "444"), (8, 10, 12), False, 51, False,
                  (("x265-params", "pools=4:frame-threads=2:log-level=error"),)),
    "vp9": VideoCodec("libvpx-vp9", ("420", "422", "444"), (8, 10, 12), True, 63, True,
                 (("row-mt", "1"), ("cpu-used", "3"), ("deadline", "good"))),
    "av1": VideoCodec("libsvtav1", ("420",), (8, 10), True, 63, False, (("preset", "7"),)),
    # At an odd width, FFmpeg leaves the last column of chroma out of a 4:2:2 ProRes.
    "prores": VideoCodec("prores_ks", ("422", "444"), (10,), False, None, True, (("vendor", "apl0"),)),
    "dnxhr": VideoCodec("dnxhd", ("422", "444"), (8, 10), True, None),
    "ffv1": VideoCodec("ffv1", ("420", "422", "444"), (8, 10, 12), True, None, True, (("level", "3"), ("slicecrc", "1")),
                       (8, 10, 16)),  # FFmpeg reads 12 bits next to alpha only since version 6
}
FOR_VIEWING = ("h264", "hevc", "vp9", "av1")
"""Codecs for players, as opposed to those for editing."""


def choose_codec(target: Path, codec: str) -> str:
    """The codec of the movie `target`: `codec` itself, or for `auto` the default of the container.

    Raises UsageError for an unknown extension or codec, and for a codec that the container cannot hold.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise UsageError(f"{target}: cannot write {target.suffix or 'a file without an extension'}; "
                         f"name the output {', '.join(CONTAINERS)}.")
    if codec == "auto":
        return _DEFAULT if _DEFAULT in _HOLDS[container] else _HOLDS[container][0]
    if codec not in CODECS:
        raise UsageError(f"There is no codec {codec!r}; choose one of {', '.join(CODECS)}.")
    if codec not in _HOLDS[container]:
        fitting = [suffix for suffix, name in CONTAINERS.items() if codec in _HOLDS[name]]
        raise UsageError(f"{target.suffix} does not hold {codec}; use --codec {' or '.join(_HOLDS[container])}, "
                         f"or name the output {' or '.join(fitting)}.")
    return codec


def default_suffix(clip: Clip, codec: str = "auto") -> str:
    """The extension of a painted movie: the clip's own where it is written and holds `codec`; `auto` stands for H.264."""
    codec = _DEFAULT if codec == "auto" else codec
    own = "" if clip.coding.bare else clip.path.suffix.lower()  # `.m4v` is a name for both
    if codec in _HOLDS.get(CONTAINERS.get(own, ""), ()):
        return own
    return next(suffix for suffix in (".mp4", ".mov", ".mkv") if codec in _HOLDS[CONTAINERS[suffix]])
