"""The samples: the motion the scene claims is the motion one sees, and the files are what the scripts make."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from samples import make_samples, scene, styles
from samples.layers import pixel_grid
from vidstyle.flow.truth import Truth

FOLDER = Path(__file__).resolve().parent.parent / "samples"
CLIP = FOLDER / "harbour.mp4"


@cache
def frame(index: int) -> np.ndarray:
    return scene.render(index)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Decibels between two images with values 0 to 255."""
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def pulled(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """image(x + flow(x)), by scipy, independent of the code under test."""
    y, x = np.mgrid[: scene.HEIGHT, : scene.WIDTH] + flow[::-1]
    return np.stack([map_coordinates(picture[..., c], [y, x], order=1, mode="nearest") for c in range(3)], -1)


@pytest.mark.parametrize(("i", "j"), [(30, 31), (31, 30), (20, 30)])
def test_the_other_frame_warped_along_the_flow_is_this_frame(i, j):
    flow, visible = scene.true_flow(i, j), scene.true_visibility(i, j)[0] > 0
    assert flow.shape == (2, scene.HEIGHT, scene.WIDTH)
    assert flow.dtype == np.float32
    error = np.abs(pulled(frame(j), flow) - frame(i)).mean(-1)[visible].mean()
    # What remains is resampling of fine grass and pixels two layers share: 0.006 one frame on, 0.011 ten on.
    assert error < 0.02
    assert error < 0.3 * np.abs(frame(j) - frame(i)).mean(-1)[visible].mean()
    wrong_way = np.abs(pulled(frame(j), -flow) - frame(i)).mean(-1)[visible].mean()
    assert wrong_way > 2 * error


def test_motion_forward_and_back_cancels():
    grid, visible = pixel_grid(scene.HEIGHT, scene.WIDTH), scene.true_visibility(20, 30)[0] > 0
    there = scene.flow_at(grid, 20, 30)
    back = scene.flow_at(grid + there, 30, 20)
    # Both ways are exact but for the undone sway (under 1e-5 px); where visible, the very same point comes back.
    assert np.abs(there + back)[visible].max() < 1e-4


def test_no_motion_to_the_frame_itself():
    assert np.abs(scene.true_flow(12, 12)).max() < 1e-4
    assert scene.true_visibility(12, 12).all()


def test_hidden_pixels_are_where_something_came_in_front():
    visible = scene.true_visibility(20, 30)
    assert visible.shape == (1, scene.HEIGHT, scene.WIDTH)
    assert set(np.unique(visible)) == {0.0, 1.0}
    names = [layer.name for layer in scene.layers()]
    owner = scene.owner_at(pixel_grid(scene.HEIGHT, scene.WIDTH), 20)
    hidden = visible[0] == 0
    # The boat sails to the right, over sea that frame 20 still shows to the right of it.
    boat = np.argwhere(owner == names.index("boat"))
    ahead = hidden & (owner == names.index("sea"))
    ahead[:, : int(boat[:, 1].mean())] = False
    ahead[:, int(boat[:, 1].max()) + 30 :] = False
    assert ahead[int(boat[:, 0].min()) : int(boat[:, 0].max())].sum() > 200
    # Hidden pixels differ far more from what the flow finds than visible ones: the mask lives on frame 20's grid.
    difference = np.abs(pulled(frame(30), scene.true_flow(20, 30)) - frame(20)).mean(-1)
    inside = hidden[8:-8, 8:-30]
    assert difference[8:-8, 8:-30][inside].mean() > 6 * difference[~hidden].mean()


def test_there_is_texture_to_track_nearly_everywhere():
    grey = cv2.cvtColor((frame(20) * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    energy = cv2.blur((grey - cv2.GaussianBlur(grey, None, 4)) ** 2, (24, 24)) ** 0.5
    assert np.mean(energy > 0.5) > 0.9  # half a grey level is what survives 8 bits


def test_rendering_twice_gives_the_same_image():
    first = frame(31)
    scene.layers.cache_clear()
    assert np.array_equal(scene.render(31), first)


def test_the_clip_is_the_scene():
    with av.open(str(CLIP)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.width, video.height) == (scene.WIDTH, scene.HEIGHT)
        assert video.average_rate == scene.RATE
        assert video.codec_context.pix_fmt == "yuv420p"
        tags = video.codec_context
        assert (tags.colorspace, tags.color_primaries, tags.color_trc, tags.color_range) == (1, 1, 1, 1)
        frames = list(file.decode(video))
        assert len(frames) == scene.FRAMES
        seconds = scene.FRAMES / scene.RATE
        # AAC comes in packets of 1024 samples: the sound may end up to one early or late.
        assert float(audio.duration * audio.time_base) == pytest.approx(seconds, abs=0.03)
        assert audio.channels == 2
        for index in (20, 31):
            decoded = frames[index].to_ndarray(format="rgb24", src_colorspace=1, src_color_range=1)
            assert psnr(decoded, frame(index) * 255) > 30
    assert CLIP.stat().st_size < 1_500_000


def test_the_clip_has_sound():
    with av.open(str(CLIP)) as file:
        sound = np.concatenate([f.to_ndarray() for f in file.decode(audio=0)], 1)
    assert 0.01 < np.sqrt(np.mean(sound**2)) < 0.3
    assert np.abs(sound).max() < 1
    assert not np.allclose(sound[0], sound[1])


def style_picture(name: str) -> np.ndarray:
    picture = cv2.imread(str(FOLDER / "styles" / f"{name}.jpg"))
    assert picture is not None
    return picture[..., ::-1]


@pytest.mark.parametrize("name", styles.STYLES)
def test_a_style_picture_has_strokes(name):
    picture = style_picture(name)
    assert min(picture.shape[:2]) >= 480
    assert (FOLDER / "styles" / f"{name}.jpg").stat().st_size < 250_000
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # Between 2 and 8 px lie strokes and bristles; a photograph of a sky or a flat drawing has little there.
    strokes = cv2.GaussianBlur(grey, None, 1) - cv2.GaussianBlur(grey, None, 4)
    assert strokes.std() > 6
    # Strokes have a direction where noise has none: one gradient direction outweighs the other within small windows.
    dx, dy = (cv2.Sobel(cv2.GaussianBlur(grey, None, 1), cv2.CV_32F, *o) for o in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(v, None, 6) for v in (dx * dx, dy * dy, dx * dy))
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1)
    assert coherence.mean() > 0.3  # white noise under the same windows: about 0.1


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "garden" else pytest.mark.slow) for n in styles.STYLES]
)
def test_a_style_picture_is_what_its_script_paints(name):
    # JPEG alone leaves 31.5 dB here; a stroke may fall otherwise on another machine, and that costs little.
    assert psnr(styles.STYLES[name](), style_picture(name)) > 27


def test_the_truth_is_written_as_it_is_read(tmp_path: Path):
    make_samples.write_truth(tmp_path, frames=2)
    flow, visible = Truth(tmp_path).read(0)
    assert np.array_equal(flow.numpy(), scene.true_flow(0, 1))
    assert np.array_equal(visible.numpy(), scene.true_visibility(0, 1))
