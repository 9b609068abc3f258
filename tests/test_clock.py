"""Clocks that begin late, or pass their end: outputs begin at the file's start, and so do the times of a range."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from unpainted import copy
from video_clips import make_clip

from vidstyle.core.errors import InputError, UsageError
from vidstyle.video import open_source

WRAP = Fraction(2**33, 90000)
"""Seconds at which the clock of a transport stream begins again at zero."""
SOUND = {".webm": "libopus", ".mkv": "aac", ".vob": "mp2", ".flv": "aac"}
CODEC = {".webm": "libvpx", ".vob": "mpeg2video"}


def late(path: Path, offset: float, **how: Any) -> Path:
    """A clip of 20 frames at 25 a second with sound, all of it `offset` seconds late."""
    options = {"output_ts_offset": str(offset)} | how.pop("container_options", {})
    time_base = {".webm": Fraction(1, 1000), ".mkv": Fraction(1, 1000)}.get(path.suffix, Fraction(1, 90000))
    shape: dict[str, Any] = {"codec": CODEC.get(path.suffix, "libx264"), "options": {"g": "6"},
                             "sound": [(SOUND.get(path.suffix, "mp2"), None)]} | how
    if path.suffix == ".vob":
        time_base = Fraction(1, 25)
    return make_clip(path, frames=20, time_base=time_base, step=round(time_base.denominator / 25), container_options=options,
                     **shape)


def shown(path: Path) -> list[float]:
    """Seconds at which each frame appears, as PyAV decodes the file."""
    with av.open(str(path)) as reader:
        return [round(frame.pts * float(frame.time_base), 4) for frame in reader.decode(video=0)]


@pytest.mark.parametrize(("name", "offset", "options"), [
    ("a.ts", 0.0, {}), ("a.m2ts", 0.0, {"mpegts_m2ts_mode": "1"}), ("a.ts", 7200.0, {}), ("a.vob", 100.0, {}),
    ("a.mkv", 3600.0, {}), ("a.webm", 900.0, {}), ("a.flv", 500.0, {}),
    ("a.ts", float(WRAP) - 0.3, {}), ("a.ts", float(WRAP) - 1.6, {}), ("a.vob", float(WRAP) - 0.9, {}),
    ("a.m2ts", float(WRAP) - 1.6, {"mpegts_m2ts_mode": "1"})])
def test_an_output_begins_where_its_source_does(tmp_path: Path, name: str, offset: float, options: dict[str, str]) -> None:
    path = late(tmp_path / name, offset, container_options=options)
    source = open_source(path)
    clip = source.clip
    assert clip.frames == 20
    begins = clip.as_dict()["start"]
    assert 0 <= begins < 0.05  # sound begins a little earlier, because its encoder does
    copy(source, tmp_path / "b.mp4")
    times = shown(tmp_path / "b.mp4")
    assert times == pytest.approx([begins + index / 25 for index in range(20)], abs=0.0011)
    with av.open(str(tmp_path / "b.mp4")) as reader:
        sound = [packet.pts * float(packet.time_base) for packet in reader.demux(audio=0) if packet.size]
    assert sound[0] == pytest.approx(0, abs=0.03)
    assert len(sound) > 15


@pytest.mark.parametrize("offset", [0.0, 7200.0, float(WRAP) - 1.6])
def test_times_of_a_range_count_from_the_start(tmp_path: Path, offset: float) -> None:
    source = open_source(late(tmp_path / "a.ts", offset, sound=()))
    clip = source.clip
    assert clip.select(start=0.0) == (0, 19)
    assert clip.select(start=0.0, end=0.2) == (0, 4)
    assert clip.select(start=0.2, end=0.4) == (5, 9)
    with pytest.raises(UsageError, match=r"--start 5 is behind .* runs from 0 to 0\.8 s"):
        clip.select(start=5.0)
    frames = list(source.decode())
    for first, last in ((5, 9), (9, 12), (19, 19)):  # on both sides of the wrap
        part = list(source.decode(first, last))
        assert [frame.index for frame in part] == list(range(first, last + 1))
        assert all((frame.image == frames[frame.index].image).all() for frame in part)


def test_pieces_of_a_stream_begin_at_their_start(tmp_path: Path) -> None:
    """A fragmented MP4 states when it plays in a stream that began hours before; it has no edit list."""
    path = late(tmp_path / "a.mp4", 0.0, sound=(), container_options={"movflags": "frag_keyframe+empty_moov"})
    data = bytearray(path.read_bytes())
    place = data.find(b"tfdt")
    while place >= 0:  # behind the name: a version, then the time of decoding of the fragment's first frame
        size = 8 if data[place + 4] == 1 else 4
        time = slice(place + 8, place + 8 + size)
        data[time] = (int.from_bytes(data[time], "big") + 5000 * 90000).to_bytes(size, "big")
        place = data.find(b"tfdt", place + 1)
    path.write_bytes(data)
    source = open_source(path)
    assert source.clip.pts[0] * source.clip.time_base == pytest.approx(5000, abs=0.1)
    assert source.clip.as_dict()["start"] == 0
    copy(source, tmp_path / "b.mp4")
    assert shown(tmp_path / "b.mp4") == [round(index / 25, 4) for index in range(20)]


def test_the_delay_that_an_edit_list_states_stays(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", pts=[25600 + 512 * index for index in range(12)])
    written = copy(open_source(path), tmp_path / "b.mp4")
    assert written.clip.pts[0] * written.clip.time_base == 2
    assert written.clip.select(start=0.0) == (0, 11)


def test_a_clock_that_jumps_back_is_refused(tmp_path: Path) -> None:
    one, two = late(tmp_path / "one.ts", 50.0), late(tmp_path / "two.ts", 0.0)
    one.write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(InputError, match=r"clock jumps back by \d+\.\d+ s after 20 frames, .* ffmpeg -i one\.ts -c copy"):
        open_source(one)
