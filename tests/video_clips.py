"""Small clips made by the tests, each with the property that a test is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

torch.set_num_threads(1)  # on a busy machine, threads that wait for each other cost more than they bring


def gradient(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """(H, W, 3) uint8: a smooth moving image that compresses well and differs in every frame."""
    y, x = np.mgrid[0:height, 0:width]
    red = 128 + 100 * np.sin(x / 17 + index / 5)
    green = 128 + 100 * np.sin(y / 13 - index / 7)
    blue = 128 + 90 * np.sin((x + y) / 23 + index / 3)
    return np.stack((red, green, blue), -1).round().astype(np.uint8)


def add_sound(container: Any, codec: str = "aac", language: str | None = None, rate: int = 48000) -> Any:
    stream = container.add_stream(codec, rate=rate, layout="mono")
    if language:
        stream.metadata["language"] = language
    return stream


def write_sound(container: Any, stream: Any, seconds: float, pitch: float = 440.0, offset: int = 0) -> None:
    rate, size = stream.rate, 1024
    for block in range(math.ceil(seconds * rate / size)):
        time = (np.arange(size) + block * size) / rate
        kind = stream.format.name
        wave = 0.2 * np.sin(2 * math.pi * pitch * time)
        samples = wave.astype(np.float32) if kind.startswith("flt") else (wave * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, block * size + offset, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def make_clip(path: Path, *, frames: int = 12, size: tuple[int, int] = (96, 64), codec: str = "libx264",
              pix_fmt: str = "yuv420p", time_base: Fraction = Fraction(1, 12800), pts: Sequence[int] | None = None,
              step: int = 512, options: dict[str, str] | None = None, tags: tuple[int, int, int, int] | None = None,
              ratio: Fraction | None = None, matrix: Sequence[int] | None = None,
              picture: Callable[[int, int, int], Any] = gradient, sound: Sequence[tuple[str, str | None]] = (),
              container_options: dict[str, str] | None = None, metadata: dict[str, str] | None = None,
              format: str | None = None, interlaced: bool = False) -> Path:
    """Write a clip and return its path. tags: matrix, range, primaries, transfer; sound: (codec, language) pairs."""
    pts = list(pts) if pts is not None else [index * step for index in range(frames)]
    with av.open(str(path), "w", format=format, container_options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        settings = {"crf": "10", "threads": "1"} if codec.startswith("libx26") else {}
        if codec == "libx265":
            settings["x265-params"] = "log-level=error"
        stream = container.add_stream(codec, rate=25, options=settings | (options or {}))
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = *size, pix_fmt
        context.time_base = stream.time_base = time_base
        if ratio:
            context.sample_aspect_ratio = ratio
        if tags:
            context.colorspace, context.color_range, context.color_primaries, context.color_trc = tags
        if matrix:
            stream.set_display_matrix(matrix)
        if interlaced:
            context.flags |= av.codec.context.Flags.interlaced_dct
        tracks = [add_sound(container, kind, language) for kind, language in sound]
        for index, time in enumerate(pts):
            image = picture(index, *size)
            frame = image if isinstance(image, av.VideoFrame) else av.VideoFrame.from_ndarray(image, "rgb24").reformat(
                format=pix_fmt)
            if tags:
                frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = tags
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        seconds = float((pts[-1] - pts[0]) * time_base) + 0.1
        for number, track in enumerate(tracks):
            write_sound(container, track, seconds, 330.0 * (number + 1))
    return path


def remux(source: Path, target: Path, *, shift: int = 0, format: str | None = None) -> Path:
    """Copy the video packets of `source`, `shift` ticks later."""
    with av.open(str(source)) as reader, av.open(str(target), "w", format=format) as writer:
        stream = reader.streams.video[0]
        out = writer.add_stream_from_template(stream)
        for packet in reader.demux(stream):
            if packet.size:
                packet.pts += shift
                packet.dts += shift
                packet.stream = out
                writer.mux(packet)
    return target


def packets(path: Path, index: int) -> list[tuple[bytes, Fraction]]:
    """Bytes and presentation seconds of every packet of a stream."""
    with av.open(str(path)) as reader:
        stream = reader.streams[index]
        return [(bytes(packet), packet.pts * packet.time_base) for packet in reader.demux(stream) if packet.size]


SHAPES: dict[str, dict[str, Any]] = {
    "bframes.mp4": {"options": {"x264-params": "bframes=3:keyint=12:scenecut=0"}},
    "open.mp4": {"options": {"x264-params": "open-gop=1:keyint=10:bframes=3:scenecut=0"}},
    "open.mkv": {"options": {"x264-params": "open-gop=1:keyint=10:bframes=3:scenecut=0"}},
    "open.ts": {"options": {"x264-params": "open-gop=1:keyint=10:bframes=3:scenecut=0"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "open-gop=1:keyint=10:bframes=3:log-level=error"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "12", "lag-in-frames": "16", "auto-alt-ref": "1"}},
    "confused.avi": {"time_base": Fraction(1, 25), "pts": list(range(45)),  # AVI has no place for B-frames' times
                     "options": {"x264-params": "bframes=3:keyint=12:scenecut=0"}},
    "uneven.mp4": {"time_base": Fraction(1, 90000), "pts": [i * 3000 + i % 3 * 700 for i in range(45)]},
}
"""Settings of `make_clip` for clips of 45 frames whose times or references are awkward, by file name."""
