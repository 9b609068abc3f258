"""Names of sequences: what is one, which files it means, and how an output is named after it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstyle.core.errors import InputError
from vidstyle.video.images.pattern import Pattern, number_list, parse_pattern, pattern_of


@pytest.mark.parametrize(
    ("name", "number", "file"),
    [
        ("shot.####.exr", 7, "shot.0007.exr"),
        ("shot.####.exr", 12345, "shot.12345.exr"),
        ("shot.#.png", 7, "shot.0007.png"),
        ("shot_##.TIF", 7, "shot_07.TIF"),
        ("shot.%04d.dpx", 7, "shot.0007.dpx"),
        ("shot%d.png", 7, "shot7.png"),
        ("a##b.####.png", 7, "a##b.0007.png"),
        ("shot.1001-1100#.exr", 1001, "shot.1001.exr"),
    ],
)
def test_a_pattern_names_files(name: str, number: int, file: str):
    pattern = parse_pattern(Path("in") / name)
    assert pattern is not None
    assert pattern.file(number) == Path("in") / file


@pytest.mark.parametrize("name", ["clip.mp4", "take#3.mp4", "shot.1001.exr", "####", "shot.####.gif", "shot.%s.png"])
def test_other_names_are_not_patterns(name: str):
    assert parse_pattern(Path(name)) is None


def test_an_existing_file_with_a_pattern_s_name_is_a_file(tmp_path: Path):
    (tmp_path / "take#3.png").touch()
    assert parse_pattern(tmp_path / "take#3.png") is None


@pytest.mark.parametrize(
    ("name", "numbers"), [("s.10-20x5#.png", [10, 15, 20]), ("s.10-12##.png", [10, 11, 12]), ("s.##.png", None)]
)
def test_a_range_in_the_name(name: str, numbers: list[int] | None):
    pattern = parse_pattern(Path(name))
    assert pattern is not None
    assert (pattern.numbers and list(pattern.numbers)) == numbers
    assert pattern.head == "s."


def test_files_are_found_by_number_and_others_left_alone(tmp_path: Path):
    for name in ("s.0009.png", "s.0010.png", "s.10000.png", "s.11.png", "s.0012.png.part", "s.0013.exr", "t.0014.png"):
        (tmp_path / name).touch()
    pattern = parse_pattern(tmp_path / "s.####.png")
    assert pattern is not None
    assert list(pattern.found()) == [9, 10, 10000]  # 11 is not padded as the pattern says


def test_a_single_sign_also_stands_for_numbers_without_zeros(tmp_path: Path):
    for number in range(8, 13):
        (tmp_path / f"f{number}.png").touch()
    for name in ("f#.png", "f%d.png", "f8-12#.png"):
        pattern = parse_pattern(tmp_path / name)
        assert pattern is not None
        assert list(pattern.fitted().found()) == [8, 9, 10, 11, 12], name
    pattern = parse_pattern(tmp_path / "f####.png")
    assert pattern is not None
    with pytest.raises(InputError, match=r"there is f10\.png, so write f%d\.png\."):
        pattern.fitted().found()
    for number in range(8, 13):
        (tmp_path / f"f{number:04}.png").touch()
    padded = parse_pattern(tmp_path / "f#.png")
    assert padded is not None
    assert padded.fitted().found()[8].name == "f0008.png"  # of two sequences as long, the one that # means first


def test_where_nothing_is_found_the_right_pattern_is_named(tmp_path: Path):
    (tmp_path / "s.001.png").touch()
    pattern = parse_pattern(tmp_path / "s.####.png")
    assert pattern is not None
    with pytest.raises(InputError, match=r"there is s\.001\.png, so write s\.###\.png"):
        pattern.found()
    with pytest.raises(InputError, match="no such file"):
        Pattern(tmp_path / "none", "s.", "#", 4, ".png").found()


@pytest.mark.parametrize(
    ("name", "tagged"),
    [("shot.####.exr", "shot_x.####.exr"), ("shot_%04d.png", "shot_x_%04d.png"), ("####.png", "x.####.png"),
     ("img_####.jpg", "img_x_####.png"), ("####.TGA", "x.####.png"),
     ("s.1-9#.png", "s_x.####.png"), ("s##.png", "s_x.##.png")],
)  # fmt: skip
def test_an_output_is_named_after_its_source(name: str, tagged: str):
    pattern = parse_pattern(Path(name))
    assert pattern is not None
    assert pattern.tagged("_x") == Path(tagged)


def test_two_notations_of_a_pattern_have_one_canonical_path():
    assert len({found.path for name in ("s.####.png", "s.%04d.png", "s.#.png") if (found := parse_pattern(Path(name)))}) == 1


@pytest.mark.parametrize(("name", "pattern"), [("s.1001.exr", "s.####.exr"), ("v2_7.png", "v2_%d.png"),
                                                ("s.exr", "s.####.exr")])
def test_the_pattern_of_a_file(name: str, pattern: str):
    assert pattern_of(Path(name)) == Path(pattern)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([1004], "1004"), ([3, 1, 2, 9], "1-3, 9"), (range(0, 20, 2), "0, 2, 4, 6, 8 and 5 more")],
)
def test_numbers_are_listed_in_runs(numbers: list[int], text: str):
    assert number_list(numbers) == text


@given(st.integers(0, 10**9), st.integers(1, 8))
def test_a_file_name_holds_its_number(number: int, digits: int):
    name = Pattern(Path("."), "a.", "#", digits, ".png").file(number).name
    assert int(name.split(".")[1]) == number
    assert len(name) == len("a..png") + max(digits, len(str(number)))
