"""A shot that stands still for twenty seconds keeps its light and its colours."""

from fractions import Fraction
from pathlib import Path

import torch

from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.encoders import load_encoder
from vidstyle.flow import load_flow
from vidstyle.painting.feedforward.start import initial_network, load_start
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.style import StyleTarget
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector

SAMPLES = Path(__file__).parent.parent / "samples"
FRAMES = 500
NOISE = 2 / 255  # deviation of the grain that makes every frame another one


def test_five_hundred_frames_of_a_still_shot_do_not_drift():
    picture = resize(read_image(SAMPLES / "styles" / "garden.jpg"), (90, 120))  # a shot of a painting, say
    target = StyleTarget([read_image(SAMPLES / "styles" / "night.jpg")], [1.0], load_encoder("builtin"))
    network = initial_network([picture], target, keep=0.9, start=load_start())
    stylizer, generator = FeedForwardStylizer(network), torch.Generator().manual_seed(0)

    def shot():
        for index in range(FRAMES):
            noise = NOISE * torch.randn(picture.shape, generator=generator)
            yield Frame((picture + noise).clamp(0, 1), pts=index, time_base=Fraction(1, 25), index=index)

    colours = [painted.painting.mean((1, 2)) for painted in
               paint_frames(shot(), lambda frame, priors: stylizer(frame.image, priors), load_flow("dis"), cut_detector())]
    early, weights = colours[10], torch.tensor([0.2126, 0.7152, 0.0722])
    assert len(colours) == FRAMES
    assert float(early.std()) > 0.01  # it is no grey
    for late in colours[11:]:  # 1 %: an invisible fade
        assert float(abs(late @ weights / (early @ weights) - 1)) < 0.01
        assert float((late / early - 1).abs().max()) < 0.01
