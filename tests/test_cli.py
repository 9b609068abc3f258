"""The command line: what is parsed, what reaches the pipeline, and what is printed where."""

import subprocess
import sys
from pathlib import Path

import pytest
from fake_pipeline import ROOT, RUN, Asked, events

from vidstyle import __version__
from vidstyle.cli import execute
from vidstyle.core.errors import UsageError
from vidstyle.core.parse import parse_frames, parse_style, parse_time
from vidstyle.core.timecode import Timecode
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection
from vidstyle.video.settings import ReadSettings


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


@pytest.mark.parametrize("text", ["01:00:02:05", "1:00:02:05", "01:00:02;05"])
def test_a_time_with_four_parts_is_a_timecode(text: str):
    found = parse_time(text, "--start")
    assert isinstance(found, Timecode)
    assert (found.hours, found.minutes, found.seconds, found.frames, found.drop) == (1, 0, 2, 5, ";" in text)


@pytest.mark.parametrize("text", ["", "-1", "1:75", "99:00", "1:2:3:4", "1:00:75:00", "nan", "inf", "1e3", "12f", "1,5"])
def test_text_that_is_not_a_time_is_refused(text: str):
    with pytest.raises(UsageError, match=r"--start .* is not a time"):
        parse_time(text, "--start")


def test_frame_ranges():
    assert parse_frames("10-20") == (10, 20)
    assert parse_frames("7") == (7, 7)
    assert parse_frames("5-") == parse_frames("5:") == (5, None)
    assert parse_frames("-5") == parse_frames(":5") == (None, 5)
    assert parse_frames("5:10") == parse_frames(" 5 - 10 ") == parse_frames("5\N{EN DASH}10") == (5, 10)
    for text in ("20-10", "a-b", "-", ":", "", "1.5", "1-2-3", "0-99x2", "1..5"):
        with pytest.raises(UsageError, match=r"^--frames .*\.$"):
            parse_frames(text)


def test_everything_reaches_the_pipeline(asked: Asked):
    assert execute([*RUN, "--style", "b.png:0.5", "--frames", "3-9", "--preset", "draft", "--crf", "9"]) == 0
    assert asked.styles == [Style(Path("monet.jpg")), Style(Path("b.png"), 0.5)]
    assert asked.selection == Selection(frames=(3, 9))
    assert (asked.options.size, asked.options.crf) == (320, 9)


def test_strict_is_a_flag(asked: Asked):
    assert execute([*RUN, "--strict"]) == 0
    assert asked.options.strict is True
    assert execute(RUN) == 0
    assert asked.options.strict is False


def test_times_reach_the_pipeline(asked: Asked):
    assert execute([*RUN, "--start", "1:00", "--end", "61.5"]) == 0
    assert asked.selection == Selection(start=60, end=61.5)
    assert not asked.restart
    assert execute([*RUN, "--restart"]) == 0
    assert asked.restart


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
        (["--codec", "prores", "--crf", "9"], 2),
        (["--network", "net.safetensors"], 2),
        (["--fit-steps", "70", "--encoder", "vgg19"], 2),
        (["--method", "feedforward", "--forms", "0.5"], 2),
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
def test_missing_arguments_are_one_sentence(words: list[str], asked: Asked, capsys):
    assert execute(words) == 2
    assert capsys.readouterr().err.count("\n") == 1


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
def test_a_dry_run_prints_the_plan_and_writes_nothing(json_too: bool, asked: Asked, tmp_path: Path, capsys):
    words = [*RUN, "-o", "new/", "--frames", "5-6", "--size", "99", "--dry-run", *(["--json"] if json_too else [])]
    assert execute(words) == 0
    assert list(tmp_path.iterdir()) == []
    assert asked.painted == []
    if json_too:
        plan = events(capsys)[-1]["plans"][0]
        assert plan["target"] == str(Path("new/a_monet.mp4"))
        assert (plan["state"], plan["estimate"]["key_frames"], plan["estimate"]["memory"]) == ("new", 9, 900_000_000)
    else:
        out, err = capsys.readouterr()
        assert err.startswith("a.mp4: reading ...\n")
        assert "measure" in err
        for part in ("a.mp4 -> new", "5-6 (2)", "size=99", "audio: copied", "no colour tags", "weight 1", "2: 0-59, 60-99",
                     "about 9 key frames", "about 1:01", "900 MB", "2 MB written, 5 MB while it paints"):
            assert part in out


def test_probe_and_models(asked: Asked, capsys):
    assert execute(["probe", "a[b].mp4"]) == 0
    out = capsys.readouterr().out
    for line in ("clip           a[b].mp4", "frames         100, numbered 0-99", "dynamic range  standard",
                 "scan           progressive", "stream         stream 1: audio -> copied"):
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


def test_probe_names_the_options_a_clip_needs(asked: Asked, capsys):
    asked.facts = {"hdr": {"transfer": "pq", "peak": 1000.0}, "interlaced": True}
    assert execute(["probe", "a.mp4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "dynamic range  high (PQ, up to 1000 cd/m²); to paint it, give --hdr passthrough or --hdr tonemap" in lines
    assert "scan           interlaced" in lines


def test_evaluate_reads_hdr_and_interlaced_clips_as_run_does(asked: Asked):
    words = ["evaluate", "a_monet.mp4", "--source", "a.mp4"]
    assert execute([*words, "--hdr", "tonemap", "--deinterlace", "force"]) == 0
    assert asked.read == ReadSettings(hdr="tonemap", deinterlace="force")
    assert execute(words) == 0
    assert asked.read == ReadSettings()


def test_preview_names_both_files(asked: Asked, capsys):
    assert execute(["preview", "a.mp4", "--style", "monet.jpg", "--count", "4"]) == 0
    assert asked.selection == Selection()  # the plan chooses the middle
    assert asked.count == 4
    assert capsys.readouterr().out == "a_monet_preview.mp4\na_monet_preview.png\n"
    assert execute(["preview", "a.mp4", "--style", "monet.jpg", "--frames", "2-3"]) == 0
    assert asked.selection == Selection(frames=(2, 3))


def test_the_options_that_were_given_reach_the_plan(asked: Asked, tmp_path: Path):
    (tmp_path / "my.toml").write_text("tv_weight = 2.0\n")
    assert execute([*RUN, "--seed", "0", "--config", "my.toml", "--preset", "final"]) == 0
    assert asked.given == {"seed", "tv_weight"}


def test_version_and_help(asked: Asked, capsys):
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out == f"vidstyle {__version__}\n"
    for words in (["--help"], ["run", "--help"], ["preview", "--help"], ["probe", "--help"], ["models", "--help"],
                  ["verify", "--help"], ["train", "--help"], ["evaluate", "--help"], ["export", "--help"]):
        assert execute(words) == 0
        assert "Usage" in capsys.readouterr().out


def test_importing_the_command_line_loads_no_torch():
    heavy = {"torch", "torchvision", "cv2", "av", "numpy", "vidstyle.run.pipeline"}
    lines = ["import sys, vidstyle.cli", "from vidstyle import Options, load_options", "load_options('final')", "Options()",
             f"print(sorted({heavy!r} & set(sys.modules)))"]
    done = subprocess.run([sys.executable, "-c", "; ".join(lines)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
