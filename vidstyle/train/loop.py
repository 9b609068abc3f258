"""The training itself: steps, checkpoints, a look at held-out frames now and then, and the network at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle import __version__
from vidstyle.core.atomic import check_target
from vidstyle.core.device import find_device
from vidstyle.core.errors import UsageError
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import TrainOptions
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.painting.feedforward.fit import FitSettings, ramp
from vidstyle.painting.feedforward.method import TEMPORAL
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.objective import pair_losses
from vidstyle.painting.feedforward.start import load_start, softness, wear
from vidstyle.painting.feedforward.style_table import about_styles
from vidstyle.painting.feedforward.stylizer import TRAINED, save_network
from vidstyle.painting.style import Palette, StyleTarget, colours
from vidstyle.painting.style_picture import Style, read_styles
from vidstyle.train.learner import Learner
from vidstyle.train.lessons import Lesson, Lessons, batches, height_of, random_numbers
from vidstyle.train.material import WORK, find, prepare
from vidstyle.train.team import Team, joined
from vidstyle.train.work import Work
from vidstyle.train.yardstick import Quality, Yardstick

FREE = {"device", "workers", "check_every", "save_every"}  # options that do not change what is learnt
AT_ONCE = 20  # steps between two looks at a graphics card's losses: each look waits for it


@dataclass(frozen=True)
class Trained:
    """What a training did."""

    target: Path
    """The network's file."""
    log: Path
    """JSON lines; the sheets lie beside it."""
    quality: Quality
    """At the end, on the frames kept for judging."""
    seconds: float
    """This time; a training may have been stopped and gone on."""


def train_network(styles: Sequence[Path], sources: Sequence[Path], target: Path, options: TrainOptions | None = None, *,
                  overwrite: bool = False, restart: bool = False, listen: Listener = lambda progress: None) -> Trained:
    """Train one network for `styles`, one picture or several, on videos, pictures and folders of them: `sources`.

    It works in a folder beside `target` whose name ends in `.train`, and goes on where it was stopped: with the same
    arguments on a CPU to the very weights of a training that never stopped. Under `torchrun` the processes share
    each step's batch. Raises UsageError, InputError, OutputError or DeviceError, each in one sentence.
    """
    options = options or TrainOptions()
    began = time.monotonic()
    pictures = read_styles([Style(path) for path in styles])
    if len({picture.sha256 for picture in pictures}) < len(pictures):
        raise UsageError("Two styles are the same picture; give each once.")
    check_target(target, styles[0], overwrite)
    videos, stills = find(sources, styles)
    work = Work(target.with_suffix(WORK))
    with joined(find_device(options.device)) as (team, device):
        team.part(options.batch)
        if team.leads:
            learnt_from = [[str(path), path.stat().st_size] for path in [*videos, *stills] if path.exists()]
            kept = {name: value for name, value in asdict(options).items() if name not in FREE}
            work.claim(kept | {"styles": [picture.sha256 for picture in pictures], "material": learnt_from}, restart)
        team.wait()
        start = load_start(device)
        material = prepare(videos, stills, work.material, options, device, team, listen)
        encoder = load_encoder(options.encoder, device)
        targets = [StyleTarget([picture.image.to(device)], [1.0], encoder, options.style_scale) for picture in pictures]
        # The start network's reader knows styles by the builtin encoder's eyes, whichever encoder judges.
        told = [replace(one, encoder=load_encoder("builtin", device)) for one in targets]
        learner = Learner.begin(told, options, start, device)
        lessons = Lessons(material, [colours(picture.image) for picture in pictures], options)
        yardstick = Yardstick(material.held, [picture.name for picture in pictures], [picture.image for picture in pictures], options, device)
        quality = _learn(learner, lessons, targets, encoder, yardstick, work, team, device, listen)
        if team.leads:
            shown, height = material.shown(), max(options.size)
            palette = Palette.stacked([Palette.of(shown, painted) for painted in lessons.styles])
            about = {"made_by": TRAINED, **about_styles(pictures), "vidstyle": __version__, "settings": json.dumps(kept),
                     "data": json.dumps(material.about), "quality": json.dumps(quality)}
            network, rows = learner.finished(palette, height)
            save_network(network, target, about, rows)
            work.finish()
    return Trained(target, work.log, quality, time.monotonic() - began)


def _learn(learner: Learner, lessons: Lessons, styles: Sequence[StyleTarget], encoder: Encoder, yardstick: Yardstick,
           work: Work, team: Team, device: str, listen: Listener) -> Quality:
    """All steps that are left; returns what the yardstick says at the end."""
    options, began = lessons.options, time.monotonic()
    settings = FitSettings(options.content_weight, options.style_weight, options.tv_weight, TEMPORAL * options.temporal,
                           options.steps, options.seed, options.rate)
    parameters = list(learner.parameters())
    steppers = optimizers(parameters, options.rate)
    first, quality = work.resume(learner, steppers, device)
    team.wait()  # until all have read it
    if team.leads:
        work.forget_after(first)
    pending: list[tuple[int, dict[str, Tensor]]] = []
    for step, batch in zip(range(first, options.steps), batches(lessons, first, team, device), strict=True):
        done = step + 1
        losses = _losses(learner, batch, styles, encoder, options, step)
        learner.zero_grad(set_to_none=True)
        total = settings.weighed(losses)
        total.backward()  # type: ignore[no-untyped-call]
        team.share_gradients(parameters)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = options.rate * ramp(step / options.steps)
            stepper.step()
        pending.append((done, {"loss": total.detach(), **{name: value.detach() for name, value in losses.items()}}))
        last = done == options.steps
        checks, saves = done % options.check_every == 0 or last, done % options.save_every == 0 or last
        if checks or saves or device == "cpu" or len(pending) == AT_ONCE:
            for at, found in pending:
                numbers = dict(zip(found, team.mean(torch.stack(list(found.values()))).tolist(), strict=True))
                if team.leads:
                    work.note({"step": at, **numbers, "seconds": round(time.monotonic() - began, 2)})
                    listen(Progress("train", at, options.steps, numbers["loss"]))
            pending.clear()
        if checks and team.leads:
            quality, sheet = yardstick.check(learner, thorough=last)
            work.show(done, sheet)
            work.note({"step": done, "quality": quality})
        if saves and team.leads:
            work.save(done, learner, steppers, quality)
    return quality or {}


def _losses(learner: Learner, batch: Lesson, styles: Sequence[StyleTarget], encoder: Encoder, options: TrainOptions,
            step: int) -> dict[str, Tensor]:
    """The losses of one process's part of a batch. What all parts share is drawn from the step's own random numbers."""
    height = height_of(options, step)
    learner.network.soft = softness(height)
    wear(learner.network, Palette(**{field.name: batch[field.name] for field in fields(Palette)}))
    return pair_losses(learner.network, batch["last"], batch["this"], batch["to_last"], batch["visibility"], encoder,
                       [styles[which] for which in batch["style"].tolist()], height,
                       random_numbers(options.seed, "step", step), changes=learner.changes(batch["style"]))
