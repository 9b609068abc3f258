"""Whole runs on tiny clips: the output, what is kept of the source, and the files left after a failure."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from video_clips import make_clip

from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.images import read_image, write_png
from vidstyle.core.options import Options
from vidstyle.painting.feedforward import fit
from vidstyle.painting.feedforward.network import KEEP, kept_share
from vidstyle.painting.style_picture import Style
from vidstyle.run.finish import frame_hash, with_colours_of
from vidstyle.run.pipeline import preview_video, run, stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.result import Result
from vidstyle.run.settings import output_size, paint_size
from vidstyle.video import open_source, probe
from vidstyle.video.read.movie import MovieSource

QUICK = Options(size=96, device="cpu", crf=0)
FITTED = replace(QUICK, method="feedforward", fit_steps=4)
EVERY_FRAME = replace(QUICK, key_every=1, strokes=0, optimize_steps=4, follow_steps=2)
UNEVEN = [0, 512, 1024, 2600, 3000, 3500, 4096, 5000]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", pts=UNEVEN, sound=[("aac", "eng")])


@pytest.fixture
def style(tmp_path: Path) -> list[Style]:
    generator = torch.Generator().manual_seed(0)
    write_png(tmp_path / "style.png", torch.rand(3, 80, 64, generator=generator))
    return [Style(tmp_path / "style.png")]


@pytest.mark.parametrize("options", [QUICK, FITTED, EVERY_FRAME], ids=["default", "feedforward", "every frame"])
def test_every_frame_is_painted_and_keeps_its_time(clip: Path, style: list[Style], options: Options):
    result = stylize_video(clip, style, options=options)
    assert result.plan.target == clip.with_name("clip_style.mp4")
    source, written = open_source(clip), open_source(result.plan.target)
    assert written.clip.pts == source.clip.pts
    assert [track.language for track in written.clip.audio] == ["eng"]
    assert result.frames == len(result.frame_hashes) == len(UNEVEN)
    change = [float((a.image - b.image).abs().mean()) for a, b in zip(source.decode(), written.decode(), strict=True)]
    assert min(change) > 0.02  # five grey levels: far above what the codec changes, even after four steps of fitting


@pytest.mark.parametrize("options", [QUICK, FITTED], ids=["default", "feedforward"])
def test_the_same_call_gives_the_same_frames(clip: Path, style: list[Style], tmp_path: Path, options: Options):
    results = [stylize_video(clip, style, tmp_path / name, options) for name in ("a.mp4", "b.mp4")]
    assert results[0].frame_hashes == results[1].frame_hashes
    other = stylize_video(clip, style, tmp_path / "c.mp4", replace(options, seed=1))
    assert other.frame_hashes != results[0].frame_hashes


def test_strength_zero_is_the_source_bit_for_bit(clip: Path, style: list[Style]):
    result = stylize_video(clip, style, options=replace(QUICK, strength=0.0))
    assert list(result.frame_hashes) == [frame_hash(frame.image) for frame in open_source(clip).decode()]


def test_a_range_has_the_full_runs_numbers_and_network(clip: Path, style: list[Style], tmp_path: Path):
    file = tmp_path / "net.safetensors"
    whole = stylize_video(clip, style, tmp_path / "whole.mp4", replace(FITTED, network=file, temporal=0.0))
    part = stylize_video(clip, style, tmp_path / "part.mp4", replace(FITTED, temporal=0.0), Selection(frames=(3, 5)))
    assert part.plan.frames == (3, 5)
    assert part.frame_hashes == whole.frame_hashes[3:6]  # without a memory a range is exactly a slice


@pytest.mark.parametrize("options", [QUICK, FITTED], ids=["default", "feedforward"])
def test_a_range_paints_a_preroll(clip: Path, style: list[Style], tmp_path: Path, options: Options):
    whole = stylize_video(clip, style, tmp_path / "whole.mp4", options)
    part = stylize_video(clip, style, tmp_path / "part.mp4", options, Selection(frames=(5, 7)))
    assert part.frame_hashes == whole.frame_hashes[5:8]  # the pre-roll reaches back to the first frame here


def test_a_saved_network_is_used_and_not_fitted_again(clip: Path, style: list[Style], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch):
    options = replace(FITTED, network=tmp_path / "net.safetensors")
    first = stylize_video(clip, style, tmp_path / "a.mp4", options)

    def no_fit(*_: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(fit, "fit", no_fit)
    second = stylize_video(clip, style, tmp_path / "b.mp4", replace(options, fit_steps=0))
    assert second.frame_hashes == first.frame_hashes


def test_preview_lays_out_a_sheet(clip: Path, style: list[Style], tmp_path: Path):
    result = preview_video(clip, style, tmp_path / "look.mp4", QUICK, Selection(frames=(1, 6)), count=3)
    assert result.frames == 6
    sheet = read_image(tmp_path / "look.png")
    assert sheet.shape[2] > sheet.shape[1] > 64


def test_a_preview_without_a_range_is_of_the_middle(style: list[Style], tmp_path: Path):
    clip = make_clip(tmp_path / "long.mp4", frames=40, size=(48, 32))
    plan = plan_video(clip, style, options=QUICK, preview=True)
    assert plan.frames == (8, 31)
    assert (plan.target.name, plan.sheet.name) == ("long_style_preview.mp4", "long_style_preview.png")
    assert plan_video(clip, style, options=QUICK, selection=Selection(frames=(2, 3)), preview=True).frames == (2, 3)


def test_a_folder_that_is_asked_for_is_made_when_painting_starts(clip: Path, style: list[Style], tmp_path: Path):
    plan = plan_video(clip, style, options=QUICK, folder=tmp_path / "new" / "folder", selection=Selection(frames=(0, 1)))
    assert not (tmp_path / "new").exists()
    assert run(plan).plan.target == tmp_path / "new" / "folder" / "clip_style_0-1.mp4"
    assert plan.target.exists()


def test_a_plan_is_not_made_twice(clip: Path, style: list[Style], monkeypatch: pytest.MonkeyPatch):
    plan = plan_video(clip, style, options=QUICK)

    def again(*_: object, **__: object) -> None:
        raise AssertionError("found out a second time")

    for name in ("plan.open_source", "plan.plan_output", "plan.read_styles", "plan.find_start", "planned_files.check_output"):
        monkeypatch.setattr(f"vidstyle.run.{name}", again)
    monkeypatch.setattr(MovieSource, "open", again)
    assert run(plan).frames == len(UNEVEN)


def test_a_clip_that_breaks_off_leaves_no_output(clip: Path, style: list[Style], monkeypatch: pytest.MonkeyPatch):
    before = sorted(clip.parent.iterdir())

    def broken(*arguments: object, **options: object):
        yield from frames
        raise InputError("clip.mp4: broke off")

    frames = list(open_source(clip).decode())[:2]
    monkeypatch.setattr(MovieSource, "decode", broken)
    with pytest.raises(InputError):
        stylize_video(clip, style, options=QUICK)
    # What a run that goes on would need stays; nothing stands under the output's name.
    assert sorted(path for path in clip.parent.iterdir() if path.suffix != ".vidstyle-work") == before


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"method": "feedforward", "network": Path(__file__) / "net.safetensors"}, OutputError, "no folder"),
        ({"device": "tpu"}, UsageError, "auto"),
        ({"flow": "none"}, UsageError, "dis"),
        ({"encoder": "none"}, UsageError, "builtin"),
    ],
)
def test_impossible_runs_are_refused_before_any_work(clip: Path, style: list[Style], changes: dict[str, object],
                                                     error: type[Exception], words: str):
    before = sorted(clip.parent.iterdir())
    with pytest.raises(error, match=words):
        stylize_video(clip, style, options=replace(QUICK, **changes))
    assert sorted(clip.parent.iterdir()) == before


def test_the_source_is_never_the_target(clip: Path, style: list[Style]):
    with pytest.raises(OutputError):
        plan_video(clip, style, clip, QUICK, overwrite=True)


def test_sizes_follow_what_a_viewer_sees(clip: Path):
    found = probe(clip)
    assert paint_size(found, replace(QUICK, size=48)) == (48, 32)
    assert paint_size(found, replace(QUICK, size=4000)) == (96, 64)  # never larger than the source
    assert output_size(found, QUICK) == (96, 64)
    assert output_size(found, replace(QUICK, output_size=49)) == (48, 32)
    wide = replace(found, sample_aspect_ratio=found.sample_aspect_ratio * 2)
    assert paint_size(wide, replace(QUICK, size=96)) == (96, 32)  # square pixels for the painter


def test_source_colours_keep_the_hue_of_the_source_and_the_luma_of_the_painting():
    red, gray = torch.tensor([0.6, 0.3, 0.3]).view(3, 1, 1), torch.full((3, 1, 1), 0.5)
    mixed = with_colours_of(red, gray)
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    torch.testing.assert_close((mixed * weights).sum(), torch.tensor(0.5))
    torch.testing.assert_close(mixed - mixed.mean(), red - red.mean())


def test_stages_are_reported_in_order(clip: Path, style: list[Style]):
    seen: list[str] = []
    result: Result = stylize_video(clip, style, options=FITTED, listen=lambda progress: seen.append(progress.stage))
    assert list(dict.fromkeys(seen)) == ["analyse", "fit", "paint"]
    assert seen.count("paint") == len(UNEVEN)
    assert set(result.losses) >= {"style", "content", "tv"}
    seen.clear()
    result = stylize_video(clip, style, clip.with_name("keys.mp4"), QUICK, listen=lambda progress: seen.append(progress.stage))
    assert list(dict.fromkeys(seen)) == ["analyse", "paint"]
    assert seen.count("paint") == len(UNEVEN)
    assert result.losses == {}


def test_more_temporal_weight_gives_a_larger_kept_share():
    shares = [kept_share(weight) for weight in (0.0, 0.5, 1.0, 4.0)]
    assert shares == sorted(shares)
    assert (shares[0], shares[2]) == (0.0, KEEP)
    assert shares[3] < 1
