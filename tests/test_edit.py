"""Edits as a batch uses them: the frames that each event needs, painted, and shown again by the written edit."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest
from edit_clips import base, hashes, numbered_clip, numbers, opened, paint, shown
from opentimelineio.opentime import RationalTime, TimeRange

from vidstyle.batch.edits.edit import read_edit
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.options import Options
from vidstyle.run.plan import Selection

# (clip, timecode in, timecode out, frames of the media) at 25 frames a second; A begins at 01:00:00:00, B at 00:00:00:00
# without a timecode, C at 10:59:59:20.
TEN = [("A", "01:00:00:05", "01:00:00:15", range(5, 15)), ("B", "00:00:01:00", "00:00:01:08", range(25, 33)),
       ("C", "10:59:59:24", "11:00:00:06", range(4, 11)), ("A", "01:00:01:10", "01:00:01:20", range(35, 45)),
       ("B", "00:00:00:00", "00:00:00:05", range(5)), ("A", "01:00:00:05", "01:00:00:15", range(5, 15)),
       ("C", "11:00:00:20", "11:00:01:00", range(25, 30)), ("B", "00:00:01:04", "00:00:01:12", range(29, 37)),
       ("A", "01:00:02:08", "01:00:02:10", range(58, 60)), ("C", "10:59:59:20", "10:59:59:21", range(1))]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of 60 frames, which show the numbers from 0, from 100 and from 200."""
    folder = tmp_path_factory.mktemp("media")
    numbered_clip(folder / "A.mov", 60, timecode="01:00:00:00")
    numbered_clip(folder / "B.mp4", 60, start=100)
    numbered_clip(folder / "C.mov", 60, start=200, timecode="10:59:59:20")
    return folder


def at(frames: float, rate: float = 25) -> RationalTime:
    return RationalTime(frames, rate)


def span(first: float, count: float, rate: float = 25) -> TimeRange:
    return TimeRange(at(first, rate), at(count, rate))


def save(folder: Path, *items: otio.core.Composable) -> None:
    """Write `cut.otio` with one track of these items."""
    timeline = otio.schema.Timeline("cut")
    timeline.tracks.append(otio.schema.Track("V1", kind="Video", children=list(items)))
    otio.adapters.write_to_file(timeline, str(folder / "cut.otio"))


def edl_of(events: list[tuple[str, str, str, range]]) -> str:
    """A CMX 3600 EDL as people type it, its record times one after another from 01:00:00:00."""
    lines, record = ["TITLE: TEN EVENTS", "FCM: NON-DROP FRAME", ""], 90000
    for number, (clip, begin, end, frames) in enumerate(events, 1):
        times = [otio.opentime.to_timecode(at(record + count), 25) for count in (0, len(frames))]
        lines += [f"{number:03}  {clip:8} V     C        {begin} {end} {' '.join(times)}",
                  f"* FROM CLIP NAME:  {clip}.{'mp4' if clip == 'B' else 'mov'}", ""]
        record += len(frames)
    return "\n".join(lines)


def expected() -> list[list[int]]:
    return [[{"A": 0, "B": 100, "C": 200}[clip] + frame for frame in frames] for clip, _, _, frames in TEN]


def test_an_edl_of_ten_events_shows_the_same_pictures_from_painted_files(tmp_path: Path, media: Path):
    cut = tmp_path / "cut.edl"
    cut.write_text(edl_of(TEN))
    edit = read_edit(cut, base(tmp_path), media)
    assert not edit.missing
    assert not edit.warnings
    # Events 2 and 8 overlap; event 6 is event 1 again: eight shots from ten events.
    ranges = [(shot.clip.name, shot.selection.frames) for shot in edit.shots]
    assert ranges == [("A.mov", (5, 14)), ("B.mp4", (25, 36)), ("C.mov", (4, 10)), ("A.mov", (35, 44)), ("B.mp4", (0, 4)),
                      ("C.mov", (25, 29)), ("A.mov", (58, 59)), ("C.mov", (0, 0))]
    assert edit.shots[0].target == tmp_path / "cut_monet" / "A_monet_5-14.mov"
    written = edit.write(paint(edit))
    assert [path.name for path in written.files] == ["cut_monet.otio", "cut_monet.edl"]
    assert not written.warnings
    assert shown(tmp_path / "cut_monet.otio") == expected()
    # The EDL finds the painted files by their names beside it, and shows the same.
    again = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet")
    found = [[numbers(use.media.clip.path)[frame] for frame in range(use.first, use.last + 1)] for use, _ in again.uses]
    assert found == expected()


def test_an_otio_of_ten_events_shows_the_same_pictures_from_painted_files(tmp_path: Path, media: Path):
    timeline = otio.schema.Timeline("ten", global_start_time=at(90000))
    track = otio.schema.Track("V1", kind="Video")
    timeline.tracks.append(track)
    zero = {"A": 90000, "B": 0, "C": otio.opentime.from_timecode("10:59:59:20", 25).value}
    for clip, _, _, frames in TEN:
        reference = otio.schema.ExternalReference((media / f"{clip}.{'mp4' if clip == 'B' else 'mov'}").as_uri(),
                                                  span(zero[clip], 60))
        track.append(otio.schema.Clip(clip, reference, span(zero[clip] + frames[0], len(frames))))
    otio.adapters.write_to_file(timeline, str(tmp_path / "cut.otio"))
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), handles=3)
    ranges = {(shot.clip.name, shot.selection.frames) for shot in edit.shots}
    assert ranges == {("A.mov", (2, 17)), ("B.mp4", (0, 7)), ("B.mp4", (22, 39)), ("C.mov", (0, 13)), ("A.mov", (32, 47)),
                      ("C.mov", (22, 32)), ("A.mov", (55, 59))}
    edit.write(paint(edit))
    assert shown(tmp_path / "cut_monet.otio") == expected()
    written = opened(tmp_path / "cut_monet.otio")
    first = next(iter(written.find_clips()))
    assert first.source_range == span(90005, 10)  # the painted file has the timecode of its frames
    assert first.media_reference.available_range == span(90002, 16)
    assert written.global_start_time == at(90000)
    assert read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet").shots  # ours may be read again
    edit.write([])  # and written again


def test_painted_frames_are_those_of_the_media_by_their_hashes(tmp_path: Path):
    """Without loss in the codec and without paint, the pixels are the same, bit for bit."""
    for clip, timecode in (("A", "01:00:00:00"), ("B", None), ("C", "10:59:59:20")):
        numbered_clip(tmp_path / f"{clip}.mkv", 60, codec="ffv1", pix_fmt="bgr0", timecode=timecode, start=ord(clip))
    media = {clip: hashes(tmp_path / f"{clip}.mkv") for clip in "ABC"}
    (tmp_path / "cut.edl").write_text(edl_of(TEN).replace(".mov", ".mkv").replace(".mp4", ".mkv"))
    edit = read_edit(tmp_path / "cut.edl", base(tmp_path, Options(strength=0, codec="ffv1")), handles=2)
    edit.write(paint(edit))
    asked = [[media[clip][frame] for frame in frames] for clip, _, _, frames in TEN]
    assert shown(tmp_path / "cut_monet.otio", of=hashes) == asked


def test_clips_whose_shots_are_not_painted_keep_their_source(tmp_path: Path, media: Path):
    (tmp_path / "cut.edl").write_text(edl_of(TEN))
    edit = read_edit(tmp_path / "cut.edl", base(tmp_path), media)
    first = edit.shots[0]
    first.target.parent.mkdir()
    first.target.write_bytes((media / "A.mov").read_bytes())
    written = edit.write([first.target])
    assert written.warnings == ["8 of 10 clips keep their source, because their shots are not painted."]
    clips = list(opened(written.files[0]).find_clips())
    painted = [clip.media_reference.name for clip in clips if isinstance(clip.media_reference, otio.schema.ExternalReference)]
    assert painted == ["A_monet_5-14.mov"] * 2
    assert clips[1].source_range == span(25, 8)


def test_tracks_gaps_markers_and_metadata_survive(tmp_path: Path, media: Path):
    timeline = otio.schema.Timeline("kept", metadata={"studio": {"show": "one"}})
    clip = otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(20, 10), metadata={"note": "warm"})
    clip.markers.append(otio.schema.Marker("look", span(24, 1)))
    over = otio.schema.Track("V2", kind="Video", children=[otio.schema.Gap(source_range=span(0, 7)), clip])
    under = otio.schema.Track("V1", kind="Video", children=[
        otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90010, 10))])
    sound = otio.schema.Track("A1", kind="Audio", children=[
        otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90010, 10))])
    timeline.tracks.extend([under, over, sound])
    otio.adapters.write_to_file(timeline, str(tmp_path / "cut.otio"))
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), media)
    assert len(edit.shots) == 2
    result = edit.write(paint(edit))
    assert result.warnings == ["cut_monet.edl is not written, because an EDL holds one video track, and this edit has 2; "
                               "cut_monet.otio holds the whole edit."]
    written = opened(tmp_path / "cut_monet.otio")
    assert written.metadata["studio"] == {"show": "one"}
    assert [track.name for track in written.tracks] == ["V1", "V2", "A1"]
    gap, kept = written.tracks[1]
    assert gap.duration() == at(7)
    assert kept.metadata["note"] == "warm"
    assert kept.source_range == span(0, 10)  # B has no timecode, and so its painted file begins at 0
    assert kept.markers[0].marked_range == span(4, 1)  # on the same picture
    assert written.tracks[2][0].media_reference.target_url == "A.mov"  # sound stays
    assert shown(tmp_path / "cut_monet.otio") == [list(range(10, 20)), list(range(120, 130))]


def test_what_cannot_be_painted_stays_and_is_named(tmp_path: Path, media: Path):
    disabled = otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(0, 10))
    disabled.enabled = False
    ramp = otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90000, 10),
                            effects=[otio.schema.TimeEffect("ramp")])
    save(
        tmp_path,
        otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90000, 10)),
        otio.schema.Clip("bars", otio.schema.GeneratorReference(generator_kind="SMPTEBars"), span(0, 10)),
        otio.schema.Clip("logo", otio.schema.ExternalReference("logo.png"), span(0, 10)),
        otio.schema.Clip("voice", otio.schema.ExternalReference("voice.wav"), span(0, 10)),
        ramp, disabled,
        otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(55, 10)),
    )
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), media)
    assert [shot.selection.frames for shot in edit.shots] == [(0, 9)]
    assert edit.warnings == [
        "clip 2 (bars) at 00:00:00:10: is made by a generator (SMPTEBars); it stays as it is.",
        "clip 3 (logo) at 00:00:00:20: logo.png is a still; it stays as it is.",
        "clip 4 (voice) at 00:00:01:05: voice.wav is sound; it stays as it is.",
        "clip 5 (A) at 00:00:01:15: changes its speed within the clip; it stays as it is.",
        "clip 6 (B) at 00:00:02:00: is disabled; it stays as it is.",
    ]
    assert [lost.reason.partition(": ")[2] for lost in edit.missing] == [
        "holds the frames 0-59, and the edit shows 55-64; check whether it is the right file."]


@pytest.mark.parametrize(("scalar", "frames"), [(2.0, (10, 29)), (0.5, (10, 14)), (0.0, (10, 10)), (1.25, (10, 22))])
def test_a_retimed_clip_needs_the_frames_that_it_shows(tmp_path: Path, media: Path, scalar: float, frames: tuple[int, int]):
    effect = otio.schema.LinearTimeWarp(time_scalar=scalar) if scalar else otio.schema.FreezeFrame()
    clip = otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(10, 10), effects=[effect])
    save(tmp_path, clip)
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), media)
    assert [shot.selection.frames for shot in edit.shots] == [frames]
    edit.write(paint(edit))
    [written] = opened(tmp_path / "cut_monet.otio").find_clips()
    assert [each.time_scalar for each in written.effects] == [scalar]
    assert written.source_range == span(0, 10)
    again = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet")
    assert [(use.first, use.last) for use, _ in again.uses] == [(0, frames[1] - frames[0])]


@pytest.mark.parametrize(("rate", "edit_rate", "first", "frames"), [
    (Fraction(50), 25.0, 10, (20, 39)), (Fraction(25), 50.0, 20, (10, 14)), (Fraction(24000, 1001), 24.0, 10, (10, 19)),
    (Fraction(24000, 1001), 25.0, 10, (9, 19)), (Fraction(24000, 1001), 23.98, 10, (10, 19))])
def test_an_edit_may_count_at_another_rate_than_its_media(tmp_path: Path, rate: Fraction, edit_rate: float, first: int,
                                                          frames: tuple[int, int]):
    """Ten frames of the edit; at 25 in 23.976 they are 9.59 to 19.18 of the media. Rounded forms of a rate are that rate."""
    numbered_clip(tmp_path / "A.mov", 60, rate=rate)
    save(tmp_path, otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(first, 10, edit_rate)))
    [shot] = read_edit(tmp_path / "cut.otio", base(tmp_path)).shots
    assert shot.selection.frames == frames


def test_a_clip_of_varying_rate_goes_by_its_times(tmp_path: Path):
    """Frames are shown for one and three 25ths in turn: those from 10 to 20 are 5 (until 12), 6 and 7, 8 and 9, and 10."""
    numbered_clip(tmp_path / "A.mp4", 30, pts=[index // 2 * 4 + index % 2 for index in range(30)])
    save(tmp_path, otio.schema.Clip("A", otio.schema.ExternalReference("A.mp4"), span(10, 11)))
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path))
    assert [shot.selection.frames for shot in edit.shots] == [(5, 10)]
    edit.write(paint(edit))
    [clip] = opened(tmp_path / "cut_monet.otio").find_clips()
    assert clip.source_range.start_time.to_seconds() == pytest.approx(1 / 25)  # frame 5 begins at 9


def test_a_clip_that_runs_backwards_has_its_frames_by_either_reading(tmp_path: Path, media: Path):
    clip = otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(30, 10),
                            effects=[otio.schema.LinearTimeWarp(time_scalar=-1)])
    save(tmp_path, clip)
    [shot] = read_edit(tmp_path / "cut.otio", base(tmp_path), media).shots
    first, last = shot.selection.frames
    assert first <= 21  # 30 down to 21
    assert last >= 39  # or 39 down to 30


def test_a_dissolve_needs_frames_of_both_clips_beyond_the_cut(tmp_path: Path, media: Path):
    save(tmp_path, otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90010, 20)),
         otio.schema.Transition("mix", "SMPTE_Dissolve", in_offset=at(4), out_offset=at(6)),
         otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(20, 20)))
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), media)
    assert [(shot.clip.name, shot.selection.frames) for shot in edit.shots] == [("A.mov", (10, 35)), ("B.mp4", (16, 39))]
    edit.write(paint(edit))
    written = opened(tmp_path / "cut_monet.otio")
    assert written.tracks[0][1].out_offset == at(6)
    assert shown(tmp_path / "cut_monet.otio") == [list(range(10, 30)), list(range(120, 140))]
    # In an EDL the dissolve begins with the second event, whose first frame is 16.
    again = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet")
    assert [(use.first, use.last) for use, _ in again.uses] == [(0, 25), (0, 23)]
    lines = (tmp_path / "cut_monet.edl").read_text().splitlines()
    assert "002  A_monet_10-35 V     C        01:00:01:01 01:00:01:01 00:00:00:16 00:00:00:16" in lines
    assert "002  B_monet_16-39 V     D 010    00:00:00:00 00:00:00:24 00:00:00:16 00:00:01:15" in lines


def test_a_nested_clip_needs_only_what_is_shown_of_it(tmp_path: Path, media: Path):
    inside = otio.schema.Stack("scene", [otio.schema.Track("V1", kind="Video", children=[
        otio.schema.Clip("A", otio.schema.ExternalReference("A.mov"), span(90000, 30)),
        otio.schema.Clip("B", otio.schema.ExternalReference("B.mp4"), span(0, 30))])], source_range=span(25, 10))
    save(tmp_path, inside)
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path), media)
    assert [(shot.clip.name, shot.selection.frames) for shot in edit.shots] == [("A.mov", (25, 29)), ("B.mp4", (0, 4))]
    written = edit.write(paint(edit))
    assert "nested" in written.warnings[0]
    clips = list(opened(tmp_path / "cut_monet.otio").find_clips())
    assert clips[0].source_range == span(90000, 30)
    assert clips[0].media_reference.available_range == span(90025, 5)


def test_an_edit_that_somebody_else_wrote_is_not_written_over(tmp_path: Path, media: Path):
    (tmp_path / "cut.edl").write_text(edl_of(TEN))
    (tmp_path / "cut_monet.otio").write_text("mine")
    with pytest.raises(UsageError, match=r"cut_monet\.otio: exists already and was not written by vidstyle"):
        read_edit(tmp_path / "cut.edl", base(tmp_path), media)


def test_what_an_edit_states_itself_is_refused(tmp_path: Path, media: Path):
    (tmp_path / "cut.edl").write_text(edl_of(TEN))
    with pytest.raises(UsageError, match="leave --frames, --start and --end out"):
        read_edit(tmp_path / "cut.edl", replace(base(tmp_path), selection=Selection(frames=(0, 9))), media)
    with pytest.raises(UsageError, match="no style is given"):
        read_edit(tmp_path / "cut.edl", replace(base(tmp_path), styles=()), media)


def test_without_opentimelineio_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(UsageError, match="pip install opentimelineio otio-cmx3600-adapter"):
        read_edit(tmp_path / "cut.edl", base(tmp_path))


@pytest.mark.parametrize(("name", "text", "message"), [
    ("cut.otio", "no json", "is no OTIO that can be read"),
    ("cut.xml", "<xmeml", "is no Final Cut Pro 7 XML that can be read"),
    ("cut.fcpxml", "<fcpxml><resources/></fcpxml>", "holds no project"),
    ("cut.edl", "001  A  V  Q  nonsense", "is not an EDL that can be read"),
    ("cut.otio", '{"OTIO_SCHEMA": "Timeline.1", "name": "empty", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": []}}',
     "has no clip that can be painted"),
])
def test_a_file_that_is_no_edit_is_refused_in_a_sentence(tmp_path: Path, name: str, text: str, message: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_edit(tmp_path / name, base(tmp_path))


def test_a_sequence_is_painted_as_a_sequence(tmp_path: Path):
    import cv2
    from edit_clips import number_of, picture

    (tmp_path / "plates").mkdir()
    for number in range(1001, 1031):
        cv2.imwrite(str(tmp_path / "plates" / f"sh010.{number}.png"), picture(number - 1000))
    reference = otio.schema.ImageSequenceReference("plates/", "sh010.", ".png", start_frame=1001, rate=24,
                                                   frame_zero_padding=4, available_range=span(1001, 30, 24))
    save(tmp_path, otio.schema.Clip("sh010", reference, span(1006, 8, 24)))
    edit = read_edit(tmp_path / "cut.otio", base(tmp_path, Options(strength=0)), handles=2)
    assert [shot.selection.frames for shot in edit.shots] == [(1004, 1015)]
    edit.write(paint(edit))
    [clip] = opened(tmp_path / "cut_monet.otio").find_clips()
    images = [clip.media_reference.target_url_for_image_number(clip.media_reference.frame_for_time(time) - 1004)
              for time in (at(frame, 24) for frame in range(1006, 1014))]
    assert [number_of(cv2.imread(image)) for image in images] == list(range(6, 14))
    assert Fraction(clip.source_range.start_time.value) == 1006
    [(use, _)] = read_edit(tmp_path / "cut_monet.edl", base(tmp_path), tmp_path / "cut_monet").uses
    assert (use.media.clip.number(use.first), use.media.clip.number(use.last)) == (1006, 1013)


def test_the_name_of_a_shot_follows_the_codec(tmp_path: Path, media: Path):
    (tmp_path / "cut.edl").write_text(edl_of(TEN[:1]))
    options = Options(strength=0.0, codec="ffv1")
    [shot] = read_edit(tmp_path / "cut.edl", base(tmp_path, options), media).shots
    assert shot.target.name == "A_monet_5-14.mkv"
