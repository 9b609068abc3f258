"""How the network in training does on the frames that are kept for judging, and how that looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.core.images import contact_sheet
from vidstyle.core.options import TrainOptions
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.judge import load_judge
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.evaluate.style_metrics import StyleMetrics
from vidstyle.flow import load_flow
from vidstyle.flow.farneback import NAME as FARNEBACK
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.stylizer import FeedForward
from vidstyle.painting.style import Palette, colours
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.train.learner import Learner
from vidstyle.train.material import Held

Quality = dict[str, dict[str, float]]
"""By style, then by metric of `vidstyle.evaluate`; `e_stab_source` is that of the source, the floor."""


@dataclass(frozen=True)
class Yardstick:
    """What `vidstyle evaluate` measures, of every style on a few runs of frames."""

    held: Sequence[Held]
    names: Sequence[str]
    """Of the styles."""
    pictures: Sequence[Tensor]
    """Of the styles, (3, H, W) in [0, 1]."""
    options: TrainOptions
    device: str

    def check(self, learner: Learner, *, thorough: bool) -> tuple[Quality, Tensor]:
        """The numbers, and a contact sheet of the last frame of each run, source above painting.

        thorough: every style on every run; else each on one of them.
        """
        quality, columns, captions = Quality(), [], []
        for style, (name, picture) in enumerate(zip(self.names, self.pictures, strict=True)):
            found = []
            for run in self.held if thorough else [self.held[style % len(self.held)]]:
                palette = Palette.of(run.colours, colours(picture))
                numbers, pair = self._judge(learner.painter(style, palette, run.frames.shape[-2]), run, picture)
                found.append(numbers)
                columns.append(pair)
                captions.append(f"{name}: {run.name}")
            quality[name] = {key: sum(numbers[key] for numbers in found) / len(found) for key in found[0]
                             if all(key in numbers for numbers in found)}
        return quality, contact_sheet(columns, captions)

    def _judge(self, network: PaintNetwork, run: Held, picture: Tensor) -> tuple[dict[str, float], tuple[Tensor, Tensor]]:
        estimate_flow, is_cut = load_flow(self.options.flow, self.device), cut_detector()
        other = "dis" if self.options.flow == FARNEBACK else FARNEBACK
        size = (run.frames.shape[-2], run.frames.shape[-1])
        stability = StabilityMetrics(load_judge(other, self.options.flow, None, size, len(run.frames) - 1))
        look = StyleMetrics(picture.to(self.device), load_encoder(self.options.encoder, self.device))
        frames = [Frame(image.to(self.device).float() / 255, index, Fraction(1, 25), index)
                  for index, image in enumerate(run.frames)]
        references = (1,) if self.options.temporal else ()
        before, pictures = None, torch.empty(0)
        for painted in paint_frames(frames, FeedForward(network), estimate_flow, is_cut, references=references):
            frame = painted.source
            pictures = torch.stack([painted.painting, frame.image])
            stability.add(frame, pictures, before is not None and is_cut(before, frame))
            before = frame
        look.add(pictures, source=1)
        numbers = stability.values(0) | look.values(0)
        if "e_stab" in numbers:
            numbers["e_stab_source"] = stability.values(1)["e_stab"]
        return numbers, (pictures[1].cpu(), pictures[0].cpu())
