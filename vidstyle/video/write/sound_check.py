"""Decoding all sound that will be re-encoded, before any painting: what cannot be decoded is silent, and is named."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import av

from vidstyle.video.interfaces import Source
from vidstyle.video.read.container import open_container
from vidstyle.video.tracks import Track
from vidstyle.video.write.feed import read


def undecoded(source: Source, recoded: Mapping[int, str]) -> list[str]:
    """A sentence for each sound track of which packets cannot be decoded; recoded: see `StreamPlan`."""
    if not recoded:
        return []
    tracks = {track.index: track for track in source.soundtracks if track.index in recoded}
    with ExitStack() as stack:
        container = stack.enter_context(open_container(source.settings.sound or source.clip.path))
        streams = {stream.index: stream for stream in container.streams.audio if stream.index in tracks}
        counts, failed = dict.fromkeys(tracks, 0), dict.fromkeys(tracks, 0)
        for packet in read(container, list(streams.values()), source.settings.on_damage):
            number = packet.stream.index
            counts[number] += 1
            try:
                streams[number].decode(packet)
            except av.FFmpegError:
                failed[number] += 1
    return [_sentence(track, failed[number], counts[number]) for number, track in tracks.items() if failed[number]]


def _sentence(track: Track, failed: int, packets: int) -> str:
    return f"The sound of {track} is damaged: {failed} of {packets} packets cannot be decoded, and are silent."
