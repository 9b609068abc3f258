"""The training samples; each depends on the seed and its number alone, not on the process that makes it."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import cv2
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from vidstyle.core.errors import OutputError
from vidstyle.core.files import named_in_utf8
from vidstyle.core.images import read_image, resize, size_at_height
from vidstyle.core.train_options import TrainOptions
from vidstyle.painting.feedforward.synthetic_motion import moved_pair, random_crop, random_motion
from vidstyle.painting.palette import Palette
from vidstyle.train.distributed import ProcessGroup
from vidstyle.train.sources import TrainingSources

TrainingSample = dict[str, Tensor]
"""`last`, `this` (3, h, h), `to_last` (2, h, h), `visibility` (1, h, h): a crop of a `FramePair` as float32; `style` (),
the number of the style to paint; and the fields of the `Palette` to paint in. In a batch each tensor is stacked."""


def generator_for(seed: int, purpose: str, number: int) -> torch.Generator:
    """A generator that depends on these arguments alone."""
    digest = hashlib.sha256(f"{seed} {purpose} {number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)


def painted_height(options: TrainOptions, step: int) -> int:
    """The painted height of all samples of a step, in pixels."""
    which = torch.randint(len(options.size), (), generator=generator_for(options.seed, "height", step))
    return options.size[int(which)]


class TrainingDataset(Dataset[TrainingSample]):
    """Sample number `step · batch + place`; every pair and every photograph is equally likely."""

    def __init__(self, sources: TrainingSources, styles: Sequence[Tensor], options: TrainOptions) -> None:
        """styles: the colours (3, n) of each style image, in [0, 1]."""
        self.pairs, self.photos, self.video_colours = sources.pairs, sources.photos, sources.video_colours
        self.styles, self.options = list(styles), options

    def __getitem__(self, number: int) -> TrainingSample:
        """One sample."""
        generator = generator_for(self.options.seed, "lesson", number)  # the word is part of the seed, and so must not change
        height = painted_height(self.options, number // self.options.batch)
        side = min(self.options.crop, height)
        style, item = (int(torch.randint(count, (), generator=generator))
                       for count in (len(self.styles), len(self.pairs) + len(self.photos)))
        sample, colours = (self._from_pair(item, height, side, generator) if item < len(self.pairs)
                           else self._from_photo(item - len(self.pairs), height, side, generator))
        return sample | {"style": torch.tensor(style), **asdict(Palette.between(colours, self.styles[style]))}

    def _from_pair(self, item: int, height: int, side: int, generator: torch.Generator) -> tuple[TrainingSample, Tensor]:
        """A random crop of `side` pixels of a pair painted at `height`, and the colours (3, n) of its video."""
        path, video = self.pairs[item]
        with named_in_utf8(path) as named, safe_open(named, "pt") as file:
            fields = {name: file.get_slice(name) for name in ("last", "this", "to_last", "visibility")}
            tall, wide = fields["this"].get_shape()[-2:]
            window = min(tall, wide, round(side * tall / size_at_height((tall, wide), height, side)[0]))
            top, left = (int(torch.randint(size - window + 1, (), generator=generator)) for size in (tall, wide))
            crop = {name: field[:, top : top + window, left : left + window].float() for name, field in fields.items()}
        frames = resize(torch.stack([crop["last"], crop["this"]]) / 255, (side, side))
        motion = F.interpolate(torch.cat([crop["to_last"], crop["visibility"]])[None], (side, side), mode="bilinear")[0]
        return {"last": frames[0], "this": frames[1], "to_last": motion[:2] * (side / window),
                "visibility": motion[2:]}, self.video_colours[video]

    def _from_photo(self, item: int, height: int, side: int, generator: torch.Generator) -> tuple[TrainingSample, Tensor]:
        """A crop of a photograph under synthetic motion, and the photograph's colours (3, n)."""
        crop, colours = random_crop(read_image(self.photos[item]), height, side, generator)
        to_last = random_motion(side, generator)
        last, this = moved_pair(crop[None], to_last[None])
        return {"last": last[0], "this": this[0], "to_last": to_last, "visibility": torch.ones(1, side, side)}, colours


def batches(dataset: TrainingDataset, first: int, group: ProcessGroup, device: str) -> Iterator[TrainingSample]:
    """This process's part of the batch of each step from `first` to the last, on `device`; other processes read ahead.

    Raises OutputError where shared memory is full.
    """
    options, part = dataset.options, group.part(dataset.options.batch)
    numbers = [[step * options.batch + place for place in part] for step in range(first, options.steps)]
    workers = options.workers
    if workers is None:
        workers = min(8, max(1, len(os.sched_getaffinity(0)) // group.count - 1)) if hasattr(os, "sched_getaffinity") else 1
    # Spawned, because forking a process that has threads and a CUDA context is not safe.
    context = multiprocessing.get_context("spawn") if workers else None
    loader = DataLoader(dataset, batch_sampler=numbers, num_workers=workers, multiprocessing_context=context,
                        worker_init_fn=_one_thread, pin_memory=device.startswith("cuda"))
    try:
        for batch in loader:
            # The styles' numbers stay on the CPU, where they index the style targets.
            yield {name: tensor if name == "style" else tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    except RuntimeError as error:
        if not any(words in str(error) for words in ("shared memory", "bus error", "Bus error")):
            raise
        raise OutputError("Shared memory, through which samples are read ahead, is full; free some space in /dev/shm, or give "
                          "--workers 0.") from error


def _one_thread(worker: int) -> None:
    """Limit OpenCV to one thread: there is a worker for every core already."""
    cv2.setNumThreads(0)
