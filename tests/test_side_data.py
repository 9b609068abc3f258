"""What clips state beside their pictures: captions and stereo tags are kept where a codec takes them, the rest is named."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from unpainted import copy, plan
from video_clips import make_clip, packets

from vidstyle.core.errors import UsageError
from vidstyle.video import open_source

FRAMES = 6
EQUIRECTANGULAR = b"""<?xml version="1.0"?><rdf:SphericalVideo
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">
<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:Stitched>true</GSpherical:Stitched>
<GSpherical:StitchingSoftware>camera</GSpherical:StitchingSoftware>
<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType></rdf:SphericalVideo>"""


def entries(index: int) -> bytes:
    """Two caption entries for frame `index`; their zeros need to be escaped in H.264 and H.265."""
    return bytes((0xFC, 0x80 | index, 0, 0xFF, 0, 0)) if index % 2 else bytes((0xFC, 0x94, 0x20 + index))


def atsc(index: int) -> bytes:
    """ATSC A/53 part 4, table 6.8."""
    data = entries(index)
    return b"GA94\x03" + bytes((0x40 | len(data) // 3, 0xFF)) + data + b"\xff"


def h264(index: int, packet: bytes) -> bytes:
    """With a message by hand before the first unit; the zeros are escaped as H.264 asks in 7.4.1."""
    body = b"\xb5\x00\x31" + atsc(index)
    unit = b"\x06\x04" + bytes((len(body),)) + body + b"\x80"
    return b"\0\0\0\1" + unit.replace(b"\0\0\xff", b"\0\0\xff").replace(b"\0\0\0", b"\0\0\3\0") + packet


def mpeg2(index: int, packet: bytes) -> bytes:
    """With user data by hand before the first slice."""
    at = packet.index(b"\0\0\1\1")
    return packet[:at] + b"\0\0\1\xb2" + atsc(index) + packet[at:]


def dvd(index: int, packet: bytes) -> bytes:
    """With user data as on DVDs."""
    at = packet.index(b"\0\0\1\1")
    return packet[:at] + b"\0\0\1\xb2CC\x01\xf8\x82\xff\x94\x20\xfe\x80\x80" + packet[at:]


def captioned(path: Path, codec: str, change: Callable[[int, bytes], bytes], skip: int = 0) -> Path:
    """A clip whose packets, from the `skip`-th frame on, are changed; frames come out of order where the codec allows."""
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream(codec, rate=25, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if codec == "libx264":
            stream.options["threads"] = "1"
        frames = [av.VideoFrame(96, 64, "yuv420p") for _ in range(FRAMES)]
        for index, frame in enumerate(frames):
            for plane in frame.planes:
                plane.update(bytes([40 + 20 * index]) * plane.buffer_size)
            frame.pts = index
        for packet in [packet for frame in (*frames, None) for packet in stream.encode(frame)]:
            index = round(packet.pts * packet.time_base * 25)
            made = av.Packet(change(index, bytes(packet)) if index >= skip else bytes(packet))
            made.pts, made.dts, made.time_base, made.is_keyframe = packet.pts, packet.dts, packet.time_base, packet.is_keyframe
            made.stream = stream
            sink.mux(made)
    return path


def captions(path: Path) -> list[bytes]:
    """The captions of every frame, in order of display, as FFmpeg reads them."""
    with av.open(str(path)) as reader:
        return [b"".join(bytes(data) for data in frame.side_data if data.type.name == "A53_CC")
                for frame in reader.decode(video=0)]


@pytest.mark.parametrize(("name", "codec", "change"), [
    ("a.mp4", "libx264", h264), ("a.ts", "libx264", h264), ("a.mkv", "libx264", h264), ("a.ts", "mpeg2video", mpeg2),
    ("a.h264", "libx264", h264), ("a.m2v", "mpeg2video", mpeg2)])
@pytest.mark.parametrize(("target", "written"), [("b.mp4", "h264"), ("b.mkv", "hevc")])
def test_captions_stay_with_their_frames(tmp_path: Path, name: str, codec: str, change: Callable[[int, bytes], bytes],
                                         target: str, written: str) -> None:
    path = captioned(tmp_path / name, codec, change)
    wanted = [entries(index) for index in range(FRAMES)]
    assert captions(path) == wanted
    source = open_source(path)
    assert plan(source, tmp_path / target, codec=written, strict=True).lost == ()
    copy(source, tmp_path / target, codec=written)
    assert captions(tmp_path / target) == wanted
    copy(source, tmp_path / f"part{target}", (2, 4), codec=written)
    assert captions(tmp_path / f"part{target}") == wanted[2:5]


def test_captions_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    """Also where the first frames have none, and where they are laid out as on DVDs."""
    late = open_source(captioned(tmp_path / "late.mp4", "libx264", h264, skip=3))
    of_dvd = open_source(captioned(tmp_path / "dvd.ts", "mpeg2video", dvd))
    bare = open_source(captioned(tmp_path / "dvd.m2v", "mpeg2video", dvd))
    for source, target, codec in ((late, "b.webm", "vp9"), (late, "b.####.png", "auto"), (of_dvd, "b.mp4", "h264"),
                                   (bare, "b.mp4", "h264")):
        assert any("closed captions" in sentence for sentence in plan(source, tmp_path / target, codec=codec).lost)
        with pytest.raises(UsageError, match=r"--strict.*captions"):
            plan(source, tmp_path / target, codec=codec, strict=True)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def with_box(path: Path, where: tuple[bytes, ...], added: bytes) -> Path:
    """The MP4 with a box at the end of the box at `where`; its index must lie behind its data, so that no place moves."""
    def inside(content: bytes, names: tuple[bytes, ...]) -> bytes:
        if not names:
            return content + added
        changed, at = b"", 0
        while at < len(content):
            size, kind = struct.unpack(">I4s", content[at:at + 8])
            body = content[at + 8:at + size]
            if kind == names[0]:
                head = {b"stsd": 8, b"avc1": 78}.get(kind, 0)
                body = body[:head] + inside(body[head:], names[1:])
            changed, at = changed + box(kind, body), at + size
        return changed

    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    path.write_bytes(inside(data, where))
    return path


ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
SPHERE = box(b"sv3d", box(b"svhd", b"\0\0\0\0x\0") + box(b"proj", box(b"prhd", bytes(16)) + box(b"equi", bytes(20))))
UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")  # of Google's Spherical Video V1


@pytest.mark.parametrize(("where", "added", "said"), [
    (ENTRY, SPHERE, r"360° tag \(equirectangular\)"), ((b"moov", b"trak"), box(b"uuid", UUID + EQUIRECTANGULAR), "360° tag"),
    (ENTRY, box(b"clap", struct.pack(">8I", 80, 1, 60, 1, 0, 1, 0, 1)), r"cropping for players \(8/8/2/2 pixels")],
    ids=["version 2", "version 1", "cropping"])
def test_what_players_would_miss_is_named(tmp_path: Path, where: tuple[bytes, ...], added: bytes, said: str) -> None:
    source = open_source(with_box(make_clip(tmp_path / "a.mp4", frames=4), where, added))
    scaled = {"size": (48, 32)}
    for target, how in (("b.mp4", scaled), ("b.mkv", {}), ("b.####.png", {})):
        with pytest.raises(UsageError, match=f"--strict.*{said}") as caught:
            plan(source, tmp_path / target, strict=True, **how)
        assert "\n" not in str(caught.value)
        assert len(plan(source, tmp_path / target, **how).lost) == 1


def stereo(path: Path) -> set[int]:
    """The arrangements of two views that FFmpeg reads in the frames: 1 is side by side, 2 top and bottom."""
    with av.open(str(path)) as reader:
        return {bytes(data)[0] for frame in reader.decode(video=0) for data in frame.side_data if data.type.name == "STEREO3D"}


def test_stereo_tags_are_written_where_a_codec_or_a_format_takes_them(tmp_path: Path) -> None:
    tagged = with_box(make_clip(tmp_path / "a.mp4", frames=10), ENTRY, box(b"st3d", b"\0\0\0\0\2"))
    assert stereo(tagged) == {1}
    source = open_source(tagged)
    for target, codec in (("b.mp4", "h264"), ("b.mov", "h264"), ("b.mkv", "hevc"), ("b.webm", "vp9")):
        assert plan(source, tmp_path / target, codec=codec, strict=True).lost == ()
        copy(source, tmp_path / target, codec=codec)
        assert stereo(tmp_path / target) == {1}
        again = open_source(tmp_path / target)  # and is read from there
        assert plan(again, tmp_path / "again.mkv", strict=True).lost == ()
    with pytest.raises(UsageError, match=r"--strict.*stereo 3D tag \(side by side\).*\.mkv"):
        plan(source, tmp_path / "c.mp4", codec="hevc", strict=True)


STEREO = EQUIRECTANGULAR.replace(b"</rdf", b"<GSpherical:StereoMode>top-bottom</GSpherical:StereoMode></rdf")


@pytest.mark.parametrize(("where", "added", "views"), [
    (ENTRY, SPHERE, set()), (ENTRY, box(b"st3d", b"\0\0\0\0\1") + SPHERE, {2}),
    ((b"moov", b"trak"), box(b"uuid", UUID + EQUIRECTANGULAR), set()), ((b"moov", b"trak"), box(b"uuid", UUID + STEREO), {2})],
    ids=["version 2", "version 2 with stereo", "version 1", "version 1 with stereo"])
@pytest.mark.parametrize(("target", "codec"), [("b.mp4", "h264"), ("b.mov", "prores"), ("b.mp4", "hevc")])
def test_a_panorama_stays_one(tmp_path: Path, where: tuple[bytes, ...], added: bytes, views: set[int], target: str,
                              codec: str) -> None:
    """FFmpeg, which reads these boxes by its own code, says the same of source and output, and reads the same packets."""
    plain = make_clip(tmp_path / "plain.mp4", frames=8, sound=[("aac", None)])
    tagged = tmp_path / "a.mp4"
    tagged.write_bytes(plain.read_bytes())
    source = open_source(with_box(tagged, where, added))
    assert plan(source, tmp_path / target, codec=codec, strict=True).lost == ()
    written = copy(source, tmp_path / target, codec=codec)
    assert written.clip.side_data == source.clip.side_data
    assert [data.text.split()[0] for data in written.clip.side_data if data.kind == "spherical"] == ["equirectangular"]
    assert stereo(tmp_path / target) == views
    without = copy(open_source(plain), tmp_path / f"without_{target}", codec=codec).clip.path
    # The places in the file point to the same bytes, of both tracks; x264 alone writes into its frames how views lie.
    assert [packets(written.clip.path, track) for track in (0, 1)] == [packets(without, track) for track in (0, 1)]
    assert written.clip.path.stat().st_size == without.stat().st_size + len(added)
    part = copy(source, tmp_path / f"part_{target}", (2, 5), codec=codec)
    assert part.clip.side_data == source.clip.side_data
    again = copy(written, tmp_path / f"again_{target}", codec=codec)
    assert again.clip.side_data == source.clip.side_data
