"""Edits of Final Cut Pro X and Resolve (FCPXML) and of Final Cut Pro 7 and Premiere (XML), as those programs write them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from edit_clips import base, numbered_clip, opened, paint, shown

from vidstyle.batch.edits.edit import Edit, read_edit

NTSC = Fraction(30000, 1001)
HOUR = 107892 * Fraction(1001, 30000)  # 01:00:00;00 in seconds


def seconds(frames: int | Fraction, zero: Fraction = Fraction(0), rate: Fraction = NTSC) -> str:
    """Frames as FCPXML states times."""
    time = zero + frames / rate
    return f"{time.numerator}/{time.denominator}s" if time.denominator > 1 else f"{time}s"


def fcpxml(spine: str, resources: str = "") -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.10">
  <resources>
    <format id="r1" name="FFVideoFormat1080p2997" frameDuration="1001/30000s" width="1920" height="1080"/>
    <asset id="r2" name="A001" start="{seconds(0, HOUR)}" duration="{seconds(120)}" hasVideo="1" hasAudio="1" format="r1">
      <media-rep kind="original-media" src="file:///Volumes/Card/A001.mov"/>
    </asset>
    <asset id="r3" name="B001" src="B001.mov" start="0s" duration="{seconds(120)}" hasVideo="1" format="r1"/>
    <asset id="r4" name="music" start="0s" duration="100s" hasAudio="1" src="music.wav"/>
    <effect id="r5" name="Basic Title" uid=".../Titles.localized/Basic Title.moti"/>
    {resources}
  </resources>
  <library><event name="Day 1"><project name="Cut 3">
    <sequence format="r1" tcStart="{seconds(0, HOUR)}" tcFormat="DF" duration="{seconds(200)}"><spine>
{spine}
    </spine></sequence>
  </project></event></library>
</fcpxml>"""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    numbered_clip(folder / "A001.mov", 120, rate=NTSC, timecode="01:00:00;00")
    numbered_clip(folder / "B001.mov", 120, rate=NTSC, start=200)
    return folder


def read(folder: Path, text: str, media: Path, name: str = "cut.fcpxml") -> Edit:
    (folder / name).write_text(text)
    return read_edit(folder / name, base(folder), media)


def ranges(edit: Edit) -> list[tuple[str, int, int]]:
    return [(use.media.clip.path.stem, use.first, use.last) for use, _ in edit.uses]


def item(tag: str, ref: str, at: int, start: str, frames: int, inside: str = "", more: str = "") -> str:
    """One element of a spine: at frame `at` of the sequence, `frames` long."""
    return (f'<{tag} ref="{ref}" name="{ref}" offset="{seconds(at, HOUR)}" start="{start}" duration="{seconds(frames)}" '
            f'{more}>{inside}</{tag}>')


def test_fcpxml_at_29_97_is_exact_to_the_frame(tmp_path: Path, media: Path):
    spine = "\n".join([item("asset-clip", "r2", 0, seconds(7, HOUR), 13), item("asset-clip", "r3", 13, seconds(29), 11),
                       item("asset-clip", "r2", 24, seconds(100, HOUR), 20)])
    edit = read(tmp_path, fcpxml(spine), media)
    assert ranges(edit) == [("A001", 7, 19), ("B001", 29, 39), ("A001", 100, 119)]
    assert not edit.warnings
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == [list(range(7, 20)), list(range(229, 240)), list(range(100, 120))]
    written = opened(tmp_path / "cut_monet.otio")
    assert written.global_start_time.value == 107892
    assert "01:00:00;00 01:00:00;13" in (tmp_path / "cut_monet.edl").read_text()


def test_fcpxml_transitions_connected_clips_gaps_titles_and_sound(tmp_path: Path, media: Path):
    connected = (f'<asset-clip ref="r3" lane="1" name="over" offset="{seconds(15, HOUR)}" start="{seconds(60)}" '
                 f'duration="{seconds(5)}"/>'
                 f'<asset-clip ref="r4" lane="-1" name="music" offset="{seconds(10, HOUR)}" duration="{seconds(90)}"/>')
    spine = "\n".join([
        item("asset-clip", "r2", 0, seconds(10, HOUR), 20, connected),
        f'<transition name="Cross Dissolve" offset="{seconds(16, HOUR)}" duration="{seconds(8)}"/>',
        item("asset-clip", "r3", 20, seconds(30), 20),
        f'<gap name="Gap" offset="{seconds(40, HOUR)}" start="3600s" duration="{seconds(10)}">'
        f'<title ref="r5" lane="1" name="Hello" offset="3600s" duration="{seconds(5)}"/></gap>',
        item("asset-clip", "r2", 50, seconds(60, HOUR), 10, more='enabled="0"')])
    edit = read(tmp_path, fcpxml(spine), media)
    # A shows 10-29, and 4 more in the dissolve; B 26-49 with its share of it; the connected clip 60-64.
    assert sorted(ranges(edit)) == [("A001", 10, 33), ("B001", 26, 49), ("B001", 60, 64)]
    assert [warning.partition(": ")[2] for warning in edit.warnings] == [
        "is disabled; it stays as it is.", "is made by a generator (title); it stays as it is."]
    tracks = {track.name: track for track in edit.loaded.root.tracks}
    assert [type(child).__name__ for child in tracks["lane 0"]] == ["Clip", "Transition", "Clip", "Gap", "Clip"]
    assert tracks["lane 1"].range_of_child_at_index(1).start_time.value == 5  # over frame 15 of A, which starts at 10
    assert tracks["lane -1"].kind == "Audio"
    edit.write(paint(edit))
    assert sorted(shown(tmp_path / "cut_monet.otio")) == [list(range(10, 30)), list(range(230, 250)), list(range(260, 265))]


def test_fcpxml_clips_that_hold_their_picture(tmp_path: Path, media: Path):
    """As FCPXML was before asset-clip, and as the sound of such a clip is attached to it."""
    sound = (f'<clip name="sound" lane="-1" offset="0s" duration="{seconds(9)}"><gap offset="0s" duration="{seconds(9)}">'
             f'<audio ref="r2" lane="-1" offset="0s" duration="{seconds(9)}"/></gap></clip>')
    spine = "\n".join([
        f'<clip name="one" offset="{seconds(0, HOUR)}" start="{seconds(30)}" duration="{seconds(9)}">'
        f'<video ref="r3" offset="0s" duration="{seconds(120)}"/>{sound}</clip>',
        f'<clip name="two" offset="{seconds(9, HOUR)}" start="{seconds(20, HOUR)}" duration="{seconds(9)}">'
        f'<video ref="r2" offset="{seconds(0, HOUR)}" start="{seconds(0, HOUR)}" duration="{seconds(120)}"/></clip>'])
    edit = read(tmp_path, fcpxml(spine), media)
    assert ranges(edit) == [("B001", 30, 38), ("A001", 20, 28)]
    assert not edit.warnings


def test_a_fade_to_black_at_the_end_is_in_the_edl(tmp_path: Path, media: Path):
    spine = "\n".join([item("asset-clip", "r3", 0, seconds(30), 20),
                       f'<transition name="Cross Dissolve" offset="{seconds(15, HOUR)}" duration="{seconds(5)}"/>'])
    edit = read(tmp_path, fcpxml(spine), media)
    assert ranges(edit) == [("B001", 30, 49)]
    edit.write(paint(edit))
    lines = (tmp_path / "cut_monet.edl").read_text().splitlines()
    events = [" ".join(line.split()[3:]) for line in lines if line[:3].isdigit()]
    assert events == ["C 00:00:00;00 00:00:00;15 01:00:00;00 01:00:00;15", "C 00:00:00;15 00:00:00;15 01:00:00;15 01:00:00;15",
                      "D 005 00:00:00;00 00:00:00;05 01:00:00;15 01:00:00;20"]


def test_fcpxml_retimes(tmp_path: Path, media: Path):
    """Half speed and a freeze; a ramp is left."""
    def times(*points: tuple[str, str]) -> str:
        return "<timeMap>" + "".join(f'<timept time="{time}" value="{value}" interp="linear"/>' for time, value in points) + (
            "</timeMap>")

    half = times(("0s", "0s"), (seconds(240), seconds(120)))
    still = times(("0s", seconds(50)), (seconds(100), seconds(50)))
    ramp = times(("0s", "0s"), (seconds(60), seconds(20)), (seconds(90), seconds(120)))
    spine = "\n".join([item("asset-clip", "r3", 0, seconds(20), 30, half), item("asset-clip", "r3", 30, seconds(10), 9, still),
                       item("asset-clip", "r3", 39, seconds(0), 9, ramp)])
    edit = read(tmp_path, fcpxml(spine), media)
    assert ranges(edit) == [("B001", 10, 24), ("B001", 50, 50)]
    assert edit.warnings == ["clip 3 (r3) at 01:00:01;09: changes its speed within the clip; it stays as it is."]


def test_fcpxml_compound_and_multicam_clips_need_what_is_shown_of_them(tmp_path: Path, media: Path):
    compound = (f'<media id="r6" name="scene"><sequence format="r1" tcStart="0s" duration="{seconds(60)}"><spine>'
                f'<asset-clip ref="r2" name="one" offset="0s" start="{seconds(0, HOUR)}" duration="{seconds(30)}"/>'
                f'<asset-clip ref="r3" name="two" offset="{seconds(30)}" start="0s" duration="{seconds(30)}"/>'
                "</spine></sequence></media>")
    cameras = (f'<media id="r7" name="cams"><multicam format="r1" tcStart="0s">'
               f'<mc-angle name="wide" angleID="w"><asset-clip ref="r2" name="wide" offset="0s" duration="{seconds(120)}"/>'
               f'</mc-angle><mc-angle name="close" angleID="c">'
               f'<asset-clip ref="r3" name="close" offset="0s" duration="{seconds(120)}"/></mc-angle></multicam></media>')
    source = '<mc-source angleID="w" srcEnable="audio"/><mc-source angleID="c" srcEnable="video"/>'
    synced = (f'<spine><asset-clip ref="r2" name="take" offset="0s" start="{seconds(0, HOUR)}" duration="{seconds(120)}"/>'
              "</spine>")
    spine = "\n".join([item("ref-clip", "r6", 0, seconds(25), 10), item("mc-clip", "r7", 10, seconds(80), 10, source),
                       item("sync-clip", "", 20, seconds(70), 10, synced)])
    edit = read(tmp_path, fcpxml(spine, compound + cameras), media)
    assert ranges(edit) == [("A001", 25, 29), ("B001", 0, 4), ("B001", 80, 89), ("A001", 70, 79)]


XMEML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="4"><sequence id="sequence-1"><name>Premiere cut</name><duration>60</duration>
<rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate>
<timecode><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><string>00:00:00;00</string><frame>0</frame>
<displayformat>DF</displayformat></timecode>
<media><video><track>
{items}
</track></video></media></sequence></xmeml>"""
FILE = """<file id="file-1"><name>A001.mov</name><pathurl>file://localhost/Volumes/Card/A001.mov</pathurl>
<rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><duration>120</duration>
<timecode><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><string>01:00:00;00</string><frame>107892</frame>
<displayformat>DF</displayformat></timecode></file>"""


def clipitem(number: int, start: int, end: int, first: int, more: str = "") -> str:
    file = FILE if number == 1 else '<file id="file-1"/>'
    return (f'<clipitem id="clipitem-{number}"><name>A001.mov</name><duration>120</duration>'
            f"<rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><start>{start}</start><end>{end}</end>"
            f"<in>{first}</in><out>{first + end - start}</out>{file}{more}</clipitem>")


def speed(percent: int, reverse: str = "FALSE", variable: int = 0) -> str:
    values = {"variablespeed": variable, "speed": percent, "reverse": reverse}
    return ("<filter><effect><name>Time Remap</name><effectid>timeremap</effectid><effecttype>motion</effecttype>"
            + "".join(f"<parameter><parameterid>{name}</parameterid><value>{value}</value></parameter>"
                      for name, value in values.items()) + "</effect></filter>")


def test_xml_of_premiere_is_exact_to_the_frame_with_its_speeds(tmp_path: Path, media: Path):
    items = [clipitem(1, 0, 20, 10), clipitem(2, 20, 30, 25, speed(200)), clipitem(3, 40, 50, 80),
             clipitem(4, 50, 60, 10, speed(100, variable=1))]
    edit = read(tmp_path, XMEML.format(items="\n".join(items)), media, "cut.xml")
    assert ranges(edit) == [("A001", 10, 29), ("A001", 50, 69), ("A001", 80, 89)]
    assert edit.warnings == ["clip 4 (A001.mov) at 00:00:01;20: changes its speed within the clip; it stays as it is."]
    edit.write(paint(edit))
    written = opened(tmp_path / "cut_monet.otio")
    clips = list(written.find_clips())
    assert [clip.source_range.start_time.value - 107892 for clip in clips[:3]] == [10, 50, 80]
    assert clips[1].effects[0].time_scalar == 2
    assert isinstance(written.tracks[0][2], otio.schema.Gap)


def test_xml_transitions_get_their_frames(tmp_path: Path, media: Path):
    """A start or end of -1 is that of the transition: the first clip is seen until frame 24, the second from frame 16."""
    items = [clipitem(1, 0, -1, 10),
             "<transitionitem><rate><timebase>30</timebase><ntsc>TRUE</ntsc></rate><start>16</start><end>24</end>"
             "<alignment>center</alignment><effect><name>Cross Dissolve</name></effect></transitionitem>",
             clipitem(2, -1, 40, 60)]
    edit = read(tmp_path, XMEML.format(items="\n".join(items)), media, "cut.xml")
    assert ranges(edit) == [("A001", 10, 33), ("A001", 60, 83)]
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == [list(range(10, 30)), list(range(64, 84))]


def test_a_url_with_spaces_around_it_is_read(tmp_path: Path, media: Path):
    """As some programs indent it."""
    text = XMEML.format(items=clipitem(1, 0, 20, 10))
    text = text.replace("<pathurl>", "<pathurl>\n    ").replace("</pathurl>", "\n  </pathurl>")
    assert ranges(read(tmp_path, text, media, "cut.xml")) == [("A001", 10, 29)]


def test_xml_that_runs_backwards_counts_from_the_end(tmp_path: Path, media: Path):
    """In 20 at -100% of 120 frames is frame 99, which is followed by 98 and so on."""
    edit = read(tmp_path, XMEML.format(items=clipitem(1, 0, 10, 20, speed(100, "TRUE"))), media, "cut.xml")
    [(_, first, last)] = ranges(edit)
    assert first <= 90
    assert last >= 99


def test_a_bundle_of_final_cut_pro_is_read(tmp_path: Path, media: Path):
    (tmp_path / "cut.fcpxmld").mkdir()
    (tmp_path / "cut.fcpxmld" / "Info.fcpxml").write_text(fcpxml(item("asset-clip", "r3", 0, seconds(5), 5)))
    edit = read_edit(tmp_path / "cut.fcpxmld", base(tmp_path), media)
    assert ranges(edit) == [("B001", 5, 9)]
    assert edit.targets[0] == tmp_path / "cut_monet.otio"


def test_a_name_ending_in_xml_may_hold_either_format(tmp_path: Path, media: Path):
    edit = read(tmp_path, fcpxml(item("asset-clip", "r3", 0, seconds(5), 5)), media, "cut.xml")
    assert ranges(edit) == [("B001", 5, 9)]


def test_several_projects_are_written_as_a_collection(tmp_path: Path, media: Path):
    text = fcpxml(item("asset-clip", "r3", 0, seconds(5), 5))
    project = text[text.index("<project"):text.index("</event>")]
    edit = read(tmp_path, text.replace("</event>", project.replace("Cut 3", "Cut 4") + "</event>"), media)
    assert ranges(edit) == [("B001", 5, 9)] * 2
    assert len(edit.shots) == 1
    written = edit.write(paint(edit))
    assert "holds one timeline" in written.warnings[0]
    assert [each.name for each in opened(written.files[0])] == ["Cut 3", "Cut 4"]
