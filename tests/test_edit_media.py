"""Finding the media of an edit: by its URL, by its name beside the edit, and by its name in a folder."""

from __future__ import annotations

from pathlib import Path

import av
import opentimelineio as otio
import pytest
from edit_clips import base, numbered_clip, numbers, paint
from opentimelineio.opentime import RationalTime, TimeRange

from vidstyle.batch.edits.edit import Edit, read_edit
from vidstyle.core.errors import InputError, UsageError
from vidstyle.video import probe

SPAN = TimeRange(RationalTime(2, 25), RationalTime(3, 25))


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return numbered_clip(tmp_path_factory.mktemp("clip") / "a.mov", 8).read_bytes()


def cut(folder: Path, *clips: tuple[str, str], media: Path | None = None) -> Edit:
    """An edit of clips with a name and a URL each, read; its media is in `folder`."""
    timeline = otio.schema.Timeline("cut")
    references = [otio.schema.ExternalReference(url) if url else otio.schema.MissingReference() for _, url in clips]
    timeline.tracks.append(otio.schema.Track("V1", kind="Video", children=[
        otio.schema.Clip(name, reference, SPAN) for (name, _), reference in zip(clips, references, strict=True)]))
    otio.adapters.write_to_file(timeline, str(folder / "cut.otio"))
    return read_edit(folder / "cut.otio", base(folder), media)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("url", [
    "clips/take 1 #2.mov", "clips/take%201%20%232.mov", "file:clips/take%201%20%232.mov", "{folder}/clips/take 1 #2.mov",
    "file://{folder}/clips/take%201%20%232.mov", "file://localhost{folder}/clips/take%201%20%232.mov",
    "file://{folder}/clips/take 1 #2.mov"])
def test_a_url_is_a_path_or_a_file_url_encoded_or_not(tmp_path: Path, movie: bytes, url: str):
    clip = put(tmp_path / "clips" / "take 1 #2.mov", movie)
    [shot] = cut(tmp_path, ("take", url.format(folder=tmp_path))).shots
    assert shot.clip.samefile(clip)


@pytest.mark.parametrize(("name", "url"), [
    ("x", "file:///Volumes/Card/A001.mov"), ("x", "C:\\footage\\A001.mov"), ("x", "file:///C%3A/footage/a001.MOV"),
    ("A001.mov", ""), ("A001", ""), ("A001.mxf", ""), ("A001", "/Volumes/gone.r3d")])
def test_a_file_that_moved_is_found_by_its_name(tmp_path: Path, movie: bytes, name: str, url: str):
    clip = put(tmp_path / "all" / "day 1" / "A001.mov", movie)
    (tmp_path / "edit").mkdir()
    [shot] = cut(tmp_path / "edit", (name, url), media=tmp_path / "all").shots
    assert shot.clip == clip


def test_what_is_beside_the_edit_is_nearer_than_the_folder(tmp_path: Path, movie: bytes):
    put(tmp_path / "media" / "A001.mov", movie)
    beside = put(tmp_path / "A001.mov", movie)
    [shot] = cut(tmp_path, ("A001", ""), media=tmp_path / "media").shots
    assert shot.clip == beside


def test_of_two_files_the_one_in_the_folder_of_the_same_name_is_meant(tmp_path: Path, movie: bytes):
    put(tmp_path / "media" / "day1" / "A001.mov", movie)
    second = put(tmp_path / "media" / "day2" / "A001.mov", movie)
    [shot] = cut(tmp_path, ("A001", "/Volumes/old/day2/A001.mov"), media=tmp_path / "media").shots
    assert shot.clip == second


def test_clips_of_one_name_from_two_folders_get_names_of_their_own(tmp_path: Path, movie: bytes):
    for day in ("day1", "day2"):
        put(tmp_path / day / "A001.mov", movie)
    edit = cut(tmp_path, ("A001", "day1/A001.mov"), ("A001", "day2/A001.mov"))
    assert [shot.target.name for shot in edit.shots] == ["day1_A001_monet_2-4.mov", "day2_A001_monet_2-4.mov"]


def test_a_file_with_two_names_is_painted_once(tmp_path: Path, movie: bytes):
    clip = put(tmp_path / "A001.mov", movie)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "A001.mov").symlink_to(clip)
    edit = cut(tmp_path, ("A001", clip.as_uri()), ("A001", ""), ("A001", "A001.mov"), ("A001", "linked/A001.mov"))
    assert [shot.target.name for shot in edit.shots] == ["A001_monet_2-4.mov"]
    assert len(edit.uses) == 4


def test_two_files_of_one_name_are_named_and_the_rest_is_painted(tmp_path: Path, movie: bytes):
    for path in ("media/day1/A001.mov", "media/day2/A001.mov", "media/B001.mov"):
        put(tmp_path / path, movie)
    edit = cut(tmp_path, ("A001", ""), ("B001", ""), ("C001", "C001.mov"), media=tmp_path / "media")
    assert [shot.clip.name for shot in edit.shots] == ["B001.mov"]
    media = tmp_path / "media"
    assert [lost.shot.origin for lost in edit.missing] == ["cut.otio, clip 1 (A001) at 00:00:00:00",
                                                           "cut.otio, clip 3 (C001) at 00:00:00:06"]
    assert [lost.reason for lost in edit.missing] == [
        f"A001 may be {media}/day1/A001.mov or {media}/day2/A001.mov; "
        "give a --media FOLDER that holds one of them.",
        f"C001.mov or C001 is neither beside the edit nor in {media}; check --media."]


def test_media_that_cannot_be_read_is_missing(tmp_path: Path, movie: bytes):
    put(tmp_path / "A001.mov", movie[:200])
    put(tmp_path / "B001.mov", movie)
    edit = cut(tmp_path, ("A001", ""), ("B001", ""))
    assert len(edit.missing) == 1
    assert "A001.mov: is a cut-off or damaged MP4" in edit.missing[0].reason


def test_a_painted_file_is_not_taken_for_its_source(tmp_path: Path, movie: bytes):
    put(tmp_path / "cut_monet" / "A001_monet_2-4.mov", movie)
    with pytest.raises(InputError, match="is neither beside"):
        cut(tmp_path, ("A001", ""), media=tmp_path)


def test_media_that_is_no_folder_is_refused(tmp_path: Path, movie: bytes):
    with pytest.raises(UsageError, match=r"--media .* is no folder"):
        cut(tmp_path, ("A001", ""), media=put(tmp_path / "A001.mov", movie))


@pytest.mark.parametrize("late", [1.4, 36000])
@pytest.mark.parametrize("pts", [None, [0, 1, 2, 5, 6, 8, 9, 10]])
def test_media_whose_clock_begins_late_is_counted_from_its_first_frame(tmp_path: Path, late: float, pts: list[int] | None):
    """As of transport streams, by 1.4 s or by the hours of a camera; editing programs show them from zero."""
    plain = numbered_clip(tmp_path / "plain.mp4", 8, pts=pts)
    with av.open(str(plain)) as reader, av.open(str(tmp_path / "a.ts"), "w",
                                                container_options={"output_ts_offset": str(late)}) as writer:
        out = writer.add_stream_from_template(reader.streams.video[0])
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = out
                writer.mux(packet)
    clip = probe(tmp_path / "a.ts")
    assert float(clip.pts[0] * clip.time_base) >= late
    edit = cut(tmp_path, ("a", "a.ts"))
    shown = [2, 3, 4] if pts is None else [2]  # from 0.08 s up to 0.2 s, where the next one of uneven times appears
    [shot] = edit.shots
    painted = paint(edit)
    assert shot.selection.frames == (shown[0], shown[-1])
    assert numbers(painted[0]) == shown
    written = edit.write(painted).files[0]
    span = otio.adapters.read_from_file(str(written)).find_clips()[0]
    assert span.media_reference.target_url.endswith(painted[0].name)
    assert span.source_range.start_time.to_seconds() == pytest.approx(0, abs=0.001)
