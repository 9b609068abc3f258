"""A written clip compared with its source by FFmpeg's own program and MediaInfo, cell by cell."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

from matrix_clips import FFMPEG
from pymediainfo import MediaInfo

from vidstyle.video import ReadSettings, Source, WriteSettings, open_source, plan_output, probe
from vidstyle.video.pixels.hdr import sdr_range_to_hdr

_SAME = {"BT.470 System B/G": "BT.601"}  # numbers 5 and 6 of a matrix are the same equations; MediaInfo merges them in VP9
_TAGS = ("matrix_coefficients", "color_primaries", "transfer_characteristics", "color_range",
         "mastering_display_luminance", "maximum_content_light_level")


def reading(path: Path, stream: str, *more: str, upright: bool = False, program: str | None = None,
            ) -> list[tuple[Fraction, str]]:
    """Seconds and hash of every decoded frame or copied packet of a stream, as the ffmpeg program, or another, reads it."""
    program, base_of = program or FFMPEG, "demux" if program is None else "-1"  # the older name
    turn = "-autorotate" if upright else "-noautorotate"
    run = subprocess.run([program, "-hide_banner", "-loglevel", "error", "-copyts", turn, "-i", str(path),
                          "-map", stream, "-fps_mode", "passthrough", "-enc_time_base:v", base_of, *more,
                          "-f", "framehash", "-hash", "md5", "-"],
                         capture_output=True, text=True)
    base = re.search(r"#tb 0: (\d+)/(\d+)", run.stdout)
    tick = Fraction(int(base[1]), int(base[2])) if base else Fraction(1)
    rows = [line.split(",") for line in run.stdout.splitlines() if line and not line.startswith("#")]
    return [(int(row[2]) * tick, row[5].strip()) for row in rows]


def tracks(path: Path) -> dict[str, list[dict[str, Any]]]:
    """MediaInfo's tracks by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for track in MediaInfo.parse(str(path)).tracks:
        found.setdefault(track.track_type, []).append(track.to_data())
    return found


def check(source: Source, target: Path, reported: str) -> dict[str, str]:
    """Compare source and output with the other programs; a cell other than `=` says what differs."""
    cells, clip = {}, source.clip
    painted = f"0:{clip.coding.stream}"
    was, now = reading(clip.path, painted), reading(target, "0:v:0")
    if source.settings.on_damage == "hold":  # the ffmpeg program treats damage in its own way
        was = [(pts * clip.time_base, "") for pts in clip.pts]
    if clip.coding.bare and len(was) == clip.frames:  # it states no times, and the ffmpeg program guesses some
        was = [(pts * clip.time_base, "") for pts in clip.pts]
    cells["frames"] = "=" if len(was) == len(now) == clip.frames else f"{len(was)}/{clip.frames}/{len(now)}"
    tick = Fraction(1, 1000) if target.suffix in (".mkv", ".webm") else clip.time_base
    pushed = now[0][0] - was[0][0] if was and now else Fraction(0)
    moved = pushed if target.suffix in (".mkv", ".webm") else -clip.origin * clip.time_base
    worst = furthest([time for time, _ in was], [time for time, _ in now], moved)
    cells["times"] = "=" if worst < tick else f"off {float(worst) * 1000:.3g} ms"
    if worst >= tick:
        # Some files state times against their decoder's order; then it is the times of the packets that must agree.
        stated = [sorted(time for time, _ in reading(path, place, "-c", "copy")) for path, place in
                  ((clip.path, painted), (target, "0:v:0"))]
        cells["times"] = "= (packets)" if furthest(*stated, moved) < tick else cells["times"]
    written = probe(target)
    cells["length"] = "=" if abs(written.duration - clip.duration) < 0.0015 else f"{written.duration - clip.duration:+.4f} s"
    cells["sound"] = sound(source, target, pushed, reported)
    before, after = tracks(clip.path), tracks(target)
    one, two = (found.get("Video", [{}])[0] for found in (before, after))
    cells["tags"] = tags(source, target, one, two, reported)
    shape = (clip.width, clip.height, clip.sample_aspect_ratio)
    theirs = (two.get("width"), two.get("height"), float(two.get("pixel_aspect_ratio", 1)))
    upright = float(two.get("rotation") or 0) == 0
    if any(data.kind == "stereo" for data in clip.side_data):  # MediaInfo then measures one view
        shape = (*shape[:2], one.get("pixel_aspect_ratio", 1))
    close = abs(theirs[2] - float(shape[2])) < 0.002
    cells["shape"] = "=" if theirs[:2] == shape[:2] and upright and close else f"{theirs}"
    cells["streams"] = others(source, before, after, reported)
    cells["codes"] = codes(source, target.parent)
    return cells


def furthest(was: list[Fraction], now: list[Fraction], moved: Fraction) -> Fraction:
    """Seconds by which two lists of times differ at most, the second one being `moved`."""
    return max((abs(b - a - moved) for a, b in zip(was, now, strict=False)), default=Fraction(0))


def tags(source: Source, target: Path, one: dict[str, Any], two: dict[str, Any], reported: str) -> str:
    """Tags of the first frame as the ffmpeg program decodes it, and what MediaInfo reads in the file, light included."""
    clip = source.clip
    if clip.hdr is not None and source.settings.hdr == "tonemap":
        found = stated_tags(target)
        ordinary = {found.get(name) for name in ("color_space", "color_primaries", "color_trc")} == {"bt709"}
        return "tone-mapped (reported)" if ordinary else str(found)
    before, after = stated_tags(clip.path, clip.coding.stream), stated_tags(target)
    if clip.colour.matrix == "rgb" and after.get("color_space") == "bt709":
        return "RGB>YUV (reported)"
    # A range that is not written is limited, by the standards of H.264 and H.265; a format may be full range by name.
    differ = [f"{k} {v}>{after.get(k)}" for k, v in before.items() if v != after.get(k) and not (
        k == "color_range" and {v, after.get(k)} in ({"tv", "unknown"}, {"pc", "unknown"}))]
    if len(differ) == 1 and ("as all ProRes is" in reported or "as all DNxHR" in reported):
        return differ[0] + " (reported)"
    if "mastering display that the file states is incomplete" in reported:
        one = {key: value for key, value in one.items() if key != "mastering_display_luminance"}
        return tags(source, target, one, two, "") + ", display (reported)"
    found = [(name, *(_SAME.get(str(x.get(name)), x.get(name)) for x in (one, two))) for name in _TAGS]
    differ += [f"{name} {a}>{b}" for name, a, b in found
               if a not in (b, None) and (name, a, b) != ("color_range", "Limited", None)]
    return ", ".join(differ) or "="


def stated_tags(path: Path, stream: int | str = "v:0") -> dict[str, str]:
    """Colour tags of the first frame as the ffmpeg program decodes it, and where it says that the chroma of 4:2:0 lies."""
    run = subprocess.run([FFMPEG, "-hide_banner", "-loglevel", "verbose", "-i", str(path), "-map", f"0:{stream}",
                          "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"], capture_output=True, text=True)
    found = dict(re.findall(r"(color_range|color_space|color_primaries|color_trc):([a-z0-9_-]+)", run.stderr))
    place = re.search(rf"Stream #0:{stream if isinstance(stream, int) else 0}\b.*Video: .*420p\w*\(.*?(center|topleft)",
                      run.stderr)
    return found | {"chroma_location": place[1] if place else "left"}


def sound(source: Source, target: Path, pushed: Fraction, reported: str) -> str:
    """Whether each sound track has the source's packets at the source's times, or was named as something else."""
    texts, place, clip = [], 0, source.clip
    for number, track in enumerate(clip.audio):
        line = next(line for line in reported.splitlines() if line.startswith(f"stream {track.index}:"))
        if "dropped" in line:
            texts.append("dropped (reported)")
            continue
        was = reading(clip.path, f"0:a:{number}", "-c", "copy")
        now = reading(target, f"0:a:{place}", "-c", "copy")
        place += 1
        worst = max((abs(b - a - pushed) for (a, _), (b, _) in zip(was, now, strict=False)), default=Fraction(0))
        if "copied" not in line:
            texts.append("re-encoded (reported)")
        elif [h for _, h in was] != [h for _, h in now]:
            # ADTS headers are taken off in MP4; then it is the samples that must be the same.
            pcm = [reading(path, f"0:a:{n}", "-c:a", "pcm_s16le", "-af", "asetnsamples=1024")
                   for path, n in ((clip.path, number), (target, place - 1))]
            same = [h for _, h in pcm[0]][1:-1] == [h for _, h in pcm[1]][1:-1]
            left_out = "are left out" in reported and len(now) < len(was)
            texts.append("= (samples)" if same else "left out (reported)" if left_out else
                         f"{len(was)}>{len(now)} packets differ")
        else:
            texts.append("=" if worst < Fraction(3, 2000) else f"off {float(worst) * 1000:.3g} ms")
    return "=" if set(texts) == {"="} else ", ".join(texts) or "none"


def others(source: Source, before: dict[str, Any], after: dict[str, Any], reported: str) -> str:
    """Languages, subtitles, chapters, timecode: MediaInfo's count of each kind, where a difference is not reported."""
    texts = []
    # A Menu of a transport stream is its programme table.
    kinds = ["Audio", "Text", "Other"] + ([] if source.clip.coding.container == "mpegts" else ["Menu"])
    for kind in kinds:
        was, now = before.get(kind, []), after.get(kind, [])
        if len(was) != len(now) and "dropped" not in reported and "anew" not in reported and "re-encoded" not in reported:
            texts.append(f"{kind} {len(was)}>{len(now)} unreported")
        if len(was) == len(now) and [t.get("language") for t in was] != [t.get("language") for t in now]:
            texts.append(f"{kind} languages")
    return ", ".join(texts) or "="


def codes(source: Source, folder: Path) -> str:
    """Mean and largest alpha difference of the first frames in codes, and whether the ffmpeg program decodes the same bytes."""
    clip, hdr = source.clip, source.clip.hdr
    if hdr is not None and source.settings.hdr == "tonemap":
        return "none"
    target, last = folder / "lossless.mkv", min(clip.frames, 4) - 1
    with plan_output(target, source, (0, last), WriteSettings("ffv1", audio="none")).open(overwrite=True) as sink:
        for frame in source.decode(0, last, clamp=False):
            sink.write(frame)
    total, worst = 0.0, 0.0
    written = open_source(target, ReadSettings(hdr="passthrough"))
    for before, after in zip(source.decode(0, last, clamp=False), written.decode(clamp=False), strict=True):
        images = [sdr_range_to_hdr(frame.image, hdr) if hdr else frame.image for frame in (before, after)]
        total += float((images[0] - images[1]).abs().mean()) / (last + 1)
        if before.alpha is not None:
            worst = max(worst, 9.0 if after.alpha is None else float((before.alpha - after.alpha).abs().max()))
    top = 2**clip.coding.depth - 1
    text = f"{total * top:.2f}" + ("" if before.alpha is None else f", alpha {worst * top:.2f}")
    made_whole = source.settings.deinterlace in ("force", "telecine") or any(
        words in warning for warning in source.warnings for words in ("are deinterlaced;", "2:3 pulldown"))
    plain = not made_whole and source.settings.on_damage == "fail"
    if plain and clip.coding.pix_fmt.replace("yuvj", "yuv") == written.clip.coding.pix_fmt:
        seen = [[found for _, found in reading(path, place, upright=True)][:last + 1]
                for path, place in ((clip.path, f"0:{clip.coding.stream}"), (target, "0:v:0"))]
        text += ", =" if seen[0] == seen[1] else ""
    return text if total * top <= 1 and worst * top < 0.5 else f"over 1: {text}"


def psnr(source: Source, target: Path) -> str:
    """Likeness of a written file to its source in decibels, as the ffmpeg program reads both, frame by frame."""
    run = subprocess.run([FFMPEG, "-hide_banner", "-noautorotate", "-i", str(source.clip.path), "-i", str(target), "-lavfi",
                          f"[0:{source.clip.coding.stream}]settb=1/25,setpts=N[a];[1:v:0]settb=1/25,setpts=N[b];[a][b]psnr",
                          "-f", "null", "-"], capture_output=True, text=True)
    found = re.search(r"average:(\S+)", run.stderr)
    return "no PSNR" if found is None else f"{found[1].split('.')[0]} dB"
