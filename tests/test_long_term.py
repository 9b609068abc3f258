"""What was hidden for a moment comes back as it was painted before, with references beyond the last frame."""

import torch
from style_images import noise

from benchmarks.known_motion import passing
from benchmarks.ruder import at_size, rms
from vidstyle.core.frame import Frame
from vidstyle.encoders import load_encoder
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.style import StyleTarget
from vidstyle.temporal.loop import paint_frames

GAP = 4
"""From a frame that shows a place, past three that the bar hides it in, to one that shows it again."""


def test_what_a_bar_uncovers_is_painted_as_before():
    scene, encoder = passing(GAP + 1, 40), load_encoder("builtin")
    style = StyleTarget([noise(1)], [1.0], encoder)
    # Thirty steps put paint on the first frame; two on each later one paint little, so that it is seen what they begin with.
    paint = OptimizingStylizer(encoder, style, style.palette([noise(2)]), content_weight=0.04, style_weight=1.0, tv_weight=1.0,
                               temporal_weight=50.0, first_steps=30, follow_steps=2)

    def uncovered(k: int) -> torch.Tensor:
        return 1 - torch.stack([scene.visible(j, k) for j in range(k - GAP + 1, k)]).amin(0)

    def change(references: tuple[int, ...]) -> float:
        """Root mean square change of the places that were hidden, from before that to after it."""
        painted = list(paint_frames(scene.frames, lambda frame, priors: paint(frame.image, priors), scene.estimate, never,
                                    references=references))
        return rms(scene, [one.painting for one in painted], GAP, uncovered)

    # The motion is true and in whole pixels. What remains are the steps, and three pixels without trust along the bar's edges:
    # 0.5 was found.
    assert change((1, GAP)) < 0.7 * change((1,))


def never(last: Frame, this: Frame) -> bool:
    return False


def test_motion_of_another_size_keeps_its_direction_and_is_as_long_in_relation():
    flow = torch.tensor([-40.0, 12.0])[:, None, None].expand(2, 20, 30)
    torch.testing.assert_close(at_size(flow, (5, 10)), torch.tensor([-40 / 3, 3.0])[:, None, None].expand(2, 5, 10))
