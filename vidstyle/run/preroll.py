"""Where to begin painting for a range, so that its first frame remembers what it remembers in the full run."""

from __future__ import annotations

from dataclasses import replace

from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source

PREROLL = {"feedforward": 24, "optimize": 1}
"""Frames painted and thrown away before a range where `Options.preroll` names no number."""


def find_start(source: Source, first: int, options: Options, size: tuple[int, int], device: str) -> tuple[int, str]:
    """The frame that painting begins with for a range from frame `first` on, and a sentence about it; none for frame 0.

    That is the last cut before the range within the preroll, where there is one: painting owes nothing to what lies
    before a cut, so the range is exactly a slice of the full run. size: width and height painted.
    """
    if first == 0:
        return 0, ""
    if options.temporal == 0:
        return first, "No preroll: every frame is painted on its own (--temporal 0), and so exactly as in the full run."
    most = PREROLL[options.method] if options.preroll is None else options.preroll
    begin = max(0, first - most)
    is_cut, cut = cut_detector(), None
    last = None
    for frame in source.decode(max(0, begin - 1), first):
        small = replace(frame, image=resize(frame.image.to(device).clamp(0, 1), (size[1], size[0])))
        if last is not None and is_cut(last, small):
            cut = frame.index
        last = small
    if cut is not None:
        return cut, f"Preroll from frame {cut}, where a shot begins: the range is painted exactly as in the full run."
    if begin == 0:
        return 0, "Preroll from frame 0, where the clip begins: the range is painted exactly as in the full run."
    return begin, (f"Preroll of {most} frames, from frame {begin}: no shot begins there, so the range may differ a little from "
                   "the full run; a longer --preroll, back to a cut, is exact.")
