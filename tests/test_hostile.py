"""Hostile clips: nothing but the input is opened, names are names, and text in a file stays text."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hostile_files import SCRIPTS, one_sentence, with_reference
from video_clips import make_clip, write_sound

from vidstyle.cli import execute
from vidstyle.core.config import load_options
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.files import check_plain
from vidstyle.core.images import read_image
from vidstyle.models.registry import load_state_dict
from vidstyle.painting.feedforward.network_file import load_network
from vidstyle.video import open_source, probe


def opened_by(command: list[str], log: Path) -> str:
    """Every file name that `command` opens and every address that it calls, as the kernel saw them."""
    tracer = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=open,openat,connect", "-o", str(log)]
    subprocess.run([*tracer, sys.executable, *command], check=False, capture_output=True, timeout=300)
    return log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_named_as_a_clip_or_an_image_is_refused(tmp_path: Path, name: str, extension: str) -> None:
    canary = make_clip(tmp_path / "canary.mp4", frames=2)
    path = tmp_path / f"clip{extension}"
    path.write_text(SCRIPTS[name].format(canary=canary))
    before = os.stat(canary).st_atime_ns
    for read in (probe, read_image):
        with pytest.raises(InputError) as caught:
            read(path)
        assert one_sentence(caught.value)
    assert os.stat(canary).st_atime_ns == before


def test_nothing_but_the_input_is_opened(tmp_path: Path) -> None:
    if subprocess.run(["sh", "-c", "command -v strace && strace -o /dev/null true"], capture_output=True).returncode:
        pytest.skip("strace is not here or may not trace")
    canary = make_clip(tmp_path / "canary.mp4", frames=2)
    paths = [with_reference(make_clip(tmp_path / "reference.mp4", frames=2), canary)]
    for number, text in enumerate(SCRIPTS.values()):
        paths.append(tmp_path / f"script{number}.mp4")
        paths[-1].write_text(text.format(canary=canary))
    program = ("import sys, pathlib, vidstyle.video as v, vidstyle.core.errors as e\n"
               "for name in sys.argv[1:]:\n"
               "    try: list(v.open_source(pathlib.Path(name)).decode())\n"
               "    except e.VidstyleError: pass\n")
    seen = opened_by(["-c", program, *map(str, paths)], tmp_path / "trace")
    assert all(str(path) in seen for path in paths)  # the trace works
    assert str(canary) not in seen
    assert "AF_INET" not in seen


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    for read, path in ((probe, tmp_path / "pipe.mp4"), (read_image, tmp_path / "pipe.png"), (probe, Path("/dev/zero")),
                       (read_image, Path("/dev/zero")), (load_network, Path("/dev/zero")), (probe, Path("a\0b.mp4")),
                       (load_state_dict, Path("/dev/zero")), (load_network, tmp_path / "pipe.mp4"),
                       (probe, tmp_path / "circle.mp4")):
        with pytest.raises(InputError) as caught:
            read(path)
        assert one_sentence(caught.value)
    with pytest.raises(UsageError, match="not a plain file"):
        load_options(config=tmp_path / "pipe.png")
    assert check_plain(make_clip(tmp_path / "a.mp4", frames=1), "a video file") > 0


@pytest.mark.parametrize("name", ["a:b.mp4", "-x.mp4", "file:a.mp4", "concat:a|b.mp4", "http:x.mp4", "subfile,,start,0.mp4",
                                  "%04d.mp4", "a b'c\"d;$(x).mp4", "päinting.mp4", "line\nbreak.mp4"])
def test_special_characters_in_file_names_have_no_meaning(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip(tmp_path / "plain.mp4", frames=2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(open_source(Path(name)).decode())) == 2


def test_a_name_that_begins_with_a_dash_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    make_clip(tmp_path / "plain.mp4", frames=2).rename(tmp_path / "-x.mp4")
    monkeypatch.chdir(tmp_path)
    assert execute(["probe", "--", "-x.mp4"]) == 0
    assert "-x.mp4" in capsys.readouterr().out


def test_text_in_a_file_does_not_control_the_terminal(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        track = sink.add_stream("mp2", rate=48000, layout="mono")
        track.metadata["title"] = "\x1b[2J\x1b]0;owned\x07\r"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
        write_sound(sink, track, 0.1)
    assert execute(["probe", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "owned" in printed
    assert "\x1b" not in printed
    assert "\r" not in printed


def test_sound_of_an_unknown_codec_is_reported(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2, sound=[("aac", None)])
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    source = open_source(path)
    assert [track.codec for track in source.clip.audio] == ["zzzz"]
    assert len(list(source.decode())) == 2
