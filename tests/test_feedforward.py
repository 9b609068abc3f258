"""The feed-forward stylizer: sizes, network files, and a fit that is seeded, learns the style and holds still."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from small_fit import pairs, random_network, settings
from style_images import bricks, noise

from vidstyle.core.errors import InputError
from vidstyle.core.frame import Prior
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.feedforward.canvas import CELL_SIZES, DEVIATION, canvas_tiles, fixed_canvas, random_canvas
from vidstyle.painting.feedforward.fit import fit
from vidstyle.painting.feedforward.muon import orthogonalized
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import load_network, save_network
from vidstyle.painting.feedforward.start import initial_network, load_start
from vidstyle.painting.feedforward.style_table import StyleTable, style_metadata
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.frame_pair import FramePair
from vidstyle.painting.palette import Palette
from vidstyle.painting.style import StyleTarget
from vidstyle.painting.style_picture import StylePicture

Losses = list[dict[str, float]]


def fitted(steps: int, temporal: float = 50.0) -> tuple[PaintNetwork, Losses]:
    encoder, losses = load_encoder("builtin"), Losses()
    target = StyleTarget([noise(1)], [1.0], encoder)
    network = random_network(pairs(), target)
    fit(network, pairs(), encoder, target, settings(steps, temporal), lambda _, found, state: losses.append(found))
    return network, losses


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (64, 90), (97, 33)])
def test_a_painting_of_any_size_has_the_size_of_its_frame(size: tuple[int, int]):
    torch.manual_seed(0)
    painting = FeedForwardStylizer(PaintNetwork().eval())(torch.rand(3, *size))
    assert painting.shape == (3, *size)
    assert float(painting.min()) >= 0
    assert float(painting.max()) <= 1


@pytest.mark.parametrize("height", [16, 33, 36, 47])
def test_a_clip_of_any_height_can_be_fitted(height: int):
    small = [FramePair(pair.last[:, :height], pair.this[:, :height], pair.to_last[:, :height], pair.visibility[:, :height])
             for pair in pairs()]
    encoder = load_encoder("builtin")
    losses = Losses()
    target = StyleTarget([noise(1)], [1.0], encoder)
    fit(random_network(small, target), small, encoder, target, settings(3), lambda _, found, state: losses.append(found))
    assert all(math.isfinite(value) for found in losses for value in found.values())


def test_a_random_network_starts_at_the_frame_itself():
    torch.manual_seed(0)
    frame = torch.full((3, 64, 64), 0.3)
    frame[0] = 0.6
    assert float((FeedForwardStylizer(PaintNetwork().eval())(frame) - frame).abs().mean()) < 0.1


def test_a_hidden_prior_changes_nothing():
    torch.manual_seed(0)
    stylizer, frame = FeedForwardStylizer(PaintNetwork().eval()), noise(2)
    hidden = torch.zeros(1, 64, 64)
    assert torch.equal(stylizer(frame, [Prior(noise(3), hidden)]), stylizer(frame, [Prior(noise(4), hidden)]))


def test_the_fit_learns_the_style():
    encoder, clip = load_encoder("builtin"), pairs()
    target, frame = StyleTarget([bricks()], [1.0], encoder), clip[0].this.float() / 255
    network = initial_network([frame], target, 0.9, load_start())

    def loss() -> float:
        return float(style_loss(encoder(FeedForwardStylizer(network)(frame)[None], STYLE_LAYERS), target.grams(64)))

    before = loss()
    fit(network, clip, encoder, target, settings(30, temporal=5.0))
    assert loss() < 0.8 * before  # measured 0.69


@pytest.mark.parametrize("size", [(64, 64), (61, 90)])
def test_the_canvas_has_the_networks_size(size: tuple[int, int]):
    frame, network = torch.full((1, 3, *size), 0.5), PaintNetwork().eval()
    for canvas in (fixed_canvas(*size), random_canvas(size, torch.Generator().manual_seed(0))):
        assert network(frame, frame, frame[:, :1] * 0, canvas).shape == frame.shape


def test_opposite_edges_of_a_canvas_tile_fit_together():
    for tile, size in zip(canvas_tiles(), CELL_SIZES, strict=True):
        assert abs(float(tile.mean())) < 1e-6
        assert math.isclose(float(tile.std()), DEVIATION, rel_tol=1e-4)
        for axis in (-1, -2):  # where two tiles meet, as many cells end as between any other two columns or rows
            ends = (tile.diff(dim=axis) != 0).float().mean((0, 1, -3 - axis))
            seam = (tile.narrow(axis, 0, 1) != tile.narrow(axis, tile.shape[axis] - 1, 1)).float().mean()
            assert float(ends.min()) <= float(seam) <= float(ends.max())
        assert 1 / size < float(ends.mean()) < 2 / size  # a cell is about `size` across


def test_a_plain_frame_is_painted_with_strokes():
    network = fitted(30)[0]
    painting = FeedForwardStylizer(network)(torch.full((3, 120, 160), 0.5))
    # Without the canvas the deviation is 0: convolutions of one value give one value, away from the borders.
    assert float(painting[:, 40:80, 40:120].std()) > 0.004


def test_the_same_seed_gives_the_same_network():
    one, other = fitted(3)[0].state_dict(), fitted(3)[0].state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_temporal_weight_makes_proposals_steadier():
    weighted, free = ([found["temporal"] for found in fitted(40, temporal)[1]] for temporal in (1000.0, 0.0))
    assert weighted[0] == free[0]  # before the first step
    assert sum(weighted[20:]) < 0.2 * sum(free[20:])


def test_a_saved_network_paints_the_same(tmp_path: Path):
    torch.manual_seed(0)
    network, file = PaintNetwork(width=16, blocks=2, soft=5).eval(), tmp_path / "net.safetensors"
    save_network(network, file, {"clip": "a.mp4"})
    loaded, metadata = load_network(file)
    assert metadata["clip"] == "a.mp4"
    frame = noise(2)
    assert torch.equal(FeedForwardStylizer(loaded)(frame), FeedForwardStylizer(network)(frame))
    assert list(tmp_path.iterdir()) == [file]


def test_the_names_in_network_files_stay(tmp_path: Path):
    """Networks that users saved load only while these names are the same."""
    network, file = PaintNetwork(width=8, blocks=1), tmp_path / "net.safetensors"
    palette = Palette(torch.eye(3)[None], *(torch.rand(1, 3) for _ in range(3)))
    style = StylePicture(Path("a.png"), 1.0, "ab" * 32, noise(0))
    table = StyleTable(torch.zeros(1, 2, sum(network.modulated_channels)), palette)
    save_network(network, file, style_metadata([style]), table)
    with safe_open(file, "pt") as saved:
        names, metadata = set(saved.keys()), saved.metadata()
    layers = ("coarser.0", "down.0.0", "down.1.0", "finer.1", "narrower", "out", "residual.after", "residual.before.0",
              "residuals.0.after", "residuals.0.before.0", "up.2.0", "up.4.0")
    norms = ("residual.tuned", "residuals.0.tuned", "tuned")
    assert names == {*(f"{layer}.{part}" for layer in layers for part in ("bias", "weight")),
                     *(f"{norm}.{part}" for norm in norms for part in ("gain", "shift")),
                     "palette", "light", "darkest", "lightest",
                     "rows.changes", "rows.matrix", "rows.light", "rows.darkest", "rows.lightest"}
    assert metadata == {"format": "vidstyle-network-3", "width": "8", "blocks": "1", "keep": "0.9", "soft": "3",
                        "styles": style.sha256, "style_names": "a.png", "style_weights": "1"}


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"not a network", "is not a network"),
                                                  (None, "cannot be read")])
def test_any_other_file_is_refused(tmp_path: Path, content: bytes | None, message: str):
    file = tmp_path / "net.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=rf"net\.safetensors: {message}"):
        load_network(file)


def test_muon_steps_are_orthogonal():
    matrix = torch.randn(8, 40, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalized(matrix))
    assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3  # the range that the iteration is made for


def test_a_fit_that_no_longer_improves_ends_early():
    """Four hundred steps at a learning rate near zero: the loss of the held-out pair cannot fall."""
    encoder = load_encoder("builtin")
    target, clip = StyleTarget([noise(1)], [1.0], encoder), 4 * pairs()
    network = random_network(clip, target)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    steps = fit(network, clip, encoder, target, replace(settings(400), rate=1e-9))
    # Two evaluations, 20 steps apart, and two more that are no better; then a tenth of the steps to cool down.
    assert steps == 4 * 20 + 40
    assert all(torch.allclose(value, before[name], atol=1e-5) for name, value in network.state_dict().items())
    assert fit(random_network(pairs(), target), pairs(), encoder, target, settings(2)) == 2
