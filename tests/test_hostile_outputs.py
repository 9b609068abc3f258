"""Hostile outputs: no input is written to, by whatever name or link an output goes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.atomic import check_target, write_atomically
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.files import find_same
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import save_network
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection, plan_video
from vidstyle.video import probe


@pytest.fixture
def job(tmp_path: Path) -> tuple[Path, list[Style], Options]:
    clip = make_clip(tmp_path / "clip.mp4", frames=2)
    write_png(tmp_path / "style.png", torch.rand(3, 32, 32))
    save_network(PaintNetwork(width=8, blocks=1), tmp_path / "net.safetensors", {})
    options = Options(method="feedforward", network=tmp_path / "net.safetensors", device="cpu", size=32)
    return clip, [Style(tmp_path / "style.png")], options


@pytest.mark.parametrize("kind", ["itself", "symbolic", "hard"])
@pytest.mark.parametrize("victim", ["clip.mp4", "style.png", "net.safetensors"])
def test_no_input_is_written_to_by_any_name(tmp_path: Path, job: tuple[Path, list[Style], Options], victim: str,
                                            kind: str) -> None:
    source, styles, options = job
    target = tmp_path / "out.mp4"
    if kind == "symbolic":
        target.symlink_to(tmp_path / victim)
    elif kind == "hard":
        os.link(tmp_path / victim, target)
    else:
        target = tmp_path / victim
    before = (tmp_path / victim).read_bytes()
    with pytest.raises(OutputError, match="never written to"):
        plan_video(source, styles, target, options, Selection(), overwrite=True)
    assert (tmp_path / victim).read_bytes() == before


def test_the_temporary_name_of_an_output_is_not_an_input(tmp_path: Path, job: tuple[Path, list[Style], Options]) -> None:
    source, styles, options = job
    part = source.rename(tmp_path / "out.mp4.part")
    with pytest.raises(OutputError, match="temporary name"):
        plan_video(part, styles, tmp_path / "out.mp4", options, Selection())
    assert probe(part).frames == 2


def test_a_preview_sheet_does_not_replace_the_style(tmp_path: Path, job: tuple[Path, list[Style], Options], capsys) -> None:
    source, styles, _ = job
    before = styles[0].path.read_bytes()
    command = ["preview", str(source), "--style", str(styles[0].path), "-o", str(tmp_path / "style.mp4"), "--overwrite",
               "--method", "feedforward", "--network", str(tmp_path / "net.safetensors"), "--size", "32"]
    assert execute(command) == 4
    assert "never written to" in capsys.readouterr().err
    assert styles[0].path.read_bytes() == before


def test_a_network_file_is_not_another_input(job: tuple[Path, list[Style], Options]) -> None:
    source, styles, options = job
    with pytest.raises(UsageError, match="as well"):
        plan_video(source, styles, None, replace(options, network=source), Selection())
    with pytest.raises(UsageError, match=r"\.safetensors"):
        plan_video(source, styles, None, replace(options, network=source.with_name("new.pth")), Selection())


def test_a_link_in_place_of_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "a.png.part").symlink_to(tmp_path / "precious")
    write_png(tmp_path / "a.png", torch.zeros(3, 4, 4))
    assert (tmp_path / "precious").read_text() == "mine"
    with pytest.raises(OSError, match="No such file"):
        write_atomically(tmp_path / "none" / "a", b"x")


def test_two_names_of_one_file_are_recognised(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    os.link(clip, tmp_path / "b.mp4")
    (tmp_path / "c.mp4").symlink_to(clip)
    for name in ("b.mp4", "c.mp4", "../" + tmp_path.name + "/a.mp4"):
        assert find_same(tmp_path / name, [tmp_path / "none", clip]) == clip
    assert find_same(tmp_path / "none", [clip]) is None
    check_target(tmp_path / "new.mp4", clip, False, [tmp_path / "b.mp4"])


def test_a_batch_does_not_write_over_a_hard_link_of_its_own_clips(tmp_path: Path, job: tuple[Path, list[Style], Options],
                                                                 capsys) -> None:
    source, _, _ = job
    other = make_clip(tmp_path / "other.mp4", frames=2)
    (tmp_path / "out").mkdir()
    os.link(other, tmp_path / "out" / "clip_style.mp4")
    command = ["run", str(source), str(other), "--style", str(tmp_path / "style.png"), "-o", f"{tmp_path}/out/",
               "--overwrite", "--method", "feedforward", "--network", str(tmp_path / "net.safetensors"), "--strength", "0",
               "--size", "32"]
    assert execute(command) == 2
    assert "leave that clip out" in capsys.readouterr().err


@pytest.mark.parametrize("letters", [233, 236, 237, 251, 255])
def test_a_name_that_is_too_long_is_refused_before_painting(tmp_path: Path, letters: int) -> None:
    target = tmp_path / ("a" * (letters - 4) + ".mp4")
    fits = letters + len(".vidstyle.json.part") <= 255
    if fits:
        check_target(target, tmp_path / "source.mp4")
        target.with_name(target.name + ".vidstyle.json.part").touch()  # the file system takes it
        return
    with pytest.raises(OutputError, match=rf"{letters + 19 - 255} bytes too long .* give a shorter name with -o") as caught:
        check_target(target, tmp_path / "source.mp4")
    assert "\n" not in str(caught.value)


def test_names_count_in_bytes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        check_target(tmp_path / ("あ" * 79 + ".mp4"), tmp_path / "source.mp4")
