"""A frame painted in parts is the frame painted whole."""

import pytest
import torch

from vidstyle.core.frame import Prior
from vidstyle.painting.feedforward.start import load_start
from vidstyle.painting.feedforward.stylizer import FeedForward
from vidstyle.painting.feedforward.tiles import REACH, parts, proposed, split


@pytest.mark.parametrize(("size", "soft"), [((331, 777), 3), ((777, 331), 5)])
def test_no_seam_between_parts(size: tuple[int, int], soft: int):
    network = load_start()[0].eval().requires_grad_(False)
    torch.nn.init.normal_(network.out.weight, std=0.05, generator=torch.Generator().manual_seed(0))  # bold paint everywhere
    network.soft = soft
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    whole, most = network.proposal(image), 200 * 200
    assert split(*size, most) in ((2, 4), (2, 5), (4, 2), (5, 2))
    # Sums come out in another order in a smaller picture; a thousandth of a code of 8 bits is 4e-6.
    torch.testing.assert_close(proposed(network, image, most), whole, atol=2e-5, rtol=0)
    assert torch.equal(proposed(network, image), whole)  # one part is the whole, bit for bit


def test_parts_that_do_not_see_far_enough_have_seams(monkeypatch: pytest.MonkeyPatch):
    """The test above can fail: a quarter of the reach is not enough."""
    network = load_start()[0].eval().requires_grad_(False)
    torch.nn.init.normal_(network.out.weight, std=0.05, generator=torch.Generator().manual_seed(0))
    image = torch.rand(1, 3, 331, 777, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr("vidstyle.painting.feedforward.tiles.REACH", REACH // 4)
    assert float((proposed(network, image, 200 * 200) - network.proposal(image)).abs().max()) > 1e-3


@pytest.mark.parametrize(("side", "count", "step"), [(2160, 2, 144), (100, 7, 24), (16, 3, 24), (1000, 3, 8)])
def test_parts_cover_a_side_once(side: int, count: int, step: int):
    found = list(parts(side, count, step))
    assert [place for part in found for place in range(side)[part.own]] == list(range(side))
    assert all(part.first % step == 0 == part.begin % step for part in found)
    assert len(found) <= count


def test_a_large_frame_is_painted_in_parts(monkeypatch: pytest.MonkeyPatch):
    painted = []
    network = load_start()[0].eval().requires_grad_(False)
    whole = network.proposal

    def counting(image: torch.Tensor, grain: torch.Tensor) -> torch.Tensor:
        painted.append(tuple(image.shape[-2:]))
        return whole(image, grain)

    monkeypatch.setattr(network, "proposal", counting)
    monkeypatch.setattr("vidstyle.painting.feedforward.tiles.MOST", 300 * 300)
    image = torch.rand(3, 320, 620)
    painting = FeedForward(network)(image, [Prior(image, torch.zeros(1, 320, 620))])
    assert painting.shape == image.shape
    assert len(painted) == 4
