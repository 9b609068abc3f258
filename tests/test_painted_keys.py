"""Painted key frames: they come out as they went in, lead their shot and no other, and are checked before any painting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from stopped_runs import save_often, until
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import VidstyleError
from vidstyle.core.images import read_image, write_png
from vidstyle.core.options import Options
from vidstyle.core.parse import KeyPicture, parse_key
from vidstyle.core.timecode import Timecode
from vidstyle.painting.exemplar import Exemplar
from vidstyle.painting.keyed import KeyedShots, paint_with_keys
from vidstyle.painting.style_picture import Style
from vidstyle.run.finish import frame_hash
from vidstyle.run.parts import join, paint_part, split
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.video import open_source

FRAMES, SIZE = 36, (64, 48)
KEYS = (6, CUTS[0], 22)  # one in the first shot, two in the second, none in the third


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three shots, a style, paintings of three of its frames, and `whole.mp4`, painted with them."""
    folder = tmp_path_factory.mktemp("painted")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, picture=shots)
    random = torch.Generator().manual_seed(0)
    write_png(folder / "style.png", torch.rand(3, 24, 32, generator=random).repeat_interleave(6, 1).repeat_interleave(6, 2))
    for frame in open_source(folder / "clip.mp4").decode():
        if frame.index in KEYS:  # every code changed, and noise that no filter of the program makes
            write_png(folder / f"k_{frame.index:04}.png", (1 - frame.image).flip(0) * torch.rand(frame.image.shape,
                                                                                                 generator=random))
    paint(folder, "whole.mp4", key(folder, *KEYS))
    return folder


def key(folder: Path, *numbers: int, **more: object) -> Options:
    pictures = tuple(KeyPicture(number, folder / f"k_{number:04}.png") for number in numbers)
    return replace(Options(method="palette", size=64, device="cpu", crf=0, key=pictures), **more)


def paint(folder: Path, name: str, options: Options, styles: Sequence[str] = ("style.png",), **more: object) -> list[str]:
    """Hashes of the painted frames."""
    return list(stylize_video(folder / "clip.mp4", [Style(folder / style) for style in styles], folder / name, options,
                              **more).frame_hashes)


def whole(folder: Path) -> list[str]:
    return json.loads((folder / "whole.mp4.vidstyle.json").read_text())["frame_sha256"]


def test_a_painting_comes_out_as_it_went_in(folder: Path):
    for number in KEYS:
        assert whole(folder)[number] == frame_hash(read_image(folder / f"k_{number:04}.png"))


def test_strokes_drawn_anew_keep_their_share(folder: Path):
    """With half of the strokes, a drawing of what no painting shows lies halfway from its colours to all strokes."""
    [frame, other] = open_source(folder / "clip.mp4").decode(6, 7)
    shots = KeyedShots(lambda index: (6,), lambda index: Exemplar(frame.image, read_image(folder / "k_0006.png")))
    shown = []
    for strokes in (0.0, 0.5, 1.0):
        keys = paint_with_keys(shots, None, Options(boil="ones" if strokes else "none", strokes=strokes)).key_frames
        assert keys is not None
        painting = keys.paint(other, None)
        shown.append(keys.show(other, painting if keys.redraw is None else keys.redraw(other, painting)))
    colours, half, strokes = shown
    assert (strokes - colours).abs().mean() > 0.05
    torch.testing.assert_close(half, (colours + strokes) / 2)


def test_a_key_belongs_to_its_shot(folder: Path):
    unkeyed = paint(folder, "unkeyed.mp4", key(folder))
    differ = [number for number, (one, other) in enumerate(zip(whole(folder), unkeyed, strict=True)) if one != other]
    assert differ == list(range(CUTS[1]))


@pytest.mark.parametrize("stop", [3, 24])
def test_a_stopped_run_goes_on_to_the_same_file(folder: Path, monkeypatch: pytest.MonkeyPatch, stop: int):
    save_often(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        paint(folder, f"stopped{stop}.mp4", key(folder, *KEYS), listen=until(stop))
    assert paint(folder, f"stopped{stop}.mp4", key(folder, *KEYS)) == whole(folder)


def test_a_stopped_run_does_not_go_on_with_another_painting(folder: Path, monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        paint(folder, "other.mp4", key(folder, *KEYS), listen=until(2))
    with pytest.raises(VidstyleError, match=r"key 22 was .* and is not set"):
        paint(folder, "other.mp4", key(folder, *KEYS[:2]))


@pytest.mark.parametrize(("first", "last"), [(2, 8), (18, 20), (24, 27)])
def test_a_range_is_a_slice_of_the_full_run(folder: Path, first: int, last: int):
    part = paint(folder, f"part{first}.mp4", key(folder, *KEYS), selection=Selection((first, last)))
    assert part == whole(folder)[first:last + 1]


def test_preroll_begins_with_a_painted_key_frame(folder: Path):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "p.mp4", key(folder, *KEYS),
                      Selection((24, 27)))
    assert plan.start.frame == 22
    assert "a painted key frame" in plan.start.reason


def test_parts_make_the_same_frames(folder: Path):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "parts.mp4", key(folder, *KEYS))
    parts = split(plan, 4)
    assert [first for first, _ in parts] == [0, *CUTS]
    assert list(join(plan, [paint_part(plan, part) for part in parts]).frame_hashes) == whole(folder)


def test_without_a_style_the_paintings_are_the_style(folder: Path):
    for styles in ((), ("style.png",)):
        plan = plan_video(folder / "clip.mp4", [Style(folder / style) for style in styles], None, key(folder, *KEYS, forms=0.5,
                          method="optimize"), Selection((0, CUTS[1] - 1)), given={"forms", "key"})
        assert plan.target.name == f"clip_{'style' if styles else 'painted'}_0-{CUTS[1] - 1}.mp4"
        [warning] = [warning for warning in plan.warnings if "no effect" in warning]
        assert warning.startswith(f"--forms{', --style have' if styles else ' has'} no effect")
    assert paint(folder, "bare.mp4", key(folder, *KEYS), (), selection=Selection((0, CUTS[1] - 1))) == whole(folder)[:CUTS[1]]
    with pytest.raises(VidstyleError, match=rf"shot of frames {CUTS[1]}-35 has no painted key frame, and no style is given"):
        plan_video(folder / "clip.mp4", [], None, key(folder, *KEYS))


@pytest.mark.parametrize("method", ["feedforward", "optimize"])
def test_where_every_frame_is_painted_a_key_is_one_of_them(folder: Path, method: str):
    options = key(folder, CUTS[0], method=method, strokes=0.0, forms=1.0 if method == "optimize" else None, key_every=1,
                  fit_steps=1, optimize_steps=2, follow_steps=1)
    found = [paint(folder, f"{method}{len(each.key)}.mp4", each, selection=Selection((CUTS[0] - 1, CUTS[0] + 1)))
             for each in (options, replace(options, key=()))]
    assert found[0][0] == found[1][0]
    assert found[0][1] == whole(folder)[CUTS[0]]
    assert found[0][2] != found[1][2]


def test_what_is_transparent_is_not_painted(folder: Path):
    [frame] = open_source(folder / "clip.mp4").decode(6, 6)
    pixels = cv2.imread(str(folder / "k_0006.png"))
    alpha = np.zeros((*pixels.shape[:2], 1), np.uint8)
    alpha[:, :20] = 255
    cv2.imwrite(str(folder / "clear.png"), np.concatenate([pixels, alpha], 2))
    options = replace(key(folder), key=(KeyPicture(6, folder / "clear.png"),))
    expected = frame.image.clone()
    expected[..., :20] = read_image(folder / "k_0006.png")[..., :20]
    assert paint(folder, "clear.mp4", options, selection=Selection((6, 6))) == [frame_hash(expected)]


def test_keys_by_number_and_by_time_are_the_same(folder: Path):
    rate = open_source(folder / "clip.mp4").clip.average_rate
    by_time = tuple(parse_key(f"{at}={folder / 'k_0022.png'}") for at in (f"{float(22 / rate)}s", "00:00:00:22"))
    for pictures in by_time:
        options = replace(key(folder, 6, CUTS[0]), key=(*key(folder, 6, CUTS[0]).key, pictures))
        assert [each.index for each in plan_video(folder / "clip.mp4", [], None, options, Selection((0, 1))).keys] == [*KEYS]
    options = replace(key(folder), keys=folder / "k_####.png")
    assert [each.number for each in plan_video(folder / "clip.mp4", [], None, options, Selection((0, 1))).keys] == [*KEYS]


def test_a_key_is_a_number_or_a_time():
    assert parse_key("12=a=b.png") == KeyPicture(12, Path("a=b.png"))
    assert parse_key("0.5s=a.png") == KeyPicture(0.5, Path("a.png"))
    assert parse_key("00:00:01:02=a.png").at == Timecode(0, 0, 1, 2, drop=False)
    for text in ("12=a=b.png", "0.5s=a.png", "00:00:01:02=a.png"):
        assert str(parse_key(text)) == text  # as a manifest states it
    for text in ("a.png", "=a.png", "12="):
        with pytest.raises(VidstyleError, match="names no frame and painting"):
            parse_key(text)
    with pytest.raises(VidstyleError, match="neither the number of a frame nor a time"):
        parse_key("x=a.png")


@pytest.mark.parametrize(("words", "message"), [
    (["--key", "36=k_0006.png"], "--key k_0006.png: frame 36 is not in the clip, which has frames 0-35"),
    (["--key", "99s=k_0006.png"], "no frame is displayed then"),
    (["--key", "6=k_0006.png", "--key", "6=k_0022.png"], "Frame 6 has two painted key frames, k_0006.png and k_0022.png"),
    (["--key", "6=k_0006.png", "--keys", "k_####.png"], "Frame 6 has two painted key frames"),
    (["--key", "6=none.png"], "none.png: cannot be read"),
    (["--key", "6=broken.png"], "broken.png: is not an image that can be read"),
    (["--key", "6=wide.png"], "wide.png: is 64x40, another shape than the clip"),
    (["--key", "6=dot.png"], "dot.png: is 1x1, another shape than the clip"),
    (["--key", "6=unpainted.png"], "unpainted.png: is transparent everywhere"),
    (["--keys", "none_####.png"], "none_####.png: no such images are there"),
    (["--keys", "k_0006.png"], "--keys k_0006.png has no place for a number"),
    (["--keys", "k_####.png", "-o", "k_0006.png"], "k_0006.png"),
])
def test_a_wrong_key_is_one_sentence_before_any_painting(folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str],
                                                         message: str, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(folder)
    (folder / "broken.png").write_bytes(b"no image")
    write_png(folder / "wide.png", torch.rand(3, 40, 64))
    write_png(folder / "dot.png", torch.rand(3, 1, 1))
    cv2.imwrite(str(folder / "unpainted.png"), np.zeros((48, 64, 4), np.uint8))
    before = sorted(folder.iterdir())
    assert execute(["run", "clip.mp4", "--style", "style.png", *words]) in (2, 3, 4)
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vidstyle: ")]
    assert message in line
    assert sorted(folder.iterdir()) == before


def test_a_painting_larger_than_the_painted_size_is_named(folder: Path):
    write_png(folder / "large.png", torch.rand(3, 96, 128))
    options = replace(key(folder), key=(KeyPicture(6, folder / "large.png"),))
    plan = plan_video(folder / "clip.mp4", [], folder / "l.mp4", options, Selection((0, 3)))
    assert any("lose detail at the painted size 64x48" in warning for warning in plan.warnings)
    # The least size is square, and the painting has the clip's shape all the same.
    assert plan_video(folder / "clip.mp4", [], None, replace(options, size=16), Selection((0, 3))).paint_size == (16, 16)


def test_paintings_are_variants_without_a_style(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    words = ["--frames", f"{CUTS[0]}-24", "--method", "palette", "--size", "64", "--device", "cpu", "-o", "variants.png"]
    assert execute(["preview", "clip.mp4", "--vary", f"key={CUTS[0]}=k_0014.png,22=k_0022.png", *words]) == 0
    found = json.loads((folder / "variants.json").read_text())["variants"]
    assert [each["label"] for each in found] == ["key 14=k_0014.png", "key 22=k_0022.png"]
    assert len({each["frame_sha256"] for each in found}) == 2
    assert execute(["preview", "clip.mp4", "--vary", "strokes=0,1", *words]) == 2  # neither a style nor paintings


def test_the_frames_to_paint_are_read_back(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = ["keys", str(folder / "clip.mp4"), "-o", str(tmp_path / "keys"), "--json"]
    assert execute(command) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    numbers = [each["frame"] for each in result["keys"]]
    assert {0, *CUTS} <= set(numbers)
    for each in result["keys"]:
        [frame] = open_source(folder / "clip.mp4").decode(each["frame"], each["frame"])
        assert torch.equal((read_image(Path(each["path"])) * 255).round(), (frame.image * 255).round())
    options = replace(key(folder), keys=Path(result["pattern"]))
    plan = plan_video(folder / "clip.mp4", [], tmp_path / "out.mp4", options)
    assert [each.number for each in plan.keys] == numbers
    assert plan.all_keyed
    assert execute(command) == 4  # they may be painted already
    assert "exists already, and may be painted" in capsys.readouterr().err
