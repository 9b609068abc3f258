"""What a network learns from: pairs of neighbouring frames of videos, and photographs; and what it is judged by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.core.options import TrainOptions
from vidstyle.core.progress import Listener, Progress
from vidstyle.evaluate.record import GAP
from vidstyle.flow import load_flow
from vidstyle.painting.frame_pair import frame_pair
from vidstyle.painting.style import colours
from vidstyle.temporal.shots import cut_detector
from vidstyle.train.team import Team
from vidstyle.video import Clip, Source, evenly_spaced, open_source

PICTURES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
VIDEOS = {".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ts", ".webm", ".wmv"}
WORK = ".train"  # what the folder that a training works in ends with; nothing in one is material
RUN = GAP + 1  # frames that are judged together: as many as the long-term error needs
RUNS = 3
APART = 12  # frames on either side of a held-out run that nothing is learnt from: they show nearly the same
COLOURS = 16384  # pixels that stand for a video's colours
SOME = 64  # photographs that stand for the colours of all


@dataclass(frozen=True)
class Held:
    """Frames to judge by, at the greatest painted height."""

    name: str
    frames: Tensor
    """(T, 3, H, W) uint8; one where there are only photographs."""
    colours: Tensor
    """(3, any number) in [0, 1], of the video or the photograph that they are from."""


@dataclass(frozen=True)
class Material:
    """All that is learnt from and judged by; every pair and every photograph is as likely as any other."""

    pairs: tuple[tuple[Path, int], ...]
    """A file with the tensors of a `Pair`, and the number of its video."""
    videos: tuple[Tensor, ...]
    """(3, any number) in [0, 1]: colours of each video."""
    stills: tuple[Path, ...]
    held: tuple[Held, ...]
    held_out: bool
    """Whether nothing is learnt from what is judged by; there may be too little for that."""
    about: dict[str, object]
    """Names and counts."""

    def shown(self) -> Tensor:
        """(3, any number) in [0, 1]: colours of everything together."""
        some = [self.stills[place] for place in evenly_spaced(len(self.stills), SOME)] if self.stills else []
        each = [*self.videos, *(colours(read_image(path)) for path in some)]
        return torch.cat([shown[:, ::8] for shown in each], 1)


def find(sources: Sequence[Path], styles: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Videos and pictures among files and in folders, without the style pictures. Raises InputError where there are none."""
    videos, stills = list[Path](), list[Path]()
    own = {path.resolve() for path in styles}
    for source in sources:
        if not source.is_dir():
            (stills if source.suffix.lower() in PICTURES else videos).append(source)
            continue
        files = [path for path in sorted(source.rglob("*")) if path.is_file() and path.resolve() not in own
                 and not any(folder.suffix == WORK for folder in path.parents)]
        found = [path for path in files if path.suffix.lower() in PICTURES | VIDEOS]
        if not found:
            raise InputError(f"{source}: holds no videos and no pictures; name another folder, or files.")
        stills += [path for path in found if path.suffix.lower() in PICTURES]
        videos += [path for path in found if path.suffix.lower() in VIDEOS]
    if not videos and not stills:
        raise UsageError("There is nothing to learn from; name videos, pictures, or folders of them.")
    return videos, stills


def prepare(videos: Sequence[Path], stills: Sequence[Path], folder: Path, options: TrainOptions, device: str, team: Team,
            listen: Listener) -> Material:
    """Read everything once: pairs and their motion go to files in `folder`, where they are found again another time.

    Each process of the team takes its share of the videos. Raises InputError for what cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources, height = [open_source(path) for path in videos], max(options.size)
    clips = [source.clip for source in sources]
    positions, runs, held_out = divide([clip.frames for clip in clips], options.pairs)
    files = [[folder / f"{number:04}-{position:07}.safetensors" for position in found]
             for number, found in enumerate(positions)]
    done, total = 0, sum(map(len, positions[team.rank :: team.count]))
    for number in range(team.rank, len(clips), team.count):
        summary = folder / f"{number:04}.safetensors"
        if not summary.exists():
            seen = []
            found = _pairs(sources[number], positions[number], height, options, device)
            for file, tensors in zip(files[number], found, strict=True):
                write_atomically(file, save(tensors))
                frame = tensors["this"].flatten(1)
                seen.append(frame[:, :: max(1, frame.shape[1] * len(files[number]) // COLOURS)].clone())
                done += 1
                listen(Progress("analyse", done, total))
            write_atomically(summary, save({"colours": torch.cat(seen, 1)}))
    team.wait()
    shown = [load_file(folder / f"{number:04}.safetensors")["colours"].float() / 255 for number in range(len(clips))]
    learnt = list(stills)
    if clips:
        held = [_run(sources[number], first, count, height, shown[number]) for number, first, count in runs]
    else:
        places = evenly_spaced(len(stills), RUNS)
        held = [_still(stills[place], height) for place in places]
        if held_out := len(stills) >= 4 * RUNS:
            learnt = [path for place, path in enumerate(stills) if place not in places]
    for path in learnt if team.leads else ():
        read_image(path)  # better an error now than in an hour
    about = {"videos": [{"name": clip.path.name, "frames": clip.frames, "pairs": len(found)}
                        for clip, found in zip(clips, positions, strict=True)],
             "pictures": len(learnt), "judged_by": [one.name for one in held], "held_out": held_out}
    pairs = tuple((file, number) for number, found in enumerate(files) for file in found)
    return Material(pairs, tuple(shown), tuple(learnt), tuple(held), held_out, about)


def divide(counts: Sequence[int], most: int) -> tuple[list[list[int]], list[tuple[int, int, int]], bool]:
    """Which frames of videos of so many frames begin a pair, by video; (video, first frame, frames) of each run to judge by.

    About `most` pairs, evenly over everything, and one at least of each video that is not all kept. Third: whether no pair
    comes near a run; that is given up where two thirds of the frames would be lost.
    """
    ends, total = list(accumulate(counts)), sum(counts)
    runs = []
    for place in evenly_spaced(total, min(RUNS, max(1, total // 200))) if total else []:
        video = bisect_right(ends, place)
        length = min(RUN, counts[video])
        middle = place - (ends[video] - counts[video])
        runs.append((video, max(0, min(middle - length // 2, counts[video] - length)), length))
    all_of_them = [list(range(max(1, count - 1))) for count in counts]
    free = [[at for at in found if not any(video == number and first - APART - 1 <= at < first + length + APART
                                           for video, first, length in runs)]
            for number, found in enumerate(all_of_them)]
    held_out = 3 * sum(map(len, free)) >= total > 0
    usable = free if held_out else all_of_them
    limits = list(accumulate(map(len, usable)))
    chosen: list[list[int]] = [[] for _ in counts]
    for place in evenly_spaced(limits[-1], most) if total else []:
        video = bisect_right(limits, place)
        chosen[video].append(usable[video][place - (limits[video] - len(usable[video]))])
    chosen = [found or others[len(others) // 2 :][:1] for found, others in zip(chosen, usable, strict=True)]
    return chosen, runs, held_out


def _pairs(source: Source, positions: Sequence[int], height: int, options: TrainOptions,
           device: str) -> Iterator[dict[str, Tensor]]:
    estimate_flow, is_cut = load_flow(options.flow, device), cut_detector()
    for frames in source.sample(positions, run=min(2, source.clip.frames)):
        last, this = (_painted(frame, source.clip, height, device) for frame in (frames[0], frames[-1]))
        pair = asdict(frame_pair(last, this, estimate_flow, is_cut))
        yield {name: tensor.cpu().contiguous() for name, tensor in pair.items()}


def _run(source: Source, first: int, count: int, height: int, shown: Tensor) -> Held:
    clip = source.clip
    frames = [_painted(frame, clip, height, "cpu").image for frame in source.decode(first, first + count - 1)]
    return Held(f"{clip.path.name} {first}-{first + count - 1}", _bytes(torch.stack(frames)), shown)


def _still(path: Path, height: int) -> Held:
    photo = read_image(path)
    size = (height, max(16, round(photo.shape[-1] * height / photo.shape[-2])))
    return Held(path.name, _bytes(resize(photo, size)[None]), colours(photo))


def _painted(frame: Frame, clip: Clip, height: int, device: str) -> Frame:
    """The frame in square pixels, at most `height` high."""
    width, tall = float(clip.width * clip.sample_aspect_ratio), float(clip.height)
    factor = min(1.0, height / tall)
    size = (max(16, round(tall * factor)), max(16, round(width * factor)))
    return replace(frame, image=resize(frame.image.to(device), size))


def _bytes(pictures: Tensor) -> Tensor:
    return (pictures * 255).round().to(torch.uint8)
