"""Painted key frames on clips with alpha, and in parts that several processes or machines paint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from engine_shots import Steps, paint, planned
from sequence_files import codes, read_coded, write_coded
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.batch.conduct import Planned, in_turn
from vidstyle.batch.engines import tasks
from vidstyle.batch.engines.cluster import cluster
from vidstyle.batch.engines.machine import Inputs
from vidstyle.batch.engines.processes import processes
from vidstyle.core.choices import CodecName
from vidstyle.core.errors import InputError
from vidstyle.core.images import read_image, write_png
from vidstyle.core.options import Options
from vidstyle.core.parse import KeyPicture
from vidstyle.run.finish import frame_hash
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.video import ReadSettings, open_source

FRAMES, SIZE = 36, (64, 48)
KEYS = (CUTS[0] - 1, CUTS[0], 20, CUTS[1])
"""Both sides of one border of parts, the middle of the second shot, and the first frame of the third."""


def with_alpha(index: int, width: int, height: int) -> Any:
    """A frame of 10 bits: the first shot, of which a band that moves by a pixel a frame is opaque and the rest is not."""
    picture = av.VideoFrame.from_ndarray(shots(index, width, height), "rgb24").reformat(format="yuv444p10le")
    frame = av.VideoFrame(width, height, "yuva444p10le")
    for from_plane, to_plane in zip(picture.planes, frame.planes, strict=False):
        to_plane.update(bytes(from_plane))
    frame.planes[3].update(np.broadcast_to(band(index, width) * np.uint16(1023), (height, width)).tobytes())
    return frame


def band(index: int, width: int) -> np.ndarray[Any, Any]:
    """(width,) bool: which columns of a frame are opaque."""
    return abs(np.arange(width) - 16 - index) < 12


def painted(folder: Path, clip: Path, name: str, codec: CodecName = "auto", **more: Any) -> list[str]:
    """Hashes of the frames of a clip painted with one key frame, 4."""
    options = Options(key=(KeyPicture(4, folder / "key.png"),), size=64, device="cpu", codec=codec)
    return list(stylize_video(clip, [], folder / name, options, **more).frame_hashes)


def test_alpha_of_prores_stays_and_the_key_is_seen_under_it(tmp_path: Path):
    write_coded(tmp_path / "key.png", codes(1, SIZE, most=255))
    clip = make_clip(tmp_path / "clip.mov", frames=8, size=SIZE, codec="prores_ks", pix_fmt="yuva444p10le", picture=with_alpha,
                     options={"profile": "4444"})
    hashes = painted(tmp_path, clip, "out.mov", "prores")
    assert hashes[4] == frame_hash(read_image(tmp_path / "key.png"))
    for before, after in zip(open_source(clip).decode(), open_source(tmp_path / "out.mov").decode(), strict=True):
        assert before.alpha is not None
        assert after.alpha is not None
        assert torch.equal(before.alpha, after.alpha)
        assert (before.alpha[0, 0].numpy() > 0.5).tolist() == band(before.index, SIZE[0]).tolist()
        assert (before.image - after.image)[:, before.alpha[0] == 1].abs().mean() > 0.1  # all frames are painted
    assert painted(tmp_path, clip, "part.mov", "prores", selection=Selection((3, 6))) == hashes[3:7]


def test_alpha_of_a_sequence_stays_and_a_clear_key_shows_the_frame(tmp_path: Path):
    """The painting has alpha too, as one that is made over a cut-out: where it is clear, the frame's own codes are written."""
    drawn = np.dstack([codes(1, SIZE, most=255), np.broadcast_to(np.uint8(255 * (np.arange(64) < 24)), (48, 64))])
    write_coded(tmp_path / "key.png", drawn)
    for index in range(8):
        alpha = np.broadcast_to(np.uint8(255 * band(index, 64)), (48, 64))
        write_coded(tmp_path / f"clip.{index:04}.png", np.dstack([shots(index, 64, 48), alpha]))
    hashes = painted(tmp_path, tmp_path / "clip.####.png", "out.####.png")
    for index in range(8):
        found, own = (read_coded(tmp_path / f"{name}.{index:04}.png") for name in ("out", "clip"))
        assert (found[..., 3] == own[..., 3]).all()
        if index == 4:
            assert (found[:, :24, :3] == drawn[:, :24, :3]).all()
            assert (found[:, 24:, :3] == own[:, 24:, :3]).all()
    part = painted(tmp_path, tmp_path / "clip.####.png", "part.####.png", selection=Selection((2, 5)))
    assert part == hashes[2:6]
    assert next(open_source(tmp_path / "part.####.png", ReadSettings()).decode()).alpha is not None


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three shots, its painted key frames, and in `whole` what one process makes of it."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, picture=shots)
    write_png(folder / "style.png", torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0)))
    for index in KEYS:
        write_coded(folder / f"k_{index:04}.png", codes(index, SIZE, most=255))
    (folder / "whole").mkdir()
    paint(in_turn(lambda shot, step: None), keyed(folder, folder / "whole"))
    return folder


def keyed(media: Path, folder: Path) -> list[Planned]:
    options = Options(method="palette", size=48, device="cpu", keys=media / "k_####.png")
    return planned(media, ["clip.mp4"], folder, options)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SHORTEST", 2)


def test_two_processes_paint_the_parts_beside_keys_at_their_borders(media: Path, tmp_path: Path):
    steps = Steps()
    [outcome] = paint(processes(2, steps, print), keyed(media, tmp_path)).values()
    assert outcome.error is None
    assert outcome.result.frame_hashes[KEYS[0]] != outcome.result.frame_hashes[KEYS[1]]
    assert "join" in {step.stage for _, step in steps.found}  # it was painted in parts
    assert (tmp_path / "clip.mp4").read_bytes() == (media / "whole" / "clip.mp4").read_bytes()


def test_a_machine_that_does_not_see_a_painting_is_named(media: Path, tmp_path: Path):
    [each] = keyed(media, tmp_path)
    inputs = Inputs.of(each.plan)
    assert {media / f"k_{index:04}.png" for index in KEYS} <= {file for file, _ in inputs.sizes}
    gone = tuple((file.with_name("gone.png") if file.name == f"k_{KEYS[2]:04}.png" else file, size)
                 for file, size in inputs.sizes)
    with pytest.raises(InputError, match=r"gone.png: is not on .*; put it where every machine"):
        replace(inputs, sizes=gone).check()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two nodes of one processor each on this machine."""
    pytest.importorskip("ray", reason="needs the extra `cluster`")
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80_000_000})
    found.add_node(num_cpus=1, object_store_memory=80_000_000)
    found.wait_for_nodes()
    yield found
    found.shutdown()


@pytest.mark.slow
def test_a_cluster_paints_the_parts_beside_keys_at_their_borders(media: Path, tmp_path: Path, nodes: Any):
    steps = Steps()
    [outcome] = paint(cluster(nodes.address, None, steps, print), keyed(media, tmp_path)).values()
    assert outcome.error is None
    assert "join" in {step.stage for _, step in steps.found}
    assert (tmp_path / "clip.mp4").read_bytes() == (media / "whole" / "clip.mp4").read_bytes()
