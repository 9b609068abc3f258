"""Before a long run: what it will paint, how long it takes, how much memory and disk it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from vidstyle.core.choices import HELD
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.flow.refine import refine
from vidstyle.painting.methods import find_method
from vidstyle.run.curves import key_frames_of
from vidstyle.run.cuts import Range, find_shots
from vidstyle.run.estimate_sample import Sample, measure
from vidstyle.run.plan import Plan
from vidstyle.run.sampling import at_paint_size
from vidstyle.temporal.boil import since_drawing
from vidstyle.temporal.intervals import LONGEST, LONGEST_GIVEN, SHORTEST, are_large, find_intervals, shot_at
from vidstyle.temporal.multipass import BLOCK, OVERLAP
from vidstyle.video import evenly_spaced
from vidstyle.video.write.segment import LENGTH

PLACES = 4
"""Places in the clip at which the distance to the next key frame is measured."""
WAITING_BYTES = 6
"""Bytes a pixel of a frame of a window that is painted in several passes: its image and its painting."""
IN_BETWEEN_BYTES = 22
"""Bytes a pixel of a frame that waits for the key frame ahead: see `temporal.intervals.InBetween` and `Packed`."""


@dataclass(frozen=True)
class Estimate:
    """What a run will do and need. Times in seconds, sizes in bytes."""

    shots: tuple[Range, ...]
    """Indices of the first and last frame of each shot that is written."""
    preroll: int
    """Frames that are painted before the first one written, and discarded."""
    key_frames: int | None
    """Key frames that the program is expected to paint, beside those of an artist; None where every frame is painted."""
    seconds: float
    parts: dict[str, float]
    """What `seconds` is made of: `start`, `prepare`, `paint`, `compare`."""
    memory: int | None
    """Largest resident set of the process; None where the system does not say."""
    output_bytes: int
    """Size of the output, and of the review movie."""
    disk_bytes: int
    """Largest size of all files that the run writes, while it paints."""
    drawings: int | None = None
    """Frames whose strokes are drawn anew; None without a boil."""

    def as_dict(self) -> dict[str, Any]:
        """The estimate in types that JSON has."""
        return asdict(self)


Samples = dict[object, Sample]
"""What was measured, by everything that the cost of a frame depends on; runs that are alike share a sample."""


def estimate(plan: Plan, *, start: float = 0.0, samples: Samples | None = None,
             listen: Listener = lambda progress: None) -> Estimate:
    """Estimate the run of `plan` by painting a few of its frames; every frame is read once, to find the cuts.

    start: seconds in which the program starts and plans. samples: filled and used by calls for several runs. Times hold for a
    machine that is otherwise as busy as now. Writes in a temporary folder only. Raises what a run would raise.
    """
    begin, (first, last) = plan.start.frame, plan.frames
    painted = find_shots(plan.source, begin, last, plan.paint_size, listen)
    shots = tuple((max(first, a), b) for a, b in painted if b >= first)
    longest = max(painted, key=lambda shot: shot[1] - shot[0])
    samples, key = {} if samples is None else samples, _alike(plan)
    if key not in samples:
        samples[key] = measure(plan, longest, listen)
    sample = samples[key]
    frames = last - begin + 1
    keys, interval = None, 1
    if sample.by_key_frames:
        distance, interval = _distance(plan, painted, sample, listen)
        keys = _key_frames(plan, painted, sample.every, distance)
    paintings = frames if keys is None else keys
    firsts = min(len(painted), paintings) if _times(plan) == 1 else paintings
    held = HELD[plan.options.boil] if sample.redraw else 0
    given = {key for shot in plan.keyed_shots for key in shot.keys}
    drawings = sum(since_drawing(index, held, plan.keyed_shots) == 0 or index == a for a, b in painted
                   for index in range(max(a, first), b + 1) if index not in given) if held else 0
    ahead = 0 if keys is None or last == plan.clip.frames - 1 else interval // 2
    layers = len(plan.layers)
    parts = {
        "start": start,
        "prepare": sample.prepare + sample.fit_step * plan.options.fit_steps * (layers - (plan.all_keyed and keys is not None)),
        "paint": firsts * sample.first + (paintings * _times(plan) - firsts) * sample.follow
                 + (frames + ahead) * sample.scan + frames * sample.rest
                 + drawings * sample.redraw + (plan.count - drawings) * (sample.scan if held else 0),
        "compare": plan.count * sample.compare,
    }  # fmt: skip
    width, height = plan.paint_size
    on_disk = are_large(width, height)  # where the frames of an interval wait
    memory = sample.memory
    if memory is not None:
        memory += 0 if on_disk else max(0, interval - sample.interval) * IN_BETWEEN_BYTES * width * height
        if _times(plan) > 1:
            memory += (BLOCK + OVERLAP) * WAITING_BYTES * width * height
    output = round(plan.count * sample.frame_bytes)
    # Until a movie is finished, its coded segments lie both in the output and in the work folder; two paintings are saved.
    work = (output + min(LENGTH, plan.count) * sample.work_bytes if sample.work_bytes else 0) + 24 * width * height * layers
    work += interval * IN_BETWEEN_BYTES * width * height if on_disk and keys is not None else 0
    compare = round(plan.count * sample.compare_bytes)
    return Estimate(shots, first - begin, keys, sum(parts.values()), parts, memory, output + compare,
                    round(output + compare + work), drawings if held else None)


def _times(plan: Plan) -> float:
    """How often a frame is painted: in every pass, and in all but the first and the last also with the block before its own."""
    options = plan.options
    if not options.temporal or "passes" not in find_method(options.method).uses(options):
        return 1
    return options.passes + (options.passes - 2) * OVERLAP / BLOCK


def _key_frames(plan: Plan, shots: Sequence[Range], every: int | None, distance: float) -> int:
    """Key frames that are painted: the first and the last frame of each shot, those that curves call for, and those between.

    every: frames from one key frame to the next; None: chosen by the motion, and `distance` is the mean. Those that an artist
    has painted are not counted.
    """
    always, found = key_frames_of(plan.options, plan.styles, plan.clip), 0
    for a, b in shots:
        keyed = shot_at(a, plan.keyed_shots)
        given = () if keyed is None else keyed.keys
        stops = sorted({a, b, *(index for index in (*always, *given) if a <= index <= b)})
        if keyed is not None and keyed.first == a and keyed.opens(every):
            stops.remove(a)
        found += sum(index not in given for index in stops)
        for one, other in pairwise(stops):
            if other not in given:
                found += math.ceil((other - one) / distance) - 1
            elif every is None:
                found += math.ceil((other - one) / LONGEST_GIVEN) - 1
            else:  # the last ones before a painted key frame are left out
                found += max(0, other - one - min(SHORTEST, every)) // every
    return found


def _distance(plan: Plan, shots: Sequence[Range], sample: Sample, listen: Listener) -> tuple[float, int]:
    """Mean and largest number of frames from one key frame to the next, measured at a few places."""
    if sample.every is not None:
        return sample.every, sample.every
    places = [index for first, last in shots for index in range(first, last)]
    if not places:
        return 1, 1
    found = []
    flow, chosen = load_flow(plan.options.flow, plan.device), evenly_spaced(len(places), PLACES)
    for done, place in enumerate(chosen, 1):
        begin = places[place]
        end = next(last for first, last in shots if first <= begin <= last)
        frames = plan.source.decode(begin, min(end, begin + LONGEST))
        intervals = find_intervals(frames, flow, lambda last, this: False, None, lambda frame: at_paint_size(frame, plan),
                                   refine_flow=refine)
        next(intervals)  # the frame at which it begins
        following = next(intervals).frame.index
        if following < end or len(chosen) == 1:
            found.append(following - begin)
        listen(Progress("motion", done, len(chosen)))
    # Where every place was too close to the end of its shot, each shot has two key frames, its first and its last one.
    return (sum(found) / len(found), max(found)) if found else (LONGEST, min(LONGEST, max(b - a for a, b in shots)))


def _alike(plan: Plan) -> object:
    """Everything that the cost of a frame depends on."""
    clip = plan.clip
    return (clip.coding.codec, clip.coding.pix_fmt, clip.width, clip.height, plan.paint_size, plan.output.size,
            plan.output.describe(), tuple(style.sha256 for style in plan.styles), plan.options, plan.device)
