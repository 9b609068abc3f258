"""What a clip states beside its pictures: captions, 360° and stereo tags, and what else only players see."""

from __future__ import annotations

from av import VideoFrame

from vidstyle.video.pixels.planes import side_data
from vidstyle.video.read.description import Description
from vidstyle.video.tracks import SideData

_KINDS = {"Spherical Mapping": "spherical", "Stereo 3D": "stereo", "Frame Cropping": "cropping"}
_ELSEWHERE = ("display matrix", "mastering display metadata", "content light level metadata", "cpb properties", "palette",
              "new extradata", "quality stats")
"""What `Clip` holds in other fields, and what only concerns the source's own codec."""
_OF_FRAMES = {"AFD": "active format description", "ICC_PROFILE": "icc profile",
              "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment"}
_DOLBY_VISION = "dovi configuration record"  # of an HDR clip, `Clip.hdr` tells it

_STEREO = {1: "side by side", 2: "top and bottom", 3: "frame alternate", 4: "checkerboard",
           5: "side by side (quincunx subsampling)", 6: "interleaved lines", 7: "interleaved columns"}
"""FFmpeg's words for the numbers of `AVStereo3DType`."""


def read_side_data(description: Description, frame: VideoFrame, *, unread_captions: bool,
                   hdr: bool) -> tuple[SideData, ...]:
    """What the painted stream states, by FFmpeg's description of it and by its first frame.

    unread_captions: whether frames hold captions that `Clip.captions` does not. hdr: whether the clip is HDR.
    """
    found = {_KINDS.get(name, name.lower()): text for name, text in description.side_data.items()
             if name.lower() not in _ELSEWHERE and not (hdr and name.lower() == _DOLBY_VISION)}
    if unread_captions:
        found["captions"] = ""
    if "spherical" not in found and side_data(frame, "SPHERICAL") is not None:
        found["spherical"] = ""
    if "stereo" not in found and (stereo := side_data(frame, "STEREO3D")) is not None and stereo[0] in _STEREO:
        found["stereo"] = _STEREO[stereo[0]] + (" (inverted)" if stereo[4] & 1 else "")
    found["stereo"] = _arrangement(found.get("stereo", ""))
    if found["stereo"] in ("", "2D"):
        del found["stereo"]
    found |= {words: "" for name, words in _OF_FRAMES.items() if side_data(frame, name) is not None}
    return tuple(SideData(kind, text) for kind, text in sorted(found.items()))


def _arrangement(described: str) -> str:
    """`side by side (inverted)` of FFmpeg's `side by side, view: packed, primary eye: none (inverted)`."""
    arrangement, _, views = described.partition(", view")
    return arrangement + (" (inverted)" if views.endswith("(inverted)") else "")
