"""The temporal loss: its value, and that its gradient is non-zero exactly where a pixel is visible."""

from __future__ import annotations

import numpy as np
import torch

from vidstyle.ops.losses import temporal_loss


def test_the_value_follows_the_definition() -> None:
    generator = np.random.default_rng(0)
    painting, prior = generator.random((2, 3, 5, 7)).astype(np.float32)
    weight = generator.random((1, 5, 7)).astype(np.float32)
    expected = 0.0
    for channel in range(3):
        for row in range(5):
            for column in range(7):
                expected += weight[0, row, column] * (painting[channel, row, column] - prior[channel, row, column]) ** 2
    expected /= 3 * 5 * 7
    loss = temporal_loss(torch.from_numpy(painting), torch.from_numpy(prior), torch.from_numpy(weight))
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-5)


def test_the_gradient_is_non_zero_exactly_where_visible() -> None:
    """A known bug of another program: its temporal loss compared two constants and had no gradient."""
    painting = torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    prior = torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(1))
    visible = torch.zeros(1, 6, 8)
    visible[:, 2:, 3:] = 1
    visible[:, 5, 5] = 0.25
    temporal_loss(painting, prior, visible).backward()
    assert painting.grad is not None
    assert torch.equal(painting.grad != 0, visible.bool().expand(3, 6, 8))
    torch.testing.assert_close(painting.grad, 2 * visible * (painting.detach() - prior) / painting.numel())


def test_all_pixels_count_in_the_normaliser() -> None:
    painting, prior = torch.full((3, 4, 4), 0.5), torch.zeros(3, 4, 4)
    half = torch.zeros(1, 4, 4)
    half[:, :2] = 1
    assert temporal_loss(painting, prior, half) == 0.5 * 0.25
    assert temporal_loss(painting, prior, torch.zeros(1, 4, 4)) == 0


def test_a_batch_gives_the_mean_of_its_members() -> None:
    paintings, priors, visible = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5), torch.rand(2, 1, 4, 5)
    single = [temporal_loss(*parts) for parts in zip(paintings, priors, visible, strict=True)]
    torch.testing.assert_close(temporal_loss(paintings, priors, visible), torch.stack(single).mean())
