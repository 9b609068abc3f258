"""A second FFmpeg reads every written clip: the same frames, times and streams as the first, and as `vidstyle verify` sees."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

from matrix_checks import reading

from vidstyle.video import probe

SECOND = shutil.which("ffmpeg"), shutil.which("ffprobe")
"""The programs on the path, as a distribution ships them; Debian 12 has 5.1."""
_ALIKE = {"mp2": "mp3"}  # MP4 has one name for both


def second(target: Path) -> str:
    """What a second FFmpeg reads otherwise; `=` where nothing, empty where none is installed."""
    ffmpeg, ffprobe = SECOND
    if ffmpeg is None or ffprobe is None:
        return ""
    texts, clip = [], probe(target)
    here, there = reading(target, "0:v:0"), reading(target, "0:v:0", program=ffmpeg)
    if len(there) != clip.frames:
        texts.append(f"{len(there)} of {clip.frames} frames")
    elif [hashed for _, hashed in here] != [hashed for _, hashed in there]:
        texts.append(f"{sum(a != b for (_, a), (_, b) in zip(here, there, strict=False))} frames differ")
    tick = max(clip.time_base, Fraction(1, 1000))
    late = max((abs(time - pts * clip.time_base) for (time, _), pts in zip(there, clip.pts, strict=False)), default=Fraction(0))
    if late >= tick:
        texts.append(f"times off {float(late) * 1000:.3g} ms")
    found = json.loads(subprocess.run([ffprobe, "-loglevel", "error", "-show_streams", "-of", "json", str(target)],
                                      capture_output=True, text=True, check=True).stdout)["streams"]
    streams = [(one["codec_type"], one.get("codec_name", "")) for one in found]
    planned = sorted([(clip.coding.stream, "video", clip.coding.codec),
                      *((track.index, track.kind, track.codec) for track in (*clip.audio, *clip.others))])
    if [kind for kind, _ in streams] != [kind for _, kind, _ in planned]:
        texts.append(f"streams {[kind for kind, _ in streams]}, not {[kind for _, kind, _ in planned]}")
    else:
        texts += [f"{codec} read as {name}" for (kind, name), (_, _, codec) in zip(streams, planned, strict=True)
                  if kind in ("video", "audio", "subtitle") and _ALIKE.get(name, name) != _ALIKE.get(codec, codec)]
    for number in range(len(clip.audio)):
        sound = [reading(target, f"0:a:{number}", "-c", "copy", program=one) for one in (None, ffmpeg)]
        if [hashed for _, hashed in sound[0]] != [hashed for _, hashed in sound[1]]:
            texts.append(f"packets of sound {number} differ")
    return ", ".join(texts) or "="
