"""Small clips of many formats, as movies and as sequences of images, and the ways in which `fuzz.py` damages them."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vidstyle.video.write.priority import own_priority

POLICIES = ("fail", "hold", "keep")
RUNS = 10
"""One case in so many goes through a whole run with `--strength 0`, all through probing and decoding."""
TARGETS = ("out.mkv", "out.mp4", "out.mov", "out.webm", "out.####.png", "out.png")

SOURCES = [
    ("h264.mp4", "libx264", "yuv420p", (96, 64), "aac", {"bf": "2", "g": "8"}, {}),
    ("faststart.mp4", "libx264", "yuv420p", (96, 64), "aac", {"bf": "0", "g": "6"}, {"movflags": "faststart"}),
    ("fragments.mp4", "libx264", "yuv422p", (64, 48), "aac", {"g": "5"}, {"movflags": "frag_keyframe+empty_moov"}),
    ("hevc.mov", "libx265", "yuv420p10le", (96, 64), "pcm_s16le", {"x265-params": "log-level=error:keyint=8"}, {}),
    ("prores.mov", "prores_ks", "yuv422p10le", (64, 48), "pcm_s16le", {}, {}),
    ("h264.mkv", "libx264", "yuv420p", (96, 64), "flac", {"bf": "2", "g": "8"}, {}),
    ("ffv1.mkv", "ffv1", "yuv444p", (48, 32), "libopus", {"level": "3", "slicecrc": "1"}, {}),
    ("vp9.webm", "libvpx-vp9", "yuv420p", (67, 45), "libopus", {"g": "8", "cpu-used": "8"}, {}),
    ("av1.webm", "libsvtav1", "yuv420p", (96, 64), None, {"preset": "12"}, {}),
    ("mpeg4.avi", "mpeg4", "yuv420p", (96, 64), "mp2", {"g": "6"}, {}),
    ("mjpeg.avi", "mjpeg", "yuvj420p", (48, 32), "pcm_s16le", {}, {}),
    ("h264.ts", "libx264", "yuv420p", (96, 64), "mp2", {"bf": "2", "g": "8"}, {}),
    ("mpeg2.ts", "mpeg2video", "yuv420p", (96, 64), "mp2", {"g": "6"}, {}),
    ("palette.gif", "gif", "rgb8", (48, 32), None, {}, {}),
    ("wmv2.wmv", "wmv2", "yuv420p", (96, 64), "wmav2", {"g": "6"}, {}),
    ("msmpeg4.wmv", "msmpeg4", "yuv420p", (48, 32), "wmav1", {"g": "12"}, {}),
    ("mpeg2.mxf", "mpeg2video", "yuv420p", (96, 64), "pcm_s16le", {"g": "6", "bf": "2"}, {}),
    ("dnxhr.mxf", "dnxhd", "yuv422p", (256, 128), "pcm_s24le", {"profile": "dnxhr_lb"}, {}),
    ("h264.mxf", "libx264", "yuv420p", (96, 64), None, {"bf": "2", "g": "8"}, {}),
    ("raw.h264", "libx264", "yuv420p", (96, 64), None, {"bf": "2", "g": "8"}, {}),
    ("raw.hevc", "libx265", "yuv420p", (96, 64), None, {"x265-params": "log-level=error:keyint=8"}, {}),
    ("raw.m2v", "mpeg2video", "yuv420p", (96, 64), None, {"bf": "2", "g": "8"}, {}),
    ("raw.mjpeg", "mjpeg", "yuvj420p", (48, 32), None, {}, {}),
    ("raw.obu", "libsvtav1", "yuv420p", (96, 64), None, {"preset": "12"}, {}),
    ("raw.ivf", "libvpx-vp9", "yuv420p", (67, 45), None, {"g": "8", "cpu-used": "8"}, {}),
    ("tape.dv", "dvvideo", "yuv420p", (720, 576), "pcm_s16le", {}, {}),
    ("animated.apng", "apng", "rgb24", (48, 32), None, {}, {}),
]
"""Movies: name, video codec, pixel format, size, sound codec, options of the encoder, options of the container."""
SEQUENCES = [("png", "png", "rgb48be"), ("tif", "tiff", "rgb24"), ("exr", "exr", "gbrpf32le"), ("dpx", "dpx", "rgb24"),
             ("jpg", "mjpeg", "yuvj420p"), ("webp", "libwebp", "bgra"), ("bmp", "bmp", "bgr24"), ("tga", "targa", "bgra")]
"""Sequences of images: extension, codec, pixel format."""
STILLS = ("png", "tif", "jpg", "webp", "dpx")
"""Single pictures, each as the first image of a sequence."""
IMAGES = 6
"""Images in a sequence."""
FRAMES = 24
_EXTREMES = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\x7f",
             b"\1\0\0\0", b"\xff\xff", b"\0\0", b"\xff" * 8, b"\0" * 8]


def make_sources(folder: Path) -> list[Path]:
    """The small clips that are mutated: a file for each of `SOURCES` and `STILLS`, a folder for each of `SEQUENCES`."""
    movies = [_make_source(folder / name, *rest) for name, *rest in SOURCES]
    sequences = [_make_images(folder / suffix, codec, pix_fmt) for suffix, codec, pix_fmt in SEQUENCES]
    stills = [folder / f"still.{suffix}" for suffix in STILLS]
    for still in stills:
        shutil.copy(folder / still.suffix[1:] / f"clip.0000{still.suffix}", still)
    return [*movies, *sequences, *stills]


def _picture(index: int, size: tuple[int, int], pix_fmt: str) -> av.VideoFrame:
    y, x = np.mgrid[0:size[1], 0:size[0]]
    image = np.stack([128 + 100 * np.sin((a + 3 * index) / b) for a, b in ((x, 9), (y, 7), (x + y, 11))], -1)
    return av.VideoFrame.from_ndarray(image.astype(np.uint8), "rgb24").reformat(format=pix_fmt)


def _make_images(folder: Path, codec: str, pix_fmt: str) -> Path:
    folder.mkdir()
    for index in range(IMAGES):
        encoder = av.CodecContext.create(codec, "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 48, 32, pix_fmt, Fraction(1, 25)
        frame = _picture(index, (48, 32), pix_fmt)
        frame.pts = 0
        data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
        (folder / f"clip.{index:04d}.{folder.name}").write_bytes(data)
    return folder


def _make_source(path: Path, codec: str, pix_fmt: str, size: tuple[int, int], sound: str | None,
                 options: dict[str, str], container_options: dict[str, str]) -> Path:
    tick = Fraction(1, 100) if codec == "gif" else Fraction(1, 25)
    os.environ.setdefault("SVT_LOG", "1")
    with av.open(str(path), "w", container_options=container_options) as sink:
        stream = sink.add_stream(codec, rate=25, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.time_base = stream.time_base = tick
        with own_priority():
            stream.codec_context.open()
        track = sink.add_stream(sound, rate=48000, layout="stereo") if sound else None
        if track and sound.startswith("wma"):
            track.bit_rate = 96_000  # that encoder has no usual one
        for index in range(FRAMES):
            frame = _picture(index, size, pix_fmt)
            frame.pts, frame.time_base = round(index / 25 / tick), tick
            sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
        if track:
            wave = (8000 * np.sin(np.arange(1152) / 9)).astype(np.int16)
            for block in range(FRAMES * 1920 // 1152):
                frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], "s16", "stereo")
                frame.sample_rate, frame.pts, frame.time_base = 48000, block * 1152, Fraction(1, 48000)
                sink.mux(track.encode(frame))
            sink.mux(track.encode(None))
    return path


def mutate(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """The name of a kind of damage, and `data` damaged so."""
    kind = rng.choice(["flips", "bytes", "cut", "remove", "insert", "repeat", "zeros", "extremes"])
    out, at = bytearray(data), rng.randrange(len(data))
    length = min(len(data) - at, int(2 ** rng.uniform(0, 12)))
    if kind == "flips":
        for _ in range(int(2 ** rng.uniform(0, 8))):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == "bytes":
        for _ in range(int(2 ** rng.uniform(0, 6))):
            out[rng.randrange(len(out))] = rng.randrange(256)
    elif kind == "cut":
        del out[max(1, at):]
    elif kind == "remove":
        del out[at:at + length]
    elif kind == "insert":
        out[at:at] = rng.randbytes(length)
    elif kind == "repeat":
        out[at:at] = data[at:at + length]
    elif kind == "zeros":
        out[at:at + length] = bytes(length)
    else:  # where the numbers are: at the beginning, at the end, and inside MP4's table of contents
        table = data.find(b"moov")
        for _ in range(rng.choice([1, 1, 2, 4])):
            spots = [(0, min(1000, len(data))), (max(0, len(data) - 1500), len(data))]
            spots += [(table, min(table + 2000, len(data)))] * 2 if table > 0 else []
            begin, end = rng.choice(spots)
            value, place = rng.choice(_EXTREMES), rng.randrange(begin, end)
            out[place:place + len(value)] = value
    return kind, bytes(out) or b"\0"


@dataclass(frozen=True)
class Case:
    """One mutated clip and what is tried with it; made from its number and the seed alone."""

    number: int
    source: Path
    kind: str
    policy: str
    target: str
    """Name of the output of a whole run; empty where the clip is only probed and decoded."""
    files: tuple[tuple[str, bytes], ...]
    """Name and content of each file: one of a movie, several of a sequence."""

    @property
    def clip(self) -> str:
        """The name by which the clip is opened: a file's, or the pattern of a sequence."""
        return self.files[0][0] if len(self.files) == 1 else f"clip.####.{self.source.name}"


def case(number: int, seed: int, sources: list[Path]) -> Case:
    """Case `number` of the series `seed`. Of a sequence, up to three images are mutated in one way each."""
    rng = random.Random(f"{seed}/{number}")
    source = rng.choice(sources)
    if source.is_file():
        kind, content = mutate(source.read_bytes(), rng)
        files, kinds = {f"clip{source.suffix}": content}, [kind]
    else:
        files, kinds = {path.name: path.read_bytes() for path in sorted(source.iterdir())}, []
        for name in rng.sample(sorted(files), rng.choice([1, 1, 2, 3])):
            kind, files[name] = mutate(files[name], rng)
            kinds.append(kind)
    return Case(number, source, "+".join(kinds), POLICIES[number % 3],
                TARGETS[number // RUNS % len(TARGETS)] if number % RUNS == 0 else "", tuple(files.items()))
