"""Files made to do harm, and what a good answer to one looks like."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path


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


def png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that states any size."""
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")


class Bomb:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch owned",)
