"""The training loop: steps, checkpoints, validation at intervals, and the network file at the end."""

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
from vidstyle.core.devices import deterministic, find_device
from vidstyle.core.errors import UsageError
from vidstyle.core.interfaces import Encoder
from vidstyle.core.progress import Listener, Progress
from vidstyle.core.train_options import TrainOptions
from vidstyle.encoders import load_encoder
from vidstyle.painting.feedforward.fit import FitSettings, rate_factor
from vidstyle.painting.feedforward.method import TEMPORAL
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network_file import TRAINED, save_network
from vidstyle.painting.feedforward.objective import pair_losses
from vidstyle.painting.feedforward.start import load_start, softness
from vidstyle.painting.feedforward.style_table import style_metadata
from vidstyle.painting.palette import Palette, sample_colours
from vidstyle.painting.style import StyleTarget
from vidstyle.painting.style_picture import Style, read_styles
from vidstyle.train.checkpoint import TrainingFolder
from vidstyle.train.dataset import TrainingDataset, TrainingSample, batches, generator_for, painted_height
from vidstyle.train.distributed import ProcessGroup, joined
from vidstyle.train.learner import Learner
from vidstyle.train.sources import FOLDER_SUFFIX, find_sources, prepare_sources
from vidstyle.train.validation import Quality, Validation

FREE = {"device", "workers", "check_every", "save_every"}  # options that do not change the result
LOG_EVERY = 20  # steps between two readings of the losses from a GPU, because each reading waits for it


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    target: Path
    """The network's file."""
    log: Path
    """JSON lines; the sheets are beside it."""
    quality: Quality
    """At the end, on the held-out frames."""
    seconds: float
    """Duration of this call; an earlier call may have done a part of the training."""


def train_network(styles: Sequence[Path], sources: Sequence[Path], target: Path, options: TrainOptions | None = None, *,
                  overwrite: bool = False, restart: bool = False, listen: Listener = lambda progress: None) -> Trained:
    """Train one network for `styles`, one style picture or several, on `sources`: videos, photographs and folders of them.

    Everything but the result is in a folder beside `target` whose name ends in `.train`. A training that was stopped continues
    when this is called with the same arguments, on a CPU to the very weights of a training that never stopped. Under `torchrun`
    the processes share each step's batch. Raises UsageError, InputError, OutputError or DeviceError, each in one sentence.
    """
    options = options or TrainOptions()
    began = time.monotonic()
    known = read_styles([Style(path) for path in styles])
    images = [style.image for style in known]
    if len({style.sha256 for style in known}) < len(known):
        raise UsageError("Two styles are the same picture; give each once.")
    check_target(target, {"a style picture": styles}, overwrite)
    videos, photos = find_sources(sources, styles)
    folder = TrainingFolder(target.with_suffix(FOLDER_SUFFIX))
    device_name = find_device(options.device)
    with deterministic(device_name), joined(device_name) as (group, device):
        group.part(options.batch)
        settings = {name: value for name, value in asdict(options).items() if name not in FREE}
        if group.leads:
            files = [[str(path), path.stat().st_size] for path in [*videos, *photos] if path.exists()]
            folder.claim(settings | {"styles": [style.sha256 for style in known], "material": files}, restart)
        group.barrier()
        start = load_start(device)
        prepared = prepare_sources(videos, photos, folder.pairs, options, device, group, listen)
        encoder = load_encoder(options.encoder, device)
        targets = [StyleTarget([image.to(device)], [1.0], encoder, options.style_scale) for image in images]
        # The style predictor was trained with the builtin encoder's Gram matrices, whichever encoder computes the losses.
        predictor_styles = [replace(one, encoder=load_encoder("builtin", device)) for one in targets]
        learner = Learner.initial(predictor_styles, options, start, device)
        dataset = TrainingDataset(prepared, [sample_colours(image) for image in images], options)
        validation = Validation(prepared.held_out, [style.name for style in known], images, options, device)
        quality = _learn(learner, dataset, targets, encoder, validation, folder, group, device, listen)
        if group.leads:
            colours, height = prepared.colours(), max(options.size)
            palette = Palette.stacked([Palette.between(colours, style) for style in dataset.styles])
            metadata = {"made_by": TRAINED, **style_metadata(known), "vidstyle": __version__, "settings": json.dumps(settings),
                        "data": json.dumps(prepared.metadata), "quality": json.dumps(quality)}
            network, table = learner.result(palette, height)
            save_network(network, target, metadata, table)
            folder.finish()
    return Trained(target, folder.log, quality, time.monotonic() - began)


def _learn(learner: Learner, dataset: TrainingDataset, styles: Sequence[StyleTarget], encoder: Encoder, validation: Validation,
           folder: TrainingFolder, group: ProcessGroup, device: str, listen: Listener) -> Quality:
    """Do all steps that are left; returns the metrics of the last validation."""
    options, began = dataset.options, time.monotonic()
    settings = FitSettings(options.content_weight, options.style_weight, options.tv_weight, TEMPORAL * options.temporal,
                           options.steps, options.seed, options.rate)
    parameters = list(learner.parameters())
    steppers = optimizers(parameters, options.rate)
    first, quality = folder.load_checkpoint(learner, steppers, device)
    group.barrier()  # until all processes have read it
    if group.leads:
        folder.truncate_log(first)
    pending: list[tuple[int, dict[str, Tensor]]] = []
    for step, batch in zip(range(first, options.steps), batches(dataset, first, group, device), strict=True):
        done = step + 1
        losses = _losses(learner, batch, styles, encoder, options, step)
        learner.zero_grad(set_to_none=True)
        total = settings.total(losses)
        total.backward()  # type: ignore[no-untyped-call]
        group.average_gradients(parameters)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = options.rate * rate_factor(step / options.steps)
            stepper.step()
        pending.append((done, {"loss": total.detach(), **{name: value.detach() for name, value in losses.items()}}))
        last = done == options.steps
        validates, saves = done % options.check_every == 0 or last, done % options.save_every == 0 or last
        if validates or saves or device == "cpu" or len(pending) == LOG_EVERY:
            for at, found in pending:
                means = dict(zip(found, group.mean(torch.stack(list(found.values()))).tolist(), strict=True))
                if group.leads:
                    folder.append_log({"step": at, **means, "seconds": round(time.monotonic() - began, 2)})
                    listen(Progress("train", at, options.steps, means["loss"]))
            pending.clear()
        if validates and group.leads:
            quality, sheet = validation.measure(learner, all_runs=last)
            folder.write_sheet(done, sheet)
            folder.append_log({"step": done, "quality": quality})
        if saves and group.leads:
            folder.save_checkpoint(done, learner, steppers, quality)
    return quality or {}


def _losses(learner: Learner, batch: TrainingSample, styles: Sequence[StyleTarget], encoder: Encoder, options: TrainOptions,
            step: int) -> dict[str, Tensor]:
    """The losses of one process's part of a batch; all processes draw the step's canvas and crop alike."""
    height = painted_height(options, step)
    learner.network.soft = softness(height)
    learner.network.set_palette(Palette(**{field.name: batch[field.name] for field in fields(Palette)}))
    return pair_losses(learner.network, batch["last"], batch["this"], batch["to_last"], batch["visibility"], encoder,
                       [styles[which] for which in batch["style"].tolist()], height,
                       generator_for(options.seed, "step", step), changes=learner.changes(batch["style"]))
