"""The start network: it ships, is what its record says, paints a style it has never seen at once, and fits from there."""

import pytest
import torch
from torch import Tensor

from tests.test_optimize import noise
from vidstyle.encoders import load_encoder
from vidstyle.models import registry as weights
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.feedforward.start import begin, load_start
from vidstyle.painting.feedforward.stylizer import FeedForward
from vidstyle.painting.style import StyleTarget

KNOWN = [0.78472, 0.56263, 0.47724]


def bricks(size: int = 128) -> Tensor:
    """A style picture: rows of bricks, each row shifted, in three colours."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    row = y // 16
    mortar = (y % 16 < 3) | ((x + 12 * row) % 32 < 3)
    tint = ((x + 12 * row) // 32 + 2 * row) % 3
    colours = torch.tensor([[0.7, 0.25, 0.15], [0.55, 0.2, 0.2], [0.85, 0.45, 0.2]])
    return torch.where(mortar[..., None], torch.tensor([0.85, 0.85, 0.75]), colours[tint]).permute(2, 0, 1)


def test_the_shipped_weights_are_the_recorded_ones():
    record = weights.find("builtin-start")
    assert weights.fetch("builtin-start") == weights.location(record)  # `fetch` compares the hash
    assert weights.location(record).stat().st_size <= 4e6


def test_the_shipped_weights_give_known_numbers():
    """Means of a painting's channels, as they were when the weights were made."""
    frame = noise(2, 96)
    target = StyleTarget([bricks()], [1.0], load_encoder("builtin"))
    painting = FeedForward(begin([frame], target, 0.9, load_start()))(frame)
    # float32 sums in another order, through some forty layers: well below a grey level
    assert painting.mean((1, 2)).tolist() == pytest.approx(KNOWN, abs=1e-3)


def test_a_style_never_seen_is_painted_at_once():
    encoder, frame = load_encoder("builtin"), noise(2, 192)
    target = StyleTarget([bricks()], [1.0], encoder)
    painting = FeedForward(begin([frame], target, 0.9, load_start()))(frame)
    before, after = (float(style_loss(encoder(picture[None], STYLE_LAYERS), target.at(192))) for picture in (frame, painting))
    assert after < 0.5 * before
