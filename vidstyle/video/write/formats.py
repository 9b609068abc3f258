"""Which file formats and codecs are written, and how each codec is asked for the same picture every time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from av import Codec, VideoFormat

from vidstyle.core.errors import UsageError
from vidstyle.video.clip import Clip
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.hdr import Hdr
from vidstyle.video.pixels.planes import has_alpha, is_rgb, subsampling

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's name of the format for each file extension that is written."""

_HOLDS = {"mp4": ("h264", "hevc", "vp9", "av1"), "mov": ("h264", "hevc", "prores", "dnxhr"),
          "matroska": ("h264", "hevc", "vp9", "av1", "prores", "ffv1"), "webm": ("vp9", "av1")}
_FOR_VIEWING = ("libx264", "libx265", "libvpx-vp9", "libsvtav1")
_PARAMETERS = {"libx264": "x264-params", "libx265": "x265-params", "libsvtav1": "svtav1-params"}
_THREADS = 8  # fixed, because the output of x264 depends on how many there are; more than most machines need


@dataclass(frozen=True)
class _Encoder:
    name: str
    """FFmpeg's name of the encoder."""
    chroma: tuple[str, ...]
    """Chroma formats it writes, the poorest first."""
    depths: tuple[int, ...]
    odd: bool
    """Whether it writes odd sizes in any chroma format; where not, they are written as 4:4:4."""
    most_crf: int | None
    """The highest `crf`; None where the codec has no such scale."""
    alpha: bool = False
    """Whether it writes alpha too, so that players find it."""
    options: tuple[tuple[str, str], ...] = ()


_ENCODERS = {
    # Without mbtree=0, x264 reads memory it never wrote at some widths, and the same frames make different files.
    "h264": _Encoder("libx264", ("420", "422", "444"), (8, 10), False, 51, False, (("x264-params", "mbtree=0"),)),
    "hevc": _Encoder("libx265", ("420", "422", "444"), (8, 10, 12), False, 51, False,
                     (("x265-params", "pools=4:frame-threads=2:log-level=error"),)),
    "vp9": _Encoder("libvpx-vp9", ("420", "422", "444"), (8, 10, 12), True, 63, True,
                    (("row-mt", "1"), ("cpu-used", "3"), ("deadline", "good"))),
    "av1": _Encoder("libsvtav1", ("420",), (8, 10), True, 63, False, (("preset", "7"),)),
    # At an odd width, FFmpeg leaves the last column of chroma out of a 4:2:2 ProRes.
    "prores": _Encoder("prores_ks", ("422", "444"), (10,), False, None, True, (("vendor", "apl0"),)),
    "dnxhr": _Encoder("dnxhd", ("422", "444"), (8, 10), True, None),
    "ffv1": _Encoder("ffv1", ("420", "422", "444"), (8, 10, 12), True, None, True, (("level", "3"), ("slicecrc", "1"))),
}


WITHOUT_CRF = tuple(name for name, encoder in _ENCODERS.items() if encoder.most_crf is None)
"""Codecs that have no `crf`."""


@dataclass(frozen=True)
class Format:
    """How the picture is written."""

    container: str
    encoder: str
    pix_fmt: str
    options: dict[str, str]
    colour: Colour
    """How the samples are meant."""
    threads: int = _THREADS
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Those of `warnings` that tell of something that will be missing."""


def choose_format(target: Path, clip: Clip, codec: str = "auto", crf: int = 16,
                  size: tuple[int, int] | None = None) -> Format:
    """The format for `target`: container by its extension, chroma and depth as the source's where the codec can.

    H.264 and H.265 hold an odd width or height only as 4:4:4, so an odd-sized clip is written so; no size is ever
    changed to please a codec. Raises UsageError for an unknown extension or a codec that the container cannot hold.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise UsageError(f"{target}: cannot write {target.suffix or 'a file without an extension'}; "
                         f"name the output {', '.join(CONTAINERS)}.")
    if codec == "auto":
        codec = _HOLDS[container][0]
    if codec not in _ENCODERS:
        raise UsageError(f"There is no codec {codec!r}; choose one of {', '.join(_ENCODERS)}.")
    if codec not in _HOLDS[container]:
        fitting = [suffix for suffix, name in CONTAINERS.items() if codec in _HOLDS[name]]
        raise UsageError(f"{target.suffix} does not hold {codec}; use --codec {' or '.join(_HOLDS[container])}, "
                         f"or name the output {' or '.join(fitting)}.")
    encoder = _ENCODERS[codec]
    if encoder.most_crf is not None and not 0 <= crf <= encoder.most_crf:
        raise UsageError(f"crf is {crf}; {codec} takes 0 to {encoder.most_crf}.")
    pix_fmt, warnings, lost = _pix_fmt(encoder, clip, size or (clip.width, clip.height), container)
    colour = _colour(codec, clip.written_colour, warnings)
    options = dict(encoder.options)
    if encoder.most_crf is not None:
        options["crf"] = str(crf)
    if codec == "prores":
        options["profile"] = "4444" if "444" in pix_fmt else "hq"
    if codec == "dnxhr":
        options["profile"] = "dnxhr_444" if "422" not in pix_fmt else "dnxhr_hqx" if "10" in pix_fmt else "dnxhr_hq"
    if codec == "vp9" and "yuva" in pix_fmt:
        options["auto-alt-ref"] = "0"  # frames that are never shown have no place for alpha
    if codec in ("h264", "hevc") and clip.variable_rate and container in ("mp4", "mov"):
        options["bf"] = "0"  # with B-frames, the length that MP4 states is wrong when frames come unevenly
    if clip.hdr is not None and clip.hdr.mode == "passthrough":
        _tell_light(clip.hdr, encoder, pix_fmt, codec, options, lost)
    return Format(container, encoder.name, pix_fmt, options, colour, warnings=(*lost, *warnings), lost=tuple(lost))


def _colour(codec: str, colour: Colour, warnings: list[str]) -> Colour:
    """The source's colours as far as the codec can say them; what it says otherwise, players would show falsely."""
    if codec == "prores" and colour.full_range and colour.matrix != "rgb":
        warnings.append("The source is full range, the output limited range, as all ProRes is.")
        return replace(colour, full_range=False, range_tag=1)
    if codec == "dnxhr" and colour.matrix not in ("bt709", "rgb"):
        warnings.append(f"The source's colour matrix is {colour.matrix}, the output's bt709, as all DNxHR written here.")
        return replace(colour, matrix="bt709", matrix_tag=1)
    return colour


def _tell_light(hdr: Hdr, encoder: _Encoder, pix_fmt: str, codec: str, options: dict[str, str], lost: list[str]) -> None:
    """Add what the source says of its light to the encoder's `options`; what cannot be said is a loss."""
    if VideoFormat(pix_fmt).components[0].bits < 10:
        raise UsageError(f"HDR needs 10 bits, which {codec} does not have here; use --codec hevc, av1 or h264.")
    told, name = hdr.encoder_options(encoder.name), _PARAMETERS.get(encoder.name)
    if name is not None and told:
        options[name] = ":".join([*(text for text in (options.get(name),) if text), *told])
    if (hdr.primaries or hdr.light) and not told:
        lost.append("What the file says of its mastering display and brightest light is dropped; --codec hevc, h264 or av1 "
                    "keeps it.")
    if hdr.display_unclear:
        lost.append("What the file says of its mastering display is incomplete or impossible, and is dropped.")
    if hdr.dynamic:
        lost.append("Dolby Vision or HDR10+ data is dropped; it tells of the source's pictures and not of painted ones.")


def default_suffix(clip: Clip, codec: str = "auto") -> str:
    """The extension of an output beside the clip: the clip's own where it is written and holds `codec`."""
    codec = "h264" if codec == "auto" else codec
    own = clip.path.suffix.lower()
    if codec in _HOLDS.get(CONTAINERS.get(own, ""), ()):
        return own
    return next(suffix for suffix in (".mp4", ".mov", ".mkv") if codec in _HOLDS[CONTAINERS[suffix]])


def _suffix(depth: int) -> str:
    return "" if depth == 8 else f"{depth}le"


def _pix_fmt(encoder: _Encoder, clip: Clip, size: tuple[int, int], container: str) -> tuple[str, list[str], list[str]]:
    """The samples written, the source's own where the codec can; what should be known of that, and what is lost."""
    layout = VideoFormat(clip.pix_fmt, 64, 64)
    built = {layout.name for layout in Codec(encoder.name, "w").video_formats or ()}  # builds differ in bit depth
    warnings, lost = list[str](), list[str]()
    alpha, deep = "", clip.depth
    if has_alpha(layout):
        if encoder.alpha and (encoder.name != "libvpx-vp9" or container in ("webm", "matroska")):
            alpha = "a"
        else:
            lost.append("The clip has an alpha channel, which is dropped; --codec prores or ffv1 keeps it, and vp9 in .webm.")
    if clip.files and encoder.name in _FOR_VIEWING and not alpha:
        # Pictures are RGB and often of 16 bits; written so, as 4:4:4 of 10 bits, most players would show nothing.
        layout, deep = VideoFormat("yuv420p", 64, 64), 8
        warnings.append("The movie has 8 bits and 4:2:0 colour, which every player opens; --codec prores or ffv1 keeps more.")
    gray = len([c for c in layout.components if not c.is_alpha]) == 1
    wanted = "444" if is_rgb(layout) else encoder.chroma[0] if gray else {(2, 2): "420", (2, 1): "422"}.get(
        subsampling(layout), "444")
    able = [c for c in encoder.chroma if any(f"yuv{alpha}{c}p{_suffix(d)}" in built for d in encoder.depths)]
    chroma = min((c for c in able if c >= wanted), default=able[-1])
    if clip.orientation.transpose and wanted == "422" and "444" in able:
        chroma = "444"  # turned by a quarter, what was halved across is halved down, which 4:2:2 cannot hold
    if chroma < wanted:
        lost.append(f"The source has chroma 4:{wanted[1]}:{wanted[2]}, the output 4:{chroma[1]}:{chroma[2]}.")
    if not encoder.odd and (size[0] % 2 or size[1] % 2):
        chroma = "444"
        warnings.append(f"{size[0]}x{size[1]} has an odd side, which this codec holds only as 4:4:4; "
                        "some players do not show that.")
    planar = is_rgb(layout) and encoder.name == "ffv1"
    stem = f"gbr{alpha}p" if planar else f"yuv{alpha}{chroma}p"
    depths = [d for d in encoder.depths if f"{stem}{_suffix(d)}" in built]
    depth = min((d for d in depths if d >= deep), default=depths[-1])
    if depth < deep:
        lost.append(f"The source has {clip.depth} bits, the output {depth}.")
    if is_rgb(layout) and not planar:
        warnings.append("The source is RGB, the output YUV (BT.709, limited range); --codec ffv1 keeps RGB.")
    return f"{stem}{_suffix(depth)}", warnings, lost
