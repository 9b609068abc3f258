"""The start network: it ships, is what its record says, and paints an unseen style without a fit."""

import pytest
from style_images import bricks, noise

from vidstyle.encoders import load_encoder
from vidstyle.models import registry
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.feedforward.start import initial_network, load_start
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.style import StyleTarget

KNOWN = [0.78472, 0.56263, 0.47724]


def test_the_shipped_weights_are_the_recorded_ones():
    record = registry.find("builtin-start")
    assert registry.fetch("builtin-start") == registry.location(record)  # `fetch` compares the hash
    assert registry.location(record).stat().st_size <= 4e6


def test_the_shipped_weights_give_known_numbers():
    """Means of a painting's channels, as they were when the weights were made."""
    frame = noise(2, 96)
    target = StyleTarget([bricks()], [1.0], load_encoder("builtin"))
    painting = FeedForwardStylizer(initial_network([frame], target, 0.9, load_start()))(frame)
    # float32 sums in another order, through some forty layers: well below a grey level
    assert painting.mean((1, 2)).tolist() == pytest.approx(KNOWN, abs=1e-3)


def test_an_unseen_style_is_painted_without_a_fit():
    encoder, frame = load_encoder("builtin"), noise(2, 192)
    target = StyleTarget([bricks()], [1.0], encoder)
    painting = FeedForwardStylizer(initial_network([frame], target, 0.9, load_start()))(frame)
    before, after = (float(style_loss(encoder(image[None], STYLE_LAYERS), target.grams(192))) for image in (frame, painting))
    assert after < 0.5 * before
