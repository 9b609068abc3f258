"""What becomes of the things that a clip states beside its pictures: stereo tags are written where an encoder or a format
takes them, and everything else is named as lost."""

from __future__ import annotations

from vidstyle.video.captions import CAPTION_ENCODERS
from vidstyle.video.clip import Clip
from vidstyle.video.pixels.orientation import Orientation
from vidstyle.video.read.spherical import SphericalBoxes
from vidstyle.video.tracks import SideData
from vidstyle.video.write.spherical import kept_boxes

_LOST = {
    "captions": "The closed captions inside the frames (CEA-608/708) are dropped; `ffmpeg -f lavfi -i movie=CLIP[out+subcc] "
                "-map 0:1 captions.srt` saves them as subtitles.",
    "spherical": "The 360° tag{} is dropped, and players will show the frames flat; .mp4 and .mov of the clip's own size keep "
                 "that of an MP4, and Google's Spatial Media Metadata Injector writes it again.",
    "stereo": "The stereo 3D tag{} is dropped; an output named .mkv, or --codec h264, states the usual ones.",
    "cropping": "The cropping for players{} is dropped, and they will show the whole frames.",
}
_X264 = {"checkerboard": 0, "interleaved columns": 1, "interleaved lines": 2, "side by side": 3, "top and bottom": 4}
"""x264's numbers of the arrangements whose first view is the left eye's (H.264, D.2.26)."""
_MATROSKA = {"side by side": "left_right", "side by side (inverted)": "right_left", "top and bottom": "top_bottom",
             "top and bottom (inverted)": "bottom_top", "checkerboard": "checkerboard_lr",
             "checkerboard (inverted)": "checkerboard_rl", "interleaved lines": "row_interleaved_lr",
             "interleaved lines (inverted)": "row_interleaved_rl", "interleaved columns": "col_interleaved_lr",
             "interleaved columns (inverted)": "col_interleaved_rl", "frame alternate": "block_lr",
             "frame alternate (inverted)": "block_rl"}
"""Matroska's stereo modes by FFmpeg's words for the arrangement."""
_WEBM = ("left_right", "right_left", "top_bottom", "bottom_top")


def stereo_parameter(clip: Clip, container: str, encoder: str, boxes: SphericalBoxes) -> str | None:
    """x264's parameter by which the coded video states the clip's arrangement of views; None where there is none.

    Also None where the format states it, by `boxes` or a tag: FFmpeg 9 does not decode a stream that is told so twice.
    """
    number = _X264.get(_arrangement(clip))
    stated = number is None or encoder != "libx264" or boxes.states_stereo or stereo_mode(clip, container) is not None
    return None if stated else f"frame-packing={number}"


def stereo_mode(clip: Clip, container: str) -> str | None:
    """The tag by which Matroska and WebM state the clip's arrangement of views; None where there is none."""
    mode = _MATROSKA.get(_arrangement(clip))
    return mode if container == "matroska" or (container == "webm" and mode in _WEBM) else None


def _arrangement(clip: Clip) -> str:
    """How the views lie in a frame, in FFmpeg's words; empty for one view, and where upright frames have another."""
    turned = clip.orientation != Orientation()
    return next((data.text for data in clip.side_data if data.kind == "stereo" and not turned), "")


def lost_side_data(clip: Clip, container: str = "", encoder: str = "", size: tuple[int, int] | None = None) -> list[str]:
    """A sentence for everything that the clip states beside its pictures and that the output will not state.

    size: width and height of the output; None is the clip's own.
    """
    boxes = kept_boxes(clip, container, size or (clip.width, clip.height))
    stereo = boxes.states_stereo or stereo_parameter(clip, container, encoder, boxes) or stereo_mode(clip, container)
    kept = {kind for kind, here in (("stereo", stereo), ("spherical", boxes)) if here}
    captions = [SideData("captions")] if clip.captions and encoder not in CAPTION_ENCODERS else []
    return [_sentence(data) for data in (*captions, *clip.side_data) if data.kind not in kept]


def _sentence(data: SideData) -> str:
    text = f"{data.text} pixels at left/right/top/bottom" if data.kind == "cropping" else data.text
    stated = f" ({text})" if text else ""
    return _LOST.get(data.kind, f"The clip's {data.kind.replace('{', '').replace('}', '')}{{}} is dropped.").format(stated)
