"""The review movie: its pictures, its times and sound, and that the output stays as it is, also after a stop."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from negative_method import Negative
from sequence_files import make_sequence
from style_images import bricks
from video_clips import make_clip, packets

from vidstyle.cli import execute
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run import pipeline
from vidstyle.run.compare import compose
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection, plan_video

UNEVEN = [0, 500, 1000, 2000, 2500, 3600, 4100, 4600, 5200]
SIZE = (192, 128)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of nine frames with sound, at uneven times."""
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    write_png(tmp_path / "style.png", bricks())
    return make_clip(tmp_path / "clip.mp4", size=SIZE, pts=UNEVEN, sound=[("aac", "eng")])


def paint(clip: Path, name: str, compare: str, selection: Selection | None = None,
          listen: Callable[[Progress], None] = lambda progress: None, **options: object) -> Path:
    chosen = Options(method="negative", device="cpu", compare=compare, **options)  # type: ignore[arg-type]
    target = clip.with_name(name)
    stylize_video(clip, [Style(clip.with_name("style.png"))], target, chosen, selection, listen=listen)
    return target


def frames(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    """Time and picture (H, W, 3) of every frame, by PyAV."""
    with av.open(str(path)) as movie:
        return [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24").astype(np.float32) / 255)
                for frame in movie.decode(video=0)]


def middle(picture: np.ndarray) -> np.ndarray:
    """The part of a picture that no text covers."""
    return picture[40:-40]


@pytest.mark.parametrize("selection", [None, Selection(frames=(2, 6))], ids=["whole", "range"])
def test_the_review_movie_has_both_pictures_the_times_and_the_sound(clip: Path, selection: Selection | None) -> None:
    plain, output = paint(clip, "plain.mp4", "none", selection), paint(clip, "out.mp4", "side", selection)
    assert plain.read_bytes() == output.read_bytes()
    review, source, painted = frames(clip.with_name("out_compare.mp4")), frames(clip), frames(output)
    first, last = selection.frames if selection and selection.frames else (0, 8)
    assert [time for time, _ in review] == [time for time, _ in painted]
    assert len(review) == last - first + 1
    for (_, both), (_, left), (_, right) in zip(review, source[first:last + 1], painted, strict=True):
        assert both.shape == (SIZE[1], 2 * SIZE[0], 3)
        assert np.abs(middle(both[:, :SIZE[0]] - left)).mean() < 0.02
        assert np.abs(middle(both[:, SIZE[0]:] - right)).mean() < 0.02
    assert packets(output, 1) == packets(clip.with_name("out_compare.mp4"), 1)


def test_every_frame_has_its_own_number(clip: Path) -> None:
    """A still picture: what changes from frame to frame is the burnt-in text."""
    still = make_clip(clip.with_name("still.mp4"), size=SIZE, frames=4, picture=lambda index, width, height: np.full(
        (height, width, 3), 90, np.uint8))
    paint(still, "out.mp4", "stack")
    pictures = [picture for _, picture in frames(clip.with_name("out_compare.mp4"))]
    assert pictures[0].shape == (2 * SIZE[1], SIZE[0], 3)
    for one, other in pairwise(pictures):
        changed = np.abs(one - other).max(-1) > 0.3
        assert changed[-40:, :].any()
        assert not changed[40:-40].any()


def test_a_wipe_has_the_source_left_of_a_line_that_moves() -> None:
    source, painting = torch.zeros(3, 60, 160), torch.ones(3, 60, 160) / 2
    lines = []
    for seconds in (0.0, 2.0, 6.0, 8.0):
        row = compose(source, painting, "wipe", (160, 60), seconds)[0, 30]
        line = int((row == 1).nonzero()[0])
        assert (row[:line] == 0).all()
        assert (row[line + 2:] == 0.5).all()
        lines.append(line)
    assert lines == [80, 136, 24, 80]


def test_a_large_picture_is_scaled_down(clip: Path) -> None:
    plan = plan_video(clip, [Style(clip.with_name("style.png"))], clip.with_name("big.mp4"),
                      Options(method="negative", device="cpu", compare="side", output_size=3000))
    assert plan.comparison is not None
    assert plan.output.size == (3000, 2000)
    assert plan.comparison.size == (3840, 1280)


def test_a_run_that_stops_in_the_review_goes_on_there(clip: Path) -> None:
    paint(clip, "whole.mp4", "side")
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        if progress == Progress("compare", 3, 9):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(clip, "out.mp4", "side", listen=stop)
    assert not clip.with_name("out.mp4").exists()
    assert not clip.with_name("out_compare.mp4").exists()
    assert list(clip.parent.glob("*.part")) == []
    paint(clip, "out.mp4", "side", listen=seen.append)
    assert {progress.stage for progress in seen} == {"resume", "compare"}  # no frame is painted again
    for name in ("{}.mp4", "{}_compare.mp4"):
        whole, again = (clip.with_name(name.format(stem)).read_bytes() for stem in ("whole", "out"))
        assert hashlib.sha256(whole).digest() == hashlib.sha256(again).digest()


def test_an_unfinished_run_may_go_on_with_another_review(clip: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint(clip, "out.mp4", "none", listen=stop)
    paint(clip, "out.mp4", "wipe")
    assert len(frames(clip.with_name("out_compare.mp4"))) == 9


@pytest.mark.parametrize("several", [False, True], ids=["run", "batch"])
def test_a_finished_painting_gets_its_review_without_being_painted(clip: Path, several: bool,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    output = paint(clip, "clip_style.mp4", "none")
    before = output.read_bytes(), output.stat().st_mtime_ns
    monkeypatch.setattr(pipeline, "run", lambda *arguments, **more: pytest.fail("painted again"))
    words = ["--style", str(clip.with_name("style.png")), "--method", "negative", "--device", "cpu", "--compare", "side"]
    clips = [str(clip.parent / "cl*.mp4")] if several else [str(clip)]
    assert execute(["run", *clips, *words]) == 0
    assert len(frames(clip.with_name("clip_style_compare.mp4"))) == 9
    assert (output.read_bytes(), output.stat().st_mtime_ns) == before
    assert execute(["run", str(clip), *words]) == 4  # all is there
    assert execute(["run", str(clip), *words, "--strength", "0.5"]) == 4  # with other settings, it is painted only if told so


def test_an_existing_file_is_not_replaced(clip: Path) -> None:
    review = clip.with_name("out_compare.mp4")
    review.write_text("mine")
    with pytest.raises(OutputError, match=r"out_compare\.mp4: exists already"):
        paint(clip, "out.mp4", "side")
    assert review.read_text() == "mine"
    assert not clip.with_name("out.mp4").exists()


def test_images_are_compared_with_their_own_range(clip: Path) -> None:
    """Images of an earlier range lie beside those that the run wrote."""
    sequence = make_sequence(clip.parent, range(1, 6))
    style, options = Style(clip.with_name("style.png")), Options(method="negative", device="cpu", fps=Fraction(24))
    target = clip.parent / "painted.####.png"
    stylize_video(sequence, [style], target, options, Selection(frames=(1, 2)))
    stylize_video(sequence, [style], target, replace(options, compare="stack"), Selection(frames=(3, 5)))
    review = frames(clip.parent / "painted_compare.mp4")
    assert [time for time, _ in review] == [Fraction(0), Fraction(1, 24), Fraction(2, 24)]
    with pytest.raises(UsageError, match="--fps"):
        plan_video(sequence, [style], clip.parent / "x.####.png", Options(device="cpu", compare="side"))
