"""Make the stylizer that a plan asks for: set up the optimizer, load a network, or fit one to the clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import OutputError
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_picture, resize
from vidstyle.core.interfaces import CutDetector, Encoder, FlowEstimator, Stylizer
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.ops.warp import trust
from vidstyle.painting.feedforward.fit import FitSettings, Pair, fit
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import load_network, save_network
from vidstyle.painting.feedforward.start import adapt_to_clip, initial_network, load_start
from vidstyle.painting.feedforward.style_table import style_metadata
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.palette import Palette
from vidstyle.painting.style import StyleTarget
from vidstyle.run.plan import Plan, Style
from vidstyle.run.resume.checkpoint import Work
from vidstyle.video import Clip, sample

SAMPLED_PAIRS = 16  # pairs of neighbouring frames the fit looks at, spread over the whole clip
KEEP = 0.9  # of a visible place stays as it was painted; the rest is new, so that errors fade within a second
RATE = 2.5e-3  # of the fit: it begins near the answer; at 4e-3 it ends further from it and as chance will have it
TRAIN = "train"  # what a network's file says that made it, where it is for any clip
# The temporal loss is a squared difference of pixels: these bring it to the size of the style loss.
TEMPORAL_FIT, TEMPORAL_OPTIMIZE = 5.0, 50.0


def make_stylizer(plan: Plan, styles: Sequence[Style], clip: Clip, estimate_flow: FlowEstimator, is_cut: CutDetector,
                  listen: Listener, work: Work) -> tuple[Stylizer, dict[str, float]]:
    """What paints one frame, and the last losses of the fit where there was one; `work` keeps the fit."""
    options, encoder = plan.options, load_encoder(plan.options.encoder, plan.device)
    pictures = [read_picture(style.path).to(plan.device) for style in styles]
    target = StyleTarget(pictures, [style.weight for style in styles], encoder, options.style_scale)
    if options.method == "optimize":
        return _optimizer(options, encoder, target, target.palette(_glances(plan, clip, listen))), {}
    if options.network is not None and options.network.exists():
        network, about = load_network(options.network, [style.share() for style in styles])
        network.to(plan.device)
        if about.get("made_by") == TRAIN:  # it was trained on clips in palettes of their own, and this is another
            adapt_to_clip(network, _glances(plan, clip, listen), target, kept_share(options.temporal))
        return FeedForwardStylizer(network), {}
    if work.network is None:
        network, losses = _fitted(plan, clip, encoder, target, estimate_flow, is_cut, listen, work)
        work.keep_network(lambda path: save_network(network, path, _about(plan, styles, losses)))
    assert work.network is not None
    if options.network is not None:
        try:
            write_atomically(options.network, work.network.read_bytes())
        except OSError as error:
            raise OutputError(f"{options.network}: the network cannot be written ({error.strerror}); "
                              "choose another place.") from error
    network, about = load_network(work.network)
    losses = {name.removeprefix("loss_"): float(value) for name, value in about.items() if name.startswith("loss_")}
    return FeedForwardStylizer(network.to(plan.device)), losses


def _fitted(plan: Plan, clip: Clip, encoder: Encoder, target: StyleTarget, estimate_flow: FlowEstimator,
            is_cut: CutDetector, listen: Listener, work: Work) -> tuple[PaintNetwork, dict[str, float]]:
    """A network fitted to the clip, from where `work` has kept an unfinished fit, and its last losses."""
    options, pairs = plan.options, _pairs(plan, clip, estimate_flow, is_cut, listen)
    # The reader knows styles by the builtin encoder's eyes, whichever encoder judges the fit.
    seen = target if options.encoder == "builtin" else replace(target, encoder=load_encoder("builtin", plan.device))
    network = initial_network([pair.this for pair in pairs], seen, kept_share(options.temporal), load_start(plan.device))
    losses: dict[str, float] = {}

    def report(step: int, found: dict[str, float], state: Callable[[], dict[str, Tensor]]) -> None:
        losses.update(found)
        work.keep_fit(step, state)
        try:
            listen(Progress("fit", step, options.fit_steps, found["style"]))
        except KeyboardInterrupt:  # whoever listens wants us to stop here
            work.keep_fit(step, state, now=True)
            raise

    settings = FitSettings(options.content_weight, options.style_weight, options.tv_weight,
                           TEMPORAL_FIT * options.temporal, options.fit_steps, options.seed, rate=RATE)
    fit(network, pairs, encoder, target, settings, report, work.fit_state())
    return network, losses


def _optimizer(options: Options, encoder: Encoder, target: StyleTarget, palette: Palette) -> OptimizingStylizer:
    return OptimizingStylizer(encoder, target, palette, options.content_weight, options.style_weight, options.tv_weight,
                              TEMPORAL_OPTIMIZE * options.temporal, options.optimize_steps, options.follow_steps)


def _pairs(plan: Plan, clip: Clip, estimate_flow: FlowEstimator, is_cut: CutDetector, listen: Listener) -> list[Pair]:
    """Pairs of neighbouring frames, spread over the whole clip."""
    pairs, positions = list[Pair](), spread(clip.frames, SAMPLED_PAIRS)
    for run in sample(clip, positions, run=min(2, clip.frames)):
        pairs.append(pair_of(shrunk(run[0], plan), shrunk(run[-1], plan), estimate_flow, is_cut))
        listen(Progress("analyse", len(pairs), len(positions)))
    return pairs


def _glances(plan: Plan, clip: Clip, listen: Listener) -> list[Tensor]:
    """Single frames, spread over the whole clip: its colours."""
    frames, positions = list[Tensor](), spread(clip.frames, SAMPLED_PAIRS)
    for run in sample(clip, positions, run=1):
        frames.append(shrunk(run[0], plan).image)
        listen(Progress("analyse", len(frames), len(positions)))
    return frames


def kept_share(temporal: float) -> float:
    """How much of a visible place stays as painted: KEEP for weight 1, all for an endless one, nothing for 0."""
    return KEEP ** (1 / temporal) if temporal else 0.0


def spread(count: int, most: int) -> list[int]:
    """At most `most` places out of `count`, evenly over all of it, in order; the middle if one."""
    chosen = min(count, most)
    return [(2 * k + 1) * count // (2 * chosen) for k in range(chosen)]


def pair_of(last: Frame, this: Frame, estimate_flow: FlowEstimator, is_cut: CutDetector) -> Pair:
    """What a fit looks at: two neighbouring frames at the painted size. Across a cut, the second stands for both."""
    before, now = this.image if is_cut(last, this) else last.image, this.image
    flow = estimate_flow(before, now)
    bytes_of = [(image * 255).round().to(torch.uint8) for image in (before, now)]
    return Pair(bytes_of[0], bytes_of[1], flow.to_last.half(), trust(before, now, flow).half())


def shrunk(frame: Frame, plan: Plan) -> Frame:
    """The frame at the painted size, on the painting device, and within black and white."""
    width, height = plan.paint_size
    return replace(frame, image=resize(frame.image.to(plan.device).clamp(0, 1), (height, width)))


def _about(plan: Plan, styles: Sequence[Style], losses: dict[str, float]) -> dict[str, str]:
    """What a saved network says about itself."""
    options = plan.options
    return {"clip": plan.source.name, **style_metadata([style.share() for style in styles]),
            "paint_height": str(plan.paint_size[1]), "style_scale": f"{options.style_scale:g}", "seed": str(options.seed),
            "fit_steps": str(options.fit_steps), "encoder": options.encoder, "flow": options.flow,
            "temporal": f"{options.temporal:g}", **{f"loss_{name}": f"{value:.5f}" for name, value in losses.items()}}
