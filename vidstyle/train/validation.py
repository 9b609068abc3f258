"""Validation: the metrics of `vidstyle evaluate` for paintings of held-out frames, and a contact sheet of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from vidstyle.core.contact_sheet import contact_sheet
from vidstyle.core.frame import Frame
from vidstyle.core.train_options import TrainOptions
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.judge import load_judge
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.evaluate.style_metrics import StyleMetrics
from vidstyle.flow import load_flow
from vidstyle.flow.farneback import NAME as FARNEBACK
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.palette import Palette, sample_colours
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.train.learner import Learner
from vidstyle.train.sources import HeldOutFrames

Quality = dict[str, dict[str, float]]
"""By style, then by metric of `vidstyle.evaluate`; `e_stab_source` is `e_stab` of the unpainted frames, the least to expect."""


@dataclass(frozen=True)
class Validation:
    """Paints held-out frames in every style and measures the paintings."""

    held_out: Sequence[HeldOutFrames]
    names: Sequence[str]
    """Of the styles."""
    images: Sequence[Tensor]
    """Of the styles, (3, H, W) in [0, 1]."""
    options: TrainOptions
    device: str

    def measure(self, learner: Learner, *, all_runs: bool) -> tuple[Quality, Tensor]:
        """The metrics, and a contact sheet (3, H, W) of the last frame of each run, source above painting.

        all_runs: paint every style on every run; else each style on one run.
        """
        quality, columns, captions = Quality(), [], []
        for style, (name, image) in enumerate(zip(self.names, self.images, strict=True)):
            found = []
            for run in self.held_out if all_runs else [self.held_out[style % len(self.held_out)]]:
                palette = Palette.between(run.colours, sample_colours(image))
                network = learner.network_for(style, palette, run.frames.shape[-2])
                metrics, column = self._measure_run(network, run, image)
                found.append(metrics)
                columns.append(column)
                captions.append(f"{name}: {run.name}")
            quality[name] = {key: sum(metrics[key] for metrics in found) / len(found) for key in found[0]
                             if all(key in metrics for metrics in found)}
        return quality, contact_sheet(columns, captions)

    def _measure_run(self, network: PaintNetwork, run: HeldOutFrames,
                     style: Tensor) -> tuple[dict[str, float], tuple[Tensor, Tensor]]:
        """The metrics of one run; its last frame and the painting of it."""
        estimate_flow, is_cut = load_flow(self.options.flow, self.device), cut_detector()
        other_flow = "dis" if self.options.flow == FARNEBACK else FARNEBACK  # paintings are not measured with their own flow
        size = (run.frames.shape[-2], run.frames.shape[-1])
        stability = StabilityMetrics(load_judge(other_flow, self.options.flow, None, size, len(run.frames) - 1))
        style_metrics = StyleMetrics(style.to(self.device), load_encoder(self.options.encoder, self.device))
        frames = [Frame(image.to(self.device).float() / 255, index, Fraction(1, 25), index)
                  for index, image in enumerate(run.frames)]
        references = (1,) if self.options.temporal else ()
        before, images = None, torch.empty(0)
        paint = FeedForwardStylizer(network)
        for painted in paint_frames(frames, lambda frame, priors: paint(frame.image, priors), estimate_flow, is_cut,
                                    references=references):
            frame = painted.source
            images = torch.stack([painted.painting, frame.image])
            stability.add(frame, images, before is not None and is_cut(before, frame))
            before = frame
        style_metrics.add(images, source=1)
        metrics = stability.values(0) | style_metrics.values(0)
        if "e_stab" in metrics:
            metrics["e_stab_source"] = stability.values(1)["e_stab"]
        return metrics, (images[1].cpu(), images[0].cpu())
