"""The sound of another file, which replaces a clip's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from vidstyle.core.errors import InputError
from vidstyle.video.packets import CodedPacket
from vidstyle.video.read.container import demuxed, open_container
from vidstyle.video.read.scan import FIRST_PACKETS
from vidstyle.video.read.tracks import track_of
from vidstyle.video.tracks import Track


@dataclass(frozen=True)
class ReplacementSound:
    """The sound tracks of a file and the first packets of each."""

    tracks: tuple[Track, ...]
    first_packets: Mapping[int, tuple[CodedPacket, ...]]

    @classmethod
    def open(cls, path: Path) -> ReplacementSound:
        """Read what is needed of the file at `path`. Raises InputError where it holds no sound."""
        with open_container(path) as container:
            streams = [stream for stream in container.streams if stream.type == "audio"]
            if not streams:
                raise InputError(f"{path}: holds no sound; name a file with sound for --audio, or leave it out.")
            heads: dict[int, list[CodedPacket]] = {stream.index: [] for stream in streams}
            try:
                for packet in demuxed(container, streams):
                    head = heads[packet.stream_index]
                    if packet.size and len(head) < FIRST_PACKETS:
                        head.append(CodedPacket.of(packet))
                    if all(len(head) == FIRST_PACKETS for head in heads.values()):
                        break
            except av.FFmpegError:
                pass  # writing reports it
            return cls(tuple(track_of(stream) for stream in streams),
                       {index: tuple(head) for index, head in heads.items()})
