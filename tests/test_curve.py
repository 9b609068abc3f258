"""Curves: what a text means, the values between keys, and the times of keys on clips of every kind."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fake_pipeline import RUN, Asked, events, install
from sequence_files import make_sequence
from video_clips import make_clip

from vidstyle.batch.shot import Shot
from vidstyle.batch.shot_list import read_shots
from vidstyle.cli import execute
from vidstyle.core.config import load_config
from vidstyle.core.curve import Curve, parse_number
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.core.parse import parse_style
from vidstyle.core.timecode import Timecode
from vidstyle.painting.style_picture import StylePicture
from vidstyle.run.curves import key_frames_of, on_clip
from vidstyle.video import Clip, ReadSettings, open_source

RATE = 25  # of the clips of `make_clip`


def curve(text: str) -> Curve:
    found = parse_number(text, "strength")
    assert isinstance(found, Curve)
    return found


def at_rate(text: str) -> Curve:
    """A curve whose keys are frames, of a clip of 25 frames a second."""
    return curve(text).on(lambda time: time / RATE, "strength")


def clip_of(path: Path, fps: Fraction | None = None) -> Clip:
    return open_source(path, ReadSettings(fps=fps)).clip


def test_the_text_is_kept_and_says_the_same_again():
    written = curve("  0:0   2.5s:0.25 00:04:1 01:00:00:12:.5  ease ")
    assert str(written) == f"{written:g}" == "0:0 2.5s:0.25 00:04:1 01:00:00:12:.5 ease"
    assert written.times == (0, 2.5, 4.0, Timecode(1, 0, 0, 12, False))
    assert written.values == (0, 0.25, 1, 0.5)
    assert curve(str(written)) == written != curve("0:0 2.5s:0.25 00:04:1 01:00:00:12:.5")


@pytest.mark.parametrize(("text", "number"), [("0.5", 0.5), ("1", 1.0), (" 3 ", 3.0), ("12:0.25", 0.25), ("0:1 8:1 hold", 1.0)])
def test_what_never_changes_is_a_number(text: str, number: float):
    assert parse_number(text, "strength") == number
    assert isinstance(parse_number(text, "strength"), float)


@pytest.mark.parametrize("text", ["", "abc", "0:0 48", "0:0 48:", ":1 4:0", "0:0 x:1", "0:0 1.5:1", "0:0 48:1 slow", "ease",
                                  "0:0 ease 48:1", "0:0,48:1", "0:0 -4:1", "0:0 48:nan"])
def test_another_text_is_refused_with_the_form(text: str):
    with pytest.raises(UsageError, match=r"^strength has '.*'; give a number, or keys TIME:VALUE such as \"0:0 48:1\""):
        parse_number(text, "strength")


@pytest.mark.parametrize(("way", "share"), [
    ("", lambda t: t), ("linear", lambda t: t), ("ease", lambda t: 3 * t**2 - 2 * t**3), ("hold", lambda t: np.floor(t))])
def test_between_the_keys_it_follows_the_formula_and_at_them_it_is_exact(way: str, share: object):
    keys, values = [4, 10, 40], [0.2, 1.0, 0.1]
    found = at_rate(" ".join(f"{key}:{value}" for key, value in zip(keys, values, strict=True)) + f" {way}")
    assert [found.at(key / RATE) for key in keys] == values
    for frame in range(50):
        place = np.interp(frame, keys, range(3))  # 1.25 is a quarter of the way from the second key to the third
        low = int(place)
        wanted = values[low] + share(place - low) * (values[min(2, low + 1)] - values[low])
        assert found.at(frame / RATE) == pytest.approx(wanted, abs=1e-12)  # rounding of float64


def test_numbers_of_options_may_be_curves_within_their_range():
    assert Options(strength=curve("0:0 9:1")).curves() == {"strength": curve("0:0 9:1")}
    assert Options(strokes=curve("0:0 9:1")).as_dict()["strokes"] == "0:0 9:1"
    assert Options(strokes=curve("0:0 9:1")) == Options(strokes=curve("0:0 9:1")) != Options(strokes=curve("0:0 8:1"))
    with pytest.raises(UsageError, match=r"strength is 1.5; give a value from 0 to 1"):
        Options(strength=curve("0:0 48:1.5"))
    with pytest.raises(UsageError, match=r"size is .*; give a whole number"):
        Options(size=curve("0:100 48:200"))  # type: ignore[arg-type]


def test_keys_on_a_clip_are_when_its_frames_appear(tmp_path: Path):
    path = make_clip(tmp_path / "a.mp4", frames=60)
    clip = replace(clip_of(path), timecode="01:00:00:00")
    times = [frame.seconds for frame in open_source(path, ReadSettings()).decode()]
    found = curve("0:0 1s:0.5 01:00:01:10:1 00:02:0").on(lambda time: clip.moment(time, "x"), "x")
    assert found.seconds == (times[0], times[25], times[35], times[50])
    # Beyond both ends frames go on at the clip's rate.
    assert clip.moment(100, "x") == pytest.approx(times[0] + 4)
    assert clip.moment(Timecode(0, 59, 59, 0, False), "x") < times[0]
    assert clip.moment(9.0, "x") == pytest.approx(times[0] + 9)


def test_on_a_clip_of_variable_rate_a_curve_follows_its_times(tmp_path: Path):
    pts = [0, 40, 80, 1000, 2000, 2040]  # milliseconds
    clip = clip_of(make_clip(tmp_path / "a.mkv", pts=pts, time_base=Fraction(1, 1000)))
    found = curve("0:0 2s:1").on(lambda time: clip.moment(time, "x"), "x")
    values = [found.at(float(each * clip.time_base)) for each in clip.pts]
    assert values == pytest.approx(np.interp(pts, [0, 2000], [0, 1]))  # by time, not by number
    assert curve("1:0 4:1").on(lambda time: clip.moment(time, "x"), "x").seconds == pytest.approx((0.04, 2.0))
    with pytest.raises(UsageError, match=r"--strength 00:00:01:00 counts frames.* variable rate; give seconds"):
        on_clip(Options(strength=curve("0:0 00:00:01:00:1")), (), clip)


def test_frames_of_a_sequence_are_the_numbers_of_its_files(tmp_path: Path):
    make_sequence(tmp_path, range(1001, 1012, 2))
    path = tmp_path / "shot.1001-1011x2#.png"
    clip = clip_of(path, Fraction(25))
    assert [clip.moment(number, "x") for number in (1001, 1002, 1011)] == pytest.approx([0, 0.02, 0.2])
    with pytest.raises(UsageError, match=r"--forms has a key in seconds.*no times; give its rate with --fps"):
        on_clip(Options(forms=curve("1001:0 2s:1")), (), clip_of(path))


@pytest.mark.parametrize("text", ["9:0 4:1", "4:0 4:1", "1s:0 25:1", "0:0 30:1 1s:0"])
def test_keys_out_of_order_are_refused(tmp_path: Path, text: str):
    clip = clip_of(make_clip(tmp_path / "a.mp4", frames=4))
    with pytest.raises(UsageError, match=r"^--style-scale: the key \S+ is not after \S+; give each time once, in order"):
        on_clip(Options(style_scale=curve(text.replace(":0", ":2"))), (), clip)


def test_keys_of_what_a_key_frame_decides_are_key_frames(tmp_path: Path):
    clip = clip_of(make_clip(tmp_path / "a.mp4", frames=20))

    def found(weights: tuple[float | Curve, ...] = (), **options: Curve) -> frozenset[int]:
        styles = tuple(StylePicture(Path("a.png"), weight, "", None) for weight in weights)  # type: ignore[arg-type]
        return key_frames_of(*on_clip(Options(**options), styles, clip), clip)  # type: ignore[arg-type]

    assert found(strength=curve("2:0 8:1"), strokes=curve("3:0 9:1")) == frozenset()  # they act on every frame
    assert found(style_scale=curve("2:1 8:2")) == {2, 8}
    assert found(forms=curve("2:0 8:1 hold")) == {1, 2, 7, 8}
    assert found(temporal=curve("5:0 7:0 8:1")) == {*range(9)}
    assert found((curve("4:0 6:1"), 1.0)) == {4, 6}
    with pytest.raises(UsageError, match=r"At 6 all styles have the weight 0; give one of them a weight there"):
        found((curve("4:1 6:0"), curve("6:0 9:1")))


def test_a_style_has_a_weight_or_a_curve_of_it(tmp_path: Path):
    style = tmp_path / "a.jpg"
    assert parse_style(f"{style}:0.5") == (style, 0.5)
    assert parse_style(f"{style}:0:1 48:0 ease") == (style, curve("0:1 48:0 ease"))
    assert parse_style(f"{style}:01:00:00:00:1 01:00:02:00:0") == (style, curve("01:00:00:00:1 01:00:02:00:0"))
    odd = tmp_path / "a.jpg:0:1 48:0"
    odd.touch()
    assert parse_style(str(odd)) == (odd, 1.0)  # a file of that name wins
    assert parse_style(f"{odd}:0.5") == (odd, 0.5)
    with pytest.raises(UsageError, match="has the weight 0:0 48:-1; give a weight above 0, or 0 at some of its keys"):
        parse_style(f"{style}:0:0 48:-1")
    with pytest.raises(UsageError, match=r"the weight of .*a.jpg has 'slow'"):
        parse_style(f"{style}:0:0 48:1 slow")


def test_the_command_line_a_config_and_a_shot_list_take_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                               capsys: pytest.CaptureFixture[str]):
    asked: Asked = install(monkeypatch)
    assert execute([*RUN, "--strength", "0:0 48:1", "--strokes", "1", "--style", "b.jpg:0:0 48:1"]) == 0
    assert (asked.options.strength, asked.options.strokes) == (curve("0:0 48:1"), 1.0)
    assert [style.weight for style in asked.styles] == [1.0, curve("0:0 48:1")]
    capsys.readouterr()
    assert execute([*RUN, "--json", "--strength", "0:0 48:2"]) == 2
    assert events(capsys)[-1]["message"] == "strength is 2.0; give a value from 0 to 1."
    config = tmp_path / "my.toml"
    config.write_text('strength = "0:0 48:1"\ntemporal = 1\nstyle = ["a.jpg:0:1 48:0", "b.jpg"]\n')
    stated = load_config(config)
    assert stated.options == {"strength": curve("0:0 48:1"), "temporal": 1}
    assert stated.styles == ((tmp_path / "a.jpg", curve("0:1 48:0")), (tmp_path / "b.jpg", 1.0))
    make_clip(tmp_path / "a.mp4", frames=2)
    shots = tmp_path / "shots.csv"
    shots.write_text("clip,style,strokes\na.mp4,a.jpg:0:1 48:0;b.jpg,0:0 2s:1 ease\n")
    [shot] = read_shots([shots], Shot(Path(), ()))
    assert shot.options.strokes == curve("0:0 2s:1 ease")
    assert shot.styles[0].weight == curve("0:1 48:0")
