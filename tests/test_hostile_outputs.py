"""Hostile outputs: no input is written to, by whatever name or link an output goes."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.atomic import check_folder, check_target, write_atomically
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.files import find_same
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.models.registry import load_state_dict
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import read_network, save_network
from vidstyle.painting.palette import Palette
from vidstyle.painting.palette_file import load_palette, save_palette
from vidstyle.painting.style_picture import Style, read_styles
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.resume.memories import pack_memories, unpack_memories
from vidstyle.run.verify import verify
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


@pytest.mark.parametrize(("victim", "given", "what"), [
    ("clip.mp4", "", "the clip"),
    ("style.png", "", "a style picture"),
    ("frame.png", "--key 0=frame.png", "the painting of frame 0"),
    ("key.####.png", "--keys key.####.png --frames 1-1", "the painting of frame 1"),
    ("frame.png", "--matte frame.png=none", "a file of matte 1"),
    ("grey_compare.mp4", "--matte grey_compare.mp4=none --compare side", "a file of matte 1"),
    ("frame.png", "--color match --color-from frame.png", "the file of --color-from"),
    ("frame.png", "--stroke-size frame.png", "the file of --stroke-size"),
    ("net.mp4", "--method feedforward --network net.safetensors", "the network"),
])
def test_a_file_that_is_read_is_named_by_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys,
                                                    job: tuple[Path, list[Style], Options], victim: str, given: str,
                                                    what: str) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("frame.png", "key.0001.png"):
        write_png(Path(name), torch.rand(3, 64, 96))
    make_clip(Path("grey_compare.mp4"), frames=2)
    Path("net.mp4").symlink_to("net.safetensors")
    output = "grey.mp4" if victim == "grey_compare.mp4" else victim
    command = f"run clip.mp4 --style style.png --size 32 --frames 0-0 --overwrite -o {output} {given}"
    assert execute(command.split()) == 4
    file = {"key.####.png": "key.0001.png"}.get(victim, victim)
    link = " (net.safetensors)" if victim == "net.mp4" else ""
    assert (f"vidstyle: {file}: is {what}{link}, and what is read is never written to; name another output."
            in capsys.readouterr().err)


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
    check_target(tmp_path / "new.mp4", {"the clip": [clip, tmp_path / "b.mp4"]})


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
        check_target(target, {})
        target.with_name(target.name + ".vidstyle.json.part").touch()  # the file system takes it
        return
    with pytest.raises(OutputError, match=rf"{letters + 19 - 255} bytes? too long .* give a shorter name with -o") as caught:
        check_target(target, {})
    assert "\n" not in str(caught.value)


def test_names_count_in_bytes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        check_target(tmp_path / ("あ" * 79 + ".mp4"), {})


def test_names_of_folders_are_checked_before_painting(tmp_path: Path) -> None:
    check_folder(tmp_path / ("a" * 255) / "new" / "out.mp4")
    (tmp_path / ("a" * 255)).mkdir()  # the file system takes it
    with pytest.raises(OutputError, match=r"the name of the folder a+ is 1 byte too long; give a shorter one"):
        check_folder(tmp_path / ("a" * 256) / "new" / "out.mp4")


@pytest.mark.parametrize(("name", "compare", "said"), [
    ("y" * 231 + ".####.png", "none", "-o"),  # the name of the pattern, beside which work is looked for
    ("w" * 225 + ".mp4", "side", "-o"),  # that of the review movie, in a folder that is not there yet
])
def test_every_derived_name_is_checked_before_painting(tmp_path: Path, job: tuple[Path, list[Style], Options], name: str,
                                                       compare: str, said: str) -> None:
    source, styles, options = job
    with pytest.raises(OutputError, match=rf"too long for those of the files beside it; give a shorter name with {said}"):
        plan_video(source, styles, tmp_path / "new" / name, replace(options, compare=compare))


def test_a_long_name_of_a_new_network_is_refused(tmp_path: Path, job: tuple[Path, list[Style], Options]) -> None:
    source, styles, options = job
    long = replace(options, network=tmp_path / ("n" * 244 + ".safetensors"))
    with pytest.raises(OutputError, match=r"20 bytes too long .* give a shorter name with --network"):
        plan_video(source, styles, tmp_path / "out.mp4", long)


@pytest.mark.parametrize("words", [["run", "{}.mp4", "--style", "style.png"], ["run", "clip.mp4", "--style", "{}.png"],
                                   ["batch", "{}*.mp4", "--style", "style.png"], ["verify", "{}"]])
def test_an_input_whose_name_no_file_system_takes_is_not_found(tmp_path: Path, job: tuple[Path, list[Style], Options],
                                                               words: list[str], monkeypatch: pytest.MonkeyPatch,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert execute([word.format("k" * 300) for word in words]) == 3
    assert "our bug" not in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name of a file is text")
@pytest.mark.parametrize("command", ["run", "batch"])
def test_names_that_are_not_utf_8_are_taken_as_their_bytes(tmp_path: Path, job: tuple[Path, list[Style], Options],
                                                           capsysbinary: pytest.CaptureFixture[bytes], command: str) -> None:
    _, [style], _ = job
    name = os.fsdecode(b"caf\xe9")  # Latin-1
    folder = tmp_path / name
    folder.mkdir()
    if command == "run":
        for number in (1035, 1036):
            write_png(folder / f"{name}.{number}.png", torch.rand(3, 32, 32))
        given, target = folder / f"{name}.####.png", folder / f"{name}_style.####.png"
    else:
        make_clip(folder / f"{name}.mp4", frames=2)
        given, target = folder, folder / f"{name}_style.mp4"
    code = execute([command, str(given), "--style", str(style.path), "--method", "palette", "--strength", "0", "--size", "32",
                    "--device", "cpu", *(["--same-look"] if command == "batch" else [])])
    capsysbinary.readouterr()  # pytest-xdist cannot send text that is not UTF-8
    assert code == 0
    assert all(check.good for check in verify(target))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name of a file is text")
def test_tensors_are_read_from_files_whose_names_are_not_utf_8(tmp_path: Path, job: tuple[Path, list[Style], Options]) -> None:
    folder = tmp_path / os.fsdecode(b"r\xe9sum\xe9")
    folder.mkdir()
    palette = Palette(torch.eye(3), *torch.rand(3, 3))
    styles = read_styles(job[1])
    save_palette(folder / "palette.safetensors", palette, styles)
    assert torch.equal(load_palette(folder / "palette.safetensors", styles).matrix, palette.matrix)
    network = folder / "net.safetensors"
    network.write_bytes((tmp_path / "net.safetensors").read_bytes())
    weights = load_state_dict(network)
    state = read_network(network)[0].state_dict()
    assert weights.keys() == state.keys()
    assert all(torch.equal(weights[key], state[key]) for key in state)
    (folder / "memories").write_bytes(pack_memories([]))
    assert unpack_memories(folder / "memories", "cpu") == []
