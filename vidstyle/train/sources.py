"""The sources of a training: pairs of neighbouring frames of videos, photographs, and frames held out for validation."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.core.progress import Listener, Progress
from vidstyle.core.train_options import TrainOptions
from vidstyle.evaluate.record import GAP
from vidstyle.flow import load_flow
from vidstyle.painting.frame_pair import frame_pair
from vidstyle.painting.palette import sample_colours
from vidstyle.temporal.shots import cut_detector
from vidstyle.train.distributed import ProcessGroup
from vidstyle.video import MOVIE_SUFFIXES, Clip, Source, evenly_spaced, open_source

IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FOLDER_SUFFIX = ".train"  # of the folder of a training; files in such a folder are never sources
RUN = GAP + 1  # frames in a held-out run: as many as the long-term temporal error compares
RUNS = 3  # held-out runs
APART = 12  # frames on either side of a held-out run that are not trained on, because they show nearly the same
COLOURS = 16384  # pixels sampled from a video for its colours
PHOTOS = 64  # photographs sampled for the colours of all of them


@dataclass(frozen=True)
class HeldOutFrames:
    """A run of frames for validation, at the greatest painted height."""

    name: str
    frames: Tensor
    """(T, 3, H, W) uint8; T is 1 where there are only photographs."""
    colours: Tensor
    """(3, n) in [0, 1], of the whole video or photograph that the frames are from."""


@dataclass(frozen=True)
class TrainingSources:
    """All that is trained on and validated on."""

    pairs: tuple[tuple[Path, int], ...]
    """The file with the tensors of each `FramePair`, and the number of its video."""
    video_colours: tuple[Tensor, ...]
    """(3, n) in [0, 1], of each video."""
    photos: tuple[Path, ...]
    held_out: tuple[HeldOutFrames, ...]
    metadata: dict[str, object]
    """Names and counts, for the network's file; `held_out` is False if validation uses training frames."""

    def colours(self) -> Tensor:
        """(3, n) in [0, 1]: colours of all videos and photographs together."""
        sampled = [self.photos[place] for place in evenly_spaced(len(self.photos), PHOTOS)] if self.photos else []
        each = [*self.video_colours, *(sample_colours(read_image(path)) for path in sampled)]
        return torch.cat([colours[:, ::8] for colours in each], 1)


def find_sources(sources: Sequence[Path], styles: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The videos and the photographs among files and in folders; style pictures in the folders are left out.

    Raises InputError for a folder without any, UsageError where there are none at all.
    """
    videos, photos = list[Path](), list[Path]()
    own = {path.resolve() for path in styles}
    for source in sources:
        if not os.path.isdir(source):
            (photos if source.suffix.lower() in IMAGES else videos).append(source)
            continue
        files = [path for path in sorted(source.rglob("*")) if os.path.isfile(path) and path.resolve() not in own
                 and not any(folder.suffix == FOLDER_SUFFIX for folder in path.parents)]
        found = [path for path in files if path.suffix.lower() in IMAGES | MOVIE_SUFFIXES]
        if not found:
            raise InputError(f"{source}: holds no videos and no images; name another folder, or files.")
        photos += [path for path in found if path.suffix.lower() in IMAGES]
        videos += [path for path in found if path.suffix.lower() in MOVIE_SUFFIXES]
    if not videos and not photos:
        raise UsageError("There is nothing to learn from; name videos, images, or folders of them.")
    return videos, photos


def prepare_sources(videos: Sequence[Path], photos: Sequence[Path], folder: Path, options: TrainOptions, device: str,
                    group: ProcessGroup, listen: Listener) -> TrainingSources:
    """Read all sources once; pairs and their motion are written to `folder`, from where a continued training takes them.

    Each process of the group reads its share of the videos. Raises InputError for what cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    opened, height = [open_source(path) for path in videos], max(options.size)
    positions, runs, held_out = choose_frames([source.clip.frames for source in opened], options.pairs)
    files = [[folder / f"{number:04}-{position:07}.safetensors" for position in found]
             for number, found in enumerate(positions)]
    done, total = 0, sum(map(len, positions[group.rank :: group.count]))
    for number in range(group.rank, len(opened), group.count):
        summary = folder / f"{number:04}.safetensors"
        if not os.path.exists(summary):
            colours = []
            found = _pairs(opened[number], positions[number], height, options, device)
            for file, tensors in zip(files[number], found, strict=True):
                write_atomically(file, save(tensors))
                frame = tensors["this"].flatten(1)
                colours.append(frame[:, :: max(1, frame.shape[1] * len(files[number]) // COLOURS)].clone())
                done += 1
                listen(Progress("analyse", done, total))
            write_atomically(summary, save({"colours": torch.cat(colours, 1)}))
    group.barrier()
    video_colours = [load((folder / f"{number:04}.safetensors").read_bytes())["colours"].float() / 255
                     for number in range(len(opened))]
    trained_on = list(photos)
    if opened:
        held = [_held_out_run(opened[number], first, count, height, video_colours[number]) for number, first, count in runs]
    else:
        places = evenly_spaced(len(photos), RUNS)
        held = [_held_out_photo(photos[place], height) for place in places]
        if held_out := len(photos) >= 4 * RUNS:
            trained_on = [path for place, path in enumerate(photos) if place not in places]
    for path in trained_on if group.leads else ():
        read_image(path)  # so that an unreadable photograph is reported before the training
    metadata = {"videos": [{"name": source.clip.path.name, "frames": source.clip.frames, "pairs": len(found)}
                           for source, found in zip(opened, positions, strict=True)],
                "pictures": len(trained_on), "judged_by": [one.name for one in held], "held_out": held_out}
    pairs = tuple((file, number) for number, found in enumerate(files) for file in found)
    return TrainingSources(pairs, tuple(video_colours), tuple(trained_on), tuple(held), metadata)


def choose_frames(counts: Sequence[int], most: int) -> tuple[list[list[int]], list[tuple[int, int, int]], bool]:
    """Choose the pairs to train on and the runs to hold out, from videos of `counts` frames.

    Returns, by video, the first frames of its pairs; (video, first frame, frames) of each held-out run; and whether the pairs
    stay APART frames away from the runs, which is given up where it would cost two thirds of the frames. There are about `most`
    pairs, evenly over all videos, and at least one of each video that is not held out entirely.
    """
    ends, total = list(accumulate(counts)), sum(counts)
    runs = []
    for place in evenly_spaced(total, min(RUNS, max(1, total // 200))) if total else []:
        video = bisect_right(ends, place)
        length = min(RUN, counts[video])
        middle = place - (ends[video] - counts[video])
        runs.append((video, max(0, min(middle - length // 2, counts[video] - length)), length))
    every = [list(range(max(1, count - 1))) for count in counts]
    apart = [[at for at in found if not any(video == number and first - APART - 1 <= at < first + length + APART
                                            for video, first, length in runs)]
             for number, found in enumerate(every)]
    held_out = 3 * sum(map(len, apart)) >= total > 0
    usable = apart if held_out else every
    limits = list(accumulate(map(len, usable)))
    chosen: list[list[int]] = [[] for _ in counts]
    for place in evenly_spaced(limits[-1], most) if total else []:
        video = bisect_right(limits, place)
        chosen[video].append(usable[video][place - (limits[video] - len(usable[video]))])
    chosen = [found or others[len(others) // 2 :][:1] for found, others in zip(chosen, usable, strict=True)]
    return chosen, runs, held_out


def _pairs(source: Source, positions: Sequence[int], height: int, options: TrainOptions,
           device: str) -> Iterator[dict[str, Tensor]]:
    """The tensors of the `FramePair` that begins at each of these frames."""
    estimate_flow, is_cut = load_flow(options.flow, device), cut_detector()
    for frames in source.sample(positions, run=min(2, source.clip.frames)):
        last, this = (_at_height(frame, source.clip, height, device) for frame in (frames[0], frames[-1]))
        pair = asdict(frame_pair(last, this, estimate_flow, is_cut))
        yield {name: tensor.cpu().contiguous() for name, tensor in pair.items()}


def _held_out_run(source: Source, first: int, count: int, height: int, colours: Tensor) -> HeldOutFrames:
    frames = [_at_height(frame, source.clip, height, "cpu").image for frame in source.decode(first, first + count - 1)]
    return HeldOutFrames(f"{source.clip.path.name} {first}-{first + count - 1}", _as_bytes(torch.stack(frames)), colours)


def _held_out_photo(path: Path, height: int) -> HeldOutFrames:
    photo = read_image(path)
    size = (height, max(16, round(photo.shape[-1] * height / photo.shape[-2])))
    return HeldOutFrames(path.name, _as_bytes(resize(photo, size)[None]), sample_colours(photo))


def _at_height(frame: Frame, clip: Clip, height: int, device: str) -> Frame:
    """The frame in square pixels on `device`, scaled down to `height` pixels where it is higher."""
    width, tall = float(clip.width * clip.sample_aspect_ratio), float(clip.height)
    factor = min(1.0, height / tall)
    size = (max(16, round(tall * factor)), max(16, round(width * factor)))
    return replace(frame, image=resize(frame.image.to(device), size))


def _as_bytes(images: Tensor) -> Tensor:
    return (images * 255).round().to(torch.uint8)
