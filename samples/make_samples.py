"""Make the sample clip and the three style pictures:  python samples/make_samples.py [--out FOLDER] [--truth FOLDER]"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))  # run as a script, the folder above is not yet importable

from samples import scene  # noqa: E402
from samples.sound import SAMPLE_RATE, soundtrack  # noqa: E402
from samples.styles import STYLES  # noqa: E402

CLIP = "harbour.mp4"
CRF = 16
"""x264 quality: lower is better and larger; at 16 the clip stays under 1.5 MB."""
EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Colour conversion that rounds instead of cutting off, alike on every processor."""
JPEG_QUALITY = 88


def write_clip(path: Path) -> None:
    """Render every frame and encode: H.264 yuv420p tagged BT.709, AAC stereo as long as the pictures."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as file:
        # One thread: x264 decides differently with others, and the file should come out the same everywhere.
        video = file.add_stream("libx264", rate=scene.RATE, options={"crf": str(CRF), "preset": "slow", "threads": "1"})
        video.width, video.height, video.pix_fmt = scene.WIDTH, scene.HEIGHT, "yuv420p"
        video.time_base = Fraction(1, scene.RATE)
        context = video.codec_context
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        audio = file.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        audio.bit_rate = 96_000
        for index in range(scene.FRAMES):
            picture = np.round(scene.render(index) * 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, interpolation=EXACT
            )
            frame.pts, frame.time_base = index, Fraction(1, scene.RATE)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(soundtrack(scene.FRAMES / scene.RATE), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        file.mux(audio.encode(sound))
        file.mux(audio.encode(None))


def write_style(name: str, path: Path) -> None:
    """Paint the style picture `name` and save it as JPEG, its colours at full size: styles are learnt from them."""
    settings = [
        cv2.IMWRITE_JPEG_QUALITY,
        JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    if not cv2.imwrite(str(path), STYLES[name]()[..., ::-1], settings):
        raise OSError(f"{path}: could not be written; check that the folder exists and can be written to")


def write_truth(folder: Path, frames: int = scene.FRAMES) -> None:
    """The true motion of the first `frames` in MPI Sintel's form: flow/*.flo from each to the next, occlusions/*.png."""
    for name in ("flow", "occlusions"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(frames - 1):
        flow = scene.true_flow(index, index + 1).transpose(1, 2, 0).astype("<f4")
        head = np.float32(202021.25).tobytes() + np.array([scene.WIDTH, scene.HEIGHT], "<i4").tobytes()
        (folder / "flow" / f"frame_{index:04}.flo").write_bytes(head + flow.tobytes())
        hidden = np.uint8(255) * (scene.true_visibility(index, index + 1)[0] == 0)
        cv2.imwrite(str(folder / "occlusions" / f"frame_{index:04}.png"), hidden)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into (default: this one)")
    parser.add_argument("--only", choices=[CLIP, *STYLES], help="make just this one")
    parser.add_argument("--truth", type=Path, help="write only the clip's true motion, into this folder (130 MB)")
    choice = parser.parse_args()
    if choice.truth:
        write_truth(choice.truth)
        print(choice.truth)
        return
    (choice.out / "styles").mkdir(parents=True, exist_ok=True)
    for name in STYLES:
        if choice.only in (None, name):
            write_style(name, choice.out / "styles" / f"{name}.jpg")
            print(choice.out / "styles" / f"{name}.jpg")
    if choice.only in (None, CLIP):
        write_clip(choice.out / CLIP)
        print(choice.out / CLIP)


if __name__ == "__main__":
    main()
