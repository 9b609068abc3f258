"""The command line: what is parsed, what is printed where, and the exit code of everything that can go wrong."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_pipeline import ROOT, Asked, install

from vidstyle import __version__, pipeline
from vidstyle.cli import execute
from vidstyle.cli.parse import parse_frames, parse_style, parse_time
from vidstyle.errors import DeviceError, InputError, OutputError, UsageError
from vidstyle.pipeline import Selection, Style

RUN = ["run", "a.mp4", "--style", "monet.jpg"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Fakes in place, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


def events(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# ---- words to values


@pytest.mark.parametrize(
    ("text", "name", "weight"),
    [
        ("monet.jpg", "monet.jpg", 1),
        ("monet.jpg:0.5", "monet.jpg", 0.5),
        ("monet.jpg:2", "monet.jpg", 2),
        ("a:b.jpg", "a:b.jpg", 1),
        ("a:b.jpg:.25", "a:b.jpg", 0.25),
        (r"C:\art\monet.jpg", r"C:\art\monet.jpg", 1),
        (r"C:\art\monet.jpg:3", r"C:\art\monet.jpg", 3),
        ("monet.jpg:heavy", "monet.jpg:heavy", 1),
        ("monet.jpg:", "monet.jpg:", 1),
    ],
)
def test_style_weights(text: str, name: str, weight: float):
    assert parse_style(text) == (Path(name), weight)


def test_a_file_whose_name_ends_like_a_weight_is_a_file(tmp_path: Path):
    (tmp_path / "scan:2").touch()
    assert parse_style(str(tmp_path / "scan:2")) == (tmp_path / "scan:2", 1)


@pytest.mark.parametrize("weight", ["0", "-1", "1" + "0" * 400])
def test_a_style_weight_is_above_zero(weight: str):
    with pytest.raises(UsageError, match="above 0"):
        parse_style(f"monet.jpg:{weight}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("12.5", 12.5), (".5", 0.5), ("90", 90), ("750ms", 0.75), ("2s", 2), ("1:30", 90), ("01:02.5", 62.5),
     ("1:02:03.250", 3723.25), ("100:00:00", 360000)],
)  # fmt: skip
def test_times(text: str, seconds: float):
    assert parse_time(text, "--start") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "1:75", "99:00", "1:2:3:4", "nan", "inf", "1e3", "12f", "1,5"])
def test_what_is_no_time(text: str):
    with pytest.raises(UsageError, match=r"--start .* is not a time"):
        parse_time(text, "--start")


def test_frame_ranges():
    assert parse_frames("10-20") == (10, 20)
    assert parse_frames("7") == (7, 7)
    for text in ("20-10", "a-b", "-5", "5-", "1:2", "1.5"):
        with pytest.raises(UsageError, match=r"^--frames .*\.$"):
            parse_frames(text)


# ---- what reaches the pipeline


def test_everything_reaches_the_pipeline(asked: Asked):
    assert execute([*RUN, "--style", "b.png:0.5", "--frames", "3-9", "--preset", "draft", "--crf", "9"]) == 0
    assert asked.styles == [Style(Path("monet.jpg")), Style(Path("b.png"), 0.5)]
    assert asked.selection == Selection(frames=(3, 9))
    assert (asked.options.size, asked.options.crf) == (480, 9)


def test_times_reach_the_pipeline(asked: Asked):
    assert execute([*RUN, "--start", "1:00", "--end", "61.5"]) == 0
    assert asked.selection == Selection(start=60, end=61.5)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--frames", "0-9", "--start", "1"], 2),
        (["--start", "5", "--end", "5"], 2),
        (["--strength", "1.5"], 2),
        (["--strength", "much"], 2),
        (["--color", "red"], 2),
        (["--preset", "best"], 2),
        (["--config", "none.toml"], 2),
        (["--stile", "x"], 2),
        (["--style"], 2),
        (["b.mp4", "-o", "one.mp4"], 2),
    ],
)
def test_usage_errors_are_one_sentence(words: list[str], code: int, asked: Asked, capsys):
    assert execute([*RUN, *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("vidstyle: ")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert asked.painted == []


@pytest.mark.parametrize("words", [["run"], ["run", "a.mp4"], ["rum"], ["probe"], ["models", "fetch"]])
def test_missing_words_are_one_sentence(words: list[str], asked: Asked, capsys):
    assert execute(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


# ---- what is printed


def test_stdout_is_the_output_path_and_stderr_the_rest(asked: Asked, capsys):
    assert execute(RUN) == 0
    out, err = capsys.readouterr()
    assert out == "a_monet.mp4\n"
    assert "a.mp4: frames 0-99 (100) at 64x36 on cpu" in err
    assert "warning: no colour tags" in err
    assert "fit step 3/3" in err
    assert "loss 0.5" in err
    assert "paint frame 2/2" in err
    assert "\x1b" not in err


def test_json_lines(asked: Asked, capsys):
    assert execute([*RUN, "--json"]) == 0
    lines = events(capsys)
    assert all(line["v"] == 1 for line in lines)
    assert [line["event"] for line in lines[:2]] == ["start", "warning"]
    assert {line["event"] for line in lines[2:-1]} == {"progress"}
    assert lines[0] | {"source": "a.mp4", "target": "a_monet.mp4", "count": 100} == lines[0]
    step = lines[2]
    assert (step["stage"], step["done"], step["total"], step["loss"]) == ("fit", 1, 3, 0.5)
    assert {"per_second", "seconds_left"} <= step.keys()
    assert lines[-2]["done"] == lines[-2]["total"] == 2
    last = lines[-1]
    assert (last["event"], last["exit_code"], last["target"], last["frames"]) == ("result", 0, "a_monet.mp4", 2)
    assert last["frame_hashes"] == ["aa", "bb"]


def test_json_ends_with_the_error(asked: Asked, capsys):
    assert execute(["run", "bad.mp4", "--style", "x.jpg", "--json"]) == 3
    last = events(capsys)[-1]
    assert (last["event"], last["exit_code"]) == ("error", 3)
    assert last["message"].startswith("bad.mp4: ")
    assert execute([*RUN, "--crf", "many", "--json"]) == 2
    assert events(capsys)[-1]["exit_code"] == 2


@pytest.mark.parametrize("json_too", [False, True])
def test_a_dry_run_tells_the_plan_and_writes_nothing(json_too: bool, asked: Asked, tmp_path: Path, capsys):
    words = [*RUN, "-o", "new/", "--frames", "5-6", "--size", "99", "--dry-run", *(["--json"] if json_too else [])]
    assert execute(words) == 0
    assert list(tmp_path.iterdir()) == []
    assert asked.painted == []
    if json_too:
        [line] = events(capsys)
        assert line["plans"][0]["target"] == str(Path("new/a_monet.mp4"))
    else:
        out, err = capsys.readouterr()
        assert err == ""
        for part in ("a.mp4 -> new", "5-6 (2)", "size=99", "audio: copied", "no colour tags", "weight 1"):
            assert part in out


def test_probe_and_models(asked: Asked, capsys):
    assert execute(["probe", "a[b].mp4"]) == 0
    out = capsys.readouterr().out
    for line in ("clip      a[b].mp4", "frames    100, numbered 0-99", "kept      stream 1: audio -> copied"):
        assert line in out.splitlines()
    assert "29.97 fps, constant, times in 1/30000 s" in out
    assert execute(["probe", "a.mp4", "--json"]) == 0
    assert events(capsys)[-1]["clip"]["frames"] == 100
    assert execute(["models", "list"]) == 0
    assert "builtin" in capsys.readouterr().out
    assert execute(["models", "fetch", "builtin"]) == 0
    assert capsys.readouterr().out == "w\n"
    assert execute(["models", "verify"]) == 0
    assert capsys.readouterr().out == "builtin  w\n"


def test_preview_paints_the_middle_and_names_both_files(asked: Asked, capsys):
    assert execute(["preview", "a.mp4", "--style", "monet.jpg", "--count", "4"]) == 0
    assert asked.selection == Selection(frames=(38, 61))
    assert asked.count == 4
    assert capsys.readouterr().out == "a_monet_preview.mp4\na_monet_preview.png\n"
    assert execute(["preview", "a.mp4", "--style", "monet.jpg", "--frames", "2-3"]) == 0
    assert asked.selection == Selection(frames=(2, 3))


def test_version_and_help(asked: Asked, capsys):
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out == f"vidstyle {__version__}\n"
    for words in (["--help"], ["run", "--help"], ["preview", "--help"], ["probe", "--help"], ["models", "--help"]):
        assert execute(words) == 0
        assert "Usage" in capsys.readouterr().out


def test_starting_up_loads_nothing_heavy():
    heavy = {"torch", "torchvision", "cv2", "av", "numpy", "vidstyle.pipeline"}
    code = f"import sys, vidstyle.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


# ---- several clips


def several(*clips: str) -> list[str]:
    return ["run", *clips, "--style", "monet.jpg"]


def test_one_failure_does_not_stop_the_others(asked: Asked, capsys):
    assert execute(several("bad.mp4", "a.mp4", "bug.mp4", "b.mp4")) == 5
    out, err = capsys.readouterr()
    assert out == "a_monet.mp4\nb_monet.mp4\n"
    assert "vidstyle: bad.mp4: is no video" in err
    assert "our bug (ValueError: two lines)" in err
    assert "2 of 4 clips failed" in err.splitlines()[-1]


def test_one_clip_alone_keeps_its_exit_code(asked: Asked):
    assert execute(several("bad.mp4")) == 3


def test_several_clips_as_json(asked: Asked, capsys):
    assert execute([*several("a.mp4", "b.mp4"), "--json"]) == 0
    lines = events(capsys)
    assert [line["source"] for line in lines if line["event"] == "clip"] == ["a.mp4", "b.mp4"]
    assert lines[-1] == {"v": 1, "event": "result", "exit_code": 0, "targets": ["a_monet.mp4", "b_monet.mp4"]}
    assert execute([*several("a.mp4", "bad.mp4"), "--json"]) == 5
    lines = events(capsys)
    assert [line["exit_code"] for line in lines if line["event"] == "clip"] == [3, 0]
    assert lines[-1]["exit_code"] == 5


def test_a_folder_takes_several_clips_and_is_made(asked: Asked, tmp_path: Path):
    assert execute([*several("x/a.mp4", "y/b.mp4"), "-o", "out/"]) == 0
    assert asked.targets == [Path("out/a_monet.mp4"), Path("out/b_monet.mp4")]
    assert (tmp_path / "out").is_dir()
    assert execute([*several("x/c.mp4"), "-o", "out"]) == 0
    assert asked.targets[-1] == Path("out/c_monet.mp4")


def test_two_clips_never_share_an_output(asked: Asked, capsys):
    assert execute([*several("x/a.mp4", "y/a.mp4"), "-o", "out/", "--overwrite"]) == 2
    assert execute([*several("a.mp4", "a.mp4"), "--overwrite"]) == 2
    assert asked.painted == []
    assert "would both be written to" in capsys.readouterr().err


def test_a_clip_of_the_batch_is_never_an_output(asked: Asked, capsys):
    assert execute([*several("a.mp4", "a_monet.mp4"), "--overwrite"]) == 2
    assert asked.painted == []
    assert "leave that clip out" in capsys.readouterr().err


def test_a_finished_output_in_the_folder_stays(asked: Asked, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a_monet.mp4").touch()
    assert execute([*several("a.mp4", "b.mp4"), "-o", "out/"]) == 5
    assert asked.painted == [Path("b.mp4")]


# ---- what can go wrong


class OutOfMemoryError(RuntimeError):
    """Stands in for torch's, which is told by its text on some devices."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x."), 2),
        (InputError("x."), 3),
        (OutputError("x."), 4),
        (DeviceError("x."), 6),
        (OSError(errno.ENOSPC, "No space left on device"), 4),
        (MemoryError(), 6),
        (OutOfMemoryError("MPS backend out of memory"), 6),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 6),
        (RuntimeError("shapes\ndiffer"), 1),
        (NotImplementedError(), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(error: BaseException, code: int, asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys):
    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr(pipeline, "stylize_video", fail)
    assert execute(RUN) == code
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("vidstyle: ")
    assert err.endswith(".\n")
    assert execute([*RUN, "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


def test_torch_out_of_memory(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")

    def fail(*_args: object, **_kwargs: object) -> None:
        raise torch.OutOfMemoryError("CUDA: tried to allocate")

    monkeypatch.setattr(pipeline, "stylize_video", fail)
    assert execute(RUN) == 6


SLOW = """
import time
from pathlib import Path
from vidstyle import pipeline
from vidstyle.pipeline import Plan

def plan_video(source, styles, target=None, options=None, selection=None, *, overwrite=False):
    return Plan(source, Path("out.mp4"), (0, 9), (64, 36), (64, 36), options, "cpu", ())

def stylize_video(source, *args, **kwargs):
    part = Path("out.mp4.part")
    try:
        part.touch()
        print("painting", flush=True)
        time.sleep(30)
    finally:
        part.unlink()

pipeline.plan_video, pipeline.stylize_video = plan_video, stylize_video
from vidstyle.cli import main
main(["run", "a.mp4", "b.mp4", "--style", "m.jpg"])
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_everything_and_leaves_nothing(number: int, code: int, tmp_path: Path):
    script = SLOW.replace('Path("out.mp4")', 'Path(source.stem + "_m.mp4")')
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "painting\n"
    began = time.monotonic()
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == code
    assert time.monotonic() - began < 10  # it sleeps for 30
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("vidstyle: Stopped by ")
    assert out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently on Windows")
def test_a_reader_that_goes_away_is_no_error_message():
    child = subprocess.Popen(
        [sys.executable, "-m", "vidstyle", "run", "--help"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(timeout=20) == 4
