"""The command line with everything behind it: small clips are made, painted and read back."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from fake_pipeline import ROOT

QUICK = ["--size", "64", "--device", "cpu"]
FITTED = ["--method", "feedforward", "--fit-steps", "2"]
FRAMES = 12
PTS = [0, 1, 2, 4, 5, 7, 8, 9, 10, 12, 13, 14]
"""Uneven, so that a constant frame rate put in their place would show."""


def vidstyle(*words: object, cwd: Path, command: Sequence[str] = ("-m", "vidstyle")) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, in its own process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *command, *map(str, words)], cwd=cwd, env=environment,
                          capture_output=True, text=True, timeout=300)


def write_clip(path: Path, frames: int = FRAMES) -> None:
    """A square moving over noise, 64x48, at the times `PTS`."""
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 48, "yuv420p", Fraction(1, 25)
        for number in range(frames):
            picture = noise.copy()
            picture[10:30, 3 * number % 44 : 3 * number % 44 + 20] = (200, 40, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = PTS[number] if frames == FRAMES else number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def write_png(path: Path, picture: np.ndarray) -> None:
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "rgb24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mp4")
    picture = np.random.default_rng(1).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    write_png(tmp_path / "style.png", picture)
    return tmp_path


@pytest.mark.parametrize("method", [[], FITTED], ids=["default", "feedforward"])
def test_run_keeps_every_frame_and_its_time(folder: Path, method: list[str]):
    done = vidstyle("run", "clip.mp4", "--style", "style.png", *QUICK, *method, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "clip_style.mp4\n"
    assert times(folder / "clip_style.mp4") == times(folder / "clip.mp4")
    assert {path.name for path in folder.iterdir()} == {
        "clip.mp4", "style.png", "clip_style.mp4", "clip_style.mp4.vidstyle.json"
    }  # fmt: skip


@pytest.mark.parametrize(("words", "count"), [(["--frames", "2-4"], 3), (["--start", "0.16", "--end", "0.32"], 3)])
def test_a_range(words: list[str], count: int, folder: Path):
    done = vidstyle("run", "clip.mp4", "--style", "style.png", *QUICK, *words, "-o", "out.mp4", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(times(folder / "out.mp4")) == count


def test_the_same_command_gives_the_same_pixels(folder: Path):
    hashes = []
    for name in ("one.mp4", "two.mp4"):
        done = vidstyle("run", "clip.mp4", "--style", "style.png", *QUICK, "--json", "-o", name, cwd=folder)
        last = json.loads(done.stdout.splitlines()[-1])
        assert (last["event"], last["frames"]) == ("result", FRAMES)
        hashes.append(last["frame_hashes"])
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == FRAMES


def test_a_run_does_what_the_dry_run_printed(folder: Path):
    before = sorted(folder.iterdir())
    words = ["run", "clip.mp4", "--style", "style.png", *QUICK, "--frames", "1-3", "--json"]
    plan = json.loads(vidstyle(*words, "--dry-run", cwd=folder).stdout.splitlines()[-1])["plans"][0]
    assert sorted(folder.iterdir()) == before
    result = json.loads(vidstyle(*words, cwd=folder).stdout.splitlines()[-1])
    assert (plan["target"], plan["count"]) == (result["target"], result["frames"])


def test_preview(folder: Path):
    done = vidstyle("preview", "clip.mp4", "--style", "style.png", *QUICK, "--count", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    movie, sheet = done.stdout.splitlines()
    assert len(times(folder / movie)) == FRAMES
    assert (folder / sheet).read_bytes().startswith(b"\x89PNG")


def test_probe(folder: Path):
    clip = json.loads(vidstyle("probe", "clip.mp4", "--json", cwd=folder).stdout)["clip"]
    assert (clip["frames"], clip["width"], clip["height"]) == (FRAMES, 64, 48)
    assert "h264" in vidstyle("probe", "clip.mp4", cwd=folder).stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["none.mp4", "--style", "style.png"], 3),
        (["text.mp4", "--style", "style.png"], 3),
        (["clip.mp4", "--style", "none.png"], 3),
        (["clip.mp4", "--style", "text.mp4"], 3),
        (["clip.mp4", "--style", "style.png", "-o", "text.mp4"], 4),
        (["clip.mp4", "--style", "style.png", "-o", "text.mp4/out.mp4"], 4),
        (["clip.mp4", "--style", "style.png", "--frames", "90-99"], 2),
        (["clip.mp4", "--style", "style.png", "--device", "cuda:77"], 6),
        (["text.mp4", "clip.mp4", "--style", "style.png", *QUICK], 5),
    ],
)
def test_an_impossible_command_is_one_sentence(words: list[str], code: int, folder: Path):
    (folder / "text.mp4").write_text("no video at all\n")
    done = vidstyle("run", *words, cwd=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("vidstyle: ")
    assert (folder / "text.mp4").read_text() == "no video at all\n"
    assert not list(folder.glob("*.part"))


INTERRUPTED = """
import os, signal
from vidstyle.cli import main
from vidstyle.video.write.sink import MovieSink
write = MovieSink.write

def write_and_interrupt(sink, frame):
    if frame.index == 7:
        os.kill(os.getpid(), signal.SIGINT)
    return write(sink, frame)

MovieSink.write = write_and_interrupt
main()
"""
"""The command, hit by Ctrl-C in the middle of frame 7: from outside, a busy machine might be too late for so short a clip."""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
def test_a_run_continues_after_ctrl_c(folder: Path):
    write_clip(folder / "long.mp4", frames=40)
    words = ["run", "long.mp4", "--style", "style.png", "--json", *QUICK]
    stopped = vidstyle(*words, cwd=folder, command=["-c", INTERRUPTED])
    last = json.loads(stopped.stdout.splitlines()[-1])
    assert stopped.returncode == last["exit_code"] == 130
    assert last["message"] == "Stopped by Ctrl-C; give the same command again and it goes on after 8 of 40 frames."
    assert "Stopping after this frame" in stopped.stderr
    assert (folder / "long_style.mp4.vidstyle-work").is_dir()
    assert not (folder / "long_style.mp4").exists()

    changed = vidstyle(*words, "--crf", "20", cwd=folder)
    assert changed.returncode == 2
    assert "crf was 16 and is 20" in changed.stderr
    assert "--restart" in changed.stderr

    painted = [json.loads(line) for line in vidstyle(*words, cwd=folder).stdout.splitlines()]
    assert next(line["done"] for line in painted if line["event"] == "progress" and line["stage"] == "paint") == 9
    assert not (folder / "long_style.mp4.vidstyle-work").exists()
    whole = json.loads(vidstyle(*words, "-o", "whole.mp4", cwd=folder).stdout.splitlines()[-1])
    assert painted[-1]["frame_hashes"] == whole["frame_hashes"]
    assert (folder / "long_style.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()


def test_verify(folder: Path):
    assert vidstyle("run", "clip.mp4", "--style", "style.png", *QUICK, "-o", "out.mp4", cwd=folder).returncode == 0
    good = vidstyle("verify", "out.mp4", cwd=folder)
    assert (good.returncode, good.stderr) == (0, "")
    assert [line.split()[:2] for line in good.stdout.splitlines()[1:]] == [
        [what, "as"] for what in ("output", "frames", "source", "style")
    ]
    (folder / "style.png").unlink()
    with (folder / "out.mp4").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    bad = vidstyle("verify", "out.mp4", "--json", cwd=folder)
    result = json.loads(bad.stdout)
    assert bad.returncode == result["exit_code"] == 7
    assert {check["what"]: check["good"] for check in result["checks"]} == {
        "output": False, "frames": True, "source": True, "style": None
    }  # fmt: skip
    assert bad.stderr == "vidstyle: out.mp4: differs from its manifest (output); copy it again, or paint it again.\n"
    (folder / "out.mp4.vidstyle.json").write_text("{}")
    assert vidstyle("verify", "out.mp4", cwd=folder).returncode == 3


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_name_that_the_terminal_cannot_print_does_not_end_a_command(tmp_path: Path, encoding: str):
    for name in ("あ.txt", os.fsdecode(b"caf\xe9.txt"), "naïve.txt"):
        script = f"import sys; from vidstyle import cli; cli.app.command('say')(lambda: print({name!r})); cli.main(['say'])"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
