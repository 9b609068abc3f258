"""What a clip states beside its pictures: captions, 360° and stereo tags, and what else only players see."""

from __future__ import annotations

from av import Packet, VideoFrame
from av.stream import Stream

from vidstyle.video.clip import SideData
from vidstyle.video.pixels.planes import side_data
from vidstyle.video.read.description import Description

_KINDS = {"Spherical Mapping": "spherical", "Stereo 3D": "stereo", "Frame Cropping": "cropping"}
_ELSEWHERE = ("display matrix", "mastering display metadata", "content light level metadata", "cpb properties", "palette",
              "new extradata", "quality stats")
"""What `Clip` holds in other fields, and what only concerns the source's own codec."""
_OF_FRAMES = {"AFD": "active format description", "ICC_PROFILE": "icc profile", "PANSCAN": "pan and scan window"}
_HDR_ONLY = ("dovi configuration record", "ambient viewing environment")

_STEREO = {1: "side by side", 2: "top and bottom", 3: "frame alternate", 4: "checkerboard",
           5: "side by side (quincunx subsampling)", 6: "interleaved lines", 7: "interleaved columns"}
"""FFmpeg's words for the numbers of `AVStereo3DType`."""

_T35 = b"\xb5\x00\x31GA94\x03"  # ITU-T T.35: country USA, provider ATSC, captions (ATSC A/53 part 4)
_CAPTIONS = {"h264": (_T35,), "hevc": (_T35,), "av1": (_T35,),
             "mpeg2video": (b"\0\0\1\xb2GA94\x03", b"\0\0\1\xb2CC\x01\xf8")}  # of ATSC, and of DVD
"""How captions begin within the coded frames of each codec."""


def has_captions(codec: str, packet: Packet[Stream]) -> bool:
    """Whether a packet of a video stream of `codec` holds closed captions (CEA-608 or CEA-708) beside its frame."""
    marks = _CAPTIONS.get(codec)
    if marks is None:
        return False
    data = bytes(packet)
    return any(mark in data for mark in marks)


def read_side_data(description: Description, frame: VideoFrame, *, captions: bool, hdr: bool) -> tuple[SideData, ...]:
    """What the painted stream states, by FFmpeg's description of it and by its first frame.

    captions: whether any of its packets holds some. hdr: whether `Clip.hdr` tells what belongs to high dynamic range.
    """
    found = {_KINDS.get(name, name.lower()): text for name, text in description.side_data.items()
             if name.lower() not in (*_ELSEWHERE, *(_HDR_ONLY if hdr else ()))}
    if captions or side_data(frame, "A53_CC") is not None:
        found["captions"] = ""
    if "spherical" not in found and side_data(frame, "SPHERICAL") is not None:
        found["spherical"] = ""
    if "stereo" not in found and (stereo := side_data(frame, "STEREO3D")) is not None and stereo[0] in _STEREO:
        found["stereo"] = _STEREO[stereo[0]] + (" (inverted)" if stereo[4] & 1 else "")
    found |= {words: "" for name, words in _OF_FRAMES.items() if side_data(frame, name) is not None}
    return tuple(SideData(kind, text) for kind, text in sorted(found.items()))
