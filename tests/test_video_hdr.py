"""HDR: painted where a painter can see it, and back to the very codes; or bent into ordinary video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from unpainted import copy, plan
from video_clips import make_clip

from vidstyle.core.errors import InputError, UsageError
from vidstyle.video import ReadSettings, describe, open_source, probe
from vidstyle.video.pixels.hdr import (
    HdrMetadata,
    hdr_to_sdr_range,
    hlg_light,
    pq_code,
    pq_light,
    sdr_range_to_hdr,
    tone_map,
)

# A display of the P3 colours with the white D65, 1000 cd/m², in the units of H.265; then MaxCLL and MaxFALL.
MASTER = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50):max-cll=800,200"


def hdr_clip(path: Path, transfer: int, codec: str = "libx265", pix_fmt: str = "yuv420p10le", told: str = MASTER) -> Path:
    options = {"x265-params": f"log-level=error:{told if transfer == 16 else ''}"} if codec == "libx265" else {}
    return make_clip(path, codec=codec, pix_fmt=pix_fmt, tags=(9, 1, 9, transfer), frames=6, options=options)


def test_light_has_the_standards_codes() -> None:
    """ITU-R BT.2408, table 1: 203 cd/m² is PQ 58 % and HLG 75 %, a display of 1000 cd/m² at most is PQ 75 %."""
    assert pq_code(torch.tensor([203.0, 1000.0, 100.0, 0.0])).tolist() == pytest.approx([0.58, 0.75, 0.51, 0.0], abs=0.005)
    assert hlg_light(torch.tensor([0.75, 1.0, 0.0]).expand(3, 1, 3)).tolist()[0][0] == pytest.approx([203, 1000, 0], abs=1)
    codes = torch.arange(1024) / 1023
    assert (pq_code(pq_light(codes)) - codes).abs().max() < 0.05 / 1023


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_every_hdr_code_is_mapped_to_sdr_and_back(transfer: str) -> None:
    codes = (torch.arange(4096) / 4095).expand(3, 1, 4096)
    hdr = HdrMetadata(transfer, 1000.0)
    seen = hdr_to_sdr_range(codes, hdr)
    assert (sdr_range_to_hdr(seen, hdr) - codes).abs().max() < 0.1 / 4095
    assert bool((seen[0, 0].diff() > 0).all())
    paper = 0.75 if transfer == "hlg" else float(pq_code(torch.tensor(203.0)))
    assert float(hdr_to_sdr_range(torch.full((3, 1, 1), paper), hdr)[0]) == pytest.approx(0.9, abs=1e-4)
    # White paint is the brightest light of the clip.
    brightest = float(sdr_range_to_hdr(torch.ones(3, 1, 1), hdr)[0])
    assert brightest == pytest.approx(1.0 if transfer == "hlg" else float(pq_code(torch.tensor(1000.0))), abs=1e-4)


def planes(path: Path) -> list[np.ndarray[Any, Any]]:
    with av.open(str(path)) as reader:
        return [np.frombuffer(plane, np.uint16).reshape(plane.height, -1)[:, :plane.width].astype(int)
                for frame in reader.decode(video=0) for plane in frame.planes]


@pytest.mark.parametrize("transfer", [16, 18])
def test_an_unpainted_clip_keeps_its_codes(tmp_path: Path, transfer: int) -> None:
    source = open_source(hdr_clip(tmp_path / "a.mp4", transfer), ReadSettings(hdr="passthrough"))
    copied = tmp_path / "b.mkv"
    copy(source, copied, clamp=False, codec="ffv1")
    written = probe(copied)
    assert (written.coding.pix_fmt, written.colour) == ("yuv420p10le", source.clip.colour)
    for before, after in zip(planes(source.clip.path), planes(copied), strict=True):
        assert abs(before - after).max() <= 1  # to the SDR scale and back, in float32


@pytest.mark.parametrize(("codec", "suffix"), [("hevc", ".mp4"), ("h264", ".mp4"), ("av1", ".mkv")])
def test_the_mastering_display_and_content_light_are_copied(tmp_path: Path, codec: str, suffix: str) -> None:
    source = open_source(hdr_clip(tmp_path / "a.mp4", 16), ReadSettings(hdr="passthrough"))
    before = source.clip.hdr
    assert before is not None
    assert (before.peak, before.content_light, before.display_luminance) == (1000, (800, 200), (0.005, 1000))
    written = copy(source, tmp_path / f"b{suffix}", codec=codec)
    assert written.clip.colour.hdr == "pq"
    assert written.clip.coding.depth == 10
    after = written.clip.hdr
    assert after is not None
    assert after.content_light == (800, 200)
    assert np.allclose(after.display_primaries, before.display_primaries, atol=2e-5)
    assert after.display_luminance == pytest.approx(before.display_luminance, abs=1e-3)
    warned = plan(source, tmp_path / f"c{suffix}", codec=codec).warnings
    assert [text for text in warned if "browsers" not in text] == []  # few of which show H.264 with 10 bits
    assert any("mastering" in warning for warning in plan(source, tmp_path / "c.mkv", codec="ffv1").warnings)


def test_an_impossible_mastering_display_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = hdr_clip(tmp_path / "a.mp4", 16, told=MASTER.replace("L(10000000,50)", "L(1000,50)"))  # a tenth of a cd/m²
    source = open_source(path, ReadSettings(hdr="passthrough"))
    assert source.clip.hdr is not None
    assert (source.clip.hdr.display_primaries, source.clip.hdr.content_light) == ((), (800, 200))
    assert any("impossible, and is dropped" in line for line in plan(source, tmp_path / "b.mp4", codec="hevc").lost)


@pytest.mark.parametrize("transfer", [16, 18])
def test_tonemapped_video_is_ordinary(tmp_path: Path, transfer: int) -> None:
    source = open_source(hdr_clip(tmp_path / "a.mp4", transfer), ReadSettings(hdr="tonemap"))
    assert any("becomes ordinary video" in warning for warning in source.warnings)
    written = copy(source, tmp_path / "b.mp4")
    colour = written.clip.colour
    assert (colour.matrix_tag, colour.range_tag, colour.primaries_tag, colour.transfer_tag) == (1, 1, 1, 1)
    for before, after in zip(source.decode(), written.decode(), strict=True):
        assert (before.image - after.image).abs().mean() < 0.02  # crf 16


@pytest.mark.parametrize("told", [MASTER.replace("max-cll=800", "max-cll=1200"), "max-cll=1200,200"])
def test_content_light_may_exceed_the_mastering_display(tmp_path: Path, told: str) -> None:
    path = hdr_clip(tmp_path / "a.mp4", 16, told=told)
    hdr, code = probe(path).hdr, pq_code(torch.tensor(1200.0)).expand(3, 1, 1)
    assert hdr is not None
    assert hdr.peak == 1200
    for to_sdr in (hdr_to_sdr_range, tone_map):
        assert to_sdr(code, hdr)[0].item() == pytest.approx(1, abs=0.01)


def test_tonemapping_changes_only_bright_values() -> None:
    light = torch.tensor([5.0, 20.0, 40.0, 203.0, 500.0, 1000.0])
    gray = tone_map(pq_code(light).expand(3, 1, 6), HdrMetadata("pq", 1000.0))
    assert (gray[0] - gray[2]).abs().max() < 1e-3  # gray stays gray
    found = gray[1, 0] ** 2.4 * 203
    assert found[:3].tolist() == pytest.approx(light[:3].tolist(), rel=0.01)
    assert bool((found.diff() > 0).all())
    assert float(found[-1]) == pytest.approx(203, rel=0.01)
    red = tone_map(torch.tensor([0.5, 0.1, 0.1]).view(3, 1, 1), HdrMetadata("pq", 1000.0))
    assert float(red[0]) > 3 * float(red[1])


def test_hdr_refusals_name_the_options(tmp_path: Path) -> None:
    path = hdr_clip(tmp_path / "a.mp4", 16)
    with pytest.raises(InputError, match=r"HDR \(PQ\); --hdr passthrough .* --hdr tonemap"):
        open_source(path)
    with pytest.raises(UsageError, match="10 bits"):
        plan(open_source(path, ReadSettings(hdr="passthrough")), tmp_path / "b.webm", codec="vp9")


def test_facts_need_no_setting(tmp_path: Path) -> None:
    facts = describe(hdr_clip(tmp_path / "a.mp4", 16))
    assert (facts["hdr"]["transfer"], facts["hdr"]["peak"], facts["interlaced"]) == ("pq", 1000, False)
    assert facts["streams"] == ["stream 0: video hevc -> painted"]
