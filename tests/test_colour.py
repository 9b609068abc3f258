"""`--color match` and `--color source`: the colours that a painting gets, and that they are the same in every frame."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.files import sha256
from vidstyle.core.frame import Frame
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.ops.metrics import BT709, colour_distance
from vidstyle.painting.colour_map import match_colours, within_range
from vidstyle.painting.style_picture import Style
from vidstyle.run.colours import colours_to_paint_in, opaque_colours
from vidstyle.run.finish import finish
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.mattes import Mattes
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.resume.job import same_fit
from vidstyle.video import open_source

CODE = 1 / 255
QUICK = Options(size=64, device="cpu", crf=0)
FITTED = replace(QUICK, method="feedforward", fit_steps=2)
EVERY_FRAME = replace(QUICK, key_every=1, strokes=0, optimize_steps=4, follow_steps=2)
WEIGHTS = np.array(BT709)


def normal(seed: int, mean: list[float], *, spread: float = 0.06) -> torch.Tensor:
    """An image (3, 160, 200) of correlated colours around `mean`; hardly any lies outside [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    mixing = spread * (torch.eye(3) + 0.3 * torch.randn(3, 3, generator=generator))
    mixed = mixing @ torch.randn(3, 160 * 200, generator=generator)
    return (mixed + torch.tensor(mean)[:, None]).clamp(0, 1).view(3, 160, 200)


def sampled(image: torch.Tensor) -> np.ndarray:
    return image[:, ::4, ::4].flatten(1).double().numpy()


def opponent(colours: np.ndarray) -> np.ndarray:
    luma = WEIGHTS @ colours
    return np.stack([luma, colours[0] - luma, colours[2] - luma])


@pytest.mark.parametrize("how", ["symmetric", "cholesky"])
def test_mean_and_covariance_become_the_references(how: str):
    style, reference = normal(0, [0.5, 0.4, 0.6]), sampled(normal(1, [0.45, 0.55, 0.5]))
    matched = sampled(match_colours(style, torch.tensor(reference).float(), how))
    # The variance 1e-4 that is added to both covariances is a fortieth of those here, and few colours leave [0, 1].
    np.testing.assert_allclose(matched.mean(1), reference.mean(1), atol=CODE)
    np.testing.assert_allclose(np.cov(matched), np.cov(reference), atol=3e-4)


def test_cholesky_is_the_papers_equation():
    """Gatys et al. (2016), Preserving Color, equation 3, by numpy."""
    style, reference = normal(2, [0.5, 0.5, 0.5], spread=0.03), sampled(normal(3, [0.5, 0.5, 0.5], spread=0.03))
    own = sampled(style)
    factors = [np.linalg.cholesky(np.cov(each)) for each in (reference, own)]
    expected = factors[0] @ np.linalg.inv(factors[1]) @ (own - own.mean(1, keepdims=True)) + reference.mean(1, keepdims=True)
    inside = ((expected > 0.01) & (expected < 0.99)).all(0)
    assert inside.mean() > 0.99
    matched = sampled(match_colours(style, torch.tensor(reference).float(), "cholesky"))
    # The floor under the deviations moves colours by up to some codes, where a covariance is smallest.
    np.testing.assert_allclose(matched[:, inside], expected[:, inside], atol=0.02)


def test_histograms_become_the_references():
    style, reference = normal(4, [0.3, 0.4, 0.5]) ** 1.5, sampled(normal(5, [0.5, 0.5, 0.45]) * 0.6 + 0.2)
    levels = np.linspace(0.01, 0.99, 99)
    matched = opponent(sampled(match_colours(style, torch.tensor(reference).float(), "histogram")))
    for own, wanted in zip(matched, opponent(reference), strict=True):
        np.testing.assert_allclose(np.quantile(own, levels), np.quantile(wanted, levels), atol=CODE)


def test_a_value_that_many_pixels_have_keeps_one_value():
    """A style that is white in one half: its luma gets the middle of the ranks that white takes, 0.75."""
    style = normal(6, [0.5, 0.4, 0.3])
    style[:, :, 100:] = 1
    reference = sampled(normal(7, [0.5, 0.5, 0.5]) * 0.5 + 0.25)
    white = match_colours(style, torch.tensor(reference).float(), "histogram")[:, :, 100:].double().flatten(1)
    assert float(white.std(1).max()) < 1e-6
    assert WEIGHTS @ white[:, 0].numpy() == pytest.approx(np.quantile(WEIGHTS @ reference, 0.75), abs=CODE)


@pytest.mark.parametrize("how", ["symmetric", "cholesky", "histogram"])
def test_a_style_of_these_colours_stays_as_it_is(how: str):
    style = normal(8, [0.5, 0.5, 0.5])
    matched = match_colours(style, style[:, ::4, ::4].flatten(1), how)
    # A histogram's curves end at the outermost sampled colours, which few others pass.
    assert float((matched - style).abs().mean()) < 0.1 * CODE
    assert float((matched - style).abs().quantile(0.99)) < CODE


def test_a_grey_style_stays_grey_under_a_linear_map():
    style, reference = normal(9, [0.5, 0.5, 0.5])[:1].expand(3, -1, -1), normal(10, [0.5, 0.3, 0.7])[:, ::4, ::4].flatten(1)
    matched = match_colours(style, reference, "symmetric").flatten(1)
    along = torch.linalg.svdvals(matched - matched.mean(1, keepdim=True))
    assert float(along[1]) < 1e-3 * float(along[0])  # all colours lie on one line


def test_colours_out_of_range_keep_luma_and_hue():
    image = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 0.5
    luma = (image * torch.tensor(BT709)[:, None, None]).sum(0)
    fitted = within_range(image)
    assert float(fitted.min()) >= 0
    assert float(fitted.max()) <= 1
    own = (fitted * torch.tensor(BT709)[:, None, None]).sum(0)
    torch.testing.assert_close(own, luma.clamp(0, 1), atol=1e-5, rtol=0)
    cosine = torch.cosine_similarity(fitted - own, image - luma, dim=0)
    some = (fitted - own).norm(dim=0) > 0.02
    assert float(cosine[some].min()) > 0.999


def test_source_has_the_paintings_luma_and_the_sources_chroma_to_one_code():
    generator = torch.Generator().manual_seed(1)
    source, painting = (torch.rand(3, 48, 64, generator=generator) for _ in range(2))
    frame = Frame(source, 0, Fraction(1, 24), 0)
    written = (finish(frame, painting, (64, 48), Options(color="source"), Mattes(), ()) * 255).round() / 255
    weights = torch.tensor(BT709)[:, None, None]
    luma = {name: (image * weights).sum(0) for name, image in (("s", source), ("p", painting), ("w", written))}
    assert float((luma["w"] - luma["p"]).abs().max()) <= CODE
    moved = source - luma["s"] + luma["p"]
    inside = ((moved >= 0) & (moved <= 1)).all(0)
    assert 0.2 < inside.float().mean() < 0.9
    assert float((written - luma["w"] - (source - luma["s"])).abs()[:, inside].max()) <= CODE


def test_hidden_pixels_do_not_count():
    image, alpha = torch.rand(3, 32, 48), torch.ones(1, 16, 24)
    image[:, :, 24:] = 0
    alpha[:, :, 12:] = 0
    frame = Frame(image, 0, Fraction(1, 24), 0, alpha=alpha)
    assert torch.equal(opaque_colours(frame), image[:, ::4, :24:4].flatten(1))
    hidden = replace(frame, alpha=torch.zeros(1, 16, 24))
    assert opaque_colours(hidden).shape == (3, 8 * 12)


def green(index: int, width: int, height: int) -> np.ndarray:
    """A still green picture with other noise in every frame."""
    across = np.linspace(0, 60, width)[None, :, None] + np.linspace(0, 40, height)[:, None, None]
    noise = np.random.default_rng(index).normal(0, 4, (height, width, 3))
    return (across + np.array([30, 120, 40]) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=6, size=(64, 48), picture=green, pix_fmt="yuv444p", options={"crf": "0"})


@pytest.fixture
def style(tmp_path: Path) -> list[Style]:
    """Red and blue, while the clip is green."""
    picture = torch.rand(3, 10, 8, generator=torch.Generator().manual_seed(0)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    picture[1] *= 0.3
    write_png(tmp_path / "style.png", picture)
    return [Style(tmp_path / "style.png")]


def images(path: Path) -> list[torch.Tensor]:
    return [frame.image for frame in open_source(path).decode()]


@pytest.mark.parametrize("options", [QUICK, FITTED, EVERY_FRAME], ids=["default", "feedforward", "every frame"])
def test_a_painting_has_the_clips_colours_and_they_do_not_flicker(options: Options, clip: Path, style: list[Style],
                                                                  tmp_path: Path):
    written = stylize_video(clip, style, tmp_path / "out.mp4", replace(options, color="match"))
    plain = stylize_video(clip, style, tmp_path / "plain.mp4", options, Selection(frames=(0, 0)))
    part = stylize_video(clip, style, tmp_path / "part.mp4", replace(options, color="match", preroll=3),
                         Selection(frames=(3, 4)))
    assert part.frame_hashes == written.frame_hashes[3:5]
    painted, own = images(tmp_path / "out.mp4"), images(clip)
    far = colour_distance(images(plain.plan.target)[0], own[0])
    assert colour_distance(painted[0], own[0]) < 0.4 * far
    means = torch.stack([image.mean((1, 2)) for image in painted])
    # Each of some tens of strokes in so small a frame moves its mean, and noise moves strokes: without `match` by 2 codes.
    assert float((means.amax(0) - means.amin(0)).max()) < 3 * CODE


def test_every_part_of_a_clip_is_painted_with_one_style_picture(style: list[Style], tmp_path: Path):
    """Across a cut, too: the colours are those of the whole clip, which gets darker and darker here."""
    def darker(index: int, width: int, height: int) -> np.ndarray:
        return green(index, width, height) // (1 + index)

    clip = make_clip(tmp_path / "darker.mp4", frames=6, size=(64, 48), picture=darker)
    plans = [plan_video(clip, style, tmp_path / "out.mp4", replace(QUICK, color="match"), Selection(frames=frames))
             for frames in (None, (0, 1), (4, 5))]
    painted = [colours_to_paint_in(plan, 0, lambda progress: None) for plan in plans]
    pictures = [styles[0].image for styles, _ in painted]
    assert torch.equal(pictures[0], pictures[1])
    assert torch.equal(pictures[0], pictures[2])
    assert all(torch.equal(palette.matrix, painted[0][1].matrix) for _, palette in painted)
    whole = torch.cat([image[:, ::4, ::4].flatten(1) for image in images(clip)], 1)
    luma = torch.quantile((whole * torch.tensor(BT709)[:, None]).sum(0), 0.5)
    own = torch.quantile((pictures[0] * torch.tensor(BT709)[:, None, None]).sum(0), 0.5)
    assert float(own) == pytest.approx(float(luma), abs=0.02)  # a style of 80 colours has no median nearer


def test_a_picture_gives_its_colours(clip: Path, style: list[Style], tmp_path: Path):
    write_png(tmp_path / "grade.png", normal(11, [0.6, 0.5, 0.2]))
    options = replace(QUICK, color="match", color_from=tmp_path / "grade.png")
    plan = stylize_video(clip, style, tmp_path / "out.mp4", options).plan
    mean = images(tmp_path / "out.mp4")[2].mean((1, 2))
    assert mean.tolist() == pytest.approx([0.6, 0.5, 0.2], abs=0.06)  # strokes are chosen, so that the mean is near
    assert list(plan.control_files) == ["color_from"]
    record = json.loads(manifest_path(plan.target).read_text())
    assert record["controls"] == {"color_from": hashlib.sha256(sha256(tmp_path / "grade.png").encode()).hexdigest()}
    assert "color_from" not in record["options"]


def test_wrong_pictures_and_networks_are_refused_before_painting(clip: Path, style: list[Style], tmp_path: Path):
    options = replace(QUICK, color="match", color_from=tmp_path / "none.png")
    with pytest.raises(InputError, match=r"none\.png"):
        plan_video(clip, style, options=options)
    write_png(tmp_path / "out.png", torch.rand(3, 8, 8))
    with pytest.raises((UsageError, OutputError), match=r"out\.png"):
        plan_video(clip, style, tmp_path / "out.png", replace(options, color_from=tmp_path / "out.png"), overwrite=True)
    network = replace(FITTED, network=tmp_path / "net.safetensors", fit_steps=0)
    stylize_video(clip, style, tmp_path / "a.mp4", network, Selection(frames=(0, 0)))
    with pytest.raises(UsageError, match="fitted for --color style"):
        plan_video(clip, style, tmp_path / "b.mp4", replace(network, color="match"))
    plan_video(clip, style, tmp_path / "b.mp4", replace(network, color="source"))


@pytest.mark.parametrize("words", [["--color-from", "a.png"], ["--color-map", "cholesky"]])
def test_what_has_no_effect_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert execute(["run", "clip.mp4", "--style", "style.png", *words]) == 2
    assert f"{words[0]} has no effect: give --color match too" in " ".join(capsys.readouterr().err.split())


def test_a_network_of_a_preview_is_used_for_the_same_colours_only():
    style, source, match = ({"color": color, "seed": "0", "color_map": "histogram"} for color in ("style", "source", "match"))
    assert same_fit(style, source)
    assert not same_fit(style, match)
    assert not same_fit(match, match | {"color_map": "cholesky"})


def test_shots_of_one_look_get_the_colours_of_all_of_them(clip: Path, style: list[Style], tmp_path: Path):
    def red(index: int, width: int, height: int) -> np.ndarray:
        return np.ascontiguousarray(green(index, width, height)[:, :, [1, 0, 2]])

    make_clip(tmp_path / "red.mp4", frames=3, size=(64, 48), picture=red)
    (tmp_path / "shots.csv").write_text("clip,style,color\nclip.mp4,style.png,match\nred.mp4,style.png,match\n")
    words = ["batch", str(tmp_path / "shots.csv"), "--size", "64", "--device", "cpu", "--json", "--same-look"]
    assert execute(words) == 0
    report = tmp_path / "shots_report"
    [palette], [picture] = report.glob("palette_*"), report.glob("colours_*.png")
    assert execute(["run", str(clip), "--style", str(style[0].path), "--size", "64", "--device", "cpu", "--color", "match",
                    "--color-from", str(picture), "--palette", str(palette), "-o", str(tmp_path / "alone.mp4")]) == 0
    one, other = images(tmp_path / "alone.mp4"), images(tmp_path / "clip_style.mp4")
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    # A shot keeps its place among the colours of the scene, although strokes use all parts of the style; in the sources
    # red minus green is 0.35 and -0.35.
    red, other_ = ((mean := shot[2].mean((1, 2)))[0] - mean[1] for shot in (images(tmp_path / "red_style.mp4"), one))
    assert red > other_ + 0.1
    with pytest.raises(UsageError, match="for --color match; give that"):
        plan_video(clip, style, tmp_path / "c.mp4", replace(QUICK, palette=palette))
