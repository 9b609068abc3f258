"""How often a clip is opened and read: probed once, demuxed once and tried once before any frame is painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run import pipeline
from vidstyle.run.plan import plan_video
from vidstyle.video import Source, open_source, plan_output
from vidstyle.video.read import container
from vidstyle.video.write import movie
from vidstyle.video.write.movie import MoviePlan


@dataclass
class Counts:
    """What was done to the clip `path`."""

    path: Path
    opens: int = 0
    demuxed: list[int] = field(default_factory=list)
    """Number of streams of each demuxing that reached the end of the file."""
    trials: int = 0
    """Encodings of a frame to try a format."""

    def reset(self) -> None:
        self.opens, self.demuxed, self.trials = 0, [], 0


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Counts of everything that is done to the clip, which has two sound tracks and subtitles."""
    found = Counts(make_film(tmp_path / "film.mkv"))
    av_open, demuxed, trial = av.open, container.demuxed, movie._try

    def counted_open(file: Any, *arguments: Any, **options: Any) -> Any:
        found.opens += str(file) == f"file:{found.path}"
        return av_open(file, *arguments, **options)

    def counted_demuxed(reader: Any, streams: Any) -> Iterator[Any]:
        yield from demuxed(reader, streams)
        found.demuxed += [len(streams)] if str(found.path) in reader.name else []

    def counted_trial(*arguments: Any) -> None:
        found.trials += 1
        trial(*arguments)

    monkeypatch.setattr(av, "open", counted_open)
    for module in ("read.damage", "read.alpha", "read.sound"):
        monkeypatch.setattr(f"vidstyle.video.{module}.demuxed", counted_demuxed)
    monkeypatch.setattr(movie, "_try", counted_trial)
    return found


def make_film(path: Path) -> Path:
    """60 frames at 25 a second with two sound tracks and three subtitles."""
    plain = make_clip(path.with_name("plain.mp4"), frames=60, sound=[("aac", "fra"), ("libopus", "deu")],
                      options={"x264-params": "keyint=10:bframes=2"})
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        outs = {stream.index: writer.add_stream_from_template(stream) for stream in reader.streams}
        text = writer.add_mux_stream("subrip")
        packets = [packet for packet in reader.demux() if packet.size]
        for begin in (100, 900, 1800):
            packet = av.Packet(b"words")
            packet.stream, packet.time_base, packet.duration = text, Fraction(1, 1000), 300
            packet.pts = packet.dts = begin
            packets.append(packet)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            packet.stream = outs.get(packet.stream.index, text) if packet.stream is not text else text
            writer.mux(packet)
    return path


def looked_at(path: Path) -> Source:
    """The clip, after a few frames were looked at to find out whether they are combed."""
    source = open_source(path)
    assert source.warnings
    return source


def write(source: Source, plan: MoviePlan, first: int, last: int) -> None:
    with plan.open() as sink:
        for frame in source.decode(first, last):
            sink.write(frame)


@pytest.mark.parametrize(("name", "frames"), [
    ("out.mkv", None), ("out.mkv", (20, 39)), ("out.mp4", None), ("out.mp4", (20, 39)), ("out.webm", (50, 59))])
def test_a_clip_is_probed_and_tried_once(tmp_path: Path, counts: Counts, name: str, frames: tuple[int, int] | None) -> None:
    source = open_source(counts.path)
    assert (counts.opens, counts.demuxed) == (1, [4])  # one full demux of all four streams, the first frame included
    plan = plan_output(tmp_path / name, source, frames)
    # Sound and subtitles are read once more, to find what the output will not take of them.
    assert (counts.opens, counts.demuxed, counts.trials) == (3, [4, 3], 1)
    assert source.warnings
    assert source.warnings
    assert counts.opens == 4  # a few frames are looked at once, for combing
    assert len(plan.streams) == 4
    counts.reset()
    write(source, plan, *(frames or (0, 59)))
    # The frames, the sound, and the subtitles are read side by side, each at its own pace.
    assert (counts.opens, counts.trials) == (3, 0)
    assert all(streams < 4 for streams in counts.demuxed)


def test_samples_share_one_open_file(counts: Counts) -> None:
    source = looked_at(counts.path)
    counts.reset()
    for run in source.sample([12, 25, 41, 58]):
        assert len(run) == 2
    assert counts.opens == 1


def test_a_range_opens_the_file_once(counts: Counts) -> None:
    source = looked_at(counts.path)
    counts.reset()
    assert [frame.index for frame in source.decode(33, 36)] == [33, 34, 35, 36]
    assert counts.opens == 1


STYLE = torch.rand(3, 40, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("preview", [False, True])
def test_a_run_probes_everything_once(tmp_path: Path, counts: Counts, preview: bool) -> None:
    write_png(tmp_path / "style.png", STYLE)
    before_painting = list[int]()

    def listen(step: Progress) -> None:
        if step.stage == "paint" and step.done == 1:
            before_painting.append(counts.opens)

    options = Options(method="feedforward", fit_steps=1, size=48, device="cpu")
    plan = plan_video(counts.path, [Style(tmp_path / "style.png")], options=options, preview=preview)
    # Planning: the probe, the trial, the sound and subtitles, the look for combing, and for a preview, which begins in the
    # middle, the search for a cut before it.
    assert (counts.opens, counts.trials) == (5 if preview else 4, 1)
    assert sum(streams == 4 for streams in counts.demuxed) == 1
    (pipeline.preview if preview else pipeline.run)(plan, listen=listen)
    # Painting: the frames to fit to, the frames to paint, the sound, and the subtitles, each at its own pace.
    assert before_painting == [counts.opens] == [plan_opens + 4 for plan_opens in [5 if preview else 4]]
    assert counts.trials == 1
    assert sum(streams == 4 for streams in counts.demuxed) == 1


def test_a_run_of_a_plain_clip_opens_it_six_times_before_it_paints(tmp_path: Path, counts: Counts) -> None:
    write_png(tmp_path / "style.png", STYLE)
    counts.path = make_clip(tmp_path / "plain_sound.mp4", frames=30, sound=[("aac", "eng")])
    opens = dict[str, int]()
    options = Options(method="feedforward", fit_steps=1, size=48, device="cpu")
    plan = plan_video(counts.path, [Style(tmp_path / "style.png")], options=options)
    pipeline.run(plan, listen=lambda step: opens.update({step.stage: counts.opens}))
    # The probe, the trial, the sound twice (to find damage, and to write it), the look for combing, and the frames to fit to.
    assert opens["fit"] == 6
    assert opens["paint"] == 7  # and the frames to paint
