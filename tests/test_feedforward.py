"""The feed-forward painter: sizes, files, and a fit that is seeded, learns the style and learns to hold still."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.test_optimize import noise
from tests.test_start import bricks
from vidstyle.core.errors import InputError
from vidstyle.core.frame import Prior
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.feedforward.canvas import DEVIATION, SIZES, canvas_grain, canvas_tiles, shot_grain
from vidstyle.painting.feedforward.fit import FitSettings, Pair, fit
from vidstyle.painting.feedforward.muon import orthogonalized
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.start import begin, load_start
from vidstyle.painting.feedforward.stylizer import FeedForward, load_network, save_network
from vidstyle.painting.style import StyleTarget, palette_map


def settings(steps: int, temporal: float = 50.0) -> FitSettings:
    return FitSettings(content_weight=0.05, style_weight=1.0, tv_weight=1.0, temporal_weight=temporal, steps=steps, seed=7)


def pairs() -> list[Pair]:
    """Two pairs that move by one pixel to the right: exact flow, the column that comes in is hidden."""
    visible, to_last = torch.ones(1, 64, 64), torch.zeros(2, 64, 64)
    visible[..., 0], to_last[0] = 0, -1
    images = [(noise(seed) * 255).byte() for seed in (2, 3)]
    return [Pair(image, image.roll(1, -1), to_last, visible) for image in images]


Losses = list[dict[str, float]]


def fitted(steps: int, temporal: float = 50.0) -> tuple[PaintNetwork, Losses]:
    encoder, losses = load_encoder("builtin"), Losses()
    target = StyleTarget([noise(1)], [1.0], encoder)
    network = fresh(pairs(), target)
    fit(network, pairs(), encoder, target, settings(steps, temporal), lambda _, found, state: losses.append(found))
    return network, losses


def fresh(seen: list[Pair], target: StyleTarget) -> PaintNetwork:
    return begin([pair.this.float() / 255 for pair in seen], target, keep=0.9, seed=7)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 90), (97, 33)])
def test_any_size_comes_back_at_its_own_size(size: tuple[int, int]):
    torch.manual_seed(0)
    painting = FeedForward(PaintNetwork().eval())(torch.rand(3, *size))
    assert painting.shape == (3, *size)
    assert float(painting.min()) >= 0
    assert float(painting.max()) <= 1


@pytest.mark.parametrize("height", [16, 33, 36, 47])
def test_a_clip_of_any_height_can_be_fitted(height: int):
    small = [Pair(pair.last[:, :height], pair.this[:, :height], pair.to_last[:, :height], pair.visibility[:, :height])
             for pair in pairs()]
    encoder = load_encoder("builtin")
    losses = Losses()
    target = StyleTarget([noise(1)], [1.0], encoder)
    fit(fresh(small, target), small, encoder, target, settings(3), lambda _, found, state: losses.append(found))
    assert all(math.isfinite(value) for found in losses for value in found.values())


def test_a_fresh_network_starts_at_the_frame_itself():
    torch.manual_seed(0)
    frame = torch.full((3, 64, 64), 0.3)
    frame[0] = 0.6
    assert float((FeedForward(PaintNetwork().eval())(frame) - frame).abs().mean()) < 0.1


def test_where_the_prior_is_hidden_its_pixels_do_not_count():
    torch.manual_seed(0)
    painter, frame = FeedForward(PaintNetwork().eval()), noise(2)
    hidden = torch.zeros(1, 64, 64)
    assert torch.equal(painter(frame, [Prior(noise(3), hidden)]), painter(frame, [Prior(noise(4), hidden)]))


def test_the_fit_learns_the_style():
    encoder, seen = load_encoder("builtin"), pairs()
    target, frame = StyleTarget([bricks()], [1.0], encoder), seen[0].this.float() / 255
    network = begin([frame], target, 0.9, load_start())

    def found() -> float:
        return float(style_loss(encoder(FeedForward(network)(frame)[None], STYLE_LAYERS), target.at(64)))

    before = found()
    fit(network, seen, encoder, target, settings(30, temporal=5.0))
    assert found() < 0.8 * before  # measured 0.69


@pytest.mark.parametrize("size", [(64, 64), (61, 90)])
def test_the_canvas_has_the_networks_size(size: tuple[int, int]):
    frame, network = torch.full((1, 3, *size), 0.5), PaintNetwork().eval()
    for canvas in (shot_grain(*size), canvas_grain(size, torch.Generator().manual_seed(0))):
        assert network(frame, frame, frame[:, :1] * 0, canvas).shape == frame.shape


def test_the_canvas_goes_on_beyond_its_tiles():
    for tile, size in zip(canvas_tiles(), SIZES, strict=True):
        assert abs(float(tile.mean())) < 1e-6
        assert math.isclose(float(tile.std()), DEVIATION, rel_tol=1e-4)
        for axis in (-1, -2):  # where two tiles meet as many dabs end as between any other two columns or rows
            ends = (tile.diff(dim=axis) != 0).float().mean((0, 1, -3 - axis))
            seam = (tile.narrow(axis, 0, 1) != tile.narrow(axis, tile.shape[axis] - 1, 1)).float().mean()
            assert float(ends.min()) <= float(seam) <= float(ends.max())
        assert 1 / size < float(ends.mean()) < 2 / size  # a dab is about `size` across


def test_a_plain_frame_is_painted_with_strokes():
    network = fitted(30)[0]
    painting = FeedForward(network)(torch.full((3, 120, 160), 0.5))
    # Without the grain a plain frame stays plain: a convolution of one value is one value, away from the borders.
    assert float(painting[:, 40:80, 40:120].std()) > 0.004  # without the grain it is 0


def test_the_same_seed_gives_the_same_network():
    one, other = fitted(3)[0].state_dict(), fitted(3)[0].state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_temporal_weight_makes_what_is_proposed_steadier():
    weighed, free = ([found["temporal"] for found in fitted(40, temporal)[1]] for temporal in (1000.0, 0.0))
    assert weighed[0] == free[0]  # nothing is learnt yet
    assert sum(weighed[20:]) < 0.2 * sum(free[20:])


def test_a_saved_network_paints_the_same(tmp_path: Path):
    torch.manual_seed(0)
    network, file = PaintNetwork(width=16, blocks=2, soft=5).eval(), tmp_path / "net.safetensors"
    save_network(network, file, {"clip": "a.mp4"})
    loaded, about = load_network(file)
    assert about["clip"] == "a.mp4"
    frame: Tensor = noise(2)
    assert torch.equal(FeedForward(loaded)(frame), FeedForward(network)(frame))
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(("content", "told"), [(b"", "is empty"), (b"not a network", "is not a network"),
                                               (None, "cannot be read")])
def test_anything_else_is_refused(tmp_path: Path, content: bytes | None, told: str):
    file = tmp_path / "net.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=rf"net\.safetensors: {told}"):
        load_network(file)


def test_the_palette_map_gives_the_pictures_colours():
    generator = torch.Generator().manual_seed(0)
    frames, pictures = torch.rand(3, 4000, generator=generator) * 0.6, torch.rand(3, 4000, generator=generator) ** 2
    matrix, light = palette_map(frames, pictures)
    changed = matrix @ frames + light[:, None]
    torch.testing.assert_close(changed.mean(1), pictures.mean(1), atol=1e-5, rtol=0)
    # The floor of 0.03 under the deviations keeps the covariances from being met to the last digit.
    torch.testing.assert_close(torch.cov(changed), torch.cov(pictures), atol=3e-3, rtol=0)
    torch.testing.assert_close(matrix, matrix.T)  # of all maps that do so, the symmetric one moves colours least


def test_colours_that_fit_already_stay():
    colours = torch.rand(3, 4000, generator=torch.Generator().manual_seed(0))
    matrix, light = palette_map(colours, colours)
    torch.testing.assert_close(matrix, torch.eye(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(light, torch.zeros(3), atol=1e-5, rtol=0)


def test_muon_steps_are_orthogonal():
    matrix = torch.randn(8, 40, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalized(matrix))
    assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3  # the range that the iteration is made for


def test_a_fit_that_gets_no_better_ends_before_its_time():
    """A thousand steps at a rate of nearly nothing: after a few looks at the pair that is held out it is told to rest."""
    encoder = load_encoder("builtin")
    target, seen = StyleTarget([noise(1)], [1.0], encoder), 4 * pairs()
    network = fresh(seen, target)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    steps = fit(network, seen, encoder, target, replace(settings(400), rate=1e-9))
    # Two looks, 20 steps apart, and two more that are no better; then a tenth of the steps to come to rest.
    assert steps == 4 * 20 + 40
    assert all(torch.allclose(value, before[name], atol=1e-5) for name, value in network.state_dict().items())
    assert fit(fresh(pairs(), target), pairs(), encoder, target, settings(2)) == 2
