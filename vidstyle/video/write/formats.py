"""How the video of a movie is coded: its samples, its colours, and the encoder's options, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import av
from av import VideoFormat

from vidstyle.core.errors import UsageError
from vidstyle.video.interfaces import Source
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.hdr import HdrMetadata
from vidstyle.video.pixels.planes import depth_suffix, has_alpha, is_rgb, subsampling
from vidstyle.video.settings import WriteSettings
from vidstyle.video.write.codecs import CODECS, CONTAINERS, FOR_VIEWING, choose_codec
from vidstyle.video.write.light import light_parameters
from vidstyle.video.write.side_data import lost_side_data, stereo_parameter
from vidstyle.video.write.spherical import kept_boxes

_THREADS = 8  # fixed, because the output of x264 depends on how many there are; more than most machines need
_PLAYED = {"h264": 8, "hevc": 10}
"""The most bits of codecs that most players show, with 4:2:0 colour only."""
_SDR = Colour(1, 1, 1, 1, "bt709", False)


@dataclass(frozen=True)
class MovieFormat:
    """How the video of a movie is coded."""

    container: str
    encoder: str
    pix_fmt: str
    options: dict[str, str]
    colour: Colour
    """The colour tags that are written, and the matrix and range of the samples."""
    threads: int = _THREADS
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    """Those of `warnings` that name something that will be missing."""


def written_hdr(source: Source) -> HdrMetadata | None:
    """The brightness that the output states; None where it is ordinary video."""
    return source.clip.hdr if source.settings.hdr == "passthrough" else None


def choose_format(target: Path, source: Source, settings: WriteSettings) -> MovieFormat:
    """The format of the movie `target`: chroma and depth are the source's own where the codec holds them.

    H.264 and H.265 hold an odd width or height only as 4:4:4, so an odd-sized clip is written so; no size is changed for
    a codec. Raises UsageError for an unknown extension, and for a codec or a `crf` that does not fit.
    """
    name, clip = choose_codec(target, settings.codec), source.clip
    codec, container = CODECS[name], CONTAINERS[target.suffix.lower()]
    if codec.most_crf is not None and not 0 <= settings.crf <= codec.most_crf:
        raise UsageError(f"crf is {settings.crf}; {name} takes 0 to {codec.most_crf}.")
    pix_fmt, warnings, lost = _pix_fmt(name, source, settings.size or (clip.width, clip.height), container)
    tone_mapped = clip.hdr is not None and source.settings.hdr == "tonemap"
    colour = _colour(name, _SDR if tone_mapped else clip.colour, warnings)
    options = dict(codec.options)
    if codec.most_crf is not None:
        options["crf"] = str(settings.crf)
    if name == "prores":
        options["profile"] = "4444" if "444" in pix_fmt else "hq"
    if name == "dnxhr":
        options["profile"] = "dnxhr_444" if "422" not in pix_fmt else "dnxhr_hqx" if "10" in pix_fmt else "dnxhr_hq"
    if name == "vp9" and "yuva" in pix_fmt:
        options["auto-alt-ref"] = "0"  # frames that are never displayed have no place for alpha
    if name in ("h264", "hevc") and clip.uneven and container in ("mp4", "mov"):
        options["bf"] = "0"  # with B-frames, the length that MP4 states is wrong when frames come unevenly
    if (hdr := written_hdr(source)) is not None:
        if VideoFormat(pix_fmt).components[0].bits < 10:
            raise UsageError(f"HDR needs 10 bits, which {name} does not have here; use --codec hevc, av1 or h264.")
        options |= light_parameters(hdr, codec.encoder, options)
        lost += _lost_light(hdr, codec.encoder)
    size = settings.size or (clip.width, clip.height)
    if (stereo := stereo_parameter(clip, container, codec.encoder, kept_boxes(clip, container, size))) is not None:
        options["x264-params"] += f":{stereo}"
    lost += lost_side_data(clip, container, codec.encoder, size)
    return MovieFormat(container, codec.encoder, pix_fmt, options, colour, warnings=(*lost, *warnings), lost=tuple(lost))


def _colour(codec: str, colour: Colour, warnings: list[str]) -> Colour:
    """The source's colours if the codec can state them, else others that it can; wrong tags would change the look."""
    if codec == "prores" and colour.full_range and colour.matrix != "rgb":
        warnings.append("The source is full range, the output limited range, as all ProRes is.")
        return replace(colour, full_range=False, range_tag=1)
    if codec == "dnxhr" and colour.matrix not in ("bt709", "rgb"):
        warnings.append(f"The source's colour matrix is {colour.matrix}, the output's bt709, as all DNxHR written here.")
        return replace(colour, matrix="bt709", matrix_tag=1)
    return colour


def _lost_light(hdr: HdrMetadata, encoder: str) -> list[str]:
    lost = []
    if (hdr.display_primaries or hdr.content_light) and not light_parameters(hdr, encoder, {}):
        lost.append("The mastering display and brightest light that the file states are dropped; --codec hevc, h264 or av1 "
                    "keeps them.")
    if hdr.display_invalid:
        lost.append("The mastering display that the file states is incomplete or impossible, and is dropped.")
    if hdr.dynamic:
        lost.append("Dolby Vision or HDR10+ data is dropped; it describes the source's frames and not the painted ones.")
    return lost


def _pix_fmt(name: str, source: Source, size: tuple[int, int], container: str) -> tuple[str, list[str], list[str]]:
    """The pixel format, the source's own where the codec can write it; warnings about it, and what is lost by it."""
    codec, clip = CODECS[name], source.clip
    layout = VideoFormat(clip.coding.pix_fmt, 64, 64)
    built = {layout.name for layout in av.Codec(codec.encoder, "w").video_formats or ()}  # builds differ in bit depth
    warnings, lost = list[str](), list[str]()
    alpha, deep = "", clip.coding.depth
    if has_alpha(layout):
        if codec.alpha and (name != "vp9" or container in ("webm", "matroska")):
            alpha = "a"
        else:
            lost.append("The clip has an alpha channel, which is dropped; --codec prores or ffv1 keeps it, and vp9 in .webm.")
    if source.viewing_format is not None and name in FOR_VIEWING and not alpha:
        layout, deep = VideoFormat(source.viewing_format, 64, 64), 8
        warnings.append("The movie has 8 bits and 4:2:0 colour, which every player opens; --codec prores or ffv1 keeps more.")
    gray = len([c for c in layout.components if not c.is_alpha]) == 1
    best = "444" if is_rgb(layout) else codec.chroma[0] if gray else {(2, 2): "420", (2, 1): "422"}.get(
        subsampling(layout), "444")
    bits = codec.alpha_depths or codec.depths if alpha else codec.depths
    able = [c for c in codec.chroma if any(f"yuv{alpha}{c}p{depth_suffix(d)}" in built for d in bits)]
    chroma = min((c for c in able if c >= best), default=able[-1])
    if clip.orientation.transpose and best == "422" and "444" in able:
        chroma = "444"  # after a quarter turn, chroma is halved vertically, which 4:2:2 cannot hold
    if chroma < best:
        lost.append(f"The source has chroma 4:{best[1]}:{best[2]}, the output 4:{chroma[1]}:{chroma[2]}.")
    odd = not codec.odd and bool(size[0] % 2 or size[1] % 2)
    if odd:
        chroma = "444"
        warnings.append(f"{size[0]}x{size[1]} has an odd side, which {name} holds only as 4:4:4"
                        + (", and browsers, QuickTime and televisions do not show that; an even --output-size plays "
                           "everywhere, --codec vp9 or av1 in most players." if name in _PLAYED else "."))
    planar = is_rgb(layout) and name == "ffv1"
    stem = f"gbr{alpha}p" if planar else f"yuv{alpha}{chroma}p"
    depths = [d for d in bits if f"{stem}{depth_suffix(d)}" in built]
    depth = min((d for d in depths if d >= deep), default=depths[-1])
    if depth < deep:
        lost.append(f"The source has {clip.coding.depth} bits, the output {depth}.")
    if name in _PLAYED and (chroma != "420" or depth > _PLAYED[name]) and not odd and clip.coding.codec != name:
        better = "hevc is for players, prores" if chroma == "420" else "prores is"
        warnings.append(f"The movie is {name} with 4:{chroma[1]}:{chroma[2]} colour and {depth} bits, as the source; browsers, "
                        f"QuickTime and televisions do not show that; --codec {better} for editing.")
    if is_rgb(layout) and not planar:
        warnings.append("The source is RGB, the output YUV (BT.709, limited range); --codec ffv1 keeps RGB.")
    return f"{stem}{depth_suffix(depth)}", warnings, lost
