"""A frame painted in tiles is the frame painted whole."""

import pytest
import torch

from vidstyle.core.frame import Prior
from vidstyle.painting.feedforward.start import load_start
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.feedforward.tiles import REACH, tile_counts, tile_spans, tiled_proposal


@pytest.mark.parametrize(("size", "soft"), [((331, 777), 3), ((777, 331), 5)])
def test_no_seam_between_tiles(size: tuple[int, int], soft: int):
    network = load_start()[0].eval().requires_grad_(False)
    torch.nn.init.normal_(network.out.weight, std=0.05, generator=torch.Generator().manual_seed(0))  # strong paint everywhere
    network.soft = soft
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    whole, most = network.proposal(image), 200 * 200
    assert tile_counts(*size, most) in ((2, 4), (2, 5), (4, 2), (5, 2))
    # Sums come out in another order in a smaller image; a thousandth of a code of 8 bits is 4e-6.
    torch.testing.assert_close(tiled_proposal(network, image, most), whole, atol=2e-5, rtol=0)
    assert torch.equal(tiled_proposal(network, image), whole)  # one tile is the whole, bit for bit


def test_tiles_with_too_little_padding_have_seams(monkeypatch: pytest.MonkeyPatch):
    """The test above can fail: a quarter of the receptive field is not enough."""
    network = load_start()[0].eval().requires_grad_(False)
    torch.nn.init.normal_(network.out.weight, std=0.05, generator=torch.Generator().manual_seed(0))
    image = torch.rand(1, 3, 331, 777, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr("vidstyle.painting.feedforward.tiles.REACH", REACH // 4)
    assert float((tiled_proposal(network, image, 200 * 200) - network.proposal(image)).abs().max()) > 1e-3


@pytest.mark.parametrize(("side", "count", "step"), [(2160, 2, 144), (100, 7, 24), (16, 3, 24), (1000, 3, 8)])
def test_tiles_cover_a_side_once(side: int, count: int, step: int):
    found = list(tile_spans(side, count, step))
    assert [place for span in found for place in range(side)[span.inner]] == list(range(side))
    assert all(span.first % step == 0 == span.padded_first % step for span in found)
    assert len(found) <= count


def test_a_large_frame_is_painted_in_tiles(monkeypatch: pytest.MonkeyPatch):
    painted = []
    network = load_start()[0].eval().requires_grad_(False)
    whole = network.proposal

    def counting(image: torch.Tensor, canvas: torch.Tensor) -> torch.Tensor:
        painted.append(tuple(image.shape[-2:]))
        return whole(image, canvas)

    monkeypatch.setattr(network, "proposal", counting)
    monkeypatch.setattr("vidstyle.painting.feedforward.tiles.MOST", 300 * 300)
    image = torch.rand(3, 320, 620)
    painting = FeedForwardStylizer(network)(image, [Prior(image, torch.zeros(1, 320, 620))])
    assert painting.shape == image.shape
    assert len(painted) == 4
