"""`run --from`: a job is painted again from its manifest, as it was or with changes, and what has changed since is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
import torch
from negative_method import Negative
from sequence_files import make_sequence
from stopped_runs import save_often
from test_configs import OTHER_VALUES
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.config import load_options
from vidstyle.core.errors import VidstyleError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.methods import METHODS
from vidstyle.painting.style_picture import Style
from vidstyle.run import manifest
from vidstyle.run.plan import plan_video
from vidstyle.run.repeat import read_job

RUN = ["run", "clip.mp4", "--style", "a.png:0.7", "--style", "b.png:0:0.3 9:1", "--frames", "2-5", "--strength", "0.5",
       "--device", "cpu"]
OUT = "clip_a_b_2-5.mp4"


def picture(path: Path, seed: int) -> Path:
    write_png(path, torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(seed)))
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a clip and two styles, where paintings are negatives."""
    monkeypatch.setitem(METHODS, Options().method, Negative())
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    make_clip(folder / "clip.mp4", frames=9, size=(48, 32), tags=(1, 1, 1, 1))
    for seed, name in enumerate(("a.png", "b.png", "c.png")):
        picture(folder / name, seed)
    return folder




@pytest.fixture
def painted(place: Path) -> Path:
    """A painting of a part of the clip, with options."""
    assert execute(RUN) == 0
    return place


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def record(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_name(f"{path.name}.vidstyle.json").read_text(encoding="utf-8"))
    return found


def change(path: Path, **values: Any) -> None:
    """Change what a manifest states."""
    name = path.with_name(f"{path.name}.vidstyle.json")
    name.write_text(json.dumps(record(path) | values), encoding="utf-8")


def pixels(path: Path) -> list[bytes]:
    with av.open(str(path)) as reader:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in reader.decode(video=0)]


def test_nothing_changed_gives_the_same_frames(painted: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert execute(["run", "--from", f"{OUT}.vidstyle.json"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["clip_a_b_2-5_2.mp4"]
    assert "All 4 frames are those of clip_a_b_2-5.mp4.vidstyle.json, bit for bit." in err
    assert "warning" not in err
    assert pixels(painted / OUT) == pixels(painted / "clip_a_b_2-5_2.mp4")
    before, after = record(painted / OUT), record(painted / "clip_a_b_2-5_2.mp4")
    assert {name: after[name] for name in ("styles", "options", "frames", "range", "frame_sha256")} == {
        name: before[name] for name in ("styles", "options", "frames", "range", "frame_sha256")}


def test_an_option_that_is_given_wins(painted: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert execute(["run", "--from", OUT, "--strength", "0.25", "--json"]) == 0
    result = last(capsys)
    assert (result["target"], result["frames"]) == ("clip_a_b_2-5_2.mp4", 4)
    assert (result["repeats"]["different"], result["repeats"]["first_different"]) == (4, 2)
    assert record(painted / "clip_a_b_2-5_2.mp4")["options"] == record(painted / OUT)["options"] | {"strength": 0.25}


def test_another_range_and_style_are_named_as_any_run_is(painted: Path):
    assert execute(["run", "--from", OUT, "--style", "c.png", "--frames", "0-2"]) == 0
    found = record(painted / "clip_c_0-2.mp4")
    assert [style["path"] for style in found["styles"]] == ["c.png"]
    assert (found["frames"], found["options"]["strength"]) == ([0, 2], 0.5)


def test_another_clip_is_painted_like_the_first_as_a_whole(painted: Path, capsys: pytest.CaptureFixture[str]):
    make_clip(painted / "next.mp4", frames=3, size=(48, 32), tags=(1, 1, 1, 1))
    capsys.readouterr()
    assert execute(["run", "next.mp4", "--from", OUT, "--json"]) == 0
    assert "repeats" not in last(capsys)
    found = record(painted / "next_a_b.mp4")
    assert (found["frames"], found["options"]["strength"], len(found["styles"])) == ([0, 2], 0.5, 2)


def test_a_folder_may_be_moved(painted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    shutil.move(painted, painted.with_name("there"))
    monkeypatch.chdir(painted.parent)
    capsys.readouterr()
    assert execute(["run", "--from", f"there/{OUT}.vidstyle.json", "--json"]) == 0
    assert last(capsys)["repeats"]["different"] == 0
    assert (painted.with_name("there") / "clip_a_b_2-5_2.mp4").is_file()


def test_an_output_that_is_gone_is_painted_again_under_its_name(painted: Path):
    (painted / OUT).unlink()
    assert execute(["run", "--from", f"{OUT}.vidstyle.json", "--strength", "1"]) == 0  # a change would replace the manifest
    assert not (painted / OUT).exists()
    assert record(painted / "clip_a_b_2-5_2.mp4")["options"]["strength"] == 1
    assert execute(["run", "--from", f"{OUT}.vidstyle.json"]) == 0
    assert (painted / OUT).exists()


def test_the_output_itself_is_replaced_only_where_that_is_asked_for(painted: Path):
    assert execute(["run", "--from", OUT, "--overwrite", "--strength", "1"]) == 0
    assert record(painted / OUT)["options"]["strength"] == 1
    assert execute(["run", "--from", OUT, "-o", OUT]) == 4


def test_changed_files_and_versions_are_named(painted: Path, capsys: pytest.CaptureFixture[str]):
    picture(painted / "b.png", 9)
    make_clip(painted / "clip.mp4", frames=10, size=(48, 32), tags=(1, 1, 1, 1))
    change(painted / OUT, versions=record(painted / OUT)["versions"] | {"torch": "0.0"})
    capsys.readouterr()
    assert execute(["run", "--from", OUT, "--json"]) == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    warnings = [line["message"] for line in lines if line["event"] == "warning"]
    assert [sentence.split(":")[0] for sentence in warnings] == [
        "The clip clip.mp4 has changed since", "The style b.png has changed since",
        f"{OUT}.vidstyle.json was painted otherwise"]
    assert "torch was 0.0 and is" in warnings[2]
    assert execute(["run", "--from", OUT, "--style", "c.png", "--json"]) == 0
    assert "The style" not in capsys.readouterr().out


def test_the_first_frame_that_differs_is_named(painted: Path, capsys: pytest.CaptureFixture[str]):
    hashes = record(painted / OUT)["frame_sha256"]
    change(painted / OUT, frame_sha256=[*hashes[:2], "0" * 64, hashes[3]], threads={"torch": 99})
    capsys.readouterr()
    assert execute(["run", "--from", OUT]) == 0
    err = capsys.readouterr().err
    assert f"1 of 4 frames differ from those of {OUT}.vidstyle.json; the first is frame 4 (threads was 99 and is " in err


def test_a_sequence_is_repeated_by_the_numbers_of_its_files(place: Path, capsys: pytest.CaptureFixture[str]):
    make_sequence(place, range(1001, 1006))
    assert execute(["run", "shot.####.png", "--style", "a.png", "--frames", "1002-1004", "--device", "cpu"]) == 0
    manifests = [place / "shot_a.vidstyle.json", place / "old.vidstyle.json"]
    old = json.loads(manifests[0].read_text())
    for name in ("range", "file_options"):  # as earlier versions wrote it
        del old[name]
    manifests[1].write_text(json.dumps(old))
    for number, path in enumerate(manifests, 2):
        capsys.readouterr()
        assert execute(["run", "--from", path.name, "--json"]) == 0
        result = last(capsys)
        assert (result["target"], result["frames"], result["repeats"]["different"]) == (f"shot_a_{number}.####.png", 3, 0)
    assert sorted(path.name for path in place.glob("shot_a_2.*.png")) == [f"shot_a_2.100{n}.png" for n in (2, 3, 4)]


def test_a_stopped_repetition_of_images_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch):
    make_sequence(place, range(1001, 1006))
    words = ["run", "--from", "shot_a.vidstyle.json", "--json"]
    assert execute(["run", "shot.####.png", "--style", "a.png", "--device", "cpu"]) == 0
    save_often(monkeypatch)
    painted = Negative.build

    def stopping(self: Negative, job: Any) -> Any:
        painter = painted(self, job)

        def stylize(frame: Any, priors: Any) -> Any:
            if frame.index == 3:
                raise KeyboardInterrupt
            return painter.stylize(frame, priors)

        return replace(painter, stylize=stylize)

    with monkeypatch.context() as patch:
        patch.setattr(Negative, "build", stopping)
        assert execute(words) == 130
    assert len(list(place.glob("shot_a_2.*.png"))) == 3
    assert execute(words) == 0
    assert len(list(place.glob("shot_a_2.*.png"))) == 5
    assert not list(place.glob("shot_a_3.*"))


def test_a_preview_of_the_middle_becomes_the_whole_clip(place: Path, capsys: pytest.CaptureFixture[str]):
    make_clip(place / "long.mp4", frames=30, size=(48, 32), tags=(1, 1, 1, 1))
    assert execute(["preview", "long.mp4", "--style", "a.png", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert execute(["run", "--from", "long_a_preview.mp4", "--json"]) == 0
    result = last(capsys)
    assert (result["target"], result["frames"]) == ("long_a.mp4", 30)
    assert (result["repeats"]["compared"], result["repeats"]["different"]) == (24, 0)


def test_sound_is_found_from_another_folder(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    make_clip(place / "music.mp4", frames=9, sound=[("aac", None)])
    assert execute(["run", "clip.mp4", "--style", "a.png", "--audio", "music.mp4", "-o", "out/x.mp4", "--device", "cpu"]) == 0
    monkeypatch.chdir(place.parent)
    capsys.readouterr()
    assert execute(["run", "--from", "here/out/x.mp4", "--json"]) == 0
    assert last(capsys)["repeats"]["different"] == 0
    with av.open(str(place / "out" / "x_2.mp4")) as reader:
        assert len(reader.streams.audio) == 1


@pytest.mark.parametrize(
    ("prepare", "code", "sentence"),
    [
        (lambda place: (place / "clip.mp4").unlink(), 3, "clip.mp4, which is not there any more; name the clip"),
        (lambda place: (place / "b.png").unlink(), 3, "b.png, which is not there any more"),
        (lambda place: change(place / OUT, format=2), 2, "has format 2, and this version of vidstyle reads up to 1"),
        (lambda place: change(place / OUT, styles=None), 3, "is not a manifest that vidstyle wrote"),
        (lambda place: change(place / OUT, options={"hatching": 3}), 2, "states hatching, which this version"),
        (lambda place: change(place / OUT, options={"strength": 7}), 2, "strength: strength is 7.0; give a value from 0 to 1"),
        (lambda place: change(place / OUT, network="ab" * 32, fitted=False), 2, "with a network (SHA-256 abababababab)"),
        (lambda place: (place / f"{OUT}.vidstyle.json").write_text("[]"), 3, "is not a manifest that vidstyle wrote"),
        (lambda place: (place / f"{OUT}.vidstyle.json").unlink(), 3, "cannot be read (no such file or directory)"),
    ],
)
def test_what_is_wrong_is_one_sentence(prepare: Any, code: int, sentence: str, painted: Path,
                                       capsys: pytest.CaptureFixture[str]):
    prepare(painted)
    capsys.readouterr()
    assert execute(["run", "--from", f"{OUT}.vidstyle.json"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err.splitlines()[-1]
    assert sum(line.startswith("vidstyle:") for line in err.splitlines()) == 1


def test_a_clip_is_needed_without_a_job(place: Path, capsys: pytest.CaptureFixture[str]):
    assert execute(["run", "--style", "a.png"]) == 2
    assert capsys.readouterr().err == "vidstyle: No clip is given; name one, or a painting to repeat with --from.\n"


FURTHER = {"matte": '["mask.png", "mask.mov=a.png", "title.png=none"]', "strength": '"0:0 48:1 ease"',
           "flow": '"raft-small=weights.pth"', "audio": '"music.wav"'}


def test_every_option_has_a_value_here():
    assert OTHER_VALUES.keys() | FURTHER.keys() == {each.name for each in fields(Options)}


@pytest.mark.parametrize(("name", "value"), [
    *((name, value) for name, (value, _) in OTHER_VALUES.items() if name != "device"), *FURTHER.items()])
def test_every_option_survives_the_manifest(name: str, value: str, place: Path, monkeypatch: pytest.MonkeyPatch):
    config = place / "other.toml"
    config.write_text(f"{name} = {value}")
    options = load_options(config=config)
    for file in ("net.safetensors", "scene.safetensors"):
        (place / file).write_bytes(b"weights")
    monkeypatch.setattr(manifest, "_weights", lambda encoder, flow: {})
    target = place / "far" / "off" / "out.mp4"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"movie")
    plan = plan_video(place / "clip.mp4", [Style(place / "a.png")], target, replace(Options(), device="cpu"), overwrite=True)
    plan = replace(plan, options=replace(options, device="cpu"))
    log: Any = SimpleNamespace(facts=[], images=[])
    manifest.write_manifest(plan, manifest.describe_run(plan), target, log, None, {})
    monkeypatch.chdir(place.parent)  # names of files do not depend on it
    found = read_job(target.with_name("out.mp4.vidstyle.json")).options
    assert getattr(found, name) == getattr(options, name) != getattr(Options(), name)
    assert replace(found, **{name: getattr(Options(), name)}) == Options()


def test_a_named_file_of_an_old_manifest_is_as_the_command_line_gave_it(painted: Path):
    change(painted / OUT, options=record(painted / OUT)["options"] | {"flow": "raft-small=mine.pth"}, file_options={})
    assert read_job(OUT).options.flow == "raft-small=mine.pth"
    with pytest.raises(VidstyleError, match=r"^none\.mp4\.vidstyle\.json: cannot be read"):
        read_job("none.mp4")
