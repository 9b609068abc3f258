"""CMX 3600 EDLs: rates and drop-frame, dissolves, motion effects; ranges are checked against numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import opentimelineio as otio
import pytest
from edit_clips import base, numbered_clip, numbers, paint, picture, shown

from vidstyle.batch.edits.edit import Edit, read_edit
from vidstyle.core.errors import InputError

FILM, NTSC = Fraction(24000, 1001), Fraction(30000, 1001)


def read(folder: Path, text: str, name: str = "cut.edl") -> Edit:
    (folder / name).write_text(text)
    return read_edit(folder / name, base(folder))


def ranges(edit: Edit) -> list[tuple[str, int, int]]:
    """What each event needs, in the order of the edit."""
    return [(use.media.clip.path.stem, use.first, use.last) for use, _ in edit.uses]


def test_at_23_976_timecode_counts_24_frames_to_a_second(tmp_path: Path):
    numbered_clip(tmp_path / "A001.mov", 60, rate=FILM, timecode="01:00:00:00")
    edit = read(tmp_path, """TITLE: FILM
001  A001     V     C        01:00:00:12 01:00:01:12 00:00:00:00 00:00:01:00
002  A001     V     C        01:00:02:00 01:00:02:11 00:00:01:00 00:00:01:11
""")
    assert ranges(edit) == [("A001", 12, 35), ("A001", 48, 58)]
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == [list(range(12, 36)), list(range(48, 59))]
    assert "01:00:00:12 01:00:01:12 00:00:00:00 00:00:01:00" in (tmp_path / "cut_monet.edl").read_text()


@pytest.mark.parametrize("separator", [":", ";"])
def test_drop_frame_leaves_two_numbers_out_of_most_minutes(tmp_path: Path, separator: str):
    """00:00:59;28 is frame 1798 and 00:01:00;02 frame 1800; "FCM: DROP FRAME" says the same where all are colons."""
    numbered_clip(tmp_path / "A001.mov", 40, rate=NTSC, timecode="00:00:59;20")
    begin, end = f"00:00:59{separator}28", f"00:01:00{separator}06"
    edit = read(tmp_path, f"""TITLE: NTSC
FCM: DROP FRAME
001  A001     V     C        {begin} {end} 01:00:00:00 01:00:00:06
""")
    assert ranges(edit) == [("A001", 8, 13)]  # 1798 to 1803, and the clip begins at 1790
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == [list(range(8, 14))]
    text = (tmp_path / "cut_monet.edl").read_text()
    assert "FCM: DROP FRAME" in text
    assert "00:00:59;28 00:01:00;06 01:00:00;00 01:00:00;06" in text
    again = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet")
    assert [(use.first, use.last) for use, _ in again.uses] == [(0, 5)]


def test_a_source_time_is_the_timecode_of_its_media_also_in_an_edit_that_counts_another_way(tmp_path: Path):
    numbered_clip(tmp_path / "A001.mov", 60, rate=NTSC, timecode="01:00:00;00")
    edit = read(tmp_path, """TITLE: MIXED
FCM: NON-DROP FRAME
001  A001     V     C        01:00:00:10 01:00:00:20 01:00:00:00 01:00:00:10
""")
    assert ranges(edit) == [("A001", 10, 19)]
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == [list(range(10, 20))]
    assert "01:00:00;10 01:00:00;20 01:00:00:00 01:00:00:10" in (tmp_path / "cut_monet.edl").read_text()


def test_non_drop_29_97_stays_non_drop(tmp_path: Path):
    numbered_clip(tmp_path / "A001.mov", 60, rate=NTSC, timecode="01:00:00:00")
    edit = read(tmp_path, "001  A001     V     C        01:00:00:10 01:00:00:20 01:00:00:00 01:00:00:10\n")
    assert ranges(edit) == [("A001", 10, 19)]
    edit.write(paint(edit))
    text = (tmp_path / "cut_monet.edl").read_text()
    assert "FCM: NON-DROP FRAME" in text
    assert "01:00:00:10 01:00:00:20 01:00:00:00 01:00:00:10" in text


def test_source_times_count_from_zero_where_the_media_has_no_timecode_or_another(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    numbered_clip(tmp_path / "B.mov", 60, timecode="05:00:00:00")
    edit = read(tmp_path, """TITLE: ZERO
001  AX       V     C        00:00:01:00 00:00:01:10 01:00:00:00 01:00:00:10
* FROM CLIP NAME: A.mp4
002  AX       V     C        00:00:01:00 00:00:01:10 01:00:00:10 01:00:00:20
* FROM CLIP NAME: B.mov
""")
    assert ranges(edit) == [("A", 25, 34), ("B", 25, 34)]


DISSOLVE = """TITLE: DISSOLVE
FCM: NON-DROP FRAME
* A comment before the first event
001  BL       V     C        00:00:00:00 00:00:00:00 01:00:00:00 01:00:00:00
001  A        V     D    005 00:00:00:10 00:00:01:05 01:00:00:00 01:00:00:20
* TO CLIP NAME: A.mp4
002  A        V     C        00:00:01:05 00:00:01:05 01:00:00:20 01:00:00:20
002  B        V     D    010 00:00:00:05 00:00:01:05 01:00:00:20 01:00:01:20
* FROM CLIP NAME: A.mp4
* FROM CLIP: {folder}/A.mp4
* TO CLIP NAME: B.mp4
* TO CLIP: {folder}/B.mp4
003  B        V     C        00:00:01:05 00:00:01:05 01:00:01:20 01:00:01:20
003  A        V     W012 008 00:00:01:15 00:00:02:00 01:00:01:20 01:00:02:05
* FROM CLIP NAME: B.mp4
* TO CLIP NAME: A.mp4
004  A        V     C        00:00:02:00 00:00:02:00 01:00:02:05 01:00:02:05
004  BL       V     D    004 00:00:00:00 00:00:00:04 01:00:02:05 01:00:02:09
* FROM CLIP NAME: A.mp4
"""


def test_fades_dissolves_and_wipes_get_the_frames_that_they_mix(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    numbered_clip(tmp_path / "B.mp4", 60, start=100)
    edit = read(tmp_path, DISSOLVE.format(folder=tmp_path))
    # A shows 10-29 and the 10 frames of the dissolve after it; B shows 5-29 and 8 more; A 40-49 and 4 more.
    assert ranges(edit) == [("A", 10, 39), ("B", 5, 37), ("A", 40, 53)]
    assert [warning for warning in edit.warnings if "generator" not in warning] == []
    edit.write(paint(edit))
    text = (tmp_path / "cut_monet.edl").read_text()
    kinds = [line.split()[3:5] for line in text.splitlines() if line[:3].isdigit() and line.split()[3] != "C"]
    assert kinds == [["D", "005"], ["D", "010"], ["W012", "008"], ["D", "004"]]
    again = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet")
    found = [numbers(use.media.clip.path)[use.first:use.last + 1] for use, _ in again.uses]
    assert found == [list(range(10, 40)), list(range(105, 138)), list(range(40, 54))]


def test_a_dissolve_on_one_line_takes_the_event_before_as_its_start(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    numbered_clip(tmp_path / "B.mp4", 60)
    edit = read(tmp_path, """TITLE: SHORT
001  A        V     C        00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00
002  B        V     D    010 00:00:00:05 00:00:01:05 01:00:01:00 01:00:02:00
""")
    assert ranges(edit) == [("A", 0, 34), ("B", 5, 29)]


def test_a_long_first_line_of_a_dissolve_is_an_event_too(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    numbered_clip(tmp_path / "B.mp4", 60)
    edit = read(tmp_path, """TITLE: LONG
001  A        V     C        00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00
001  B        V     D    010 00:00:00:05 00:00:01:05 01:00:01:00 01:00:02:00
""")
    assert ranges(edit) == [("A", 0, 34), ("B", 5, 29)]


def test_a_motion_effect_needs_the_frames_between_its_source_times(tmp_path: Path):
    """M2 states 5.9 frames a second for a quarter of 23.976, which is 5.994: times decide, and no frame is left out."""
    numbered_clip(tmp_path / "A.mov", 900, rate=FILM)
    edit = read(tmp_path, """TITLE: SLOW
001  A        V     C        00:00:00:00 00:00:30:00 01:00:00:00 01:02:00:00
M2   A        005.9          00:00:00:00
002  A        V     C        00:00:35:00 00:00:35:01 01:02:00:00 01:02:02:00
M2   A        000.0          00:00:35:00
* FROM CLIP NAME: A.mov FF
* * FREEZE FRAME
003  A        V     C        00:00:31:00 00:00:33:00 01:02:02:00 01:02:03:00
M2   A        047.9          00:00:31:00
""")
    assert ranges(edit) == [("A", 0, 719), ("A", 840, 840), ("A", 744, 791)]
    clips = list(edit.loaded.root.find_clips())
    assert [round(clip.effects[0].time_scalar, 6) for clip in clips] == [0.25, 0, 2]


def test_a_motion_effect_that_is_lost_is_named(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    edit = read(tmp_path, """001  A        V     C        00:00:01:00 00:00:02:00 01:00:00:00 01:00:01:00
M2   A       -025.0          00:00:01:00
""")
    assert "a clip that runs backwards at full speed is written running forwards" in edit.warnings[0]


def test_times_that_disagree_are_named_and_the_source_times_used(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    edit = read(tmp_path, "001  A        V     C        00:00:01:00 00:00:01:10 01:00:00:00 01:00:00:12\n")
    assert ranges(edit) == [("A", 25, 34)]
    assert "Source and record duration don't match" in edit.warnings[0]


def test_comments_and_markers_stay_but_for_the_name_of_the_source(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 60)
    edit = read(tmp_path, """001  A        V     C        00:00:01:00 00:00:01:10 01:00:00:00 01:00:00:10
* FROM CLIP NAME: A.mp4
* SOURCE FILE: A.mp4
* GRADE WARMER
* LOC: 01:00:00:05 RED     LOOK HERE
""")
    edit.write(paint(edit))
    text = (tmp_path / "cut_monet.edl").read_text()
    assert "* GRADE WARMER" in text
    assert "* LOC: 01:00:00:05 RED     LOOK HERE" in text
    assert "SOURCE FILE" not in text


def test_an_edl_of_ours_is_read_by_the_adapter_alone(tmp_path: Path):
    numbered_clip(tmp_path / "A.mov", 60, timecode="01:00:00:00")
    edit = read(tmp_path, """TITLE: PLAIN
001  A        V     C        01:00:00:10 01:00:01:00 10:00:00:00 10:00:00:15
002  A        V     C        01:00:01:10 01:00:02:00 10:00:00:20 10:00:01:10
""")
    edit.write(paint(edit))
    read_back = otio.adapters.read_from_file(str(tmp_path / "cut_monet.edl"), rate=25)
    clips = list(read_back.find_clips())
    assert read_back.name == "PLAIN"
    assert [clip.name for clip in clips] == ["A_monet_10-24.mov", "A_monet_35-49.mov"]
    assert all(Path(clip.media_reference.target_url).exists() for clip in clips)
    assert [clip.source_range.start_time.value for clip in clips] == [90010, 90035]
    assert read_back.tracks[0][1].duration().value == 5  # the gap


def test_the_file_is_found_by_the_comment_that_names_it(tmp_path: Path):
    """Avid cuts reels to eight letters, and calls clips what the editor called them."""
    numbered_clip(tmp_path / "SC10_501.LAY3.01.mov", 60, timecode="01:00:00:00")
    numbered_clip(tmp_path / "other.mov", 60)
    edit = read(tmp_path, """TITLE:   Screening
FCM: NON-DROP FRAME
001  SC10_501 V     C        01:00:00:05 01:00:01:05 00:59:53:11 00:59:54:11
* FROM CLIP NAME:  501 (LAY3)
* SOURCE FILE: SC10_501.LAY3.01
""")
    assert ranges(edit) == [("SC10_501.LAY3.01", 5, 29)]


@pytest.mark.parametrize("name", ["sh010.1001.png", "sh010.[1001-1030].png", "sh010.[1006-1010].png"])
def test_a_sequence_is_named_by_its_span_and_a_png_alone_is_a_still(tmp_path: Path, name: str):
    """Resolve states the images that there are, Nucoda those of the event."""
    for number in range(1001, 1031):
        cv2.imwrite(str(tmp_path / f"sh010.{number}.png"), picture(number - 1001))
    text = f"""TITLE: PLATES
001  sh010    V     C        00:00:00:05 00:00:00:10 01:00:00:00 01:00:00:05
* FROM CLIP: S:\\plates\\{name}
"""
    if "[" not in name:
        with pytest.raises(InputError, match="is a still"):
            read(tmp_path, text)
        return
    edit = read(tmp_path, text)
    assert [shot.selection.frames for shot in edit.shots] == [(1006, 1010)]
    assert edit.shots[0].target.name == "sh010_monet_1006-1010.####.png"


def test_an_edl_with_other_bytes_than_utf_8_is_read(tmp_path: Path):
    numbered_clip(tmp_path / "A.mp4", 30)
    (tmp_path / "cut.edl").write_bytes("001  A  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\r\n* Café\r\n"
                                       .encode("latin-1"))
    assert ranges(read_edit(tmp_path / "cut.edl", base(tmp_path))) == [("A", 0, 24)]


def test_an_edl_whose_media_is_not_there_says_what_was_looked_for(tmp_path: Path):
    with pytest.raises(InputError, match=r"at 01:00:00:00: A001\.mov or A001 is not beside the edit; give --media"):
        read(tmp_path, "001  A001  V  C  00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n* FROM CLIP NAME: A001.mov\n")
