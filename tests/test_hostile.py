"""Hostile files: nothing else is opened, nothing unpacks beyond its limit, no code in a file runs, no input is written to."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from video_clips import make_clip, write_sound

from vidstyle.cli import execute
from vidstyle.errors import InputError, OutputError, UsageError, VidstyleError
from vidstyle.files import check_plain, inside, is_one_of, write_whole
from vidstyle.options import Options, load_options
from vidstyle.pictures import read_picture, write_png
from vidstyle.plan import Selection, Style, plan_video
from vidstyle.stylizers.feedforward import load_network, save_network
from vidstyle.stylizers.network import PaintNetwork
from vidstyle.video import check_target, decode, probe
from vidstyle.video.source import MOST_PIXELS, MOST_STREAMS, demuxed
from vidstyle.weights import load_state_dict


def one_sentence(error: BaseException) -> bool:
    return "\n" not in str(error) and str(error).endswith(".")


SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{canary}'\n",
    "ffconcat unsafe": "ffconcat version 1.0\nfile 'file:{canary}'\nfile 'http://127.0.0.1:9/x.mp4'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{canary}\n#EXT-X-ENDLIST\n",
    "hls key": "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"file://{canary}\"\n#EXTINF:1,\n{canary}\n#EXT-X-ENDLIST\n",
    "dash": "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><Period><AdaptationSet><Representation>"
            "<BaseURL>{canary}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "image list": "{canary}\n{canary}\n",
    "edl": "# mpv EDL v0\n{canary},0,1\n",
    "svg": "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">"
           "<image xlink:href=\"{canary}\"/></svg>",
}


def opened_by(command: list[str], log: Path) -> str:
    """Every file name that `command` opens and every address that it calls, as the kernel saw them."""
    tracer = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=open,openat,connect", "-o", str(log)]
    subprocess.run([*tracer, sys.executable, *command], check=False, capture_output=True, timeout=300)
    return log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_that_is_named_a_clip_or_a_picture_is_refused(tmp_path: Path, name: str, extension: str) -> None:
    canary = make_clip(tmp_path / "canary.mp4", frames=2)
    path = tmp_path / f"clip{extension}"
    path.write_text(SCRIPTS[name].format(canary=canary))
    before = os.stat(canary).st_atime_ns
    for read in (probe, read_picture):
        with pytest.raises(InputError) as caught:
            read(path)
        assert one_sentence(caught.value)
    assert os.stat(canary).st_atime_ns == before


def with_reference(path: Path, canary: Path) -> Path:
    """An MP4 whose samples are said to lie in another file, by QuickTime's alias and by a URL."""
    data = path.read_bytes()
    old = struct.pack(">I4sI", 12, b"url ", 1)
    at = data.index(old)
    name = str(canary).encode()
    # As ISO 14496-12 writes a URL; FFmpeg reads QuickTime's `alis` likewise only where it is asked to.
    entry = struct.pack(">I4sI", 12 + len(name) + 1, b"url ", 0) + name + b"\0"
    grown, out = len(entry) - len(old), bytearray(data[:at] + entry + data[at + len(old):])
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = data.rindex(box, 0, at) - 4
        size = int.from_bytes(out[place:place + 4], "big") + grown
        out[place:place + 4] = size.to_bytes(4, "big")
    path.write_bytes(out)
    return path


def test_nothing_but_the_input_is_opened(tmp_path: Path) -> None:
    if subprocess.run(["sh", "-c", "command -v strace && strace -o /dev/null true"], capture_output=True).returncode:
        pytest.skip("strace is not here or may not trace")
    canary = make_clip(tmp_path / "canary.mp4", frames=2)
    paths = [with_reference(make_clip(tmp_path / "reference.mp4", frames=2), canary)]
    for number, text in enumerate(SCRIPTS.values()):
        paths.append(tmp_path / f"script{number}.mp4")
        paths[-1].write_text(text.format(canary=canary))
    program = ("import sys, pathlib, vidstyle.video as v, vidstyle.errors as e\n"
               "for name in sys.argv[1:]:\n"
               "    try: list(v.decode(v.probe(pathlib.Path(name))))\n"
               "    except e.VidstyleError: pass\n")
    seen = opened_by(["-c", program, *map(str, paths)], tmp_path / "trace")
    assert all(str(path) in seen for path in paths)  # the trace works
    assert str(canary) not in seen
    assert "AF_INET" not in seen


def test_only_plain_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "circle.mp4").symlink_to("circle.mp4")
    for read, path in ((probe, tmp_path / "pipe.mp4"), (read_picture, tmp_path / "pipe.png"), (probe, Path("/dev/zero")),
                       (read_picture, Path("/dev/zero")), (load_network, Path("/dev/zero")), (probe, Path("a\0b.mp4")),
                       (load_state_dict, Path("/dev/zero")), (load_network, tmp_path / "pipe.mp4"),
                       (probe, tmp_path / "circle.mp4")):
        with pytest.raises(InputError) as caught:
            read(path)
        assert one_sentence(caught.value)
    with pytest.raises(UsageError, match="not a plain file"):
        load_options(config=tmp_path / "pipe.png")
    assert check_plain(make_clip(tmp_path / "a.mp4", frames=1), "a video file") > 0


@pytest.mark.parametrize("name", ["a:b.mp4", "-x.mp4", "file:a.mp4", "concat:a|b.mp4", "http:x.mp4", "subfile,,start,0.mp4",
                                  "%04d.mp4", "a b'c\"d;$(x).mp4", "päinting.mp4", "line\nbreak.mp4"])
def test_a_name_is_a_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clip(tmp_path / "plain.mp4", frames=2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(decode(probe(Path(name))))) == 2


def test_a_name_that_begins_with_a_dash_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    make_clip(tmp_path / "plain.mp4", frames=2).rename(tmp_path / "-x.mp4")
    monkeypatch.chdir(tmp_path)
    assert execute(["probe", "--", "-x.mp4"]) == 0
    assert "-x.mp4" in capsys.readouterr().out


def test_text_in_a_file_does_not_drive_the_terminal(tmp_path: Path, capsys) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as sink:
        stream = sink.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        track = sink.add_stream("mp2", rate=48000, layout="mono")
        track.metadata["title"] = "\x1b[2J\x1b]0;owned\x07\r"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        sink.mux(stream.encode(frame))
        sink.mux(stream.encode(None))
        write_sound(sink, track, 0.1)
    assert execute(["probe", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "owned" in printed
    assert "\x1b" not in printed
    assert "\r" not in printed


def png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that states any size."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (65535, 65535), (20000, 20000), (1, 2**30), (0, 0)])
def test_a_picture_that_unpacks_to_more_than_the_memory(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    with pytest.raises(InputError, match=r"million pixels|not a picture") as caught:
        read_picture(tmp_path / "bomb.png")
    assert one_sentence(caught.value)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_pictures_of_each_kind_are_read_and_cut_ones_are_not(tmp_path: Path, extension: str) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8), (0, 0), 2)
    path = tmp_path / f"a{extension}"
    data = cv2.imencode(extension, image)[1].tobytes()
    path.write_bytes(data)
    assert read_picture(path).shape == (3, 40, 60)
    for share in (0.1, 0.5, 0.8):
        path.write_bytes(data[:int(len(data) * share)])
        with pytest.raises(InputError) as caught:
            read_picture(path)
        assert one_sentence(caught.value)


def test_a_picture_of_another_kind_says_what_to_do(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.ppm"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="save it as PNG or JPEG"):
        read_picture(tmp_path / "a.ppm")


def test_a_clip_that_states_too_large_a_picture(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=2, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0") + 5  # height and width of a JPEG's frame header
    data[at:at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        probe(path)
    assert one_sentence(caught.value)


def test_a_header_that_states_too_large_a_picture(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="rawvideo", frames=2, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 12
    data[header:header + 8] = struct.pack("<ii", 16384, 8192)
    path.write_bytes(data)
    with pytest.raises(InputError, match="million") as caught:
        probe(path)
    assert one_sentence(caught.value)
    assert MOST_PIXELS < 16384 * 8192


def test_a_picture_that_grows_on_the_way_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=4, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    at = 0
    for _ in range(3):
        at = data.index(b"\xff\xc0", at) + 5
    data[at:at + 4] = b"\xff\x00\xff\x00"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(decode(probe(path)))
    assert one_sentence(caught.value)
    assert [frame.damage for frame in decode(probe(path, "hold"))] == ["", "", "held", ""]


def test_more_streams_than_a_film_has(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as sink:
        for _ in range(MOST_STREAMS + 1):
            stream = sink.add_stream("mpeg4", rate=25)
            stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        for stream in sink.streams.video:
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            sink.mux(stream.encode(frame))
            sink.mux(stream.encode(None))
    with pytest.raises(InputError, match=f"{MOST_STREAMS + 1} streams"):
        probe(path)


def test_more_frames_and_longer_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = make_clip(tmp_path / "long.mkv", pts=[0, 25 * 3600 * 24 * 8], time_base=Fraction(1, 25), options={"bf": "0"})
    with pytest.raises(InputError, match="more than a week"):
        probe(long)
    monkeypatch.setattr(sys.modules["vidstyle.video.probe"], "MOST_FRAMES", 5)
    with pytest.raises(InputError, match="more than 5 frames"):
        probe(make_clip(tmp_path / "many.mp4", frames=6))


class Bomb:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch owned",)


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.safetensors", "bare.safetensors", "net.ckpt"])
def test_a_pickled_network_is_refused_unread(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name.startswith("bare"):
        Path(name).write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"weights": Bomb()}, name)
    with pytest.raises(InputError, match="is a pickle") as caught:
        load_network(Path(name))
    assert one_sentence(caught.value)
    with pytest.raises(InputError) as caught:
        load_state_dict(Path(name))
    assert one_sentence(caught.value)
    assert not Path("owned").exists()


def test_an_archive_that_unpacks_to_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(2 << 20))
    assert (tmp_path / "bomb.pth").stat().st_size < 1 << 14
    with pytest.raises(InputError, match="not a file of weights"):
        load_state_dict(tmp_path / "bomb.pth")
    monkeypatch.setattr("vidstyle.weights.MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="holds more than"):
        load_state_dict(tmp_path / "bomb.pth")


@pytest.mark.parametrize("change", [
    {"width": "1000000000"}, {"width": "-1"}, {"width": "16"}, {"blocks": "1000000000"}, {"blocks": "x"}, {"keep": "nan"},
    {"keep": "1e9"}, {"soft": "0"}, {"soft": "9" * 5000}, {"width": None}])
def test_hostile_metadata_of_a_network(tmp_path: Path, change: dict[str, str | None]) -> None:
    path = tmp_path / "net.safetensors"
    about = {"width": "8", "blocks": "1", "keep": "0.9", "soft": "3"} | change
    save_file(PaintNetwork(width=8, blocks=1).state_dict(), path, {key: text for key, text in about.items() if text})
    with pytest.raises(InputError, match="is not a network") as caught:
        load_network(path)
    assert one_sentence(caught.value)


def test_hostile_tensors_of_a_network(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    about = {"width": "8", "blocks": "1", "keep": "0.9", "soft": "3"}
    good = PaintNetwork(width=8, blocks=1).state_dict()
    name = next(iter(good))
    for bad in ({**good, name: good[name].repeat(2, 1, 1, 1)}, {**good, "more": torch.zeros(1)}, {name: good[name]},
                {**good, name: good[name] * float("nan")}):
        save_file(bad, path, about)
        with pytest.raises(InputError, match="is not a network") as caught:
            load_network(path)
        assert one_sentence(caught.value)
    header = b'{"x":{"dtype":"F32","shape":[99999999999,99999999],"data_offsets":[0,9]}}'
    for head in (header, b'{"__metadata__":' + b"[" * 9000, b"{}"):
        for length in (len(head), 2**63, 2**64 - 1, 0):
            path.write_bytes(struct.pack("<Q", length) + head + bytes(9))
            for load in (load_network, load_state_dict):
                with pytest.raises(VidstyleError) as caught:
                    load(path)
                assert one_sentence(caught.value)


def test_a_config_names_only_files_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    (folder / "nets").mkdir(parents=True)
    (tmp_path / "secret.safetensors").touch()
    (folder / "link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    (folder / "out").symlink_to(tmp_path)
    config = folder / "my.toml"
    for name in ("../secret.safetensors", str(tmp_path / "secret.safetensors"), "link.safetensors", "out/new.safetensors",
                 "nets/../../x.safetensors", "a\\u0000b"):
        for key, text in (("network", name), ("flow", f"raft-small={name}")):
            config.write_text(f'{key} = "{text}"')
            with pytest.raises(UsageError, match="not inside") as caught:
                load_options(config=config)
            assert one_sentence(caught.value)
    config.write_text('network = "nets/a.safetensors"\nflow = "raft-small=nets/../raft.pth"')
    options = load_options(config=config)
    assert options.network == folder / "nets/a.safetensors"
    assert options.flow == f"raft-small={folder}/nets/../raft.pth"
    assert load_options(config=config, network=tmp_path / "secret.safetensors").network == tmp_path / "secret.safetensors"
    assert inside(folder, "new.mp4", "list") == folder / "new.mp4"


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "size = " + "9" * 5000, "#" * (1 << 20) + "\n", "\xff"])
def test_a_hostile_config_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.toml").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        load_options(config=tmp_path / "my.toml")
    assert one_sentence(caught.value)


@pytest.fixture
def job(tmp_path: Path) -> tuple[Path, list[Style], Options]:
    clip = make_clip(tmp_path / "clip.mp4", frames=2)
    write_png(tmp_path / "style.png", torch.rand(3, 32, 32))
    save_network(PaintNetwork(width=8, blocks=1), tmp_path / "net.safetensors", {})
    return clip, [Style(tmp_path / "style.png")], Options(network=tmp_path / "net.safetensors", device="cpu", size=32)


@pytest.mark.parametrize("kind", ["itself", "symbolic", "hard"])
@pytest.mark.parametrize("victim", ["clip.mp4", "style.png", "net.safetensors"])
def test_no_input_is_written_to_by_any_name(tmp_path: Path, job: tuple[Path, list[Style], Options], victim: str,
                                            kind: str) -> None:
    source, styles, options = job
    target = tmp_path / "out.mp4"
    if kind == "symbolic":
        target.symlink_to(tmp_path / victim)
    elif kind == "hard":
        os.link(tmp_path / victim, target)
    else:
        target = tmp_path / victim
    before = (tmp_path / victim).read_bytes()
    with pytest.raises(OutputError, match="never written to"):
        plan_video(source, styles, target, options, Selection(), overwrite=True)
    assert (tmp_path / victim).read_bytes() == before


def test_the_passing_name_of_an_output_is_no_input_either(tmp_path: Path, job: tuple[Path, list[Style], Options]) -> None:
    source, styles, options = job
    part = source.rename(tmp_path / "out.mp4.part")
    with pytest.raises(OutputError, match="goes by a name"):
        plan_video(part, styles, tmp_path / "out.mp4", options, Selection())
    assert probe(part).frames == 2


def test_a_preview_sheet_does_not_replace_the_style(tmp_path: Path, job: tuple[Path, list[Style], Options], capsys) -> None:
    source, styles, _ = job
    before = styles[0].path.read_bytes()
    command = ["preview", str(source), "--style", str(styles[0].path), "-o", str(tmp_path / "style.mp4"), "--overwrite",
               "--network", str(tmp_path / "net.safetensors"), "--size", "32"]
    assert execute(command) == 4
    assert "never written to" in capsys.readouterr().err
    assert styles[0].path.read_bytes() == before


def test_a_network_is_no_other_input(job: tuple[Path, list[Style], Options]) -> None:
    source, styles, _ = job
    with pytest.raises(UsageError, match="as well"):
        plan_video(source, styles, None, Options(network=source, device="cpu"), Selection())
    with pytest.raises(UsageError, match=r"\.safetensors"):
        plan_video(source, styles, None, Options(network=source.with_name("new.pth"), device="cpu"), Selection())


def test_a_link_in_place_of_the_passing_name_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "a.png.part").symlink_to(tmp_path / "precious")
    write_png(tmp_path / "a.png", torch.zeros(3, 4, 4))
    assert (tmp_path / "precious").read_text() == "mine"
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "none" / "a", b"x")


def test_one_file_by_two_names(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=1)
    os.link(clip, tmp_path / "b.mp4")
    (tmp_path / "c.mp4").symlink_to(clip)
    for name in ("b.mp4", "c.mp4", "../" + tmp_path.name + "/a.mp4"):
        assert is_one_of(tmp_path / name, [tmp_path / "none", clip]) == clip
    assert is_one_of(tmp_path / "none", [clip]) is None
    check_target(tmp_path / "new.mp4", clip, False, [tmp_path / "b.mp4"])


def test_a_batch_does_not_write_over_a_hard_link_of_its_own_clips(tmp_path: Path, job: tuple[Path, list[Style], Options],
                                                                 capsys) -> None:
    source, _, _ = job
    other = make_clip(tmp_path / "other.mp4", frames=2)
    (tmp_path / "out").mkdir()
    os.link(other, tmp_path / "out" / "clip_style.mp4")
    command = ["run", str(source), str(other), "--style", str(tmp_path / "style.png"), "-o", f"{tmp_path}/out/",
               "--overwrite", "--network", str(tmp_path / "net.safetensors"), "--strength", "0", "--size", "32"]
    assert execute(command) == 2
    assert "leave that clip out" in capsys.readouterr().err


def test_a_table_of_contents_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    assert probe(path).frames == 2
    monkeypatch.setattr("vidstyle.video.source.MOST_SECONDS_TO_OPEN", 0.0)
    with pytest.raises(InputError, match="without end") as caught:
        probe(path)
    assert one_sentence(caught.value)


def test_a_stream_that_appears_on_the_way_ends_no_reading(tmp_path: Path) -> None:
    class Container:
        """As PyAV 18.1 at times is behind the last packet of a transport stream."""

        def demux(self, *streams: object) -> object:
            yield "packet"
            raise IndexError("list index out of range")

    assert list(demuxed(Container(), [])) == ["packet"]  # type: ignore[arg-type,comparison-overlap]


def test_sound_of_an_unknown_codec_has_no_name_and_is_told(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2, sound=[("aac", None)])
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    clip = probe(path)
    assert [track.codec for track in clip.audio] == ["unknown"]
    assert len(list(decode(clip))) == 2
