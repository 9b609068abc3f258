"""Every awkward clip through decode and encode unpainted, judged by FFmpeg's own program and MediaInfo, as a table.

    python benchmarks/matrix.py DATA [NAME ...]

DATA is a folder with a folder `video` of clips; more are made on the spot (`matrix_clips.py`). Needs the packages
imageio-ffmpeg (a newer FFmpeg than PyAV's) and pymediainfo. A cell is `=` where source and output agree in the second
reader's eyes; each row ends in OK, in warnings that name what is not the source's, or in a refusal of one sentence.
Anything else is FAIL, and then the exit code is 1. The last cell is the mean difference of the first frames in codes of
the source's depth, written without loss, with `=` where the ffmpeg program decodes the very same bytes from both files;
in rows that try a codec also the PSNR of the file that it wrote, by the ffmpeg program.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from matrix_clips import CLIPS, CODECS, FFMPEG, make_clips
from pymediainfo import MediaInfo

from vidstyle.core.errors import VidstyleError
from vidstyle.video import Clip, default_suffix, plan_output, probe

COLUMNS = ("frames", "times", "length", "sound", "tags", "shape", "streams", "codes")
_SAME = {"BT.470 System B/G": "BT.601"}  # numbers 5 and 6 of a matrix are the same equations; MediaInfo merges them in VP9
_TAGS = ("matrix_coefficients", "color_primaries", "transfer_characteristics", "color_range",
         "mastering_display_luminance", "maximum_content_light_level")


@dataclass(frozen=True)
class Row:
    """One clip written one way."""

    name: str
    cells: dict[str, str]
    verdict: str


def reading(path: Path, stream: str, *more: str, upright: bool = False) -> list[tuple[Fraction, str]]:
    """Seconds and hash of every decoded frame or copied packet of a stream, as the ffmpeg program sees it."""
    turn = "-autorotate" if upright else "-noautorotate"
    run = subprocess.run([FFMPEG, "-hide_banner", "-loglevel", "error", "-copyts", turn, "-i", str(path),
                          "-map", stream, "-fps_mode", "passthrough", "-enc_time_base:v", "demux", *more,
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


def check(clip: Clip, target: Path, told: str) -> dict[str, str]:
    """Compare source and output with the second readers; a cell other than `=` says what differs."""
    cells = {}
    picture = f"0:{clip.stream}"
    was, now = reading(clip.path, picture), reading(target, "0:v:0")
    if clip.on_damage == "hold":  # what the ffmpeg program makes of the damage is its own affair
        was = [(pts * clip.time_base, "") for pts in clip.pts]
    cells["frames"] = "=" if len(was) == len(now) == clip.frames else f"{len(was)}/{clip.frames}/{len(now)}"
    tick = Fraction(1, 1000) if target.suffix in (".mkv", ".webm") else clip.time_base
    pushed = now[0][0] - was[0][0] if was and now else Fraction(0)
    moved = pushed if target.suffix in (".mkv", ".webm") else Fraction(0)
    worst = furthest([time for time, _ in was], [time for time, _ in now], moved)
    cells["times"] = "=" if worst < tick else f"off {float(worst) * 1000:.3g} ms"
    if worst >= tick:
        # Some files state times against their decoder's order; then it is the times of the packets that must agree.
        stated = [sorted(time for time, _ in reading(path, place, "-c", "copy")) for path, place in
                  ((clip.path, picture), (target, "0:v:0"))]
        cells["times"] = "= (packets)" if furthest(*stated, moved) < tick else cells["times"]
    written = probe(target, hdr=clip.hdr.mode if clip.hdr and clip.hdr.mode == "passthrough" else None)
    cells["length"] = "=" if abs(written.duration - clip.duration) < 0.0015 else f"{written.duration - clip.duration:+.4f} s"
    cells["sound"] = sound(clip, target, pushed, told)
    before, after = tracks(clip.path), tracks(target)
    one, two = (found.get("Video", [{}])[0] for found in (before, after))
    cells["tags"] = tags(clip, target, one, two, told)
    shape = (clip.width, clip.height, clip.sample_aspect_ratio)
    theirs = (two.get("width"), two.get("height"), float(two.get("pixel_aspect_ratio", 1)))
    upright = float(two.get("rotation") or 0) == 0
    close = abs(theirs[2] - float(shape[2])) < 0.002
    cells["shape"] = "=" if theirs[:2] == shape[:2] and upright and close else f"{theirs}"
    cells["streams"] = others(clip, before, after, told)
    cells["codes"] = codes(clip, target.parent)
    return cells


def furthest(was: list[Fraction], now: list[Fraction], moved: Fraction) -> Fraction:
    """Seconds by which two lists of times differ at most, the second one being `moved`."""
    return max((abs(b - a - moved) for a, b in zip(was, now, strict=False)), default=Fraction(0))


def tags(clip: Clip, target: Path, one: dict[str, Any], two: dict[str, Any], told: str) -> str:
    """Tags of the first frame as the ffmpeg program decodes it, and what MediaInfo reads in the file, light included."""
    if clip.hdr is not None and clip.hdr.mode == "tonemap":
        seen = shown(target)
        ordinary = {seen.get(name) for name in ("color_space", "color_primaries", "color_trc")} == {"bt709"}
        return "tone-mapped (told)" if ordinary else str(seen)
    before, after = shown(clip.path, clip.stream), shown(target)
    if clip.colour.matrix == "rgb" and after.get("color_space") == "bt709":
        return "RGB>YUV (told)"
    # A range that is not written is limited, by the standards of H.264 and H.265; a format may be full range by name.
    differ = [f"{k} {v}>{after.get(k)}" for k, v in before.items() if v != after.get(k) and not (
        k == "color_range" and {v, after.get(k)} in ({"tv", "unknown"}, {"pc", "unknown"}))]
    if len(differ) == 1 and ("as all ProRes is" in told or "as all DNxHR" in told):
        return differ[0] + " (told)"
    if "mastering display is incomplete or impossible" in told:
        one = {key: value for key, value in one.items() if key != "mastering_display_luminance"}
        return tags(clip, target, one, two, "") + ", display (told)"
    seen_too = [(name, *(_SAME.get(str(x.get(name)), x.get(name)) for x in (one, two))) for name in _TAGS]
    differ += [f"{name} {a}>{b}" for name, a, b in seen_too
               if a not in (b, None) and (name, a, b) != ("color_range", "Limited", None)]
    return ", ".join(differ) or "="


def shown(path: Path, stream: int | str = "v:0") -> dict[str, str]:
    """Colour tags of the first frame as the ffmpeg program decodes it, and where it says that the chroma of 4:2:0 lies."""
    run = subprocess.run([FFMPEG, "-hide_banner", "-loglevel", "verbose", "-i", str(path), "-map", f"0:{stream}",
                          "-frames:v", "1", "-vf", "showinfo", "-f", "null", "-"], capture_output=True, text=True)
    found = dict(re.findall(r"(color_range|color_space|color_primaries|color_trc):(\w+)", run.stderr))
    place = re.search(rf"Stream #0:{stream if isinstance(stream, int) else 0}\b.*Video: .*420p\w*\(.*?(center|topleft)",
                      run.stderr)
    return found | {"chroma_location": place[1] if place else "left"}


def sound(clip: Clip, target: Path, pushed: Fraction, told: str) -> str:
    """Whether each sound track has the source's packets at the source's times, or was named as something else."""
    texts, place = [], 0
    for number, track in enumerate(clip.audio):
        line = next(line for line in told.splitlines() if line.startswith(f"stream {track.index}:"))
        if "dropped" in line:
            texts.append("dropped (told)")
            continue
        was = reading(clip.path, f"0:a:{number}", "-c", "copy")
        now = reading(target, f"0:a:{place}", "-c", "copy")
        place += 1
        worst = max((abs(b - a - pushed) for (a, _), (b, _) in zip(was, now, strict=False)), default=Fraction(0))
        if "copied" not in line:
            texts.append("transcoded (told)")
        elif [h for _, h in was] != [h for _, h in now]:
            # ADTS headers are taken off in MP4; then it is the samples that must be the same.
            pcm = [reading(path, f"0:a:{n}", "-c:a", "pcm_s16le", "-af", "asetnsamples=1024")
                   for path, n in ((clip.path, number), (target, place - 1))]
            same = [h for _, h in pcm[0]][1:-1] == [h for _, h in pcm[1]][1:-1]
            texts.append("= (samples)" if same else f"{len(was)}>{len(now)} packets differ")
        else:
            texts.append("=" if worst < Fraction(3, 2000) else f"off {float(worst) * 1000:.3g} ms")
    return "=" if set(texts) == {"="} else ", ".join(texts) or "none"


def others(clip: Clip, before: dict[str, Any], after: dict[str, Any], told: str) -> str:
    """Languages, subtitles, chapters, timecode: MediaInfo's count of each kind, where a difference is not told."""
    texts = []
    kinds = ["Audio", "Text", "Other"] + ([] if clip.path.suffix == ".ts" else ["Menu"])  # a Menu of TS is its programme table
    for kind in kinds:
        was, now = before.get(kind, []), after.get(kind, [])
        if len(was) != len(now) and "dropped" not in told and "anew" not in told:
            texts.append(f"{kind} {len(was)}>{len(now)} untold")
        if len(was) == len(now) and [t.get("language") for t in was] != [t.get("language") for t in now]:
            texts.append(f"{kind} languages")
    return ", ".join(texts) or "="


def codes(clip: Clip, folder: Path) -> str:
    """Mean and alpha's largest difference of the first frames in codes, and whether the ffmpeg program sees none at all."""
    if clip.hdr is not None and clip.hdr.mode == "tonemap":
        return "none"
    target, last = folder / "lossless.mkv", min(clip.frames, 4) - 1
    with Encoder(target, clip, last=last, codec="ffv1", audio="none", overwrite=True) as encoder:
        for frame in decode(clip, 0, last, clamp=False):
            encoder.write(frame)
    hdr, (total, worst) = clip.hdr, (0.0, 0.0)
    written = probe(target, hdr="passthrough" if hdr else None)
    for before, after in zip(decode(clip, 0, last, clamp=False), decode(written, clamp=False), strict=True):
        images = [from_painter(frame.image, hdr) if hdr else frame.image for frame in (before, after)]
        total += float((images[0] - images[1]).abs().mean()) / (last + 1)
        if before.alpha is not None:
            worst = max(worst, 9.0 if after.alpha is None else float((before.alpha - after.alpha).abs().max()))
    top = 2**clip.depth - 1
    text = f"{total * top:.2f}" + ("" if before.alpha is None else f", alpha {worst * top:.2f}")
    if clip.pix_fmt.replace("yuvj", "yuv") == written.pix_fmt and not clip.deinterlace and clip.on_damage == "fail":
        seen = [[found for _, found in reading(path, place, upright=True)][:last + 1]
                for path, place in ((clip.path, f"0:{clip.stream}"), (target, "0:v:0"))]
        text += ", =" if seen[0] == seen[1] else ""
    return text if total * top <= 1 and worst * top < 0.5 else f"over 1: {text}"


def psnr(clip: Clip, target: Path) -> str:
    """Likeness of a written file to its source in decibels, as the ffmpeg program sees both, frame by frame."""
    run = subprocess.run([FFMPEG, "-hide_banner", "-noautorotate", "-i", str(clip.path), "-i", str(target), "-lavfi",
                          f"[0:{clip.stream}]settb=1/25,setpts=N[a];[1:v:0]settb=1/25,setpts=N[b];[a][b]psnr",
                          "-f", "null", "-"], capture_output=True, text=True)
    found = re.search(r"average:(\S+)", run.stderr)
    return "no PSNR" if found is None else f"{found[1].split('.')[0]} dB"


def run(path: Path, folder: Path, *, hdr: Any = None, deinterlace: bool = False, on_damage: str = "fail",
        **options: Any) -> Row:
    """Write one clip in its own format, or say why not."""
    words = {"hdr": hdr, "deinterlace": "bwdif" if deinterlace else None,
             "on-damage": on_damage if on_damage != "fail" else None, **options}
    held = 0
    name = path.name + "".join(f" --{key} {value}" for key, value in words.items() if value)
    try:
        clip = probe(path, on_damage, hdr=hdr, deinterlace=deinterlace)
        target = folder / f"out{default_suffix(clip, options.get('codec', 'h264'))}"
        with Encoder(target, clip, overwrite=True, **options) as encoder:
            for frame in decode(clip, clamp=False):
                encoder.write(frame)
                held += frame.damage != ""
    except VidstyleError as error:
        text = str(error).replace(str(path), path.name)
        return Row(name, {}, f"{'FAIL ' if chr(10) in text else ''}refused: {text}")
    planned = plan_output(target, clip, **options)
    warnings = [*clip.warnings, *planned.warnings, *([f"{held} frames are held."] if held else [])]
    told = "\n".join([*planned.kept, *warnings])
    cells = check(clip, target, told)
    if "codec" in options and hdr is None and "alpha channel" not in told:
        cells["codes"] += f", {psnr(clip, target)}"
    wrong = [f"{key} {cell}" for key, cell in cells.items() if not _good(cell)]
    verdict = f"FAIL {'; '.join(wrong)}" if wrong else "warned" if warnings or "dropped" in told else "OK"
    dropped = [line for line in planned.kept if "dropped" in line]
    return Row(name, cells, ": ".join([verdict, " ".join([*warnings, *dropped])]) if warnings or dropped else verdict)


def _good(cell: str) -> bool:
    if match := re.fullmatch(r"\d\.\d+(?:, alpha \d\.\d+)?(?:, =)?(?:, (inf|\d+) dB)?", cell):
        return float(match[1] or "inf") >= 30  # chroma that is interpolated otherwise costs as much; a wrong matrix costs more
    return all(part in ("=", "none", "= (samples)", "= (packets)") or part.endswith("(told)") for part in cell.split(", "))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    data, wanted = Path(sys.argv[1]) / "video", sys.argv[2:]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clips = sorted(path for path in data.iterdir() if path.is_file())
        clips = [*clips, *make_clips(folder, [name for name in CLIPS if not wanted or name in wanted])]
        rows = []
        print("| clip | " + " | ".join(COLUMNS) + " | verdict |\n" + "|---" * (len(COLUMNS) + 2) + "|")
        for path in clips:
            if wanted and path.name not in wanted:
                continue
            ways = [run(path, folder)]
            if "--hdr" in ways[0].verdict:
                ways += [run(path, folder, hdr="passthrough", codec="hevc"), run(path, folder, hdr="tonemap")]
            if "--deinterlace" in ways[0].verdict:
                ways.append(run(path, folder, deinterlace=True))
            if "alpha channel, which is dropped" in ways[0].verdict:
                ways += [run(path, folder, codec="prores"), run(path, folder, codec="ffv1")]
            if "--on-damage" in ways[0].verdict:
                ways.append(run(path, folder, on_damage="hold"))
            ways += [run(path, folder, codec=codec) for codec in CODECS.get(path.name, ())]
            if path.suffix == ".webm":
                ways.append(run(path, folder, codec="vp9"))
            rows += ways
            for row in ways:
                cells = " | ".join(row.cells.get(column, "") for column in COLUMNS)
                print(f"| {row.name} | {cells} | {row.verdict} |", flush=True)
    failed = sum(row.verdict.startswith("FAIL") for row in rows)
    print(f"\n{len(rows)} rows, {failed} fail.")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
