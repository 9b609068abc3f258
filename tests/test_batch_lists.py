"""Shot lists: what rows, tables, folders and globs name, and the place of what is wrong in them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vidstyle.batch.clips import find_clips
from vidstyle.batch.shot import Shot
from vidstyle.batch.shot_list import read_shots
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.plan import Selection

BASE = Shot(Path(), (Style(Path("monet.jpg")),), Options(size=320, crf=9), frozenset({"size", "crf"}), folder=Path("out"))


def shots(path: Path, text: str, base: Shot = BASE) -> list[Shot]:
    path.write_text(text, encoding="utf-8")
    return read_shots([path], base)


def test_a_csv_list_as_a_spreadsheet_writes_it(tmp_path: Path):
    """Byte order mark, CRLF, quotes, comments, empty lines and cells, names with dashes and capitals."""
    first, second, third = shots(tmp_path / "shots.csv", (
        "\ufeff# a night in March,,\r\n"
        "Clip,style,frames,start,--end,output,fit-steps,method,strength,strict,references,key_every,strokes,,\r\n"
        '"a, b.mp4","x.jpg; y.jpg:0.5",0-23,,,,,,,,,,\r\n'
        "\r\n"
        "#c.mp4,z.jpg,,,,,,,,,,,\r\n"
        "####.exr,,,0:01,2.5,part/####.exr,7,feedforward,0.5,yes,,,\r\n"
        "d.mov,,,,,part/,,,,no,1;3,1,0,,\r\n"))
    assert first == Shot(tmp_path / "a, b.mp4", (Style(tmp_path / "x.jpg"), Style(tmp_path / "y.jpg", 0.5)), BASE.options,
                         BASE.given, Selection(frames=(0, 23)), None, Path("out"),
                         origin=f"{tmp_path / 'shots.csv'}, line 3")
    assert second.clip == tmp_path / "####.exr"
    assert second.styles == BASE.styles
    assert second.selection == Selection(start=1, end=2.5)
    assert (second.target, second.folder) == (tmp_path / "part/####.exr", tmp_path / "part")
    assert second.options == Options(size=320, crf=9, fit_steps=7, method="feedforward", strength=0.5, strict=True)
    assert second.given == {"size", "crf", "fit_steps", "method", "strength", "strict"}
    assert second.origin.endswith("line 6")
    assert (third.target, third.folder, third.options.strict) == (None, tmp_path / "part", False)
    assert third.options.references == (1, 3)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_that_of_the_header(separator: str, tmp_path: Path):
    rows = [["clip", "style", "size"], ["a.mp4", '"x.jpg;y.jpg"', "160"]]
    [shot] = shots(tmp_path / "shots.csv", "\n".join(separator.join(row) for row in rows))
    assert [style.path.name for style in shot.styles] == ["x.jpg", "y.jpg"]
    assert shot.options.size == 160


def test_a_toml_list_and_its_defaults(tmp_path: Path):
    """A shot's own values come before the command line's, and those before the list's defaults."""
    text = """
        [defaults]
        style = ["x.jpg:2", "y.jpg"]
        size = 480
        strength = 0.5
        frames = "0-9"
        [[shot]]
        clip = "a.mp4"
        [[shot]]
        clip = "b/b.mp4"
        style = "z.jpg"
        start = 00:00:01
        end = 90
        size = 160
        output = "b.mov"
        flow = "raft-small=weights.pth"
        """
    first, second = shots(tmp_path / "shots.toml", text)
    assert (first.styles, first.options) == (BASE.styles, Options(size=320, crf=9, strength=0.5))
    assert first.selection == Selection(frames=(0, 9))
    assert (second.styles, second.options.size) == ((Style(tmp_path / "z.jpg"),), 160)
    assert second.selection == Selection(start=1, end=90)
    assert (second.clip, second.target) == (tmp_path / "b/b.mp4", tmp_path / "b.mov")
    assert second.options.flow == f"raft-small={tmp_path / 'weights.pth'}"
    assert second.origin == f"{tmp_path / 'shots.toml'}, shot 2"
    first, second = read_shots([tmp_path / "shots.toml"], Shot(Path(), ()))
    assert first.styles == (Style(tmp_path / "x.jpg", 2), Style(tmp_path / "y.jpg"))
    assert (first.options.size, second.options.size) == (480, 160)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,size\na.mp4,big\n", r"shots\.csv, line 2, column size: size is 'big'; give a whole number"),
        ("clip,size\n# one\na.mp4,100\nb.mp4,5\n", r"shots\.csv, line 4, column size: size is 5; give a value from 16"),
        ("clip,strict\na.mp4,maybe\n", r"line 2, column strict: strict is 'maybe'; give true or false"),
        ("clip,codec\na.mp4,h265\n", r"line 2, column codec: .*choose one of auto, h264"),
        ("clip,fps\na.mp4,fast\n", r"line 2, column fps: fps is 'fast'"),
        ("clip,frames\na.mp4,9-3\n", r"line 2, column frames: --frames 9-3 ends before"),
        ("clip,start\na.mp4,soon\n", r"line 2, column start: --start soon is not a time"),
        ("clip,frames,start\na.mp4,1-2,3\n", r"line 2, column frames: .*give one or the other"),
        ("clip,style\na.mp4,x.jpg:0\n", r"line 2, column style: .*weight above 0"),
        ("clip,siez\na.mp4,100\n", r"shots\.csv, line 1: unknown siez; known names are audio, boil, clip, .*output"),
        ("style\nx.jpg\n", r"line 1: names no column clip"),
        ("clip,clip\na.mp4,b.mp4\n", r"line 1: names a column twice"),
        ("clip,size\n,100\n", r"line 2: names no clip"),
        ("clip,size\na.mp4,1,2\n", r"line 2: has 3 cells for 2 columns"),
        ('clip,size\n"a.mp4,100\n', r"line 2: is no row of CSV"),
        ("clip\n", "holds no shots"),
        ("", "is empty"),
        ("clip,fit_steps\na.mp4,7\n", r"line 2: --fit-steps has no effect: give --method feedforward"),
        ("clip,codec,crf\na.mp4,prores,7\n", r"line 2: crf is given and prores"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_csv_list_is_named_with_its_place(text: str, said: str, tmp_path: Path):
    with pytest.raises(UsageError, match=said) as error:
        shots(tmp_path / "shots.csv", text)
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[shot]]\nclip = 'a.mp4'\nsize = 'big'", r"shots\.toml, shot 1, size: size is 'big'"),
        ("[[shot]]\nclip = 'a.mp4'\nsiez = 1", r"shots\.toml, shot 1: unknown siez"),
        ("[[shot]]\nclip = 3", r"shots\.toml, shot 1, clip: is 3; give a name in quotes"),
        ("[[shot]]\nclip = 'a.mp4'\nstyle = [1]", r"shot 1, style: style is \[1\]"),
        ("[[shot]]\nclip = 'a.mp4'\nframes = true", r"shot 1, frames: --frames True is not a range"),
        ("[defaults]\nsize = 5\n[[shot]]\nclip = 'a.mp4'", r"\[defaults\], size: size is 5"),
        ("[defaults]\nclip = 'a.mp4'\n[[shot]]", r"\[defaults\]: unknown clip"),
        ("[defaults]\nsize = 100", "holds no shots"),
        ("[shot]\nclip = 'a.mp4'", r"write \[\[shot\]\] above each shot"),
        ("[[shots]]\nclip = 'a.mp4'", "unknown shots"),
        ("[[shot]", "is not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_toml_list_is_named_with_its_place(text: str, said: str, tmp_path: Path):
    with pytest.raises(UsageError, match=said) as error:
        shots(tmp_path / "shots.toml", text)
    assert "\n" not in str(error.value)


def test_a_shot_without_a_style_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"line 2: no style is given"):
        shots(tmp_path / "shots.csv", "clip\na.mp4", Shot(Path(), ()))


def test_another_encoding_is_named(tmp_path: Path):
    path = tmp_path / "shots.csv"
    path.write_bytes("clip\nétoile.mp4\n".encode("latin-1"))
    with pytest.raises(UsageError, match="is not text in UTF-8"):
        read_shots([path], BASE)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(alphabet='clip,;\t"\n\r#[=]{}sizeframes0123-x.\0', max_size=60), suffix=st.sampled_from([".csv", ".toml"]))
def test_any_text_is_a_list_or_an_error_of_ours(text: str, suffix: str, tmp_path: Path):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(f"clip,size\n{text}".encode() if suffix == ".csv" else text.encode())
    with suppress(UsageError, InputError):  # any other exception is a bug
        assert read_shots([path], BASE)


def make_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_holds_movies_and_sequences_but_not_its_paintings(tmp_path: Path):
    make_files(tmp_path, "shot10.mp4", "shot2.MOV", "notes.txt", "._shot2.mov", "monet.jpg", "sub/c.mp4",
               *(f"plate.{number:04}.exr" for number in (998, 999, 10000)), *(f"v{number}.png" for number in (8, 9, 10)),
               "still_1.png", "style1.jpg", "style2.jpg", "shot2_monet.mov", "shot3_monet.mp4.part")
    manifest_path(tmp_path / "shot2_monet.mov").touch()
    assert [path.name for path in find_clips(tmp_path)] == ["plate.####.exr", "shot2.MOV", "shot10.mp4", "v%d.png"]


def test_a_glob_finds_clips_and_folders_of_clips(tmp_path: Path):
    make_files(tmp_path, "day1/a.mp4", "day2/b.mp4", "day2/more/c.mov", "day2/list.csv", "x[1].mp4")
    assert find_clips(tmp_path / "day*/*.mp4") == [tmp_path / "day1/a.mp4", tmp_path / "day2/b.mp4"]
    assert find_clips(tmp_path / "day*") == [tmp_path / "day1/a.mp4", tmp_path / "day2/b.mp4"]
    assert find_clips(tmp_path / "**/*.mov") == [tmp_path / "day2/more/c.mov"]
    assert find_clips(tmp_path / "x[1].mp4") == [tmp_path / "x[1].mp4"]  # a file of that name is that file
    with pytest.raises(InputError, match="finds no clips, or only paintings"):
        find_clips(tmp_path / "*.mxf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no clips"):
        find_clips(tmp_path / "empty")


def test_a_row_may_name_a_folder_or_a_glob(tmp_path: Path):
    make_files(tmp_path, "day1/a.mp4", "day1/b.mp4")
    found = shots(tmp_path / "shots.csv", "clip,output,size\nday1,painted/,160\nday1/a*.mp4,a.mov,\n")
    assert [(shot.clip.name, shot.folder, shot.options.size) for shot in found[:2]] == [
        ("a.mp4", tmp_path / "painted", 160), ("b.mp4", tmp_path / "painted", 160)]
    assert found[2].target == tmp_path / "a.mov"
    with pytest.raises(UsageError, match=r"column output: a.mov is one file for 2 clips"):
        shots(tmp_path / "shots.csv", "clip,output\nday1,a.mov\n")
