"""What is looked at in each step: a function of the seed and the step's number alone, whoever reads it and when."""

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
from vidstyle.core.images import read_image
from vidstyle.core.options import TrainOptions
from vidstyle.painting.feedforward.synthetic_motion import crop_of, made_up_motion, moved, size_for
from vidstyle.painting.style import Palette, resized
from vidstyle.train.material import Material
from vidstyle.train.team import Team

Lesson = dict[str, Tensor]
"""`last`, `this` (3, h, h), `to_last` (2, h, h), `visibility` (1, h, h): a crop of a `Pair` as float32; `style`, the number of
the style to paint it in; and the fields of the `Palette` to paint it with. A batch of them is stacked."""


def random_numbers(seed: int, what: str, number: int) -> torch.Generator:
    """The random numbers for one thing: the same ones whatever was drawn before."""
    digest = hashlib.sha256(f"{seed} {what} {number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)


def height_of(options: TrainOptions, step: int) -> int:
    """How high, in pixels, everything is painted in this step."""
    which = torch.randint(len(options.size), (), generator=random_numbers(options.seed, "height", step))
    return options.size[int(which)]


class Lessons(Dataset[Lesson]):
    """Lesson `step · batch + place`; any process can make any of them, in any order."""

    def __init__(self, material: Material, styles: Sequence[Tensor], options: TrainOptions) -> None:
        """styles: the colours of each, (3, any number) in [0, 1]."""
        self.pairs, self.stills, self.videos = material.pairs, material.stills, material.videos
        self.styles, self.options = list(styles), options

    def __getitem__(self, number: int) -> Lesson:
        """One lesson."""
        generator = random_numbers(self.options.seed, "lesson", number)
        height = height_of(self.options, number // self.options.batch)
        side = min(self.options.crop, height)
        style, item = (int(torch.randint(count, (), generator=generator))
                       for count in (len(self.styles), len(self.pairs) + len(self.stills)))
        lesson, shown = (self._of_pair(item, height, side, generator) if item < len(self.pairs)
                         else self._of_still(item - len(self.pairs), height, side, generator))
        return lesson | {"style": torch.tensor(style), **asdict(Palette.of(shown, self.styles[style]))}

    def _of_pair(self, item: int, height: int, side: int, generator: torch.Generator) -> tuple[Lesson, Tensor]:
        path, video = self.pairs[item]
        with safe_open(path, "pt") as file:
            fields = {name: file.get_slice(name) for name in ("last", "this", "to_last", "visibility")}
            tall, wide = fields["this"].get_shape()[-2:]
            window = min(tall, wide, round(side * tall / size_for((tall, wide), height, side)[0]))
            top, left = (int(torch.randint(size - window + 1, (), generator=generator)) for size in (tall, wide))
            cut = {name: field[:, top : top + window, left : left + window].float() for name, field in fields.items()}
        pictures = resized(torch.stack([cut["last"], cut["this"]]) / 255, (side, side))
        motion = F.interpolate(torch.cat([cut["to_last"], cut["visibility"]])[None], (side, side), mode="bilinear")[0]
        return {"last": pictures[0], "this": pictures[1], "to_last": motion[:2] * (side / window),
                "visibility": motion[2:]}, self.videos[video]

    def _of_still(self, item: int, height: int, side: int, generator: torch.Generator) -> tuple[Lesson, Tensor]:
        crop, shown = crop_of(read_image(self.stills[item]), height, side, generator)
        to_last = made_up_motion(side, generator)
        last, this = moved(crop[None], to_last[None])
        return {"last": last[0], "this": this[0], "to_last": to_last, "visibility": torch.ones(1, side, side)}, shown


def batches(lessons: Lessons, first: int, team: Team, device: str) -> Iterator[Lesson]:
    """This process's part of the batch of each step from `first` to the last, on `device`; read ahead by other processes."""
    options, part = lessons.options, team.part(lessons.options.batch)
    numbers = [[step * options.batch + place for place in part] for step in range(first, options.steps)]
    workers = options.workers
    if workers is None:
        workers = min(8, max(1, len(os.sched_getaffinity(0)) // team.count - 1)) if hasattr(os, "sched_getaffinity") else 1
    # Spawned, because forking a process that has threads and a graphics card is not safe.
    context = multiprocessing.get_context("spawn") if workers else None
    loader = DataLoader(lessons, batch_sampler=numbers, num_workers=workers, multiprocessing_context=context,
                        worker_init_fn=_one_thread, pin_memory=device.startswith("cuda"))
    try:
        for batch in loader:
            # The styles' numbers are wanted here, to look up Gram matrices.
            yield {name: tensor if name == "style" else tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    except RuntimeError as error:
        if not any(words in str(error) for words in ("shared memory", "bus error", "Bus error")):
            raise
        raise OutputError("Shared memory, through which lessons are read ahead, is full; free some space in /dev/shm, or give "
                          "--workers 0.") from error


def _one_thread(worker: int) -> None:
    """There is a worker for every core already; OpenCV would start as many threads in each."""
    cv2.setNumThreads(0)
